/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/last_signal.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static int pin_path(const char *directory, char path[PATH_MAX])
{
	int size = snprintf(path, PATH_MAX, "%s/%s", directory, LAST_SIGNAL_NAME);

	return size < 0 || size >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int last_signal_read(int map_fd, struct last_signal *ret)
{
	struct last_signal last;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(map_fd, &zero, &last) < 0)
		return -errno;
	if (last.number == 0)
		return -ENODATA;
	*ret = last;
	return 0;
}

int last_signal_take(const char *directory, struct last_signal *ret)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX];
	int r = pin_path(directory, path);

	if (r < 0)
		return r;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	(void)unlink(path);
	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return -errno;
	if (info.value_size != sizeof(*ret) || info.key_size != sizeof(__u32))
		return -EINVAL;
	return last_signal_read(fd, ret);
}

int last_signal_pin(const char *directory, int map_fd)
{
	char path[PATH_MAX];
	int r = pin_path(directory, path);

	if (r < 0)
		return r;
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	if (bpf_obj_pin(map_fd, path) < 0)
		return -errno;
	return chmod(path, 0600) < 0 ? -errno : 0;
}

void last_signal_unpin(const char *directory)
{
	char path[PATH_MAX];

	if (pin_path(directory, path) < 0)
		return;
	(void)unlink(path);
	(void)rmdir(directory); /* others may have pins in it */
}

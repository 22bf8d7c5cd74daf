/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/exe_place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "identity/exe_file.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20 /* 5.12 */
#endif

static int open_namespace(struct exe_place *place, const char *proc_root, const char *process)
{
	char path[PATH_MAX];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s/ns/mnt", proc_root, process);
	if (stat(path, &st) < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "%s/%s/root", proc_root, process);
	place->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place->root_fd < 0)
		return -errno;
	place->mnt_ns = (uint32_t)st.st_ino;
	return 0;
}

int exe_place_init(struct exe_place *place, const char *proc_root)
{
	*place = (struct exe_place){.root_fd = -1};
	if (open_namespace(place, proc_root, "1") == 0 || open_namespace(place, "/proc", "self") == 0)
		return 0;
	place->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return place->root_fd < 0 ? -errno : 0;
}

void exe_place_release(struct exe_place *place)
{
	if (place->root_fd >= 0)
		(void)close(place->root_fd);
	place->root_fd = -1;
}

static int open_below(int root_fd, const char *path, uint64_t resolve)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = resolve};

	return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

bool exe_place_is_host(const struct exe_place *place, const char *path, const struct exe_id *exe)
{
	_cleanup_(closep) int fd =
		open_below(place->root_fd, path, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED);

	/* A file that runs is in the caches under its name; one that is not is another. */
	if (fd < 0 && errno == EINVAL)
		fd = open_below(place->root_fd, path, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	return fd >= 0 && exe_file_is_same(fd, exe);
}

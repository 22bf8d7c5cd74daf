/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/exe_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "identity/procfs.h"

/* A device number of the kernel, as abi.h has it. */
#define KERNEL_MAJOR(dev) ((dev) >> 20)
#define KERNEL_MINOR(dev) ((dev)&0xfffff)

/* AT_STATX_DONT_SYNC: what is cached is enough, no server is asked. */
static bool stat_cached(int fd, struct statx *ret)
{
	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, ret) == 0;
}

static bool is_ctime_equal(const struct statx *stx, const struct exe_id *exe)
{
	return stx->stx_ctime.tv_sec == exe->ctime_sec && stx->stx_ctime.tv_nsec == exe->ctime_nsec;
}

static bool is_file_of(const struct statx *stx, const struct exe_id *exe)
{
	if (!S_ISREG(stx->stx_mode))
		return false;
	if (exe->flags & EXE_FLAG_OVERLAY)
		return is_ctime_equal(stx, exe);
	if (stx->stx_ino != exe->file.ino)
		return false;
	if (stx->stx_dev_major == KERNEL_MAJOR(exe->file.dev) && stx->stx_dev_minor == KERNEL_MINOR(exe->file.dev))
		return true;
	/* A btrfs subvolume has a number of its own in stat(2); both are of no block device. */
	return stx->stx_dev_major == 0 && KERNEL_MAJOR(exe->file.dev) == 0 &&
	       !(exe->flags & (EXE_FLAG_TMPFS | EXE_FLAG_MEMFD)) && is_ctime_equal(stx, exe);
}

bool exe_file_is_same(int fd, const struct exe_id *exe)
{
	struct statx stx;

	return stat_cached(fd, &stx) && is_file_of(&stx, exe);
}

bool exe_file_is_unchanged(int fd, const struct exe_id *exe)
{
	struct statx stx;

	return stat_cached(fd, &stx) && is_file_of(&stx, exe) && is_ctime_equal(&stx, exe);
}

int exe_file_open_path(const char *path, const struct exe_id *exe)
{
	_cleanup_(closep) int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return exe_file_is_unchanged(fd, exe) ? TAKE_FD(fd) : -ESTALE;
}

int exe_file_open_process(const struct procfs *procfs, const struct process_id *id, const struct exe_id *exe)
{
	char path[PROCFS_ROOT_MAX + 32];
	_cleanup_(closep) int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/%" PRIu32 "/exe", procfs->root, id->pid); /* fits */
	fd = exe_file_open_path(path, exe);
	if (fd == -ENOENT)
		return -ESRCH;
	if (fd < 0)
		return fd;
	return procfs_is_alive(procfs, id) ? TAKE_FD(fd) : -ESRCH;
}

static bool is_served_by_this_kernel(const char *type)
{
	static const char *const types[] = {"btrfs",   "zfs",      "bcachefs", "ramfs", "tmpfs", "rootfs", "devtmpfs",
					    "overlay", "squashfs", "erofs",    "ext4",  "xfs",   "f2fs",   "ubifs"};
	size_t length = strcspn(type, " \n");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i]) == length && memcmp(types[i], type, length) == 0)
			return true;
	return false;
}

/* 1 served by this kernel, 0 by somebody else, -ENOENT not in that table. proc(5), /proc/PID/mountinfo. */
static int look_up_mount(const struct procfs *procfs, const char *who, uint32_t dev)
{
	char path[PROCFS_ROOT_MAX + 32];
	_cleanup_(fclosep) FILE *file = NULL;
	_cleanup_(freep) char *line = NULL;
	size_t capacity = 0;

	(void)snprintf(path, sizeof(path), "%s/%s/mountinfo", procfs->root, who); /* fits */
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (getline(&line, &capacity, file) > 0) {
		unsigned int major;
		unsigned int minor;
		const char *type = strstr(line, " - ");

		if (type && sscanf(line, "%*d %*d %u:%u", &major, &minor) == 2 && major == KERNEL_MAJOR(dev) &&
		    minor == KERNEL_MINOR(dev))
			return is_served_by_this_kernel(type + 3);
	}
	return -ENOENT;
}

bool exe_file_may_hang(const struct procfs *procfs, uint32_t pid, const struct exe_id *exe)
{
	char who[16];
	int r;

	if (KERNEL_MAJOR(exe->file.dev) != 0 || (exe->flags & (EXE_FLAG_TMPFS | EXE_FLAG_MEMFD | EXE_FLAG_OVERLAY)))
		return false;
	(void)snprintf(who, sizeof(who), "%" PRIu32, pid); /* fits */
	r = look_up_mount(procfs, who, exe->file.dev);
	if (r < 0)
		r = look_up_mount(procfs, "self", exe->file.dev);
	return r != 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/marks.h"

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->is_lost = true)
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <uthash.h>

#include "base/cleanup.h"
#include "enforce/fanotify_abi.h"
#include "enforce/guarded_files.h"

/*
 * Both kinds of reads: FAN_ACCESS_PERM is told of every descriptor, but not of mappings; FAN_PRE_ACCESS of mappings
 * too, but only of descriptors that were opened when the mark was there.
 */
#define EVENTS      (FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM | FAN_ACCESS_PERM)
#define MOUNT_LINES 65536

struct marked_directory {
	struct stat_id id;
	uint64_t round;
	unsigned int how; /* FAN_MARK_INODE or FAN_MARK_FILESYSTEM */
	bool is_lost;     /* uthash had no memory for it */
	UT_hash_handle hh;
	char path[];
};

struct marks {
	int group;
	struct marked_directory *directories;
	uint64_t round;
	struct marks_stats stats;
};

int marks_new(int group, struct marks **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->group = group;
	return 0;
}

void marks_free(struct marks *marks)
{
	struct marked_directory *directory, *next;

	if (!marks)
		return;
	HASH_ITER (hh, marks->directories, directory, next) {
		HASH_DEL(marks->directories, directory);
		free(directory);
	}
	free(marks);
}

static int try(int group, unsigned int flags, uint64_t mask, int fd)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d",
		       fd); /* fits; O_PATH descriptors are taken only this way */
	return fanotify_mark(group, flags, mask, AT_FDCWD, path) < 0 ? -errno : 0;
}

/* Not every kernel has FAN_PRE_ACCESS, and not every filesystem takes it. */
static int change(int group, unsigned int flags, uint64_t mask, int fd)
{
	int r = try(group, flags, mask | FAN_PRE_ACCESS, fd);

	return r == -EOPNOTSUPP || r == -EINVAL ? try(group, flags, mask, fd) : r;
}

int marks_add_file(struct marks *marks, int fd)
{
	int r = change(marks->group, FAN_MARK_ADD | FAN_MARK_INODE, EVENTS, fd);

	marks->stats.failures += r < 0;
	return r;
}

void marks_remove_file(int group, int fd)
{
	(void)change(group, FAN_MARK_REMOVE, EVENTS, fd); /* without a mark -ENOENT: nothing to be removed */
}

/* ---------------------------------------------------------------- a tmpfs as a whole */

static bool is_same_or_below(const char *path, const char *top)
{
	size_t size = strlen(top);

	return strncmp(path, top, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

/* Is all of the filesystem mounted at `path`, and no part of it anywhere outside, as far as we can see? See proc(5). */
static bool is_mounted_only_at(const struct statx *stx, const char *path)
{
	_cleanup_(fclosep) FILE *file = fopen("/proc/self/mountinfo", "re");
	_cleanup_(freep) char *line = NULL;
	size_t capacity = 0, lines = 0;
	bool is_whole = false;

	while (file && getline(&line, &capacity, file) > 0 && ++lines < MOUNT_LINES) {
		char root[256], point[4096];
		unsigned int major, minor;
		uint64_t id;

		if (sscanf(line, "%lu %*u %u:%u %255s %4095s", &id, &major, &minor, root, point) != 5)
			return false;
		if (major != stx->stx_dev_major || minor != stx->stx_dev_minor)
			continue;
		/* A mount point with a space or the like is written otherwise: then it is not below. */
		if (!is_same_or_below(point, path))
			return false;
		is_whole = is_whole || (id == stx->stx_mnt_id && strcmp(root, "/") == 0);
	}
	return is_whole;
}

static bool is_whole_tmpfs(int fd, const char *path)
{
	struct statfs fs;
	struct statx stx;

	return fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC &&
	       statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO | STATX_MNT_ID, &stx) == 0 &&
	       (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) && (stx.stx_mask & STATX_MNT_ID) &&
	       is_mounted_only_at(&stx, path);
}

/* ---------------------------------------------------------------- directories */

static int remember(struct marks *marks, const struct stat_id *id, unsigned int how, const char *path)
{
	size_t size = strlen(path) + 1;
	struct marked_directory *directory = calloc(1, sizeof(*directory) + size);

	if (!directory)
		return -ENOMEM;
	directory->id = *id;
	directory->how = how;
	directory->round = marks->round;
	memcpy(directory->path, path, size);
	HASH_ADD(hh, marks->directories, id, sizeof(directory->id), directory);
	if (directory->is_lost) {
		free(directory);
		return -ENOMEM;
	}
	return 0;
}

static uint64_t events_of(unsigned int how)
{
	return how == FAN_MARK_FILESYSTEM ? EVENTS : EVENTS | FAN_EVENT_ON_CHILD;
}

static int add_directory(struct marks *marks, int fd, const char *path, bool is_tree)
{
	struct marked_directory *directory;
	unsigned int how;
	struct stat_id id;
	int r = stat_id_read(fd, &id);

	if (r < 0)
		return r;
	HASH_FIND(hh, marks->directories, &id, sizeof(id), directory);
	if (directory) {
		directory->round = marks->round;
		return 0;
	}
	how = is_tree && is_whole_tmpfs(fd, path) ? FAN_MARK_FILESYSTEM : FAN_MARK_INODE;
	r = change(marks->group, FAN_MARK_ADD | how, events_of(how), fd);
	return r < 0 ? r : remember(marks, &id, how, path);
}

int marks_add_directory(struct marks *marks, int fd, const char *path, bool is_tree)
{
	int r = add_directory(marks, fd, path, is_tree);

	marks->stats.failures += r < 0;
	return r;
}

static void unmark(const struct marks *marks, const struct marked_directory *directory)
{
	_cleanup_(closep) int fd = open(directory->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat_id id;

	/* Under another path by now: its mark stays, and costs who opens a file in there a question. */
	if (fd < 0 || stat_id_read(fd, &id) < 0 || memcmp(&id, &directory->id, sizeof(id)) != 0)
		return;
	(void)change(marks->group, FAN_MARK_REMOVE | directory->how, events_of(directory->how), fd);
}

void marks_begin(struct marks *marks)
{
	marks->round++;
}

void marks_end(struct marks *marks)
{
	struct marked_directory *directory, *next;

	HASH_ITER (hh, marks->directories, directory, next) {
		if (directory->round == marks->round)
			continue;
		unmark(marks, directory);
		HASH_DEL(marks->directories, directory);
		free(directory);
	}
}

bool marks_has_directories(const struct marks *marks)
{
	return marks->directories != NULL;
}

struct marks_stats marks_stats(const struct marks *marks)
{
	struct marks_stats stats = marks->stats;

	for (const struct marked_directory *directory = marks->directories; directory; directory = directory->hh.next)
		*(directory->how == FAN_MARK_FILESYSTEM ? &stats.wholes : &stats.directories) += 1;
	return stats;
}

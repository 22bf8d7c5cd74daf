/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/process_path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"

#define LINKS_MAX  40 /* as the kernel's */
#define STEPS_MAX  512

#define NFS_MAGIC  0x6969
#define CIFS_MAGIC 0xff534d42U
#define SMB2_MAGIC 0xfe534d42U
#define CEPH_MAGIC 0x00c36400

struct walk {
	uint32_t pid;
	int root_fd;
	int directory_fd;
	unsigned int links, steps;
	char todo[PROCESS_PATH_SIZE];
};

/* A new descriptor; -ESRCH if there is no such thing. */
static int open_base(uint32_t pid, const char *what)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%u/%s", pid, what); /* always fits */
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -ESRCH : fd;
}

static int walk_begin(struct walk *walk, int dirfd, const char *path)
{
	char what[32];

	if (strlen(path) >= sizeof(walk->todo))
		return -ENAMETOOLONG;
	memcpy(walk->todo, path, strlen(path) + 1);
	walk->root_fd = open_base(walk->pid, "root");
	/* A process that is gone most likely had the root that we have. */
	if (walk->root_fd < 0)
		walk->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (walk->root_fd < 0)
		return -errno;
	(void)snprintf(what, sizeof(what), "fd/%d", dirfd); /* always fits */
	if (path[0] == '/')
		walk->directory_fd = fcntl(walk->root_fd, F_DUPFD_CLOEXEC, 0);
	else
		walk->directory_fd = open_base(walk->pid, dirfd == AT_FDCWD ? "cwd" : what);
	return walk->directory_fd < 0 ? -ESRCH : 0;
}

static void walk_release(struct walk *walk)
{
	closep(&walk->root_fd);
	closep(&walk->directory_fd);
}

static void enter(struct walk *walk, int fd)
{
	closep(&walk->directory_fd);
	walk->directory_fd = fd;
}

static bool is_same(int a, int b)
{
	struct stat left, right;

	return fstat(a, &left) == 0 && fstat(b, &right) == 0 && left.st_dev == right.st_dev &&
	       left.st_ino == right.st_ino;
}

static bool is_served_by_others(int fd, bool *ret_is_proc)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return true;
	*ret_is_proc = fs.f_type == PROC_SUPER_MAGIC;
	switch ((unsigned long)fs.f_type & UINT32_MAX) {
	case FUSE_SUPER_MAGIC:
	case AUTOFS_SUPER_MAGIC:
	case NFS_MAGIC:
	case CIFS_MAGIC:
	case SMB2_MAGIC:
	case CEPH_MAGIC:
	case V9FS_MAGIC:
		return true;
	default:
		return false;
	}
}

/* Takes the first component off todo; its size, 0 at the end. */
static size_t take_component(struct walk *walk, char name[256])
{
	const char *start = walk->todo + strspn(walk->todo, "/");
	size_t size = strcspn(start, "/");

	if (size >= 256)
		return 256;
	memcpy(name, start, size);
	name[size] = '\0';
	memmove(walk->todo, start + size, strlen(start + size) + 1);
	return size;
}

/* Puts text in front of todo. */
static int prepend(struct walk *walk, const char *text)
{
	size_t size = strlen(text), old = strlen(walk->todo);

	if (size + 1 + old + 1 > sizeof(walk->todo))
		return -ENAMETOOLONG;
	memmove(walk->todo + size + 1, walk->todo, old + 1);
	memcpy(walk->todo, text, size);
	walk->todo[size] = '/';
	return 0;
}

/* `self` of /proc would be us. */
static int follow(struct walk *walk, int link_fd, const char *name, bool in_proc)
{
	char target[PROCESS_PATH_SIZE];
	ssize_t size;
	int fd, r;

	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	if (in_proc && (strcmp(name, "self") == 0 || strcmp(name, "thread-self") == 0)) {
		(void)snprintf(target, sizeof(target), "%u", walk->pid); /* always fits */
		return prepend(walk, target);
	}
	size = readlinkat(link_fd, "", target, sizeof(target) - 1);
	if (size <= 0)
		return size < 0 ? -errno : -ENOENT;
	target[size] = '\0';
	r = prepend(walk, target);
	if (r < 0 || target[0] != '/')
		return r;
	fd = fcntl(walk->root_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	enter(walk, fd);
	return 0;
}

static int step_up(struct walk *walk)
{
	int fd;

	if (is_same(walk->directory_fd, walk->root_fd))
		return 0;
	fd = openat(walk->directory_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	enter(walk, fd);
	return 0;
}

/* What is left, put into `rest` without empty components. */
static int finish_missing(struct walk *walk, const char *name, char rest[PROCESS_PATH_SIZE])
{
	char component[256];
	size_t at = strlen(name), size;

	memcpy(rest, name, at + 1);
	while ((size = take_component(walk, component)) > 0) {
		if (strcmp(component, ".") == 0)
			continue;
		if (size == 256 || strcmp(component, "..") == 0 || at + 1 + size >= PROCESS_PATH_SIZE)
			return -ENOENT;
		rest[at++] = '/';
		memcpy(rest + at, component, size + 1);
		at += size;
	}
	return 0;
}

/* 1: go on; 0: the end of the walk, *ret filled but for its ancestors; -errno. */
static int step(struct walk *walk, struct process_path *ret)
{
	_cleanup_(closep) int fd = -1;
	char name[256];
	size_t size = take_component(walk, name);
	bool in_proc = false;
	struct stat stat;
	int r;

	if (size == 256 || ++walk->steps > STEPS_MAX)
		return -ENAMETOOLONG;
	if (size == 0) {
		ret->file_fd = TAKE_FD(walk->directory_fd);
		return 0;
	}
	if (strcmp(name, ".") == 0)
		return 1;
	if (strcmp(name, "..") == 0) {
		r = step_up(walk);
		return r < 0 ? r : 1;
	}
	if (!is_served_by_others(walk->directory_fd, &in_proc))
		fd = openat(walk->directory_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat) < 0)
		return finish_missing(walk, name, ret->rest);
	if (S_ISLNK(stat.st_mode)) {
		r = follow(walk, fd, name, in_proc);
		return r < 0 ? r : 1;
	}
	if (S_ISDIR(stat.st_mode)) {
		enter(walk, TAKE_FD(fd));
		return 1;
	}
	if (walk->todo[strspn(walk->todo, "/")] != '\0')
		return -ENOENT;
	ret->file_fd = TAKE_FD(fd);
	return 0;
}

static void open_ancestors(struct process_path *path)
{
	int fd = path->ancestor_fds[0];

	while (path->ancestors_count < PROCESS_PATH_ANCESTORS) {
		int parent = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (parent < 0)
			return;
		if (is_same(fd, parent)) {
			(void)close(parent);
			return;
		}
		fd = path->ancestor_fds[path->ancestors_count++] = parent;
	}
}

static int read_directory_path(struct process_path *path)
{
	char link[64];
	ssize_t size;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", path->ancestor_fds[0]); /* always fits */
	size = readlink(link, path->directory, sizeof(path->directory) - 1);
	if (size <= 0)
		return size < 0 ? -errno : -ENOENT;
	path->directory[size] = '\0';
	return 0;
}

int process_path_open(uint32_t pid, int dirfd, const char *path, struct process_path *ret)
{
	_cleanup_(walk_release) struct walk walk = {.pid = pid, .root_fd = -1, .directory_fd = -1};
	int r;

	ret->file_fd = -1;
	ret->ancestors_count = 0;
	ret->directory[0] = ret->rest[0] = '\0';
	r = walk_begin(&walk, dirfd, path);
	if (r < 0)
		return r;
	do
		r = step(&walk, ret);
	while (r > 0);
	if (r < 0 || ret->file_fd >= 0)
		return r;
	ret->ancestor_fds[ret->ancestors_count++] = TAKE_FD(walk.directory_fd);
	open_ancestors(ret);
	r = read_directory_path(ret);
	if (r < 0)
		process_path_release(ret);
	return r;
}

void process_path_release(struct process_path *path)
{
	closep(&path->file_fd);
	path->file_fd = -1;
	for (size_t i = 0; i < path->ancestors_count; i++)
		closep(&path->ancestor_fds[i]);
	path->ancestors_count = 0;
}

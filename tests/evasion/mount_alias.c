/* SPDX-License-Identifier: Apache-2.0 */
/* Row 4: the secret through another mount. Every mount lives in a namespace of this process and dies with it. */
#include <linux/mount.h>

#include "trick.h"

#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#endif

static void open_twice(const struct trick *trick, int dirfd, const char *path)
{
	trick_open_secret(trick, dirfd, path);
	trick_open_secret(trick, dirfd, path);
	trick_access(getpid(), "open", "openat", 2);
}

static const char *directory_of(const struct trick *trick, char *out)
{
	return trick_path(out, TRICK_PATH, "%.*s", (int)(strrchr(trick->secret, '/') - trick->secret), trick->secret);
}

static const char *name_of(const struct trick *trick)
{
	return strrchr(trick->secret, '/') + 1;
}

static void run_bind_file(const struct trick *trick)
{
	char path[TRICK_PATH];

	trick_private_mounts();
	trick_path(path, sizeof(path), "%s/alias", trick->scratch);
	trick_write_file(path, "", 0600);
	if (mount(trick->secret, path, NULL, MS_BIND, NULL) < 0)
		trick_cannot("bind mount: %s", strerror(errno));
	open_twice(trick, AT_FDCWD, path);
	trick_did("opened a bind mount of the file, twice");
}

static void run_bind_directory(const struct trick *trick)
{
	char directory[TRICK_PATH], path[TRICK_PATH];

	trick_private_mounts();
	if (mount(directory_of(trick, directory), trick->scratch, NULL, MS_BIND, NULL) < 0)
		trick_cannot("bind mount: %s", strerror(errno));
	open_twice(trick, AT_FDCWD, trick_path(path, sizeof(path), "%s/%s", trick->scratch, name_of(trick)));
	trick_did("opened it through a bind mount of its directory, twice");
}

static int clone_tree(const struct trick *trick)
{
	char directory[TRICK_PATH];
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, directory_of(trick, directory),
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0)
		trick_cannot("open_tree: %s", strerror(errno));
	return fd;
}

static void run_open_tree(const struct trick *trick)
{
	trick_private_mounts();
	open_twice(trick, clone_tree(trick), name_of(trick));
	trick_did("opened it below a detached copy of the mount, twice");
}

static void run_move_mount(const struct trick *trick)
{
	char path[TRICK_PATH];

	trick_private_mounts();
	if (syscall(SYS_move_mount, clone_tree(trick), "", AT_FDCWD, trick->scratch, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		trick_cannot("move_mount: %s", strerror(errno));
	open_twice(trick, AT_FDCWD, trick_path(path, sizeof(path), "%s/%s", trick->scratch, name_of(trick)));
	trick_did("opened it through a copy of the mount that was attached elsewhere, twice");
}

/* Its own directory hidden below a tmpfs: the watched path is empty, the file still there through a descriptor. */
static void run_covered(const struct trick *trick)
{
	char directory[TRICK_PATH];
	int fd;

	trick_private_mounts();
	fd = trick_openat(AT_FDCWD, directory_of(trick, directory), O_PATH | O_DIRECTORY);
	if (mount("none", directory, "tmpfs", 0, "size=64k") < 0)
		trick_cannot("tmpfs: %s", strerror(errno));
	open_twice(trick, fd, name_of(trick));
	trick_did("covered its directory by a tmpfs and opened it below, twice");
}

/* A file of the secret's name on a tmpfs that is known to be of no interest, which then is mounted on its directory. */
static void run_known_mount_moved(const struct trick *trick)
{
	char directory[TRICK_PATH], file[TRICK_PATH];

	trick_private_mounts();
	if (mount("none", trick->scratch, "tmpfs", 0, "size=64k") < 0)
		trick_cannot("tmpfs: %s", strerror(errno));
	trick_path(file, sizeof(file), "%s/%s", trick->scratch, name_of(trick));
	trick_write_file(file, "new secret\n", 0600);
	for (int i = 0; i < 20; i++)
		close(trick_openat(AT_FDCWD, file, O_RDONLY));
	if (mount(trick->scratch, directory_of(trick, directory), NULL, MS_MOVE, NULL) < 0)
		trick_fail("moving the mount");
	for (int i = 0; i < 2; i++) {
		int fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);

		trick_try_to_read(fd);
		close(fd);
	}
	trick_did("opened a file on a tmpfs 20 times, moved the mount onto the secret's directory and opened it twice");
	trick_access(getpid(), "open", "openat", 2);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"bind-file", run_bind_file},
		{"bind-directory", run_bind_directory},
		{"open-tree", run_open_tree},
		{"move-mount", run_move_mount},
		{"covered", run_covered},
		{"known-mount-moved", run_known_mount_moved},
		{NULL, NULL},
	};

	return trick_main(argc, argv, variants);
}

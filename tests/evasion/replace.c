/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 23: the name stays, the inode changes.
 *
 * Each variant replaces the secret, opens what is now there twice, at once. data-swap: SECRET is DIR/token, a symbolic
 * link to ..data/token, as the kubelet makes it.
 */
#include "trick.h"

static void read_often(const char *path, int times)
{
	char byte;

	for (int i = 0; i < times; i++) {
		int fd = trick_openat(AT_FDCWD, path, O_RDONLY);

		if (read(fd, &byte, 1) != 1)
			trick_fail("reading '%s'", path);
		close(fd);
	}
}

static void open_now(const char *path, int times)
{
	read_often(path, 1);
	trick_got();
	read_often(path, times - 1);
}

static const char *directory_of(const struct trick *trick, char *out)
{
	return trick_path(out, TRICK_PATH, "%.*s", (int)(strrchr(trick->secret, '/') - trick->secret), trick->secret);
}

static void run_rename_over(const struct trick *trick)
{
	char directory[TRICK_PATH], next[TRICK_PATH];

	trick_path(next, sizeof(next), "%s/.next", directory_of(trick, directory));
	trick_write_file(next, "new secret\n", 0600);
	if (rename(next, trick->secret) < 0)
		trick_fail("rename");
	open_now(trick->secret, 2);
	trick_did("renamed a new file over it and opened that twice");
	trick_access(getpid(), "open", "openat", 2);
}

/* Made elsewhere, so that nothing in the secret's directory was ever opened for writing. */
static void run_rename_from_elsewhere(const struct trick *trick)
{
	char next[TRICK_PATH];

	trick_path(next, sizeof(next), "%s/next", trick->scratch);
	trick_write_file(next, "new secret\n", 0600);
	if (rename(next, trick->secret) < 0)
		trick_fail("rename");
	open_now(trick->secret, 2);
	trick_did("renamed a file from another directory over it and opened that twice");
	trick_access(getpid(), "open", "openat", 2);
}

static void run_recreate(const struct trick *trick)
{
	int fd;

	if (unlink(trick->secret) < 0)
		trick_fail("unlink");
	fd = trick_openat(AT_FDCWD, trick->secret, O_WRONLY | O_CREAT | O_EXCL);
	if (fchmod(fd, 0600) < 0 || write(fd, "new secret\n", 11) != 11)
		trick_fail("writing");
	close(fd);
	open_now(trick->secret, 2);
	trick_did("deleted it, made it again and opened it twice");
	trick_access(getpid(), "open", "openat", 3);
}

static void run_link_over(const struct trick *trick)
{
	char next[TRICK_PATH];

	trick_path(next, sizeof(next), "%s/next", trick->scratch);
	trick_write_file(next, "new secret\n", 0600);
	if (unlink(trick->secret) < 0 || link(next, trick->secret) < 0)
		trick_fail("link");
	open_now(trick->secret, 2);
	trick_did("deleted it, linked another file to its name and opened that twice");
	trick_access_least(getpid(), "open", "openat", 2);
}

static void run_data_swap(const struct trick *trick)
{
	char directory[TRICK_PATH], path[TRICK_PATH];

	if (chdir(directory_of(trick, directory)) < 0 || mkdir("..2", 0755) < 0)
		trick_fail("a new version");
	trick_path(path, sizeof(path), "..2/%s", strrchr(trick->secret, '/') + 1);
	trick_write_file(path, "new secret\n", 0644);
	if (symlink("..2", "..data_tmp") < 0 || rename("..data_tmp", "..data") < 0)
		trick_fail("swapping ..data");
	open_now(trick->secret, 2);
	trick_did("swapped ..data as the kubelet does and opened the new token twice");
	trick_access_least(getpid(), "open", "openat", 2);
}

static void run_new_directory(const struct trick *trick)
{
	char directory[TRICK_PATH];

	directory_of(trick, directory);
	if (mkdir(directory, 0755) < 0)
		trick_fail("mkdir '%s'", directory);
	trick_write_file(trick->secret, "new secret\n", 0600);
	open_now(trick->secret, 2);
	trick_did("made the directory and the secret in it, and opened that twice");
	trick_access_least(getpid(), "open", "openat", 2);
}

/* A whole directory with the secret in it comes into place by one rename. */
static void run_directory_moved_in(const struct trick *trick)
{
	char directory[TRICK_PATH], next[TRICK_PATH], file[TRICK_PATH];

	directory_of(trick, directory);
	trick_path(next, sizeof(next), "%s/next", trick->scratch);
	trick_path(file, sizeof(file), "%.4000s/%s", next, strrchr(trick->secret, '/') + 1);
	if (mkdir(next, 0755) < 0)
		trick_fail("mkdir");
	trick_write_file(file, "new secret\n", 0600);
	if (rename(next, directory) < 0)
		trick_fail("rename '%s'", directory);
	open_now(trick->secret, 2);
	trick_did("moved a directory with the secret into place and opened it twice");
	trick_access_least(getpid(), "open", "openat", 2);
}

/* The same from a place that is known to be of no interest: the file was opened there, time and again. */
#define OPENS_BEFORE 20

static void run_known_directory_moved_in(const struct trick *trick)
{
	char directory[TRICK_PATH], next[TRICK_PATH], file[TRICK_PATH];

	directory_of(trick, directory);
	trick_path(next, sizeof(next), "%s/next", trick->scratch);
	trick_path(file, sizeof(file), "%.4000s/%s", next, strrchr(trick->secret, '/') + 1);
	if (mkdir(next, 0755) < 0)
		trick_fail("mkdir");
	trick_write_file(file, "new secret\n", 0600);
	read_often(file, OPENS_BEFORE); /* no secret yet */
	if (rename(next, directory) < 0)
		trick_fail("rename '%s'", directory);
	open_now(trick->secret, 2);
	trick_did("opened a file %d times, moved its directory into place and opened it twice", OPENS_BEFORE);
	trick_access(getpid(), "open", "openat", 2);
}

/* The directory above its own moves; SECRET is two levels below what is there. */
static void run_known_tree_moved_in(const struct trick *trick)
{
	char above[TRICK_PATH], next[TRICK_PATH], inner[TRICK_PATH], file[TRICK_PATH];
	const char *name = strrchr(trick->secret, '/');
	const char *middle = memrchr(trick->secret, '/', (size_t)(name - trick->secret));

	errno = EINVAL;
	if (!middle)
		trick_fail("no directory above '%s'", trick->secret);
	trick_path(above, sizeof(above), "%.*s", (int)(middle - trick->secret), trick->secret);
	trick_path(next, sizeof(next), "%s/next", trick->scratch);
	trick_path(inner, sizeof(inner), "%.3000s%.*s", next, (int)(name - middle), middle);
	trick_path(file, sizeof(file), "%.3500s%.500s", inner, name);
	if (mkdir(next, 0755) < 0 || mkdir(inner, 0755) < 0)
		trick_fail("mkdir");
	trick_write_file(file, "new secret\n", 0600);
	read_often(file, OPENS_BEFORE); /* no secret yet */
	if (rename(next, above) < 0)
		trick_fail("rename '%s'", above);
	open_now(trick->secret, 2);
	trick_did("opened a file %d times, moved the tree that it is in into place and opened it twice", OPENS_BEFORE);
	trick_access(getpid(), "open", "openat", 2);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"rename-over", run_rename_over},
		{"rename-from-elsewhere", run_rename_from_elsewhere},
		{"recreate", run_recreate},
		{"link-over", run_link_over},
		{"data-swap", run_data_swap},
		{"new-directory", run_new_directory},
		{"directory-moved-in", run_directory_moved_in},
		{"known-directory-moved-in", run_known_directory_moved_in},
		{"known-tree-moved-in", run_known_tree_moved_in},
		{NULL, NULL},
	};

	return trick_main(argc, argv, variants);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Row 5: another root directory, so that the path a process uses has nothing to do with the host's. */
#include "trick.h"

static void open_below_root(const struct trick *trick)
{
	char path[TRICK_PATH];

	trick_path(path, sizeof(path), "/%s", strrchr(trick->secret, '/') + 1);
	trick_open_secret(trick, AT_FDCWD, path);
	trick_open_secret(trick, AT_FDCWD, path);
	trick_access(getpid(), "open", "openat", 2);
}

static void directory_of(const struct trick *trick, char *out)
{
	trick_path(out, TRICK_PATH, "%.*s", (int)(strrchr(trick->secret, '/') - trick->secret), trick->secret);
}

static void run_chroot(const struct trick *trick)
{
	char directory[TRICK_PATH];

	directory_of(trick, directory);
	if (chroot(directory) < 0 || chdir("/") < 0)
		trick_cannot("chroot: %s", strerror(errno));
	open_below_root(trick);
	trick_did("made its directory the root and opened '/%s', twice", strrchr(trick->secret, '/') + 1);
}

static void run_pivot_root(const struct trick *trick)
{
	char directory[TRICK_PATH];

	directory_of(trick, directory);
	trick_private_mounts();
	if (mount(directory, trick->scratch, NULL, MS_BIND, NULL) < 0 || chdir(trick->scratch) < 0)
		trick_cannot("bind mount: %s", strerror(errno));
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		trick_cannot("pivot_root: %s", strerror(errno));
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		trick_fail("leaving the old root");
	open_below_root(trick);
	trick_did("pivoted the root to a mount of its directory, dropped the old root, opened it twice");
}

/* The classic way out: a directory descriptor from before the chroot. */
static void run_escape(const struct trick *trick)
{
	char path[TRICK_PATH];
	int root = trick_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY);

	if (chroot(trick->scratch) < 0 || fchdir(root) < 0)
		trick_cannot("chroot: %s", strerror(errno));
	trick_path(path, sizeof(path), ".%s", trick->secret);
	trick_open_secret(trick, AT_FDCWD, path);
	trick_did("left a chroot by an old directory descriptor and opened it once");
	trick_access(getpid(), "open", "openat", 1);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"chroot", run_chroot}, {"pivot-root", run_pivot_root}, {"escape", run_escape}, {NULL, NULL}};

	return trick_main(argc, argv, variants);
}

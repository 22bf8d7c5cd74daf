/* SPDX-License-Identifier: Apache-2.0 */
/* Row 26: the secret as the lower file of an overlay. One open must be one access, not two. */
#include "trick.h"

static void mount_overlay(const struct trick *trick)
{
	char options[3 * TRICK_PATH], path[TRICK_PATH];

	trick_private_mounts();
	if (mount("none", trick->scratch, "tmpfs", 0, "size=4m") < 0)
		trick_cannot("tmpfs: %s", strerror(errno));
	for (const char *const *name = (const char *const[]){"upper", "work", "merged", NULL}; *name; name++)
		if (mkdir(trick_path(path, sizeof(path), "%s/%s", trick->scratch, *name), 0755) < 0)
			trick_fail("mkdir");
	trick_path(options, sizeof(options), "lowerdir=%.*s,upperdir=%s/upper,workdir=%s/work",
		   (int)(strrchr(trick->secret, '/') - trick->secret), trick->secret, trick->scratch, trick->scratch);
	trick_path(path, sizeof(path), "%s/merged", trick->scratch);
	if (mount("none", path, "overlay", 0, options) < 0)
		trick_cannot("overlay: %s", strerror(errno));
}

/* On an overlay stat(2) shows another inode: the content is the proof. */
static void open_merged(const struct trick *trick, int flags)
{
	char path[TRICK_PATH], byte;
	int fd;

	trick_path(path, sizeof(path), "%s/merged/%s", trick->scratch, strrchr(trick->secret, '/') + 1);
	fd = trick_openat(AT_FDCWD, path, flags);
	if (pread(fd, &byte, 1, 0) != 1)
		trick_fail("reading");
	trick_got();
	close(fd);
}

static void run_lower(const struct trick *trick)
{
	mount_overlay(trick);
	for (int i = 0; i < 3; i++)
		open_merged(trick, O_RDONLY);
	trick_did("opened it three times through an overlay that has it below");
	trick_access(getpid(), "open", "openat", 3);
}

/* Opened for writing, the overlay copies it: the copy is another file, the copying reads the secret. */
static void run_copy_up(const struct trick *trick)
{
	mount_overlay(trick);
	open_merged(trick, O_RDWR);
	trick_did("opened it for writing through an overlay, which copied it");
	trick_access_least(getpid(), "*", "*", 1);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {{"lower", run_lower}, {"copy-up", run_copy_up}, {NULL, NULL}};

	return trick_main(argc, argv, variants);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 3: another name for the same inode.
 *
 * before: EXTRA is a link that was there before the watch began. after, after-descriptor: made now, by name and by
 * descriptor. moved: the secret itself leaves its directory. exchange: it trades places with another file.
 */
#include "trick.h"

static void open_twice(const struct trick *trick, const char *path)
{
	trick_open_secret(trick, AT_FDCWD, path);
	trick_open_secret(trick, AT_FDCWD, path);
	trick_access(getpid(), "open", "openat", 2);
}

static void run_before(const struct trick *trick)
{
	errno = EINVAL;
	if (!trick->extra)
		trick_fail("the link's name is missing");
	open_twice(trick, trick->extra);
	trick_did("opened a hard link that was older than the watch, twice");
}

static void run_after(const struct trick *trick)
{
	char path[TRICK_PATH];

	trick_path(path, sizeof(path), "%s/other", trick->scratch);
	if (link(trick->secret, path) < 0)
		trick_fail("link");
	open_twice(trick, path);
	trick_did("made a hard link and opened it twice");
	trick_access(getpid(), "link", "link", 1);
}

static void run_after_descriptor(const struct trick *trick)
{
	int fd = trick_openat(AT_FDCWD, trick->secret, O_PATH);
	char path[TRICK_PATH];

	trick_path(path, sizeof(path), "%s/other", trick->scratch);
	if (linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH) < 0)
		trick_fail("linkat by descriptor");
	open_twice(trick, path);
	trick_did("made a hard link from a descriptor and opened it twice");
	trick_access(getpid(), "link", "link", 1);
}

static void run_moved(const struct trick *trick)
{
	char path[TRICK_PATH];

	trick_path(path, sizeof(path), "%s/moved", trick->scratch);
	if (rename(trick->secret, path) < 0)
		trick_fail("rename");
	open_twice(trick, path);
	trick_did("moved the secret out of its directory and opened it twice");
}

static void run_exchange(const struct trick *trick)
{
	char path[TRICK_PATH];

	trick_path(path, sizeof(path), "%s/decoy", trick->scratch);
	trick_write_file(path, "nothing\n", 0600);
	if (renameat2(AT_FDCWD, path, AT_FDCWD, trick->secret, RENAME_EXCHANGE) < 0)
		trick_fail("renameat2 with RENAME_EXCHANGE");
	open_twice(trick, path);
	trick_did("let the secret trade places with another file and opened it twice");
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"before", run_before}, {"after", run_after},       {"after-descriptor", run_after_descriptor},
		{"moved", run_moved},   {"exchange", run_exchange}, {NULL, NULL},
	};

	return trick_main(argc, argv, variants);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 16: paths that are long or deep.
 *
 * long-alias: the longest path that open(2) takes. Below a watched tree (SECRET is the tree's root, EXTRA how many
 * directories): existing: EXTRA levels that were there before the watch; created: EXTRA levels made now, a new file at
 * their end. beyond: deeper than any path can say, reached directory by directory.
 */
#include "trick.h"

static void run_long_alias(const struct trick *trick)
{
	char path[4096];
	size_t size = strlen(trick->secret), used = 0;

	while (used + 2 + size < sizeof(path) - 1) {
		path[used++] = '/';
		path[used++] = '.';
	}
	trick_path(path + used, sizeof(path) - used, "%s", trick->secret);
	trick_open_secret(trick, AT_FDCWD, path);
	trick_open_secret(trick, AT_FDCWD, path);
	trick_did("opened it twice by a path of %zu bytes", strlen(path));
	trick_access(getpid(), "open", "openat", 2);
}

static unsigned long levels(const struct trick *trick)
{
	errno = EINVAL;
	if (!trick->extra)
		trick_fail("the depth is missing");
	return strtoul(trick->extra, NULL, 10);
}

/* Goes down into directories called `name`, making those that are not there; ends in the last. */
static void descend(const struct trick *trick, const char *name)
{
	if (chdir(trick->secret) < 0)
		trick_fail("chdir to '%s'", trick->secret);
	for (unsigned long i = 0; i < levels(trick); i++)
		if ((mkdir(name, 0700) < 0 && errno != EEXIST) || chdir(name) < 0)
			trick_fail("level %lu", i);
}

static void open_leaf(void)
{
	char byte;
	int fd = trick_openat(AT_FDCWD, "leaf", O_RDONLY);

	if (read(fd, &byte, 1) != 1)
		trick_fail("reading the leaf");
	trick_got();
	close(fd);
}

static void run_existing(const struct trick *trick)
{
	descend(trick, "d");
	open_leaf();
	open_leaf();
	trick_did("opened a file that was %lu levels below the watched tree, twice", levels(trick));
	trick_access(getpid(), "open", "openat", 2);
}

static void make_leaf(void)
{
	int fd = trick_openat(AT_FDCWD, "leaf", O_WRONLY | O_CREAT);

	if (fchmod(fd, 0600) < 0 || write(fd, "secret\n", 7) != 7)
		trick_fail("writing the leaf");
	close(fd);
}

static void run_created(const struct trick *trick)
{
	descend(trick, "n");
	make_leaf();
	open_leaf();
	open_leaf();
	trick_did("made a file %lu levels below the watched tree and opened it twice", levels(trick));
	trick_access(getpid(), "open", "openat", 3);
}

static void run_beyond(const struct trick *trick)
{
	static char name[251];

	memset(name, 'x', sizeof(name) - 1);
	descend(trick, name);
	make_leaf();
	open_leaf();
	trick_did("made a file below %lu directories with names of %zu bytes and opened it", levels(trick),
		  sizeof(name) - 1);
	trick_access(getpid(), "open", "openat", 2);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"long-alias", run_long_alias},
		{"existing", run_existing},
		{"created", run_created},
		{"beyond", run_beyond},
		{NULL, NULL},
	};

	return trick_main(argc, argv, variants);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* host_fixture.h: a folder that stands for the root of a host, with the files a test puts there. */
#pragma once

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char host_root[PATH_MAX];

static inline const char *host_path(const char *path)
{
	static char on_disk[2 * PATH_MAX];

	(void)snprintf(on_disk, sizeof(on_disk), "%s%s", host_root, path);
	return on_disk;
}

static inline void host_make_folders(const char *path)
{
	char folder[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		(void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
		if (mkdir(host_path(folder), 0755) < 0)
			assert_int_equal(errno, EEXIST);
	}
}

static inline void host_file(const char *path, const char *text)
{
	FILE *file;

	host_make_folders(path);
	file = fopen(host_path(path), "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* `target` as link(2) has it: relative, so that it stays below the root. */
static inline void host_link(const char *path, const char *target)
{
	host_make_folders(path);
	assert_int_equal(symlink(target, host_path(path)), 0);
}

static inline void host_folder(const char *path)
{
	host_make_folders(path);
	assert_int_equal(mkdir(host_path(path), 0755), 0);
}

static inline int host_setup(void **state)
{
	const char *top = getenv("TMPDIR");
	char made[PATH_MAX];

	(void)state;
	(void)snprintf(made, sizeof(made), "%s/host.XXXXXX", top && *top ? top : "/tmp");
	return mkdtemp(made) && realpath(made, host_root) ? 0 : -1;
}

static inline int host_remove(const char *path, const struct stat *info, int kind, struct FTW *at)
{
	(void)info;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline int host_teardown(void **state)
{
	(void)state;
	return nftw(host_root, host_remove, 16, FTW_DEPTH | FTW_PHYS);
}

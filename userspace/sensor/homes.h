/* SPDX-License-Identifier: Apache-2.0 */
/*
 * homes.h: what `~` stands for: the home directories of the users in a passwd(5) file.
 *
 * Each once, sorted. Directories of the system that some entries name because a home had to be written there ("/",
 * "/bin", "/dev", ...) are nobody's home: no user keeps anything in them, and watching below them would cost every
 * open.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define HOMES_MAX 65536

struct homes {
	char **paths; /* owned; normal absolute paths without a slash at the end */
	size_t count;
};

/* 0 or -errno; a file that does not exist gives no homes. Lines that are no entries are skipped. */
int homes_read(const char *passwd_path, struct homes *ret);
void homes_release(struct homes *homes);
bool homes_equal(const struct homes *a, const struct homes *b);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * users.h: names of user ids, from a file in the format of passwd(5).
 *
 * Never asks NSS: a directory server must not be able to stop the loop. Reread when the file changed. Where two lines
 * have one uid the first counts, as for getpwuid(3). Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct users;

int users_new(const char *path, struct users **ret); /* reads it; a file that cannot be read names nobody. -ENOMEM */
void users_free(struct users *users);                /* NULL is fine */
/* NULL when the file does not name it. Borrowed until users_refresh. */
const char *users_name(const struct users *users, uint32_t uid);
/* The file is another one, or changed. */
bool users_is_stale(const struct users *users);
/* Calls `each` for every uid that has a name, with that name. Stops at the first non-zero and returns it. */
int users_each(const struct users *users, int (*each)(void *context, uint32_t uid, const char *name), void *context);
/*
 * Rereads the file if it is another one or changed; a file that is gone or unreadable leaves what was known. True when
 * it was read anew.
 */
bool users_refresh(struct users *users);

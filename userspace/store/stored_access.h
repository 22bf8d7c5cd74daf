/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stored_access.h: a row of the history as the struct access that it was made from.
 *
 * What is not in the database comes back empty or zero: nothing else is made up. A row that no version of this program
 * could have written is an error and not an access.
 */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

struct access;
struct sqlite3_stmt;
struct stored_access;

/* Parameters: ?1 and ?2 the last_real_ns and id to begin behind, ?3 the limit. */
extern const char stored_access_sql[];

struct stored_access *stored_access_new(void); /* NULL: no memory */
void stored_access_free(struct stored_access *stored);
DEFINE_FREEP(struct stored_access, stored_access_free)

/*
 * Reads the row that the statement stands on. *ret_access lives until the next read, step or free. -EBADMSG when the
 * row is not one of ours.
 */
int stored_access_read(struct stored_access *stored, struct sqlite3_stmt *statement, const struct access **ret_access);
int64_t stored_access_id(struct sqlite3_stmt *statement);

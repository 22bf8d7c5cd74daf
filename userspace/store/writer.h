/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer.h: records to table rows.
 *
 * Keeps the prepared statements and a bounded cache from what a row says to its id. Belongs to the thread that has the
 * connection. The caller opens and ends the transaction; after a rollback, and after rows were deleted, the cache must
 * be forgotten.
 */
#pragma once

#include <stddef.h>

struct sqlite3;
struct store_record;
struct store_writer;

/* Borrows the database, which must outlive it. -EBADMSG when the tables are not ours. */
int store_writer_new(struct sqlite3 *database, struct store_writer **ret_writer);
void store_writer_free(struct store_writer *writer);
/* Inserts one row, and the rows it refers to where they are new. 0 or -errno as store_errno(). */
int store_writer_insert(struct store_writer *writer, const struct store_record *record);
void store_writer_forget(struct store_writer *writer);

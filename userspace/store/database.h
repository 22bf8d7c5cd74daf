/* SPDX-License-Identifier: Apache-2.0 */
/*
 * database.h: the SQLite file of the store as a connection: opened, checked, brought up to date, set aside when broken.
 *
 * A connection is used by one thread at a time. The writing connection is in WAL mode with synchronous=NORMAL: a killed
 * process loses nothing that was committed, a power cut loses at most what was committed since the last checkpoint, and
 * neither corrupts (https://www.sqlite.org/wal.html, "Performance Considerations").
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct error;
struct sqlite3;
struct sqlite3_stmt;

/* How long a statement waits for a lock that another process holds, before -EBUSY. */
#define STORE_BUSY_TIMEOUT_MS 2000

/*
 * Opens for writing, creating the file with mode 0600 (an existing one is made 0600) and its tables. Errors, each also
 * in *error: -EBADMSG the file is no database or a damaged one, see store_database_set_aside(); -ENOTSUP it belongs to
 * another program or to a newer version of this one; -EISDIR, -EINVAL it is no regular file; others as
 * store_errno().
 */
int store_database_open(const char *path, struct sqlite3 **ret_database, struct error *error);

/*
 * Opens an existing database for reading only, also one that lies where nothing may be written. -ENOENT when there is
 * none; others as above.
 */
int store_database_open_reader(const char *path, struct sqlite3 **ret_database, struct error *error);

/* NULL is fine. All its statements must have been finalized. */
void store_database_close(struct sqlite3 *database);

/*
 * Renames the file, and its log beside it, to "<path>.corrupt-<Unix time>", so that nothing is lost and a new one can
 * be made; logs a warning with the new name. 0 or -errno.
 */
int store_database_set_aside(const char *path);

/* Whether the open file is no longer the one at its path: somebody removed or replaced it. */
bool store_database_is_moved(struct sqlite3 *database);

/* SQLite result code to negative errno; 0 for SQLITE_OK, SQLITE_ROW and SQLITE_DONE. */
int store_errno(int code);

int store_database_run(struct sqlite3 *database, const char *sql);
/* The first column of the first row of a constant statement; -ENODATA when it has no row. */
int store_database_int(struct sqlite3 *database, const char *sql, int64_t *ret_value);
/* Prepares a statement that will live long. SQL that does not fit the tables is -EBADMSG. */
int store_database_prepare(struct sqlite3 *database, const char *sql, struct sqlite3_stmt **ret_statement);

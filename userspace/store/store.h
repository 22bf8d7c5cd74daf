/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h: the history of accesses, on disk.
 *
 * store_append() copies the access into a bounded queue and returns; a thread of the store's own writes the queue in
 * transactions, each at most commit_interval_ms after its oldest access was appended. So a kill -9 loses at most the
 * last interval. When the disk is full or fails, accesses wait in the queue while there is room, then are refused and
 * counted; the thread tries again, less and less often (up to ten seconds apart), until it can write. A file that turns
 * out to be damaged is set aside under another name and a new one begun.
 *
 * The files are <state_dir>/store.db (mode 0600; schemas/sql/store.sql), its log store.db-wal, and store.lock, which
 * keeps a second daemon out. Reading is reader.h.
 *
 * store_append() and store_get_stats() may be called from any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct access;
struct error;
struct store;

#define STORE_FILE_NAME "store.db"
#define STORE_LOCK_NAME "store.lock"

struct store_config {
	const char *state_dir; /* made with mode 0700 where it is missing; borrowed for store_open() only */
	unsigned int commit_interval_ms;
	unsigned int max_mib;       /* database and log together, at least 8 */
	unsigned int max_age_hours; /* at least 1 */
	size_t queue_max;           /* accesses that wait, at least 1 */
	size_t queue_max_bytes;     /* memory that they take; 0: 16 MiB */
};

struct store_stats {
	uint64_t appended;       /* accepted by store_append() */
	uint64_t written;        /* committed */
	uint64_t refused;        /* queue full, or no memory: lost */
	uint64_t unwritable;     /* a single access that the database would not take, or left over at the end: lost */
	uint64_t expired;        /* deleted by size or age */
	uint64_t commits;        /* that wrote something */
	uint64_t failed_commits; /* tried again since */
	uint64_t set_aside;      /* damaged files */
	size_t queued;           /* waiting now */
	size_t queued_bytes;
	int last_error;  /* of the last failed commit, negative errno; 0 when there was none */
	bool is_failing; /* the last commit failed */
};

/*
 * Errors, each also in *error: -EBUSY another process has the directory; -ENOTSUP the file belongs to another program
 * or a newer version; -EPERM the directory could be written by others; -EINVAL a limit of the config; others of the
 * file system.
 */
int store_open(const struct store_config *config, struct store **ret_store, struct error *error);

/*
 * Writes what is queued, then frees. What a failing disk, or one second, does not allow is lost, counted and logged.
 * NULL is fine.
 */
void store_close(struct store *store);

/* Copies the access. -EBUSY when the queue is full, -ENOMEM: both are counted in `refused`. */
int store_append(struct store *store, const struct access *access);

/* Waits until all that was appended before is committed, or until a commit fails: then its -errno. Not on the loop. */
int store_flush(struct store *store);

void store_get_stats(struct store *store, struct store_stats *ret_stats);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exe_hash.h: SHA-256 of executables, made once per content, off the loop.
 *
 * A content is named by (device, inode, generation, ctime): writing to a file changes its ctime. A file that changed
 * within the clock's grain before it was hashed could be written again under the same ctime, so such a hash is believed
 * only for the very process that still runs the file (which cannot be written then, ETXTBSY; on kernels 6.11 and 6.12
 * it can), and for no other.
 * Failures are kept as well: for good when the file is too large, for a second when it could not be found or read.
 *
 * At most two files are read at a time, so that a file that hangs leaves workers to others. Loop thread only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct exe_hash;
struct procfs;
struct worker_pool;

/* sha256: 64 hex digits, or NULL when it could not be made. Called once, on the loop. */
typedef void (*exe_hash_fn)(void *context, const char *sha256);

struct exe_hash_config {
	uint64_t max_bytes; /* larger files are not hashed */
	size_t entries_max;
};

#define EXE_HASH_ROOTS_MAX 6

struct exe_hash_source {
	struct process_id process;
	const char *path;                   /* as the process saw it; NULL when not known */
	uint32_t roots[EXE_HASH_ROOTS_MAX]; /* pids under whose root directory the path is looked for too */
	size_t roots_count;
};

struct exe_hash_stats {
	uint64_t hashed;
	uint64_t failed;
	uint64_t refused; /* queue full */
	size_t entries;
};

/* `procfs` is copied; `pool` must stay until exe_hash_free or longer. 0, -ENOMEM, -EIO (libsodium). */
int exe_hash_new(struct worker_pool *pool, const struct procfs *procfs, const struct exe_hash_config *config,
		 struct exe_hash **ret);
/*
 * Calls back everybody who waits, with NULL; they must not ask again. Jobs that still run finish without it. NULL is
 * fine.
 */
void exe_hash_free(struct exe_hash *hash);

/* Borrowed until the next call; NULL while unknown. */
const char *exe_hash_find(struct exe_hash *hash, const struct exe_id *exe, const struct process_id *process);
/*
 * 1: settled, exe_hash_find knows it or it cannot be known; fn is not called. 0: fn will be called. -ENOENT: nothing is
 * known or under way, ask exe_hash_start. -EBUSY: too many wait. -ENOMEM.
 */
int exe_hash_wait(struct exe_hash *hash, const struct exe_id *exe, const struct process_id *process, exe_hash_fn fn,
		  void *context);
/* As exe_hash_wait, and starts the work: opens the running executable at once, the rest is done by a worker. */
int exe_hash_start(struct exe_hash *hash, const struct exe_id *exe, const struct exe_hash_source *source,
		   exe_hash_fn fn, void *context);

struct exe_hash_stats exe_hash_stats(const struct exe_hash *hash);

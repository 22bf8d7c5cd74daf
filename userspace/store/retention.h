/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retention.h: keeps the store within its size and age, a little with each commit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite3;
struct store_retention;

struct store_retention_config {
	uint64_t max_bytes;  /* of the database and its log together; at least 4 MiB */
	uint64_t max_age_ns; /* since the last access of a row */
	uint64_t budget_ns;  /* one call stops soon after that long */
};

struct store_retention_result {
	uint64_t deleted; /* rows of accesses */
	bool is_behind;   /* there is more to do: call again soon */
};

/* Borrows the database. -EBADMSG when the tables are not ours. */
int store_retention_new(struct sqlite3 *database, const struct store_retention_config *config,
			struct store_retention **ret_retention);
void store_retention_free(struct store_retention *retention);

/* Deletes what is too old, then the oldest while there is too much. Inside a transaction of the caller. */
int store_retention_apply(struct store_retention *retention, uint64_t now_real_ns,
			  struct store_retention_result *ret_result);

/* Outside a transaction: shortens a log that has grown beyond its share, as far as readers let it. */
int store_retention_trim_log(struct store_retention *retention);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * past.h: every stored access since a moment, oldest first, page by page, beside a daemon that goes on writing.
 *
 * Memory does not grow with the number of rows. What is stored while this runs is not waited for: it ends with the
 * moment that it began at.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "store/reader.h"

struct error;

struct past_range {
	const char *state_dir;
	uint64_t since_real_ns;
	uint64_t until_real_ns;
	unsigned int deadline_ms; /* for the whole of it */
};

/* From `since_s` seconds ago until now. */
struct past_range past_range_of(const char *state_dir, uint64_t since_s, unsigned int deadline_ms);

/*
 * Calls `fn` for each; a non-zero result ends it and is returned. 0, or -errno with *error: -ETIMEDOUT past the
 * deadline, others as store_reader_open() and store_query_accesses().
 */
int past_each(const struct past_range *range, store_access_fn fn, void *context, struct error *error);

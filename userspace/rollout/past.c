/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/past.h"

#include <errno.h>
#include <string.h>

#include "base/access.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"

#define PAGE_ROWS 8192

DEFINE_FREEP(struct store_reader, store_reader_free)

struct past {
	uint64_t until_real_ns;
	store_access_fn fn;
	void *context;
	int result; /* of fn, when it ended it */
};

struct past_range past_range_of(const char *state_dir, uint64_t since_s, unsigned int deadline_ms)
{
	uint64_t now = clock_real_ns();

	return (struct past_range){
		.state_dir = state_dir,
		.since_real_ns = since_s < now / NS_PER_SEC ? now - since_s * NS_PER_SEC : 0,
		.until_real_ns = now,
		.deadline_ms = deadline_ms,
	};
}

static int on_access(void *context, const struct access *access)
{
	struct past *past = context;

	if (access->last_real_ns > past->until_real_ns)
		return -ECANCELED; /* a count of rows is never negative */
	past->result = past->fn(past->context, access);
	return past->result != 0 ? -ECANCELED : 0;
}

int past_each(const struct past_range *range, store_access_fn fn, void *context, struct error *error)
{
	_cleanup_(store_reader_freep) struct store_reader *reader = NULL;
	struct store_cursor cursor = {.last_real_ns = range->since_real_ns};
	struct past past = {.until_real_ns = range->until_real_ns, .fn = fn, .context = context};
	uint64_t end_ns = clock_boot_ns() + range->deadline_ms * NS_PER_MS;
	int r = store_reader_open(range->state_dir, range->deadline_ms, &reader, error);

	if (r < 0)
		return r;
	do {
		r = store_query_accesses(reader, &cursor, PAGE_ROWS, on_access, &past);
		if (r == PAGE_ROWS && clock_boot_ns() >= end_ns)
			r = -ETIMEDOUT;
	} while (r == PAGE_ROWS);
	if (r == -ECANCELED)
		return past.result;
	if (r == -ETIMEDOUT)
		return error_set(error, r, range->state_dir, 0, "the history took longer than %u s to read",
				 range->deadline_ms / 1000);
	if (r < 0)
		return error_set(error, r, range->state_dir, 0, "the history cannot be read: %s", strerror(-r));
	return 0;
}

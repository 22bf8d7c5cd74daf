/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name_filter.h: the hashes (name_hash.h) by which the kernel picks the refused opens that are worth a look.
 *
 * A pattern that ends in a wildcard alone (`*`, `**`) has no such hash: names of files that it is known to name stand
 * in for it, up to NAME_FILTER_NAMES_MAX, so that the kernel does not have to pass on every failed open of the system.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_FILTER_NAMES_MAX 512

struct name_filter {
	uint64_t *hashes; /* sorted, each once */
	size_t count, capacity;
	size_t names;
	bool is_changed; /* since this was last set to false */
};

int name_filter_add(struct name_filter *filter, uint64_t hash);         /* 0 or -ENOMEM */
int name_filter_add_name(struct name_filter *filter, const char *name); /* 0 or -ENOMEM; past the maximum: nothing */
void name_filter_release(struct name_filter *filter);

/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/name_filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/name_hash.h"

static size_t position(const struct name_filter *filter, uint64_t hash)
{
	size_t low = 0, high = filter->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (filter->hashes[middle] < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool has(const struct name_filter *filter, size_t at, uint64_t hash)
{
	return at < filter->count && filter->hashes[at] == hash;
}

int name_filter_add(struct name_filter *filter, uint64_t hash)
{
	size_t at = position(filter, hash);

	if (has(filter, at, hash))
		return 0;
	if (filter->count == filter->capacity) {
		size_t capacity = filter->capacity ? filter->capacity * 2 : 64;
		uint64_t *hashes = reallocarray(filter->hashes, capacity, sizeof(*hashes));

		if (!hashes)
			return -ENOMEM;
		filter->hashes = hashes;
		filter->capacity = capacity;
	}
	memmove(filter->hashes + at + 1, filter->hashes + at, (filter->count - at) * sizeof(hash));
	filter->hashes[at] = hash;
	filter->count++;
	filter->is_changed = true;
	return 0;
}

int name_filter_add_name(struct name_filter *filter, const char *name)
{
	uint64_t hash = name_filter_hash(NAME_FILTER_NAME, name, strlen(name));

	if (filter->names >= NAME_FILTER_NAMES_MAX || has(filter, position(filter, hash), hash))
		return 0;
	filter->names++;
	return name_filter_add(filter, hash);
}

void name_filter_release(struct name_filter *filter)
{
	free(filter->hashes);
	*filter = (struct name_filter){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_table.h: a hash table of links that live inside the caller's own structs.
 *
 * One pointer per item and one per bucket, which is what 100,000 files can afford. The table never owns an item and
 * never compares keys: a lookup walks link_table_first() and its `next`s and compares itself, so several items may
 * share a key. Items are hashed again by `hash` when the table grows; if there is no memory to grow, chains get longer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct table_link {
	struct table_link *next;
};

struct link_table {
	struct table_link **buckets;
	size_t mask;
	size_t count;
	uint64_t (*hash)(const struct table_link *link);
};

/* 0 or -ENOMEM. Release frees the buckets only; both accept a zeroed table. */
int link_table_init(struct link_table *table, uint64_t (*hash)(const struct table_link *link));
void link_table_release(struct link_table *table);
void link_table_add(struct link_table *table, struct table_link *link);
/* Does nothing when the link is not in the table. */
void link_table_remove(struct link_table *table, struct table_link *link);

static inline struct table_link *link_table_first(const struct link_table *table, uint64_t hash)
{
	return table->buckets ? table->buckets[hash & table->mask] : NULL;
}

/* The struct of `type` whose member `member` is *link; NULL stays NULL. */
#define link_owner(link, type, member)                                                      \
	({                                                                                  \
		const struct table_link *link_ = (link);                                    \
		link_ ? (type *)(void *)((uintptr_t)link_ - offsetof(type, member)) : NULL; \
	})

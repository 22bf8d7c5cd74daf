/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/link_table.h"

#include <errno.h>
#include <stdlib.h>

#define BUCKETS_MIN 64

int link_table_init(struct link_table *table, uint64_t (*hash)(const struct table_link *link))
{
	*table = (struct link_table){.hash = hash, .mask = BUCKETS_MIN - 1};
	table->buckets = calloc(BUCKETS_MIN, sizeof(*table->buckets));
	return table->buckets ? 0 : -ENOMEM;
}

void link_table_release(struct link_table *table)
{
	free(table->buckets);
	*table = (struct link_table){0};
}

static void grow(struct link_table *table)
{
	size_t mask = table->mask * 2 + 1;
	struct table_link **buckets = calloc(mask + 1, sizeof(*buckets));

	if (!buckets)
		return;
	for (size_t i = 0; i <= table->mask; i++) {
		struct table_link *link = table->buckets[i];

		while (link) {
			struct table_link *next = link->next;
			struct table_link **bucket = &buckets[table->hash(link) & mask];

			link->next = *bucket;
			*bucket = link;
			link = next;
		}
	}
	free(table->buckets);
	table->buckets = buckets;
	table->mask = mask;
}

void link_table_add(struct link_table *table, struct table_link *link)
{
	if (table->count > table->mask)
		grow(table);

	struct table_link **bucket = &table->buckets[table->hash(link) & table->mask];

	link->next = *bucket;
	*bucket = link;
	table->count++;
}

void link_table_remove(struct link_table *table, struct table_link *link)
{
	if (!table->buckets)
		return;
	for (struct table_link **at = &table->buckets[table->hash(link) & table->mask]; *at; at = &(*at)->next) {
		if (*at != link)
			continue;
		*at = link->next;
		link->next = NULL;
		table->count--;
		return;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/denial_table.h"

#include <string.h>

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * FNV_PRIME;
	return hash ^ hash >> 32;
}

static uint64_t hash_of(const struct denial *denial)
{
	uint64_t hash = mix(FNV_OFFSET, denial->task.id.start_ns);

	hash = mix(hash, (uint64_t)denial->task.id.pid << 8 | denial->kind);
	return mix(hash, denial->file.ino);
}

/* The thread and its name may be others; what a verdict can depend on may not. */
static bool is_same(const struct denial *a, const struct denial *b)
{
	return memcmp(&a->task.id, &b->task.id, sizeof(a->task.id)) == 0 &&
	       memcmp(&a->task.cred, &b->task.cred, sizeof(a->task.cred)) == 0 &&
	       memcmp(&a->task.exe, &b->task.exe, sizeof(a->task.exe)) == 0 && a->task.cgroup_id == b->task.cgroup_id &&
	       memcmp(&a->file, &b->file, sizeof(a->file)) == 0 && a->secret == b->secret && a->rule == b->rule &&
	       a->kind == b->kind && a->mode == b->mode;
}

void denial_table_add(struct denial_table *table, const struct denial *denial, uint64_t now_ns)
{
	const size_t slots = sizeof(table->slots) / sizeof(table->slots[0]);
	size_t at = hash_of(denial) % slots;
	struct denial *item;

	for (; table->slots[at]; at = (at + 1) % slots) {
		item = &table->items[table->slots[at] - 1];
		if (!is_same(item, denial))
			continue;
		item->count++;
		item->last_ns = now_ns;
		return;
	}
	if (table->count == DENIALS_MAX) {
		table->lost++;
		return;
	}
	item = &table->items[table->count++];
	*item = *denial;
	item->count = 1;
	item->first_ns = item->last_ns = now_ns;
	table->slots[at] = (uint16_t)table->count;
}

void denial_table_clear(struct denial_table *table)
{
	memset(table->slots, 0, sizeof(table->slots));
	table->count = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/directory_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sensor/file_tree.h"
#include "sensor/name_hash.h"
#include "sensor/pattern.h"
#include "sensor/watch_sink.h"

struct names {
	const struct directory_table *table;
	const struct tree_object *object;
	struct tree_name *items;
	size_t count, capacity;
};

/* Every place of the directory must say the same: the kernel does not know by which one a file is reached. */
static uint32_t settle(const struct names *names, const char *name, bool is_below)
{
	const struct directory_table *table = names->table;
	const struct tree_directory *place = names->object->places;
	uint32_t number = table->settle(table->settle_context, place, name, is_below);

	for (place = place->same; place && number; place = place->same)
		if (table->settle(table->settle_context, place, name, is_below) != number)
			number = 0;
	return number;
}

static int names_add(void *context, const char *name, uint32_t flags, uint32_t depths)
{
	struct names *names = context;
	struct tree_name item = {.hash = name_hash(name, strlen(name)), .value = {.flags = flags, .depths = depths}};

	if (names->count == names->capacity) {
		size_t capacity = names->capacity ? names->capacity * 2 : 4;
		struct tree_name *items = reallocarray(names->items, capacity, sizeof(*items));

		if (!items)
			return -ENOMEM;
		names->items = items;
		names->capacity = capacity;
	}
	if (flags & NAME_FILE)
		item.value.secret = settle(names, name, false);
	if (flags & NAME_BRANCH)
		item.value.branch = settle(names, name, true);
	names->items[names->count++] = item;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct tree_name *left = a, *right = b;

	return (left->hash > right->hash) - (left->hash < right->hash);
}

static void names_merge(struct names *names)
{
	size_t kept = 0;

	if (names->count < 2)
		return;
	qsort(names->items, names->count, sizeof(names->items[0]), compare_names);
	for (size_t i = 1; i < names->count; i++) {
		if (names->items[i].hash != names->items[kept].hash) {
			names->items[++kept] = names->items[i];
			continue;
		}
		/* The same name again, settled the same way: only what is not set yet is new. */
		names->items[kept].value.flags |= names->items[i].value.flags;
		names->items[kept].value.depths |= names->items[i].value.depths;
		names->items[kept].value.secret |= names->items[i].value.secret;
		names->items[kept].value.branch |= names->items[i].value.branch;
	}
	names->count = kept + 1;
}

/* What all places of the directory together want. "/" is never published: every open would end its walk there. */
static int describe(struct pattern_set *patterns, const struct tree_object *object, struct directory_value *value,
		    struct names *names)
{
	*value = (struct directory_value){0};
	for (const struct tree_directory *place = object->places; place; place = place->same) {
		struct directory_value one;
		int r;

		if (!place->entry.parent) {
			*value = (struct directory_value){0};
			names->count = 0;
			return 0;
		}
		r = pattern_describe(patterns, place->state, &one, names_add, names);
		if (r < 0)
			return r;
		value->flags |= one.flags;
		value->depths |= one.depths;
	}
	if (value->flags & DIRECTORY_TREE)
		names->count = 0;
	if (value->flags & (DIRECTORY_TREE | DIRECTORY_ANY_NAME))
		value->secret = settle(names, NULL, value->flags & DIRECTORY_TREE);
	names_merge(names);
	return 0;
}

static void check(struct directory_table *table, int r)
{
	table->failures += r < 0 && r != -ENOENT; /* cleared what a full table never took */
}

/* The names that only `from` has are cleared. */
static void clear_names(struct directory_table *table, const struct file_id *id, const struct tree_name *from,
			size_t from_count, const struct tree_name *keep, size_t keep_count)
{
	for (size_t i = 0; i < from_count; i++) {
		struct name_key key = {.directory = *id, .hash = from[i].hash};

		if (keep_count && bsearch(&from[i], keep, keep_count, sizeof(*keep), compare_names))
			continue;
		check(table, table->sink->clear_name(table->sink_context, &key));
	}
}

static void set_names(struct directory_table *table, const struct tree_object *object, const struct names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		struct name_key key = {.directory = object->id, .hash = names->items[i].hash};
		const struct tree_name *old = NULL;

		if (object->names_count)
			old = bsearch(&names->items[i], object->names, object->names_count, sizeof(*object->names),
				      compare_names);
		if (!old || memcmp(&old->value, &names->items[i].value, sizeof(old->value)) != 0)
			check(table, table->sink->set_name(table->sink_context, &key, &names->items[i].value));
	}
}

int directory_table_publish(struct directory_table *table, struct pattern_set *patterns, struct tree_object *object)
{
	_cleanup_(freep) struct tree_name *items = NULL;
	struct names names = {.table = table, .object = object};
	struct directory_value value;
	bool is_wanted;
	int r;

	r = describe(patterns, object, &value, &names);
	items = names.items;
	if (r < 0)
		return r;
	is_wanted = value.flags || names.count;
	set_names(table, object, &names);
	if (is_wanted && (!object->is_published || memcmp(&value, &object->value, sizeof(value)) != 0))
		check(table, table->sink->set_directory(table->sink_context, &object->id, &value));
	else if (!is_wanted && object->is_published)
		check(table, table->sink->clear_directory(table->sink_context, &object->id));
	clear_names(table, &object->id, object->names, object->names_count, names.items, names.count);
	free(object->names);
	object->names = names.count ? TAKE_PTR(items) : NULL;
	object->names_count = (uint32_t)names.count;
	object->value = value;
	object->is_published = is_wanted;
	return 0;
}

void directory_table_retire(struct directory_table *table, const struct tree_object *old, const struct tree_object *now)
{
	if (old->is_published && !(now && now->is_published))
		check(table, table->sink->clear_directory(table->sink_context, &old->id));
	clear_names(table, &old->id, old->names, old->names_count, now ? now->names : NULL, now ? now->names_count : 0);
}

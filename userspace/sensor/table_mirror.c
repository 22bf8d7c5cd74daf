/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/table_mirror.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_id.h"
#include "filter.h"
#include "sensor/file_tree.h"
#include "sensor/kernel_tables.h"
#include "sensor/link_table.h"

/* No bucket of the kernel's tables has as many, so that a batch always moves on. */
#define BATCH 512

union any_value {
	struct watch_value file;
	struct directory_value directory;
	struct name_value name;
};

enum table { FILES, DIRECTORIES, NAMES, TABLE_COUNT };

struct entry {
	struct table_link link;
	uint32_t pass;                                    /* the look that has seen it */
	unsigned char data[] __attribute__((aligned(8))); /* key, then value */
};

struct table_side {
	struct link_table entries;
	int fd;
	size_t key_size, value_size;
	size_t seen; /* entries of the present look */
};

struct table_mirror {
	struct kernel_tables *tables;
	struct table_side sides[TABLE_COUNT];
	uint64_t name_filter[NAME_FILTER_BITS / 64];
	bool has_names;
	/* Where the look stands. */
	uint32_t pass;
	enum table at;
	bool is_inside; /* `position` is where the next batch of this table begins */
	uint32_t position;
	unsigned char keys[BATCH * sizeof(struct name_key)] __attribute__((aligned(8)));
	unsigned char values[BATCH * sizeof(union any_value)];
};

/* ---------------------------------------------------------------- entries */

static uint64_t hash_id(const struct table_link *link)
{
	return file_id_hash((const struct file_id *)(const void *)link_owner(link, struct entry, link)->data);
}

static uint64_t hash_name(const struct table_link *link)
{
	const struct name_key *key = (const struct name_key *)(const void *)link_owner(link, struct entry, link)->data;

	return file_id_hash(&key->directory) ^ key->hash;
}

static uint64_t hash_of(enum table table, const void *key)
{
	const struct name_key *name = key;

	return table == NAMES ? file_id_hash(&name->directory) ^ name->hash : file_id_hash(key);
}

static struct entry *find(const struct table_mirror *mirror, enum table table, const void *key)
{
	const struct table_side *side = &mirror->sides[table];
	struct table_link *link = link_table_first(&side->entries, hash_of(table, key));

	while (link && memcmp(link_owner(link, struct entry, link)->data, key, side->key_size) != 0)
		link = link->next;
	return link_owner(link, struct entry, link);
}

static void *value_of(const struct table_mirror *mirror, enum table table, struct entry *entry)
{
	return entry->data + mirror->sides[table].key_size;
}

static int inner_set(const struct table_mirror *mirror, enum table table, const void *key, const void *value)
{
	switch (table) {
	case FILES:
		return kernel_tables_sink.set_file(mirror->tables, key, value);
	case DIRECTORIES:
		return kernel_tables_sink.set_directory(mirror->tables, key, value);
	case NAMES:
		return kernel_tables_sink.set_name(mirror->tables, key, value);
	case TABLE_COUNT:
		break;
	}
	return -EINVAL;
}

static int inner_clear(const struct table_mirror *mirror, enum table table, const void *key)
{
	switch (table) {
	case FILES:
		return kernel_tables_sink.clear_file(mirror->tables, key);
	case DIRECTORIES:
		return kernel_tables_sink.clear_directory(mirror->tables, key);
	case NAMES:
		return kernel_tables_sink.clear_name(mirror->tables, key);
	case TABLE_COUNT:
		break;
	}
	return -EINVAL;
}

static void mark_seen(struct table_mirror *mirror, enum table table, struct entry *entry)
{
	if (entry->pass == mirror->pass)
		return;
	entry->pass = mirror->pass;
	mirror->sides[table].seen++;
}

static int set(struct table_mirror *mirror, enum table table, const void *key, const void *value)
{
	struct table_side *side = &mirror->sides[table];
	struct entry *entry = find(mirror, table, key);
	bool is_new = !entry;
	int r;

	if (is_new) {
		entry = calloc(1, sizeof(*entry) + side->key_size + side->value_size);
		if (!entry)
			return -ENOMEM;
		memcpy(entry->data, key, side->key_size);
	}
	r = inner_set(mirror, table, key, value);
	if (r < 0) {
		if (is_new)
			free(entry);
		return r;
	}
	memcpy(value_of(mirror, table, entry), value, side->value_size);
	if (is_new)
		link_table_add(&side->entries, &entry->link);
	if (table < mirror->at || (table == mirror->at && mirror->is_inside))
		mark_seen(mirror, table, entry); /* the look may have been past its place */
	return r;
}

static int clear(struct table_mirror *mirror, enum table table, const void *key)
{
	struct table_side *side = &mirror->sides[table];
	struct entry *entry = find(mirror, table, key);
	int r = inner_clear(mirror, table, key);

	if (r < 0 || !entry)
		return r;
	if (entry->pass == mirror->pass)
		side->seen--;
	link_table_remove(&side->entries, &entry->link);
	free(entry);
	return r;
}

/* ---------------------------------------------------------------- life */

static void side_init(struct table_side *side, int fd, size_t key_size, size_t value_size)
{
	*side = (struct table_side){.fd = fd, .key_size = key_size, .value_size = value_size};
}

int table_mirror_new(struct kernel_tables *tables, struct table_mirror **ret_mirror)
{
	_cleanup_(table_mirror_freep) struct table_mirror *mirror = calloc(1, sizeof(*mirror));

	if (!mirror)
		return -ENOMEM;
	mirror->tables = tables;
	mirror->pass = 1;
	side_init(&mirror->sides[FILES], tables->watched_fd, sizeof(struct file_id), sizeof(struct watch_value));
	side_init(&mirror->sides[DIRECTORIES], tables->directories_fd, sizeof(struct file_id),
		  sizeof(struct directory_value));
	side_init(&mirror->sides[NAMES], tables->names_fd, sizeof(struct name_key), sizeof(struct name_value));
	for (int table = 0; table < TABLE_COUNT; table++) {
		if (link_table_init(&mirror->sides[table].entries, table == NAMES ? hash_name : hash_id) < 0)
			return -ENOMEM;
	}
	*ret_mirror = TAKE_PTR(mirror);
	return 0;
}

static void side_release(struct table_side *side)
{
	for (size_t i = 0; side->entries.buckets && i <= side->entries.mask; i++) {
		for (struct table_link *link = side->entries.buckets[i], *next; link; link = next) {
			next = link->next;
			free(link_owner(link, struct entry, link));
		}
	}
	link_table_release(&side->entries);
}

void table_mirror_free(struct table_mirror *mirror)
{
	if (!mirror)
		return;
	for (int table = 0; table < TABLE_COUNT; table++)
		side_release(&mirror->sides[table]);
	free(mirror);
}

size_t table_mirror_entries(const struct table_mirror *mirror)
{
	size_t count = 0;

	for (int table = 0; table < TABLE_COUNT; table++)
		count += mirror->sides[table].entries.count;
	return count;
}

/* ---------------------------------------------------------------- comparing */

static bool filter_has(const struct table_mirror *mirror, uint64_t key, uint32_t dev)
{
	uint64_t hash = filter_hash(key, dev);
	uint64_t bits = filter_bits(hash);

	return (__atomic_load_n(&mirror->tables->filter[filter_word(hash)], __ATOMIC_ACQUIRE) & bits) == bits;
}

/* Do the programs come as far as this entry? */
static bool is_visible(const struct table_mirror *mirror, enum table table, const void *key, const void *value)
{
	const struct directory_value *directory = value;
	const struct name_key *name = key;
	const struct file_id *id = key;

	if (table == NAMES)
		return filter_has(mirror, filter_name_key(name->directory.ino, name->hash), name->directory.dev);
	if (!filter_has(mirror, id->ino, id->dev))
		return false;
	return table != DIRECTORIES ||
	       !(directory->flags & (DIRECTORY_TREE | DIRECTORY_ANY_NAME | DIRECTORY_ANY_BRANCH)) ||
	       filter_has(mirror, filter_name_key(id->ino, FILTER_ANY_NAME), id->dev);
}

static void repair(struct table_mirror *mirror, enum table table, struct entry *entry, struct table_faults *faults)
{
	faults->unrepaired += inner_set(mirror, table, entry->data, value_of(mirror, table, entry)) < 0;
}

static void compare(struct table_mirror *mirror, enum table table, const void *key, const void *value,
		    struct table_faults *faults)
{
	struct entry *entry = find(mirror, table, key);

	if (!entry) {
		faults->foreign++;
		faults->unrepaired += inner_clear(mirror, table, key) < 0;
		return;
	}
	mark_seen(mirror, table, entry);
	if (memcmp(value_of(mirror, table, entry), value, mirror->sides[table].value_size) != 0) {
		faults->changed++;
		repair(mirror, table, entry, faults);
	} else if (!is_visible(mirror, table, key, value)) {
		faults->hidden++;
		repair(mirror, table, entry, faults);
	}
}

/* All of this table has been read: what was not among it is gone. */
static void restore_missing(struct table_mirror *mirror, enum table table, struct table_faults *faults)
{
	const struct link_table *entries = &mirror->sides[table].entries;

	for (size_t i = 0; mirror->sides[table].seen != entries->count && i <= entries->mask; i++) {
		for (struct table_link *link = entries->buckets[i]; link; link = link->next) {
			struct entry *entry = link_owner(link, struct entry, link);

			if (entry->pass == mirror->pass)
				continue;
			mark_seen(mirror, table, entry);
			faults->missing++;
			repair(mirror, table, entry, faults);
		}
	}
}

/* A directory in the cache ends a walk: it must be one of ours. */
static void check_directory_cache(struct table_mirror *mirror, struct table_faults *faults)
{
	for (size_t i = 0; i < DIRECTORY_CACHE_SIZE; i++) {
		struct file_id *slot = &mirror->tables->directory_cache[i];

		if (slot->ino == 0 || find(mirror, DIRECTORIES, slot))
			continue;
		faults->hidden++;
		__atomic_store_n(&slot->ino, 0, __ATOMIC_RELEASE);
	}
}

static void check_name_filter(struct table_mirror *mirror, struct table_faults *faults)
{
	struct kernel_tables *tables = mirror->tables;

	for (size_t i = 0; i < NAME_FILTER_BITS / 64; i++) {
		if (tables->name_filter[i] == mirror->name_filter[i])
			continue;
		faults->hidden++;
		__atomic_store_n(&tables->name_filter[i], mirror->name_filter[i], __ATOMIC_RELEASE);
	}
	if (*tables->has_names != mirror->has_names) {
		faults->hidden++;
		__atomic_store_n(tables->has_names, mirror->has_names, __ATOMIC_RELEASE);
	}
}

static void begin_table(struct table_mirror *mirror, enum table table)
{
	mirror->at = table;
	mirror->is_inside = false;
}

static void begin_look(struct table_mirror *mirror)
{
	mirror->pass++;
	for (int table = 0; table < TABLE_COUNT; table++)
		mirror->sides[table].seen = 0;
	begin_table(mirror, FILES);
}

int table_mirror_check(struct table_mirror *mirror, size_t budget, struct table_faults *ret)
{
	LIBBPF_OPTS(bpf_map_batch_opts, options);

	*ret = (struct table_faults){0};
	while (budget > 0) {
		const struct table_side *side = &mirror->sides[mirror->at];
		uint32_t count = BATCH, next = 0;
		int r = bpf_map_lookup_batch(side->fd, mirror->is_inside ? &mirror->position : NULL, &next,
					     mirror->keys, mirror->values, &count, &options);
		int error = r < 0 ? errno : 0;

		if (error && error != ENOENT) {
			begin_look(mirror);
			return -error;
		}
		for (uint32_t i = 0; i < count; i++)
			compare(mirror, mirror->at, mirror->keys + i * side->key_size,
				mirror->values + i * side->value_size, ret);
		budget -= count + 1 < budget ? count + 1 : budget;
		mirror->is_inside = true;
		mirror->position = next;
		if (!error)
			continue;
		restore_missing(mirror, mirror->at, ret);
		if (mirror->at < NAMES) {
			begin_table(mirror, mirror->at + 1);
			continue;
		}
		check_directory_cache(mirror, ret);
		check_name_filter(mirror, ret);
		begin_look(mirror);
		return 1;
	}
	return 0;
}

void table_mirror_distrust(struct table_mirror *mirror)
{
	(void)kernel_tables_sink.clear_ignored(mirror->tables);
	(void)__atomic_add_fetch(mirror->tables->tree_epoch, 1, __ATOMIC_SEQ_CST);
}

/* ---------------------------------------------------------------- the sink */

static int set_file(void *context, const struct file_id *id, const struct watch_value *value)
{
	return set(context, FILES, id, value);
}

static int clear_file(void *context, const struct file_id *id)
{
	return clear(context, FILES, id);
}

static int set_directory(void *context, const struct file_id *id, const struct directory_value *value)
{
	return set(context, DIRECTORIES, id, value);
}

static int clear_directory(void *context, const struct file_id *id)
{
	return clear(context, DIRECTORIES, id);
}

static int set_name(void *context, const struct name_key *key, const struct name_value *value)
{
	return set(context, NAMES, key, value);
}

static int clear_name(void *context, const struct name_key *key)
{
	return clear(context, NAMES, key);
}

static int set_ignored(void *context, const struct file_id *id, const struct ignored_value *value)
{
	const struct table_mirror *mirror = context;

	return kernel_tables_sink.set_ignored(mirror->tables, id, value);
}

static int clear_ignored(void *context)
{
	const struct table_mirror *mirror = context;

	return kernel_tables_sink.clear_ignored(mirror->tables);
}

static int set_name_filter(void *context, const uint64_t *hashes, size_t count)
{
	struct table_mirror *mirror = context;
	int r = kernel_tables_sink.set_name_filter(mirror->tables, hashes, count);

	memcpy(mirror->name_filter, mirror->tables->name_filter, sizeof(mirror->name_filter));
	mirror->has_names = *mirror->tables->has_names;
	return r;
}

static int identify(void *context, const int *fds, size_t count, struct file_record *ret_records)
{
	const struct table_mirror *mirror = context;

	return kernel_tables_sink.identify(mirror->tables, fds, count, ret_records);
}

const struct watch_sink table_mirror_sink = {
	.set_file = set_file,
	.clear_file = clear_file,
	.set_directory = set_directory,
	.clear_directory = clear_directory,
	.set_name = set_name,
	.clear_name = clear_name,
	.set_ignored = set_ignored,
	.clear_ignored = clear_ignored,
	.set_name_filter = set_name_filter,
	.identify = identify,
};

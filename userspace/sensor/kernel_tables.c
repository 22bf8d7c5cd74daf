/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/kernel_tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file_id.h"
#include "filter.h"

/* Below this many stale bits a rebuild is not worth its time. */
#define STALE_LEAST 4096

static int bpf_result(int r)
{
	return r < 0 ? -errno : 0;
}

static void filter_add(uint64_t *filter, uint64_t key, uint32_t dev)
{
	uint64_t hash = filter_hash(key, dev);

	__atomic_fetch_or(&filter[filter_word(hash)], filter_bits(hash), __ATOMIC_RELEASE);
}

/* The bits of one directory: its own, and those of "any name" when it wants any. Its names have theirs. */
static void filter_add_directory(uint64_t *filter, const struct file_id *id, const struct directory_value *value)
{
	if (value->flags & (DIRECTORY_TREE | DIRECTORY_ANY_NAME | DIRECTORY_ANY_BRANCH))
		filter_add(filter, filter_name_key(id->ino, FILTER_ANY_NAME), id->dev);
	filter_add(filter, id->ino, id->dev);
}

static void filter_add_name(uint64_t *filter, const struct name_key *key)
{
	filter_add(filter, filter_name_key(key->directory.ino, key->hash), key->directory.dev);
}

static int collect_files(int map_fd, uint64_t *filter)
{
	struct file_id key, *last = NULL;

	for (; bpf_map_get_next_key(map_fd, last, &key) == 0; last = &key)
		filter_add(filter, key.ino, key.dev);
	return errno == ENOENT ? 0 : -errno;
}

static int collect_directories(int map_fd, uint64_t *filter)
{
	struct directory_value value;
	struct file_id key, *last = NULL;

	for (; bpf_map_get_next_key(map_fd, last, &key) == 0; last = &key) {
		if (bpf_map_lookup_elem(map_fd, &key, &value) < 0)
			return -errno;
		filter_add_directory(filter, &key, &value);
	}
	return errno == ENOENT ? 0 : -errno;
}

static int collect_names(int map_fd, uint64_t *filter)
{
	struct name_key key, *last = NULL;

	for (; bpf_map_get_next_key(map_fd, last, &key) == 0; last = &key)
		filter_add_name(filter, &key);
	return errno == ENOENT ? 0 : -errno;
}

/*
 * Only the daemon's loop changes the maps, so what the keys give is all there is. Words are replaced one by one: each
 * holds every live bit before and after.
 */
static void rebuild(struct kernel_tables *tables)
{
	_cleanup_(freep) uint64_t *fresh = calloc(FILTER_WORDS, sizeof(*fresh));

	if (!fresh || collect_files(tables->watched_fd, fresh) < 0 ||
	    collect_directories(tables->directories_fd, fresh) < 0 || collect_names(tables->names_fd, fresh) < 0)
		return; /* stale bits are only slow; the next removal tries again */
	for (size_t i = 0; i < FILTER_WORDS; i++)
		__atomic_store_n(&tables->filter[i], fresh[i], __ATOMIC_RELEASE);
	tables->stale = 0;
}

static void step_epoch(const struct kernel_tables *tables)
{
	(void)__atomic_add_fetch(tables->tree_epoch, 1, __ATOMIC_SEQ_CST);
}

static int set_identified(struct kernel_tables *tables, int map_fd, const struct file_id *id, const void *value)
{
	int r = bpf_result(bpf_map_update_elem(map_fd, id, value, BPF_NOEXIST));

	if (r == 0)
		tables->live++;
	else if (r == -EEXIST)
		r = bpf_result(bpf_map_update_elem(map_fd, id, value, BPF_EXIST));
	return r;
}

static int clear_identified(struct kernel_tables *tables, int map_fd, const struct file_id *id)
{
	int r = bpf_result(bpf_map_delete_elem(map_fd, id));

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	tables->live--;
	tables->stale++;
	if (tables->stale > STALE_LEAST && tables->stale > tables->live)
		rebuild(tables);
	return 0;
}

static int set_file(void *context, const struct file_id *id, const struct watch_value *value)
{
	struct kernel_tables *tables = context;

	filter_add(tables->filter, id->ino, id->dev);
	return set_identified(tables, tables->watched_fd, id, value);
}

static int clear_file(void *context, const struct file_id *id)
{
	struct kernel_tables *tables = context;

	return clear_identified(tables, tables->watched_fd, id);
}

static struct file_id *cache_slot(const struct kernel_tables *tables, const struct file_id *id)
{
	return &tables->directory_cache[directory_cache_slot(filter_hash(id->ino, id->dev))];
}

/* A reader that comes in between finds no inode number and asks the table. */
static void cache_directory(const struct kernel_tables *tables, const struct file_id *id)
{
	struct file_id *slot = cache_slot(tables, id);

	__atomic_store_n(&slot->ino, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->dev, id->dev, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->generation, id->generation, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->ino, id->ino, __ATOMIC_RELEASE);
}

static void uncache_directory(const struct kernel_tables *tables, const struct file_id *id)
{
	struct file_id *slot = cache_slot(tables, id);

	if (file_id_equal(slot, id))
		__atomic_store_n(&slot->ino, 0, __ATOMIC_RELEASE);
}

static int set_directory(void *context, const struct file_id *id, const struct directory_value *value)
{
	struct kernel_tables *tables = context;
	int r;

	filter_add_directory(tables->filter, id, value);
	r = set_identified(tables, tables->directories_fd, id, value);
	if (r == 0)
		cache_directory(tables, id);
	step_epoch(tables);
	return r;
}

static int clear_directory(void *context, const struct file_id *id)
{
	struct kernel_tables *tables = context;
	int r;

	uncache_directory(tables, id);
	r = clear_identified(tables, tables->directories_fd, id);
	step_epoch(tables);
	return r;
}

static int set_name(void *context, const struct name_key *key, const struct name_value *value)
{
	const struct kernel_tables *tables = context;
	int r;

	filter_add_name(tables->filter, key);
	r = bpf_result(bpf_map_update_elem(tables->names_fd, key, value, BPF_ANY));
	step_epoch(tables);
	return r;
}

static int clear_name(void *context, const struct name_key *key)
{
	const struct kernel_tables *tables = context;

	int r = bpf_result(bpf_map_delete_elem(tables->names_fd, key));

	return r == -ENOENT ? 0 : r;
}

static int set_ignored(void *context, const struct file_id *id, const struct ignored_value *value)
{
	const struct kernel_tables *tables = context;

	return bpf_result(bpf_map_update_elem(tables->ignored_fd, id, value, BPF_ANY));
}

static int clear_ignored(void *context)
{
	const struct kernel_tables *tables = context;
	struct file_id key;

	while (bpf_map_get_next_key(tables->ignored_fd, NULL, &key) == 0) {
		if (bpf_map_delete_elem(tables->ignored_fd, &key) < 0 && errno != ENOENT)
			return -errno;
	}
	return errno == ENOENT ? 0 : -errno;
}

/* New bits first, then the old ones that no key has: never a moment without a key that stays. */
static int set_name_filter(void *context, const uint64_t *hashes, size_t count)
{
	struct kernel_tables *tables = context;
	uint64_t fresh[NAME_FILTER_BITS / 64] = {0};

	for (size_t i = 0; i < count; i++) {
		uint32_t bit = name_filter_bit(hashes[i]);

		fresh[bit / 64] |= 1ULL << (bit & 63);
	}
	for (size_t i = 0; i < NAME_FILTER_BITS / 64; i++)
		__atomic_store_n(&tables->name_filter[i], fresh[i], __ATOMIC_RELEASE);
	__atomic_store_n(tables->has_names, count > 0, __ATOMIC_RELEASE);
	return 0;
}

static int identify(void *context, const int *fds, size_t count, struct file_record *ret_records)
{
	const struct kernel_tables *tables = context;

	return tables->identify(tables->identify_context, fds, count, ret_records);
}

const struct watch_sink kernel_tables_sink = {
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

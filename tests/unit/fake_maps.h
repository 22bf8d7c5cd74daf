/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_maps.h: the map calls of bpf(2) over memory. A program that includes this has its own libbpf functions, which
 * win over those of the shared library. Errors are given as libbpf 1.x gives them: -errno, and errno is set.
 *
 * A map's descriptor is its index in fake_maps[]. An entry keeps its slot, so deleting during a walk skips nothing.
 */
#pragma once

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FAKE_MAPS_MAX 4

struct fake_map {
	size_t key_size, value_size, max, count;
	unsigned char *keys, *values;
	bool *is_used;
	size_t calls_until_failure; /* 0: never; else the call of this number fails */
	int failure;
};

static struct fake_map fake_maps[FAKE_MAPS_MAX];
/* Called before an entry is made, changed or removed. */
static void (*fake_on_update)(int fd, const void *key);

static inline int fake_result(int r)
{
	if (r < 0)
		errno = -r;
	return r;
}

static inline void fake_map_new(int fd, size_t key_size, size_t value_size, size_t max)
{
	fake_maps[fd] = (struct fake_map){.key_size = key_size, .value_size = value_size, .max = max};
	fake_maps[fd].keys = calloc(max, key_size);
	fake_maps[fd].values = calloc(max, value_size);
	fake_maps[fd].is_used = calloc(max, sizeof(bool));
	if (!fake_maps[fd].keys || !fake_maps[fd].values || !fake_maps[fd].is_used)
		abort();
}

static inline void fake_maps_free(void)
{
	fake_on_update = NULL;
	for (size_t i = 0; i < FAKE_MAPS_MAX; i++) {
		free(fake_maps[i].keys);
		free(fake_maps[i].values);
		free(fake_maps[i].is_used);
		fake_maps[i] = (struct fake_map){0};
	}
}

/* The slot of the key, or of the first free place, or `max`. */
static inline size_t fake_slot(const struct fake_map *map, const void *key)
{
	size_t i = 0;

	while (i < map->max && !(key ? map->is_used[i] && memcmp(map->keys + i * map->key_size, key, map->key_size) == 0
				     : !map->is_used[i]))
		i++;
	return i;
}

static inline bool fake_fails(struct fake_map *map)
{
	return map->calls_until_failure > 0 && --map->calls_until_failure == 0;
}

/* The value as it stands in the map, NULL when there is none. */
static inline void *fake_value(int fd, const void *key)
{
	const struct fake_map *map = &fake_maps[fd];
	size_t slot = fake_slot(map, key);

	return slot < map->max ? map->values + slot * map->value_size : NULL;
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	const void *found = fake_value(fd, key);

	if (fake_fails(&fake_maps[fd]))
		return fake_result(fake_maps[fd].failure);
	if (!found)
		return fake_result(-ENOENT);
	memcpy(value, found, fake_maps[fd].value_size);
	return 0;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	struct fake_map *map = &fake_maps[fd];
	size_t slot = fake_slot(map, key);

	if (!map->keys || !map->values)
		return fake_result(-EBADF);
	if (fake_on_update)
		fake_on_update(fd, key);
	if (fake_fails(map))
		return fake_result(map->failure);
	if (slot < map->max && flags == BPF_NOEXIST)
		return fake_result(-EEXIST);
	if (slot == map->max && flags == BPF_EXIST)
		return fake_result(-ENOENT);
	if (slot == map->max)
		slot = fake_slot(map, NULL);
	if (slot == map->max)
		return fake_result(-E2BIG);
	map->count += !map->is_used[slot];
	map->is_used[slot] = true;
	memcpy(map->keys + slot * map->key_size, key, map->key_size);
	memcpy(map->values + slot * map->value_size, value, map->value_size);
	return 0;
}

int bpf_map_delete_elem(int fd, const void *key)
{
	struct fake_map *map = &fake_maps[fd];
	size_t slot = fake_slot(map, key);

	if (fake_on_update)
		fake_on_update(fd, key);
	if (fake_fails(map))
		return fake_result(map->failure);
	if (slot == map->max)
		return fake_result(-ENOENT);
	map->is_used[slot] = false;
	map->count--;
	return 0;
}

int bpf_map_get_next_key(int fd, const void *key, void *next_key)
{
	struct fake_map *map = &fake_maps[fd];
	size_t slot = key ? fake_slot(map, key) : map->max;

	if (fake_fails(map))
		return fake_result(map->failure);
	/* As the kernel: a key that is gone starts from the front. */
	for (slot = slot == map->max ? 0 : slot + 1; slot < map->max; slot++) {
		if (map->is_used[slot]) {
			memcpy(next_key, map->keys + slot * map->key_size, map->key_size);
			return 0;
		}
	}
	return fake_result(-ENOENT);
}

int bpf_map_lookup_batch(int fd, void *in_batch, void *out_batch, void *keys, void *values, __u32 *count,
			 const struct bpf_map_batch_opts *opts)
{
	struct fake_map *map = &fake_maps[fd];
	uint32_t slot = 0, taken = 0;

	(void)opts;
	if (fake_fails(map))
		return fake_result(map->failure);
	if (in_batch)
		memcpy(&slot, in_batch, sizeof(slot));
	for (; slot < map->max && taken < *count; slot++) {
		if (!map->is_used[slot])
			continue;
		memcpy((unsigned char *)keys + taken * map->key_size, map->keys + slot * map->key_size, map->key_size);
		memcpy((unsigned char *)values + taken * map->value_size, map->values + slot * map->value_size,
		       map->value_size);
		taken++;
	}
	*count = taken;
	memcpy(out_batch, &slot, sizeof(slot));
	return slot == map->max ? fake_result(-ENOENT) : 0;
}

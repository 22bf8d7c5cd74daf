/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * names.h: hashes of a path and of the keys of its last component. The daemon sets the bits of the keys that its
 * patterns have (userspace/sensor, same tags, same FNV-1a); here they are looked up.
 */
#pragma once

#include "maps.h"

#include "filter.h"

#define NAME_KEY_WHOLE  'n'
#define NAME_KEY_PREFIX 'p'
#define NAME_KEY_SUFFIX 's'
#define NAME_KEY_MOST   3 /* bytes of a prefix or suffix */

static __always_inline __u64 fnv_byte(__u64 hash, __u8 byte)
{
	return (hash ^ byte) * FNV_PRIME;
}

static __always_inline bool name_filter_has(__u64 key)
{
	__u32 bit = name_filter_bit(key);

	return name_filter[bit / 64] & (1ULL << (bit & 63));
}

/* Hash of the first `size` bytes of the slot's data. */
__u64 __attribute__((noinline)) path_hash(__u32 slot, __u32 size)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &slot);
	__u64 hash = FNV_OFFSET;

	if (!scratch)
		return 0;
	for (__u32 i = 0; i < ABI_PATH_MAX; i++) {
		if (i >= size)
			break;
		hash = fnv_byte(hash, scratch->data[i]);
	}
	return hash;
}

/* Where the last component begins in a path of `end` bytes. */
static __always_inline __u32 name_start(const struct scratch *scratch, __u32 end)
{
	__u32 start = end;

	for (int i = 0; i < ABI_NAME_MAX; i++) {
		if (start == 0 || scratch->data[(start - 1) & (ABI_PATH_MAX - 1)] == '/')
			break;
		start--;
	}
	return start;
}

/* Could the last component of the path in the slot's data (`size` with its NUL) be a watched name? */
int __attribute__((noinline)) name_may_be_watched(__u32 slot, __u32 size)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &slot);
	__u64 whole = fnv_byte(FNV_OFFSET, NAME_KEY_WHOLE);
	__u64 prefix = fnv_byte(FNV_OFFSET, NAME_KEY_PREFIX);
	__u32 start, length;

	if (!scratch || size < 2)
		return 0;
	/* Through memory: the verifier then takes the numbers as unknown and need not follow each start apart. */
	scratch->path_size = name_start(scratch, size - 1);
	start = *(volatile __u32 *)&scratch->path_size;
	length = size - 1 - start;
	for (__u32 i = 0; i < ABI_NAME_MAX; i++) {
		__u8 byte = scratch->data[(start + i) & (ABI_PATH_MAX - 1)];

		if (i >= length)
			break;
		whole = fnv_byte(whole, byte);
		if (i < NAME_KEY_MOST) {
			prefix = fnv_byte(prefix, byte);
			if (name_filter_has(prefix))
				return 1;
		}
	}
	if (name_filter_has(whole))
		return 1;
	for (__u32 most = 1; most <= NAME_KEY_MOST; most++) {
		__u64 suffix = fnv_byte(FNV_OFFSET, NAME_KEY_SUFFIX);

		if (most > length)
			break;
		for (__u32 i = 0; i < most; i++)
			suffix = fnv_byte(suffix, scratch->data[(size - 1 - most + i) & (ABI_PATH_MAX - 1)]);
		if (name_filter_has(suffix))
			return 1;
	}
	return 0;
}

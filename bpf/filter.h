/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * filter.h: the bit filter in front of the maps; the same code on both sides and in the unit tests.
 *
 * A blocked Bloom filter: one 64-bit word by the high bits of a multiplicative hash, two bits in it by the low ones, so
 * a test is one load. With 100,000 entries in FILTER_WORDS words about one stranger in a hundred passes.
 */
#pragma once

#include "abi.h"

static inline __attribute__((always_inline)) __u64 filter_hash(__u64 ino, __u32 dev)
{
	__u64 hash = (ino ^ ((__u64)dev << 40)) * 0x9e3779b97f4a7c15ULL;

	return hash ^ (hash >> 29);
}

static inline __attribute__((always_inline)) __u32 filter_word(__u64 hash)
{
	return (hash >> 20) & (FILTER_WORDS - 1);
}

static inline __attribute__((always_inline)) __u32 directory_cache_slot(__u64 hash)
{
	return (hash >> 8) & (DIRECTORY_CACHE_SIZE - 1);
}

static inline __attribute__((always_inline)) __u64 filter_bits(__u64 hash)
{
	return (1ULL << (hash & 63)) | (1ULL << ((hash >> 6) & 63));
}

/*
 * Directories have bits of their own besides that of their identity: one pair for each name they want, and one for "any
 * name". So a file in a watched directory under a name of no interest is told by bits, too.
 */
#define FILTER_ANY_NAME 0x5bd1e9955bd1e995ULL

static inline __attribute__((always_inline)) __u64 filter_name_key(__u64 directory_ino, __u64 hash)
{
	return directory_ino ^ hash;
}

/* The hash of a name, eight bytes at a time: the last word holds what is left, the rest of it zero. */
static inline __attribute__((always_inline)) __u64 name_hash_begin(__u64 size)
{
	return FNV_OFFSET ^ size;
}

static inline __attribute__((always_inline)) __u64 name_hash_word(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ (hash >> 32);
}

/*
 * A quiet directory is one in which no file can be a candidate, whatever its name: it is not watched, and nothing above
 * it wants what is directly in it. The tag says that in one word, so that it is there or not, and never half: which
 * directory, by which mount, and as of which state of the tables and of all directories' places. `key` is chosen at
 * load: nobody can look for two directories with one tag.
 */
static inline __attribute__((always_inline)) __u64 quiet_tag(__u64 key, __u64 tree_epoch, const struct file_id *id,
							     __u64 mount_id)
{
	__u64 what = name_hash_word(name_hash_word(key, id->ino), (__u64)id->dev << 32 | id->generation);
	__u64 when = name_hash_word(name_hash_word(~key, mount_id), tree_epoch);

	return what + when; /* two chains, which a processor follows at the same time */
}

static inline __attribute__((always_inline)) __u32 quiet_slot(__u64 tag)
{
	return (tag >> 40) & (QUIET_SIZE - 1);
}

/* The bit for one key of the refused-name filter; keys are made by name_filter_key(). */
static inline __attribute__((always_inline)) __u32 name_filter_bit(__u64 key)
{
	return (key ^ (key >> 32)) & (NAME_FILTER_BITS - 1);
}

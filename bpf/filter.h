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

static inline __attribute__((always_inline)) __u64 filter_bits(__u64 hash)
{
	return (1ULL << (hash & 63)) | (1ULL << ((hash >> 6) & 63));
}

/* The bit for one key of the refused-name filter; keys are made by name_filter_key(). */
static inline __attribute__((always_inline)) __u32 name_filter_bit(__u64 key)
{
	return (key ^ (key >> 32)) & (NAME_FILTER_BITS - 1);
}

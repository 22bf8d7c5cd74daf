/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name_hash.h: the hashes of names that the kernel programs compute too (FNV-1a of bpf/abi.h).
 *
 * A component is hashed without its NUL, by words (bpf/filter.h). A key of the filter in front of refused opens is
 * hashed over one kind byte and then the bytes it stands for: the whole basename, its first 1 to 3 bytes, or its last 1
 * to 3.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "abi.h"
#include "filter.h"

enum name_filter_kind { NAME_FILTER_NAME = 'n', NAME_FILTER_PREFIX = 'p', NAME_FILTER_SUFFIX = 's' };

#define NAME_FILTER_AFFIX_MAX 3

static inline uint64_t name_hash_more(uint64_t hash, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * FNV_PRIME;
	return hash;
}

static inline uint64_t name_hash(const char *name, size_t size)
{
	uint64_t hash = name_hash_begin(size);

	for (size_t at = 0; at < size; at += 8) {
		uint64_t word = 0;

		memcpy(&word, name + at, size - at < 8 ? size - at : 8);
		hash = name_hash_word(hash, word);
	}
	return hash;
}

static inline uint64_t name_filter_hash(enum name_filter_kind kind, const char *bytes, size_t size)
{
	char byte = (char)kind;

	return name_hash_more(name_hash_more(FNV_OFFSET, &byte, 1), bytes, size);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * string_pool.h: byte strings kept once however many processes use them (paths of executables, argument lists).
 *
 * A string is counted: string_pool_get and pooled_string_ref add a reference, string_pool_put drops one, the last one
 * frees. The data is followed by a NUL that `size` does not count, and may hold any byte, NUL too. Hashed under a
 * random key, so that nobody can choose strings that collide. Loop thread only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct pooled_string {
	struct pooled_string *next; /* the pool's */
	uint32_t hash;
	uint32_t references;
	uint32_t size;
	char data[];
};

struct string_pool {
	struct pooled_string **buckets; /* owned */
	size_t bucket_count;            /* a power of two */
	size_t count;
	size_t bytes; /* of all strings with their headers */
	unsigned char key[16];
};

int string_pool_init(struct string_pool *pool); /* 0, -ENOMEM, or -EIO when libsodium cannot be used */
/* Frees every string that is left, referenced or not. A zeroed pool is fine. */
void string_pool_release(struct string_pool *pool);
/* Returns a reference to the string of these bytes, or NULL when out of memory or size is above UINT32_MAX / 2. */
struct pooled_string *string_pool_get(struct string_pool *pool, const void *data, size_t size);
struct pooled_string *pooled_string_ref(struct pooled_string *string);        /* NULL gives NULL */
void string_pool_put(struct string_pool *pool, struct pooled_string *string); /* NULL is fine */

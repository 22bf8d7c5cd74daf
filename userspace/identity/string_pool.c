/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/string_pool.h"

#include <errno.h>
#include <sodium.h>

#define FIRST_BUCKETS 1024

_Static_assert(sizeof(((struct string_pool *)NULL)->key) == crypto_shorthash_KEYBYTES, "key of SipHash");

int string_pool_init(struct string_pool *pool)
{
	struct pooled_string **buckets;

	if (sodium_init() < 0)
		return -EIO;
	buckets = calloc(FIRST_BUCKETS, sizeof(struct pooled_string *));
	if (!buckets)
		return -ENOMEM;
	*pool = (struct string_pool){.buckets = buckets, .bucket_count = FIRST_BUCKETS};
	randombytes_buf(pool->key, sizeof(pool->key));
	return 0;
}

void string_pool_release(struct string_pool *pool)
{
	for (size_t i = 0; i < pool->bucket_count; i++) {
		struct pooled_string *string = pool->buckets[i];

		while (string) {
			struct pooled_string *next = string->next;

			free(string);
			string = next;
		}
	}
	free(pool->buckets);
	*pool = (struct string_pool){0};
}

static uint32_t hash_bytes(const struct string_pool *pool, const void *data, size_t size)
{
	unsigned char out[crypto_shorthash_BYTES];
	uint32_t hash;

	(void)crypto_shorthash(out, data, size, pool->key); /* has no way to fail */
	memcpy(&hash, out, sizeof(hash));
	return hash;
}

/* Without memory the chains only get longer. */
static void grow(struct string_pool *pool)
{
	size_t bucket_count = pool->bucket_count * 2;
	struct pooled_string **buckets = calloc(bucket_count, sizeof(struct pooled_string *));

	if (!buckets)
		return;
	for (size_t i = 0; i < pool->bucket_count; i++) {
		struct pooled_string *string = pool->buckets[i];

		while (string) {
			struct pooled_string *next = string->next;
			struct pooled_string **bucket = &buckets[string->hash & (bucket_count - 1)];

			string->next = *bucket;
			*bucket = string;
			string = next;
		}
	}
	free(pool->buckets);
	pool->buckets = buckets;
	pool->bucket_count = bucket_count;
}

struct pooled_string *string_pool_get(struct string_pool *pool, const void *data, size_t size)
{
	uint32_t hash;
	struct pooled_string *string;
	struct pooled_string **bucket;

	if (size > UINT32_MAX / 2)
		return NULL;
	hash = hash_bytes(pool, data, size);
	for (string = pool->buckets[hash & (pool->bucket_count - 1)]; string; string = string->next)
		if (string->hash == hash && string->size == size && memcmp(string->data, data, size) == 0)
			return pooled_string_ref(string);

	string = malloc(sizeof(*string) + size + 1);
	if (!string)
		return NULL;
	if (pool->count >= pool->bucket_count)
		grow(pool);
	bucket = &pool->buckets[hash & (pool->bucket_count - 1)];
	*string = (struct pooled_string){.next = *bucket, .hash = hash, .references = 1, .size = (uint32_t)size};
	memcpy(string->data, data, size);
	string->data[size] = '\0';
	*bucket = string;
	pool->count++;
	pool->bytes += sizeof(*string) + size + 1;
	return string;
}

struct pooled_string *pooled_string_ref(struct pooled_string *string)
{
	if (string)
		string->references++;
	return string;
}

void string_pool_put(struct string_pool *pool, struct pooled_string *string)
{
	struct pooled_string **link;

	if (!string || --string->references > 0)
		return;
	link = &pool->buckets[string->hash & (pool->bucket_count - 1)];
	while (*link != string)
		link = &(*link)->next;
	*link = string->next;
	pool->count--;
	pool->bytes -= sizeof(*string) + string->size + 1;
	free(string);
}

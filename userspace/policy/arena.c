/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE 16384

struct arena_chunk {
	struct arena_chunk *next;
	size_t used;
	size_t size;
	alignas(max_align_t) unsigned char data[];
};

void arena_release(struct arena *arena)
{
	while (arena->chunks) {
		struct arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		free(chunk);
	}
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
	struct arena_chunk *chunk = arena->chunks;
	size_t total;
	void *memory;

	if (__builtin_mul_overflow(count, size, &total) || total > SIZE_MAX / 2)
		return NULL;
	total = (total + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (total == 0)
		total = alignof(max_align_t); /* so that NULL always means no memory */
	if (!chunk || chunk->size - chunk->used < total) {
		size_t data_size = total > CHUNK_SIZE ? total : CHUNK_SIZE;

		chunk = calloc(1, sizeof(*chunk) + data_size);
		if (!chunk)
			return NULL;
		chunk->size = data_size;
		chunk->next = arena->chunks;
		arena->chunks = chunk;
	}
	memory = chunk->data + chunk->used;
	chunk->used += total;
	return memory;
}

char *arena_strdup(struct arena *arena, const char *string)
{
	size_t size = strlen(string) + 1;
	char *copy = arena_alloc(arena, 1, size);

	return copy ? memcpy(copy, string, size) : NULL;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments;
	char *text;
	int size;

	va_start(arguments, format);
	size = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	text = size < 0 ? NULL : arena_alloc(arena, 1, (size_t)size + 1);
	if (!text)
		return NULL;
	va_start(arguments, format);
	(void)vsnprintf(text, (size_t)size + 1, format, arguments); /* sized for it just now */
	va_end(arguments);
	return text;
}

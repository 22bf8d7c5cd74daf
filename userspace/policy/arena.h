/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h: memory that is built once, read often and freed as a whole.
 *
 * A loaded policy is one: its rules lie next to each other, and half-built ones need no care when loading fails.
 */
#pragma once

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* newest first */
};

#define ARENA_INIT ((struct arena){.chunks = NULL})

void arena_release(struct arena *arena);
/* Zeroed and aligned for any type; NULL when memory or the size of the multiplication runs out. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);
/* A copy with its NUL, or NULL. */
char *arena_strdup(struct arena *arena, const char *string);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

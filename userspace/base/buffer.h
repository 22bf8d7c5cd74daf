/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buffer.h: bytes that grow up to a maximum.
 *
 * Appending never fails loudly: past the maximum, or out of memory, the buffer keeps what it had, drops the append and
 * is `failed` until reset, so a writer checks once at the end. data is always NUL-terminated when size > 0 or after the
 * first append; size does not count the NUL.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char *data; /* owned; NULL until the first append */
	size_t size;
	size_t capacity;
	size_t max; /* most bytes that size may reach */
	bool failed;
};

#define BUFFER_INIT(max_size) ((struct buffer){.max = (max_size)})

void buffer_release(struct buffer *buffer); /* frees the data, keeps max; NULL is fine */
void buffer_reset(struct buffer *buffer);   /* empties, keeps the memory, clears failed */
void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_append_string(struct buffer *buffer, const char *string);
void buffer_append_char(struct buffer *buffer, char c);
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops `count` bytes from the front (all of them if there are fewer). */
void buffer_consume(struct buffer *buffer, size_t count);

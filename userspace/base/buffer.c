/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_LEAST 256

void buffer_release(struct buffer *buffer)
{
	if (!buffer)
		return;
	free(buffer->data);
	*buffer = BUFFER_INIT(buffer->max);
}

void buffer_reset(struct buffer *buffer)
{
	buffer->size = 0;
	buffer->failed = false;
	if (buffer->data)
		buffer->data[0] = '\0';
}

/* Makes room for `more` bytes and a NUL; false, with the buffer failed, when there can be none. */
static bool reserve(struct buffer *buffer, size_t more)
{
	size_t needed, capacity;
	char *data;

	if (buffer->failed)
		return false;
	if (buffer->size > buffer->max || more > buffer->max - buffer->size || buffer->size + more == SIZE_MAX) {
		buffer->failed = true;
		return false;
	}
	needed = buffer->size + more + 1;
	if (needed <= buffer->capacity)
		return true;
	capacity = buffer->capacity < CAPACITY_LEAST ? CAPACITY_LEAST : buffer->capacity;
	while (capacity < needed)
		capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
	if (buffer->max < SIZE_MAX && capacity > buffer->max + 1)
		capacity = buffer->max + 1;
	data = realloc(buffer->data, capacity);
	if (!data) {
		buffer->failed = true;
		return false;
	}
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
	if (!reserve(buffer, size))
		return;
	if (size > 0)
		memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
	buffer->data[buffer->size] = '\0';
}

void buffer_append_string(struct buffer *buffer, const char *string)
{
	buffer_append(buffer, string, strlen(string));
}

void buffer_append_char(struct buffer *buffer, char c)
{
	buffer_append(buffer, &c, 1);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0) {
		buffer->failed = true;
		return;
	}
	if (!reserve(buffer, (size_t)length))
		return;
	va_start(arguments, format);
	(void)vsnprintf(buffer->data + buffer->size, (size_t)length + 1, format, arguments);
	va_end(arguments);
	buffer->size += (size_t)length;
}

void buffer_consume(struct buffer *buffer, size_t count)
{
	if (!buffer->data)
		return;
	if (count > buffer->size)
		count = buffer->size;
	buffer->size -= count;
	memmove(buffer->data, buffer->data + count, buffer->size + 1);
}

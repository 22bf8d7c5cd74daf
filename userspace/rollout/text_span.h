/* SPDX-License-Identifier: Apache-2.0 */
/* text_span.h: looks at the start and the end of text that is not terminated. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool is_in(char c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

static inline size_t span(const char *text, size_t size, const char *set)
{
	size_t length = 0;

	while (length < size && is_in(text[length], set))
		length++;
	return length;
}

static inline bool has_prefix(const char *text, size_t size, const char *prefix)
{
	return size >= strlen(prefix) && memcmp(text, prefix, strlen(prefix)) == 0;
}

static inline bool has_suffix(const char *text, size_t size, const char *suffix)
{
	return size >= strlen(suffix) && memcmp(text + size - strlen(suffix), suffix, strlen(suffix)) == 0;
}

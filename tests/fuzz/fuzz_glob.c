/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern, a newline and a path: the matcher against a slow one that follows the definition word by word. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "policy/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE_MAX_TRIED 48 /* the slow one is exponential */

static bool set_holds(const char *at, const char *end, unsigned char byte)
{
	for (; at < end; at++) {
		if (end - at > 2 && at[1] == '-') {
			if (byte >= (unsigned char)at[0] && byte <= (unsigned char)at[2])
				return true;
			at += 2;
		} else if ((unsigned char)*at == byte) {
			return true;
		}
	}
	return false;
}

static bool slow_match(const char *pattern, const char *path);

static bool slow_match_set(const char *pattern, const char *path)
{
	bool negated = pattern[1] == '!' || pattern[1] == '^';
	const char *first = pattern + 1 + negated, *end = strchr(first + 1, ']');

	return *path && *path != '/' && set_holds(first, end, (unsigned char)*path) != negated &&
	       slow_match(end + 1, path + 1);
}

static bool slow_match(const char *pattern, const char *path)
{
	if (strcmp(pattern, "/**") == 0)
		return *path == '/';
	if (strncmp(pattern, "/**/", 4) == 0) {
		const char *next = *path == '/' ? strchrnul(path + 1, '/') : NULL;

		return slow_match(pattern + 3, path) || (next && slow_match(pattern, next));
	}
	switch (*pattern) {
	case '\0':
		return !*path;
	case '*':
		return slow_match(pattern + 1, path) || (*path && *path != '/' && slow_match(pattern, path + 1));
	case '?':
		return *path && *path != '/' && slow_match(pattern + 1, path + 1);
	case '[':
		return slow_match_set(pattern, path);
	default:
		return *pattern == *path && slow_match(pattern + 1, path + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[2 * SIZE_MAX_TRIED + 2] = "", *path;

	if (size > sizeof(text) - 1 || memchr(data, '\0', size))
		return 0;
	memcpy(text, data, size);
	path = strchr(text, '\n');
	if (!path)
		return 0;
	*path++ = '\0';
	if (glob_check(text, NULL, 0) < 0)
		return 0;
	if (strlen(text) <= SIZE_MAX_TRIED && *path == '/' && glob_match(text, path) != slow_match(text, path))
		abort();
	(void)glob_match(text, path);
	(void)glob_is_literal(text, strlen(text));
	return 0;
}

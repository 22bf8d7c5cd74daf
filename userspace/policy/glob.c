/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/glob.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BRACKET_UNCLOSED  SIZE_MAX
#define BRACKET_BACKWARDS (SIZE_MAX - 1)

static __attribute__((format(printf, 3, 4))) int refuse(char *why, size_t why_size, const char *format, ...)
{
	va_list arguments;

	if (why_size) {
		va_start(arguments, format);
		(void)vsnprintf(why, why_size, format, arguments); /* a cut sentence is fine */
		va_end(arguments);
	}
	return -EINVAL;
}

/*
 * The size of the bracket expression that `pattern` starts with, and whether `byte` is in it. A bracket that does not
 * end gives BRACKET_UNCLOSED, a range that runs backwards BRACKET_BACKWARDS.
 */
static size_t bracket(const char *pattern, size_t size, unsigned char byte, bool *ret_matches)
{
	bool negated = size > 1 && (pattern[1] == '!' || pattern[1] == '^'), found = false;
	size_t at = negated ? 2 : 1;

	for (size_t first = at; at < size; at++) {
		unsigned char low = (unsigned char)pattern[at], high = low;

		if (low == ']' && at > first) {
			*ret_matches = found != negated;
			return at + 1;
		}
		if (at + 2 < size && pattern[at + 1] == '-' && pattern[at + 2] != ']') {
			high = (unsigned char)pattern[at + 2];
			if (high < low)
				return BRACKET_BACKWARDS;
			at += 2;
		}
		found = found || (byte >= low && byte <= high);
	}
	return BRACKET_UNCLOSED;
}

static size_t component_size(const char *text)
{
	return strcspn(text, "/");
}

static bool is_double_star(const char *component, size_t size)
{
	return size == 2 && component[0] == '*' && component[1] == '*';
}

static int check_component(const char *component, size_t size, char *why, size_t why_size)
{
	bool ignored;

	if (is_double_star(component, size))
		return 0;
	for (size_t at = 0; at < size; at++) {
		if (component[at] == '*' && at + 1 < size && component[at + 1] == '*')
			return refuse(why, why_size,
				      "\"**\" must be a whole component, as in /a/**/b; inside a name write one \"*\"");
		if (component[at] == '[') {
			size_t end = bracket(component + at, size - at, 0, &ignored);

			if (end == BRACKET_UNCLOSED)
				return refuse(why, why_size,
					      "the bracket \"[\" has no \"]\" in its component; write [[] for the "
					      "character itself");
			if (end == BRACKET_BACKWARDS)
				return refuse(
					why, why_size,
					"a range in brackets runs backwards; write the smaller end first, as [a-z]");
			at += end - 1;
		}
	}
	return 0;
}

int glob_check(const char *pattern, char *why, size_t why_size)
{
	size_t total = strnlen(pattern, GLOB_SIZE_MAX + 1);
	bool after_double_star = false;
	int r;

	if (total > GLOB_SIZE_MAX)
		return refuse(why, why_size, "longer than %d bytes, which no path can be; write a shorter pattern",
			      GLOB_SIZE_MAX);
	if (pattern[0] != '/')
		return refuse(why, why_size, "not an absolute path; start it with \"/\"");
	if (total == 1)
		return refuse(why, why_size, "\"/\" names no file; write the path of a file");
	for (const char *at = pattern; *at == '/';) {
		size_t size = component_size(++at);

		if (size == 0)
			return refuse(why, why_size,
				      *at ? "two slashes in a row; write one"
					  : "a slash at the end; drop it, or end with \"/**\" for all that is below");
		if ((size == 1 && at[0] == '.') || (size == 2 && at[0] == '.' && at[1] == '.'))
			return refuse(why, why_size,
				      "\"%.*s\" as a component; write the path as the kernel sees it, without \".\" "
				      "and \"..\"",
				      (int)size, at);
		if (is_double_star(at, size) && after_double_star)
			return refuse(why, why_size, "\"**/**\" means no more than \"**\"; write it once");
		after_double_star = is_double_star(at, size);
		r = check_component(at, size, why, why_size);
		if (r < 0)
			return r;
		at += size;
	}
	return 0;
}

/* The size of the pattern's first element, and whether it matches `byte`. */
static size_t match_element(const char *pattern, size_t size, unsigned char byte, bool *ret_matches)
{
	size_t end;

	if (pattern[0] == '[') {
		end = bracket(pattern, size, byte, ret_matches);
		if (end != BRACKET_UNCLOSED && end != BRACKET_BACKWARDS)
			return end;
	}
	*ret_matches = pattern[0] == '?' || (unsigned char)pattern[0] == byte;
	return 1;
}

/*
 * Only the last star is ever retried: whatever an earlier star matched, the later one could have matched the rest, so
 * going back further finds nothing new. The same holds for "**" over components below.
 */
bool glob_match_name(const char *pattern, size_t pattern_size, const char *name, size_t name_size)
{
	size_t p = 0, n = 0, star = SIZE_MAX, star_name = 0;

	while (n < name_size || p < pattern_size) {
		bool matches = false;
		size_t element = 0;

		if (p < pattern_size && pattern[p] == '*') {
			star = ++p;
			star_name = n;
			continue;
		}
		if (p < pattern_size && n < name_size)
			element = match_element(pattern + p, pattern_size - p, (unsigned char)name[n], &matches);
		if (matches) {
			p += element;
			n++;
		} else if (star != SIZE_MAX && star_name < name_size) {
			p = star;
			n = ++star_name;
		} else {
			return false;
		}
	}
	return true;
}

/* Both point at the slash in front of a component, or at the end. */
bool glob_match(const char *pattern, const char *path)
{
	const char *retry_pattern = NULL, *retry_path = NULL;

	if (path[0] != '/' || pattern[0] != '/')
		return false;
	while (*path || *pattern) {
		if (*pattern) {
			size_t size = component_size(pattern + 1), name_size = *path ? component_size(path + 1) : 0;

			if (is_double_star(pattern + 1, size)) {
				if (!pattern[1 + size])
					return *path != '\0';
				retry_pattern = pattern += 1 + size;
				retry_path = path;
				continue;
			}
			if (*path && glob_match_name(pattern + 1, size, path + 1, name_size)) {
				pattern += 1 + size;
				path += 1 + name_size;
				continue;
			}
		}
		if (!retry_path || !*retry_path)
			return false;
		retry_path += 1 + component_size(retry_path + 1);
		pattern = retry_pattern;
		path = retry_path;
	}
	return true;
}

bool glob_is_literal(const char *pattern, size_t size)
{
	for (size_t at = 0; at < size; at++)
		if (pattern[at] == '*' || pattern[at] == '?' || pattern[at] == '[')
			return false;
	return true;
}

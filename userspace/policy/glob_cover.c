/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/glob_cover.h"

#include <stdint.h>
#include <string.h>

#include "policy/glob.h"

/* What the pattern starts with: a bracket expression as a whole, else one byte. */
static size_t element_size(const char *pattern, size_t size)
{
	size_t at = 1;
	const char *end;

	if (pattern[0] != '[')
		return 1;
	if (at < size && (pattern[at] == '!' || pattern[at] == '^'))
		at++;
	if (at < size)
		at++; /* the first of the set is in it, even a ']' */
	end = memchr(pattern + at, ']', size - at);
	return end ? (size_t)(end - pattern) + 1 : 1;
}

/* Neither is a star. */
static bool element_covers(const char *whole, size_t whole_size, const char *part, size_t part_size)
{
	if (whole[0] == '?')
		return true;
	if (part_size == 1 && part[0] != '?')
		return glob_match_name(whole, whole_size, part, 1);
	return whole_size == part_size && memcmp(whole, part, part_size) == 0;
}

/* As glob_match_name(), over the elements of `part` in place of bytes: what a star of it matches only a star covers. */
static bool name_covers(const char *whole, size_t whole_size, const char *part, size_t part_size)
{
	size_t w = 0, p = 0, star = SIZE_MAX, star_part = 0;

	while (p < part_size || w < whole_size) {
		if (w < whole_size && whole[w] == '*') {
			star = ++w;
			star_part = p;
			continue;
		}
		if (w < whole_size && p < part_size && part[p] != '*') {
			size_t whole_element = element_size(whole + w, whole_size - w);
			size_t part_element = element_size(part + p, part_size - p);

			if (element_covers(whole + w, whole_element, part + p, part_element)) {
				w += whole_element;
				p += part_element;
				continue;
			}
		}
		if (star == SIZE_MAX || star_part >= part_size)
			return false;
		star_part += element_size(part + star_part, part_size - star_part);
		w = star;
		p = star_part;
	}
	return true;
}

bool glob_name_covers(const char *whole, const char *part)
{
	return name_covers(whole, strlen(whole), part, strlen(part));
}

static size_t component_size(const char *text)
{
	return strcspn(text, "/");
}

static bool is_double_star(const char *component, size_t size)
{
	return size == 2 && component[0] == '*' && component[1] == '*';
}

/* As glob_match(), over the components of `part`: what a "**" of it matches only a "**" covers. */
bool glob_covers(const char *whole, const char *part)
{
	const char *retry_whole = NULL, *retry_part = NULL;

	if (whole[0] != '/' || part[0] != '/')
		return false;
	while (*part || *whole) {
		if (*whole) {
			size_t size = component_size(whole + 1), part_size = *part ? component_size(part + 1) : 0;

			if (is_double_star(whole + 1, size)) {
				if (!whole[1 + size])
					return *part != '\0';
				retry_whole = whole += 1 + size;
				retry_part = part;
				continue;
			}
			if (*part && !is_double_star(part + 1, part_size) &&
			    name_covers(whole + 1, size, part + 1, part_size)) {
				whole += 1 + size;
				part += 1 + part_size;
				continue;
			}
		}
		if (!retry_part || !*retry_part)
			return false;
		retry_part += 1 + component_size(retry_part + 1);
		whole = retry_whole;
		part = retry_part;
	}
	return true;
}

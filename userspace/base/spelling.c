/* SPDX-License-Identifier: Apache-2.0 */
#include "base/spelling.h"

#include <stdint.h>
#include <string.h>

static size_t least_of(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

size_t spelling_distance(const char *a, const char *b)
{
	size_t row[SPELLING_WORD_MAX + 1], a_size = strlen(a), b_size = strlen(b);

	if (a_size > SPELLING_WORD_MAX || b_size > SPELLING_WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_size; j++)
		row[j] = j;
	for (size_t i = 0; i < a_size; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < b_size; j++) {
			size_t above = row[j + 1];

			row[j + 1] = least_of(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
			diagonal = above;
		}
	}
	return row[b_size];
}

/* SPDX-License-Identifier: Apache-2.0 */
/* spelling.h: how far apart two words are, for "did you mean". */
#pragma once

#include <stddef.h>

#define SPELLING_WORD_MAX 64 /* bytes; longer words are like no other */

/* Single edits that make one word of the other (Levenshtein); SIZE_MAX when one is longer than SPELLING_WORD_MAX. */
size_t spelling_distance(const char *a, const char *b);

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/spelling.h"

static void counts_single_edits(void **state)
{
	(void)state;
	assert_int_equal(spelling_distance("", ""), 0);
	assert_int_equal(spelling_distance("paths", "paths"), 0);
	assert_int_equal(spelling_distance("pahts", "paths"), 2);
	assert_int_equal(spelling_distance("path", "paths"), 1);
	assert_int_equal(spelling_distance("", "abc"), 3);
	assert_int_equal(spelling_distance("abc", ""), 3);
	assert_int_equal(spelling_distance("kitten", "sitting"), 3);
}

static void finds_a_word_that_is_too_long_like_no_other(void **state)
{
	char longest[SPELLING_WORD_MAX + 1], longer[SPELLING_WORD_MAX + 2];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	memset(longer, 'a', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(spelling_distance(longest, longest), 0);
	assert_int_equal(spelling_distance(longest, longer), SIZE_MAX);
	assert_int_equal(spelling_distance(longer, longest), SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_single_edits),
		cmocka_unit_test(finds_a_word_that_is_too_long_like_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/duration.h"

static void reads_a_number_and_its_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} rows[] = {{"30s", 30},
		    {"15m", 900},
		    {"24h", 86400},
		    {"7d", 604800},
		    {"2w", 1209600},
		    {"0s", 0},
		    {"007s", 7},
		    {"3153600000s", DURATION_MAX_S},
		    {"36500d", DURATION_MAX_S}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t seconds = 99;

		assert_int_equal(duration_parse(rows[i].text, &seconds), 0);
		assert_int_equal(seconds, rows[i].seconds);
	}
}

static void refuses_other_shapes(void **state)
{
	static const char *const texts[] = {"",    "s",    "1",     "-1s", "+1s", " 1s",  "1 s",
					    "1s ", "1.5h", "1h30m", "1y",  "1S",  "0x1s", "1ms"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint64_t seconds = 99;

		assert_int_equal(duration_parse(texts[i], &seconds), -EINVAL);
		assert_int_equal(seconds, 99);
	}
}

static void refuses_more_than_a_hundred_years(void **state)
{
	static const char *const texts[] = {"3153600001s", "36501d", "18446744073709551615s", "18446744073709551616s",
					    "99999999999999999999999999999999999999999w"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint64_t seconds = 99;

		assert_int_equal(duration_parse(texts[i], &seconds), -ERANGE);
		assert_int_equal(seconds, 99);
	}
}

static void shows_the_two_largest_units(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} rows[] = {{0, "0s"},       {59, "59s"},        {60, "1m 0s"},    {3599, "59m 59s"},
		    {3600, "1h 0m"}, {86399, "23h 59m"}, {86400, "1d 0h"}, {UINT64_MAX, "213503982334601d 7h"}};
	char text[DURATION_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(duration_format(rows[i].seconds, text), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_number_and_its_unit),
		cmocka_unit_test(refuses_other_shapes),
		cmocka_unit_test(refuses_more_than_a_hundred_years),
		cmocka_unit_test(shows_the_two_largest_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

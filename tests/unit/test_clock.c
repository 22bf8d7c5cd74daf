/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void formats_rfc3339_with_nanoseconds(void **state)
{
	char out[CLOCK_RFC3339_SIZE];

	(void)state;
	assert_string_equal(clock_format_rfc3339(0, out), "1970-01-01T00:00:00.000000000Z");
	assert_string_equal(clock_format_rfc3339(1767323045123456789ULL, out), "2026-01-02T03:04:05.123456789Z");
	assert_string_equal(clock_format_rfc3339(951782400ULL * NS_PER_SEC + 1, out), "2000-02-29T00:00:00.000000001Z");
	assert_string_equal(clock_format_rfc3339(UINT64_MAX, out), "2554-07-21T23:34:33.709551615Z");
}

static void goes_forward(void **state)
{
	uint64_t first = clock_boot_ns();

	(void)state;
	assert_true(first > 0);
	assert_true(clock_boot_ns() >= first);
	assert_true(clock_real_ns() > 1700000000ULL * NS_PER_SEC);
}

/* Between the samples the two clocks may be read apart, never by a second. */
static void maps_boot_time_to_unix_time(void **state)
{
	uint64_t boot = clock_boot_ns(), real = clock_real_ns();

	(void)state;
	assert_in_range(clock_real_from_boot(boot), real - NS_PER_SEC, real + NS_PER_SEC);
	assert_in_range(clock_real_from_boot(boot - boot / 2), real - boot / 2 - NS_PER_SEC,
			real - boot / 2 + NS_PER_SEC);
	assert_in_range(clock_real_from_boot(boot + 60 * NS_PER_SEC), real + 59 * NS_PER_SEC, real + 61 * NS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_rfc3339_with_nanoseconds),
		cmocka_unit_test(goes_forward),
		cmocka_unit_test(maps_boot_time_to_unix_time),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}

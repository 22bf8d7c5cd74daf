/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"

static void starts_empty_and_owns_nothing(void **state)
{
	struct buffer buffer = BUFFER_INIT(10);

	(void)state;
	assert_null(buffer.data);
	assert_int_equal(buffer.size, 0);
	buffer_consume(&buffer, 3);
	buffer_reset(&buffer);
	buffer_release(&buffer);
	buffer_release(NULL);
	assert_int_equal(buffer.max, 10);
}

static void appends_and_terminates(void **state)
{
	struct buffer buffer = BUFFER_INIT(100);

	(void)state;
	buffer_append(&buffer, NULL, 0);
	assert_string_equal(buffer.data, "");
	buffer_append_string(&buffer, "ab");
	buffer_append_char(&buffer, 'c');
	buffer_append(&buffer, "d\0e", 3);
	buffer_printf(&buffer, "%d-%s", 5, "f");
	assert_false(buffer.failed);
	assert_int_equal(buffer.size, 9);
	assert_memory_equal(buffer.data, "abcd\0e5-f", 10);
	buffer_release(&buffer);
}

static void fills_up_to_exactly_the_maximum(void **state)
{
	struct buffer buffer = BUFFER_INIT(5);

	(void)state;
	buffer_append_string(&buffer, "12345");
	assert_false(buffer.failed);
	assert_string_equal(buffer.data, "12345");
	buffer_append_char(&buffer, '6');
	assert_true(buffer.failed);
	assert_string_equal(buffer.data, "12345");
	buffer_release(&buffer);
}

static void stays_failed_until_reset(void **state)
{
	struct buffer buffer = BUFFER_INIT(5);

	(void)state;
	buffer_append_string(&buffer, "12");
	buffer_append_string(&buffer, "too long");
	buffer_append_string(&buffer, "3");
	assert_true(buffer.failed);
	assert_string_equal(buffer.data, "12");
	buffer_reset(&buffer);
	assert_false(buffer.failed);
	assert_int_equal(buffer.size, 0);
	buffer_printf(&buffer, "%s", "54321");
	assert_string_equal(buffer.data, "54321");
	buffer_printf(&buffer, "%s", "x");
	assert_true(buffer.failed);
	assert_string_equal(buffer.data, "54321");
	buffer_release(&buffer);
}

static void grows_over_many_appends(void **state)
{
	struct buffer buffer = BUFFER_INIT(1 << 20);

	(void)state;
	for (int i = 0; i < 100000; i++)
		buffer_append(&buffer, "0123456789", 10);
	assert_false(buffer.failed);
	assert_int_equal(buffer.size, 1000000);
	assert_memory_equal(buffer.data + 999990, "0123456789", 11);
	assert_true(buffer.capacity <= buffer.max + 1);
	buffer_release(&buffer);
}

static void refuses_sizes_that_would_wrap(void **state)
{
	struct buffer buffer = BUFFER_INIT(SIZE_MAX);

	(void)state;
	buffer_append_string(&buffer, "abc");
	buffer_append(&buffer, "x", SIZE_MAX - 3);
	assert_true(buffer.failed);
	assert_string_equal(buffer.data, "abc");
	buffer_reset(&buffer);
	buffer_append_string(&buffer, "abc");
	buffer_append(&buffer, "x", SIZE_MAX);
	assert_true(buffer.failed);
	buffer_release(&buffer);
}

static void consumes_from_the_front(void **state)
{
	struct buffer buffer = BUFFER_INIT(100);

	(void)state;
	buffer_append_string(&buffer, "abcdef");
	buffer_consume(&buffer, 0);
	buffer_consume(&buffer, 2);
	assert_string_equal(buffer.data, "cdef");
	buffer_consume(&buffer, 100);
	assert_string_equal(buffer.data, "");
	assert_int_equal(buffer.size, 0);
	buffer_release(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_empty_and_owns_nothing),   cmocka_unit_test(appends_and_terminates),
		cmocka_unit_test(fills_up_to_exactly_the_maximum), cmocka_unit_test(stays_failed_until_reset),
		cmocka_unit_test(grows_over_many_appends),         cmocka_unit_test(refuses_sizes_that_would_wrap),
		cmocka_unit_test(consumes_from_the_front),
	};

	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}

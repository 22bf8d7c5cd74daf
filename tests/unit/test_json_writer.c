/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>

/* json-c has a type of the name of one of our functions. */
#define json_bool json_c_bool
#include <json-c/json.h>
#undef json_bool

#include "base/buffer.h"
#include "base/json_writer.h"

#define REPLACEMENT "\xef\xbf\xbd"

static void writes_members_elements_and_nesting(void **state)
{
	struct buffer out = BUFFER_INIT(1000);
	struct json_writer writer;

	(void)state;
	json_writer_init(&writer, &out);
	json_object_begin(&writer, NULL);
	json_string(&writer, "a", "x");
	json_string(&writer, "none", NULL);
	json_object_begin(&writer, "empty");
	json_object_end(&writer);
	json_array_begin(&writer, "list");
	json_int(&writer, NULL, -1);
	json_array_begin(&writer, NULL);
	json_array_end(&writer);
	json_bool(&writer, NULL, true);
	json_bool(&writer, NULL, false);
	json_null(&writer, NULL);
	json_array_end(&writer);
	json_uint(&writer, "last", 2);
	json_object_end(&writer);
	assert_false(out.failed);
	assert_string_equal(out.data,
			    "{\"a\":\"x\",\"none\":null,\"empty\":{},\"list\":[-1,[],true,false,null],\"last\":2}");
	buffer_release(&out);
}

static void writes_the_extremes_of_numbers(void **state)
{
	struct buffer out = BUFFER_INIT(1000);
	struct json_writer writer;

	(void)state;
	json_writer_init(&writer, &out);
	json_array_begin(&writer, NULL);
	json_int(&writer, NULL, INT64_MIN);
	json_int(&writer, NULL, INT64_MAX);
	json_int(&writer, NULL, 0);
	json_uint(&writer, NULL, UINT64_MAX);
	json_double(&writer, NULL, 0.1);
	json_double(&writer, NULL, NAN);
	json_double(&writer, NULL, -INFINITY);
	json_array_end(&writer);
	assert_string_equal(out.data,
			    "[-9223372036854775808,9223372036854775807,0,18446744073709551615,0.1,null,null]");
	buffer_release(&out);
}

static void writes_doubles_that_read_back_the_same(void **state)
{
	static const double values[] = {0.0, 1.0 / 3, 1e300, DBL_MIN, DBL_MAX, 123456789.123456789, -2.5};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct buffer out = BUFFER_INIT(100);
		struct json_writer writer;

		json_writer_init(&writer, &out);
		json_double(&writer, NULL, values[i]);
		assert_true(strtod(out.data, NULL) == values[i]);
		buffer_release(&out);
	}
}

struct row {
	const char *name, *value, *expected;
};

static struct row rows[] = {
	{"escapes_quote_and_backslash", "a\"b\\c", "\"a\\\"b\\\\c\""},
	{"escapes_named_controls", "\n\r\t", "\"\\n\\r\\t\""},
	{"escapes_other_controls", "\x01\x1b\x7f", "\"\\u0001\\u001b\\u007f\""},
	{"escapes_what_readers_take_for_line_ends", "\xc2\x85\xe2\x80\xa8\xe2\x80\xa9", "\"\\u0085\\u2028\\u2029\""},
	{"keeps_other_scripts", "\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\""},
	{"replaces_bytes_that_are_not_utf8", "a\xff\x80z", "\"a" REPLACEMENT REPLACEMENT "z\""},
	{"replaces_surrogates", "\xed\xa0\x80", "\"" REPLACEMENT REPLACEMENT REPLACEMENT "\""},
	{"replaces_a_cut_character", "a\xe2\x82", "\"a" REPLACEMENT REPLACEMENT "\""},
	{"writes_an_empty_string", "", "\"\""},
};

static void writes_a_row(void **state)
{
	const struct row *row = *state;
	struct buffer out = BUFFER_INIT(1000);
	struct json_writer writer;

	json_writer_init(&writer, &out);
	json_string(&writer, NULL, row->value);
	assert_string_equal(out.data, row->expected);
	buffer_release(&out);
}

static void writes_valid_json_for_every_byte_in_keys_and_values(void **state)
{
	char every[256];
	struct buffer out = BUFFER_INIT(10000);
	struct json_writer writer;
	struct json_object *parsed;

	(void)state;
	for (size_t i = 0; i < 255; i++)
		every[i] = (char)(i + 1);
	every[255] = '\0';
	json_writer_init(&writer, &out);
	json_object_begin(&writer, NULL);
	json_string(&writer, every, every);
	json_string_sized(&writer, "sized", "a\0b", 3);
	json_object_end(&writer);
	assert_null(memchr(out.data, '\n', out.size));
	parsed = json_tokener_parse(out.data);
	assert_non_null(parsed);
	assert_int_equal(json_object_object_length(parsed), 2);
	assert_int_equal(json_object_get_string_len(json_object_object_get(parsed, "sized")), 3);
	json_object_put(parsed);
	buffer_release(&out);
}

static void nests_32_deep_and_no_deeper(void **state)
{
	struct buffer out = BUFFER_INIT(1000);
	struct json_writer writer;

	(void)state;
	json_writer_init(&writer, &out);
	for (int i = 0; i < 32; i++)
		json_array_begin(&writer, NULL);
	json_int(&writer, NULL, 1);
	json_int(&writer, NULL, 2);
	assert_false(out.failed);
	json_array_begin(&writer, NULL);
	assert_true(out.failed);
	buffer_reset(&out);
	for (int i = 0; i < 32; i++)
		json_array_end(&writer);
	assert_false(out.failed);
	json_array_end(&writer);
	assert_true(out.failed);
	buffer_release(&out);
}

static void marks_the_buffer_failed_past_its_maximum(void **state)
{
	struct buffer out = BUFFER_INIT(8);
	struct json_writer writer;

	(void)state;
	json_writer_init(&writer, &out);
	json_object_begin(&writer, NULL);
	json_string(&writer, "key", "value");
	json_object_end(&writer);
	assert_true(out.failed);
	buffer_release(&out);
}

#define ROWS (sizeof(rows) / sizeof(rows[0]))

int main(void)
{
	struct CMUnitTest tests[ROWS + 6] = {
		cmocka_unit_test(writes_members_elements_and_nesting),
		cmocka_unit_test(writes_the_extremes_of_numbers),
		cmocka_unit_test(writes_doubles_that_read_back_the_same),
		cmocka_unit_test(writes_valid_json_for_every_byte_in_keys_and_values),
		cmocka_unit_test(nests_32_deep_and_no_deeper),
		cmocka_unit_test(marks_the_buffer_failed_past_its_maximum),
	};

	for (size_t i = 0; i < ROWS; i++)
		tests[i + 6] =
			(struct CMUnitTest){.name = rows[i].name, .test_func = writes_a_row, .initial_state = &rows[i]};
	return cmocka_run_group_tests_name("json_writer", tests, NULL, NULL);
}

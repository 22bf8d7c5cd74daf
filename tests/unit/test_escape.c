/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/escape.h"

struct row {
	const char *name, *text, *expected;
};

/* One per test: an initial state per row. */
static struct row rows[] = {
	{"keeps_plain_text", "/etc/shadow -x", "/etc/shadow -x"},
	{"keeps_other_scripts", "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80",
	 "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80"},
	{"names_newline_tab_and_return", "a\nb\tc\rd", "a\\nb\\tc\\rd"},
	{"escapes_terminal_sequences", "\x1b[31mred\x07", "\\x1b[31mred\\x07"},
	{"escapes_delete", "a\x7f", "a\\x7f"},
	{"escapes_c1_controls",
	 "\xc2\x9b"
	 "2J",
	 "\\xc2\\x9b2J"},
	{"escapes_line_separators", "a\xe2\x80\xa8z", "a\\xe2\\x80\\xa8z"},
	{"escapes_direction_marks", "a\xe2\x80\xaez", "a\\xe2\\x80\\xaez"},
	{"escapes_bytes_that_are_not_utf8", "a\xff\xc3(", "a\\xff\\xc3("},
	{"escapes_a_cut_character", "a\xe2\x82", "a\\xe2\\x82"},
	{"accepts_nothing", "", ""},
};

static void escapes_a_row(void **state)
{
	const struct row *row = *state;
	char out[128];

	assert_string_equal(escape_line(row->text, out, sizeof(out)), row->expected);
}

static void cuts_between_characters_and_ends_with_dots(void **state)
{
	char out[8];

	(void)state;
	assert_string_equal(escape_line("abcdefg", out, sizeof(out)), "abcdefg");
	assert_string_equal(escape_line("abcdefgh", out, sizeof(out)), "abcd...");
	assert_string_equal(escape_line("abc\nefgh", out, sizeof(out)), "abc...");
	assert_string_equal(escape_line("abc\xe2\x82\xac"
					"defgh",
					out, sizeof(out)),
			    "abc...");
	assert_string_equal(escape_line("abcdef", out, 3), "..");
	assert_string_equal(escape_line("abcdef", out, 1), "");
}

static void never_writes_past_the_end(void **state)
{
	char text[64], out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = (char)(i % 3 == 0 ? 1 : 'a');
	text[sizeof(text) - 1] = '\0';
	for (size_t size = 0; size < sizeof(out); size++) {
		memset(out, 'X', sizeof(out));
		(void)escape_line(text, out, size);
		if (size > 0)
			assert_true(strlen(out) < size);
		for (size_t i = size; i < sizeof(out); i++)
			assert_int_equal(out[i], 'X');
	}
}

#define ROWS (sizeof(rows) / sizeof(rows[0]))

int main(void)
{
	struct CMUnitTest tests[ROWS + 2] = {
		cmocka_unit_test(cuts_between_characters_and_ends_with_dots),
		cmocka_unit_test(never_writes_past_the_end),
	};

	for (size_t i = 0; i < ROWS; i++)
		tests[i + 2] = (struct CMUnitTest){
			.name = rows[i].name, .test_func = escapes_a_row, .initial_state = &rows[i]};
	return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "cli/ascii_json.h"

static void expect(const char *text, size_t size, const char *expected)
{
	struct buffer out = BUFFER_INIT(4096);

	ascii_json_append(&out, text, size);
	buffer_append_char(&out, '$');
	assert_string_equal(out.data, expected);
	buffer_release(&out);
}

#define SIZED(text) text, sizeof(text) - 1

static void keeps_printable_ascii(void **state)
{
	(void)state;
	expect(SIZED(""), "$");
	expect(SIZED("{\"a\":\"b\\n\\u0000 ~\"}"), "{\"a\":\"b\\n\\u0000 ~\"}$");
}

static void escapes_every_other_character(void **state)
{
	(void)state;
	expect(SIZED("\"\x7f\xc2\x9b\xc3\xa4\xe2\x80\xae\xf0\x9f\x94\x91\""),
	       "\"\\u007f\\u009b\\u00e4\\u202e\\ud83d\\udd11\"$");
	expect(SIZED("\xf4\x8f\xbf\xbf"), "\\udbff\\udfff$");
}

static void replaces_what_is_no_character(void **state)
{
	(void)state;
	expect(SIZED("\xff\xc3"), "\\ufffd\\ufffd$");
	expect(SIZED("a\0\t\nb"), "a   b$");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_printable_ascii),
		cmocka_unit_test(escapes_every_other_character),
		cmocka_unit_test(replaces_what_is_no_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

static size_t encode(uint32_t character, char out[4])
{
	if (character < 0x80) {
		out[0] = (char)character;
		return 1;
	}
	if (character < 0x800) {
		out[0] = (char)(0xc0 | character >> 6);
		out[1] = (char)(0x80 | (character & 0x3f));
		return 2;
	}
	if (character < 0x10000) {
		out[0] = (char)(0xe0 | character >> 12);
		out[1] = (char)(0x80 | (character >> 6 & 0x3f));
		out[2] = (char)(0x80 | (character & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | character >> 18);
	out[1] = (char)(0x80 | (character >> 12 & 0x3f));
	out[2] = (char)(0x80 | (character >> 6 & 0x3f));
	out[3] = (char)(0x80 | (character & 0x3f));
	return 4;
}

static void decodes_every_character_and_no_surrogate(void **state)
{
	(void)state;
	for (uint32_t character = 0; character <= 0x110000; character++) {
		uint32_t decoded = UINT32_MAX;
		char text[4];
		size_t size = encode(character, text), expected = size;

		if ((character >= 0xd800 && character <= 0xdfff) || character > 0x10ffff)
			expected = 0;
		if (utf8_decode(text, size, &decoded) != expected)
			fail_msg("U+%04X", (unsigned int)character);
		if (decoded != (expected > 0 ? character : UINT32_MAX))
			fail_msg("U+%04X became U+%04X", (unsigned int)character, (unsigned int)decoded);
		if (size > 1)
			assert_int_equal(utf8_decode(text, size - 1, &decoded), 0);
	}
}

static void refuses_longer_forms_than_needed(void **state)
{
	static const char *const forms[] = {"\xc0\x80",     "\xc1\xbf",         "\xe0\x80\x80",
					    "\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf"};
	uint32_t character = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		assert_int_equal(utf8_decode(forms[i], strlen(forms[i]), &character), 0);
	assert_int_equal(character, 1);
}

static void refuses_stray_and_unknown_bytes(void **state)
{
	uint32_t character;

	(void)state;
	assert_int_equal(utf8_decode("\x80", 1, &character), 0);
	assert_int_equal(utf8_decode("\xf8\x88\x80\x80\x80", 5, &character), 0);
	assert_int_equal(utf8_decode("\xff", 1, &character), 0);
	assert_int_equal(utf8_decode("", 0, &character), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_every_character_and_no_surrogate),
		cmocka_unit_test(refuses_longer_forms_than_needed),
		cmocka_unit_test(refuses_stray_and_unknown_bytes),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}

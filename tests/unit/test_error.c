/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/error.h"

static void formats_file_line_and_text(void **state)
{
	struct error error = {.text = ""};
	char out[128];

	(void)state;
	assert_int_equal(error_set(&error, -EINVAL, "a.yaml", 7, "no %s here", "key"), -EINVAL);
	assert_string_equal(error_format(&error, out, sizeof(out)), "a.yaml:7: no key here");
	error.line = 0;
	assert_string_equal(error_format(&error, out, sizeof(out)), "a.yaml: no key here");
	error.file[0] = '\0';
	assert_string_equal(error_format(&error, out, sizeof(out)), "no key here");
}

static void keeps_the_first_error(void **state)
{
	struct error error = {.text = ""};

	(void)state;
	(void)error_set(&error, -EINVAL, "first", 1, "one");
	assert_int_equal(error_set(&error, -EPERM, "second", 2, "two"), -EPERM);
	assert_string_equal(error.file, "first");
	assert_string_equal(error.text, "one");
	assert_int_equal(error.line, 1);
}

static void accepts_no_error_and_no_file(void **state)
{
	struct error error = {.text = ""};

	(void)state;
	assert_int_equal(error_set(NULL, -EIO, "file", 1, "text"), -EIO);
	(void)error_set(&error, -EIO, NULL, -3, "text");
	assert_string_equal(error.file, "");
	assert_int_equal(error.line, 0);
}

static void escapes_control_bytes_in_file_and_text(void **state)
{
	struct error error = {.text = ""};

	(void)state;
	(void)error_set(&error, -EINVAL, "a\nb\x1b[2J", 1, "bad '%s'", "x\ty\n");
	assert_string_equal(error.file, "a\\nb\\x1b[2J");
	assert_string_equal(error.text, "bad 'x\\ty\\n'");
}

static void cuts_long_names_and_texts_with_dots(void **state)
{
	struct error error = {.text = ""};
	char name[4096];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	(void)error_set(&error, -EINVAL, name, 1, "%s", name);
	assert_int_equal(strlen(error.file), ERROR_FILE_SIZE - 1);
	assert_string_equal(error.file + ERROR_FILE_SIZE - 5, "n...");
	assert_int_equal(strlen(error.text), ERROR_TEXT_SIZE - 1);
	assert_string_equal(error.text + ERROR_TEXT_SIZE - 5, "n...");
}

static void never_leaves_an_error_without_text(void **state)
{
	struct error error = {.text = ""};

	(void)state;
	(void)error_set(&error, -EINVAL, NULL, 0, "%s", "");
	assert_string_not_equal(error.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_file_line_and_text),
		cmocka_unit_test(keeps_the_first_error),
		cmocka_unit_test(accepts_no_error_and_no_file),
		cmocka_unit_test(escapes_control_bytes_in_file_and_text),
		cmocka_unit_test(cuts_long_names_and_texts_with_dots),
		cmocka_unit_test(never_leaves_an_error_without_text),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}

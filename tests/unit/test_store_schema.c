/* SPDX-License-Identifier: Apache-2.0 */
#include <libgen.h>

#include "store/schema.h"
#include "store_fixture.h"

/* The file is found from this one's own name, which is relative to where the build ran. */
static void is_the_text_of_the_sql_file(void **state)
{
	char here[] = __FILE__;
	char path[PATH_MAX];
	char text[16384];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/../../schemas/sql/store.sql", dirname(here));
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	size_t size = fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	text[size] = '\0';
	assert_string_equal(text, store_migrations[0]);
}

static void makes_a_database_that_says_whose_it_is(void **state)
{
	struct fixture *fixture = *state;

	store_close(fixture_open(fixture));
	assert_int_equal(fixture_number(fixture, "PRAGMA application_id"), STORE_APPLICATION_ID);
	assert_int_equal(fixture_number(fixture, "PRAGMA user_version"), STORE_SCHEMA_VERSION);
	assert_int_equal(fixture_number(fixture, "PRAGMA auto_vacuum"), 2);
	fixture_check_integrity(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_the_text_of_the_sql_file),
		cmocka_unit_test_setup_teardown(makes_a_database_that_says_whose_it_is, fixture_setup,
						fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

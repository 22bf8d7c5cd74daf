/* SPDX-License-Identifier: Apache-2.0 */
#include <libgen.h>

#include "store/schema.h"
#include "store_fixture.h"

/* The file is found from this one's own name, which is relative to where the build ran. */
static void is_the_text_of_the_sql_files(void **state)
{
	static const char *const names[STORE_SCHEMA_VERSION] = {"store.sql", "store-2.sql"};
	char here[] = __FILE__;
	const char *folder = dirname(here);

	(void)state;
	for (size_t i = 0; i < STORE_SCHEMA_VERSION; i++) {
		char path[PATH_MAX], text[16384];

		(void)snprintf(path, sizeof(path), "%s/../../schemas/sql/%s", folder, names[i]);
		FILE *file = fopen(path, "re");
		assert_non_null(file);
		size_t size = fread(text, 1, sizeof(text) - 1, file);
		(void)fclose(file);
		text[size] = '\0';
		assert_string_equal(text, store_migrations[i]);
	}
}

static void keeps_the_history_of_version_1(void **state)
{
	struct fixture *fixture = *state;
	struct access access = fixture_access();
	char mark[96];

	fixture_run(fixture, store_migrations[0]);
	(void)snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = 1", STORE_APPLICATION_ID);
	fixture_run(fixture, mark);
	fixture_run(fixture, "INSERT INTO secrets (digest, name, class) VALUES ('a', 'old', 'class')");
	struct store *store = fixture_open(fixture);
	access.process.script = "/usr/bin/script";
	assert_int_equal(store_append(store, &access), 0);
	store_close(store);
	assert_int_equal(fixture_number(fixture, "PRAGMA user_version"), STORE_SCHEMA_VERSION);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM secrets WHERE name = 'old'"), 1);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM processes WHERE script = '/usr/bin/script'"), 1);
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
		cmocka_unit_test(is_the_text_of_the_sql_files),
		cmocka_unit_test_setup_teardown(keeps_the_history_of_version_1, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(makes_a_database_that_says_whose_it_is, fixture_setup,
						fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <libgen.h>

#include "store/schema.h"
#include "store_fixture.h"

/* The file is found from this one's own name, which is relative to where the build ran. */
static void assert_is_text_of(const char *name, const char *migration)
{
	char here[] = __FILE__;
	char path[PATH_MAX];
	char text[16384];

	(void)snprintf(path, sizeof(path), "%s/../../schemas/sql/%s", dirname(here), name);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	size_t size = fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	text[size] = '\0';
	assert_string_equal(text, migration);
}

static void is_the_text_of_the_sql_files(void **state)
{
	(void)state;
	assert_is_text_of("store.sql", store_migrations[0]);
	for (int version = 2; version <= STORE_SCHEMA_VERSION; version++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "store.%d.sql", version);
		assert_is_text_of(name, store_migrations[version - 1]);
	}
}

/* What an older program wrote stays, and what it did not know has a value. */
static void keeps_the_history_of_version_1(void **state)
{
	struct fixture *fixture = *state;
	sqlite3 *database = NULL;

	assert_int_equal(sqlite3_open_v2(fixture->path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, store_migrations[0], NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database,
				      "PRAGMA application_id = 1396787028; PRAGMA user_version = 1;"
				      "INSERT INTO verdicts VALUES (1, x'00', 'p', 'default', 0, 0)",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_close(database), SQLITE_OK);
	store_close(fixture_open(fixture));
	assert_int_equal(fixture_number(fixture, "PRAGMA user_version"), STORE_SCHEMA_VERSION);
	assert_int_equal(fixture_number(fixture, "SELECT would_deny FROM verdicts WHERE policy = 'p'"), 0);
	assert_int_equal(fixture_number(fixture, "SELECT count(script) FROM processes"), 0);
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

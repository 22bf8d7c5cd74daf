/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "store/reader.h"
#include "store_fixture.h"

#define DAY_NS (24 * 3600 * NS_PER_SEC)

static uint64_t size_of(const char *path, const char *suffix)
{
	char name[PATH_MAX + 16];
	struct stat status;

	(void)snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &status) == 0 ? (uint64_t)status.st_size : 0;
}

static struct store_stats flush(struct store *store)
{
	struct store_stats stats;

	assert_int_equal(store_flush(store), 0);
	store_get_stats(store, &stats);
	return stats;
}

/* Accesses of new processes with long arguments, about 2 KiB a row. */
static void append_large(struct store *store, uint32_t first_pid, uint32_t count)
{
	struct access access = fixture_access();
	char text[1500];
	const char *const args[] = {text};

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	access.process.args = args;
	access.process.args_count = 1;
	for (uint32_t pid = first_pid; pid < first_pid + count; pid++) {
		access.process.id.pid = pid;
		access.last_real_ns++;
		assert_int_equal(store_append(store, &access), 0);
	}
}

static void stays_within_its_size(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture_open(fixture);
	struct store_stats stats = {0};
	uint64_t largest = 0;

	for (uint32_t round = 0; round < 40; round++) {
		append_large(store, 1 + round * 500, 500);
		stats = flush(store);
		uint64_t size = size_of(fixture->path, "") + size_of(fixture->path, "-wal");
		largest = size > largest ? size : largest;
	}
	assert_true(stats.expired > 10000);
	assert_in_range(largest, 4 << 20, 8 << 20);
	/* The newest are there, the oldest are gone. */
	assert_int_equal(fixture_number(fixture, "SELECT max(pid) FROM processes"), 20000);
	assert_true(fixture_number(fixture, "SELECT min(pid) FROM processes") > 10000);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM accesses"), (int64_t)(20000 - stats.expired));
	store_close(store);
	fixture_check_integrity(fixture);
}

static void shrinks_to_a_smaller_limit(void **state)
{
	struct fixture *fixture = *state;

	fixture->config.max_mib = 64;
	struct store *store = fixture_open(fixture);
	for (uint32_t round = 0; round < 12; round++) {
		append_large(store, 1 + round * 1000, 1000);
		(void)flush(store);
	}
	store_close(store);
	assert_true(size_of(fixture->path, "") > 16 << 20);

	fixture->config.max_mib = 8;
	fixture->config.commit_interval_ms = 1;
	store = fixture_open(fixture);
	for (uint32_t round = 0; round < 100000 && size_of(fixture->path, "") > 8 << 20; round++) {
		append_large(store, 1000000 + round, 1);
		(void)flush(store);
	}
	assert_true(size_of(fixture->path, "") <= 8 << 20);
	store_close(store);
	fixture_check_integrity(fixture);
}

static void forgets_what_is_too_old(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture_open(fixture);
	struct access access = fixture_access();
	uint64_t now_ns = access.last_real_ns;

	access.last_real_ns = now_ns - 2 * DAY_NS;
	access.secret_name = "old";
	for (uint32_t pid = 1; pid <= 300; pid++) {
		access.process.id.pid = pid;
		assert_int_equal(store_append(store, &access), 0);
	}
	access.secret_name = "new";
	access.last_real_ns = now_ns;
	assert_int_equal(store_append(store, &access), 0);
	struct store_stats stats = flush(store);
	assert_int_equal(stats.expired, 300);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM accesses"), 1);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM processes"), 1);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM secrets"), 1);

	/* What was deleted is made again when it comes again, not found in a cache. */
	access.secret_name = "old";
	access.process.id.pid = 1;
	assert_int_equal(store_append(store, &access), 0);
	(void)flush(store);
	store_close(store);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM secrets"), 2);
	fixture_check_integrity(fixture);
}

struct slow_reader {
	struct store *store;
	int rows;
};

/* Between two rows of an open question, the store goes on. */
static int write_meanwhile(void *context, const struct access *access)
{
	struct slow_reader *reader = context;

	(void)access;
	append_large(reader->store, 500000 + 100 * (uint32_t)reader->rows, 100);
	(void)flush(reader->store);
	reader->rows++;
	return 0;
}

static void writes_while_a_reader_is_slow(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture_open(fixture);
	struct store_reader *reader = NULL;
	struct store_cursor cursor = {0};
	struct error error;
	struct slow_reader slow = {.store = store};

	append_large(store, 1, 40);
	(void)flush(store);
	assert_int_equal(store_reader_open(fixture->directory, 60000, &reader, &error), 0);
	assert_int_equal(store_query_accesses(reader, &cursor, 30, write_meanwhile, &slow), 30);
	store_reader_free(reader);
	assert_true(size_of(fixture->path, "-wal") > 2 << 20); /* the reader needed it */
	append_large(store, 900000, 1);
	(void)flush(store);
	assert_true(size_of(fixture->path, "-wal") <= 2 << 20);
	store_close(store);
	fixture_check_integrity(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stays_within_its_size),
		TEST(shrinks_to_a_smaller_limit),
		TEST(forgets_what_is_too_old),
		TEST(writes_while_a_reader_is_slow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

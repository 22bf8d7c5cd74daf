/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include "store_fixture.h"

static void append(struct store *store, const struct access *access)
{
	assert_int_equal(store_append(store, access), 0);
}

static void refuses(const struct fixture *fixture, int code, const char *says)
{
	struct store *store = (struct store *)fixture;
	struct error error = {0};

	assert_int_equal(store_open(&fixture->config, &store, &error), code);
	assert_ptr_equal(store, fixture);
	if (!strstr(error.text, says))
		fail_msg("'%s' does not say '%s'", error.text, says);
}

static unsigned int mode_of(const char *directory, const char *name)
{
	char path[PATH_MAX + 256];
	struct stat status;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	assert_int_equal(stat(path, &status), 0);
	return status.st_mode & 07777;
}

static void write_file(const char *path, const char *text, size_t size)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

/* ---------------------------------------------------------------- writing */

static void writes_what_was_appended(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture_open(fixture);
	struct access access = fixture_access();
	struct store_stats stats;

	append(store, &access);
	assert_int_equal(store_flush(store), 0);
	store_get_stats(store, &stats);
	assert_int_equal(stats.appended, 1);
	assert_int_equal(stats.written, 1);
	assert_int_equal(stats.queued, 0);
	assert_int_equal(stats.queued_bytes, 0);
	assert_false(stats.is_failing);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM accesses"), 1);
	store_close(store);
	fixture_check_integrity(fixture);
}

static void writes_the_rest_when_it_closes(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture_open(fixture);
	struct access access = fixture_access();

	for (int i = 0; i < 5000; i++)
		append(store, &access);
	store_close(store);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM accesses"), 5000);
	assert_int_equal(fixture_number(fixture, "SELECT sum(count) FROM accesses"), 5000 * 17);
}

static void commits_by_itself_after_the_interval(void **state)
{
	struct fixture *fixture = *state;
	struct access access = fixture_access();
	struct store_stats stats;

	fixture->config.commit_interval_ms = 1;
	struct store *store = fixture_open(fixture);
	append(store, &access);
	do { /* there is nothing to wait on from outside */
		(void)sched_yield();
		store_get_stats(store, &stats);
	} while (stats.written == 0);
	store_close(store);
}

static void keeps_what_repeats_once(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture_open(fixture);
	struct access access = fixture_access();

	for (int i = 0; i < 100; i++) {
		access.process.start_real_ns++; /* the clocks' jitter is no other process */
		append(store, &access);
	}
	access.process.exe_sha256 = NULL; /* but this is another identity */
	append(store, &access);
	store_close(store);

	/* A second run finds what the first one wrote. */
	store = fixture_open(fixture);
	append(store, &access);
	store_close(store);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM accesses"), 102);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM processes"), 2);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM exes"), 2);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM secrets"), 1);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM lineages"), 1);
	fixture_check_integrity(fixture);
}

static void keeps_more_processes_than_its_cache(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture_open(fixture);
	struct access access = fixture_access();

	for (int round = 0; round < 2; round++) {
		for (uint32_t pid = 1; pid <= 6000; pid++) {
			access.process.id.pid = pid;
			append(store, &access);
		}
	}
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM accesses"), 12000);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM processes"), 6000);
	store_close(store);
}

static void refuses_and_counts_when_the_queue_is_full(void **state)
{
	struct fixture *fixture = *state;
	struct access access = fixture_access();
	struct store_stats stats;

	fixture->config.queue_max = 10;
	struct store *store = fixture_open(fixture);
	for (int i = 0; i < 10; i++)
		append(store, &access);
	assert_int_equal(store_append(store, &access), -EBUSY);
	store_get_stats(store, &stats);
	assert_int_equal(stats.refused, 1);
	assert_int_equal(stats.queued, 10);
	assert_int_equal(store_flush(store), 0);
	append(store, &access);
	store_close(store);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM accesses"), 11);
}

static void bounds_the_memory_of_the_queue(void **state)
{
	struct fixture *fixture = *state;
	struct access access = fixture_access();
	struct store_stats stats;
	char *path = calloc(1, 4096);

	memset(path, 'x', 4095);
	access.path = path;
	fixture->config.queue_max_bytes = 65536;
	struct store *store = fixture_open(fixture);
	int accepted = 0;
	while (store_append(store, &access) == 0)
		accepted++;
	store_get_stats(store, &stats);
	assert_in_range(accepted, 10, 15);
	assert_in_range(stats.queued_bytes, 40000, 65536);
	store_close(store);
	free(path);
}

/* ---------------------------------------------------------------- the directory and the file */

static void makes_its_files_private(void **state)
{
	struct fixture *fixture = *state;
	char nested[PATH_MAX - 256];
	mode_t mask = umask(0);

	(void)snprintf(nested, sizeof(nested), "%s/state", fixture->directory);
	fixture->config.state_dir = nested;
	struct store *store = fixture_open(fixture);
	assert_int_equal(mode_of(fixture->directory, "state"), 0700);
	assert_int_equal(mode_of(nested, "store.db"), 0600);
	assert_int_equal(mode_of(nested, "store.db-wal"), 0600);
	assert_int_equal(mode_of(nested, "store.db-shm"), 0600);
	assert_int_equal(mode_of(nested, "store.lock"), 0600);
	store_close(store);
	(void)umask(mask);
	fixture_remove(nested);
}

static void makes_a_file_private_that_was_not(void **state)
{
	struct fixture *fixture = *state;

	store_close(fixture_open(fixture));
	assert_int_equal(chmod(fixture->path, 0644), 0);
	store_close(fixture_open(fixture));
	assert_int_equal(mode_of(fixture->directory, "store.db"), 0600);
}

static void lets_one_daemon_in(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture_open(fixture);
	char says[64];

	(void)snprintf(says, sizeof(says), "another daemon, pid %d,", (int)getpid());
	says[strlen(says) - 1] = '\0';
	refuses(fixture, -EBUSY, says);
	store_close(store);
	store_close(fixture_open(fixture));
}

static void refuses_a_directory_that_others_can_write(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(chmod(fixture->directory, 0777), 0);
	refuses(fixture, -EPERM, "writable");
}

static void refuses_a_directory_in_place_of_the_file(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(mkdir(fixture->path, 0700), 0);
	refuses(fixture, -EISDIR, "not a regular file");
}

static void refuses_a_symlink_in_place_of_the_file(void **state)
{
	struct fixture *fixture = *state;
	char target[PATH_MAX];

	(void)snprintf(target, sizeof(target), "%s/target", fixture->directory);
	write_file(target, "", 0);
	assert_int_equal(symlink(target, fixture->path), 0);
	refuses(fixture, -EINVAL, "not a regular file");
}

static void refuses_a_state_directory_that_is_a_file(void **state)
{
	struct fixture *fixture = *state;
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/file", fixture->directory);
	write_file(path, "", 0);
	fixture->config.state_dir = path;
	refuses(fixture, -ENOTDIR, "cannot be made");
}

static void refuses_a_config_that_cannot_work(void **state)
{
	struct fixture *fixture = *state;

	fixture->config.max_mib = 7;
	refuses(fixture, -EINVAL, "8 MiB");
}

static void refuses_the_database_of_another_program(void **state)
{
	struct fixture *fixture = *state;

	fixture_run(fixture, "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
	refuses(fixture, -ENOTSUP, "another program");
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM theirs"), 1);
	assert_int_equal(fixture_number(fixture, "SELECT journal_mode = 'delete' FROM pragma_journal_mode"), 1);
}

static void refuses_a_newer_version(void **state)
{
	struct fixture *fixture = *state;

	store_close(fixture_open(fixture));
	fixture_run(fixture, "PRAGMA user_version = 99");
	refuses(fixture, -ENOTSUP, "schema version 99");
}

static void sets_garbage_aside(void **state)
{
	struct fixture *fixture = *state;
	struct store_stats stats;
	char garbage[9000];

	memset(garbage, 'g', sizeof(garbage));
	write_file(fixture->path, garbage, sizeof(garbage));
	struct store *store = fixture_open(fixture);
	store_get_stats(store, &stats);
	assert_int_equal(stats.set_aside, 1);
	assert_int_equal(fixture_count_files(fixture, "store.db.corrupt-"), 1);
	store_close(store);
	fixture_check_integrity(fixture);
}

static void sets_a_file_without_our_tables_aside(void **state)
{
	struct fixture *fixture = *state;

	store_close(fixture_open(fixture));
	fixture_run(fixture, "DROP TABLE lineages");
	store_close(fixture_open(fixture));
	assert_int_equal(fixture_count_files(fixture, "store.db.corrupt-"), 1);
	fixture_check_integrity(fixture);
}

/* Overwrites all pages but the first two, so that what is wrong only shows when rows are looked up. */
static void damage(const struct fixture *fixture)
{
	char page[4096];
	struct stat status;
	int fd = open(fixture->path, O_WRONLY | O_CLOEXEC);

	memset(page, 0xd5, sizeof(page));
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	for (off_t at = 2 * 4096; at < status.st_size; at += 4096)
		assert_int_equal(pwrite(fd, page, sizeof(page), at), sizeof(page));
	assert_int_equal(close(fd), 0);
}

static void begins_anew_when_damage_shows_late(void **state)
{
	struct fixture *fixture = *state;
	struct access access = fixture_access();
	struct store_stats stats;

	struct store *store = fixture_open(fixture);
	append(store, &access);
	store_close(store);
	store = fixture_open(fixture);
	damage(fixture);
	access.secret_name = "another";
	append(store, &access);
	assert_int_equal(store_flush(store), 0);
	store_get_stats(store, &stats);
	assert_int_equal(stats.set_aside, 1);
	assert_int_equal(stats.written, 1);
	store_close(store);
	assert_int_equal(fixture_count_files(fixture, "store.db.corrupt-"), 1);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM accesses"), 1);
	fixture_check_integrity(fixture);
}

static void begins_anew_when_its_file_is_removed(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture_open(fixture);
	struct access access = fixture_access();

	append(store, &access);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(unlink(fixture->path), 0);
	append(store, &access);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM accesses"), 1);
	store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(writes_what_was_appended),
		TEST(writes_the_rest_when_it_closes),
		TEST(commits_by_itself_after_the_interval),
		TEST(keeps_what_repeats_once),
		TEST(keeps_more_processes_than_its_cache),
		TEST(refuses_and_counts_when_the_queue_is_full),
		TEST(bounds_the_memory_of_the_queue),
		TEST(makes_its_files_private),
		TEST(makes_a_file_private_that_was_not),
		TEST(lets_one_daemon_in),
		TEST(refuses_a_directory_that_others_can_write),
		TEST(refuses_a_directory_in_place_of_the_file),
		TEST(refuses_a_symlink_in_place_of_the_file),
		TEST(refuses_a_state_directory_that_is_a_file),
		TEST(refuses_a_config_that_cannot_work),
		TEST(refuses_the_database_of_another_program),
		TEST(refuses_a_newer_version),
		TEST(sets_garbage_aside),
		TEST(sets_a_file_without_our_tables_aside),
		TEST(begins_anew_when_damage_shows_late),
		TEST(begins_anew_when_its_file_is_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

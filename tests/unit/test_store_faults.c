/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks that fail. SQLite's own table of system calls is used to make its writes fail; and, where the test may mount, a
 * tmpfs that is really full.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/log.h"
#include "store_fixture.h"

/* Writes that still succeed; then each fails with the errno. Negative: none fails. */
static atomic_long writes_left = -1;
static atomic_int write_errno;

static bool write_fails(void)
{
	if (atomic_load(&writes_left) < 0)
		return false;
	if (atomic_load(&writes_left) > 0) {
		(void)atomic_fetch_sub(&writes_left, 1);
		return false;
	}
	errno = atomic_load(&write_errno);
	return true;
}

static ssize_t faulty_pwrite(int fd, const void *data, size_t size, off_t offset)
{
	return write_fails() ? -1 : pwrite(fd, data, size, offset);
}

static ssize_t faulty_write(int fd, const void *data, size_t size)
{
	return write_fails() ? -1 : write(fd, data, size);
}

static int faulty_ftruncate(int fd, off_t size)
{
	return write_fails() ? -1 : ftruncate(fd, size);
}

static void replace_calls(bool is_faulty)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	assert_non_null(vfs);
	assert_true(vfs->iVersion >= 3);
	(void)vfs->xSetSystemCall(vfs, "pwrite", is_faulty ? (sqlite3_syscall_ptr)faulty_pwrite : NULL);
	(void)vfs->xSetSystemCall(vfs, "pwrite64", is_faulty ? (sqlite3_syscall_ptr)faulty_pwrite : NULL);
	(void)vfs->xSetSystemCall(vfs, "write", is_faulty ? (sqlite3_syscall_ptr)faulty_write : NULL);
	(void)vfs->xSetSystemCall(vfs, "ftruncate", is_faulty ? (sqlite3_syscall_ptr)faulty_ftruncate : NULL);
}

static void fail_after(long writes, int code)
{
	atomic_store(&write_errno, code);
	atomic_store(&writes_left, writes);
}

static void heal(void)
{
	atomic_store(&writes_left, -1);
}

static int setup(void **state)
{
	heal();
	replace_calls(true);
	return fixture_setup(state);
}

static int teardown(void **state)
{
	heal();
	replace_calls(false);
	return fixture_teardown(state);
}

static void append_pids(struct store *store, uint32_t first, uint32_t count)
{
	struct access access = fixture_access();

	for (uint32_t pid = first; pid < first + count; pid++) {
		access.process.id.pid = pid;
		assert_int_equal(store_append(store, &access), 0);
	}
}

static void recovers(const struct fixture *fixture, int code, int expected)
{
	struct store *store = fixture_open(fixture);
	struct store_stats stats;

	append_pids(store, 1, 10);
	assert_int_equal(store_flush(store), 0);
	fail_after(0, code);
	append_pids(store, 11, 10);
	assert_int_equal(store_flush(store), expected);
	store_get_stats(store, &stats);
	assert_true(stats.is_failing);
	assert_int_equal(stats.last_error, expected);
	assert_int_equal(stats.queued, 10);
	append_pids(store, 21, 10); /* the view goes on */

	heal();
	assert_int_equal(store_flush(store), 0);
	store_get_stats(store, &stats);
	assert_false(stats.is_failing);
	assert_int_equal(stats.written, 30);
	assert_int_equal(stats.refused, 0);
	store_close(store);
	assert_int_equal(fixture_number(fixture, "SELECT count(DISTINCT pid) FROM processes"), 30);
	fixture_check_integrity(fixture);
}

static void recovers_from_a_full_disk(void **state)
{
	recovers(*state, ENOSPC, -ENOSPC);
}

static void recovers_from_a_failing_disk(void **state)
{
	recovers(*state, EIO, -EIO);
}

static void recovers_without_being_asked(void **state)
{
	struct fixture *fixture = *state;
	struct store_stats stats;

	fixture->config.commit_interval_ms = 2;
	struct store *store = fixture_open(fixture);
	fail_after(0, ENOSPC);
	append_pids(store, 1, 10);
	do {
		(void)sched_yield();
		store_get_stats(store, &stats);
	} while (!stats.is_failing);
	heal();
	do {
		(void)sched_yield();
		store_get_stats(store, &stats);
	} while (stats.written < 10);
	assert_false(stats.is_failing);
	store_close(store);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM accesses"), 10);
}

static void counts_what_it_has_no_room_for(void **state)
{
	struct fixture *fixture = *state;
	struct access access = fixture_access();
	struct store_stats stats;

	fixture->config.queue_max = 20;
	struct store *store = fixture_open(fixture);
	fail_after(0, ENOSPC);
	append_pids(store, 1, 20);
	assert_int_equal(store_flush(store), -ENOSPC);
	for (int i = 0; i < 5; i++)
		assert_int_equal(store_append(store, &access), -EBUSY);
	heal();
	assert_int_equal(store_flush(store), 0);
	store_get_stats(store, &stats);
	assert_int_equal(stats.refused, 5);
	assert_int_equal(stats.written, 20);
	store_close(store);
}

static void closes_at_once_on_a_failing_disk(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture_open(fixture);

	append_pids(store, 1, 10);
	assert_int_equal(store_flush(store), 0);
	fail_after(0, EIO);
	append_pids(store, 11, 5000);
	uint64_t before_ns = clock_boot_ns();
	store_close(store);
	assert_true(clock_boot_ns() - before_ns < 2 * NS_PER_SEC);
	heal();
	store_close(fixture_open(fixture));
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM accesses"), 10);
	fixture_check_integrity(fixture);
}

/* Fails at the first write, then the second, ... until none is left to fail: all is there each time afterwards. */
static void survives_a_fault_at_each_write(void **state)
{
	struct fixture *fixture = *state;
	uint32_t pids = 0;
	bool has_failed = true;

	fixture->config.max_mib = 1024; /* nothing expires */
	struct store *store = fixture_open(fixture);
	for (long fault = 0; has_failed; fault++) {
		assert_true(fault < 10000);
		fail_after(fault, fault % 2 ? EIO : ENOSPC);
		append_pids(store, pids + 1, 300);
		pids += 300;
		has_failed = store_flush(store) < 0;
		heal();
		assert_int_equal(store_flush(store), 0);
		assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM accesses"), pids);
	}
	store_close(store);
	assert_true(pids > 10 * 300);
	fixture_check_integrity(fixture);
}

/* The same while it opens: an error each time, nothing leaks, and the next try finds a sound file. */
static void opens_after_a_fault_at_each_write(void **state)
{
	struct fixture *fixture = *state;
	int r = -1;

	for (long fault = 0; r < 0; fault++) {
		struct store *store = NULL;
		struct error error = {0};
		assert_true(fault < 1000);
		fail_after(fault, ENOSPC);
		r = store_open(&fixture->config, &store, &error);
		heal();
		if (r == 0) {
			assert_true(fault > 2);
			store_close(store);
		} else {
			assert_null(store);
			assert_string_not_equal(error.text, "");
		}
	}
	assert_int_equal(fixture_count_files(fixture, "store.db.corrupt-"), 0);
	fixture_check_integrity(fixture);
}

/* ---------------------------------------------------------------- a disk that is full */

static void fill_disk(const char *path)
{
	static char block[4096];
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	setbuf(file, NULL);
	while (fwrite(block, sizeof(block), 1, file) == 1)
		;
	(void)fclose(file); /* what was not written was not to be */
}

/* In a mount namespace of its own, so that nothing is left of it whatever happens. */
static bool mount_small_disk(const char *path)
{
	return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "size=2m,mode=0700") == 0;
}

static void goes_on_when_a_real_disk_is_full(void **state)
{
	struct fixture *fixture = *state;
	char disk[PATH_MAX - 300], filler[PATH_MAX];
	struct store_stats stats;

	(void)snprintf(disk, sizeof(disk), "%s/disk", fixture->directory);
	(void)snprintf(filler, sizeof(filler), "%s/filler", disk);
	assert_int_equal(mkdir(disk, 0700), 0);
	if (!mount_small_disk(disk)) {
		print_message("goes_on_when_a_real_disk_is_full: skipped, a tmpfs cannot be mounted here\n");
		skip();
	}
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/%s", disk, STORE_FILE_NAME);
	fixture->config.state_dir = disk;
	struct store *store = fixture_open(fixture);
	append_pids(store, 1, 10);
	assert_int_equal(store_flush(store), 0);
	fill_disk(filler);
	append_pids(store, 11, 2000);
	assert_int_equal(store_flush(store), -ENOSPC);
	append_pids(store, 2011, 90);
	assert_int_equal(remove(filler), 0);
	assert_int_equal(store_flush(store), 0);
	store_get_stats(store, &stats);
	assert_int_equal(stats.written, 2100);
	assert_int_equal(stats.refused, 0);
	store_close(store);
	fixture_check_integrity(fixture);
	assert_int_equal(umount(disk), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(recovers_from_a_full_disk),         TEST(recovers_from_a_failing_disk),
		TEST(recovers_without_being_asked),      TEST(counts_what_it_has_no_room_for),
		TEST(closes_at_once_on_a_failing_disk),  TEST(survives_a_fault_at_each_write),
		TEST(opens_after_a_fault_at_each_write), TEST(goes_on_when_a_real_disk_is_full),
	};
	log_set_level(LOG_LEVEL_ERROR); /* hundreds of warnings are the point here */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

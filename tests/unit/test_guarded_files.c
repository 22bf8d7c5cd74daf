/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../userspace/enforce/guarded_files.h"

static const struct stat_id stat_a = {.ino = 1, .dev_major = 8, .birth_sec = 100};
static const struct stat_id stat_b = {.ino = 2, .dev_major = 8, .birth_sec = 100};
static const struct file_id id_a = {.ino = 11, .dev = 8, .generation = 1};
static const struct file_id id_b = {.ino = 12, .dev = 8, .generation = 1};

static int make(void **state)
{
	return guarded_files_new((struct guarded_files **)state);
}

static int release(void **state)
{
	guarded_files_free(*state);
	return 0;
}

static void is_no_secret_until_it_is_set(void **state)
{
	struct guarded_files *files = *state;

	assert_int_equal(guarded_files_add(files, &stat_a, &id_a), 0);
	assert_int_equal(guarded_files_find(files, &stat_a)->number, 0);
	guarded_files_set(files, &id_a, 7);
	assert_int_equal(guarded_files_find(files, &stat_a)->number, 7);
	assert_null(guarded_files_find(files, &stat_b));
}

static void marking_again_keeps_what_is_set(void **state)
{
	struct guarded_files *files = *state;

	assert_int_equal(guarded_files_add(files, &stat_a, &id_a), 0);
	guarded_files_set(files, &id_a, 7);
	assert_int_equal(guarded_files_add(files, &stat_a, &id_a), 0);
	assert_int_equal(guarded_files_find(files, &stat_a)->number, 7);
	assert_int_equal(guarded_files_count(files), 1);
}

static void forgets_what_is_no_secret_any_more(void **state)
{
	struct guarded_files *files = *state;

	assert_int_equal(guarded_files_add(files, &stat_a, &id_a), 0);
	guarded_files_set(files, &id_a, 7);
	guarded_files_set(files, &id_a, 0);
	assert_null(guarded_files_find(files, &stat_a));
	guarded_files_set(files, &id_a, 7); /* never marked again: nothing to set */
	assert_int_equal(guarded_files_count(files), 0);
}

static void an_inode_number_used_again_is_another_file(void **state)
{
	struct guarded_files *files = *state;
	const struct stat_id reborn = {.ino = 1, .dev_major = 8, .birth_sec = 200};

	assert_int_equal(guarded_files_add(files, &stat_a, &id_a), 0);
	guarded_files_set(files, &id_a, 7);
	assert_null(guarded_files_find(files, &reborn));
	/* Without births the new file takes the old one's name here, and is no secret for it. */
	assert_int_equal(guarded_files_add(files, &stat_a, &id_b), 0);
	assert_int_equal(guarded_files_find(files, &stat_a)->number, 0);
	guarded_files_set(files, &id_a, 9);
	assert_int_equal(guarded_files_find(files, &stat_a)->number, 0);
	assert_int_equal(guarded_files_count(files), 1);
}

static void drops_only_what_was_never_set(void **state)
{
	struct guarded_files *files = *state;

	assert_int_equal(guarded_files_add(files, &stat_a, &id_a), 0);
	assert_int_equal(guarded_files_add(files, &stat_b, &id_b), 0);
	guarded_files_set(files, &id_b, 3);
	guarded_files_drop_unset(files);
	assert_null(guarded_files_find(files, &stat_a));
	assert_int_equal(guarded_files_find(files, &stat_b)->number, 3);
}

static void a_descriptor_and_an_o_path_one_are_of_the_same_file(void **state)
{
	char path[] = "/tmp/sagent-unit-XXXXXX";
	int fd = mkstemp(path), by_path = open(path, O_PATH | O_CLOEXEC);
	struct stat_id a, b;

	(void)state;
	assert_true(fd >= 0 && by_path >= 0);
	assert_int_equal(stat_id_read(fd, &a), 0);
	assert_int_equal(stat_id_read(by_path, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	(void)unlink(path);
	(void)close(by_path);
	(void)close(fd);
	assert_int_equal(stat_id_read(fd, &a), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_no_secret_until_it_is_set, make, release),
		cmocka_unit_test_setup_teardown(marking_again_keeps_what_is_set, make, release),
		cmocka_unit_test_setup_teardown(forgets_what_is_no_secret_any_more, make, release),
		cmocka_unit_test_setup_teardown(an_inode_number_used_again_is_another_file, make, release),
		cmocka_unit_test_setup_teardown(drops_only_what_was_never_set, make, release),
		cmocka_unit_test(a_descriptor_and_an_o_path_one_are_of_the_same_file),
	};

	return cmocka_run_group_tests_name("guarded_files", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/users.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[256];
static char other[264];

static int setup(void **state)
{
	const char *base = getenv("TMPDIR");
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/users.XXXXXX", base ? base : "/tmp");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	(void)snprintf(other, sizeof(other), "%s.new", path);
	return close(fd);
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(other); /* most tests make none */
	(void)unlink(path);  /* one removes it itself */
	return 0;
}

static void write_to(const char *to, const char *text)
{
	FILE *file = fopen(to, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void names_users(void **state)
{
	struct users *users;

	(void)state;
	write_to(path, "root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n");
	assert_int_equal(users_new(path, &users), 0);
	assert_string_equal(users_name(users, 0), "root");
	assert_string_equal(users_name(users, 1000), "bob");
	assert_null(users_name(users, 1));
	assert_null(users_name(users, UINT32_MAX));
	users_free(users);
}

static void takes_the_first_name_of_a_uid(void **state)
{
	struct users *users;

	(void)state;
	write_to(path, "root:x:0:0::/:/\ntoor:x:0:0::/:/\nzed:x:5:5::/:/\nabe:x:5:5::/:/\n");
	assert_int_equal(users_new(path, &users), 0);
	assert_string_equal(users_name(users, 0), "root");
	assert_string_equal(users_name(users, 5), "zed");
	users_free(users);
}

static void skips_what_is_no_user(void **state)
{
	struct users *users;

	(void)state;
	write_to(path, "# comment\n\ngarbage\n+::::::\n-bad:x:7:7::/:/\n:x:8:8::/:/\nbob:x:notanumber:1::/:/\n"
		       "amy:x:9:9::/:/\nhalf:x:10");
	assert_int_equal(users_new(path, &users), 0);
	assert_null(users_name(users, 0));
	assert_null(users_name(users, 7));
	assert_null(users_name(users, 8));
	assert_null(users_name(users, 10));
	assert_string_equal(users_name(users, 9), "amy");
	users_free(users);
}

static void follows_a_file_that_was_replaced(void **state)
{
	struct users *users;

	(void)state;
	write_to(path, "bob:x:1:1::/:/\n");
	assert_int_equal(users_new(path, &users), 0);
	write_to(other, "amy:x:1:1::/:/\n");
	assert_int_equal(rename(other, path), 0);
	assert_string_equal(users_name(users, 1), "bob");
	users_refresh(users);
	assert_string_equal(users_name(users, 1), "amy");
	users_free(users);
}

static void keeps_the_names_of_a_file_that_is_gone(void **state)
{
	struct users *users;

	(void)state;
	write_to(path, "bob:x:1:1::/:/\n");
	assert_int_equal(users_new(path, &users), 0);
	assert_int_equal(unlink(path), 0);
	users_refresh(users);
	assert_string_equal(users_name(users, 1), "bob");
	users_free(users);
}

static void names_nobody_without_a_regular_file(void **state)
{
	struct users *users;

	(void)state;
	assert_int_equal(unlink(path), 0);
	assert_int_equal(users_new(path, &users), 0);
	assert_null(users_name(users, 0));
	/* A FIFO without a writer must not hold the loop up. */
	assert_int_equal(mkfifo(path, 0600), 0);
	users_refresh(users);
	assert_null(users_name(users, 0));
	users_free(users);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(names_users),
		CASE(takes_the_first_name_of_a_uid),
		CASE(skips_what_is_no_user),
		CASE(follows_a_file_that_was_replaced),
		CASE(keeps_the_names_of_a_file_that_is_gone),
		CASE(names_nobody_without_a_regular_file),
	};

	return cmocka_run_group_tests_name("users", tests, NULL, NULL);
}

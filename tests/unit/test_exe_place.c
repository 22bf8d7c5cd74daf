/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "identity/exe_place.h"

struct fixture {
	char directory[64];
	char program[96];
	struct exe_place place;
};

static struct exe_id id_of(const char *path)
{
	struct exe_id exe = {0};
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	exe.file.ino = st.st_ino;
	exe.file.dev = major(st.st_dev) << 20 | minor(st.st_dev);
	exe.ctime_sec = st.st_ctim.tv_sec;
	exe.ctime_nsec = (uint32_t)st.st_ctim.tv_nsec;
	return exe;
}

static void write_file(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	(void)snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/exe-place-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	(void)snprintf(fixture->program, sizeof(fixture->program), "%s/program", fixture->directory);
	write_file(fixture->program);
	/* No process 1 under this root: our own namespace is the host. */
	assert_int_equal(exe_place_init(&fixture->place, fixture->directory), 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	exe_place_release(&fixture->place);
	(void)unlink(fixture->program);
	(void)rmdir(fixture->directory);
	free(fixture);
	return 0;
}

static void knows_the_namespace_of_the_host(void **state)
{
	const struct fixture *fixture = *state;
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/mnt", &st), 0);
	assert_int_equal(fixture->place.mnt_ns, (uint32_t)st.st_ino);
}

static void finds_a_program_where_it_says_it_is(void **state)
{
	const struct fixture *fixture = *state;
	struct exe_id exe = id_of(fixture->program);

	assert_true(exe_place_is_host(&fixture->place, fixture->program, &exe));
}

static void refuses_another_file_under_that_path(void **state)
{
	const struct fixture *fixture = *state;
	struct exe_id exe = id_of("/proc/self/exe");

	assert_false(exe_place_is_host(&fixture->place, fixture->program, &exe));
}

static void refuses_a_path_that_is_not_there(void **state)
{
	const struct fixture *fixture = *state;
	struct exe_id exe = id_of(fixture->program);

	assert_false(exe_place_is_host(&fixture->place, "/nowhere/program", &exe));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(knows_the_namespace_of_the_host, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_a_program_where_it_says_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_another_file_under_that_path, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_a_path_that_is_not_there, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

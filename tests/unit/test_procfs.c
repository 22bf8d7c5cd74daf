/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/procfs.h"

#include <errno.h>

#include "identity_fixture.h"

static void parses_a_name_with_parentheses_and_spaces(void **state)
{
	const struct procfs procfs = {.tick_ns = TICK_NS};
	struct procfs_stat stat;

	(void)state;
	assert_int_equal(procfs_parse_stat(&procfs,
					   "42 (a) R 9 (b)) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 555 1 2",
					   &stat),
			 0);
	assert_int_equal(stat.parent_pid, 7);
	assert_int_equal(stat.start_ns, 555 * TICK_NS);
	assert_string_equal(stat.comm, "a) R 9 (b)");
	assert_false(stat.is_kernel_thread);
}

static void knows_kernel_threads(void **state)
{
	const struct procfs procfs = {.tick_ns = TICK_NS};
	struct procfs_stat stat;

	(void)state;
	assert_int_equal(
		procfs_parse_stat(&procfs, "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0", &stat),
		0);
	assert_true(stat.is_kernel_thread);
	assert_int_equal(stat.parent_pid, 0);
}

static void takes_the_time_namespace_out(void **state)
{
	const struct procfs procfs = {.tick_ns = TICK_NS, .offset_ns = -5 * (int64_t)TICK_NS};
	struct procfs_stat stat;

	(void)state;
	assert_int_equal(procfs_parse_stat(&procfs, "2 (x) S 0 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 30 0 0", &stat), 0);
	assert_int_equal(stat.start_ns, 35 * TICK_NS);
}

static void refuses_garbage_and_leaves_the_answer(void **state)
{
	static const char *const texts[] = {"",
					    "1",
					    "1 (",
					    "1 )(",
					    "1 (a) S",
					    "1 (a) S x",
					    "1 (a) S 0 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99999999999999999999 0"};
	const struct procfs procfs = {.tick_ns = TICK_NS};
	struct procfs_stat stat = {.parent_pid = 77};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(procfs_parse_stat(&procfs, texts[i], &stat), -EBADMSG);
	assert_int_equal(stat.parent_pid, 77);
}

static void tells_a_process_from_the_next_one_of_its_pid(void **state)
{
	struct process_id id = {.pid = (uint32_t)getpid()};
	struct procfs procfs;
	struct procfs_stat stat;

	(void)state;
	assert_int_equal(procfs_init(&procfs, "/proc"), 0);
	assert_int_equal(procfs_read_stat(&procfs, id.pid, &stat), 0);
	assert_int_equal(stat.parent_pid, getppid());
	id.start_ns = stat.start_ns + procfs.tick_ns - 1;
	assert_true(procfs_is_alive(&procfs, &id));
	id.start_ns = stat.start_ns + procfs.tick_ns;
	assert_false(procfs_is_alive(&procfs, &id));
	id.start_ns = stat.start_ns - 1;
	assert_false(procfs_is_alive(&procfs, &id));
	id.pid = UINT32_MAX;
	assert_false(procfs_is_alive(&procfs, &id));
}

static void refuses_a_root_that_does_not_fit(void **state)
{
	char root[PROCFS_ROOT_MAX + 1];
	struct procfs procfs;

	(void)state;
	memset(root, 'a', sizeof(root));
	root[sizeof(root) - 1] = '\0';
	assert_int_equal(procfs_init(&procfs, root), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_a_name_with_parentheses_and_spaces),
		cmocka_unit_test(knows_kernel_threads),
		cmocka_unit_test(takes_the_time_namespace_out),
		cmocka_unit_test(refuses_garbage_and_leaves_the_answer),
		cmocka_unit_test(tells_a_process_from_the_next_one_of_its_pid),
		cmocka_unit_test(refuses_a_root_that_does_not_fit),
	};

	return cmocka_run_group_tests_name("procfs", tests, NULL, NULL);
}

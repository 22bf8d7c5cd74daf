/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/process_record.h"

#include <errno.h>

#include "identity_fixture.h"

static union record_space space;
static struct process_facts facts;

static size_t make(const char *path)
{
	struct task_snapshot task = test_task(7, 1, 5, "cat");

	return test_process_record(&space, RECORD_EXEC, &task, path, "cat\0/x", 7, 99);
}

static void assert_exe(size_t size, const char *expected)
{
	assert_int_equal(process_record_parse(&space.process, size, &facts), 0);
	assert_string_equal(facts.exe, expected);
	assert_int_equal(facts.exe_size, strlen(expected));
}

static void joins_a_walked_path(void **state)
{
	(void)state;
	assert_exe(make("/usr/bin/cat"), "/usr/bin/cat");
	assert_int_equal(facts.args_size, 7);
	assert_memory_equal(facts.args, "cat\0/x", 7);
	assert_int_equal(facts.time_ns, 99);
	assert_exe(make("/init"), "/init");
	assert_exe(make(NULL), "");
}

static void keeps_any_byte_of_a_name(void **state)
{
	(void)state;
	assert_exe(make("/tmp/a\nb\x1b[31m\xff/ (deleted)"), "/tmp/a\nb\x1b[31m\xff/ (deleted)");
}

static void marks_what_is_no_path_of_the_host(void **state)
{
	size_t size = make("/usr/sbin/sshd");

	(void)state;
	space.process.flags = PATH_FLAG_UNREACHABLE;
	assert_exe(size, "(unreachable)/usr/sbin/sshd");
	space.process.task.exe.flags = EXE_FLAG_MEMFD;
	assert_exe(size, "(unreachable)/usr/sbin/sshd");
	space.process.flags = PATH_FLAG_TRUNCATED;
	assert_exe(size, "(truncated)/usr/sbin/sshd");
	space.process.flags = PATH_FLAG_USER;
	memcpy(space.process.data, "/usr/sbin/ssh", 14);
	assert_exe(size, "(unresolved)/usr/sbin/ssh");
}

static void keeps_slashes_out_of_the_name_of_a_memfd(void **state)
{
	static const char name[] = "memfd:../usr/sbin/sshd";
	size_t size = make("/aaaaaaaaaaaaaaaaaaaaaa");

	(void)state;
	space.process.flags = PATH_FLAG_UNREACHABLE;
	space.process.task.exe.flags = EXE_FLAG_MEMFD;
	memcpy(space.process.data, name, sizeof(name));
	assert_exe(size, "/memfd:..!usr!sbin!sshd");
}

static void marks_a_walk_without_its_end(void **state)
{
	size_t size = make("/usr/bin/cat");

	(void)state;
	space.process.path_size = 6; /* "cat\0bi" */
	assert_exe(size, "(truncated)/bi/cat");
}

static void joins_the_longest_walk(void **state)
{
	struct task_snapshot task = test_task(7, 1, 5, "cat");
	size_t size = test_process_record(&space, RECORD_EXEC, &task, NULL, NULL, 0, 0);

	(void)state;
	memset(space.process.data, 'a', PROCESS_WALK_MAX);
	space.process.path_size = PROCESS_WALK_MAX;
	space.process.header.size = (uint32_t)(size += PROCESS_WALK_MAX);
	assert_int_equal(process_record_parse(&space.process, size, &facts), 0);
	assert_int_equal(facts.exe_size, strlen("(truncated)/") + PROCESS_WALK_MAX);
	for (size_t i = 1; i < PROCESS_WALK_MAX; i += 2)
		space.process.data[i] = '\0';
	assert_int_equal(process_record_parse(&space.process, size, &facts), 0);
	assert_int_equal(facts.exe_size, PROCESS_WALK_MAX);
	assert_int_equal(facts.exe[facts.exe_size], '\0');
	space.process.path_size++;
	space.process.header.size++;
	assert_int_equal(process_record_parse(&space.process, size + 1, &facts), -EBADMSG);
}

static void joins_the_path_of_a_script(void **state)
{
	size_t size = make("/bin/sh");

	(void)state;
	assert_int_equal(process_record_parse(&space.process, size, &facts), 0);
	assert_true(facts.is_script_known);
	assert_int_equal(facts.script_size, 0);
	assert_string_equal(facts.script, "");
	size = test_record_script(&space, "/opt/backup.sh");
	assert_exe(size, "/bin/sh");
	assert_string_equal(facts.script, "/opt/backup.sh");
	assert_int_equal(facts.script_size, strlen(facts.script));
	assert_int_equal(facts.args_size, 7);
	assert_memory_equal(facts.args, "cat\0/x", 7);
	space.process.script_flags = PATH_FLAG_UNREACHABLE;
	space.process.image_flags = IMAGE_SCRIPT_UNKNOWN;
	assert_exe(size, "/bin/sh");
	assert_string_equal(facts.script, "(unreachable)/opt/backup.sh");
	assert_false(facts.is_script_known);
}

static void refuses_sizes_that_lie(void **state)
{
	size_t size = make("/usr/bin/cat");
	const union record_space good = space;

	(void)state;
	assert_int_equal(process_record_parse(&space.process, size - 1, &facts), -EBADMSG);
	assert_int_equal(process_record_parse(&space.process, 0, &facts), -EBADMSG);
	space.process.header.size = (uint32_t)size - 1;
	assert_int_equal(process_record_parse(&space.process, size, &facts), -EBADMSG);
	space = good;
	space.process.args_size = UINT32_MAX;
	assert_int_equal(process_record_parse(&space.process, size, &facts), -EBADMSG);
	space = good;
	space.process.path_size = UINT32_MAX - 6;
	assert_int_equal(process_record_parse(&space.process, size, &facts), -EBADMSG);
	space = good;
	space.process.script_size = 8;
	assert_int_equal(process_record_parse(&space.process, size, &facts), -EBADMSG);
	space.process.script_size = UINT32_MAX - 6;
	assert_int_equal(process_record_parse(&space.process, size, &facts), -EBADMSG);
	space = good;
	space.process.header.size = 4;
	assert_int_equal(process_record_parse(&space.process, size, &facts), -EBADMSG);
}

static void refuses_what_is_no_process(void **state)
{
	size_t size = make("/usr/bin/cat");

	(void)state;
	space.process.task.id.pid = 0;
	assert_int_equal(process_record_parse(&space.process, size, &facts), -EBADMSG);
	space.process.task.id.pid = UINT32_MAX;
	assert_int_equal(process_record_parse(&space.process, size, &facts), -EBADMSG);
	space.process.task.id.pid = 1;
	space.process.header.type = RECORD_EXIT;
	assert_int_equal(process_record_parse(&space.process, size, &facts), -EBADMSG);
}

static void checks_exit_and_cgroup_records(void **state)
{
	size_t size = test_exit_record(&space, 5, 1);

	(void)state;
	assert_int_equal(exit_record_check(&space.exit, size), 0);
	assert_int_equal(exit_record_check(&space.exit, size - 1), -EBADMSG);
	space.exit.id.pid = 0;
	assert_int_equal(exit_record_check(&space.exit, size), -EBADMSG);

	size = test_cgroup_record(&space, 5, "/a");
	assert_int_equal(cgroup_record_check(&space.cgroup, size), 0);
	space.cgroup.path_size++;
	assert_int_equal(cgroup_record_check(&space.cgroup, size), -EBADMSG);
	size = test_cgroup_record(&space, 5, "/a");
	space.cgroup.path[2] = 'b';
	assert_int_equal(cgroup_record_check(&space.cgroup, size), -EBADMSG);
	size = test_cgroup_record(&space, 5, "a");
	assert_int_equal(cgroup_record_check(&space.cgroup, size), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins_a_walked_path),
		cmocka_unit_test(keeps_any_byte_of_a_name),
		cmocka_unit_test(marks_what_is_no_path_of_the_host),
		cmocka_unit_test(keeps_slashes_out_of_the_name_of_a_memfd),
		cmocka_unit_test(marks_a_walk_without_its_end),
		cmocka_unit_test(joins_the_longest_walk),
		cmocka_unit_test(joins_the_path_of_a_script),
		cmocka_unit_test(refuses_sizes_that_lie),
		cmocka_unit_test(refuses_what_is_no_process),
		cmocka_unit_test(checks_exit_and_cgroup_records),
	};

	return cmocka_run_group_tests_name("process_record", tests, NULL, NULL);
}

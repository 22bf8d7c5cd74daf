/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/identity.h"

#include <fcntl.h>
#include <limits.h>
#include <malloc.h>

#include "base/access.h"
#include "base/clock.h"
#include "identity_fixture.h"

#define SHELL 10 /* inode numbers */
#define CAT   11
#define SSHD  12

static struct test_directory proc;
static struct identity *identity;
static struct access_process process;
static union record_space space;

static void open_identity(size_t max_processes)
{
	char passwd[300];

	test_write_file(&proc, "passwd", "root:x:0:0::/:/\nbob:x:1000:1000::/:/\n", 38);
	(void)snprintf(passwd, sizeof(passwd), "%s/passwd", proc.path);
	assert_int_equal(identity_new(NULL, NULL,
				      &(struct identity_config){.max_processes = max_processes,
								.args = true,
								.proc_root = proc.path,
								.passwd_path = passwd},
				      &identity),
			 0);
}

static int setup(void **state)
{
	(void)state;
	test_directory_make(&proc);
	open_identity(64);
	return 0;
}

static int setup_with_v1(void **state)
{
	static const char mounts[] = "40 31 0:37 / /none rw - cgroup cgroup rw,name=systemd\n";

	(void)state;
	test_directory_make(&proc);
	test_make_directory(&proc, "self");
	test_write_file(&proc, "self/mountinfo", mounts, sizeof(mounts) - 1);
	open_identity(64);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	identity_free(identity);
	test_directory_remove(&proc);
	return 0;
}

static void feed(enum record_type type, const struct task_snapshot *task, const char *path, const char *args,
		 size_t args_size, uint64_t time_ns)
{
	size_t size = test_process_record(&space, type, task, path, args, args_size, time_ns);

	identity_process(identity, &space.process, size);
}

static void fork_from(uint32_t parent, uint32_t pid, uint64_t ino)
{
	struct task_snapshot task = test_task(pid, parent, ino, "sh");

	feed(RECORD_FORK, &task, NULL, NULL, 0, pid);
}

static void execute(uint32_t pid, uint32_t parent, uint64_t ino, const char *path)
{
	struct task_snapshot task = test_task(pid, parent, ino, "x");

	feed(RECORD_EXEC, &task, path, "arg0\0-l\0", 8, pid + 1);
}

static void leave(uint32_t pid, uint64_t time_ns)
{
	size_t size = test_exit_record(&space, pid, time_ns);

	identity_exit(identity, &space.exit, size);
}

static void describe(uint32_t pid, uint32_t parent, uint64_t ino)
{
	struct task_snapshot task = test_task(pid, parent, ino, "comm");

	task.cred.uid = 1000;
	identity_describe(identity, &task, &process);
}

static void describes_a_process_by_its_records_alone(void **state)
{
	(void)state;
	execute(1, 0, 1, "/sbin/init");
	fork_from(1, 5, 1);
	execute(5, 1, SHELL, "/bin/sh");
	fork_from(5, 6, SHELL);
	execute(6, 5, CAT, "/usr/bin/cat");
	describe(6, 5, CAT);
	assert_int_equal(process.id.pid, 6);
	assert_int_equal(process.tid, 6);
	assert_string_equal(process.exe, "/usr/bin/cat");
	assert_string_equal(process.comm, "comm");
	assert_string_equal(process.user, "bob");
	assert_int_equal(process.args_count, 2);
	assert_string_equal(process.args[0], "arg0");
	assert_string_equal(process.args[1], "-l");
	assert_string_equal(process.cgroup, "");
	assert_null(process.unit);
	assert_null(process.exe_sha256);
	assert_int_equal(process.ancestors_count, 2);
	assert_int_equal(process.ancestors[0].pid, 5);
	assert_string_equal(process.ancestors[0].exe, "/bin/sh");
	assert_int_equal(process.ancestors[1].pid, 1);
	assert_string_equal(process.ancestors[1].exe, "/sbin/init");
	assert_false(process.ancestors_truncated);
	assert_int_equal(identity_stats(identity).completed, 0);
}

static void knows_the_script_that_a_process_and_its_forks_run(void **state)
{
	struct task_snapshot task = test_task(5, 1, SHELL, "x");

	(void)state;
	execute(1, 0, 1, "/sbin/init");
	(void)test_process_record(&space, RECORD_EXEC, &task, "/bin/sh", "sh\0", 3, 6);
	identity_process(identity, &space.process, test_record_script(&space, "/opt/backup.sh"));
	describe(5, 1, SHELL);
	assert_string_equal(process.exe, "/bin/sh");
	assert_string_equal(process.script, "/opt/backup.sh");
	fork_from(5, 6, SHELL);
	describe(6, 5, SHELL);
	assert_string_equal(process.script, "/opt/backup.sh");
	execute(6, 5, CAT, "/usr/bin/cat");
	describe(6, 5, CAT);
	assert_null(process.script);
}

static void knows_a_process_that_is_gone(void **state)
{
	(void)state;
	execute(1, 0, 1, "/sbin/init");
	execute(5, 1, SHELL, "/bin/sh");
	fork_from(5, 6, SHELL);
	leave(6, 100);
	leave(5, 100);
	identity_tick(identity, 100 + 2 * NS_PER_SEC);
	describe(6, 1, SHELL); /* the kernel has given it to init */
	assert_string_equal(process.exe, "/bin/sh");
	assert_int_equal(process.ancestors_count, 2);
	assert_int_equal(process.ancestors[0].pid, 5);
	identity_tick(identity, 101 + 2 * NS_PER_SEC);
	assert_int_equal(identity_stats(identity).processes, 1);
	assert_int_equal(identity_stats(identity).exited, 0);
}

static void tells_what_ran_at_the_access_though_another_exec_came(void **state)
{
	(void)state;
	execute(5, 0, SHELL, "/bin/sh");
	execute(5, 0, CAT, "/usr/bin/cat");
	describe(5, 0, SHELL);
	assert_string_equal(process.exe, "/bin/sh");
	describe(5, 0, CAT);
	assert_string_equal(process.exe, "/usr/bin/cat");
}

static void lends_no_path_to_an_executable_it_does_not_know(void **state)
{
	(void)state;
	execute(5, 0, SHELL, "/bin/sh");
	describe(5, 0, SSHD);
	assert_string_equal(process.exe, "");
	assert_int_equal(process.args_count, 0);
	/* A child of somebody whose exec was lost. */
	fork_from(5, 6, SSHD);
	describe(6, 5, SSHD);
	assert_string_equal(process.exe, "");
}

static void tells_a_memfd_though_its_name_is_not_known(void **state)
{
	struct task_snapshot task = test_task(5, 1, SHELL, "3");

	(void)state;
	task.exe.flags = EXE_FLAG_MEMFD | EXE_FLAG_DELETED;
	feed(RECORD_EXEC, &task, NULL, NULL, 0, 1);
	identity_describe(identity, &task, &process);
	assert_string_equal(process.exe, "/memfd:");
}

static void tells_kernel_threads(void **state)
{
	struct task_snapshot task = test_task(2, 0, 0, "kthreadd");

	(void)state;
	feed(RECORD_SNAPSHOT, &task, NULL, NULL, 0, 1);
	fork_from(2, 30, 0);
	describe(30, 2, 0);
	assert_string_equal(process.exe, "[comm]");
	assert_int_equal(process.ancestors_count, 1);
	assert_string_equal(process.ancestors[0].exe, "[kthreadd]");
	assert_false(process.ancestors_truncated);
}

static void knows_the_executable_of_a_process_that_is_exiting(void **state)
{
	(void)state;
	execute(5, 0, SHELL, "/bin/sh");
	describe(5, 0, 0); /* its memory is gone already */
	assert_string_equal(process.exe, "/bin/sh");
}

static void takes_snapshots_in_any_order(void **state)
{
	struct task_snapshot child = test_task(6, 5, CAT, "cat");
	struct task_snapshot parent = test_task(5, 1, SHELL, "sh");
	struct task_snapshot init = test_task(1, 0, 1, "init");

	(void)state;
	feed(RECORD_SNAPSHOT, &child, "/usr/bin/cat", NULL, 0, 1);
	feed(RECORD_SNAPSHOT, &parent, "/bin/sh", NULL, 0, 1);
	feed(RECORD_SNAPSHOT, &init, "/sbin/init", NULL, 0, 1);
	leave(5, 2);
	identity_tick(identity, 1);
	identity_tick(identity, 10 * NS_PER_SEC);
	describe(6, 5, CAT);
	assert_int_equal(process.ancestors_count, 2);
	assert_string_equal(process.ancestors[0].exe, "/bin/sh");
	assert_string_equal(process.ancestors[1].exe, "/sbin/init");
}

static void lets_no_older_snapshot_hide_an_exec(void **state)
{
	struct task_snapshot task = test_task(5, 0, SHELL, "sh");

	(void)state;
	execute(5, 0, CAT, "/usr/bin/cat");
	feed(RECORD_SNAPSHOT, &task, "/bin/sh", NULL, 0, 2);
	assert_string_equal(identity_exe_of_pid(identity, 5), "/usr/bin/cat");
}

static struct task_snapshot real_task(uint32_t pid, uint32_t parent, const char *exe)
{
	struct task_snapshot task = test_task(pid, parent, 1, "x");
	struct statx stx;

	assert_int_equal(statx(AT_FDCWD, exe, 0, STATX_BASIC_STATS, &stx), 0);
	task.exe.file.ino = stx.stx_ino;
	task.exe.file.dev = stx.stx_dev_major << 20 | stx.stx_dev_minor;
	task.exe.ctime_sec = stx.stx_ctime.tv_sec;
	task.exe.ctime_nsec = stx.stx_ctime.tv_nsec;
	return task;
}

static void completes_a_lost_process_from_proc(void **state)
{
	char shell[PATH_MAX];
	struct task_snapshot task = real_task(20, 10, "/bin/sh");

	(void)state;
	assert_non_null(realpath("/bin/sh", shell));
	test_add_process(&proc, 1, 0, "/bin/sh");
	test_add_process(&proc, 7, 1, "/bin/sh");
	test_add_process(&proc, 10, 7, "/bin/sh");
	test_add_process(&proc, 20, 10, "/bin/sh");
	identity_describe(identity, &task, &process);
	assert_string_equal(process.exe, shell);
	assert_int_equal(process.args_count, 2);
	assert_string_equal(process.args[0], "prog");
	assert_int_equal(process.ancestors_count, 3);
	assert_int_equal(process.ancestors[0].pid, 10);
	assert_int_equal(process.ancestors[1].pid, 7);
	assert_int_equal(process.ancestors[2].pid, 1);
	assert_string_equal(process.ancestors[2].exe, shell);
	assert_false(process.ancestors_truncated);

	/* Once: nothing of it is asked for again. */
	for (uint32_t pid = 1; pid <= 20; pid++)
		if (pid == 1 || pid == 7 || pid == 10 || pid == 20)
			test_remove_process(&proc, pid);
	identity_describe(identity, &task, &process);
	assert_string_equal(process.exe, shell);
	assert_int_equal(process.ancestors_count, 3);
	/* Records that come later find the same entries, exact start or not. */
	execute(7, 1, CAT, "/usr/bin/cat");
	identity_describe(identity, &task, &process);
	assert_int_equal(process.ancestors_count, 3);
	assert_string_equal(process.ancestors[1].exe, "/usr/bin/cat");
	assert_int_equal(identity_stats(identity).processes, 4);
}

static void takes_nothing_from_another_process_of_that_pid(void **state)
{
	struct task_snapshot task = real_task(20, 0, "/bin/sh");

	(void)state;
	test_add_process(&proc, 20, 0, "/bin/sh");
	task.id.start_ns += TICK_NS;
	identity_describe(identity, &task, &process);
	assert_string_equal(process.exe, "");
	assert_true(process.ancestors_truncated);
	assert_int_equal(identity_stats(identity).processes, 0);
}

static void takes_no_path_of_another_executable_from_proc(void **state)
{
	struct task_snapshot task = real_task(20, 0, "/bin/sh");

	(void)state;
	test_add_process(&proc, 20, 0, "/bin/sh");
	task.exe.file.ino++;
	identity_describe(identity, &task, &process);
	assert_string_equal(process.exe, "");
}

static void tells_the_cgroup_it_was_told_of(void **state)
{
	struct task_snapshot task = test_task(5, 0, SHELL, "sh");
	size_t size = test_cgroup_record(&space, 99, "/system.slice/ssh.service");

	(void)state;
	identity_cgroup(identity, &space.cgroup, size);
	task.cgroup_id = 99;
	identity_describe(identity, &task, &process);
	assert_string_equal(process.cgroup, "/system.slice/ssh.service");
	assert_string_equal(process.unit, "ssh.service");
	assert_null(process.container);
}

static void reads_the_systemd_hierarchy_of_v1_once(void **state)
{
	size_t size;
	struct task_snapshot task = test_task(5, 0, SHELL, "sh");

	(void)state;
	test_add_process(&proc, 5, 0, "/bin/sh");
	execute(5, 0, SHELL, "/bin/sh");
	size = test_cgroup_record(&space, 99, "/");
	identity_cgroup(identity, &space.cgroup, size);
	task.cgroup_id = 99;
	identity_describe(identity, &task, &process);
	assert_string_equal(process.cgroup, "/system.slice/old5.service");
	assert_string_equal(process.unit, "old5.service");
	test_remove_process(&proc, 5);
	identity_describe(identity, &task, &process);
	assert_string_equal(process.unit, "old5.service");
}

static void marks_ancestors_that_are_not_all(void **state)
{
	(void)state;
	execute(1, 0, 1, "/sbin/init");
	for (uint32_t pid = 3; pid < 3 + ACCESS_ANCESTORS_MAX + 2; pid++)
		fork_from(pid == 3 ? 1 : pid - 1, pid, 1);
	describe(3 + ACCESS_ANCESTORS_MAX + 1, 0, 1);
	assert_int_equal(process.ancestors_count, ACCESS_ANCESTORS_MAX);
	assert_true(process.ancestors_truncated);
	describe(3 + ACCESS_ANCESTORS_MAX - 1, 0, 1);
	assert_int_equal(process.ancestors_count, ACCESS_ANCESTORS_MAX);
	assert_int_equal(process.ancestors[ACCESS_ANCESTORS_MAX - 1].pid, 1);
	assert_false(process.ancestors_truncated);
}

static void counts_and_drops_malformed_records(void **state)
{
	struct task_snapshot task = test_task(5, 0, SHELL, "sh");
	size_t size = test_process_record(&space, RECORD_EXEC, &task, "/bin/sh", NULL, 0, 1);

	(void)state;
	identity_process(identity, &space.process, size - 1);
	size = test_exit_record(&space, 5, 1);
	identity_exit(identity, &space.exit, size - 1);
	size = test_cgroup_record(&space, 5, "no slash");
	identity_cgroup(identity, &space.cgroup, size);
	assert_int_equal(identity_stats(identity).rejected, 3);
	assert_int_equal(identity_stats(identity).processes, 0);
}

static size_t resident_kib(void)
{
	unsigned long size = 0;
	unsigned long resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu", &size, &resident), 2);
	assert_int_equal(fclose(file), 0);
	return resident * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

/* One build step: make starts a shell, the shell a compiler with arguments of its own. */
static void run_program(uint32_t pid, uint32_t parent, uint64_t time_ns)
{
	struct task_snapshot task = test_task(pid, parent, CAT, "cc1");
	char args[512];
	int n;

	fork_from(parent, pid, SHELL);
	n = snprintf(args, sizeof(args),
		     "/usr/lib/gcc/x86_64-linux-gnu/12/cc1%c-O2%c-o%c/tmp/cc%06u.s%csource/module_%u.c", 0, 0, 0, pid,
		     0, pid);
	feed(RECORD_EXEC, &task, "/usr/lib/gcc/x86_64-linux-gnu/12/cc1", args, (size_t)n + 1, time_ns);
}

static void stays_small_with_100000_processes(void **state)
{
	enum { SEEN = 100000, PER_SECOND = 2000, MAX = 32768 };
	size_t before;
	struct identity_stats stats;

	(void)state;
	identity_free(identity);
	open_identity(MAX);
	before = resident_kib();
	execute(1, 0, 1, "/sbin/init");
	execute(2000, 1, SHELL, "/bin/sh");
	for (uint32_t i = 0; i < SEEN; i++) {
		uint64_t now = (uint64_t)i * NS_PER_SEC / PER_SECOND;

		run_program(3000 + i, 2000, now);
		leave(3000 + i, now);
		if (i % PER_SECOND == 0)
			identity_tick(identity, now);
	}
	stats = identity_stats(identity);
	print_message("100,000 ended, a tick each 2,000: %zu kept, %zu KiB of strings, RSS + %zu KiB\n",
		      stats.processes, stats.string_bytes / 1024, resident_kib() - before);
	assert_int_equal(stats.evicted, 0);
	assert_true(stats.processes < 4 * PER_SECOND);

	/* All at once and all alive: as many as may be kept. */
	for (uint32_t i = 0; i < SEEN; i++)
		run_program(200000 + i, 2000, SEEN);
	stats = identity_stats(identity);
	print_message("100,000 living: %zu kept, %zu KiB of strings, RSS + %zu KiB\n", stats.processes,
		      stats.string_bytes / 1024, resident_kib() - before);
	assert_true(stats.processes <= MAX + 1);
	assert_true(stats.string_bytes < MAX * 160);
	describe(200000 + SEEN - 1, 2000, CAT);
	assert_string_equal(process.exe, "/usr/lib/gcc/x86_64-linux-gnu/12/cc1");
	assert_int_equal(process.ancestors_count, 2);
}

static void describes_without_memory_of_its_own(void **state)
{
	struct mallinfo2 before;
	struct mallinfo2 after;
	uint64_t start;

	(void)state;
	execute(1, 0, 1, "/sbin/init");
	for (uint32_t pid = 3; pid < 12; pid++)
		fork_from(pid == 3 ? 1 : pid - 1, pid, 1);
	execute(11, 10, CAT, "/usr/bin/cat");
	describe(11, 10, CAT);
	before = mallinfo2();
	start = clock_boot_ns();
	for (int i = 0; i < 10000; i++)
		describe(11, 10, CAT);
	print_message("identity_describe: %" PRIu64 " ns\n", (clock_boot_ns() - start) / 10000);
	after = mallinfo2();
	assert_int_equal(after.uordblks, before.uordblks);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(describes_a_process_by_its_records_alone),
		CASE(knows_the_script_that_a_process_and_its_forks_run),
		CASE(knows_a_process_that_is_gone),
		CASE(tells_what_ran_at_the_access_though_another_exec_came),
		CASE(lends_no_path_to_an_executable_it_does_not_know),
		CASE(tells_a_memfd_though_its_name_is_not_known),
		CASE(tells_kernel_threads),
		CASE(knows_the_executable_of_a_process_that_is_exiting),
		CASE(takes_snapshots_in_any_order),
		CASE(lets_no_older_snapshot_hide_an_exec),
		CASE(completes_a_lost_process_from_proc),
		CASE(takes_nothing_from_another_process_of_that_pid),
		CASE(takes_no_path_of_another_executable_from_proc),
		CASE(tells_the_cgroup_it_was_told_of),
		cmocka_unit_test_setup_teardown(reads_the_systemd_hierarchy_of_v1_once, setup_with_v1, teardown),
		CASE(marks_ancestors_that_are_not_all),
		CASE(counts_and_drops_malformed_records),
		CASE(stays_small_with_100000_processes),
		CASE(describes_without_memory_of_its_own),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for a verdict is who the event will say that it was: the resolver agrees with identity. */
#include "identity_fixture.h"

#include <errno.h>

#include "../../userspace/base/access.h"
#include "../../userspace/identity/identity.h"
#include "../../userspace/identity/resolver.h"

struct fixture {
	struct test_directory proc;
	struct identity *identity;
	struct resolver *resolver;
	union record_space space;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct identity_config config = {.max_processes = 64, .passwd_path = "/dev/null"};

	assert_non_null(f);
	test_directory_make(&f->proc);
	config.proc_root = f->proc.path;
	assert_int_equal(identity_new(NULL, NULL, &config, &f->identity), 0);
	assert_int_equal(resolver_new(f->proc.path, &f->resolver), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	identity_free(f->identity);
	resolver_free(f->resolver);
	test_directory_remove(&f->proc);
	free(f);
	return 0;
}

static void agree(struct fixture *f, const struct task_snapshot *task, const char *path, const char *exe)
{
	struct access_process here, there;
	size_t size = test_process_record(&f->space, RECORD_SNAPSHOT, task, path, NULL, 0, 5);

	assert_int_equal(resolver_describe(f->resolver, &f->space.process, size, &here), 0);
	identity_process(f->identity, &f->space.process, size);
	identity_describe(f->identity, task, &there);
	assert_string_equal(here.exe, exe);
	assert_string_equal(here.exe, there.exe);
	assert_string_equal(here.cgroup, there.cgroup);
	assert_string_equal(here.comm, there.comm);
	assert_string_equal(here.unit ? here.unit : "", there.unit ? there.unit : "");
	assert_string_equal(here.container ? here.container : "", there.container ? there.container : "");
	assert_memory_equal(&here.cred, &there.cred, sizeof(here.cred));
	assert_memory_equal(&here.exe_id, &there.exe_id, sizeof(here.exe_id));
	assert_memory_equal(&here.id, &there.id, sizeof(here.id));
}

static void a_program_of_the_host(void **state)
{
	struct task_snapshot task = test_task(7, 1, 77, "cat");

	task.cred.uid = 5;
	agree(*state, &task, "/usr/bin/cat", "/usr/bin/cat");
}

static void a_program_of_a_namespace_of_its_own_is_not_the_hosts(void **state)
{
	struct task_snapshot task = test_task(8, 1, 78, "cat");

	task.mnt_ns =
		12345; /* no process 1 in that /proc: every namespace is foreign, and the inode is not the host's */
	agree(*state, &task, "/usr/bin/env", "(elsewhere)/usr/bin/env");
}

static void a_kernel_thread_and_a_memfd(void **state)
{
	struct task_snapshot kernel = test_task(9, 2, 0, "kworker"), memory = test_task(10, 1, 80, "x");

	agree(*state, &kernel, NULL, "[kworker]");
	memory.exe.flags = EXE_FLAG_MEMFD | EXE_FLAG_TMPFS | EXE_FLAG_DELETED;
	agree(*state, &memory, NULL, "/memfd:");
}

static void says_what_it_cannot_know(void **state)
{
	struct fixture *f = *state;
	struct task_snapshot task = test_task(11, 1, 81, "cat");
	struct access_process process;
	size_t size = test_process_record(&f->space, RECORD_SNAPSHOT, &task, "/bin/cat", NULL, 0, 5);

	assert_int_equal(resolver_describe(f->resolver, &f->space.process, size, &process), 0);
	assert_true(process.ancestors_truncated);
	assert_int_equal(process.ancestors_count, 0);
	assert_null(process.exe_sha256);
	assert_null(process.script);
	assert_null(process.user);
	assert_int_equal(resolver_describe(f->resolver, &f->space.process, size - 1, &process), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_program_of_the_host, setup, teardown),
		cmocka_unit_test_setup_teardown(a_program_of_a_namespace_of_its_own_is_not_the_hosts, setup, teardown),
		cmocka_unit_test_setup_teardown(a_kernel_thread_and_a_memfd, setup, teardown),
		cmocka_unit_test_setup_teardown(says_what_it_cannot_know, setup, teardown),
	};

	return cmocka_run_group_tests_name("resolver", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The life of processes: forks, execs, ends, and what becomes of a secret that is open meanwhile. */
#include "bpf_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "sensor.skel.h"
#include "sensor/kernel_tables.h"

#define LIFE      "process_fork", "process_exec", "process_exit"
#define EXEC_FILE "/bin/true"

/* The `index`th record of that type about the process, NULL when there are not so many. */
static const void *life_of(struct bpf_fixture *f, pid_t pid, enum record_type type, size_t index)
{
	drain(f);
	for (size_t i = 0; i < f->processes.count; i++) {
		const struct record_header *header = f->processes.at[i].header;
		const struct process_record *process = (const struct process_record *)header;
		const struct exit_record *end = (const struct exit_record *)header;
		uint32_t who = header->type == RECORD_EXIT ? end->id.pid : process->task.id.pid;

		assert_int_equal(header->size, f->processes.at[i].size);
		if (header->type == type && who == (uint32_t)pid && index-- == 0)
			return header;
	}
	return NULL;
}

static int exit_status;

static int do_nothing(const void *argument)
{
	(void)argument;
	return 0;
}

static void tells_who_forked_whom_and_how_it_ended(void **state)
{
	struct bpf_fixture *f = *state;
	uint64_t before = clock_boot_ns();
	const struct process_record *born;
	const struct exit_record *end;
	pid_t pid;

	START(f, LIFE);
	pid = child_run(do_nothing, NULL);
	born = life_of(f, pid, RECORD_FORK, 0);
	assert_non_null(born);
	assert_int_equal(born->header.size, sizeof(*born));
	assert_int_equal(born->task.parent.pid, getpid());
	assert_int_equal(born->task.tid, pid);
	assert_int_equal(born->task.cred.uid, getuid());
	assert_in_range(born->task.id.start_ns, before, born->header.time_ns);
	assert_int_equal(born->path_size, 0);
	end = life_of(f, pid, RECORD_EXIT, 0);
	assert_non_null(end);
	assert_int_equal(end->header.size, sizeof(*end));
	assert_int_equal(end->id.start_ns, born->task.id.start_ns);
	assert_int_equal(end->exit_code, 0);
	assert_true(end->header.time_ns >= born->header.time_ns);
	assert_null(life_of(f, pid, RECORD_EXIT, 1));
	assert_null(life_of(f, pid, RECORD_EXEC, 0));
}

/* Runs a child that ends by `end`, and returns the code of its record. */
static uint32_t code_of_end(struct bpf_fixture *f, void (*end)(void), int *ret_status)
{
	const struct exit_record *record;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		end();
		_exit(99);
	}
	assert_int_equal(waitpid(pid, ret_status, 0), pid);
	record = life_of(f, pid, RECORD_EXIT, 0);
	assert_non_null(record);
	assert_null(life_of(f, pid, RECORD_EXIT, 1));
	return record->exit_code;
}

static void exit_with_7(void)
{
	_exit(7);
}

static void kill_self(void)
{
	(void)raise(SIGKILL);
}

static void *sleep_on(void *argument)
{
	(void)pause();
	return argument;
}

static void exit_with_threads(void)
{
	pthread_t thread;

	for (int i = 0; i < 4; i++) {
		if (pthread_create(&thread, NULL, sleep_on, NULL))
			_exit(98);
	}
	_exit(5);
}

static void *exit_late(void *argument)
{
	pthread_t leader = *(pthread_t *)argument;

	(void)pthread_join(leader, NULL);
	_exit(6);
}

/* The leader goes first: the process ends with its last thread. */
static void outlive_the_leader(void)
{
	static pthread_t self;
	pthread_t thread;

	self = pthread_self();
	if (pthread_create(&thread, NULL, exit_late, &self))
		_exit(98);
	pthread_exit(NULL);
}

static void tells_each_end_once_with_its_code(void **state)
{
	struct bpf_fixture *f = *state;
	static void (*const ends[])(void) = {exit_with_7, kill_self, exit_with_threads, outlive_the_leader};

	START(f, LIFE);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		int status = 0;
		uint32_t code = code_of_end(f, ends[i], &status);

		assert_int_equal(code & 0xff7f, (uint32_t)status & 0xff7f);
	}
}

static int execute(const void *path)
{
	char *const arguments[] = {(char *)"a name of its own", (char *)"--", (char *)"", (char *)"x\ny", NULL};
	char *const environment[] = {NULL};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)execve(path, arguments, environment);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return ECHILD;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

static const struct process_record *exec_below(struct bpf_fixture *f, pid_t parent)
{
	drain(f);
	for (size_t i = 0; i < f->processes.count; i++) {
		const struct process_record *record = (const struct process_record *)f->processes.at[i].header;

		if (record->header.type == RECORD_EXEC && record->task.parent.pid == (uint32_t)parent)
			return record;
	}
	fail_msg("no record of the exec");
	return NULL;
}

static void tells_what_was_executed(void **state)
{
	struct bpf_fixture *f = *state;
	static const char arguments[] = "a name of its own\0--\0\0x\ny";
	const struct process_record *record;
	char path[PATH_MAX + 2];
	struct file_id id;
	size_t used = 0;
	char *real = realpath(EXEC_FILE, NULL);

	assert_non_null(real);
	START(f, LIFE);
	record = exec_below(f, child_run(execute, EXEC_FILE));
	id = identity_of(f, real);
	assert_id_equal(&record->task.exe.file, &id);
	assert_string_equal(record->task.comm, "true");
	for (char *slash = strrchr(real, '/'); slash; slash = strrchr(real, '/')) { /* leaf first */
		used += (size_t)snprintf(path + used, sizeof(path) - used, "%s", slash + 1) + 1;
		*slash = '\0';
	}
	free(real);
	assert_int_equal(record->path_size, used);
	assert_memory_equal(record->data, path, used);
	assert_int_equal(record->flags, 0);
	assert_int_equal(record->args_size, sizeof(arguments));
	assert_memory_equal(record->data + used, arguments, sizeof(arguments));
	assert_int_equal(record->args_truncated, 0);
}

static int execute_with_much(const void *path)
{
	static char much[ABI_ARGS_MAX * 2];
	char *const arguments[] = {(char *)"true", much, NULL};
	pid_t pid = fork();

	memset(much, 'm', sizeof(much) - 1);
	if (pid == 0) {
		(void)execv(path, arguments);
		_exit(errno);
	}
	return pid > 0 && waitpid(pid, NULL, 0) == pid ? 0 : ECHILD;
}

static void cuts_long_arguments_and_says_so(void **state)
{
	struct bpf_fixture *f = *state;
	const struct process_record *record;

	START(f, LIFE);
	record = exec_below(f, child_run(execute_with_much, EXEC_FILE));
	assert_int_equal(record->args_size, ABI_ARGS_MAX);
	assert_int_equal(record->args_truncated, 1);
	assert_memory_equal(record->data + record->path_size, "true\0mmm", 8);
	assert_int_equal(record->data[record->path_size + ABI_ARGS_MAX - 1], 'm');
}

static void keeps_arguments_to_itself_when_told_so(void **state)
{
	struct bpf_fixture *f = *state;

	f->bpf->rodata->keep_args = false;
	START(f, LIFE);
	assert_int_equal(exec_below(f, child_run(execute, EXEC_FILE))->args_size, 0);
}

/* ---------------------------------------------------------------- secrets that are open meanwhile */

static int open_and_fork(const void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	pid_t pid = fd < 0 ? -1 : fork();
	int status;

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : ECHILD;
}

/* The one access on the ring that is not the child's own. */
static const struct access_record *access_of_another(struct bpf_fixture *f, pid_t pid)
{
	const struct access_record *found = NULL;

	drain(f);
	for (size_t i = 0; i < f->accesses.count; i++) {
		if (access_at(f, i)->key.process.pid != (uint32_t)pid) {
			assert_null(found);
			found = access_at(f, i);
		}
	}
	return found;
}

static void counts_what_a_child_inherits(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = make_file(f, "secret");
	const struct access_record *record;
	struct file_id id;
	pid_t pid;

	START(f, LIFE, open_program(f));
	id = watch(f, path);
	pid = child_run(open_and_fork, path);
	record = access_of_another(f, pid);
	assert_non_null(record);
	assert_id_equal(&record->key.file, &id);
	assert_int_equal(record->key.kind, ACCESS_RECEIVE);
	assert_int_equal(record->key.via, VIA_INHERITED);
	assert_int_equal(record->value.task.id.pid, record->key.process.pid);
	assert_int_equal(record->value.task.parent.pid, pid);
	assert_int_equal(f->accesses.count, 2); /* the open itself */
	assert_non_null(life_of(f, (pid_t)record->key.process.pid, RECORD_FORK, 0));
}

static int open_and_execute(const void *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (open(path, O_RDONLY) >= 0) /* stays open */
			(void)execl(EXEC_FILE, "true", (char *)NULL);
		_exit(1);
	}
	return pid > 0 && waitpid(pid, NULL, 0) == pid ? 0 : ECHILD;
}

static void counts_what_stays_open_over_an_exec(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = make_file(f, "secret");
	const struct access_record *opened, *kept;
	struct file_id exe;

	START(f, LIFE, open_program(f));
	(void)watch(f, path);
	(void)child_run(open_and_execute, path);
	drain(f);
	assert_int_equal(f->accesses.count, 2);
	opened = access_at(f, 0);
	kept = access_at(f, 1);
	assert_int_equal(opened->key.kind, ACCESS_OPEN);
	assert_int_equal(kept->key.kind, ACCESS_RECEIVE);
	assert_int_equal(kept->key.via, VIA_INHERITED);
	assert_int_equal(kept->key.process.pid, opened->key.process.pid);
	exe = identity_of(f, EXEC_FILE);
	assert_id_equal(&kept->value.task.exe.file, &exe);
	assert_string_equal(kept->value.task.comm, "true");
}

static void forgets_holders_that_end(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = make_file(f, "secret");
	struct child child;
	uint64_t since;
	uint32_t pid;

	START(f, LIFE, open_program(f));
	(void)watch(f, path);
	child = child_start(open_once, path);
	pid = (uint32_t)child.pid;
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(f->bpf->maps.holders), &pid, &since), 0);
	child_end(&child);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(f->bpf->maps.holders), &pid, &since), -ENOENT);
}

static pid_t target;

static int read_its_memory(const void *address)
{
	char byte;
	struct iovec here = {.iov_base = &byte, .iov_len = 1}, there = {.iov_base = (void *)address, .iov_len = 1};

	return process_vm_readv(target, &here, 1, &there, 1, 0) == 1 ? 0 : errno;
}

static void sees_a_look_into_the_memory_of_a_holder(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = make_file(f, "secret");
	struct child holder, other;
	pid_t pid;

	if (f->backend == SENSOR_BACKEND_TRACEPOINT)
		START(f, LIFE, open_program(f));
	else
		START(f, LIFE, open_program(f),
		      f->backend == SENSOR_BACKEND_LSM ? "lsm_ptrace_access_check" : "fentry_ptrace_access_check");
	(void)watch(f, path);
	holder = child_start(open_once, path);
	other = child_start(do_nothing, NULL);
	target = other.pid;
	pid = child_run(read_its_memory, &exit_status);
	assert_int_equal(accesses_by(f, pid), 0);
	target = holder.pid;
	pid = child_run(read_its_memory, &exit_status);
	assert_int_equal(accesses_by(f, pid), 1);
	assert_int_equal(access_at(f, 0)->key.kind, ACCESS_PROC_MEM);
	assert_int_equal(access_at(f, 0)->key.via, VIA_PROCESS_VM_READV);
	assert_int_equal(access_at(f, 0)->key.target, holder.pid);
	assert_int_equal(access_at(f, 0)->key.file.ino, 0);
	child_end(&holder);
	child_end(&other);
}

int main(void)
{
	static const struct bpf_case cases[] = {
		CASE(tells_who_forked_whom_and_how_it_ended),
		CASE(tells_each_end_once_with_its_code),
		CASE(tells_what_was_executed),
		CASE(cuts_long_arguments_and_says_so),
		CASE(keeps_arguments_to_itself_when_told_so),
		CASE(counts_what_a_child_inherits),
		CASE(counts_what_stays_open_over_an_exec),
		CASE(forgets_holders_that_end),
		CASE(sees_a_look_into_the_memory_of_a_holder),
	};

	return RUN_CASES(cases);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf_fixture.h: the real kernel programs on the kernel that runs, one object for each test, and children whose
 * accesses they see. The test itself is the daemon to them: what it opens is not observed.
 *
 * A test prepares (map sizes, settings), starts the programs that it names, fills the tables, lets children act, and
 * reads the rings. Children live in processes, directories and mount namespaces of their own.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi.h"
#include "base/error.h"
#include "sensor.skel.h"
#include "sensor/kernel_support.h"
#include "sensor/kernel_tables.h"
#include "sensor/name_hash.h"
#include "sensor/sensor_programs.h"
#include "sensor/syscall_table.h"

#define RECORDS_MAX 4096
#define LINKS_MAX   16
#define CASES_MAX   64

/* One record of a ring, as it came. */
struct ring_record {
	struct record_header *header; /* owned */
	size_t size;
};

struct records {
	struct ring_record at[RECORDS_MAX];
	size_t count;
};

struct bpf_fixture {
	enum sensor_backend backend;
	struct sensor_bpf *bpf;
	struct bpf_link *links[LINKS_MAX];
	size_t links_count;
	struct kernel_tables tables;
	struct ring_buffer *access_ring, *process_ring;
	struct records accesses, processes;
	char directory[64]; /* empty at first, 0755 */
};

static struct kernel_support host;

/* ---------------------------------------------------------------- programs */

static inline int print_warnings(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level != LIBBPF_WARN)
		return 0;
	(void)fputs("# ", stdout);
	return vprintf(format, arguments);
}

static inline int print_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

/* An object with all programs off and the settings that the daemon would choose here. */
static inline struct sensor_bpf *open_sensor(enum sensor_backend backend)
{
	struct sensor_bpf *bpf = sensor_bpf__open();
	struct bpf_program *program;

	assert_non_null(bpf);
	bpf_object__for_each_program (program, bpf->obj)
		assert_int_equal(bpf_program__set_autoload(program, false), 0);
	bpf->rodata->daemon_pid = (__u32)getpid();
	bpf->rodata->have_rdonly_cast = host.has_rdonly_cast;
	bpf->rodata->have_task_from_vpid = host.has_task_from_vpid;
	bpf->rodata->have_task_from_pid = host.has_task_from_pid;
	bpf->rodata->have_preempt_disable = host.has_preempt_disable;
	bpf->rodata->have_cqe_argument = host.has_cqe_argument;
	bpf->rodata->observe_exec = backend == SENSOR_BACKEND_TRACEPOINT;
	bpf->rodata->have_quiet = backend == SENSOR_BACKEND_TRACEPOINT && host.has_rdonly_cast && host.has_mount_id;
	bpf->rodata->quiet_key = 1;
	syscall_table_fill((uint8_t *)bpf->rodata->syscall_classes, (uint8_t *)bpf->rodata->syscall_classes_compat);
	return bpf;
}

static inline int keep_record(struct records *records, const void *data, size_t size)
{
	struct ring_record *record = &records->at[records->count];

	assert_true(records->count < RECORDS_MAX);
	assert_true(size >= sizeof(struct record_header));
	record->header = malloc(size);
	assert_non_null(record->header);
	memcpy(record->header, data, size);
	record->size = size;
	records->count++;
	return 0;
}

static inline int on_access(void *context, void *data, size_t size)
{
	return keep_record(&((struct bpf_fixture *)context)->accesses, data, size);
}

static inline int on_process(void *context, void *data, size_t size)
{
	return keep_record(&((struct bpf_fixture *)context)->processes, data, size);
}

/* Takes what is on the rings. */
static inline void drain(struct bpf_fixture *f)
{
	assert_true(ring_buffer__consume(f->access_ring) >= 0);
	assert_true(ring_buffer__consume(f->process_ring) >= 0);
}

static inline void forget_records(struct records *records)
{
	while (records->count > 0)
		free(records->at[--records->count].header);
}

/* Loads and attaches the programs (ended by NULL), and the one that tells identities. */
static inline void start(struct bpf_fixture *f, const char *const *programs)
{
	struct bpf_program *program;

	assert_int_equal(bpf_program__set_autoload(f->bpf->progs.files_of_daemon, true), 0);
	for (size_t i = 0; programs[i]; i++) {
		program = bpf_object__find_program_by_name(f->bpf->obj, programs[i]);
		assert_non_null(program);
		assert_int_equal(bpf_program__set_autoload(program, true), 0);
	}
	assert_int_equal(sensor_bpf__load(f->bpf), 0);
	f->tables = (struct kernel_tables){
		.watched_fd = bpf_map__fd(f->bpf->maps.watched),
		.directories_fd = bpf_map__fd(f->bpf->maps.directories),
		.names_fd = bpf_map__fd(f->bpf->maps.names),
		.ignored_fd = bpf_map__fd(f->bpf->maps.ignored),
		.filter = (uint64_t *)f->bpf->bss->filter,
		.directory_cache = f->bpf->bss->directory_cache,
		.name_filter = (uint64_t *)f->bpf->bss->name_filter,
		.has_names = &f->bpf->bss->has_names,
		.tree_epoch = (uint64_t *)&f->bpf->bss->tree_epoch,
	};
	f->access_ring = ring_buffer__new(bpf_map__fd(f->bpf->maps.accesses), on_access, f, NULL);
	f->process_ring = ring_buffer__new(bpf_map__fd(f->bpf->maps.processes), on_process, f, NULL);
	assert_non_null(f->access_ring);
	assert_non_null(f->process_ring);
	for (size_t i = 0; programs[i]; i++) {
		program = bpf_object__find_program_by_name(f->bpf->obj, programs[i]);
		if (strncmp(bpf_program__section_name(program), "iter/", 5) == 0)
			continue;
		assert_true(f->links_count < LINKS_MAX);
		f->links[f->links_count] = bpf_program__attach(program);
		assert_non_null(f->links[f->links_count]);
		f->links_count++;
	}
}

#define START(f, ...) start((f), (const char *const[]){__VA_ARGS__, NULL})

/* The program of the backend that sees opens. */
static inline const char *open_program(const struct bpf_fixture *f)
{
	static const char *const names[SENSOR_BACKEND_COUNT] = {
		[SENSOR_BACKEND_LSM] = "lsm_file_open",
		[SENSOR_BACKEND_FENTRY] = "fentry_file_open",
		[SENSOR_BACKEND_TRACEPOINT] = "tracepoint_sys_exit",
	};

	return names[f->backend];
}

/* The one that sees opens which are refused: with tracepoints the same. */
static inline const char *refused_program(const struct bpf_fixture *f)
{
	return f->backend == SENSOR_BACKEND_TRACEPOINT ? NULL : "fexit_do_filp_open";
}

/* Runs an iterator to its end into `out`; returns the bytes. */
static inline size_t read_iterator(const struct bpf_program *program, pid_t only_pid, void *out, size_t max)
{
	union bpf_iter_link_info info = {.task.pid = (__u32)only_pid};
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = only_pid ? &info : NULL,
		    .link_info_len = only_pid ? sizeof(info) : 0);
	struct bpf_link *link = bpf_program__attach_iter(program, &options);
	size_t size = 0;
	ssize_t got;
	int fd;

	if (!link && only_pid) /* before 6.1 there is no such choice */
		return read_iterator(program, 0, out, max);
	assert_non_null(link);
	fd = bpf_iter_create(bpf_link__fd(link));
	assert_true(fd >= 0);
	while ((got = read(fd, (char *)out + size, max - size)) > 0)
		size += (size_t)got;
	assert_int_equal(got, 0);
	(void)close(fd);
	assert_int_equal(bpf_link__destroy(link), 0);
	return size;
}

/* What the kernel says of a descriptor of ours. */
static inline struct file_record identify_fd(struct bpf_fixture *f, int fd)
{
	static struct file_record records[1024];
	size_t count =
		read_iterator(f->bpf->progs.files_of_daemon, getpid(), records, sizeof(records)) / sizeof(records[0]);

	for (size_t i = 0; i < count; i++) {
		if (records[i].fd == (__u32)fd)
			return records[i];
	}
	fail_msg("the iterator does not tell of descriptor %d", fd);
	return (struct file_record){0};
}

static inline struct file_id identity_of(struct bpf_fixture *f, const char *path)
{
	struct file_record record;
	int fd = open(path, O_PATH | O_CLOEXEC);

	assert_true(fd >= 0);
	record = identify_fd(f, fd);
	(void)close(fd);
	return record.file;
}

/* ---------------------------------------------------------------- tables */

static inline struct file_id watch(struct bpf_fixture *f, const char *path)
{
	const struct watch_value value = {0};
	struct file_id id = identity_of(f, path);

	assert_int_equal(kernel_tables_sink.set_file(&f->tables, &id, &value), 0);
	return id;
}

static inline struct file_id watch_directory(struct bpf_fixture *f, const char *path, uint32_t flags, uint32_t depths)
{
	const struct directory_value value = {.flags = flags, .depths = depths};
	struct file_id id = identity_of(f, path);

	assert_int_equal(kernel_tables_sink.set_directory(&f->tables, &id, &value), 0);
	return id;
}

static inline void watch_name(struct bpf_fixture *f, const struct file_id *directory, const char *name, uint32_t flags,
			      uint32_t depths)
{
	const struct name_key key = {.directory = *directory, .hash = name_hash(name, strlen(name))};
	const struct name_value value = {.flags = flags, .depths = depths};

	assert_int_equal(kernel_tables_sink.set_name(&f->tables, &key, &value), 0);
}

/* ---------------------------------------------------------------- records and counters */

static inline const struct access_record *access_at(const struct bpf_fixture *f, size_t index)
{
	assert_true(index < f->accesses.count);
	assert_true(f->accesses.at[index].size >= sizeof(struct access_record));
	return (const struct access_record *)f->accesses.at[index].header;
}

static inline void assert_id_equal(const struct file_id *id, const struct file_id *expected)
{
	assert_int_equal(id->ino, expected->ino);
	assert_int_equal(id->dev, expected->dev);
	assert_int_equal(id->generation, expected->generation);
}

/* The accesses on the ring that a process made; those before are dropped. */
static inline size_t accesses_by(struct bpf_fixture *f, pid_t pid)
{
	size_t kept = 0;

	drain(f);
	for (size_t i = 0; i < f->accesses.count; i++) {
		if (access_at(f, i)->key.process.pid == (uint32_t)pid)
			f->accesses.at[kept++] = f->accesses.at[i];
		else
			free(f->accesses.at[i].header);
	}
	f->accesses.count = kept;
	return kept;
}

static inline struct access_value counter_of(const struct bpf_fixture *f, const struct access_key *key)
{
	struct access_value value = {0};

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(f->bpf->maps.counters), key, &value), 0);
	return value;
}

/* All counts of all counters. */
static inline uint64_t counted(const struct bpf_fixture *f, size_t *ret_counters)
{
	int fd = bpf_map__fd(f->bpf->maps.counters);
	struct access_key key, *last = NULL;
	struct access_value value;
	uint64_t sum = 0;

	for (*ret_counters = 0; bpf_map_get_next_key(fd, last, &key) == 0; last = &key) {
		assert_int_equal(bpf_map_lookup_elem(fd, &key, &value), 0);
		sum += value.count;
		++*ret_counters;
	}
	return sum;
}

static inline struct cpu_counters all_cpus(const struct bpf_fixture *f)
{
	struct cpu_counters total = {0}, *values = calloc((size_t)libbpf_num_possible_cpus(), sizeof(*values));
	__u32 zero = 0;

	assert_non_null(values);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(f->bpf->maps.cpu_state), &zero, values), 0);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++) {
		for (size_t place = 0; place < LOSS_PLACE_COUNT; place++)
			total.losses[place] += values[cpu].losses[place];
		total.access_seq += values[cpu].access_seq;
		total.process_seq += values[cpu].process_seq;
	}
	free(values);
	return total;
}

/* ---------------------------------------------------------------- files */

/* `name` below the fixture's directory; four answers live at a time. */
static inline const char *at(const struct bpf_fixture *f, const char *name)
{
	static char answers[4][PATH_MAX * 2];
	static unsigned int next;
	char *answer = answers[next++ % 4];

	(void)snprintf(answer, sizeof(answers[0]), "%s/%s", f->directory, name);
	return answer;
}

/* With its directories; returns its path as at(). */
static inline const char *make_file(const struct bpf_fixture *f, const char *name)
{
	const char *path = at(f, name);
	char copy[PATH_MAX * 2];
	int fd;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	for (char *slash = strchr(copy + strlen(f->directory) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0)
			assert_int_equal(errno, EEXIST);
		*slash = '/';
	}
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	(void)close(fd);
	return path;
}

static inline int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* ---------------------------------------------------------------- children */

struct child {
	pid_t pid;
	int held; /* the child waits for a byte from here */
};

/* A child that has run `act` and now waits. `act` returns 0 or an errno; it must not assert. */
static inline struct child child_start(int (*act)(const void *argument), const void *argument)
{
	struct child child;
	int go[2], done[2], result = -1;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	assert_int_equal(pipe2(done, O_CLOEXEC), 0);
	(void)fflush(stdout);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		char byte;

		(void)close(go[1]);
		(void)close(done[0]);
		result = act(argument);
		if (write(done[1], &result, sizeof(result)) != sizeof(result))
			_exit(1);
		_exit(read(go[0], &byte, 1) == 1 ? 0 : 1);
	}
	(void)close(go[0]);
	(void)close(done[1]);
	child.held = go[1];
	assert_int_equal(read(done[0], &result, sizeof(result)), sizeof(result));
	(void)close(done[0]);
	if (result != 0)
		fail_msg("the child could not do its part: %s", strerror(result));
	return child;
}

static inline void child_end(const struct child *child)
{
	int status;

	assert_int_equal(write(child->held, "", 1), 1);
	(void)close(child->held);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	assert_int_equal(status, 0);
}

/* The same, to its end. */
static inline pid_t child_run(int (*act)(const void *argument), const void *argument)
{
	struct child child = child_start(act, argument);

	child_end(&child);
	return child.pid;
}

/* What a child does most: opens and closes. */
static inline int open_once(const void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : (close(fd), 0);
}

/* ---------------------------------------------------------------- life */

static inline int bpf_set_up(void **state)
{
	enum sensor_backend backend = *(const enum sensor_backend *)*state;
	struct bpf_fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(f);
	f->backend = backend;
	(void)snprintf(f->directory, sizeof(f->directory), "%s/bpfXXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->directory));
	assert_int_equal(chmod(f->directory, 0755), 0);
	f->bpf = open_sensor(backend);
	*state = f;
	return 0;
}

static inline int bpf_tear_down(void **state)
{
	struct bpf_fixture *f = *state;

	while (f->links_count > 0)
		(void)bpf_link__destroy(f->links[--f->links_count]);
	ring_buffer__free(f->access_ring);
	ring_buffer__free(f->process_ring);
	sensor_bpf__destroy(f->bpf);
	forget_records(&f->accesses);
	forget_records(&f->processes);
	(void)nftw(f->directory, remove_one, 64, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	free(f);
	return 0;
}

/* False, with the plan that skips all, where no program can run. */
static inline bool bpf_can_run(void)
{
	struct error error = {0};

	(void)libbpf_set_print(print_warnings);
	if (geteuid() != 0) {
		(void)puts("1..0 # SKIP needs root");
		return false;
	}
	if (kernel_support_probe(&host, &error) < 0) {
		(void)printf("1..0 # SKIP %s\n", error.text);
		return false;
	}
	return true;
}

struct bpf_case {
	const char *name;
	void (*run)(void **state);
};

static inline void skip_backend(void **state)
{
	const enum sensor_backend *backend = *state;

	(void)printf("# skip: %s\n", host.backends[*backend].reason);
	skip();
}

/* Runs each case with each backend that works here. */
static inline int bpf_run(const struct bpf_case *cases, size_t count)
{
	static enum sensor_backend backends[SENSOR_BACKEND_COUNT];
	static char names[SENSOR_BACKEND_COUNT * CASES_MAX][128];
	static struct CMUnitTest tests[SENSOR_BACKEND_COUNT * CASES_MAX];
	size_t filled = 0;

	if (!bpf_can_run())
		return 0;
	for (size_t b = 0; b < SENSOR_BACKEND_COUNT; b++) {
		backends[b] = (enum sensor_backend)b;
		for (size_t i = 0; i < count && i < CASES_MAX; i++) {
			bool works = host.backends[b].works;

			(void)snprintf(names[filled], sizeof(names[0]), "%s (%s)", works ? cases[i].name : "everything",
				       sensor_backend_name(backends[b]));
			tests[filled] = (struct CMUnitTest){.name = names[filled],
							    .test_func = works ? cases[i].run : skip_backend,
							    .setup_func = works ? bpf_set_up : NULL,
							    .teardown_func = works ? bpf_tear_down : NULL,
							    .initial_state = &backends[b]};
			filled++;
			if (!works)
				break;
		}
	}
	return _cmocka_run_group_tests("bpf", tests, filled, NULL, NULL);
}

#define CASE(function)                             \
	{                                          \
		.name = #function, .run = function \
	}
#define RUN_CASES(cases) bpf_run((cases), sizeof(cases) / sizeof((cases)[0]))

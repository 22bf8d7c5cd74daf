/* SPDX-License-Identifier: Apache-2.0 */
/* identity_fixture.h: records as the kernel sends them, and a /proc of our own. */
#pragma once

#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "abi.h"

#define TICK_NS 10000000ULL

union record_space {
	struct process_record process;
	struct exit_record exit;
	struct cgroup_record cgroup;
	unsigned char bytes[sizeof(struct process_record) + ABI_PATH_MAX + ABI_NAME_MAX + ABI_ARGS_MAX];
};

/* Processes of the tests start at pid * 1,000 ticks and a bit; a parent is named by pid. */
static inline struct process_id test_process_id(uint32_t pid)
{
	return (struct process_id){.pid = pid, .start_ns = pid > 0 ? pid * 1000 * TICK_NS + 123 : 0};
}

static inline struct task_snapshot test_task(uint32_t pid, uint32_t parent, uint64_t exe_ino, const char *comm)
{
	struct task_snapshot task = {
		.id = test_process_id(pid),
		.parent = test_process_id(parent),
		.tid = pid,
		.cgroup_id = 0,
		.exe = {.file = {.ino = exe_ino, .dev = exe_ino > 0 ? 8U << 20 | 1 : 0}},
	};

	(void)snprintf(task.comm, sizeof(task.comm), "%s", comm); /* as long as the kernel keeps it */
	return task;
}

/* "/usr/bin/cat" as the kernel walks it; returns the bytes written. */
static inline size_t test_walk(char *out, const char *path)
{
	size_t used = 0;
	size_t end = strlen(path);

	while (end > 0) {
		size_t begin = end;

		while (path[begin - 1] != '/')
			begin--;
		memcpy(out + used, path + begin, end - begin);
		used += end - begin;
		out[used++] = '\0';
		end = begin - 1;
	}
	return used;
}

/* Returns the size of the record. `path` NULL and args_size 0 for none. */
static inline size_t test_process_record(union record_space *space, enum record_type type,
					 const struct task_snapshot *task, const char *path, const char *args,
					 size_t args_size, uint64_t time_ns)
{
	struct process_record *record = &space->process;

	memset(record, 0, sizeof(*record));
	record->task = *task;
	if (path)
		record->path_size = (uint32_t)test_walk(record->data, path);
	if (args_size > 0)
		memcpy(record->data + record->path_size, args, args_size);
	record->args_size = (uint32_t)args_size;
	record->header.type = type;
	record->header.time_ns = time_ns;
	record->header.size = (uint32_t)(sizeof(*record) + record->path_size + record->args_size);
	return record->header.size;
}

/* Puts the walk of a script between the path and the arguments of that record; returns its size. */
static inline size_t test_record_script(union record_space *space, const char *script)
{
	struct process_record *record = &space->process;
	char walk[512];

	record->script_size = (uint32_t)test_walk(walk, script);
	record->script.file = (struct file_id){.ino = 77, .dev = 1};
	memmove(record->data + record->path_size + record->script_size, record->data + record->path_size,
		record->args_size);
	memcpy(record->data + record->path_size, walk, record->script_size);
	record->header.size += record->script_size;
	return record->header.size;
}

static inline size_t test_exit_record(union record_space *space, uint32_t pid, uint64_t time_ns)
{
	space->exit = (struct exit_record){
		.header = {.type = RECORD_EXIT, .size = sizeof(struct exit_record), .time_ns = time_ns},
		.id = test_process_id(pid),
	};
	return sizeof(struct exit_record);
}

static inline size_t test_cgroup_record(union record_space *space, uint64_t id, const char *path)
{
	struct cgroup_record *record = &space->cgroup;
	size_t size = strlen(path) + 1;

	memset(record, 0, sizeof(*record));
	record->cgroup_id = id;
	record->path_size = (uint32_t)size;
	memcpy(record->path, path, size);
	record->header.type = RECORD_CGROUP;
	record->header.size = (uint32_t)(sizeof(*record) + size);
	return record->header.size;
}

/* ---------------------------------------------------------------- a directory and a /proc in it */

struct test_directory {
	char path[256];
};

static inline void test_directory_make(struct test_directory *directory)
{
	const char *base = getenv("TMPDIR");

	(void)snprintf(directory->path, sizeof(directory->path), "%s/identity.XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(directory->path));
}

static inline int test_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void test_directory_remove(const struct test_directory *directory)
{
	assert_int_equal(nftw(directory->path, test_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void test_write_file(const struct test_directory *directory, const char *name, const void *data,
				   size_t size)
{
	char path[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", directory->path, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static inline void test_make_directory(const struct test_directory *directory, const char *name)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", directory->path, name);
	assert_true(mkdir(path, 0700) == 0);
}

/* <directory>/<pid>/{stat,cmdline,cgroup,exe}; exe NULL for a kernel thread. */
static inline void test_add_process(const struct test_directory *directory, uint32_t pid, uint32_t parent,
				    const char *exe)
{
	char name[64];
	char text[512];
	int n;

	(void)snprintf(name, sizeof(name), "%" PRIu32, pid);
	test_make_directory(directory, name);
	(void)snprintf(name, sizeof(name), "%" PRIu32 "/stat", pid);
	n = snprintf(text, sizeof(text),
		     "%" PRIu32 " (te) st) S %" PRIu32 " 1 1 0 -1 %u 0 0 0 0 0 0 0 0 20 0 1 0 %llu 1 2 3\n", pid,
		     parent, exe ? 0x400000U : 0x200000U, test_process_id(pid).start_ns / TICK_NS);
	test_write_file(directory, name, text, (size_t)n);
	(void)snprintf(name, sizeof(name), "%" PRIu32 "/cmdline", pid);
	test_write_file(directory, name, "prog\0-x\0", exe ? 8 : 0);
	(void)snprintf(name, sizeof(name), "%" PRIu32 "/cgroup", pid);
	n = snprintf(text, sizeof(text), "1:name=systemd:/system.slice/old%" PRIu32 ".service\n0::/\n", pid);
	test_write_file(directory, name, text, (size_t)n);
	if (exe) {
		(void)snprintf(text, sizeof(text), "%s/%" PRIu32 "/exe", directory->path, pid);
		assert_int_equal(symlink(exe, text), 0);
	}
}

static inline void test_remove_process(const struct test_directory *directory, uint32_t pid)
{
	struct test_directory process;

	assert_true((size_t)snprintf(process.path, sizeof(process.path), "%.200s/%" PRIu32, directory->path, pid) <
		    sizeof(process.path));
	test_directory_remove(&process);
}

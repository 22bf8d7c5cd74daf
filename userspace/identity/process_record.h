/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_record.h: what a process record of the kernel ring says, checked.
 *
 * A record is treated as hostile: no size in it is believed, no string is taken to be terminated. Pure, any thread.
 *
 * The path is a walk, leaf first. It becomes "/usr/bin/cat". What a policy must not take for a path of the host does
 * not start with '/': "(unreachable)/x" for a mount that is attached nowhere, "(truncated)/x" when the root end is
 * missing, "(unresolved)x" for a string that the process passed. A '/' inside a component (a memfd may be named so)
 * becomes '!', as in sysfs; a memfd is "/memfd:name".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "abi.h"

/* A walk ends with the component that takes it past ABI_PATH_MAX. */
#define PROCESS_WALK_MAX (ABI_PATH_MAX + ABI_NAME_MAX)
#define PROCESS_EXE_SIZE (PROCESS_WALK_MAX + 32)

struct process_facts {
	const struct process_record *record;
	const struct task_snapshot *task; /* in the record */
	enum record_type type;            /* RECORD_EXEC, RECORD_FORK or RECORD_SNAPSHOT */
	__u64 time_ns;
	size_t exe_size;  /* of exe without its NUL; 0 when the path is not known */
	const char *args; /* in the record; args_size bytes, NUL-separated, the last one perhaps not terminated */
	size_t args_size;
	bool args_truncated;
	size_t script_size; /* the same of the script; 0 when it runs none, too */
	bool is_script_known;
	char exe[PROCESS_EXE_SIZE];
	char script[PROCESS_EXE_SIZE];
};

/* `size` bytes at `record` are readable. 0, or -EBADMSG and *ret is undefined. */
int process_record_parse(const struct process_record *record, size_t size, struct process_facts *ret);

/* -EBADMSG for what is no exit record or names no process. */
int exit_record_check(const struct exit_record *record, size_t size);

/* -EBADMSG unless `path` holds a terminated absolute path. */
int cgroup_record_check(const struct cgroup_record *record, size_t size);

bool process_id_is_valid(const struct process_id *id);
bool process_id_equal(const struct process_id *a, const struct process_id *b);
bool file_id_is_zero(const struct file_id *id);

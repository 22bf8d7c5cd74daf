/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h: one access, copied, on its way from the loop to the writer thread.
 *
 * One block of memory: the fields, then everything that their pointers point to. Immutable but for its link.
 */
#pragma once

#include <sys/queue.h>

#include "base/access.h"

struct store_record {
	STAILQ_ENTRY(store_record) link; /* the queue's */
	size_t size_bytes;               /* of the whole block */
	uint64_t queued_ns;              /* CLOCK_BOOTTIME */

	const char *secret_name;
	const char *secret_class;
	const char *path;
	struct file_id file;
	uint64_t count;
	uint64_t first_real_ns;
	uint64_t last_real_ns;
	const char *target_exe; /* or NULL */
	uint32_t target_pid;
	int result;
	uint8_t kind;
	uint8_t via;
	uint8_t mode;
	bool path_truncated;

	struct process_id process;
	uint64_t start_real_ns;
	const char *exe;
	const char *exe_sha256; /* or NULL */
	struct exe_id exe_id;
	const char *comm;
	const char *args; /* each with its NUL */
	struct credentials cred;
	const char *user; /* or NULL, as the next four */
	const char *script;
	const char *container;
	const char *pod;
	const char *unit;
	const char *cgroup;
	const char *ancestor_exes; /* each with its NUL, parent first */
	const uint32_t *ancestor_pids;
	uint32_t ancestors_count;
	uint32_t ancestor_exes_size;
	uint32_t args_size;
	uint32_t tid;
	bool args_truncated;
	bool ancestors_truncated;

	uint8_t action;
	uint8_t tier;
	bool is_enforced;
	bool would_deny;
	const char *rule;
	const char *policy;
};

/* One allocation. NULL when there is no memory. NULL strings that must not be NULL become "". Free with free(). */
struct store_record *store_record_new(const struct access *access);

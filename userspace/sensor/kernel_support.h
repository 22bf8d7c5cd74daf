/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel_support.h: what the running kernel lets us do, found out by trying, never by its version.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;

enum sensor_backend { SENSOR_BACKEND_LSM, SENSOR_BACKEND_FENTRY, SENSOR_BACKEND_TRACEPOINT, SENSOR_BACKEND_COUNT };

#define SUPPORT_REASON_SIZE 256

struct backend_support {
	bool works;
	char reason[SUPPORT_REASON_SIZE]; /* why not, and what would help; "" when it works */
};

struct kernel_support {
	char release[65];
	bool has_btf;
	bool has_privilege; /* CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN: a trial program could be loaded */
	struct backend_support backends[SENSOR_BACKEND_COUNT];
	bool has_rdonly_cast;
	bool has_mount_id; /* that is never used again: 6.8 */
	bool has_task_from_vpid;
	bool has_task_from_pid;
	bool has_preempt_disable;
	bool has_request_argument; /* of io_uring's completion: 5.17 */
	bool has_cqe_argument;     /* the same: 6.15 */
	bool has_page_tracepoints; /* the page cache's reads and faults: 6.10 */
};

/*
 * Fills *ret. -ENOENT: no BTF; -EPERM: no privilege; -ENOTSUP: too old (no ring buffer); each with one sentence in
 * *error that says what is needed. On error *ret is filled as far as it could be.
 */
int kernel_support_probe(struct kernel_support *ret, struct error *error);

const char *sensor_backend_name(enum sensor_backend backend);
/* The best backend that works. -ENOTSUP. */
int kernel_support_best(const struct kernel_support *support, enum sensor_backend *ret_backend);

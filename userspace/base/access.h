/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.h: one access, complete: which process touched which secret, how, how often, and what the policy says of it.
 *
 * The plain record that everything above the sensor works on: identity fills `process`, policy fills `verdict`, event,
 * store, table read all of it. All pointers are borrowed from whoever built the record and live for the call it is
 * passed to; a receiver that keeps any copies it. Strings are NUL-terminated and may hold any other byte (names come
 * from the kernel): whoever prints escapes. Enums of kinds and ways are those of bpf/abi.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

#define ACCESS_ANCESTORS_MAX 32
#define SHA256_HEX_SIZE      65

struct access_ancestor {
	uint32_t pid;
	const char *exe; /* never NULL; "" when unknown, "[name]" for a kernel thread */
};

struct access_process {
	struct process_id id;
	uint32_t tid;
	uint64_t start_real_ns;
	const char *exe; /* path; "" when unknown; "[comm]" for a kernel thread */
	struct exe_id exe_id;
	const char *exe_sha256; /* 64 hex digits, or NULL while unknown */
	const char *comm;
	const char *const *args;
	size_t args_count;
	bool args_truncated;
	const char *script; /* path of the script ("#!") that the exe was started for, or NULL: none, or unknown */
	struct credentials cred;
	const char *user;      /* name of uid, or NULL */
	const char *cgroup;    /* path in the v2 hierarchy (or the systemd one), "" when unknown */
	const char *container; /* container id, or NULL */
	const char *pod;       /* Kubernetes pod uid, or NULL */
	const char *unit;      /* systemd unit, or NULL */
	struct access_ancestor ancestors[ACCESS_ANCESTORS_MAX]; /* parent first, up to pid 1 */
	size_t ancestors_count;
	bool ancestors_truncated;
};

enum verdict_action { VERDICT_ALLOW, VERDICT_ALERT, VERDICT_DENY, VERDICT_COUNT };

struct verdict {
	enum verdict_action action;
	const char *rule;   /* "allow/<name>", "deny/<name>" or "default" */
	const char *policy; /* the policy's metadata.name */
	enum tier tier;
	bool is_enforced; /* the tier carried it out */
	bool would_deny;  /* action is VERDICT_DENY, and the policy only observes */
};

struct access {
	const char *secret_name;
	const char *secret_class;
	const char *path; /* of the file, as the policy's host sees it; "" when unknown */
	bool path_truncated;
	struct file_id file; /* zero for a refused open */
	enum access_kind kind;
	enum access_via via;
	unsigned int mode; /* enum access_mode bits */
	int result;        /* 0 or a negative errno */
	uint64_t count;    /* new since the last event of this process, secret and kind */
	uint64_t first_real_ns;
	uint64_t last_real_ns;
	uint32_t target_pid;    /* ptrace, proc-mem, proc-environ; else 0 */
	const char *target_exe; /* or NULL */
	struct access_process process;
	struct verdict verdict;
};

/* The names that events, policies and the screen use. Out of range gives "unknown". */
const char *access_kind_name(enum access_kind kind);
int access_kind_from_name(const char *name, enum access_kind *ret_kind); /* -EINVAL */
const char *access_via_name(enum access_via via);
const char *verdict_action_name(enum verdict_action action);
int verdict_action_from_name(const char *name, enum verdict_action *ret_action); /* -EINVAL */
const char *tier_name(enum tier tier);
const char *loss_place_name(enum loss_place place);
/* "read", "write", "read-write", "exec" or "none" for a set of mode bits. */
const char *access_mode_name(unsigned int mode);

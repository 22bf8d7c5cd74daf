/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.h: from what the kernel says of a task to everything that is known of its process.
 *
 * Fed with the records of the `processes` ring and of the task iterator, in any order; each is checked as if an enemy
 * had written it. What is known answers identity_describe without /proc and without memory; only a process whose record
 * was lost is completed from /proc, once, while it lives under the same start time. Bounded by max_processes.
 *
 * The path of an executable says what it is called in the mount namespace of the process. What must not be taken for a
 * path of that namespace does not start with '/'; see process_record.h. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct access_process;
struct event_base;
struct identity;
struct worker_pool;

struct identity_config {
	size_t max_processes;
	bool args;               /* keep arguments */
	bool hash;               /* hash executables */
	uint64_t hash_max_bytes; /* larger ones are not hashed */
	const char *proc_root;   /* NULL for "/proc" */
	const char *passwd_path; /* NULL for "/etc/passwd" */
	uint64_t exit_grace_ns;  /* how long the dead are known; 0 for 2 s */
};

struct identity_stats {
	size_t processes; /* in the table, the exited too */
	size_t exited;    /* of them */
	size_t cgroups;
	size_t string_bytes; /* paths and arguments */
	uint64_t rejected;   /* malformed records */
	uint64_t no_memory;  /* records that could not be kept */
	uint64_t completed;  /* processes or images learnt from /proc */
	uint64_t evicted;    /* processes forgotten early, because of max_processes */
	uint64_t hashed;
	uint64_t hash_failed;
	uint64_t hash_refused; /* queue full */
};

/* Strings of `config` are copied. `base` and `pool` are borrowed; either may be freed first. 0 or -errno. */
int identity_new(struct event_base *base, struct worker_pool *pool, const struct identity_config *config,
		 struct identity **ret);
/* Calls back everybody who waits for a hash, with NULL; they must not call identity. NULL is fine. */
void identity_free(struct identity *identity);

/* `size` bytes at `record` are readable and 8-aligned. A malformed record is counted and dropped. */
void identity_process(struct identity *identity, const struct process_record *record, size_t size);
void identity_exit(struct identity *identity, const struct exit_record *record, size_t size);
void identity_cgroup(struct identity *identity, const struct cgroup_record *record, size_t size);

/* Fills all of *ret; borrowed until the next call into identity. */
void identity_describe(struct identity *identity, const struct task_snapshot *task, struct access_process *ret);

/*
 * What the number of a control group says: fills cgroup, unit, container and pod of *ret (borrowed like the rest), the
 * rest is zero. False when it says nothing of what runs there: not known, or the root on a host with v1 hierarchies.
 */
bool identity_describe_cgroup(struct identity *identity, uint64_t cgroup_id, struct access_process *ret);

/* The path of the executable of a living process by its pid, "" when not known; borrowed like the rest. */
const char *identity_exe_of_pid(struct identity *identity, uint32_t pid);

typedef void (*identity_hash_fn)(void *context, const char *sha256 /* NULL: could not be hashed */);
/*
 * 1: known, or known to be impossible (identity_describe says which); not called back. 0: called back once, later, on
 * the loop, at the latest by identity_free. -EBUSY: too much is waiting. -ENOMEM.
 */
int identity_hash(struct identity *identity, const struct task_snapshot *task, identity_hash_fn fn, void *context);

/*
 * The same for a file that nobody need run. What comes of it holds for everyone who runs it, as identity_file_hash()
 * says: NULL while it is not known, or known of one process only.
 */
int identity_hash_file(struct identity *identity, const char *path, const struct exe_id *exe, identity_hash_fn fn,
		       void *context);
const char *identity_file_hash(struct identity *identity, const struct exe_id *exe);

/* Forgets the dead, rereads the users. About once a second; boot_ns is CLOCK_BOOTTIME. */
void identity_tick(struct identity *identity, uint64_t boot_ns);

struct identity_stats identity_stats(const struct identity *identity);

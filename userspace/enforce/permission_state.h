/* SPDX-License-Identifier: Apache-2.0 */
/*
 * permission_state.h: the tier from inside, for the files that it is made of: what the loop calls (permission.c), the
 * reader of events (permission_reader.c) and the judge (permission_judge.c).
 *
 * One lock for all that they share, held for memory and for calls that open nothing: the answer, the mark.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "enforce/denial_table.h"
#include "enforce/guarded_files.h"
#include "enforce/judgement.h"
#include "enforce/passage.h"
#include "enforce/permission.h"

#define PENDING_MAX           512 /* accesses that wait at once; each holds a descriptor of ours */
#define EXECS_MAX             1024
#define PERMISSION_RECORD_MAX (sizeof(struct process_record) + ABI_PATH_MAX + ABI_NAME_MAX)
/* What only the loop can find out. */
#define FACTS_OF_LOOP (FACT_ANCESTORS | FACT_SHA256 | FACT_SCRIPT)

enum pending_state {
	PENDING_CANDIDATE, /* no secret that is known; the watch list is asked */
	PENDING_QUEUED,    /* for the judge */
	PENDING_TAKEN,     /* by the judge, or by the loop through a question */
};

struct pending {
	TAILQ_ENTRY(pending) age; /* oldest first; or in the free list */
	STAILQ_ENTRY(pending) queue;
	enum pending_state state;
	bool has_task;
	int fd;
	uint32_t tid;
	uint32_t number;
	uint64_t serial; /* 0: free */
	uint64_t mask;
	uint64_t deadline_ns;
	struct stat_id stat;
	struct file_id file;
	struct task_snapshot task; /* once it was looked at */
	enum access_kind kind;     /* the same */
};

TAILQ_HEAD(pending_list, pending);
STAILQ_HEAD(pending_queue, pending);

struct question {
	struct permission_question question; /* first: the one is the other */
	STAILQ_ENTRY(question) queue;
	uint64_t serial;
	char record[] __attribute__((aligned(8))); /* then the secret's name */
};

STAILQ_HEAD(question_queue, question);

/* An exec that was let pass: the same thread opens the file next, and that is no access of its own. */
struct passed_exec {
	uint32_t tid;
	struct file_id file;
};

struct users;
struct resolver;

struct permission {
	struct permission_config config;
	int group, wake_fd, loop_fd;
	struct marks *marks;       /* the loop's */
	struct resolver *resolver; /* the judge's */
	pthread_t reader, judge;
	bool has_reader, has_judge;

	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t judge_wakes;
	bool is_stopping;
	bool has_directories;     /* an unknown file may be a secret */
	bool candidate_is_denied; /* the answer for one that the watch list did not tell of in time */
	struct guarded_files *files;
	permission_secrets secrets; /* by number */
	struct users *users;
	struct pending items[PENDING_MAX];
	struct pending_list pending, free;
	struct pending_queue queued;
	struct question_queue questions;
	uint64_t serial;
	struct passed_exec execs[EXECS_MAX]; /* by tid */
	struct passage_table passages;
	struct denial_table *denials, *collected;
	struct permission_stats stats;

	char record[PERMISSION_RECORD_MAX] __attribute__((aligned(8))); /* the judge's */
};

/*
 * For the threads that others wait for. Before everything that is not in a hurry: if who has many processes could keep
 * us from the CPU until the deadline, the policy's onError would be the verdict of their choice. Where real time is not
 * permitted, as far as nice goes.
 */
void permission_hurry(void);

/* All below: with the lock held, but for the threads' own. */

void *permission_reader_run(void *permission);
void *permission_judge_run(void *permission);

/* The secret of a waiting access, NULL: none that is enforced (any more). */
const struct policy_secret *permission_secret(const struct permission *permission, uint32_t number);
/* Answers, and forgets the access. */
void permission_respond(struct permission *permission, struct pending *item, bool is_allowed);
/* Counts the verdict and notes a denial; then the same. */
void permission_settle(struct permission *permission, struct pending *item, const struct policy_secret *secret,
		       const struct judgement *judgement);
/* The judgement of an access that was asked about; without the lock. */
void permission_settle_asked(struct permission *permission, uint64_t serial, const struct access *access,
			     uint32_t unknown);
void permission_wake_loop(const struct permission *permission);
/* NULL: it has been answered. */
struct pending *permission_find(struct permission *permission, uint64_t serial);
/*
 * Without the lock: a descriptor of the waiting process, to be killed with it once it has been denied; -1 if it is
 * gone.
 */
int permission_hold_process(struct permission *permission, const struct task_snapshot *task);

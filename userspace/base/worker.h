/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h: a small pool of threads for what must not block the loop: hashing, fsync, queries.
 *
 * A job runs on some worker thread; its `done` then runs on the loop's thread, in order of completion. The queue is
 * bounded: a full queue refuses and counts, it never blocks the loop.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct worker_pool;

struct worker_job {
	void (*run)(struct worker_job *job);  /* worker thread; must not touch what the loop owns */
	void (*done)(struct worker_job *job); /* loop thread; owns the job afterwards (usually frees it) */
	struct worker_job *next;              /* the pool's */
};

/*
 * `threads` 1..16; `queue_max` bounds the jobs that are taken and not yet handed to `done`. The pool is used from the
 * loop's thread only. 0, -EINVAL, -ENOMEM or another -errno.
 */
int worker_pool_new(struct event_base *base, unsigned int threads, size_t queue_max, struct worker_pool **ret_pool);
/* Waits for running jobs, runs `done` of every job that was queued (those that never ran too), joins the threads. */
void worker_pool_free(struct worker_pool *pool);
/*
 * Takes the job on success. -EBUSY when the queue is full or the pool is being freed (counted): the caller still owns
 * the job.
 */
int worker_submit(struct worker_pool *pool, struct worker_job *job);
uint64_t worker_refused(const struct worker_pool *pool);

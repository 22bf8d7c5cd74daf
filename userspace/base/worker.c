/* SPDX-License-Identifier: Apache-2.0 */
#include "base/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/cleanup.h"

#define THREADS_MAX 16

struct job_queue {
	struct worker_job *first;
	struct worker_job **end;
};

struct worker_pool {
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	struct job_queue waiting;  /* under mutex */
	struct job_queue finished; /* under mutex */
	bool is_stopping;          /* under mutex */
	size_t pending;            /* loop thread: jobs taken whose `done` has not begun */
	size_t queue_max;
	_Atomic uint64_t refused;
	int finished_fd; /* eventfd: readable when `finished` is not empty */
	struct event *finished_event;
	unsigned int thread_count;
	pthread_t threads[THREADS_MAX];
};

static void queue_init(struct job_queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
}

static void queue_push(struct job_queue *queue, struct worker_job *job)
{
	job->next = NULL;
	*queue->end = job;
	queue->end = &job->next;
}

static struct worker_job *queue_pop(struct job_queue *queue)
{
	struct worker_job *job = queue->first;

	if (!job)
		return NULL;
	queue->first = job->next;
	if (!queue->first)
		queue->end = &queue->first;
	job->next = NULL;
	return job;
}

static void *work(void *argument)
{
	struct worker_pool *pool = argument;

	(void)pthread_mutex_lock(&pool->mutex);
	for (;;) {
		struct worker_job *job;
		uint64_t one = 1;

		while (!pool->is_stopping && !pool->waiting.first)
			(void)pthread_cond_wait(&pool->wake, &pool->mutex);
		if (pool->is_stopping)
			break;
		job = queue_pop(&pool->waiting);
		(void)pthread_mutex_unlock(&pool->mutex);
		job->run(job);
		(void)pthread_mutex_lock(&pool->mutex);
		queue_push(&pool->finished, job);
		/* Cannot block: the counter would have to reach 2^64 - 2 first. */
		(void)!write(pool->finished_fd, &one, sizeof(one));
	}
	(void)pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

static void run_done(struct worker_pool *pool, struct job_queue *queue)
{
	for (;;) {
		struct worker_job *job;

		(void)pthread_mutex_lock(&pool->mutex);
		job = queue_pop(queue);
		(void)pthread_mutex_unlock(&pool->mutex);
		if (!job)
			return;
		pool->pending--;
		job->done(job);
	}
}

static void on_finished(evutil_socket_t fd, short what, void *argument)
{
	struct worker_pool *pool = argument;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count)); /* only to clear it: the queue says what there is */
	run_done(pool, &pool->finished);
}

static int start_threads(struct worker_pool *pool, unsigned int threads)
{
	sigset_t all, before;
	int r = 0;

	/* Signals are the loop's business. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (r == 0 && pool->thread_count < threads) {
		r = -pthread_create(&pool->threads[pool->thread_count], NULL, work, pool);
		if (r == 0)
			pool->thread_count++;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

DEFINE_FREEP(struct worker_pool, worker_pool_free)

int worker_pool_new(struct event_base *base, unsigned int threads, size_t queue_max, struct worker_pool **ret_pool)
{
	_cleanup_(worker_pool_freep) struct worker_pool *pool = NULL;
	int r;

	if (threads < 1 || threads > THREADS_MAX || queue_max == 0)
		return -EINVAL;
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	(void)pthread_mutex_init(&pool->mutex, NULL); /* neither can fail with default attributes */
	(void)pthread_cond_init(&pool->wake, NULL);
	queue_init(&pool->waiting);
	queue_init(&pool->finished);
	pool->queue_max = queue_max;
	pool->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool->finished_fd < 0)
		return -errno;
	pool->finished_event = event_new(base, pool->finished_fd, EV_READ | EV_PERSIST, on_finished, pool);
	if (!pool->finished_event || event_add(pool->finished_event, NULL) < 0)
		return -ENOMEM;
	r = start_threads(pool, threads);
	if (r < 0)
		return r;
	*ret_pool = TAKE_PTR(pool);
	return 0;
}

void worker_pool_free(struct worker_pool *pool)
{
	if (!pool)
		return;
	(void)pthread_mutex_lock(&pool->mutex);
	pool->is_stopping = true;
	(void)pthread_cond_broadcast(&pool->wake);
	(void)pthread_mutex_unlock(&pool->mutex);
	for (unsigned int i = 0; i < pool->thread_count; i++)
		(void)pthread_join(pool->threads[i], NULL);
	run_done(pool, &pool->finished);
	run_done(pool, &pool->waiting);
	if (pool->finished_event)
		event_free(pool->finished_event);
	if (pool->finished_fd >= 0)
		(void)close(pool->finished_fd);
	(void)pthread_cond_destroy(&pool->wake);
	(void)pthread_mutex_destroy(&pool->mutex);
	free(pool);
}

int worker_submit(struct worker_pool *pool, struct worker_job *job)
{
	bool is_taken;

	(void)pthread_mutex_lock(&pool->mutex);
	is_taken = !pool->is_stopping && pool->pending < pool->queue_max;
	if (is_taken) {
		pool->pending++;
		queue_push(&pool->waiting, job);
		(void)pthread_cond_signal(&pool->wake);
	}
	(void)pthread_mutex_unlock(&pool->mutex);
	if (is_taken)
		return 0;
	atomic_fetch_add_explicit(&pool->refused, 1, memory_order_relaxed);
	return -EBUSY;
}

uint64_t worker_refused(const struct worker_pool *pool)
{
	return atomic_load_explicit(&pool->refused, memory_order_relaxed);
}

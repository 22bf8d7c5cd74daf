/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <sys/resource.h>

#include "base/worker.h"

/* A job that tells where it ran, and can be held back until the test opens its gate. */
struct probe {
	struct worker_job job;
	sem_t *started, *gate;
	pthread_t ran_on;
	bool has_run;
	int *order;
	int done_at;
	struct event_base *stop;
};

static void probe_run(struct worker_job *job)
{
	struct probe *probe = (struct probe *)job;

	if (probe->started)
		(void)sem_post(probe->started);
	if (probe->gate)
		(void)sem_wait(probe->gate);
	probe->ran_on = pthread_self();
	probe->has_run = true;
}

static void probe_done(struct worker_job *job)
{
	struct probe *probe = (struct probe *)job;

	probe->done_at = ++*probe->order;
	if (probe->stop)
		(void)event_base_loopbreak(probe->stop);
}

static struct probe probe_new(int *order)
{
	return (struct probe){.job = {.run = probe_run, .done = probe_done}, .order = order};
}

static int open_base(void **state)
{
	*state = event_base_new();
	return *state ? 0 : -1;
}

static int close_base(void **state)
{
	event_base_free(*state);
	return 0;
}

static void runs_elsewhere_and_finishes_on_the_loop(void **state)
{
	int order = 0;
	struct probe probe = probe_new(&order);
	struct worker_pool *pool;

	probe.stop = *state;
	assert_int_equal(worker_pool_new(*state, 1, 4, &pool), 0);
	assert_int_equal(worker_submit(pool, &probe.job), 0);
	assert_int_equal(probe.done_at, 0);
	(void)event_base_dispatch(*state);
	assert_true(probe.has_run);
	assert_false(pthread_equal(probe.ran_on, pthread_self()));
	assert_int_equal(probe.done_at, 1);
	worker_pool_free(pool);
	assert_int_equal(order, 1);
}

static void finishes_in_order_of_completion(void **state)
{
	int order = 0;
	sem_t gate;
	struct probe slow = probe_new(&order), quick = probe_new(&order), third = probe_new(&order);
	struct worker_pool *pool;

	(void)sem_init(&gate, 0, 0);
	slow.gate = &gate;
	quick.stop = slow.stop = third.stop = *state;
	assert_int_equal(worker_pool_new(*state, 2, 4, &pool), 0);
	assert_int_equal(worker_submit(pool, &slow.job), 0);
	assert_int_equal(worker_submit(pool, &quick.job), 0);
	(void)event_base_dispatch(*state);
	assert_int_equal(quick.done_at, 1);
	(void)sem_post(&gate);
	(void)event_base_dispatch(*state);
	assert_int_equal(slow.done_at, 2);
	assert_int_equal(worker_submit(pool, &third.job), 0);
	(void)event_base_dispatch(*state);
	assert_int_equal(third.done_at, 3);
	worker_pool_free(pool);
	(void)sem_destroy(&gate);
}

static void refuses_and_counts_when_full(void **state)
{
	int order = 0;
	sem_t gate;
	struct probe held = probe_new(&order), waiting = probe_new(&order), extra = probe_new(&order);
	struct worker_pool *pool;

	(void)sem_init(&gate, 0, 0);
	held.gate = &gate;
	assert_int_equal(worker_pool_new(*state, 1, 2, &pool), 0);
	assert_int_equal(worker_submit(pool, &held.job), 0);
	assert_int_equal(worker_submit(pool, &waiting.job), 0);
	assert_int_equal(worker_submit(pool, &extra.job), -EBUSY);
	assert_int_equal(worker_refused(pool), 1);
	waiting.stop = *state;
	(void)sem_post(&gate);
	(void)event_base_dispatch(*state);
	assert_int_equal(worker_submit(pool, &extra.job), 0);
	worker_pool_free(pool);
	assert_int_equal(order, 3);
	(void)sem_destroy(&gate);
}

/* The pool waits for the running job, so another thread must let that go on. */
static void *open_gate(void *argument)
{
	(void)sem_post(argument);
	return NULL;
}

static void hands_back_every_job_when_freed(void **state)
{
	enum { JOBS = 8 };
	int order = 0;
	sem_t started, gate;
	struct probe probes[JOBS];
	struct worker_pool *pool;
	pthread_t opener;

	(void)sem_init(&started, 0, 0);
	(void)sem_init(&gate, 0, 0);
	assert_int_equal(worker_pool_new(*state, 1, JOBS, &pool), 0);
	for (size_t i = 0; i < JOBS; i++) {
		probes[i] = probe_new(&order);
		if (i == 0) {
			probes[i].started = &started;
			probes[i].gate = &gate;
		}
		assert_int_equal(worker_submit(pool, &probes[i].job), 0);
	}
	(void)sem_wait(&started);
	assert_int_equal(pthread_create(&opener, NULL, open_gate, &gate), 0);
	worker_pool_free(pool);
	(void)pthread_join(opener, NULL);
	assert_true(probes[0].has_run);
	for (size_t i = 0; i < JOBS; i++)
		assert_int_equal(probes[i].done_at, i + 1);
	(void)sem_destroy(&started);
	(void)sem_destroy(&gate);
}

static struct worker_pool *resubmit_pool;
static int resubmit_result;

static void resubmit(struct worker_job *job)
{
	resubmit_result = worker_submit(resubmit_pool, job);
}

static void do_nothing(struct worker_job *job)
{
	(void)job;
}

static void refuses_new_jobs_while_it_is_freed(void **state)
{
	struct worker_job job = {.run = do_nothing, .done = resubmit};

	assert_int_equal(worker_pool_new(*state, 1, 1, &resubmit_pool), 0);
	assert_int_equal(worker_submit(resubmit_pool, &job), 0);
	worker_pool_free(resubmit_pool);
	assert_int_equal(resubmit_result, -EBUSY);
}

static void refuses_sizes_that_make_no_sense(void **state)
{
	struct worker_pool *pool = NULL;

	assert_int_equal(worker_pool_new(*state, 0, 1, &pool), -EINVAL);
	assert_int_equal(worker_pool_new(*state, 17, 1, &pool), -EINVAL);
	assert_int_equal(worker_pool_new(*state, 1, 0, &pool), -EINVAL);
	assert_null(pool);
	worker_pool_free(NULL);
}

static void fails_cleanly_when_no_descriptor_is_left(void **state)
{
	struct worker_pool *pool = NULL;
	struct rlimit before, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(worker_pool_new(*state, 2, 4, &pool), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_null(pool);
}

static void keeps_up_with_many_jobs(void **state)
{
	enum { JOBS = 2000 };
	int order = 0;
	struct probe *probes = calloc(JOBS, sizeof(*probes));
	struct worker_pool *pool;

	assert_non_null(probes);
	assert_int_equal(worker_pool_new(*state, 4, JOBS, &pool), 0);
	for (size_t i = 0; i < JOBS; i++) {
		probes[i] = probe_new(&order);
		assert_int_equal(worker_submit(pool, &probes[i].job), 0);
	}
	while (order < JOBS)
		(void)event_base_loop(*state, EVLOOP_ONCE);
	worker_pool_free(pool);
	for (size_t i = 0; i < JOBS; i++)
		assert_true(probes[i].has_run);
	free(probes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(runs_elsewhere_and_finishes_on_the_loop, open_base, close_base),
		cmocka_unit_test_setup_teardown(finishes_in_order_of_completion, open_base, close_base),
		cmocka_unit_test_setup_teardown(refuses_and_counts_when_full, open_base, close_base),
		cmocka_unit_test_setup_teardown(hands_back_every_job_when_freed, open_base, close_base),
		cmocka_unit_test_setup_teardown(refuses_new_jobs_while_it_is_freed, open_base, close_base),
		cmocka_unit_test_setup_teardown(refuses_sizes_that_make_no_sense, open_base, close_base),
		cmocka_unit_test_setup_teardown(fails_cleanly_when_no_descriptor_is_left, open_base, close_base),
		cmocka_unit_test_setup_teardown(keeps_up_with_many_jobs, open_base, close_base),
	};

	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}

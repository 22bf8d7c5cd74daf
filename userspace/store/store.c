/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "store/database.h"
#include "store/lock.h"
#include "store/session.h"

#define QUEUE_BYTES_DEFAULT (16ULL << 20)
#define BATCH_COUNT_MAX     1024 /* a transaction of some tens of milliseconds */
#define BATCH_BYTES_MAX     (1ULL << 20)
#define RETENTION_BUDGET_NS (50 * NS_PER_MS) /* a commit */
#define RETENTION_IDLE_NS   (60 * NS_PER_SEC)
#define RETRY_MAX_NS        (10 * NS_PER_SEC)
#define CLOSE_NS            (1 * NS_PER_SEC)
/* A disk that damages more often than this is broken: waiting and counting is better than a heap of broken files. */
#define SET_ASIDE_EVERY_NS (3600 * NS_PER_SEC)
#define MAX_MIB_MIN        8

struct store {
	char path[PATH_MAX];
	int lock_fd;
	uint64_t interval_ns;
	struct store_retention_config retention;
	pthread_t thread;
	bool has_thread;

	/* The writer thread's. */
	struct store_session *session; /* NULL after it had to be closed and could not be opened again */
	uint64_t set_aside_ns;         /* CLOCK_BOOTTIME; 0: never */

	/* Below here: under the mutex (queue.h says what of the queue). */
	pthread_mutex_t mutex;
	pthread_cond_t wake; /* the writer thread */
	pthread_cond_t done; /* those who flush */
	struct store_queue queue;
	struct store_stats stats;
	uint64_t flush_target; /* `appended` that somebody waits for; 0: nobody */
	uint64_t retry_ns;     /* while failing: when, and the pause before the next one */
	uint64_t retry_pause_ns;
	uint64_t retention_ns; /* when retention is due although nothing comes */
	uint64_t close_ns;     /* when closing must be over; 0: not closing */
	bool is_over;
};

DEFINE_FREEP(struct store, store_close)

/* ---------------------------------------------------------------- the writer thread */

static uint64_t minimum(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t retired(const struct store *store)
{
	return store->stats.written + store->stats.unwritable;
}

/* When the thread has something to do, in CLOCK_BOOTTIME; 0 is now. */
static uint64_t store_due_ns(const struct store *store)
{
	const struct store_record *first = STAILQ_FIRST(&store->queue.waiting);

	if (store->close_ns != 0 || store->flush_target > retired(store))
		return 0;
	if (store->stats.is_failing)
		return store->retry_ns;
	if (store->queue.waiting_count >= BATCH_COUNT_MAX || store->queue.bytes >= BATCH_BYTES_MAX)
		return 0;
	return first ? minimum(first->queued_ns + store->interval_ns, store->retention_ns) : store->retention_ns;
}

static void store_wait(struct store *store)
{
	for (;;) {
		uint64_t now_ns = clock_boot_ns();
		uint64_t due_ns = store_due_ns(store);
		struct timespec until;

		if (due_ns <= now_ns)
			return;
		/* Conditions know CLOCK_MONOTONIC only, which does not count time asleep: waking late then is fine. */
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		uint64_t nsec = (uint64_t)until.tv_nsec + (due_ns - now_ns);
		until.tv_sec += (time_t)(nsec / NS_PER_SEC);
		until.tv_nsec = (long)(nsec % NS_PER_SEC);
		(void)pthread_cond_timedwait(&store->wake, &store->mutex, &until); /* the loop looks again */
	}
}

/* After damage or removal: a new session on a new file. The old error stays where that is not possible. */
static int store_reopen(struct store *store, int code)
{
	uint64_t now_ns = clock_boot_ns();
	bool is_set_aside = false;

	if (code == -EBADMSG) {
		if (store->set_aside_ns != 0 && now_ns - store->set_aside_ns < SET_ASIDE_EVERY_NS)
			return code;
		store_session_close(TAKE_PTR(store->session));
		int r = store_database_set_aside(store->path);
		if (r < 0)
			return r;
		store->set_aside_ns = now_ns;
	} else if (store->session) {
		store_session_close(TAKE_PTR(store->session));
		(void)log_warning(0, "the history in '%s' was removed or replaced, a new one begins", store->path);
	}
	int r = store_session_open(store->path, &store->retention, &store->session, &is_set_aside, NULL);
	if (r == 0 && is_set_aside)
		store->set_aside_ns = now_ns;
	return r;
}

static int store_write_batch(struct store *store, struct store_session_result *ret_result)
{
	int r = store->session ? store_session_write(store->session, &store->queue.batch, ret_result) : -ESTALE;

	if (r != -EBADMSG && r != -ESTALE)
		return r;
	r = store_reopen(store, r);
	return r < 0 ? r : store_session_write(store->session, &store->queue.batch, ret_result);
}

static void store_failed(struct store *store, int code)
{
	struct store_stats *stats = &store->stats;

	if (!stats->is_failing || stats->last_error != code)
		(void)log_warning(code, "the history in '%s' cannot be written; up to %zu accesses are kept in memory",
				  store->path, store->queue.count_max);
	store->retry_pause_ns =
		stats->is_failing ? minimum(store->retry_pause_ns * 2, RETRY_MAX_NS) : store->interval_ns;
	store->retry_ns = clock_boot_ns() + store->retry_pause_ns;
	store->flush_target = 0;
	stats->failed_commits++;
	stats->last_error = code;
	stats->is_failing = true;
}

static void store_succeeded(struct store *store, const struct store_session_result *result)
{
	struct store_stats *stats = &store->stats;

	if (stats->is_failing)
		log_info("the history in '%s' is written again; %" PRIu64 " accesses were lost to it so far",
			 store->path, stats->refused + stats->unwritable);
	if (result->unwritable > 0)
		(void)log_warning(0, "the history in '%s' did not take %" PRIu64 " accesses", store->path,
				  result->unwritable);
	stats->is_failing = false;
	stats->written += result->written;
	stats->unwritable += result->unwritable;
	stats->expired += result->expired;
	stats->commits += result->written > 0 || result->expired > 0;
	store->retention_ns = clock_boot_ns() + (result->is_behind ? store->interval_ns : RETENTION_IDLE_NS);
}

/* One round: waits, writes, accounts. The mutex is held, and released while it writes. */
static void store_turn(struct store *store)
{
	struct store_session_result result = {0};
	struct store_record_list written = STAILQ_HEAD_INITIALIZER(written);
	uint64_t set_aside_ns = store->set_aside_ns;

	store_wait(store);
	store_queue_take_batch(&store->queue, BATCH_COUNT_MAX, BATCH_BYTES_MAX);
	(void)pthread_mutex_unlock(&store->mutex);
	int r = store_write_batch(store, &result);
	(void)pthread_mutex_lock(&store->mutex);

	store->stats.set_aside += store->set_aside_ns != set_aside_ns;
	if (r < 0) {
		store_failed(store, r);
	} else {
		store_queue_drop_batch(&store->queue, &written);
		store_succeeded(store, &result);
	}
	bool is_empty = store->queue.waiting_count + store->queue.batch_count == 0;
	store->is_over = store->close_ns != 0 && (is_empty || r < 0 || clock_boot_ns() >= store->close_ns);
	(void)pthread_cond_broadcast(&store->done);
	(void)pthread_mutex_unlock(&store->mutex);
	store_records_free(&written);
	(void)pthread_mutex_lock(&store->mutex);
}

static void *store_thread(void *argument)
{
	struct store *store = argument;

	(void)pthread_mutex_lock(&store->mutex);
	while (!store->is_over)
		store_turn(store);
	(void)pthread_mutex_unlock(&store->mutex);
	return NULL;
}

/* ---------------------------------------------------------------- life */

static int store_check_config(const struct store_config *config, struct error *error)
{
	if (config->max_mib < MAX_MIB_MIN || config->max_age_hours == 0 || config->queue_max == 0 ||
	    config->commit_interval_ms == 0)
		return error_set(error, -EINVAL, NULL, 0,
				 "the store needs at least %d MiB, 1 hour, a queue of 1 and an interval of 1 ms",
				 MAX_MIB_MIN);
	return 0;
}

static int store_prepare_directory(const char *path, struct error *error)
{
	int r = file_make_directories(path, 0700);
	if (r < 0)
		return error_set(error, r, path, 0, "cannot be made: %s", strerror(-r));
	return file_check_trusted(path, error);
}

static int join_path(const char *directory, const char *name, char out[PATH_MAX], struct error *error)
{
	/* Room for the longest ending that a file set aside may get. */
	if (snprintf(out, PATH_MAX, "%s/%s", directory, name) >= PATH_MAX - 64)
		return error_set(error, -ENAMETOOLONG, directory, 0, "is too long for a state directory");
	return 0;
}

/* Signals are the loop's business: the thread starts with all of them blocked. */
static int store_start_thread(struct store *store)
{
	sigset_t all, before;

	(void)sigfillset(&all);
	int r = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (r != 0)
		return -r;
	r = pthread_create(&store->thread, NULL, store_thread, store);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	store->has_thread = r == 0;
	return -r;
}

static struct store *store_allocate(const struct store_config *config)
{
	struct store *store = calloc(1, sizeof(*store));
	pthread_condattr_t attributes;

	if (!store)
		return NULL;
	store->lock_fd = -1;
	store->interval_ns = config->commit_interval_ms * NS_PER_MS;
	store->retention = (struct store_retention_config){
		.max_bytes = (uint64_t)config->max_mib << 20,
		.max_age_ns = config->max_age_hours * 3600ULL * NS_PER_SEC,
		.budget_ns = RETENTION_BUDGET_NS,
	};
	store_queue_init(&store->queue, config->queue_max,
			 config->queue_max_bytes > 0 ? config->queue_max_bytes : QUEUE_BYTES_DEFAULT);
	/* These only fail for lack of resources that Linux does not use for them. */
	(void)pthread_mutex_init(&store->mutex, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&store->wake, &attributes);
	(void)pthread_cond_init(&store->done, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	return store;
}

int store_open(const struct store_config *config, struct store **ret_store, struct error *error)
{
	char lock_path[PATH_MAX];
	bool is_set_aside;

	int r = store_check_config(config, error);
	if (r < 0)
		return r;
	if (sodium_init() < 0)
		return error_set(error, -ENOSYS, NULL, 0, "libsodium cannot be used here");
	_cleanup_(store_closep) struct store *store = store_allocate(config);
	if (!store)
		return error_set(error, -ENOMEM, NULL, 0, "no memory for the store");
	r = join_path(config->state_dir, STORE_FILE_NAME, store->path, error);
	if (r == 0)
		r = join_path(config->state_dir, STORE_LOCK_NAME, lock_path, error);
	if (r == 0)
		r = store_prepare_directory(config->state_dir, error);
	if (r == 0)
		r = store_lock(lock_path, &store->lock_fd, error);
	if (r == 0)
		r = store_session_open(store->path, &store->retention, &store->session, &is_set_aside, error);
	if (r < 0)
		return r;
	store->stats.set_aside = is_set_aside;
	r = store_start_thread(store);
	if (r < 0)
		return error_set(error, r, NULL, 0, "the thread of the store cannot be started: %s", strerror(-r));
	*ret_store = TAKE_PTR(store);
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->has_thread) {
		(void)pthread_mutex_lock(&store->mutex);
		store->close_ns = clock_boot_ns() + CLOSE_NS;
		(void)pthread_cond_signal(&store->wake);
		(void)pthread_mutex_unlock(&store->mutex);
		(void)pthread_join(store->thread, NULL);
	}
	size_t left = store->queue.waiting_count + store->queue.batch_count;
	if (left > 0)
		(void)log_warning(store->stats.is_failing ? store->stats.last_error : 0,
				  "%zu accesses could not be added to the history in '%s'", left, store->path);
	store_session_close(store->session);
	store_queue_release(&store->queue);
	if (store->lock_fd >= 0)
		(void)close(store->lock_fd); /* nothing was written that matters */
	(void)pthread_cond_destroy(&store->done);
	(void)pthread_cond_destroy(&store->wake);
	(void)pthread_mutex_destroy(&store->mutex);
	free(store);
}

/* ---------------------------------------------------------------- any thread */

int store_append(struct store *store, const struct access *access)
{
	struct store_record *record = store_record_new(access);
	int r = record ? 0 : -ENOMEM;

	(void)pthread_mutex_lock(&store->mutex);
	if (r == 0)
		r = store_queue_push(&store->queue, record);
	if (r == 0)
		store->stats.appended++;
	else
		store->stats.refused++;
	bool is_news = r == 0 && (store->queue.waiting_count == 1 || store_due_ns(store) == 0);
	(void)pthread_mutex_unlock(&store->mutex);
	if (is_news)
		(void)pthread_cond_signal(&store->wake);
	if (r < 0)
		free(record);
	return r;
}

int store_flush(struct store *store)
{
	int r = 0;

	(void)pthread_mutex_lock(&store->mutex);
	uint64_t target = store->stats.appended;
	uint64_t failures = store->stats.failed_commits;
	if (store->flush_target < target)
		store->flush_target = target;
	(void)pthread_cond_signal(&store->wake);
	while (retired(store) < target && store->stats.failed_commits == failures)
		(void)pthread_cond_wait(&store->done, &store->mutex);
	if (retired(store) < target)
		r = store->stats.last_error;
	(void)pthread_mutex_unlock(&store->mutex);
	return r;
}

void store_get_stats(struct store *store, struct store_stats *ret_stats)
{
	(void)pthread_mutex_lock(&store->mutex);
	*ret_stats = store->stats;
	ret_stats->queued = store->queue.waiting_count + store->queue.batch_count;
	ret_stats->queued_bytes = store->queue.bytes;
	(void)pthread_mutex_unlock(&store->mutex);
}

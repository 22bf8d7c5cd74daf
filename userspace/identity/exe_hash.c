/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/exe_hash.h"

#define HASH_NONFATAL_OOM 1
#include <errno.h>
#include <sodium.h>
#include <unistd.h>
#include <uthash.h>

#include "base/access.h"
#include "base/clock.h"
#include "identity/exe_file.h"
#include "identity/exe_hash_job.h"
#include "identity/process_record.h"

#define RUNNING_MAX    2
#define BACKLOG_MAX    256 /* each holds a descriptor */
#define WAITERS_MAX    4096
#define RETRY_AFTER_NS NS_PER_SEC

struct hash_key {
	struct file_id file;
	int64_t ctime_sec;
	uint32_t ctime_nsec;
	uint32_t pad;
};

struct waiter {
	STAILQ_ENTRY(waiter) entry;
	struct process_id process;
	exe_hash_fn fn;
	void *context;
};

STAILQ_HEAD(waiter_list, waiter);

enum entry_state { ENTRY_PENDING, ENTRY_KNOWN, ENTRY_FAILED };

struct entry {
	struct hash_key key;
	UT_hash_handle hh;
	TAILQ_ENTRY(entry) recent; /* settled ones only */
	enum entry_state state;
	int reason;             /* ENTRY_FAILED: -errno */
	uint64_t retry_ns;      /* ENTRY_FAILED: not before; UINT64_MAX never */
	struct process_id only; /* ENTRY_KNOWN: pid 0 for everybody */
	struct waiter_list waiters;
	char sha256[SHA256_HEX_SIZE];
};

TAILQ_HEAD(entry_list, entry);
TAILQ_HEAD(job_list, hash_job);

struct exe_hash {
	struct worker_pool *pool;
	struct procfs procfs;
	struct exe_hash_config config;
	struct entry *entries;
	struct entry_list recent; /* used last at the tail */
	struct job_list running;
	struct job_list backlog;
	size_t running_count;
	size_t backlog_count;
	size_t waiters_count;
	struct exe_hash_stats stats;
};

static void job_done(struct worker_job *worker_job);

int exe_hash_new(struct worker_pool *pool, const struct procfs *procfs, const struct exe_hash_config *config,
		 struct exe_hash **ret)
{
	struct exe_hash *hash;

	if (sodium_init() < 0)
		return -EIO;
	hash = calloc(1, sizeof(*hash));
	if (!hash)
		return -ENOMEM;
	hash->pool = pool;
	hash->procfs = *procfs;
	hash->config = *config;
	TAILQ_INIT(&hash->recent);
	TAILQ_INIT(&hash->running);
	TAILQ_INIT(&hash->backlog);
	*ret = hash;
	return 0;
}

static struct hash_key key_of(const struct exe_id *exe)
{
	return (struct hash_key){.file = exe->file, .ctime_sec = exe->ctime_sec, .ctime_nsec = exe->ctime_nsec};
}

static struct entry *find_entry(struct exe_hash *hash, const struct exe_id *exe)
{
	struct hash_key key = key_of(exe);
	struct entry *entry;

	HASH_FIND(hh, hash->entries, &key, sizeof(key), entry);
	return entry;
}

static void touch(struct exe_hash *hash, struct entry *entry)
{
	TAILQ_REMOVE(&hash->recent, entry, recent);
	TAILQ_INSERT_TAIL(&hash->recent, entry, recent);
}

static void remove_settled(struct exe_hash *hash, struct entry *entry)
{
	TAILQ_REMOVE(&hash->recent, entry, recent);
	HASH_DEL(hash->entries, entry);
	free(entry);
}

static bool is_known_for(const struct entry *entry, const struct process_id *process)
{
	return entry->state == ENTRY_KNOWN && (entry->only.pid == 0 || process_id_equal(&entry->only, process));
}

const char *exe_hash_find(struct exe_hash *hash, const struct exe_id *exe, const struct process_id *process)
{
	struct entry *entry = find_entry(hash, exe);

	if (!entry || !is_known_for(entry, process))
		return NULL;
	touch(hash, entry);
	return entry->sha256;
}

static int add_waiter(struct exe_hash *hash, struct entry *entry, const struct process_id *process, exe_hash_fn fn,
		      void *context)
{
	struct waiter *waiter;

	if (hash->waiters_count >= WAITERS_MAX)
		return -EBUSY;
	waiter = malloc(sizeof(*waiter));
	if (!waiter)
		return -ENOMEM;
	*waiter = (struct waiter){.process = *process, .fn = fn, .context = context};
	STAILQ_INSERT_TAIL(&entry->waiters, waiter, entry);
	hash->waiters_count++;
	return 0;
}

int exe_hash_wait(struct exe_hash *hash, const struct exe_id *exe, const struct process_id *process, exe_hash_fn fn,
		  void *context)
{
	struct entry *entry = find_entry(hash, exe);

	if (!entry)
		return -ENOENT;
	if (entry->state == ENTRY_PENDING)
		return add_waiter(hash, entry, process, fn, context);
	if (is_known_for(entry, process) || (entry->state == ENTRY_FAILED && clock_boot_ns() < entry->retry_ns)) {
		touch(hash, entry);
		return 1;
	}
	return -ENOENT;
}

/* Tells everybody who waits for it; `sha256` NULL for none. The list is the caller's: a callback may ask again. */
static void tell(struct exe_hash *hash, struct waiter_list *waiters, const char *sha256, const struct process_id *only)
{
	struct waiter *waiter;

	while ((waiter = STAILQ_FIRST(waiters))) {
		bool may_know = only->pid == 0 || process_id_equal(only, &waiter->process);

		STAILQ_REMOVE_HEAD(waiters, entry);
		hash->waiters_count--;
		waiter->fn(waiter->context, may_know ? sha256 : NULL);
		free(waiter);
	}
}

static void settle_failed(struct exe_hash *hash, struct entry *entry, int reason)
{
	hash->stats.failed++;
	entry->state = ENTRY_FAILED;
	entry->reason = reason;
	/* As long as the key is the same so is the size, and nobody else serves the file. */
	entry->retry_ns = reason == -EFBIG || reason == -EREMOTE ? UINT64_MAX : clock_boot_ns() + RETRY_AFTER_NS;
	TAILQ_INSERT_TAIL(&hash->recent, entry, recent);
}

static void settle(struct exe_hash *hash, struct entry *entry, const struct hash_job *job)
{
	struct waiter_list waiters = STAILQ_HEAD_INITIALIZER(waiters);
	struct process_id only = {0};
	const char *sha256 = job->result < 0 ? NULL : job->sha256;

	STAILQ_CONCAT(&waiters, &entry->waiters);
	if (job->result < 0) {
		settle_failed(hash, entry, job->result);
	} else {
		hash->stats.hashed++;
		if (job->is_one_only)
			only = job->process;
		entry->state = ENTRY_KNOWN;
		entry->only = only;
		memcpy(entry->sha256, job->sha256, sizeof(entry->sha256));
		TAILQ_INSERT_TAIL(&hash->recent, entry, recent);
	}
	tell(hash, &waiters, sha256, &only);
}

static void finish(struct exe_hash *hash, struct hash_job *job)
{
	struct entry *entry = find_entry(hash, &job->exe);

	/* A pending entry is neither evicted nor replaced. */
	if (entry && entry->state == ENTRY_PENDING)
		settle(hash, entry, job);
	hash_job_free(job);
}

/* Gives the pool what it may have. What it refuses waits for a job of ours to end; -EBUSY when there is none. */
static int start_backlog(struct exe_hash *hash)
{
	while (hash->running_count < RUNNING_MAX && hash->backlog_count > 0) {
		struct hash_job *job = TAILQ_FIRST(&hash->backlog);

		if (worker_submit(hash->pool, &job->job) < 0)
			return hash->running_count > 0 ? 0 : -EBUSY;
		TAILQ_REMOVE(&hash->backlog, job, entry);
		TAILQ_INSERT_TAIL(&hash->running, job, entry);
		hash->backlog_count--;
		hash->running_count++;
	}
	return 0;
}

static void drop_from_backlog(struct exe_hash *hash, struct hash_job *job)
{
	TAILQ_REMOVE(&hash->backlog, job, entry);
	hash->backlog_count--;
	hash->stats.refused++;
}

static void job_done(struct worker_job *worker_job)
{
	struct hash_job *job = (struct hash_job *)worker_job;
	struct exe_hash *hash = job->owner;

	if (!hash) {
		hash_job_free(job);
		return;
	}
	TAILQ_REMOVE(&hash->running, job, entry);
	hash->running_count--;
	finish(hash, job);
	while (start_backlog(hash) < 0) {
		job = TAILQ_FIRST(&hash->backlog);
		drop_from_backlog(hash, job);
		job->result = -EBUSY;
		finish(hash, job);
	}
}

/* An entry to be filled: a new one, or a settled one that may be tried again. NULL when out of memory. */
static struct entry *prepare_entry(struct exe_hash *hash, const struct exe_id *exe)
{
	struct entry *entry = find_entry(hash, exe);
	struct entry *oldest;

	if (entry) {
		TAILQ_REMOVE(&hash->recent, entry, recent);
		entry->state = ENTRY_PENDING;
		return entry;
	}
	if (HASH_COUNT(hash->entries) >= hash->config.entries_max && (oldest = TAILQ_FIRST(&hash->recent)))
		remove_settled(hash, oldest);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key = key_of(exe);
	STAILQ_INIT(&entry->waiters);
	HASH_ADD(hh, hash->entries, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	return entry;
}

/* NULL when out of memory. Owns the descriptor from the first line on. */
static struct hash_job *make_job(struct exe_hash *hash, const struct exe_id *exe, const struct exe_hash_source *source,
				 int fd)
{
	struct hash_job *job = hash_job_new(&hash->procfs, exe, source, hash->config.max_bytes);

	if (!job) {
		if (fd >= 0)
			(void)close(fd); /* only a path */
		return NULL;
	}
	job->fd = fd;
	job->owner = hash;
	job->job.run = hash_job_run;
	job->job.done = job_done;
	return job;
}

/* Takes the job. */
static int enqueue(struct exe_hash *hash, struct entry *entry, struct hash_job *job, exe_hash_fn fn, void *context)
{
	int r = add_waiter(hash, entry, &job->process, fn, context);

	if (r < 0) {
		settle_failed(hash, entry, r);
		hash_job_free(job);
		return r;
	}
	TAILQ_INSERT_TAIL(&hash->backlog, job, entry);
	hash->backlog_count++;
	r = start_backlog(hash);
	if (r < 0) {
		struct waiter *waiter = STAILQ_FIRST(&entry->waiters);

		/* No job of ours runs, so none waits but this one, with its one waiter. */
		STAILQ_INIT(&entry->waiters);
		free(waiter);
		hash->waiters_count--;
		settle_failed(hash, entry, r);
		drop_from_backlog(hash, job);
		hash_job_free(job);
	}
	return r;
}

int exe_hash_start(struct exe_hash *hash, const struct exe_id *exe, const struct exe_hash_source *source,
		   exe_hash_fn fn, void *context)
{
	int r = exe_hash_wait(hash, exe, &source->process, fn, context);
	struct entry *entry;
	struct hash_job *job;
	int fd;

	if (r != -ENOENT)
		return r;
	if (hash->backlog_count >= BACKLOG_MAX) {
		hash->stats.refused++;
		return -EBUSY;
	}
	/* At once: the process may be gone when a worker has time. */
	fd = exe_file_open_process(&hash->procfs, &source->process, exe);
	job = make_job(hash, exe, source, fd);
	entry = job ? prepare_entry(hash, exe) : NULL;
	if (!entry) {
		hash_job_free(job);
		return -ENOMEM;
	}
	if (fd < 0 && job->path[0] != '/') {
		settle_failed(hash, entry, fd);
		hash_job_free(job);
		return 1;
	}
	return enqueue(hash, entry, job, fn, context);
}

struct exe_hash_stats exe_hash_stats(const struct exe_hash *hash)
{
	struct exe_hash_stats stats = hash->stats;

	stats.entries = HASH_COUNT(hash->entries);
	return stats;
}

void exe_hash_free(struct exe_hash *hash)
{
	static const struct process_id nobody;
	struct entry *entry;
	struct entry *next;
	struct hash_job *job;

	if (!hash)
		return;
	TAILQ_FOREACH (job, &hash->running, entry)
		job->owner = NULL;
	while ((job = TAILQ_FIRST(&hash->backlog))) {
		TAILQ_REMOVE(&hash->backlog, job, entry);
		hash_job_free(job);
	}
	HASH_ITER (hh, hash->entries, entry, next) {
		tell(hash, &entry->waiters, NULL, &nobody);
		HASH_DEL(hash->entries, entry);
		free(entry);
	}
	free(hash);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "observer.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "holdings.h"
#include "identity/identity.h"
#include "policy/policy.h"
#include "sensor/watchlist.h"

#define WAITING_MAX 4096
/* How long an access may wait whose verdict needs the hash: an executable on a file system that hangs is never hashed.
 */
#define NEEDED_WAIT_MS 30000

/* What a counter of the sensor keeps for us: the secret by name (a reload renumbers), and the file's path. */
struct counter_memory {
	char *secret;
	char *path;
	bool path_truncated;
};

/* An access as counted, with its secret. Strings are borrowed or, while it waits, owned. */
struct observation {
	struct access_key key;
	struct task_snapshot task;
	uint64_t count, first_ns, last_ns;
	const char *secret;
	const char *path;
	bool path_truncated;
};

struct waiting {
	struct observer *observer;
	struct observation observation;
	char *secret, *path;
	struct event *timer;
	bool is_published; /* the hash is still to come, the access has gone out */
	TAILQ_ENTRY(waiting) link;
};

struct observer {
	struct observer_config config;
	struct watchlist *watchlist;
	const struct policy_set *policy;
	struct holdings *holdings;
	TAILQ_HEAD(, waiting) waiting;
	size_t waiting_count;
	struct observer_stats stats;
};

int observer_new(const struct observer_config *config, struct observer **ret_observer)
{
	struct observer *observer = calloc(1, sizeof(*observer));
	int r;

	if (!observer)
		return -ENOMEM;
	observer->config = *config;
	TAILQ_INIT(&observer->waiting);
	r = holdings_new(config->max_holders, &observer->holdings);
	if (r < 0) {
		free(observer);
		return r;
	}
	*ret_observer = observer;
	return 0;
}

/* ---------------------------------------------------------------- publishing */

static void publish(struct observer *observer, const struct bus_event *event)
{
	observer->config.publish(observer->config.context, event);
}

static void fill_target(struct observer *observer, const struct observation *observation, struct access *access)
{
	const char *exe;

	access->target_pid = observation->key.target;
	if (access->target_pid == 0)
		return;
	exe = identity_exe_of_pid(observer->config.identity, access->target_pid);
	access->target_exe = *exe ? exe : NULL;
}

static void count_stats(struct observer_stats *stats, const struct access *access)
{
	stats->events++;
	stats->accesses += access->count;
	if (access->verdict.action == VERDICT_ALERT)
		stats->alerts += access->count;
	if (access->verdict.action == VERDICT_DENY)
		stats->denies += access->count;
}

/* Completes the observation by identity and verdict, and sends it out. A secret that the policy no longer has is
 * dropped. */
static void publish_observation(struct observer *observer, const struct observation *observation)
{
	const struct policy_secret *secret =
		observer->policy ? policy_set_find(observer->policy, observation->secret) : NULL;
	struct access access = {
		.path = observation->path ? observation->path : "",
		.path_truncated = observation->path_truncated,
		.kind = (enum access_kind)observation->key.kind,
		.via = (enum access_via)observation->key.via,
		.mode = observation->key.mode,
		.result = -(int)observation->key.result,
		.count = observation->count,
		.last_real_ns = clock_real_from_boot(observation->last_ns),
	};
	struct bus_event event = {.type = EVENT_ACCESS, .access = &access};

	if (!secret)
		return;
	/* By one offset of the clocks, lest it seem to end before it began. */
	access.first_real_ns = access.last_real_ns - (observation->last_ns - observation->first_ns);
	access.secret_name = secret->name;
	access.secret_class = secret->class_name;
	if (observation->key.file.dev != 0)
		access.file = observation->key.file;
	/* The target first: what is described stays valid until the next question only. */
	fill_target(observer, observation, &access);
	identity_describe(observer->config.identity, &observation->task, &access.process);
	policy_decide(observer->policy, secret->index, &access, &access.verdict);
	count_stats(&observer->stats, &access);
	publish(observer, &event);
}

/* ---------------------------------------------------------------- waiting for a hash */

static void waiting_free(struct waiting *waiting)
{
	if (waiting->timer)
		event_free(waiting->timer);
	free(waiting->secret);
	free(waiting->path);
	free(waiting);
}

/* Sends out an access that waited; what is left of it is freed when its hash comes. */
static void waiting_publish(struct waiting *waiting)
{
	struct observer *observer = waiting->observer;

	if (waiting->is_published)
		return;
	waiting->is_published = true;
	TAILQ_REMOVE(&observer->waiting, waiting, link);
	observer->waiting_count--;
	publish_observation(observer, &waiting->observation);
}

static void on_hash(void *context, const char *sha256)
{
	struct waiting *waiting = context;

	(void)sha256; /* identity knows it now */
	waiting_publish(waiting);
	waiting_free(waiting);
}

static void on_waited_enough(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	waiting_publish(context);
}

static struct waiting *waiting_new(struct observer *observer, const struct observation *observation)
{
	struct waiting *waiting = calloc(1, sizeof(*waiting));

	if (!waiting)
		return NULL;
	waiting->observer = observer;
	waiting->observation = *observation;
	waiting->secret = strdup(observation->secret);
	waiting->path = observation->path ? strdup(observation->path) : NULL;
	waiting->observation.secret = waiting->secret;
	waiting->observation.path = waiting->path;
	if (!waiting->secret || (observation->path && !waiting->path)) {
		waiting_free(waiting);
		return NULL;
	}
	return waiting;
}

/* Keeps the access back until the hash is there. False: publish it as it is. */
static bool wait_for_hash(struct observer *observer, const struct observation *observation)
{
	const struct policy_secret *secret = policy_set_find(observer->policy, observation->secret);
	bool must_wait = secret && secret->needs_sha256;
	uint64_t wait_ms = must_wait ? NEEDED_WAIT_MS : observer->config.hash_wait_ms;
	const struct timeval wait = {.tv_sec = (time_t)(wait_ms / 1000),
				     .tv_usec = (suseconds_t)(wait_ms % 1000) * 1000};
	struct waiting *waiting;

	if (observer->waiting_count >= WAITING_MAX || wait_ms == 0)
		return false;
	waiting = waiting_new(observer, observation);
	if (!waiting)
		return false;
	waiting->timer = evtimer_new(observer->config.base, on_waited_enough, waiting);
	if (!waiting->timer || evtimer_add(waiting->timer, &wait) < 0) {
		waiting_free(waiting);
		return false;
	}
	TAILQ_INSERT_TAIL(&observer->waiting, waiting, link);
	observer->waiting_count++;
	if (identity_hash(observer->config.identity, &observation->task, on_hash, waiting) == 0)
		return true;
	TAILQ_REMOVE(&observer->waiting, waiting, link);
	observer->waiting_count--;
	waiting_free(waiting);
	return false;
}

void observer_flush(struct observer *observer)
{
	struct waiting *waiting;

	while ((waiting = TAILQ_FIRST(&observer->waiting)))
		waiting_publish(waiting);
}

void observer_free(struct observer *observer)
{
	if (!observer)
		return;
	observer_flush(observer);
	holdings_free(observer->holdings);
	free(observer);
}

static void observe(struct observer *observer, const struct observation *observation)
{
	if (observer->policy && !wait_for_hash(observer, observation))
		publish_observation(observer, observation);
}

/* ---------------------------------------------------------------- which secret */

static void memory_free(struct counter_memory *memory)
{
	if (!memory)
		return;
	free(memory->secret);
	free(memory->path);
	free(memory);
}

/* Remembers secret and path with the counter. When there is no memory the next report finds out again. */
static void remember(void **cookie, const struct observation *observation)
{
	struct counter_memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return;
	memory->secret = strdup(observation->secret);
	memory->path = strdup(observation->path);
	memory->path_truncated = observation->path_truncated;
	if (!memory->secret || !memory->path) {
		memory_free(memory);
		return;
	}
	*cookie = memory;
}

static const char *name_of(const struct observer *observer, size_t index)
{
	const struct policy_secret *secret = observer->policy ? policy_set_secret(observer->policy, index) : NULL;

	return secret ? secret->name : NULL;
}

/*
 * The path that a process passed, made absolute by the directory that the kernel put behind it: components leaf first.
 * False when there is no such directory or no room.
 */
static bool absolute_path(const struct counted *counted, char out[ABI_PATH_MAX])
{
	const size_t passed = strnlen(counted->path, counted->path_size) + 1;
	const char *end = counted->path + counted->path_size;
	size_t at = ABI_PATH_MAX - 1;
	size_t size = passed - 1;

	if (size > at || (counted->path_flags & (PATH_FLAG_TRUNCATED | PATH_FLAG_UNREACHABLE)))
		return false;
	out[at] = '\0';
	at -= size;
	memcpy(out + at, counted->path, size);
	if (out[at] != '/') {
		for (const char *name = counted->path + passed; name < end; name += size + 1) {
			size = strnlen(name, (size_t)(end - name));
			if (size + 2 > at)
				return false;
			out[--at] = '/';
			at -= size;
			memcpy(out + at, name, size);
		}
		if (at == 0)
			return false;
		out[--at] = '/';
	}
	memmove(out, out + at, ABI_PATH_MAX - at);
	return true;
}

/* A refused open, or a link that was made: only the path is known. */
static bool resolve_path(struct observer *observer, const struct counted *counted, struct observation *observation)
{
	char path_of_dead[ABI_PATH_MAX];
	size_t secret;
	const char *path;
	int r = watchlist_refused(observer->watchlist, counted->key->process.pid, counted->dirfd, counted->path,
				  counted->path_size, counted->path_flags & PATH_FLAG_TRUNCATED, &secret, &path);

	/* The process is gone: what it meant by the path is on the host, if it shared its root. */
	if (r == -ESRCH && absolute_path(counted, path_of_dead))
		r = watchlist_refused(observer->watchlist, (uint32_t)getpid(), AT_FDCWD, path_of_dead,
				      strlen(path_of_dead), false, &secret, &path);
	if (r < 0)
		observer->stats.unresolved++;
	if (r <= 0)
		return false;
	observation->secret = name_of(observer, secret);
	observation->path = path;
	return observation->secret != NULL;
}

static bool resolve_file(struct observer *observer, const struct counted *counted, struct observation *observation)
{
	const struct watched_file *file = watchlist_find(observer->watchlist, &counted->key->file);

	if (!file && (counted->value->flags & ACCESS_CANDIDATE) && counted->path) {
		if (watchlist_candidate(observer->watchlist, &counted->key->file, &counted->value->watched_dir,
					counted->path, counted->path_size, counted->path_flags & PATH_FLAG_TRUNCATED,
					counted->value->file_nlink, &file) != 1)
			file = NULL;
	}
	if (!file)
		return false;
	observation->secret = name_of(observer, file->secret);
	observation->path = file->path;
	observation->path_truncated = file->path_truncated;
	return observation->secret != NULL;
}

/* What an earlier report of this counter found out. */
static bool recall(const struct counter_memory *memory, struct observation *observation)
{
	observation->secret = memory->secret;
	observation->path = memory->path;
	observation->path_truncated = memory->path_truncated;
	return true;
}

static bool resolve(struct observer *observer, const struct counted *counted, struct observation *observation)
{
	const struct counter_memory *memory = *counted->cookie;
	bool is_found;

	if (counted->value->flags & ACCESS_BY_PATH) {
		if (memory)
			return recall(memory, observation);
		if (!counted->path)
			return false;
		is_found = resolve_path(observer, counted, observation);
	} else {
		is_found = resolve_file(observer, counted, observation);
		if (!is_found && memory) /* the file is not watched any more: it was when this was counted first */
			return recall(memory, observation);
	}
	if (is_found && !memory)
		remember(counted->cookie, observation);
	return is_found;
}

/* ---------------------------------------------------------------- what the sensor calls */

struct look {
	struct observer *observer;
	struct observation *observation;
};

static void on_secret_of_target(void *context, const char *secret)
{
	struct look *look = context;

	look->observation->secret = secret;
	observe(look->observer, look->observation);
}

static bool on_access(void *context, const struct counted *counted)
{
	struct observer *observer = context;
	struct observation observation = {
		.key = *counted->key,
		.task = counted->value->task,
		.count = counted->count,
		.first_ns = counted->first_ns,
		.last_ns = counted->last_ns,
	};

	if (counted->key->kind == COUNTED_TAMPER) {
		if (observer->config.tampered)
			observer->config.tampered(observer->config.context, counted);
		return true;
	}
	if (!observer->watchlist || !observer->policy)
		return false;
	if (counted->key->target) {
		struct look look = {.observer = observer, .observation = &observation};

		if (holdings_each(observer->holdings, counted->key->target, on_secret_of_target, &look) == 0)
			observer->stats.unnamed += counted->count;
		return true;
	}
	if (!resolve(observer, counted, &observation))
		return false;
	if (counted->key->result == 0 && counted->key->kind != ACCESS_LINK)
		holdings_add(observer->holdings, &counted->key->process, observation.secret);
	observe(observer, &observation);
	return true;
}

static void on_forget(void *context, void *cookie)
{
	(void)context;
	memory_free(cookie);
}

static void on_process(void *context, const struct process_record *record, size_t size)
{
	struct observer *observer = context;

	if (size < sizeof(*record))
		return;
	identity_process(observer->config.identity, record, size);
	if (record->header.type == RECORD_FORK)
		holdings_fork(observer->holdings, &record->task.parent, &record->task.id);
	else if (record->header.type == RECORD_EXEC)
		holdings_exec(observer->holdings, &record->task.id);
}

static void on_exit_record(void *context, const struct exit_record *record, size_t size)
{
	struct observer *observer = context;

	if (size < sizeof(*record))
		return;
	identity_exit(observer->config.identity, record, size);
	holdings_exit(observer->holdings, &record->id);
}

static void on_cgroup(void *context, const struct cgroup_record *record, size_t size)
{
	struct observer *observer = context;

	identity_cgroup(observer->config.identity, record, size);
}

/* Only the process is known, not its credentials then: identity completes them from its table. */
static void on_held(void *context, const struct file_record *record)
{
	struct observer *observer = context;
	const struct watched_file *file = watchlist_find(observer->watchlist, &record->file);
	struct observation observation = {
		.key = {.process = record->process,
			.file = record->file,
			.kind = ACCESS_RECEIVE,
			.via = VIA_INHERITED,
			.mode = (__u8)record->fmode},
		.task = record->task,
		.count = 1,
		.first_ns = record->header.time_ns,
		.last_ns = record->header.time_ns,
	};

	if (!file)
		return;
	observation.secret = name_of(observer, file->secret);
	observation.path = file->path;
	if (!observation.secret)
		return;
	holdings_add(observer->holdings, &record->process, observation.secret);
	observe(observer, &observation);
}

static void on_loss(void *context, enum loss_place place, uint64_t count, uint64_t total)
{
	struct observer *observer = context;
	struct event_loss loss = {.place = place, .count = count, .total = total};
	struct bus_event event = {.type = EVENT_LOSS, .loss = &loss};

	observer->stats.losses += count;
	publish(observer, &event);
}

struct sensor_handler observer_handler(struct observer *observer)
{
	return (struct sensor_handler){
		.process = on_process,
		.exit = on_exit_record,
		.cgroup = on_cgroup,
		.access = on_access,
		.forget = on_forget,
		.held = on_held,
		.loss = on_loss,
		.context = observer,
	};
}

void observer_set_watchlist(struct observer *observer, struct watchlist *watchlist)
{
	observer->watchlist = watchlist;
}

void observer_set_policy(struct observer *observer, const struct policy_set *policy)
{
	observer->policy = policy;
}

void observer_tick(struct observer *observer)
{
	holdings_tick(observer->holdings);
	identity_tick(observer->config.identity, clock_boot_ns());
}

struct observer_stats observer_stats(const struct observer *observer)
{
	return observer->stats;
}

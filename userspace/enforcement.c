/* SPDX-License-Identifier: Apache-2.0 */
#include "enforcement.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "enforce/judgement.h"
#include "identity/identity.h"
#include "kernel_tier.h"
#include "policy/policy.h"
#include "secret_numbers.h"
#include "sensor/sensor.h"
#include "sensor/watchlist.h"

/* How a tier is carried out. Any function may be NULL: nothing is to be done then. */
struct tier_ops {
	bool is_built;
	int (*start)(struct enforcement *enforcement, struct error *error);
	void (*stop)(struct enforcement *enforcement);
	void (*release)(struct enforcement *enforcement);
	int (*prepare)(struct enforcement *enforcement, struct error *error);
	void (*commit)(struct enforcement *enforcement);
	void (*rollback)(struct enforcement *enforcement);
	void (*collect)(struct enforcement *enforcement);
	void (*tick)(struct enforcement *enforcement);
	const struct watch_marker *marker; /* its context is the enforcement */
};

struct enforcement {
	struct enforcement_config config;
	const struct tier_ops *ops;
	struct watchlist *watchlist;
	struct secret_numbers *numbers;
	const struct policy_set *policy, *next; /* in force; prepared, or NULL */
	bool is_stopped;
	/* Tier fanotify. */
	struct permission *permission;
	struct event *permission_event;
	uint64_t undecided, overflows, failures, untold; /* told of */
	/* Tiers lsm and kill. */
	struct kernel_tier *kernel;
};

/* ---------------------------------------------------------------- tier fanotify: what it asks the loop */

/* A question that waits for a hash. */
struct asked {
	struct enforcement *enforcement;
	struct permission_question *question;
};

static ssize_t look(void *context, uint32_t tid, struct process_record *ret_record, size_t size)
{
	struct enforcement *enforcement = context;

	return sensor_look(enforcement->config.sensor, tid, ret_record, size);
}

static void catch_up(void *context)
{
	struct enforcement *enforcement = context;

	if (enforcement->watchlist)
		watchlist_catch_up(enforcement->watchlist);
}

static uint32_t unknown_of(const struct access_process *process)
{
	return (process->exe[0] ? 0 : FACT_EXE) | (process->cgroup[0] ? 0 : FACT_CGROUP) |
	       (process->exe_sha256 ? 0 : FACT_SHA256) | (process->ancestors_truncated ? FACT_ANCESTORS : 0) |
	       (process->script ? 0 : FACT_SCRIPT);
}

static void answer(struct enforcement *enforcement, struct permission_question *question)
{
	struct access_process process = {.exe = "", .cgroup = ""};

	if (!enforcement->is_stopped)
		identity_describe(enforcement->config.identity, &question->record->task, &process);
	permission_answer(enforcement->permission, question, &process, unknown_of(&process));
}

static void on_hash(void *context, const char *sha256)
{
	struct asked *asked = context;

	(void)sha256; /* identity knows it now */
	answer(asked->enforcement, asked->question);
	free(asked);
}

/* True when the answer will come with the hash. */
static bool wait_for_hash(struct enforcement *enforcement, struct permission_question *question)
{
	struct asked *asked = malloc(sizeof(*asked));

	if (!asked)
		return false;
	*asked = (struct asked){.enforcement = enforcement, .question = question};
	if (identity_hash(enforcement->config.identity, &question->record->task, on_hash, asked) == 0)
		return true;
	free(asked);
	return false;
}

static void on_question(void *context, struct permission_question *question)
{
	struct enforcement *enforcement = context;

	identity_process(enforcement->config.identity, question->record, question->record_size);
	if (!(question->wanted & FACT_SHA256) || !wait_for_hash(enforcement, question))
		answer(enforcement, question);
}

static void on_permission(evutil_socket_t fd, short what, void *context)
{
	struct enforcement *enforcement = context;

	(void)fd;
	(void)what;
	/* Who asks, or was denied, is known before it is told. */
	sensor_catch_up(enforcement->config.sensor);
	permission_dispatch(enforcement->permission);
	enforcement_collect(enforcement);
}

/* ---------------------------------------------------------------- tier fanotify: what it is told */

static void mark_file(void *context, int fd, const struct file_id *id, uint32_t number)
{
	struct enforcement *enforcement = context;

	permission_mark_file(enforcement->permission, fd, id, number);
}

static void mark_directory(void *context, int fd, const char *path, uint32_t inside, uint32_t below)
{
	struct enforcement *enforcement = context;

	permission_mark_directory(enforcement->permission, fd, path, inside, below);
}

static void set_file(void *context, const struct file_id *id, uint32_t number)
{
	struct enforcement *enforcement = context;

	permission_set_file(enforcement->permission, id, number);
}

static void clear_file(void *context, const struct file_id *id)
{
	set_file(context, id, 0);
}

static const struct watch_marker permission_marker = {
	.mark_file = mark_file,
	.mark_directory = mark_directory,
	.set_file = set_file,
	.clear_file = clear_file,
};

static int permission_start(struct enforcement *enforcement, struct error *error)
{
	const struct permission_config config = {
		.deadline_ms = enforcement->config.deadline_ms,
		.look = look,
		.catch_up = catch_up,
		.ask = on_question,
		.context = enforcement,
	};
	int r = permission_new(&config, &enforcement->permission, error);

	if (r < 0)
		return r;
	enforcement->permission_event = event_new(enforcement->config.base, permission_fd(enforcement->permission),
						  EV_READ | EV_PERSIST, on_permission, enforcement);
	return enforcement->permission_event && event_add(enforcement->permission_event, NULL) == 0 ? 0 : -ENOMEM;
}

static void permission_end_all(struct enforcement *enforcement)
{
	permission_stop(enforcement->permission);
	(void)event_del(enforcement->permission_event);
}

static void permission_release(struct enforcement *enforcement)
{
	if (enforcement->permission_event)
		event_free(enforcement->permission_event);
	permission_free(enforcement->permission);
}

/* The enforced secrets of a policy, by their numbers. */
static void add_secrets(const struct enforcement *enforcement, const struct policy_set *policy,
			const struct policy_set *but_not_of, permission_secrets secrets)
{
	for (size_t i = 0; policy && i < policy_set_secret_count(policy); i++) {
		const struct policy_secret *secret = policy_set_secret(policy, i);
		uint32_t number = secret_numbers_find(enforcement->numbers, secret->name);

		if (number && secret->mode == POLICY_MODE_ENFORCE && secret->can_deny &&
		    !(but_not_of && policy_set_find(but_not_of, secret->name)))
			secrets[number] = secret;
	}
}

static int permission_prepare(struct enforcement *enforcement, struct error *error)
{
	permission_secrets secrets = {NULL};

	(void)error; /* there is room for every number */
	add_secrets(enforcement, enforcement->next, NULL, secrets);
	add_secrets(enforcement, enforcement->policy, enforcement->next, secrets);
	permission_begin(enforcement->permission, secrets);
	return 0;
}

static void permission_commit(struct enforcement *enforcement)
{
	permission_secrets secrets = {NULL};

	add_secrets(enforcement, enforcement->policy, NULL, secrets);
	permission_end(enforcement->permission, secrets);
}

static void permission_rollback(struct enforcement *enforcement)
{
	permission_secrets secrets = {NULL};

	add_secrets(enforcement, enforcement->policy, NULL, secrets);
	permission_abandon(enforcement->permission, secrets);
}

static void hand_out(void *context, const struct denial *denial)
{
	struct enforcement *enforcement = context;

	enforcement->config.denied(enforcement->config.context, denial);
}

static void permission_hand_out(struct enforcement *enforcement)
{
	permission_collect(enforcement->permission, hand_out, enforcement);
}

static void tell_loss(struct enforcement *enforcement, enum loss_place place, uint64_t *told, uint64_t total)
{
	if (total <= *told)
		return;
	enforcement->config.loss(enforcement->config.context, place, total - *told, total);
	*told = total;
}

static void permission_tick(struct enforcement *enforcement)
{
	struct permission_stats stats = permission_stats(enforcement->permission);

	permission_refresh(enforcement->permission);
	tell_loss(enforcement, LOSS_UNDECIDED, &enforcement->undecided, stats.undecided);
	tell_loss(enforcement, LOSS_UNGUARDED, &enforcement->failures, stats.marks.failures + stats.overflows);
	tell_loss(enforcement, LOSS_UNTOLD, &enforcement->untold, stats.untold);
}

/* ---------------------------------------------------------------- tiers lsm and kill: the kernel decides */

static int kernel_start(struct enforcement *enforcement, struct error *error)
{
	const struct kernel_tier_config config = {
		.tier = enforcement->config.tier,
		.base = enforcement->config.base,
		.sensor = enforcement->config.sensor,
		.identity = enforcement->config.identity,
		.numbers = enforcement->numbers,
	};
	int r = kernel_tier_new(&config, &enforcement->kernel);

	return r < 0 ? error_set(error, r, NULL, 0, "the kernel's tables of verdicts cannot be set up: %s",
				 strerror(-r))
		     : 0;
}

static void kernel_release(struct enforcement *enforcement)
{
	kernel_tier_free(enforcement->kernel);
}

static int kernel_prepare(struct enforcement *enforcement, struct error *error)
{
	return kernel_tier_prepare(enforcement->kernel, enforcement->next, error);
}

static void kernel_rollback(struct enforcement *enforcement)
{
	kernel_tier_rollback(enforcement->kernel);
}

static void kernel_tick(struct enforcement *enforcement)
{
	kernel_tier_tick(enforcement->kernel);
}

void enforcement_process(struct enforcement *enforcement, const struct process_record *record)
{
	if (enforcement->kernel)
		kernel_tier_process(enforcement->kernel, record);
}

void enforcement_cgroup(struct enforcement *enforcement, uint64_t cgroup_id)
{
	if (enforcement->kernel)
		kernel_tier_cgroup(enforcement->kernel, cgroup_id);
}

bool enforcement_explain(struct enforcement *enforcement, const struct access_value *value, struct verdict *ret_verdict)
{
	if (!enforcement->kernel) {
		*ret_verdict = (struct verdict){.action = (enum verdict_action)value->decided.action};
		return false;
	}
	if (value->decided.flags & DECIDED_ERROR)
		kernel_tier_doubt(enforcement->kernel, &value->task);
	return kernel_tier_explain(enforcement->kernel, value, ret_verdict);
}

const char *enforcement_secret_name(const struct enforcement *enforcement, uint32_t number)
{
	return secret_numbers_name(enforcement->numbers, number);
}

/* ---------------------------------------------------------------- the tiers */

#define KERNEL_TIER                                                                                            \
	{                                                                                                      \
		.is_built = true, .start = kernel_start, .release = kernel_release, .prepare = kernel_prepare, \
		.rollback = kernel_rollback, .tick = kernel_tick                                               \
	}

static const struct tier_ops tiers[TIER_COUNT] = {
	[TIER_OBSERVE] = {.is_built = true},
	[TIER_KILL] = KERNEL_TIER,
	[TIER_LSM] = KERNEL_TIER,
	[TIER_FANOTIFY] =
		{
			.is_built = true,
			.start = permission_start,
			.stop = permission_end_all,
			.release = permission_release,
			.prepare = permission_prepare,
			.commit = permission_commit,
			.rollback = permission_rollback,
			.collect = permission_hand_out,
			.tick = permission_tick,
			.marker = &permission_marker,
		},
};

void enforcement_probe(const struct kernel_support *support, enum sensor_backend backend, struct tier_probe *ret)
{
	const struct backend_support *lsm = &support->backends[SENSOR_BACKEND_LSM];
	struct tier_support lsm_tier = {.works = lsm->works && backend == SENSOR_BACKEND_LSM};

	if (!lsm->works)
		(void)snprintf(lsm_tier.reason, sizeof(lsm_tier.reason), "%s", lsm->reason);
	else if (!lsm_tier.works)
		(void)snprintf(lsm_tier.reason, sizeof(lsm_tier.reason), "it needs the backend 'lsm', and '%s' is set",
			       sensor_backend_name(backend));
	tier_probe(&lsm_tier, ret);
	for (int i = 0; i < TIER_COUNT; i++) {
		if (tiers[i].is_built || !ret->tiers[i].works)
			continue;
		ret->tiers[i].works = false;
		(void)snprintf(ret->tiers[i].reason, sizeof(ret->tiers[i].reason), "this build does not have it");
	}
}

/* ---------------------------------------------------------------- life */

int enforcement_new(const struct enforcement_config *config, struct enforcement **ret, struct error *error)
{
	_cleanup_(enforcement_freep) struct enforcement *enforcement = calloc(1, sizeof(*enforcement));
	int r;

	if (!enforcement)
		return -ENOMEM;
	enforcement->config = *config;
	enforcement->ops = &tiers[config->tier];
	r = secret_numbers_new(&enforcement->numbers);
	if (r == 0 && enforcement->ops->start)
		r = enforcement->ops->start(enforcement, error);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(enforcement);
	return 0;
}

void enforcement_stop(struct enforcement *enforcement)
{
	if (enforcement->is_stopped)
		return;
	enforcement->is_stopped = true;
	if (enforcement->ops->stop)
		enforcement->ops->stop(enforcement);
	enforcement_collect(enforcement);
}

void enforcement_free(struct enforcement *enforcement)
{
	if (!enforcement)
		return;
	if (enforcement->ops->release)
		enforcement->ops->release(enforcement);
	secret_numbers_free(enforcement->numbers);
	free(enforcement);
}

const struct watch_marker *enforcement_marker(struct enforcement *enforcement, void **ret_context)
{
	*ret_context = enforcement;
	return enforcement->ops->marker;
}

void enforcement_set_watchlist(struct enforcement *enforcement, struct watchlist *watchlist)
{
	enforcement->watchlist = watchlist;
}

/* ---------------------------------------------------------------- policies */

int enforcement_prepare(struct enforcement *enforcement, const struct policy_set *next, struct error *error)
{
	int r = secret_numbers_assign(enforcement->numbers, next);

	if (r < 0)
		return error_set(error, r, NULL, 0, "the policies cannot be enforced: %s",
				 r == -E2BIG ? "they name more secrets of mode enforce than 4095" : strerror(-r));
	enforcement->next = next;
	r = enforcement->ops->prepare ? enforcement->ops->prepare(enforcement, error) : 0;
	if (r < 0)
		enforcement->next = NULL;
	return r;
}

uint32_t enforcement_number(const struct enforcement *enforcement, const char *secret)
{
	return secret_numbers_find(enforcement->numbers, secret);
}

void enforcement_commit(struct enforcement *enforcement)
{
	enforcement->policy = enforcement->next;
	enforcement->next = NULL;
	if (enforcement->ops->commit)
		enforcement->ops->commit(enforcement);
	secret_numbers_retire(enforcement->numbers, enforcement->policy);
	enforcement_collect(enforcement);
}

void enforcement_rollback(struct enforcement *enforcement)
{
	enforcement->next = NULL;
	if (enforcement->ops->rollback)
		enforcement->ops->rollback(enforcement);
	enforcement_collect(enforcement);
}

/* ---------------------------------------------------------------- time */

void enforcement_collect(struct enforcement *enforcement)
{
	if (enforcement->ops->collect)
		enforcement->ops->collect(enforcement);
}

void enforcement_tick(struct enforcement *enforcement)
{
	enforcement_collect(enforcement);
	if (enforcement->ops->tick)
		enforcement->ops->tick(enforcement);
}

struct enforcement_stats enforcement_stats(const struct enforcement *enforcement)
{
	struct enforcement_stats stats = {0};

	if (enforcement->permission)
		stats.permission = permission_stats(enforcement->permission);
	return stats;
}

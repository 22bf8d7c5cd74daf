/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enforcement.h: the daemon's side of stopping accesses: owns the tier that is in force, whichever it is, and the
 * numbers of the secrets.
 *
 * Life: enforcement_new() starts the tier that choice.h found, before the watch list looks at anything. Each change of
 * policy is enforcement_prepare(), then watchlist_load() with the numbers that it gave, then enforcement_commit() or
 * enforcement_rollback(). Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/access.h"
#include "base/cleanup.h"
#include "enforce/permission.h"
#include "enforce/tier.h"
#include "sensor/kernel_support.h"

struct enforcement;
struct error;
struct event_base;
struct identity;
struct policy_set;
struct sensor;
struct watch_marker;
struct watchlist;

/* What this host and this build can do, when the sensor's backend is `backend`. */
void enforcement_probe(const struct kernel_support *support, enum sensor_backend backend, struct tier_probe *ret);

/* All but numbers is borrowed for the life. */
struct enforcement_config {
	enum tier tier;
	uint64_t deadline_ms;
	struct event_base *base;
	struct sensor *sensor;
	struct identity *identity;
	/* Each kind of access that was denied; borrowed for the call. */
	void (*denied)(void *context, const struct denial *denial);
	/* `count` new losses at this place. */
	void (*loss)(void *context, enum loss_place place, uint64_t count, uint64_t total);
	void *context;
};

struct enforcement_stats {
	struct permission_stats permission; /* zero but in tier fanotify */
};

/* 0 or -errno with *error. */
int enforcement_new(const struct enforcement_config *config, struct enforcement **ret, struct error *error);
/* From here on nothing is stopped any more, but by tier lsm. What was denied until now has been handed out. */
void enforcement_stop(struct enforcement *enforcement);
void enforcement_free(struct enforcement *enforcement); /* after identity_free(); NULL is fine */
DEFINE_FREEP(struct enforcement, enforcement_free)

/* Whom the watch list tells of what it finds; NULL: nobody. */
const struct watch_marker *enforcement_marker(struct enforcement *enforcement, void **ret_context);
/* The watch list, once it is there. Borrowed. */
void enforcement_set_watchlist(struct enforcement *enforcement, struct watchlist *watchlist);

/*
 * From here on verdicts are by `next`, and for secrets that it does not have by the policy before. `next` is borrowed
 * until it has been replaced or rolled back. 0 or -errno with *error: then nothing has changed.
 */
int enforcement_prepare(struct enforcement *enforcement, const struct policy_set *next, struct error *error);
/* The number of a secret, between prepare and the next one; 0: none. */
uint32_t enforcement_number(const struct enforcement *enforcement, const char *secret);
/* The files of `next` are watched: the policy before is needed no more. What it denied has been handed out. */
void enforcement_commit(struct enforcement *enforcement);
/* They could not be: verdicts are by the policy before again. */
void enforcement_rollback(struct enforcement *enforcement);

/* What identity has been told of. Nothing in tiers that do not decide in the kernel. */
void enforcement_process(struct enforcement *enforcement, const struct process_record *record);
void enforcement_cgroup(struct enforcement *enforcement, uint64_t cgroup_id);
/* The kernel's verdict that stands with an access: see kernel_tier_explain(). */
bool enforcement_explain(struct enforcement *enforcement, const struct access_value *value,
			 struct verdict *ret_verdict);
/* NULL: none that has, or had, the number. */
const char *enforcement_secret_name(const struct enforcement *enforcement, uint32_t number);

/* Hands out what was denied since the last time. */
void enforcement_collect(struct enforcement *enforcement);
/* After each flush of the sensor: the same, and losses. */
void enforcement_tick(struct enforcement *enforcement);
struct enforcement_stats enforcement_stats(const struct enforcement *enforcement);

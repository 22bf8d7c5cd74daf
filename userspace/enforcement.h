/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enforcement.h: the daemon's side of stopping accesses: owns the tier that is in force, whichever it is.
 *
 * Life: enforcement_new() starts the tier that choice.h found, before the watch list
 * looks at anything. Each change of policy is enforcement_prepare(), then watchlist_load(), then enforcement_commit()
 * or enforcement_rollback(). Loop thread only, but for enforcement_check().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/access.h"
#include "base/cleanup.h"
#include "enforce/tier.h"
#include "sensor/kernel_support.h"

struct enforcement;
struct error;
struct policy_set;

/* What this host and this build can do, when the sensor's backend is `backend`. */
void enforcement_probe(const struct kernel_support *support, enum sensor_backend backend, struct tier_probe *ret);

struct enforcement_config {
	enum tier tier;
	struct tier_probe probe;
};

/* 0 or -errno with *error. */
int enforcement_new(const struct enforcement_config *config, struct enforcement **ret, struct error *error);
/* From here on nothing is stopped any more, but by tier lsm. NULL is fine. */
void enforcement_free(struct enforcement *enforcement);
DEFINE_FREEP(struct enforcement, enforcement_free)

enum tier enforcement_tier(const struct enforcement *enforcement);
/* enforce_check_policy() for the tier in force. Any thread. */
int enforcement_check(const struct enforcement *enforcement, struct policy_set *policy, struct error *error);

/*
 * From here on verdicts are by `next`, and for secrets that it does not have by the policy before. `next` is borrowed
 * until it has been replaced or rolled back. 0 or -errno with *error: then nothing has changed.
 */
int enforcement_prepare(struct enforcement *enforcement, const struct policy_set *next, struct error *error);
/* The files of `next` are watched: the policy before is needed no more. */
void enforcement_commit(struct enforcement *enforcement);
/* They could not be: verdicts are by the policy before again. */
void enforcement_rollback(struct enforcement *enforcement);

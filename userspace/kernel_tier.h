/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel_tier.h: the tiers lsm and kill: the kernel programs decide by themselves and carry it out; what they decide by
 * is brought to them here, and what they decided is put into words.
 *
 * Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/access.h"
#include "base/cleanup.h"

struct error;
struct event_base;
struct identity;
struct kernel_tier;
struct policy_set;
struct secret_numbers;
struct sensor;

struct kernel_tier_config {
	enum tier tier; /* TIER_LSM or TIER_KILL */
	struct event_base *base;
	struct sensor *sensor;
	struct identity *identity;
	const struct secret_numbers *numbers;
};

/* All is borrowed. 0 or -errno. */
int kernel_tier_new(const struct kernel_tier_config *config, struct kernel_tier **ret);
/* The kernel goes on by what it has. After identity_free(). NULL is fine. */
void kernel_tier_free(struct kernel_tier *kernel);
DEFINE_FREEP(struct kernel_tier, kernel_tier_free)

/* From here on the kernel decides by `next`, as enforcement_prepare(). 0 or -errno with *error: nothing has changed. */
int kernel_tier_prepare(struct kernel_tier *kernel, const struct policy_set *next, struct error *error);
/* By what it decided before, again. */
void kernel_tier_rollback(struct kernel_tier *kernel);

/* What identity has been told of a process; what the kernel did not know of one; a new control group. */
void kernel_tier_process(struct kernel_tier *kernel, const struct process_record *record);
void kernel_tier_doubt(struct kernel_tier *kernel, const struct task_snapshot *task);
void kernel_tier_cgroup(struct kernel_tier *kernel, uint64_t cgroup_id);
/* About once a second. */
void kernel_tier_tick(struct kernel_tier *kernel);

/*
 * The verdict of the kernel that stands with an access, in words that are valid until the next prepare. False when it
 * was made by a policy that is gone: then rule and policy are NULL.
 */
bool kernel_tier_explain(const struct kernel_tier *kernel, const struct access_value *value,
			 struct verdict *ret_verdict);

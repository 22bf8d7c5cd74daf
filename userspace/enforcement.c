/* SPDX-License-Identifier: Apache-2.0 */
#include "enforcement.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "enforce/policy_check.h"
#include "policy/policy.h"

/* How a tier is carried out. Any function may be NULL: nothing is to be done then. */
struct tier_ops {
	bool is_built;
	int (*start)(struct enforcement *enforcement, struct error *error);
	void (*stop)(struct enforcement *enforcement);
	int (*prepare)(struct enforcement *enforcement, const struct policy_set *next, struct error *error);
	void (*commit)(struct enforcement *enforcement);
	void (*rollback)(struct enforcement *enforcement);
};

struct enforcement {
	struct enforcement_config config;
	const struct tier_ops *ops;
};

static const struct tier_ops tiers[TIER_COUNT] = {
	[TIER_OBSERVE] = {.is_built = true},
};

/* ---------------------------------------------------------------- which one */

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
	int r = 0;

	if (!enforcement)
		return -ENOMEM;
	enforcement->config = *config;
	enforcement->ops = &tiers[config->tier];
	if (enforcement->ops->start)
		r = enforcement->ops->start(enforcement, error);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(enforcement);
	return 0;
}

void enforcement_free(struct enforcement *enforcement)
{
	if (!enforcement)
		return;
	if (enforcement->ops->stop)
		enforcement->ops->stop(enforcement);
	free(enforcement);
}

enum tier enforcement_tier(const struct enforcement *enforcement)
{
	return enforcement->config.tier;
}

/* ---------------------------------------------------------------- policies */

int enforcement_check(const struct enforcement *enforcement, struct policy_set *policy, struct error *error)
{
	return enforce_check_policy(enforcement->config.tier, &enforcement->config.probe, policy, error);
}

int enforcement_prepare(struct enforcement *enforcement, const struct policy_set *next, struct error *error)
{
	return enforcement->ops->prepare ? enforcement->ops->prepare(enforcement, next, error) : 0;
}

void enforcement_commit(struct enforcement *enforcement)
{
	if (enforcement->ops->commit)
		enforcement->ops->commit(enforcement);
}

void enforcement_rollback(struct enforcement *enforcement)
{
	if (enforcement->ops->rollback)
		enforcement->ops->rollback(enforcement);
}

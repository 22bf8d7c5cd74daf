/* SPDX-License-Identifier: Apache-2.0 */
#include "choice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "enforcement.h"

static int choose_backend(enum config_backend wanted, struct choice *choice, struct error *error)
{
	static const enum sensor_backend backends[CONFIG_BACKEND_COUNT] = {
		[CONFIG_BACKEND_LSM] = SENSOR_BACKEND_LSM,
		[CONFIG_BACKEND_FENTRY] = SENSOR_BACKEND_FENTRY,
		[CONFIG_BACKEND_TRACEPOINT] = SENSOR_BACKEND_TRACEPOINT,
	};
	const struct backend_support *support = choice->support.backends;
	int r;

	if (wanted == CONFIG_BACKEND_AUTO) {
		r = kernel_support_best(&choice->support, &choice->backend);
		return r < 0 ? error_set(error, r, NULL, 0, "no backend works on this kernel: %s",
					 support[SENSOR_BACKEND_TRACEPOINT].reason)
			     : 0;
	}
	choice->backend = backends[wanted];
	if (support[choice->backend].works)
		return 0;
	return error_set(error, -ENOTSUP, NULL, 0, "backend '%s' does not work on this host: %s",
			 sensor_backend_name(choice->backend), support[choice->backend].reason);
}

static int choose_tier(enum config_tier wanted, struct choice *choice, struct error *error)
{
	static const enum tier tiers[CONFIG_TIER_COUNT] = {
		[CONFIG_TIER_LSM] = TIER_LSM,
		[CONFIG_TIER_FANOTIFY] = TIER_FANOTIFY,
		[CONFIG_TIER_KILL] = TIER_KILL,
		[CONFIG_TIER_OBSERVE] = TIER_OBSERVE,
	};

	choice->tier = wanted == CONFIG_TIER_AUTO ? tier_best(&choice->tiers) : tiers[wanted];
	if (choice->tiers.tiers[choice->tier].works)
		return 0;
	return error_set(error, -ENOTSUP, NULL, 0, "enforcement.tier '%s' does not work on this host: %s",
			 tier_name(choice->tier), choice->tiers.tiers[choice->tier].reason);
}

/*
 * Hooks below the system call come before fanotify asks: what is refused there would be counted as done. At the end of
 * the system call both are over. So the tier fanotify wants the backend tracepoint: instead of a better one that nobody
 * asked for, and not against one that somebody did.
 */
static void suit(enum config_backend wanted, struct choice *choice)
{
	struct tier_support *fanotify = &choice->tiers.tiers[TIER_FANOTIFY];

	if (wanted == CONFIG_BACKEND_AUTO || choice->backend == SENSOR_BACKEND_TRACEPOINT || !fanotify->works)
		return;
	fanotify->works = false;
	(void)snprintf(fanotify->reason, sizeof(fanotify->reason), "it needs the backend 'tracepoint', and '%s' is set",
		       sensor_backend_name(choice->backend));
}

int choice_make(enum config_backend backend, enum config_tier tier, struct choice *ret, struct error *error)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->backend = SENSOR_BACKEND_TRACEPOINT;
	r = kernel_support_probe(&ret->support, error);
	if (r == 0)
		r = choose_backend(backend, ret, error);
	enforcement_probe(&ret->support, ret->backend, &ret->tiers);
	suit(backend, ret);
	if (r == 0)
		r = choose_tier(tier, ret, error);
	if (r == 0 && ret->tier == TIER_FANOTIFY)
		ret->backend = SENSOR_BACKEND_TRACEPOINT;
	return r;
}

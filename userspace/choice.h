/* SPDX-License-Identifier: Apache-2.0 */
/* choice.h: how this host is watched and how policies are enforced on it: what is asked for, as far as it works. */
#pragma once

#include "base/access.h"
#include "config.h"
#include "enforce/tier.h"
#include "sensor/kernel_support.h"

struct error;

struct choice {
	struct kernel_support support;
	enum sensor_backend backend;
	struct tier_probe tiers;
	enum tier tier;
};

/*
 * Tries everything out. Errors of kernel_support_probe(); -ENOTSUP: the backend or the tier that is asked for does not
 * work here; each with *error. On error *ret is filled as far as it could be.
 */
int choice_make(enum config_backend backend, enum config_tier tier, struct choice *ret, struct error *error);

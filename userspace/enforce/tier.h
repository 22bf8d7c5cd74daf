/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tier.h: what can stop an access on this host: the tiers, each tried out, and the best of them.
 *
 * lsm:      the kernel's own programs refuse (-EPERM); looked at by the sensor, for it needs its backend.
 * fanotify: the kernel asks the daemon before it opens a watched file.
 * kill:     a kernel program kills the process that has opened one.
 * observe:  nothing is stopped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/access.h"

#define TIER_REASON_SIZE 320

struct tier_support {
	bool works;
	char reason[TIER_REASON_SIZE]; /* why not, and what would help; "" when it works */
};

struct tier_probe {
	struct tier_support tiers[TIER_COUNT];
	bool stops_maps; /* the fanotify tier: mappings of descriptors that came without an open (FAN_PRE_ACCESS, 6.14)
			  */
};

/*
 * Tries each tier out. `lsm` says what the sensor found out of the first; copied. Leaves nothing behind.
 */
void tier_probe(const struct tier_support *lsm, struct tier_probe *ret);
/* The best tier that works. */
enum tier tier_best(const struct tier_probe *probe);

/* What a tier cannot stop, one sentence each, NULL at the end; the fanotify tier's depend on the probe. */
#define TIER_LIMITS_MAX 12
size_t tier_limits(enum tier tier, const struct tier_probe *probe, const char *ret_limits[TIER_LIMITS_MAX]);

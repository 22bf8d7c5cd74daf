/* SPDX-License-Identifier: Apache-2.0 */
#include "gap.h"

#include <string.h>

static void fill_before(const struct heartbeat_state *last, struct event_gap *gap)
{
	gap->backend = last->backend[0] ? last->backend : NULL;
	gap->tier_is_known = last->tier < TIER_COUNT;
	gap->tier = (enum tier)last->tier;
}

/* In one life of the host a length is exact, whatever was done to the clock in between. */
static void fill_same_boot(const struct heartbeat_state *last, const struct gap_now *now, struct event_gap *gap)
{
	if (last->boot_ns > now->boot_ns) {
		gap->cause = GAP_UNKNOWN; /* a beat of the future: not ours */
		return;
	}
	gap->cause = last->is_clean ? GAP_STOPPED : GAP_KILLED;
	gap->duration_ns = now->boot_ns - last->boot_ns;
	gap->from_real_ns = gap->duration_ns < now->real_ns ? now->real_ns - gap->duration_ns : 1;
}

static void fill_other_boot(const struct heartbeat_state *last, const struct gap_now *now, struct event_gap *gap)
{
	gap->cause = GAP_HOST_RESTART;
	gap->from_real_ns = last->real_ns;
	gap->duration_ns = last->real_ns < now->real_ns ? now->real_ns - last->real_ns : 0;
}

bool gap_between(enum heartbeat_found found, const struct heartbeat_state *last, const struct gap_now *now,
		 struct event_gap *ret)
{
	if (found == HEARTBEAT_NONE)
		return false;
	*ret = (struct event_gap){
		.cause = GAP_UNKNOWN,
		.to_real_ns = now->real_ns,
		.host_started_real_ns = now->real_ns > now->boot_ns ? now->real_ns - now->boot_ns : 0,
	};
	if (found == HEARTBEAT_DAMAGED)
		return true;
	fill_before(last, ret);
	if (strcmp(last->boot_id, now->boot_id) == 0)
		fill_same_boot(last, now, ret);
	else
		fill_other_boot(last, now, ret);
	return true;
}

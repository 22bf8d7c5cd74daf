/* SPDX-License-Identifier: Apache-2.0 */
/* gap.h: what an agent that starts can say of the time since the one before it. */
#pragma once

#include <stdbool.h>

#include "bus/event.h"
#include "heartbeat.h"

/* The moment at which this agent sees everything. */
struct gap_now {
	const char *boot_id;
	uint64_t boot_ns;
	uint64_t real_ns;
};

/*
 * Fills *ret but for who ended the agent before and what went on in between. False: no agent ran before, there is
 * nothing to tell. `last` is borrowed, and by *ret too; it is read only when `found` is HEARTBEAT_KNOWN.
 */
bool gap_between(enum heartbeat_found found, const struct heartbeat_state *last, const struct gap_now *now,
		 struct event_gap *ret);

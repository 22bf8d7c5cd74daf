/* SPDX-License-Identifier: Apache-2.0 */
/*
 * denials.h: what the fanotify tier denied, until it is clear how the sensor tells of it.
 *
 * The tier knows each denial, but not by which call it was made; the sensor sees most refused opens with their call,
 * but not why they were refused. Each denied open is in this ledger before it returns, so when the sensor tells of a
 * refused open (-EPERM) it is claimed here, and the two become one event. A denial that the sensor tells nothing of for
 * a whole flush (io_uring, a path that cannot be followed) is told as the tier knows it; if the sensor does tell of it
 * later, the claim says so. So every denial is in exactly one event. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enforce/denial_table.h"

struct denials;

/* Called with denials to be told now. The strings are borrowed for the call. */
typedef void (*denials_tell_fn)(void *context, const struct denial *denial);

/* 0 or -ENOMEM. `max` entries; what is beyond is told at once, and perhaps once more by the sensor. */
int denials_new(size_t max, denials_tell_fn tell, void *context, struct denials **ret);
void denials_free(struct denials *denials); /* tells nothing; NULL is fine */

/* Strings are copied. What the sensor never sees (anything but an open) is told at once, the first time. */
void denials_add(struct denials *denials, const struct denial *denial);
/*
 * The sensor counted up to `count` refused opens of this secret by this process: so many of them the tier denied, by
 * *ret_rule (borrowed until the next call); *ret_is_told: they have been told before. 0: none (any more).
 */
uint64_t denials_claim(struct denials *denials, const struct process_id *process, const char *secret, uint64_t count,
		       const char **ret_rule, bool *ret_is_told);
/* After each flush of the sensor: tells what has waited for a whole one. */
void denials_tick(struct denials *denials);
/* Tells everything. */
void denials_flush(struct denials *denials);

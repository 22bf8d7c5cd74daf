/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holdings.h: which secrets each process has had, so that a look into its memory can be named.
 *
 * A process gets a holding with each file access that gave it the secret; a child has its parent's until it executes
 * something else. The dead are remembered for a while: the record of a core dump may come after that of the end.
 * Bounded; loop thread only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct holdings;

#define HOLDINGS_PER_PROCESS 32

/* 0 or -ENOMEM. `max` processes. */
int holdings_new(size_t max, struct holdings **ret_holdings);
void holdings_free(struct holdings *holdings);

void holdings_add(struct holdings *holdings, const struct process_id *process, const char *secret);
void holdings_fork(struct holdings *holdings, const struct process_id *parent, const struct process_id *child);
void holdings_exec(struct holdings *holdings, const struct process_id *process);
void holdings_exit(struct holdings *holdings, const struct process_id *process);
/* Forgets those that ended before the tick before this one. */
void holdings_tick(struct holdings *holdings);

/* Calls `fn` for each living process that has the secret. */
void holdings_each_process(const struct holdings *holdings, const char *secret,
			   void (*fn)(void *context, const struct process_id *process), void *context);
/* Calls `fn` for each secret that the process has; returns how many. */
size_t holdings_each(const struct holdings *holdings, uint32_t pid, void (*fn)(void *context, const char *secret),
		     void *context);

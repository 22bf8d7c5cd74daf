/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passage.h: which process was let in to which file, and how: so that what it reads afterwards is part of that access,
 * and what somebody else reads through the same descriptor is not.
 *
 * Bounded: the oldest of a few entries goes. Who has been forgotten is taken for somebody who received the descriptor.
 * The caller locks.
 */
#pragma once

#include <stdint.h>

#include "abi.h"

#define PASSAGE_SETS 4096 /* a power of two */
#define PASSAGE_WAYS 4

struct passage {
	struct process_id process;
	struct file_id exe; /* an exec ends it: what is run then only inherited the descriptor */
	struct file_id file;
	uint8_t kind; /* enum access_kind; 0: a free entry */
};

struct passage_table {
	struct passage entries[PASSAGE_SETS][PASSAGE_WAYS];
	uint8_t next[PASSAGE_SETS]; /* to be replaced */
};

void passage_note(struct passage_table *table, const struct task_snapshot *task, const struct file_id *file,
		  enum access_kind kind);
/* How the process came to the file, ACCESS_RECEIVE for one that never passed. */
enum access_kind passage_find(const struct passage_table *table, const struct task_snapshot *task,
			      const struct file_id *file);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_source.h: completes the process table from /proc, where records were lost or came before we did.
 *
 * Only for processes that live, each thing once: what could not be learnt is not asked for again. May add entries,
 * never removes one. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

struct image;
struct process;
struct process_table;
struct procfs;

struct process_source {
	struct process_table *table;
	const struct procfs *procfs;
	bool wants_args;
	uint64_t completed; /* processes, images and arguments learnt */
};

/*
 * The entry of that process, made if it lives. `parent` is the parent as the kernel said, zero if it did not. NULL when
 * it is neither known nor alive, or out of memory.
 */
struct process *process_source_adopt(struct process_source *source, const struct process_id *id,
				     const struct process_id *parent);
/* The entry of whoever has that pid now, or NULL. */
struct process *process_source_adopt_pid(struct process_source *source, uint32_t pid);
/* The parent, found and linked if need be; NULL when there is none or it is not known. */
struct process *process_source_parent(struct process_source *source, struct process *process);
/* The image that is the file of `exe`, with its path; NULL when the process does not run that (any more). */
struct image *process_source_image(struct process_source *source, struct process *process, const struct exe_id *exe);
/* What the process runs now, as far as it is known; NULL when it is not. */
struct image *process_source_current(struct process_source *source, struct process *process);
/* Fills in the arguments of its newest image if no record had them. */
void process_source_args(struct process_source *source, struct process *process);

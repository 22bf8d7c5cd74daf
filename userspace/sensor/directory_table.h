/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_table.h: keeps the kernel's directory and name tables equal to what the states of a tree's directories say.
 *
 * The order of the changes leaves no moment in which a file is missed: a directory ends the kernel's walk, so its names
 * are there before it, and go after it.
 */
#pragma once

#include <stdint.h>

struct file_tree;
struct pattern_set;
struct tree_object;
struct watch_sink;

struct directory_table {
	const struct watch_sink *sink; /* borrowed */
	void *sink_context;
	uint64_t failures; /* calls of the sink that failed */
};

/* Publishes what changed of one object: all of it the first time, nothing when it has no place any more. 0, -ENOMEM. */
int directory_table_publish(struct directory_table *table, struct pattern_set *patterns, struct tree_object *object);
/* Takes out what `old` published and `now` (may be NULL) has not. */
void directory_table_retire(struct directory_table *table, const struct tree_object *old,
			    const struct tree_object *now);

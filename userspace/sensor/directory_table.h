/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_table.h: keeps the kernel's directory and name tables equal to what the states of a tree's directories say.
 *
 * The order of the changes leaves no moment in which a file is missed: a directory ends the kernel's walk, so its names
 * are there before it, and go after it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct file_tree;
struct pattern_set;
struct tree_directory;
struct tree_object;
struct watch_sink;

struct directory_table {
	const struct watch_sink *sink; /* borrowed */
	void *sink_context;
	/*
	 * The number of the secret that any file will be which comes to be in this place: see watch_view_settles(). 0:
	 * it depends.
	 */
	uint32_t (*settle)(void *context, const struct tree_directory *place, const char *name, bool is_below);
	void *settle_context;
	uint64_t failures; /* calls of the sink that failed */
};

/* Publishes what changed of one object: all of it the first time, nothing when it has no place any more. 0, -ENOMEM. */
int directory_table_publish(struct directory_table *table, struct pattern_set *patterns, struct tree_object *object);
/* Takes out what `old` published and `now` (may be NULL) has not. */
void directory_table_retire(struct directory_table *table, const struct tree_object *old,
			    const struct tree_object *now);

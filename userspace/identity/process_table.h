/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_table.h: the processes that were seen, living and lately dead, and who started whom.
 *
 * A process is (pid, start time). Its parent link is the one it was born with: it survives the parent's exit and the
 * kernel's reparenting, so a dead parent stays as long as it has a child here. What a process runs is an image, shared
 * between a parent and the children that have not executed anything yet. A process keeps its last few images, because
 * the record of an access may come after the record of the exec that followed it.
 *
 * Entries are removed only by process_table_trim and process_table_expire: pointers stay good until then. Loop thread
 * only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "abi.h"
#include "identity/string_pool.h"

#define PROCESS_IMAGES 3

struct image {
	uint32_t references;
	bool is_args_known;
	bool is_args_truncated;
	struct file_id file;
	struct pooled_string *exe;    /* NULL when the path is not known */
	struct pooled_string *args;   /* NUL-separated; NULL for none */
	struct pooled_string *script; /* NULL for none, or unknown */
};

enum process_state {
	PROCESS_LIVING,
	PROCESS_EXITED, /* and no child here: may go after the grace */
	PROCESS_KEPT,   /* exited, but an ancestor of something here */
};

LIST_HEAD(process_children, process);

struct process {
	struct process *hash_next;
	struct process *parent; /* NULL while not linked */
	struct process_children children;
	LIST_ENTRY(process) sibling; /* of its parent's children, or of table->unlinked */
	TAILQ_ENTRY(process) entry;  /* of its state's list, oldest first */
	struct process_id id;
	struct process_id parent_id; /* zero when there is none */
	uint64_t start_real_ns;
	uint64_t exited_ns;
	uint64_t image_ns;                    /* when images[0] was set */
	struct image *images[PROCESS_IMAGES]; /* newest first */
	struct pooled_string *legacy_cgroup;  /* of /proc/PID/cgroup on a host with v1 hierarchies */
	uint8_t state;                        /* enum process_state */
	uint8_t completions;                  /* attempts to learn its image from /proc */
	bool is_start_coarse;                 /* the start time comes from /proc, in clock ticks */
	bool is_lineage_cut;                  /* an ancestor between it and its parent was dropped */
	bool is_unlinked;                     /* in table->unlinked */
	bool is_parent_unknown;               /* looked for in vain */
	bool is_legacy_cgroup_known;
};

TAILQ_HEAD(process_list, process);

struct process_table {
	struct string_pool strings;
	struct process **buckets; /* owned; by pid */
	size_t bucket_count;
	size_t max; /* after process_table_trim */
	size_t count;
	struct process_list lists[3]; /* by enum process_state */
	size_t counts[3];
	struct process_children unlinked; /* with a parent that has not come yet */
	uint64_t evicted;                 /* removed before their time, because of max */
	uint64_t tick_ns;                 /* what one clock tick of /proc is */
};

int process_table_init(struct process_table *table, size_t max); /* 0, -ENOMEM, -EIO */
void process_table_release(struct process_table *table);         /* a zeroed table is fine */

struct process *process_table_find(struct process_table *table, const struct process_id *id);
/* The newest process of that pid that has not exited, or NULL. */
struct process *process_table_find_living(struct process_table *table, uint32_t pid);

/*
 * Finds or makes the entry, linked to its parent if that is here. An older living entry of the same pid is taken to
 * have exited unseen. NULL when out of memory.
 */
struct process *process_table_add(struct process_table *table, const struct process_id *id,
				  const struct process_id *parent_id);

/* Links to the entry of parent_id if it is here and no link is set yet; the link is never a cycle. Whether linked. */
bool process_table_link(struct process_table *table, struct process *process);
/* Tries that for all whose parent was not here when they came. */
void process_table_link_pending(struct process_table *table);

/* `exe_size` 0 or `args_size` 0 is none. NULL when out of memory. */
struct image *image_new(struct process_table *table, const struct file_id *file, const char *exe, size_t exe_size,
			const char *args, size_t args_size);
/* Of an image that has none yet. False when out of memory. */
bool image_set_script(struct process_table *table, struct image *image, const char *script, size_t size);
/* Makes it the newest image; takes the reference. */
void process_set_image(struct process_table *table, struct process *process, struct image *image, uint64_t time_ns);
/* The child runs what its parent runs. */
void process_inherit_image(struct process_table *table, struct process *child, const struct process *parent,
			   uint64_t time_ns);
/* The newest image of that file, or NULL. */
struct image *process_find_image(const struct process *process, const struct file_id *file);

void process_table_exit(struct process_table *table, struct process *process, uint64_t time_ns);
/* Removes what exited before `before_ns` and has no child here. */
void process_table_expire(struct process_table *table, uint64_t before_ns);
/*
 * Back to max: first the exited, then the kept (their children go to the grandparent, marked), then living ones
 * without children, oldest first each.
 */
void process_table_trim(struct process_table *table);

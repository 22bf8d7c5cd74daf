/* SPDX-License-Identifier: Apache-2.0 */
/*
 * surroundings.h: where a process runs: its control group, and with it unit, container and pod; and whether the path of
 * its program means on the host what it means to the process.
 *
 * Shared by identity.h (the loop's) and resolver.h (a verdict's): each has one of its own, used by its thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "identity/cgroup.h"
#include "identity/exe_place.h"
#include "identity/process_record.h"

struct access_process;
struct cgroup_cache;
struct procfs;

struct surroundings {
	const struct procfs *procfs; /* borrowed */
	struct cgroup_cache *cgroups;
	struct exe_place host;
	struct cgroup_names legacy_names; /* what surroundings_describe() lends out */
};

/* 0 or -errno. */
int surroundings_init(struct surroundings *surroundings, const struct procfs *procfs, size_t cgroups_max);
void surroundings_release(struct surroundings *surroundings); /* a zeroed one is fine */

/* The v2 hierarchy says nothing of the task's group, and there are v1 ones: `legacy` below makes a difference. */
bool surroundings_need_legacy(struct surroundings *surroundings, const struct task_snapshot *task);
/* The path in the v1 hierarchies of a living process: its size without NUL, or -errno. Reads /proc. */
ssize_t surroundings_read_legacy(const struct surroundings *surroundings, const struct process_id *id, char *out,
				 size_t size);

/* Does the path of the program or its script say something else on the host? `legacy` is only needed then: see the
 * next. */
bool surroundings_is_elsewhere(const struct surroundings *surroundings, const struct process_facts *facts);
/*
 * Is the process in a container, as far as its control group says now? There its paths are its own business. `legacy`:
 * as read, NULL for none or not needed.
 */
bool surroundings_is_contained(struct surroundings *surroundings, const struct task_snapshot *task, const char *legacy);
/* Puts "(elsewhere)" in front of such paths, so that no rule takes them for the host's programs of those names. */
void surroundings_mark_elsewhere(const struct surroundings *surroundings, struct process_facts *facts);

/* Fills in cgroup, unit, container and pod; borrowed until the next call and from `legacy`. */
void surroundings_describe(struct surroundings *surroundings, const struct task_snapshot *task, const char *legacy,
			   struct access_process *ret);

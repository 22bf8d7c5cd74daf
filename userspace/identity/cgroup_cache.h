/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_cache.h: from the id of a control group in the default (v2) hierarchy to its path and what that says.
 *
 * The id is the kernel's 64-bit kernfs id. The kernel tells of groups as they are made (RECORD_CGROUP); those that are
 * older are found by open_by_handle_at(2) with a FILEID_KERNFS handle (include/linux/exportfs.h) on the mount, which
 * needs CAP_DAC_READ_SEARCH. Ids are never used again, so neither is an answer wrong later. Bounded: the group that was
 * asked for longest ago goes first. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroup_cache;

struct cgroup {
	const char *path; /* from the root of the hierarchy; "" when it is not known */
	const char *unit; /* or NULL, as the others; see cgroup.h */
	const char *container;
	const char *pod;
};

/*
 * The mount is looked for in <proc_root>/self/mountinfo. Without one, or without the privilege, only groups that were
 * told of are known. 0 or -ENOMEM.
 */
int cgroup_cache_new(const char *proc_root, size_t max, struct cgroup_cache **ret);
void cgroup_cache_free(struct cgroup_cache *cache); /* NULL is fine */

/* Never NULL; borrowed until the next call of find or add. */
const struct cgroup *cgroup_cache_find(struct cgroup_cache *cache, uint64_t id);
/* A group was made under that path; replaces what was known, unless the mount says otherwise. 0 or -ENOMEM. */
int cgroup_cache_add(struct cgroup_cache *cache, uint64_t id, const char *path);

bool cgroup_cache_has_legacy(const struct cgroup_cache *cache); /* v1 hierarchies are mounted */
size_t cgroup_cache_count(const struct cgroup_cache *cache);

/* Pure: one line of mountinfo (proc(5)). Whether it mounts that type; its root and mount point, octal undone. */
bool cgroup_mount_parse(const char *line, const char *type, char *ret_root, char *ret_point, size_t size);

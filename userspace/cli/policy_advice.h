/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_advice.h: what a policy has to do with the host that it is for.
 *
 * policy/ judges a policy by its text alone; here it is held against files, programs, users, units and what has to go
 * on working. All of it is warnings: files may come later, and a policy may be written on another host than it is for.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct policy_set;

struct policy_host {
	const char *root; /* put in front of each path on disk; "" for this host */
	/*
	 * How many warnings for one file may say that something is not there (a file, program, user, unit); more become
	 * one line, for a policy for many hosts names much that one of them lacks. With 0 nothing is looked for. What
	 * is there and cannot be meant is said always: a link in the place of a program, a denial for the container
	 * runtime.
	 */
	size_t absent_max;
	size_t steps; /* how often to look at the disk at most; what is not seen by then is not said */
};

#define POLICY_HOST_STEPS 500000
#define POLICY_HOST_CHECK ((struct policy_host){.root = "", .absent_max = 20, .steps = POLICY_HOST_STEPS})
#define POLICY_HOST_ALL   ((struct policy_host){.root = "", .absent_max = SIZE_MAX, .steps = POLICY_HOST_STEPS})
#define POLICY_HOST_LOAD  ((struct policy_host){.root = "", .absent_max = 0, .steps = 20000})

/* Adds warnings to the set, before it is shared. Blocks on the disk. 0 or -ENOMEM. */
int policy_advise(struct policy_set *set, const struct policy_host *host);

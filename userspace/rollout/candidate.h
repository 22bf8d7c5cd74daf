/* SPDX-License-Identifier: Apache-2.0 */
/*
 * candidate.h: a policy that is not in force, asked which of its secrets a file would be.
 *
 * The patterns are compared as the watch list of the daemon does it, symbolic links of this host included, by the same
 * code; but the look at the file system is a single one and nothing is followed. One thread.
 */
#pragma once

#include "base/cleanup.h"

struct access;
struct candidate;
struct error;
struct policy_secret;
struct policy_set;

/*
 * Reads the homes that "~" stands for and looks for what the patterns name. `set` is borrowed for the candidate's life,
 * `passwd_path` for the call. 0, or -errno with *error.
 */
int candidate_new(const struct policy_set *set, const char *passwd_path, struct candidate **ret, struct error *error);
void candidate_free(struct candidate *candidate); /* NULL is fine */
DEFINE_FREEP(struct candidate, candidate_free)

/*
 * The secret that an access would be to: by the file's path; by the name of the secret where there is no path, or only
 * a part of one (accesses to memory, very long paths). NULL: the candidate does not watch it.
 */
const struct policy_secret *candidate_find(struct candidate *candidate, const struct access *access);

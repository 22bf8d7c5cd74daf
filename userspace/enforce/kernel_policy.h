/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel_policy.h: the policies that are enforced, brought to the kernel: two banks of tables, of which one is in
 * force while the other is filled.
 *
 * Putting a policy set in force:
 *
 *     kernel_policy_prepare()      rules and classes of the set go to the bank that is not in force
 *     program_watch_load()         finds the programs on disk that the rules of both banks name
 *     learner_prepare()            who runs already
 *     kernel_policy_flip()         one number changes, and the programs decide by the new bank
 *     watchlist_load(...)          files get to their new secrets
 *     kernel_policy_roll_back()    only if that failed: the former bank is in force again, as it was
 *
 * A secret that the new set does not have keeps its rules in the new bank, under its number, until the next one: its
 * files are judged by them until the watch list has let go of them. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "base/access.h"
#include "base/cleanup.h"

struct classes;
struct error;
struct kernel_policy;
struct members;
struct policy_set;

/* The memory that is shared with the programs, and their maps; all borrowed. Named as in bpf/maps.h. */
struct kernel_policy_tables {
	struct verdict_entry *entries;
	struct verdict_rule *rules;
	uint64_t (*unfollowed)[CLASS_WORDS];
	uint32_t *epochs;
	uint32_t *policy_generation;
	uint32_t *class_generation;
	uint32_t *tracking;
	uint32_t *host_mnt_ns; /* written at once */
	int classes_fd;
};

/* `max_members` is the room in the map `classes`. 0 or -ENOMEM. */
int kernel_policy_new(const struct kernel_policy_tables *tables, const char *passwd_path, size_t max_members,
		      struct kernel_policy **ret);
void kernel_policy_free(struct kernel_policy *policy); /* leaves the kernel's tables as they are; NULL is fine */
DEFINE_FREEP(struct kernel_policy, kernel_policy_free)

/*
 * Fills the bank that is not in force: with the secrets of the set that are enforced and can deny, by numbers[index of
 * the secret] (0: it has none), and with the rules of secrets that were in force and are gone. -errno with *error, in
 * whose case nothing has changed for the programs: -E2BIG more rules than there is room for; -ENOMEM; what the map
 * `classes` answered.
 */
int kernel_policy_prepare(struct kernel_policy *policy, const struct policy_set *set, const uint32_t *numbers,
			  struct error *error);
void kernel_policy_flip(struct kernel_policy *policy);      /* after a kernel_policy_prepare() that succeeded */
void kernel_policy_roll_back(struct kernel_policy *policy); /* after kernel_policy_flip(), before the next prepare */

/* About once a second: who has which name may have changed. 0, or -errno: the kernel's map did not take all. */
int kernel_policy_update_users(struct kernel_policy *policy);

/*
 * Which globs of the prepared bank are followed on disk: all; but not that one. Before the flip; until then, and after
 * kernel_policy_follow_none() (of both banks), the kernel takes nothing for granted of files that it was not told of.
 */
void kernel_policy_follow_all(struct kernel_policy *policy);
void kernel_policy_follow_not(struct kernel_policy *policy, const char *glob);
void kernel_policy_follow_none(struct kernel_policy *policy);

struct members *kernel_policy_members(struct kernel_policy *policy);
/* The classes of a bank, 0 or 1; empty while it is not used. */
const struct classes *kernel_policy_classes(const struct kernel_policy *policy, unsigned int bank);
/* Bits by enum class_sort of what the rules ask for, both banks together. */
unsigned int kernel_policy_sorts(const struct kernel_policy *policy);
uint32_t kernel_policy_epoch(const struct kernel_policy *policy, unsigned int bank);
uint32_t kernel_policy_generation(const struct kernel_policy *policy); /* its lowest bit is the bank in force */
bool kernel_policy_wants_sha256(const struct kernel_policy *policy, const char *path);

/*
 * What a decision of the kernel is called. Strings live until the bank is filled anew. False when it was made under a
 * policy that is gone: then the rule's name is not known, and rule and policy are NULL.
 */
bool kernel_policy_explain(const struct kernel_policy *policy, uint32_t generation, uint32_t number,
			   const struct decided *decided, struct verdict *ret_verdict);

/*
 * The same decision in userspace, by the same tables and code, about a process as identity describes it: what is not
 * known there ("" for exe or cgroup, a cut lineage) is not known here. DECIDED_NOTHING: the secret is not enforced.
 */
struct decided kernel_policy_decide(const struct kernel_policy *policy, uint32_t number, enum access_kind kind,
				    const struct access_process *process);

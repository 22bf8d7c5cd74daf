/* SPDX-License-Identifier: Apache-2.0 */
/* policy_set.h: how a policy set is laid out, for those who build it; all others use policy.h. */
#pragma once

#include <sys/queue.h>

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->is_in_table = false)
#include <uthash.h>

#include "policy/arena.h"
#include "policy/policy.h"

/* A secret, or, in the table of policies, only its name and where it was defined, to report a second one. */
struct policy_entry {
	struct policy_secret secret;
	bool is_in_table; /* uthash clears it when it has no memory */
	TAILQ_ENTRY(policy_entry) link;
	UT_hash_handle hh;
};

struct policy_set {
	struct arena arena; /* all but the tables and the arrays */
	struct policy_entry *policies_by_name;
	struct policy_entry *secrets_by_name;
	TAILQ_HEAD(policy_entries, policy_entry) secrets;
	struct policy_entry **secret_index;
	struct error **warnings; /* the array is ours, what it points to the arena's */
	size_t policies_count;
	size_t secrets_count;
	size_t warnings_count, warnings_size;
};

/* NULL when there is no memory. */
struct policy_set *policy_set_new(void);
/* Makes the set readable by index, once all is in. 0 or -ENOMEM. */
int policy_set_index(struct policy_set *set);
/* The entry is in the set's arena with its name set. 0, -EEXIST with the earlier one, -ENOMEM. */
int policy_set_add_secret(struct policy_set *set, struct policy_entry *entry, const struct policy_entry **ret_earlier);
int policy_set_add_policy(struct policy_set *set, struct policy_entry *entry, const struct policy_entry **ret_earlier);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h: which secrets there are, and who may touch them.
 *
 * A policy set is all policies of this host together, loaded at once (policy_file.h) and never changed afterwards: a
 * reload makes a new set. Any thread may read one. Secrets are numbered from 0 in the order of the files and, within a
 * file, as written. All strings are NUL-terminated and live as long as the set.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/access.h"
#include "base/cleanup.h"

struct error;
struct policy_set;

struct policy_secret {
	const char *name; /* one secret in the whole set has it */
	size_t index;     /* as policy_set_secret() takes it */
	const char *class_name;
	const char *policy_name;
	enum verdict_action default_action;
	/*
	 * Which files: absolute globs as glob.h says, or such a glob after a "~", which stands for each user's home
	 * directory. A file that any of `excludes` matches is not part of the secret.
	 */
	const char *const *patterns;
	size_t patterns_count;
	const char *const *excludes;
	size_t excludes_count;
	bool needs_sha256; /* some rule asks for the executable's hash: have it before policy_decide() where possible */
};

void policy_set_free(struct policy_set *set); /* NULL is fine */
DEFINE_FREEP(struct policy_set, policy_set_free)

size_t policy_set_policy_count(const struct policy_set *set);
size_t policy_set_secret_count(const struct policy_set *set);
/* NULL when index is not below the count. */
const struct policy_secret *policy_set_secret(const struct policy_set *set, size_t index);
const struct policy_secret *policy_set_find(const struct policy_set *set, const char *secret_name);

/*
 * What is allowed but probably not meant (an interpreter that may read everything, a secret that can never alert), one
 * struct error each, with file, line and advice. NULL when index is not below the count.
 */
size_t policy_set_warning_count(const struct policy_set *set);
const struct error *policy_set_warning(const struct policy_set *set, size_t index);

/*
 * The verdict on an access to the secret: the first deny rule that matches, else the first allow rule, else the
 * secret's default. Reads kind and process of the access. A rule that asks for a hash does not match while the hash is
 * unknown. Allocates nothing; the verdict's strings belong to the set. Nothing is enforced here: tier is TIER_OBSERVE
 * and is_enforced false. secret_index must be below the count.
 */
void policy_decide(const struct policy_set *set, size_t secret_index, const struct access *access,
		   struct verdict *ret_verdict);

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
#include "policy/rule.h"

struct error;
struct policy_set;

enum policy_mode { POLICY_MODE_OBSERVE, POLICY_MODE_ENFORCE };
/* What becomes of a policy that asks for more than the host can do. */
enum policy_unsupported { POLICY_UNSUPPORTED_REFUSE, POLICY_UNSUPPORTED_OBSERVE };
/* The verdict where what a rule asks for cannot be found out while enforcing. */
enum policy_on_error { POLICY_ON_ERROR_ALLOW, POLICY_ON_ERROR_DENY };
/* What a denial does: refuse the access, or also end the process that tried. */
enum policy_action { POLICY_ACTION_DENY, POLICY_ACTION_KILL };

/* Where a process that has had a secret may connect to. */
struct policy_destination {
	uint8_t family;      /* AF_INET or AF_INET6; never an IPv4 address written as IPv6 */
	uint8_t prefix;      /* bits of the address that count; those after them are zero */
	uint16_t port;       /* host order; 0: any */
	uint8_t address[16]; /* network order; IPv4 in the first 4 */
};

struct policy_egress {
	enum verdict_action action; /* for every other destination: VERDICT_ALERT or VERDICT_DENY */
	const struct policy_destination *to;
	size_t to_count;
};

struct policy_rules {
	const struct rule *rules; /* in the order of the file */
	size_t count;
};

struct policy_secret {
	const char *name; /* one secret in the whole set has it */
	size_t index;     /* as policy_set_secret() takes it */
	const char *class_name;
	const char *policy_name;
	const char *file; /* where it is written */
	int line;
	int mode_line; /* of the policy's `mode`, or of its spec when there is none */
	/* The policy's, the same for all of its secrets. */
	enum policy_mode mode;
	enum policy_unsupported on_unsupported;
	enum policy_on_error on_error;
	enum policy_action action;
	struct policy_rules deny; /* asked in this order: deny, allow, default */
	struct policy_rules allow;
	enum verdict_action default_action;
	/* Some outcome is a denial: there is a deny rule, the default is to deny, or `onError: deny` and a rule. */
	bool can_deny;
	const struct policy_egress *egress; /* or NULL: not guarded */
	/*
	 * Which files: absolute globs as glob.h says, or such a glob after a "~", which stands for each user's home
	 * directory. A file that any of `excludes` matches is not part of the secret.
	 */
	const char *const *patterns;
	const int *pattern_lines; /* of each, in the file */
	size_t patterns_count;
	const char *const *excludes;
	size_t excludes_count;
	bool needs_sha256; /* some rule asks for the executable's hash: have it before policy_decide() where possible */
};

void policy_set_free(struct policy_set *set); /* NULL is fine */
DEFINE_FREEP(struct policy_set, policy_set_free)

/*
 * Makes one secret behave as under `mode: observe`, because the host cannot enforce it and its policy says
 * `onUnsupported: observe`. Only before the set is shared. Out of range: nothing.
 */
void policy_set_observe(struct policy_set *set, size_t secret_index);

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
/* Adds one more, which is about a line of a policy's file. Only before the set is shared. 0 or -ENOMEM. */
int policy_set_warn(struct policy_set *set, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * The verdict on an access to the secret: the first deny rule that matches, else the first allow rule, else the
 * secret's default. Reads kind and process of the access. A rule that asks for a hash does not match while the hash is
 * unknown. Allocates nothing; the verdict's strings belong to the set. Nothing is enforced here: tier is TIER_OBSERVE
 * and is_enforced false; would_deny tells the denial of a policy that only observes. secret_index must be below the
 * count.
 */
void policy_decide(const struct policy_set *set, size_t secret_index, const struct access *access,
		   struct verdict *ret_verdict);

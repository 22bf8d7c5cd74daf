/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_difference.h: in what two policy sets differ, by what they mean.
 *
 * Policies, secrets and rules are the same when their names are; lists of patterns, values and destinations are sets.
 * So the order of anything, comments, quotes, and which file it is in make no difference, and neither does a value that
 * is written out where it is the default.
 */
#pragma once

#include <stddef.h>

struct policy_set;

enum difference_sign { DIFFERENCE_REMOVED, DIFFERENCE_ADDED, DIFFERENCE_CHANGED };

/* Strings are borrowed for the call. */
struct difference {
	enum difference_sign sign;
	const char *policy; /* of a setting of a policy, or of a policy as a whole; else NULL */
	const char *secret; /* or NULL */
	const char *rule;   /* "allow/sshd", or NULL: about the secret itself */
	const char *field;  /* as a policy file has it: "mode", "paths", "exe", ...; NULL: about the whole of it */
	/* A value of a list that was added or removed is in one of them; a value that changed in both. */
	const char *before;
	const char *after;
};

typedef void (*difference_fn)(void *context, const struct difference *difference);

/* What has to be done to `before` to make it `after`, one by one. How many, or -ENOMEM. */
int policy_difference_each(const struct policy_set *before, const struct policy_set *after, difference_fn fn,
			   void *context);

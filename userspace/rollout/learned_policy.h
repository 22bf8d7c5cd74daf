/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learned_policy.h: what was observed, written as a policy file with comments.
 *
 * One allow rule for each identity that went through; what a policy denied or the system refused is written as a
 * comment. The default of a secret is `deny` only where every access that went through has a rule; where something
 * could not be written, or was too much, it stays `alert` and a comment says why. So the policy denies nothing that
 * was not denied before (replay.h).
 */
#pragma once

#include <stdbool.h>

struct buffer;
struct error;
struct homes;
struct observed;

struct learned_policy_options {
	const char *name;          /* of the policy */
	const char *mode;          /* "observe" or "enforce" */
	bool is_denied_included;   /* a rule for what was denied, too */
	const struct homes *homes; /* for "~" */
};

/*
 * Appends the file. 0; -ENODATA with *error when nothing was seen that could be written; -EFBIG when it is more than a
 * policy file may hold; -ENOMEM.
 */
int learned_policy_write(const struct observed *observed, const struct learned_policy_options *options,
			 struct buffer *out, struct error *error);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * candidate_explanation.h: an answer to `explain` that only says who a process is, completed by what a policy that is
 * not in force says of it. The same text as the daemon would have written, by the same code.
 */
#pragma once

struct json_object;
struct policy_secret;
struct policy_set;

/* Puts the member "explanation" in place. `kind` is the name of one. 0; -EINVAL: the answer is no object; -ENOMEM. */
int candidate_explanation_add(struct json_object *result, const struct policy_set *set,
			      const struct policy_secret *secret, const char *kind);

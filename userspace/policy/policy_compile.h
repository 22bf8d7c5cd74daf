/* SPDX-License-Identifier: Apache-2.0 */
/* policy_compile.h: what a policy file says, checked for sense and added to a policy set. */
#pragma once

#include <stddef.h>

struct document;
struct error;
struct policy_set;
struct shape_policy;

/*
 * Adds the policy to the set. The document is the one that the shape was read from and gives errors their lines.
 * -EINVAL, -E2BIG (more than max_secrets in the set), -ENOMEM with *error set; the set is then fit only to be freed.
 */
int policy_compile(struct policy_set *set, const struct shape_policy *shape, struct document *document,
		   size_t max_secrets, struct error *error);

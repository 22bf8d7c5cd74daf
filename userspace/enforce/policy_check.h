/* SPDX-License-Identifier: Apache-2.0 */
/* policy_check.h: does a policy ask for more than this host's tier can do? Pure; any thread. */
#pragma once

#include "base/access.h"

struct error;
struct policy_set;
struct tier_probe;

/*
 * Secrets that the tier cannot enforce become observed ones (policy_set_observe()) where their policy says
 * `onUnsupported: observe`. Any other: -ENOTSUP, with the file, line and reason of the first in *error. To be called
 * before the set is shared. `probe` says what the tier is capable of here, and why a better one is not.
 */
int enforce_check_policy(enum tier tier, const struct tier_probe *probe, struct policy_set *policy,
			 struct error *error);

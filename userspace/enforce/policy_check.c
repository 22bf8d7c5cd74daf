/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/policy_check.h"

#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "enforce/tier.h"
#include "policy/policy.h"

#define KIND(kind)     (1U << ACCESS_##kind)
#define FANOTIFY_KINDS (KIND(OPEN) | KIND(EXEC) | KIND(RECEIVE))

/* The first deny rule that is only about kinds outside of `kinds`, or NULL. */
static const struct rule *rule_beyond(const struct policy_secret *secret, uint32_t kinds)
{
	for (size_t i = 0; i < secret->deny.count; i++)
		if (secret->deny.rules[i].kinds && !(secret->deny.rules[i].kinds & kinds))
			return &secret->deny.rules[i];
	return NULL;
}

/* Why the tier cannot enforce the secret: false, or true with the line that asks too much and the reason. */
static bool asks_too_much(enum tier tier, const struct tier_probe *probe, const struct policy_secret *secret,
			  int *ret_line, char *reason, size_t size)
{
	const struct rule *rule;

	*ret_line = secret->mode_line;
	switch (tier) {
	case TIER_OBSERVE:
		(void)snprintf(reason, size,
			       "this host can only observe, not deny: lsm: %s; fanotify: %s. Write 'mode: observe', or",
			       probe->tiers[TIER_LSM].reason, probe->tiers[TIER_FANOTIFY].reason);
		return true;
	case TIER_KILL:
		if (secret->action == POLICY_ACTION_KILL)
			return false;
		(void)snprintf(reason, size,
			       "the tier 'kill' cannot refuse an access, only end the process: write 'action: kill', "
			       "'mode: observe', or");
		return true;
	case TIER_FANOTIFY:
		rule = rule_beyond(secret, FANOTIFY_KINDS);
		if (!rule)
			return false;
		*ret_line = rule->line;
		(void)snprintf(
			reason, size,
			"the rule %s is only about kinds that the tier 'fanotify' sees but cannot stop: it stops "
			"open, exec and receive. Take the rule out, or",
			rule->title);
		return true;
	default:
		return false;
	}
}

int enforce_check_policy(enum tier tier, const struct tier_probe *probe, struct policy_set *policy, struct error *error)
{
	char reason[ERROR_TEXT_SIZE - 128];
	int line;

	for (size_t i = 0; i < policy_set_secret_count(policy); i++) {
		const struct policy_secret *secret = policy_set_secret(policy, i);

		if (secret->mode != POLICY_MODE_ENFORCE || !secret->can_deny ||
		    !asks_too_much(tier, probe, secret, &line, reason, sizeof(reason)))
			continue;
		if (secret->on_unsupported == POLICY_UNSUPPORTED_REFUSE)
			return error_set(error, -ENOTSUP, secret->file, line,
					 "%s 'onUnsupported: observe' to see what would be denied", reason);
		policy_set_observe(policy, i);
	}
	return 0;
}

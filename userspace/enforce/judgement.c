/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/judgement.h"

#include "policy/policy.h"
#include "policy/rule.h"

/* The facts that the rule asks for and that are not known; `relaxed` is the rule without asking for them. */
static uint32_t relax(const struct rule *rule, uint32_t unknown, struct rule *relaxed)
{
	uint32_t missing = 0;

	*relaxed = *rule;
	if ((unknown & FACT_EXE) && rule->exe.count) {
		relaxed->exe.count = 0;
		missing |= FACT_EXE;
	}
	if ((unknown & FACT_CGROUP) && (rule->unit.count || rule->cgroup.count || rule->container.count)) {
		relaxed->unit.count = relaxed->cgroup.count = relaxed->container.count = 0;
		missing |= FACT_CGROUP;
	}
	if ((unknown & FACT_SHA256) && rule->sha256.count) {
		relaxed->sha256.count = 0;
		missing |= FACT_SHA256;
	}
	if ((unknown & FACT_ANCESTORS) && rule->ancestor.count) {
		relaxed->ancestor.count = 0;
		missing |= FACT_ANCESTORS;
	}
	if ((unknown & FACT_SCRIPT) && rule->script.count) {
		relaxed->script.count = 0;
		missing |= FACT_SCRIPT;
	}
	return missing;
}

struct course {
	bool is_settled;
	enum verdict_action action; /* once it is settled */
	const char *rule;
	bool may_deny, may_allow; /* by rules that may match */
	uint32_t undecided;
};

static void follow(struct course *course, const struct policy_rules *rules, enum verdict_action action,
		   const struct access *access, uint32_t unknown)
{
	for (size_t i = 0; i < rules->count && !course->is_settled; i++) {
		const struct rule *rule = &rules->rules[i];
		struct rule relaxed;
		uint32_t missing = relax(rule, unknown, &relaxed);

		/* The whole rule first: any ancestor that is known can be the one that is asked for. */
		if (rule_matches(rule, access)) {
			course->is_settled = true;
			course->action = action;
			course->rule = rule->title;
		} else if (missing && rule_matches(&relaxed, access)) {
			course->may_deny |= action == VERDICT_DENY;
			course->may_allow |= action != VERDICT_DENY;
			course->undecided |= missing;
		}
	}
}

void judgement_make(const struct policy_secret *secret, const struct access *access, uint32_t unknown,
		    struct judgement *ret)
{
	struct course course = {0};

	follow(&course, &secret->deny, VERDICT_DENY, access, unknown);
	follow(&course, &secret->allow, VERDICT_ALLOW, access, unknown);
	if (!course.is_settled) {
		course.action = secret->default_action;
		course.rule = "default";
	}
	if (course.action == VERDICT_DENY ? course.may_allow : course.may_deny) {
		judgement_on_error(secret, ret);
		ret->undecided = course.undecided;
		return;
	}
	*ret = (struct judgement){.action = course.action, .rule = course.rule};
}

void judgement_on_error(const struct policy_secret *secret, struct judgement *ret)
{
	*ret = (struct judgement){
		.action = secret->on_error == POLICY_ON_ERROR_DENY ? VERDICT_DENY : VERDICT_ALLOW,
		.rule = "onError",
		.is_error = true,
	};
}

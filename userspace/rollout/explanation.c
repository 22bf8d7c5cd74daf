/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/explanation.h"

#include <stdbool.h>
#include <string.h>

#include "base/json_writer.h"
#include "policy/policy.h"
#include "policy/rule_text.h"

static const char *or_null(const char *string)
{
	return string && *string ? string : NULL;
}

void explanation_write_process(struct json_writer *w, const struct access_process *process)
{
	json_object_begin(w, "process");
	json_uint(w, "pid", process->id.pid);
	json_string(w, "exe", or_null(process->exe));
	json_string(w, "script", process->script);
	json_string(w, "exe_sha256", process->exe_sha256);
	json_uint(w, "uid", process->cred.uid);
	json_uint(w, "gid", process->cred.gid);
	json_string(w, "user", process->user);
	json_string(w, "unit", process->unit);
	json_string(w, "container", process->container);
	json_string(w, "cgroup", or_null(process->cgroup));
	json_array_begin(w, "ancestors");
	for (size_t i = 0; i < process->ancestors_count && i < ACCESS_ANCESTORS_MAX; i++)
		json_string(w, NULL, process->ancestors[i].exe);
	json_array_end(w);
	json_bool(w, "ancestors_truncated", process->ancestors_truncated);
	json_object_end(w);
}

static void write_value(void *context, const char *value)
{
	json_string(context, NULL, value);
}

static void write_matcher(struct json_writer *w, const struct rule *rule, enum rule_matcher matcher,
			  const struct access *access)
{
	json_object_begin(w, NULL);
	json_string(w, "name", rule_matcher_name(matcher));
	json_bool(w, "holds", rule_holds(rule, matcher, access));
	json_array_begin(w, "seen");
	rule_each_seen(matcher, access, write_value, w);
	json_array_end(w);
	json_array_begin(w, "wanted");
	rule_each_value(rule, matcher, write_value, w);
	json_array_end(w);
	json_object_end(w);
}

static void write_rule(struct json_writer *w, const struct rule *rule, const struct access *access, bool decides)
{
	json_object_begin(w, NULL);
	json_string(w, "rule", rule->title);
	json_uint(w, "line", (uint64_t)rule->line);
	json_bool(w, "matches", rule_matches(rule, access));
	json_bool(w, "decides", decides);
	json_array_begin(w, "matchers");
	for (int i = 0; i < RULE_MATCHER_COUNT; i++)
		if (rule_asks(rule, (enum rule_matcher)i))
			write_matcher(w, rule, (enum rule_matcher)i, access);
	json_array_end(w);
	json_object_end(w);
}

static void write_rules(struct json_writer *w, const struct policy_rules *rules, const struct access *access,
			const struct verdict *verdict)
{
	for (size_t i = 0; i < rules->count; i++)
		write_rule(w, &rules->rules[i], access, strcmp(rules->rules[i].title, verdict->rule) == 0);
}

/* Tier kill alone ends processes and refuses nothing. */
static bool is_carried_out(const struct policy_secret *secret, const struct verdict *verdict, enum tier tier)
{
	if (verdict->action != VERDICT_DENY || secret->mode != POLICY_MODE_ENFORCE || tier == TIER_OBSERVE)
		return false;
	return tier != TIER_KILL || secret->action == POLICY_ACTION_KILL;
}

static void write_verdict(struct json_writer *w, const struct policy_secret *secret, const struct verdict *verdict,
			  enum tier tier)
{
	json_object_begin(w, "verdict");
	json_string(w, "action", verdict_action_name(verdict->action));
	json_string(w, "rule", verdict->rule);
	json_string(w, "policy", verdict->policy);
	json_string(w, "tier", tier_name(tier));
	json_bool(w, "enforced", is_carried_out(secret, verdict, tier));
	json_bool(w, "would_deny", verdict->would_deny);
	json_object_end(w);
}

void explanation_write(struct json_writer *w, const struct policy_set *set, size_t secret_index,
		       const struct access *access, enum tier tier)
{
	const struct policy_secret *secret = policy_set_secret(set, secret_index);
	struct verdict verdict;

	policy_decide(set, secret_index, access, &verdict);
	json_object_begin(w, "explanation");
	json_string(w, "secret", secret->name);
	json_string(w, "class", secret->class_name);
	json_string(w, "file", secret->file);
	json_uint(w, "line", (uint64_t)secret->line);
	json_string(w, "kind", access_kind_name(access->kind));
	json_string(w, "mode", secret->mode == POLICY_MODE_ENFORCE ? "enforce" : "observe");
	json_string(w, "default", verdict_action_name(secret->default_action));
	write_verdict(w, secret, &verdict, tier);
	json_array_begin(w, "rules");
	write_rules(w, &secret->deny, access, &verdict);
	write_rules(w, &secret->allow, access, &verdict);
	json_array_end(w);
	json_object_end(w);
}

void explanation_append(struct buffer *out, const struct policy_set *set, size_t secret_index,
			const struct access *access, enum tier tier)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object_begin(&w, NULL);
	explanation_write(&w, set, secret_index, access, tier);
	json_object_end(&w);
}

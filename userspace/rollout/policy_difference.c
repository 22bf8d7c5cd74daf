/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/policy_difference.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "policy/policy.h"
#include "policy/policy_destination.h"
#include "policy/rule_text.h"

#define JOINED_MAX (1024 * 1024)

struct comparison {
	difference_fn fn;
	void *context;
	const char *policy, *secret, *rule; /* what it is about */
	int count;
	bool is_out_of_memory;
};

static void tell(struct comparison *comparison, enum difference_sign sign, const char *field, const char *before,
		 const char *after)
{
	const struct difference difference = {
		.sign = sign,
		.policy = comparison->policy,
		.secret = comparison->secret,
		.rule = comparison->rule,
		.field = field,
		.before = before,
		.after = after,
	};

	comparison->count++;
	comparison->fn(comparison->context, &difference);
}

static void compare_value(struct comparison *comparison, const char *field, const char *before, const char *after)
{
	if (strcmp(before, after) != 0)
		tell(comparison, DIFFERENCE_CHANGED, field, before, after);
}

/* ---------------------------------------------------------------- sets of strings */

struct strings {
	char **values; /* owned */
	size_t count, capacity;
	bool failed;
};

static void strings_release(struct strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->values[i]);
	free(strings->values);
}

static void strings_add(void *context, const char *value)
{
	struct strings *strings = context;
	char **values = strings->values;

	if (strings->count == strings->capacity) {
		strings->capacity = strings->capacity ? 2 * strings->capacity : 8;
		values = reallocarray(strings->values, strings->capacity, sizeof(*values));
	}
	if (values)
		strings->values = values;
	if (values && (values[strings->count] = strdup(value)))
		strings->count++;
	else
		strings->failed = true;
}

static bool strings_have(const struct strings *strings, const char *value, size_t upto)
{
	for (size_t i = 0; i < upto; i++)
		if (strcmp(strings->values[i], value) == 0)
			return true;
	return false;
}

static void tell_values(struct comparison *comparison, const char *field, enum difference_sign sign,
			const struct strings *from, const struct strings *other)
{
	for (size_t i = 0; i < from->count; i++) {
		const char *value = from->values[i];

		if (strings_have(other, value, other->count) || strings_have(from, value, i))
			continue;
		tell(comparison, sign, field, sign == DIFFERENCE_REMOVED ? value : NULL,
		     sign == DIFFERENCE_ADDED ? value : NULL);
	}
}

static void compare_strings(struct comparison *comparison, const char *field, const struct strings *before,
			    const struct strings *after)
{
	if (before->failed || after->failed)
		comparison->is_out_of_memory = true;
	tell_values(comparison, field, DIFFERENCE_REMOVED, before, after);
	tell_values(comparison, field, DIFFERENCE_ADDED, after, before);
}

static void join(const struct strings *strings, struct buffer *out)
{
	for (size_t i = 0; i < strings->count; i++)
		buffer_printf(out, "%s%s", i ? ", " : "", strings->values[i]);
	if (strings->count == 0)
		buffer_append_string(out, "any");
}

/* A matcher that is not given holds for all: to give it is another thing than to add a value to it. */
static void compare_presence(struct comparison *comparison, const char *field, const struct strings *before,
			     const struct strings *after)
{
	_cleanup_(buffer_release) struct buffer left = BUFFER_INIT(JOINED_MAX), right = BUFFER_INIT(JOINED_MAX);

	join(before, &left);
	join(after, &right);
	if (left.failed || right.failed)
		comparison->is_out_of_memory = true;
	else
		tell(comparison, DIFFERENCE_CHANGED, field, left.data, right.data);
}

/* ---------------------------------------------------------------- rules */

static void compare_rule(struct comparison *comparison, const struct rule *before, const struct rule *after)
{
	for (int i = 0; i < RULE_MATCHER_COUNT; i++) {
		_cleanup_(strings_release) struct strings left = {0}, right = {0};
		enum rule_matcher matcher = (enum rule_matcher)i;

		rule_each_value(before, matcher, strings_add, &left);
		rule_each_value(after, matcher, strings_add, &right);
		if (rule_asks(before, matcher) == rule_asks(after, matcher))
			compare_strings(comparison, rule_matcher_name(matcher), &left, &right);
		else
			compare_presence(comparison, rule_matcher_name(matcher), &left, &right);
	}
}

static const struct rule *find_rule(const struct policy_rules *rules, const char *title)
{
	for (size_t i = 0; i < rules->count; i++)
		if (strcmp(rules->rules[i].title, title) == 0)
			return &rules->rules[i];
	return NULL;
}

static void compare_rules(struct comparison *comparison, const struct policy_rules *before,
			  const struct policy_rules *after)
{
	for (size_t i = 0; i < before->count; i++) {
		const struct rule *other = find_rule(after, before->rules[i].title);

		comparison->rule = before->rules[i].title;
		if (other)
			compare_rule(comparison, &before->rules[i], other);
		else
			tell(comparison, DIFFERENCE_REMOVED, NULL, NULL, NULL);
	}
	for (size_t i = 0; i < after->count; i++) {
		comparison->rule = after->rules[i].title;
		if (!find_rule(before, comparison->rule))
			tell(comparison, DIFFERENCE_ADDED, NULL, NULL, NULL);
	}
	comparison->rule = NULL;
}

/* ---------------------------------------------------------------- egress */

static void add_destination(struct strings *strings, const struct policy_destination *destination)
{
	char text[POLICY_DESTINATION_SIZE];

	strings_add(strings, policy_destination_format(destination, text));
}

static const char *egress_action(const struct policy_egress *egress)
{
	return egress ? verdict_action_name(egress->action) : "none";
}

static void compare_egress(struct comparison *comparison, const struct policy_egress *before,
			   const struct policy_egress *after)
{
	_cleanup_(strings_release) struct strings left = {0}, right = {0};

	for (size_t i = 0; before && i < before->to_count; i++)
		add_destination(&left, &before->to[i]);
	for (size_t i = 0; after && i < after->to_count; i++)
		add_destination(&right, &after->to[i]);
	compare_value(comparison, "egress.action", egress_action(before), egress_action(after));
	compare_strings(comparison, "egress.to", &left, &right);
}

/* ---------------------------------------------------------------- secrets and policies */

static const char *const modes[] = {[POLICY_MODE_OBSERVE] = "observe", [POLICY_MODE_ENFORCE] = "enforce"};
static const char *const unsupported[] = {
	[POLICY_UNSUPPORTED_REFUSE] = "refuse", [POLICY_UNSUPPORTED_OBSERVE] = "observe"};
static const char *const on_errors[] = {[POLICY_ON_ERROR_ALLOW] = "allow", [POLICY_ON_ERROR_DENY] = "deny"};
static const char *const actions[] = {[POLICY_ACTION_DENY] = "deny", [POLICY_ACTION_KILL] = "kill"};

static void compare_settings(struct comparison *comparison, const struct policy_secret *before,
			     const struct policy_secret *after)
{
	compare_value(comparison, "mode", modes[before->mode], modes[after->mode]);
	compare_value(comparison, "onUnsupported", unsupported[before->on_unsupported],
		      unsupported[after->on_unsupported]);
	compare_value(comparison, "onError", on_errors[before->on_error], on_errors[after->on_error]);
	compare_value(comparison, "action", actions[before->action], actions[after->action]);
}

static void compare_patterns(struct comparison *comparison, const char *field, const char *const *before,
			     size_t before_count, const char *const *after, size_t after_count)
{
	_cleanup_(strings_release) struct strings left = {0}, right = {0};

	for (size_t i = 0; i < before_count; i++)
		strings_add(&left, before[i]);
	for (size_t i = 0; i < after_count; i++)
		strings_add(&right, after[i]);
	compare_strings(comparison, field, &left, &right);
}

static void compare_secret(struct comparison *comparison, const struct policy_secret *before,
			   const struct policy_secret *after)
{
	compare_value(comparison, "policy", before->policy_name, after->policy_name);
	/* Of one policy the settings are told once, and not for each of its secrets. */
	if (strcmp(before->policy_name, after->policy_name) != 0)
		compare_settings(comparison, before, after);
	compare_value(comparison, "class", before->class_name, after->class_name);
	compare_patterns(comparison, "paths", before->patterns, before->patterns_count, after->patterns,
			 after->patterns_count);
	compare_patterns(comparison, "exclude", before->excludes, before->excludes_count, after->excludes,
			 after->excludes_count);
	compare_value(comparison, "default", verdict_action_name(before->default_action),
		      verdict_action_name(after->default_action));
	compare_rules(comparison, &before->deny, &after->deny);
	compare_rules(comparison, &before->allow, &after->allow);
	compare_egress(comparison, before->egress, after->egress);
}

/* The first secret of a policy, which has the policy's settings. */
static const struct policy_secret *find_policy(const struct policy_set *set, const char *name)
{
	for (size_t i = 0; i < policy_set_secret_count(set); i++)
		if (strcmp(policy_set_secret(set, i)->policy_name, name) == 0)
			return policy_set_secret(set, i);
	return NULL;
}

static bool begins_policy(const struct policy_set *set, size_t index)
{
	const struct policy_secret *secret = policy_set_secret(set, index);

	return index == 0 || strcmp(policy_set_secret(set, index - 1)->policy_name, secret->policy_name) != 0;
}

static void compare_policies(struct comparison *comparison, const struct policy_set *before,
			     const struct policy_set *after)
{
	for (size_t i = 0; i < policy_set_secret_count(before); i++) {
		const struct policy_secret *secret = policy_set_secret(before, i), *other;

		if (!begins_policy(before, i))
			continue;
		comparison->policy = secret->policy_name;
		other = find_policy(after, secret->policy_name);
		if (other)
			compare_settings(comparison, secret, other);
		else
			tell(comparison, DIFFERENCE_REMOVED, NULL, NULL, NULL);
	}
	for (size_t i = 0; i < policy_set_secret_count(after); i++) {
		comparison->policy = policy_set_secret(after, i)->policy_name;
		if (begins_policy(after, i) && !find_policy(before, comparison->policy))
			tell(comparison, DIFFERENCE_ADDED, NULL, NULL, NULL);
	}
	comparison->policy = NULL;
}

static void compare_secrets(struct comparison *comparison, const struct policy_set *before,
			    const struct policy_set *after)
{
	for (size_t i = 0; i < policy_set_secret_count(before); i++) {
		const struct policy_secret *secret = policy_set_secret(before, i);
		const struct policy_secret *other = policy_set_find(after, secret->name);

		comparison->secret = secret->name;
		if (other)
			compare_secret(comparison, secret, other);
		else
			tell(comparison, DIFFERENCE_REMOVED, NULL, NULL, NULL);
	}
	for (size_t i = 0; i < policy_set_secret_count(after); i++) {
		comparison->secret = policy_set_secret(after, i)->name;
		if (!policy_set_find(before, comparison->secret))
			tell(comparison, DIFFERENCE_ADDED, NULL, NULL, NULL);
	}
	comparison->secret = NULL;
}

int policy_difference_each(const struct policy_set *before, const struct policy_set *after, difference_fn fn,
			   void *context)
{
	struct comparison comparison = {.fn = fn, .context = context};

	compare_policies(&comparison, before, after);
	compare_secrets(&comparison, before, after);
	return comparison.is_out_of_memory ? -ENOMEM : comparison.count;
}

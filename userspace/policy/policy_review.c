/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy_review.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/escape.h"
#include "policy/document.h"
#include "policy/glob_cover.h"
#include "policy/policy.h"
#include "policy/policy_value.h"
#include "policy/rule.h"

/* Comparisons for one secret: all pairs of hundreds of rules, and an end to what someone made up to be slow. */
#define STEPS_MAX 2000000

struct review {
	struct policy_set *set;
	const struct policy_secret *secret;
	struct error *error;
	size_t steps;
};

static int warn_rule(struct review *review, const struct rule *rule, const char *text)
{
	return policy_set_warn(review->set, review->secret->file, rule->line, "rule \"%s\" %s", rule->title, text);
}

/* ---------------------------------------------------------------- one rule */

static bool is_about_kinds_only(const struct rule *rule)
{
	return !rule->uid.count && !rule->gid.count && !rule->exe.count && !rule->script.count && !rule->sha256.count &&
	       !rule->user.count && !rule->unit.count && !rule->cgroup.count && !rule->container.count &&
	       !rule->ancestor.count;
}

static bool lets_scripts_in(const struct rule *rule)
{
	if (rule->script.count || rule->sha256.count || rule->unit.count || rule->user.count || rule->cgroup.count ||
	    rule->ancestor.count)
		return false;
	for (size_t i = 0; i < rule->exe.count; i++)
		if (policy_matches_interpreter(rule->exe.values[i]))
			return true;
	return false;
}

/* A shell is the rightful reader of its own history, so that class is left out of the second advice. */
static int review_allowed(struct review *review, const struct rule *rule)
{
	bool is_history = strcmp(review->secret->class_name, "shell-history") == 0;
	int r = 0;

	if (is_about_kinds_only(rule))
		r = warn_rule(review, rule, "allows every process; add a matcher that says who");
	if (r >= 0 && !is_history && lets_scripts_in(rule))
		r = warn_rule(review, rule,
			      "allows an interpreter, and with it every script it runs; name a program, or add "
			      "\"script\", \"unit\", \"user\", \"cgroup\" or \"ancestor\"");
	return r;
}

static bool has_suffix(const char *text, const char *suffix)
{
	size_t size = strlen(text), suffix_size = strlen(suffix);

	return size >= suffix_size && strcmp(text + size - suffix_size, suffix) == 0;
}

/* Units that start others, group them or stand for devices, and have no process of their own. */
static int review_units(struct review *review, const struct rule *rule)
{
	static const struct {
		const char *suffix;
		const char *advice;
	} types[] = {
		{".timer", "name the .service that it starts"},
		{".path", "name the .service that it starts"},
		{".target", "name the .service that it wants"},
		{".device", "name the .service that uses it"},
		{".automount", "name the .mount"},
		{".slice", "write its path under \"cgroup\", with \"/**\" behind it"},
	};

	for (size_t i = 0; i < rule->unit.count; i++) {
		for (size_t j = 0; j < sizeof(types) / sizeof(*types); j++) {
			int r;

			if (!has_suffix(rule->unit.values[i], types[j].suffix))
				continue;
			r = policy_set_warn(review->set, review->secret->file, rule->line,
					    "rule \"%s\": unit \"%s\" never matches, no process is in a %s; %s",
					    rule->title, rule->unit.values[i], types[j].suffix, types[j].advice);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* Both together are all processes whose cgroup is known. */
static int review_containers(struct review *review, const struct rule *rule)
{
	bool has_none = false, has_any = false;

	for (size_t i = 0; i < rule->container.count; i++) {
		has_none = has_none || strcmp(rule->container.values[i], RULE_CONTAINER_NONE) == 0;
		has_any = has_any || strcmp(rule->container.values[i], "*") == 0;
	}
	if (!has_none || !has_any)
		return 0;
	return warn_rule(review, rule,
			 "names every container and also none, which is everybody; keep one of the two, or drop "
			 "\"container\"");
}

/* ---------------------------------------------------------------- one rule and another */

static int review_against_earlier(struct review *review, const struct policy_rules *rules, size_t index)
{
	const struct rule *rule = &rules->rules[index];

	for (size_t i = 0; i < index; i++)
		if (rule_covers(&rules->rules[i], rule, &review->steps))
			return policy_set_warn(
				review->set, review->secret->file, rule->line,
				"rule \"%s\" never decides: \"%s\" in line %d comes first and matches all "
				"of it; drop it",
				rule->title, rules->rules[i].title, rules->rules[i].line);
	return 0;
}

/* A denial for everybody, on top of what is allowed on normal days, is a use: so only rules that say the same are
 * wrong.
 */
static int review_against_denials(struct review *review, const struct rule *rule)
{
	const struct policy_rules *denials = &review->secret->deny;

	for (size_t i = 0; i < denials->count; i++) {
		const struct rule *denial = &denials->rules[i];

		if (!rule_covers(denial, rule, &review->steps))
			continue;
		if (rule_covers(rule, denial, &review->steps))
			return error_set(
				review->error, -EINVAL, review->secret->file, rule->line,
				"rule \"%s\" says the same as \"%s\" in line %d: one allows what the other denies; "
				"drop one of them",
				rule->title, denial->title, denial->line);
		return policy_set_warn(
			review->set, review->secret->file, rule->line,
			"rule \"%s\" never allows anything: \"%s\" in line %d comes first and matches all of "
			"it; narrow that one, or drop this",
			rule->title, denial->title, denial->line);
	}
	return 0;
}

static int review_rule(struct review *review, const struct policy_rules *rules, size_t index)
{
	const struct rule *rule = &rules->rules[index];
	int r = review_units(review, rule);

	if (r >= 0)
		r = review_containers(review, rule);
	if (r >= 0)
		r = review_against_earlier(review, rules, index);
	if (r >= 0 && rules == &review->secret->allow)
		r = review_against_denials(review, rule);
	if (r >= 0 && rules == &review->secret->allow)
		r = review_allowed(review, rule);
	return r;
}

static int review_rules(struct review *review, const struct policy_rules *rules)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < rules->count; i++)
		r = review_rule(review, rules, i);
	return r;
}

/* ---------------------------------------------------------------- files */

/* A "~" stands for the same homes on both sides. */
static bool takes_away(const char *exclude, const char *pattern)
{
	bool exclude_is_home = exclude[0] == '~', pattern_is_home = pattern[0] == '~';

	return exclude_is_home == pattern_is_home && glob_covers(exclude + exclude_is_home, pattern + pattern_is_home);
}

static int review_pattern(struct review *review, size_t index)
{
	const struct policy_secret *secret = review->secret;
	char pattern[DOCUMENT_QUOTE_SIZE], exclude[DOCUMENT_QUOTE_SIZE];

	for (size_t i = 0; i < secret->excludes_count && review->steps > 0; i++) {
		review->steps--;
		if (takes_away(secret->excludes[i], secret->patterns[index]))
			return error_set(
				review->error, -EINVAL, secret->file, secret->pattern_lines[index],
				"path \"%s\" names no file: \"%s\" under \"exclude\" takes away all of it; drop "
				"one of them",
				escape_line(secret->patterns[index], pattern, sizeof(pattern)),
				escape_line(secret->excludes[i], exclude, sizeof(exclude)));
	}
	return 0;
}

static int review_patterns(struct review *review)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < review->secret->patterns_count; i++)
		r = review_pattern(review, i);
	return r;
}

int policy_review(struct policy_set *set, const struct policy_secret *secret, struct error *error)
{
	struct review review = {.set = set, .secret = secret, .error = error, .steps = STEPS_MAX};
	int r = 0;

	if (secret->default_action == VERDICT_ALLOW && secret->deny.count == 0)
		r = policy_set_warn(set, secret->file, secret->line,
				    "secret \"%s\" allows everyone; write \"default: alert\", or a deny rule",
				    secret->name);
	if (r >= 0)
		r = review_patterns(&review);
	if (r >= 0)
		r = review_rules(&review, &secret->deny);
	if (r >= 0)
		r = review_rules(&review, &secret->allow);
	if (r >= 0 && review.steps == 0)
		r = policy_set_warn(
			set, secret->file, secret->line,
			"the rules of secret \"%s\" hold too many values to compare all of them; whether some "
			"never match is not known, put some into wildcards to know it",
			secret->name);
	return r;
}

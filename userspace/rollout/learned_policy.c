/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/learned_policy.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "base/access.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "policy/policy.h"
#include "policy/policy_destination.h"
#include "policy/policy_file.h"
#include "rollout/learned_paths.h"
#include "rollout/learned_rules.h"
#include "rollout/observed.h"
#include "rollout/yaml_text.h"

#define REMARKS_MAX  50 /* commented rules of one secret */
#define TIME_SIZE    32
#define FEW_ACCESSES 100

struct writer {
	const struct observed *observed;
	const struct learned_policy_options *options;
	struct buffer *out;
	size_t secrets; /* written */
};

/* ---------------------------------------------------------------- words */

static const char *format_time(uint64_t real_ns, char out[TIME_SIZE])
{
	time_t seconds = (time_t)(real_ns / NS_PER_SEC);
	struct tm utc;

	if (!gmtime_r(&seconds, &utc) || strftime(out, TIME_SIZE, "%Y-%m-%d %H:%M:%S", &utc) == 0)
		out[0] = '\0';
	return out;
}

static void append_span(struct buffer *out, uint64_t first_real_ns, uint64_t last_real_ns)
{
	char first[TIME_SIZE], last[TIME_SIZE];

	buffer_printf(out, "%s to %s", format_time(first_real_ns, first), format_time(last_real_ns, last));
}

static void append_count(struct buffer *out, uint64_t count, const char *one, const char *many)
{
	buffer_printf(out, "%llu %s", (unsigned long long)count, count == 1 ? one : many);
}

/* "key: [a, b]" needs its values one by one. */
static void append_list_value(struct buffer *out, size_t index, const char *value)
{
	if (index > 0)
		buffer_append_string(out, ", ");
	yaml_append_value(out, value);
}

/* ---------------------------------------------------------------- rules */

/* The matchers of a rule, each with `before` in front of it and `after` behind. */
static void append_matcher(struct buffer *out, const char *before, const char *key, const char *value,
			   const char *after)
{
	if (!value)
		return;
	buffer_printf(out, "%s%s: [", before, key);
	yaml_append_value(out, value);
	buffer_printf(out, "]%s", after);
}

static void append_kinds(struct buffer *out, const char *before, uint32_t kinds, const char *after)
{
	size_t index = 0;

	buffer_printf(out, "%skinds: [", before);
	for (unsigned int kind = 0; kind < ACCESS_KIND_COUNT; kind++)
		if (kinds & 1U << kind)
			append_list_value(out, index++, access_kind_name((enum access_kind)kind));
	buffer_printf(out, "]%s", after);
}

static void append_who(struct buffer *out, const char *before, const struct observed_identity *who, uint32_t kinds,
		       const char *after)
{
	append_matcher(out, before, "script", who->script, after);
	if (who->user)
		append_matcher(out, before, "user", who->user, after);
	else
		buffer_printf(out, "%suid: [%u]%s", before, who->uid, after);
	append_matcher(out, before, "unit", who->unit, after);
	append_matcher(out, before, "cgroup", who->cgroup, after);
	append_matcher(out, before, "container", who->container, after);
	append_kinds(out, before, kinds, after);
}

static void append_rule_comment(struct buffer *out, const struct learned_rule *rule)
{
	const struct observed_identity *who = rule->identities[0];

	buffer_append_string(out, "        # ");
	append_count(out, rule->accesses, "access", "accesses");
	buffer_append_string(out, ", ");
	append_span(out, rule->first_real_ns, rule->last_real_ns);
	if (rule->alerts > 0)
		buffer_printf(out, "; %llu raised an alert: review", (unsigned long long)rule->alerts);
	if (rule->denied > 0) {
		buffer_append_string(out, "; denied ");
		append_count(out, rule->denied, "time: review", "times: review");
	}
	if (!who->container)
		buffer_append_string(out, "; its cgroup was not known: add a unit or container");
	if (rule->identities_count == 1 && strcmp(who->exe, who->example) != 0) {
		buffer_append_string(out, "; seen as ");
		yaml_append_comment(out, who->example);
	}
	buffer_append_char(out, '\n');
}

static void append_rule(struct buffer *out, const struct learned_rule *rule)
{
	append_rule_comment(out, rule);
	buffer_append_string(out, "        - name: ");
	yaml_append_value(out, rule->name);
	buffer_append_string(out, "\n          exe: [");
	for (size_t i = 0; i < rule->identities_count; i++)
		append_list_value(out, i, rule->identities[i]->exe);
	buffer_append_string(out, "]\n");
	append_who(out, "          ", rule->identities[0], rule->kinds, "\n");
}

/* ---------------------------------------------------------------- what is only remarked on */

static bool is_remark(const struct writer *writer, const struct observed_identity *identity)
{
	if (identity->outcome == OBSERVED_DENIED)
		return !writer->options->is_denied_included || identity->is_nameless;
	return identity->outcome == OBSERVED_REFUSED || identity->is_nameless;
}

static void append_nameless(struct buffer *out, const struct observed_identity *identity)
{
	buffer_append_string(out, "        #   no rule can name this program: ");
	yaml_append_comment(out, identity->exe[0] ? identity->exe : "(unknown)");
	buffer_append_string(out, identity->user ? ", user " : ", uid ");
	if (identity->user)
		yaml_append_comment(out, identity->user);
	else
		buffer_printf(out, "%u", identity->uid);
	buffer_append_char(out, '\n');
}

/* A rule that becomes one by taking its '#' away. */
static void append_commented_rule(struct buffer *out, const struct observed_identity *identity)
{
	char name[LEARNED_NAME_SIZE];

	learned_rule_name(identity, name);
	buffer_append_string(out, "        # - {name: ");
	yaml_append_value(out, name);
	append_matcher(out, ", ", "exe", identity->exe, "");
	append_who(out, ", ", identity, identity->kinds, "");
	buffer_append_string(out, "}\n");
}

static void append_remark(struct buffer *out, const struct observed_identity *identity)
{
	buffer_append_string(out, "        # ");
	if (identity->outcome == OBSERVED_DENIED)
		buffer_append_string(out, "denied ");
	else if (identity->outcome == OBSERVED_REFUSED)
		buffer_append_string(out, "refused by the system ");
	else
		buffer_append_string(out, "went through ");
	append_count(out, identity->accesses, "time", "times");
	buffer_append_string(out, ", ");
	append_span(out, identity->first_real_ns, identity->last_real_ns);
	buffer_append_string(out, identity->outcome == OBSERVED_REFUSED ? ":\n" : ": review\n");
	if (identity->is_nameless)
		append_nameless(out, identity);
	else
		append_commented_rule(out, identity);
}

static void append_remarks(const struct writer *writer, size_t secret)
{
	size_t count = 0;

	for (size_t i = 0; i < observed_secret(writer->observed, secret)->identities_count; i++) {
		const struct observed_identity *identity = observed_identity(writer->observed, secret, i);

		if (!is_remark(writer, identity))
			continue;
		if (++count <= REMARKS_MAX)
			append_remark(writer->out, identity);
	}
	if (count > REMARKS_MAX)
		buffer_printf(writer->out, "        # and %zu more that were denied, refused or cannot be named\n",
			      count - REMARKS_MAX);
}

/* ---------------------------------------------------------------- secrets */

/* Why not everything that went through has a rule; NULL: it has. */
static const char *find_gap(const struct observed_secret *secret, const struct learned_rules *rules)
{
	if (rules->count == 0)
		return "nothing was seen to be allowed";
	if (secret->is_incomplete || rules->left_out > 0)
		return "there were more identities than rules can be written for";
	if (rules->nameless > 0)
		return "a program that went through cannot be named by a rule, see below";
	return NULL;
}

/* Good and Turing: the chance that the next one is new is about (kinds seen once) / (all that were seen). */
static void append_estimate(struct buffer *out, const struct learned_rules *rules)
{
	buffer_append_string(out, "    # Not seen yet: ");
	append_count(out, rules->singles, "identity was", "identities were");
	buffer_printf(out, " seen exactly once in %llu accesses;", (unsigned long long)rules->accesses);
	buffer_printf(out, " by the Good-Turing estimate %zu / %llu =\n    # about %.3g %% of the next accesses",
		      rules->singles, (unsigned long long)rules->accesses,
		      100.0 * (double)rules->singles / (double)rules->accesses);
	buffer_append_string(out, " will come from an identity that has no rule here");
	buffer_append_string(out, rules->accesses < FEW_ACCESSES ? " (from so few, this says little).\n" : ".\n");
}

static void append_secret_comment(struct buffer *out, const struct observed_secret *secret,
				  const struct learned_rules *rules)
{
	if (secret->first_real_ns == 0) {
		buffer_append_string(out, "    # Nobody accessed it: nothing was learned.\n");
		return;
	}
	buffer_append_string(out, "    # Allowed below: ");
	append_count(out, rules->accesses, "access", "accesses");
	buffer_append_string(out, " by ");
	append_count(out, rules->identities, "identity", "identities");
	buffer_append_string(out, "; all that was seen: ");
	append_span(out, secret->first_real_ns, secret->last_real_ns);
	buffer_append_string(out, ".\n");
	if (rules->accesses > 0)
		append_estimate(out, rules);
}

static void append_patterns(struct buffer *out, const char *key, const char *const *patterns, size_t count)
{
	if (count == 0)
		return;
	buffer_printf(out, "      %s:\n", key);
	for (size_t i = 0; i < count; i++) {
		buffer_append_string(out, "        - ");
		yaml_append_value(out, patterns[i]);
		buffer_append_char(out, '\n');
	}
}

static void append_egress(struct buffer *out, const struct policy_egress *egress)
{
	char text[POLICY_DESTINATION_SIZE];

	if (!egress)
		return;
	buffer_printf(out, "      egress:\n        action: %s\n        to: [", verdict_action_name(egress->action));
	for (size_t i = 0; i < egress->to_count; i++)
		append_list_value(out, i, policy_destination_format(&egress->to[i], text));
	buffer_append_string(out, "]\n");
}

static void append_rules(const struct writer *writer, size_t index, const struct learned_rules *rules)
{
	const struct observed_secret *secret = observed_secret(writer->observed, index);
	const char *gap = find_gap(secret, rules);

	if (gap && secret->first_real_ns != 0)
		buffer_printf(writer->out, "      # Not \"deny\": %s.\n", gap);
	buffer_printf(writer->out, "      default: %s\n", gap ? "alert" : "deny");
	if (rules->count > 0)
		buffer_append_string(writer->out, "      allow:\n");
	for (size_t i = 0; i < rules->count; i++)
		append_rule(writer->out, &rules->rules[i]);
	append_remarks(writer, index);
}

static void append_secret(struct writer *writer, size_t index, const char *const *patterns, size_t patterns_count,
			  const struct learned_rules *rules)
{
	const struct observed_secret *secret = observed_secret(writer->observed, index);
	struct buffer *out = writer->out;

	writer->secrets++;
	buffer_append_char(out, '\n');
	append_secret_comment(out, secret, rules);
	buffer_append_string(out, "    - name: ");
	yaml_append_value(out, secret->name);
	buffer_append_string(out, "\n      class: ");
	yaml_append_value(out, secret->class_name);
	buffer_append_char(out, '\n');
	append_patterns(out, "paths", patterns, patterns_count);
	if (secret->policy) {
		append_patterns(out, "exclude", secret->policy->excludes, secret->policy->excludes_count);
		append_egress(out, secret->policy->egress);
	}
	append_rules(writer, index, rules);
}

static int write_secret(struct writer *writer, size_t index)
{
	const struct observed_secret *secret = observed_secret(writer->observed, index);
	_cleanup_(learned_paths_release) struct learned_paths paths = {0};
	_cleanup_(learned_rules_release) struct learned_rules rules = {0};
	int r = learned_rules_make(writer->observed, index, writer->options->is_denied_included, &rules);

	if (r < 0)
		return r;
	if (secret->policy) {
		append_secret(writer, index, secret->policy->patterns, secret->policy->patterns_count, &rules);
		return 0;
	}
	r = learned_paths_make(writer->observed, index, writer->options->homes, &paths);
	if (r < 0)
		return r;
	if (paths.left_out > 0)
		buffer_printf(writer->out,
			      "\n    # %zu files of \"%s\" have no pattern below: name them, or give --policy.\n",
			      paths.left_out, secret->name);
	if (paths.count == 0)
		buffer_printf(writer->out,
			      "\n    # \"%s\" is left out: no path of a file of it is known; give --policy.\n",
			      secret->name);
	else
		append_secret(writer, index, (const char *const *)paths.patterns, paths.count, &rules);
	return 0;
}

/* ---------------------------------------------------------------- the file */

static void append_head(const struct writer *writer, const struct observed_sums *sums)
{
	struct buffer *out = writer->out;

	buffer_append_string(out, "# Learned from ");
	append_count(out, sums->accesses, "access", "accesses");
	buffer_append_string(out, ", ");
	append_span(out, sums->first_real_ns, sums->last_real_ns);
	buffer_append_string(
		out, " (all times UTC).\n#\n"
		     "# Each rule allows what was seen, whether it was right or not: read them, above all what is\n"
		     "# marked \"review\". An identity is a program with its user and its unit or container;\n"
		     "# versions, sessions and ids in names are \"*\". Many reads by one program make the share of\n"
		     "# what was not seen yet look smaller than it is.\n");
	if (sums->left_out > 0) {
		buffer_append_string(out, "# Left out: ");
		append_count(out, sums->left_out, "access", "accesses");
		buffer_append_string(out,
				     " of files that the given policy does not name, or of a secret without a proper\n"
				     "# name.\n");
	}
	buffer_append_string(out, "apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: ");
	yaml_append_value(out, writer->options->name);
	buffer_printf(out, "}\nspec:\n  mode: %s\n  secrets:\n", writer->options->mode);
}

int learned_policy_write(const struct observed *observed, const struct learned_policy_options *options,
			 struct buffer *out, struct error *error)
{
	struct writer writer = {.observed = observed, .options = options, .out = out};
	struct observed_sums sums = observed_sums(observed);
	size_t before = out->size;
	int r = 0;

	if (sums.rows == 0)
		return error_set(error, -ENODATA, NULL, 0, "no access is stored of that time: nothing can be learned");
	append_head(&writer, &sums);
	for (size_t i = 0; r == 0 && i < observed_secret_count(observed); i++)
		r = write_secret(&writer, i);
	if (r == 0 && out->failed)
		r = -ENOMEM;
	if (r < 0)
		return error_set(error, r, NULL, 0, "not enough memory for the policy");
	if (writer.secrets == 0)
		return error_set(error, -ENODATA, NULL, 0,
				 "no path is known of what was accessed: give the policy in force with --policy");
	if (out->size - before > POLICY_FILE_SIZE_MAX)
		return error_set(
			error, -EFBIG, NULL, 0,
			"the policy would have %zu bytes, and a file may have %d: learn from less with --since, or "
			"give --policy",
			out->size - before, POLICY_FILE_SIZE_MAX);
	return 0;
}

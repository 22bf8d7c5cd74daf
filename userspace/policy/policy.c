/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "policy/policy_set.h"

#define WARNINGS_FIRST 16

struct policy_set *policy_set_new(void)
{
	struct policy_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	TAILQ_INIT(&set->secrets);
	return set;
}

void policy_set_free(struct policy_set *set)
{
	if (!set)
		return;
	HASH_CLEAR(hh, set->policies_by_name);
	HASH_CLEAR(hh, set->secrets_by_name);
	free(set->secret_index);
	free(set->warnings);
	arena_release(&set->arena);
	free(set);
}

static int add_to_table(struct policy_entry **table, struct policy_entry *entry,
			const struct policy_entry **ret_earlier)
{
	struct policy_entry *earlier;
	const char *name = entry->secret.name;
	unsigned int size = (unsigned int)strlen(name);

	HASH_FIND(hh, *table, name, size, earlier);
	if (earlier) {
		*ret_earlier = earlier;
		return -EEXIST;
	}
	entry->is_in_table = true;
	HASH_ADD_KEYPTR(hh, *table, name, size, entry);
	return entry->is_in_table ? 0 : -ENOMEM;
}

int policy_set_add_secret(struct policy_set *set, struct policy_entry *entry, const struct policy_entry **ret_earlier)
{
	int r = add_to_table(&set->secrets_by_name, entry, ret_earlier);

	if (r < 0)
		return r;
	TAILQ_INSERT_TAIL(&set->secrets, entry, link);
	set->secrets_count++;
	return 0;
}

int policy_set_add_policy(struct policy_set *set, struct policy_entry *entry, const struct policy_entry **ret_earlier)
{
	int r = add_to_table(&set->policies_by_name, entry, ret_earlier);

	if (r < 0)
		return r;
	set->policies_count++;
	return 0;
}

int policy_set_index(struct policy_set *set)
{
	struct policy_entry *entry;
	size_t i = 0;

	set->secret_index = calloc(set->secrets_count + 1, sizeof(struct policy_entry *));
	if (!set->secret_index)
		return -ENOMEM;
	TAILQ_FOREACH (entry, &set->secrets, link) {
		entry->secret.index = i;
		set->secret_index[i++] = entry;
	}
	return 0;
}

size_t policy_set_policy_count(const struct policy_set *set)
{
	return set->policies_count;
}

size_t policy_set_secret_count(const struct policy_set *set)
{
	return set->secrets_count;
}

const struct policy_secret *policy_set_secret(const struct policy_set *set, size_t index)
{
	return index < set->secrets_count ? &set->secret_index[index]->secret : NULL;
}

const struct policy_secret *policy_set_find(const struct policy_set *set, const char *secret_name)
{
	const struct policy_entry *entry;

	HASH_FIND(hh, set->secrets_by_name, secret_name, (unsigned int)strlen(secret_name), entry);
	return entry ? &entry->secret : NULL;
}

size_t policy_set_warning_count(const struct policy_set *set)
{
	return set->warnings_count;
}

const struct error *policy_set_warning(const struct policy_set *set, size_t index)
{
	return index < set->warnings_count ? set->warnings[index] : NULL;
}

static int grow_warnings(struct policy_set *set)
{
	size_t size = set->warnings_size ? 2 * set->warnings_size : WARNINGS_FIRST;
	struct error **warnings = realloc(set->warnings, size * sizeof(struct error *));

	if (!warnings)
		return -ENOMEM;
	set->warnings = warnings;
	set->warnings_size = size;
	return 0;
}

int policy_set_warn(struct policy_set *set, const char *file, int line, const char *format, ...)
{
	struct error *warning = arena_alloc(&set->arena, 1, sizeof(*warning));
	char text[ERROR_TEXT_SIZE];
	va_list arguments;

	if (!warning || (set->warnings_count == set->warnings_size && grow_warnings(set) < 0))
		return -ENOMEM;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments); /* a cut sentence is fine */
	va_end(arguments);
	(void)error_set(warning, -EINVAL, file, line, "%s", text); /* a warning: nothing failed */
	set->warnings[set->warnings_count++] = warning;
	return 0;
}

void policy_set_observe(struct policy_set *set, size_t secret_index)
{
	if (secret_index < set->secrets_count)
		set->secret_index[secret_index]->secret.mode = POLICY_MODE_OBSERVE;
}

static const struct rule *first_match(const struct policy_rules *rules, const struct access *access)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rule_matches(&rules->rules[i], access))
			return &rules->rules[i];
	return NULL;
}

void policy_decide(const struct policy_set *set, size_t secret_index, const struct access *access,
		   struct verdict *ret_verdict)
{
	const struct policy_secret *secret = &set->secret_index[secret_index]->secret;
	enum verdict_action action = VERDICT_DENY;
	const struct rule *rule = first_match(&secret->deny, access);

	if (!rule) {
		action = VERDICT_ALLOW;
		rule = first_match(&secret->allow, access);
	}
	if (!rule)
		action = secret->default_action;
	*ret_verdict = (struct verdict){
		.action = action,
		.rule = rule ? rule->title : "default",
		.policy = secret->policy_name,
		.tier = TIER_OBSERVE,
		.is_enforced = false,
		.would_deny = action == VERDICT_DENY && secret->mode == POLICY_MODE_OBSERVE,
	};
}

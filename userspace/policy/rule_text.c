/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rule_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/access.h"

#define NUMBER_SIZE 16

static const char *const names[RULE_MATCHER_COUNT] = {
	[RULE_KINDS] = "kinds",         [RULE_UID] = "uid",       [RULE_GID] = "gid",           [RULE_EXE] = "exe",
	[RULE_SCRIPT] = "script",       [RULE_SHA256] = "sha256", [RULE_USER] = "user",         [RULE_UNIT] = "unit",
	[RULE_CONTAINER] = "container", [RULE_CGROUP] = "cgroup", [RULE_ANCESTOR] = "ancestor",
};

const char *rule_matcher_name(enum rule_matcher matcher)
{
	return (unsigned int)matcher < RULE_MATCHER_COUNT ? names[matcher] : "unknown";
}

static void give_number(uint32_t number, rule_value_fn fn, void *context)
{
	char text[NUMBER_SIZE];

	(void)snprintf(text, sizeof(text), "%" PRIu32, number); /* always fits */
	fn(context, text);
}

static const struct rule_numbers *numbers_of(const struct rule *rule, enum rule_matcher matcher)
{
	return matcher == RULE_UID ? &rule->uid : matcher == RULE_GID ? &rule->gid : NULL;
}

static const struct rule_strings *strings_of(const struct rule *rule, enum rule_matcher matcher)
{
	switch (matcher) {
	case RULE_EXE:
		return &rule->exe;
	case RULE_SCRIPT:
		return &rule->script;
	case RULE_SHA256:
		return &rule->sha256;
	case RULE_USER:
		return &rule->user;
	case RULE_UNIT:
		return &rule->unit;
	case RULE_CONTAINER:
		return &rule->container;
	case RULE_CGROUP:
		return &rule->cgroup;
	case RULE_ANCESTOR:
		return &rule->ancestor;
	default:
		return NULL;
	}
}

void rule_each_value(const struct rule *rule, enum rule_matcher matcher, rule_value_fn fn, void *context)
{
	const struct rule_numbers *numbers = numbers_of(rule, matcher);
	const struct rule_strings *strings = strings_of(rule, matcher);

	for (unsigned int kind = 0; matcher == RULE_KINDS && kind < ACCESS_KIND_COUNT; kind++)
		if (rule->kinds & 1U << kind)
			fn(context, access_kind_name((enum access_kind)kind));
	for (size_t i = 0; numbers && i < numbers->count; i++)
		give_number(numbers->values[i], fn, context);
	for (size_t i = 0; strings && i < strings->count; i++)
		fn(context, strings->values[i]);
}

/* What a matcher of one string looks at; NULL: not known. */
static const char *string_seen(enum rule_matcher matcher, const struct access *access)
{
	const struct access_process *process = &access->process;

	switch (matcher) {
	case RULE_KINDS:
		return access_kind_name(access->kind);
	case RULE_EXE:
		return process->exe;
	case RULE_SCRIPT:
		return process->script;
	case RULE_SHA256:
		return process->exe_sha256;
	case RULE_USER:
		return process->user;
	case RULE_UNIT:
		return process->unit;
	case RULE_CONTAINER:
		if (!process->container && process->cgroup && process->cgroup[0])
			return RULE_CONTAINER_NONE;
		return process->container;
	case RULE_CGROUP:
		return process->cgroup;
	default:
		return NULL;
	}
}

void rule_each_seen(enum rule_matcher matcher, const struct access *access, rule_value_fn fn, void *context)
{
	const struct access_process *process = &access->process;
	const char *seen = string_seen(matcher, access);

	if (seen && *seen)
		fn(context, seen);
	if (matcher == RULE_UID)
		give_number(process->cred.uid, fn, context);
	if (matcher == RULE_GID)
		give_number(process->cred.gid, fn, context);
	for (size_t i = 0; matcher == RULE_ANCESTOR && i < process->ancestors_count && i < ACCESS_ANCESTORS_MAX; i++)
		fn(context, process->ancestors[i].exe);
}

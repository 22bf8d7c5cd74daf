/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rule.h"

#include <string.h>

#include "base/access.h"
#include "policy/glob.h"
#include "policy/glob_cover.h"

static bool holds_number(const struct rule_numbers *numbers, uint32_t number)
{
	for (size_t i = 0; i < numbers->count; i++)
		if (numbers->values[i] == number)
			return true;
	return numbers->count == 0;
}

static bool holds_string(const struct rule_strings *strings, const char *string)
{
	for (size_t i = 0; string && i < strings->count; i++)
		if (strcmp(strings->values[i], string) == 0)
			return true;
	return strings->count == 0;
}

static bool holds_glob(const struct rule_strings *globs, const char *path)
{
	for (size_t i = 0; path && i < globs->count; i++)
		if (glob_match(globs->values[i], path))
			return true;
	return globs->count == 0;
}

static bool is_named(const char *pattern, const char *name)
{
	return glob_match_name(pattern, strlen(pattern), name, strlen(name));
}

static bool holds_name(const struct rule_strings *names, const char *name)
{
	for (size_t i = 0; name && *name && i < names->count; i++)
		if (is_named(names->values[i], name))
			return true;
	return names->count == 0;
}

static bool holds_container(const struct rule_strings *containers, const struct access_process *process)
{
	bool is_on_host = !process->container && process->cgroup && *process->cgroup;

	for (size_t i = 0; i < containers->count; i++) {
		if (strcmp(containers->values[i], RULE_CONTAINER_NONE) == 0) {
			if (is_on_host)
				return true;
		} else if (process->container && is_named(containers->values[i], process->container)) {
			return true;
		}
	}
	return containers->count == 0;
}

static bool holds_ancestor(const struct rule_strings *globs, const struct access_process *process)
{
	for (size_t i = 0; globs->count && i < process->ancestors_count && i < ACCESS_ANCESTORS_MAX; i++)
		if (holds_glob(globs, process->ancestors[i].exe))
			return true;
	return globs->count == 0;
}

static bool holds_kind(uint32_t kinds, enum access_kind kind)
{
	return kinds == 0 || ((unsigned int)kind < 32 && (kinds & 1U << kind));
}

bool rule_holds(const struct rule *rule, enum rule_matcher matcher, const struct access *access)
{
	const struct access_process *process = &access->process;

	switch (matcher) {
	case RULE_KINDS:
		return holds_kind(rule->kinds, access->kind);
	case RULE_UID:
		return holds_number(&rule->uid, process->cred.uid);
	case RULE_GID:
		return holds_number(&rule->gid, process->cred.gid);
	case RULE_EXE:
		return holds_glob(&rule->exe, process->exe);
	case RULE_SCRIPT:
		return holds_glob(&rule->script, process->script);
	case RULE_SHA256:
		return holds_string(&rule->sha256, process->exe_sha256);
	case RULE_USER:
		return holds_string(&rule->user, process->user);
	case RULE_UNIT:
		return holds_name(&rule->unit, process->unit);
	case RULE_CONTAINER:
		return holds_container(&rule->container, process);
	case RULE_CGROUP:
		return holds_glob(&rule->cgroup, process->cgroup);
	case RULE_ANCESTOR:
		return holds_ancestor(&rule->ancestor, process);
	case RULE_MATCHER_COUNT:
		break;
	}
	return false;
}

bool rule_asks(const struct rule *rule, enum rule_matcher matcher)
{
	const size_t counts[RULE_MATCHER_COUNT] = {
		[RULE_KINDS] = rule->kinds,
		[RULE_UID] = rule->uid.count,
		[RULE_GID] = rule->gid.count,
		[RULE_EXE] = rule->exe.count,
		[RULE_SCRIPT] = rule->script.count,
		[RULE_SHA256] = rule->sha256.count,
		[RULE_USER] = rule->user.count,
		[RULE_UNIT] = rule->unit.count,
		[RULE_CONTAINER] = rule->container.count,
		[RULE_CGROUP] = rule->cgroup.count,
		[RULE_ANCESTOR] = rule->ancestor.count,
	};

	return (unsigned int)matcher < RULE_MATCHER_COUNT && counts[matcher] > 0;
}

bool rule_matches(const struct rule *rule, const struct access *access)
{
	for (int i = 0; i < RULE_MATCHER_COUNT; i++)
		if (!rule_holds(rule, (enum rule_matcher)i, access))
			return false;
	return true;
}

/* ---------------------------------------------------------------- one rule and another */

#define ALL_KINDS (((1U << ACCESS_KIND_COUNT) - 1) & ~((1U << ACCESS_OPEN) - 1))
#define STEP_SIZE 256 /* of the product of the sizes of two values */

typedef bool covers_fn(const char *whole, const char *part);

static bool is_equal(const char *whole, const char *part)
{
	return strcmp(whole, part) == 0;
}

/* "none" is no id, and so no pattern matches it. */
static bool covers_container(const char *whole, const char *part)
{
	if (strcmp(whole, RULE_CONTAINER_NONE) == 0 || strcmp(part, RULE_CONTAINER_NONE) == 0)
		return is_equal(whole, part);
	return glob_name_covers(whole, part);
}

static bool take_steps(size_t *steps, const char *whole, const char *part)
{
	size_t cost = 1 + strlen(whole) * strlen(part) / STEP_SIZE;

	*steps = *steps > cost ? *steps - cost : 0;
	return *steps > 0;
}

/* Whether each value of `part` is covered by some value of `whole`, as far as the steps go. */
static bool covers_strings(const struct rule_strings *whole, const struct rule_strings *part, covers_fn *covers,
			   size_t *steps)
{
	if (whole->count == 0)
		return true;
	for (size_t i = 0; i < part->count; i++) {
		size_t j = 0;

		while (j < whole->count && take_steps(steps, whole->values[j], part->values[i]) &&
		       !covers(whole->values[j], part->values[i]))
			j++;
		if (j == whole->count || *steps == 0)
			return false;
	}
	return part->count > 0;
}

static bool covers_numbers(const struct rule_numbers *whole, const struct rule_numbers *part, size_t *steps)
{
	if (whole->count == 0)
		return true;
	for (size_t i = 0; i < part->count; i++) {
		*steps = *steps > whole->count ? *steps - whole->count : 0;
		if (*steps == 0 || !holds_number(whole, part->values[i]))
			return false;
	}
	return part->count > 0;
}

bool rule_covers(const struct rule *whole, const struct rule *part, size_t *steps)
{
	if (whole->kinds && (part->kinds ? part->kinds : ALL_KINDS) & ~whole->kinds)
		return false;
	return covers_numbers(&whole->uid, &part->uid, steps) && covers_numbers(&whole->gid, &part->gid, steps) &&
	       covers_strings(&whole->sha256, &part->sha256, is_equal, steps) &&
	       covers_strings(&whole->user, &part->user, is_equal, steps) &&
	       covers_strings(&whole->container, &part->container, covers_container, steps) &&
	       covers_strings(&whole->unit, &part->unit, glob_name_covers, steps) &&
	       covers_strings(&whole->exe, &part->exe, glob_covers, steps) &&
	       covers_strings(&whole->script, &part->script, glob_covers, steps) &&
	       covers_strings(&whole->cgroup, &part->cgroup, glob_covers, steps) &&
	       covers_strings(&whole->ancestor, &part->ancestor, glob_covers, steps);
}

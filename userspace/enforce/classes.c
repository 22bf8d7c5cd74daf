/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/classes.h"

#include <errno.h>
#include <string.h>

#include "base/access.h"

void classes_init(struct classes *classes)
{
	*classes = (struct classes){.arena = ARENA_INIT};
	for (size_t member = 0; member < MEMBER_COUNT; member++)
		classes->counts[member] = 1;
}

void classes_release(struct classes *classes)
{
	arena_release(&classes->arena);
	classes_init(classes);
}

enum class_member class_member_of(enum class_sort sort)
{
	switch (sort) {
	case CLASS_CGROUP:
		return MEMBER_CGROUP;
	case CLASS_UID:
		return MEMBER_UID;
	case CLASS_GID:
		return MEMBER_GID;
	default:
		return MEMBER_FILE;
	}
}

/* ---------------------------------------------------------------- definitions */

/* Only what the rule asks of that sort. */
static struct rule question_of(const struct rule *rule, enum class_sort sort)
{
	switch (sort) {
	case CLASS_EXE:
		return (struct rule){.exe = rule->exe, .sha256 = rule->sha256};
	case CLASS_SCRIPT:
		return (struct rule){.script = rule->script};
	case CLASS_ANCESTOR:
		return (struct rule){.ancestor = rule->ancestor};
	case CLASS_CGROUP:
		return (struct rule){.unit = rule->unit, .cgroup = rule->cgroup, .container = rule->container};
	case CLASS_UID:
		return (struct rule){.uid = rule->uid, .user = rule->user};
	case CLASS_GID:
		return (struct rule){.gid = rule->gid};
	case CLASS_SORT_COUNT:
		break;
	}
	return (struct rule){0};
}

/* The lists of a rule that hold strings, so that they can be gone through. */
#define STRING_LISTS(rule)                                                                                       \
	{                                                                                                        \
		&(rule)->exe, &(rule)->sha256, &(rule)->script, &(rule)->ancestor, &(rule)->unit, &(rule)->user, \
			&(rule)->cgroup, &(rule)->container,                                                     \
	}
#define STRING_LISTS_COUNT 8

static bool is_nothing(const struct rule *rule)
{
	const struct rule_strings *const lists[STRING_LISTS_COUNT] = STRING_LISTS(rule);
	size_t count = rule->uid.count + rule->gid.count;

	for (size_t i = 0; i < STRING_LISTS_COUNT; i++)
		count += lists[i]->count;
	return count == 0;
}

static bool are_strings_equal(const struct rule_strings *a, const struct rule_strings *b)
{
	for (size_t i = 0; a->count == b->count && i < a->count; i++)
		if (strcmp(a->values[i], b->values[i]) != 0)
			return false;
	return a->count == b->count;
}

static bool are_numbers_equal(const struct rule_numbers *a, const struct rule_numbers *b)
{
	return a->count == b->count &&
	       (a->count == 0 || memcmp(a->values, b->values, a->count * sizeof(*a->values)) == 0);
}

static bool is_same_question(const struct rule *a, const struct rule *b)
{
	const struct rule_strings *const lists_of_a[STRING_LISTS_COUNT] = STRING_LISTS(a);
	const struct rule_strings *const lists_of_b[STRING_LISTS_COUNT] = STRING_LISTS(b);

	for (size_t i = 0; i < STRING_LISTS_COUNT; i++)
		if (!are_strings_equal(lists_of_a[i], lists_of_b[i]))
			return false;
	return are_numbers_equal(&a->uid, &b->uid) && are_numbers_equal(&a->gid, &b->gid);
}

static int copy_strings(struct arena *arena, struct rule_strings *list)
{
	const char **values = arena_alloc(arena, list->count, sizeof(*values));

	if (!values)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		values[i] = arena_strdup(arena, list->values[i]);
		if (!values[i])
			return -ENOMEM;
	}
	list->values = values;
	return 0;
}

static int copy_numbers(struct arena *arena, struct rule_numbers *list)
{
	uint32_t *values = arena_alloc(arena, list->count, sizeof(*values));

	if (!values)
		return -ENOMEM;
	if (list->count > 0)
		memcpy(values, list->values, list->count * sizeof(*values));
	list->values = values;
	return 0;
}

static struct rule *copy_question(struct arena *arena, const struct rule *question)
{
	struct rule *copy = arena_alloc(arena, 1, sizeof(*copy));
	struct rule_strings *lists[STRING_LISTS_COUNT];

	if (!copy)
		return NULL;
	*copy = *question;
	memcpy(lists, (struct rule_strings *[])STRING_LISTS(copy), sizeof(lists));
	for (size_t i = 0; i < STRING_LISTS_COUNT; i++)
		if (copy_strings(arena, lists[i]) < 0)
			return NULL;
	return copy_numbers(arena, &copy->uid) < 0 || copy_numbers(arena, &copy->gid) < 0 ? NULL : copy;
}

int classes_number(struct classes *classes, enum class_sort sort, const struct rule *rule, uint16_t *ret)
{
	const struct rule question = question_of(rule, sort);
	enum class_member member = class_member_of(sort);
	size_t count = classes->counts[member];
	struct rule *copy;

	if (is_nothing(&question)) {
		*ret = 0;
		return 0;
	}
	for (size_t i = 1; i < count; i++) {
		if (is_same_question(classes->definitions[member][i], &question)) {
			*ret = (uint16_t)i;
			return 0;
		}
	}
	if (count == CLASS_MAX)
		return -ENOSPC;
	copy = copy_question(&classes->arena, &question);
	if (!copy)
		return -ENOMEM;
	classes->definitions[member][count] = copy;
	classes->counts[member]++;
	*ret = (uint16_t)count;
	return 0;
}

int classes_copy(struct classes *classes, enum class_sort sort, const struct classes *from, uint16_t number,
		 uint16_t *ret)
{
	static const struct rule nothing;

	return classes_number(classes, sort, number ? from->definitions[class_member_of(sort)][number] : &nothing, ret);
}

/* ---------------------------------------------------------------- members */

/* An access that is nothing but the subject. A file may be the program, the script, or an ancestor's program. */
static void make_access(const struct class_subject *subject, struct access *ret)
{
	struct access_process *process = &ret->process;

	memset(ret, 0, sizeof(*ret));
	switch (subject->member) {
	case MEMBER_FILE:
		process->exe = subject->path;
		process->exe_sha256 = subject->sha256;
		process->script = subject->path;
		process->ancestors[0].exe = subject->path;
		process->ancestors_count = 1;
		break;
	case MEMBER_CGROUP:
		process->cgroup = subject->cgroup;
		process->unit = subject->unit;
		process->container = subject->container;
		break;
	case MEMBER_UID:
		process->cred.uid = subject->number;
		process->user = subject->user;
		break;
	case MEMBER_GID:
		process->cred.gid = subject->number;
		break;
	case MEMBER_COUNT:
		break;
	}
}

void classes_match(const struct classes *classes, const struct class_subject *subject, uint64_t bits[CLASS_WORDS])
{
	struct access access;

	make_access(subject, &access);
	for (size_t i = 1; i < classes->counts[subject->member]; i++)
		if (rule_matches(classes->definitions[subject->member][i], &access))
			bits[i / 64] |= 1ULL << (i & 63);
}

bool classes_want_sha256(const struct classes *classes, const char *path)
{
	const struct class_subject subject = {.member = MEMBER_FILE, .path = path};
	struct access access;

	make_access(&subject, &access);
	for (size_t i = 1; i < classes->counts[MEMBER_FILE]; i++) {
		const struct rule *definition = classes->definitions[MEMBER_FILE][i];
		const struct rule path_only = {.exe = definition->exe};

		if (definition->sha256.count > 0 && rule_matches(&path_only, &access))
			return true;
	}
	return false;
}

int classes_each_glob(const struct classes *classes, int (*each)(void *context, const char *glob), void *context)
{
	int r = 0;

	for (size_t i = 1; i < classes->counts[MEMBER_FILE]; i++) {
		const struct rule *definition = classes->definitions[MEMBER_FILE][i];
		const struct rule_strings *const lists[] = {&definition->exe, &definition->script,
							    &definition->ancestor};

		for (size_t list = 0; list < sizeof(lists) / sizeof(lists[0]); list++)
			for (size_t j = 0; r == 0 && j < lists[list]->count; j++)
				r = each(context, lists[list]->values[j]);
	}
	return r;
}

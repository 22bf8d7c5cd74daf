/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/bank.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "policy/policy.h"

_Static_assert((int)DECIDED_ALLOW == (int)VERDICT_ALLOW && (int)DECIDED_ALERT == (int)VERDICT_ALERT &&
		       (int)DECIDED_DENY == (int)VERDICT_DENY,
	       "the kernel's actions are those of a verdict");

void bank_init(struct bank *bank, struct verdict_entry *entries, struct verdict_rule *rules)
{
	memset(bank, 0, sizeof(*bank));
	bank->entries = entries;
	bank->rules = rules;
	bank->arena = ARENA_INIT;
	classes_init(&bank->classes);
}

void bank_release(struct bank *bank)
{
	classes_release(&bank->classes);
	arena_release(&bank->arena);
}

void bank_clear(struct bank *bank)
{
	memset(bank->entries, 0, VERDICT_SECRETS_MAX * sizeof(*bank->entries));
	memset(bank->rules, 0, VERDICT_RULES_MAX * sizeof(*bank->rules));
	memset(bank->titles, 0, sizeof(bank->titles));
	memset(bank->policies, 0, sizeof(bank->policies));
	memset(bank->is_carried, 0, sizeof(bank->is_carried));
	bank->rules_count = 0;
	bank->sorts = 0;
	classes_release(&bank->classes);
	arena_release(&bank->arena);
}

/* ---------------------------------------------------------------- filling */

static int refuse_room(struct error *error, const char *file, int line)
{
	return error_set(error, -E2BIG, file, line,
			 "the policies that are enforced have more than %d rules together; put rules that differ only "
			 "in one matcher into one rule with a list",
			 VERDICT_RULES_MAX);
}

static int refuse_classes(struct error *error, int r, const char *file, int line)
{
	if (r == -ENOMEM)
		return error_set(error, r, file, line, "not enough memory for the rules");
	return error_set(error, -E2BIG, file, line,
			 "the policies that are enforced ask more than %d different questions about programs, control "
			 "groups, users or groups; use the same lists in more rules",
			 CLASS_MAX - 1);
}

static int add_rule(struct bank *bank, const struct rule *rule, const char *file, struct error *error)
{
	struct verdict_rule *compiled = &bank->rules[bank->rules_count];

	if (bank->rules_count == VERDICT_RULES_MAX)
		return refuse_room(error, file, rule->line);
	bank->titles[bank->rules_count] = arena_strdup(&bank->arena, rule->title);
	if (!bank->titles[bank->rules_count])
		return refuse_classes(error, -ENOMEM, file, rule->line);
	compiled->kinds = rule->kinds;
	for (enum class_sort sort = 0; sort < CLASS_SORT_COUNT; sort++) {
		int r = classes_number(&bank->classes, sort, rule, &compiled->classes[sort]);

		if (r < 0)
			return refuse_classes(error, r, file, rule->line);
	}
	bank->rules_count++;
	return 0;
}

/* Completes the entry from the rules that were added for it. */
static void seal(struct bank *bank, struct verdict_entry *entry)
{
	for (size_t i = 0; i < (size_t)entry->deny_count + entry->allow_count; i++)
		for (size_t sort = 0; sort < CLASS_SORT_COUNT; sort++)
			if (bank->rules[entry->first + i].classes[sort])
				entry->sorts |= (__u8)(1U << sort);
	entry->flags |= VERDICT_ENTRY_ENFORCE;
	bank->sorts |= entry->sorts;
}

int bank_add(struct bank *bank, const struct policy_secret *secret, uint32_t number, struct error *error)
{
	struct verdict_entry *entry = &bank->entries[number];
	int r = 0;

	if (secret->deny.count + secret->allow.count > VERDICT_RULES_EACH)
		return error_set(
			error, -E2BIG, secret->file, secret->line,
			"the secret has %zu rules; one that is enforced may have %d: put rules that differ only "
			"in one matcher into one rule with a list",
			secret->deny.count + secret->allow.count, VERDICT_RULES_EACH);
	*entry = (struct verdict_entry){
		.first = (__u32)bank->rules_count,
		.deny_count = (__u16)secret->deny.count,
		.allow_count = (__u16)secret->allow.count,
		.default_action = (__u8)secret->default_action,
		.on_error = secret->on_error == POLICY_ON_ERROR_ALLOW ? DECIDED_ALLOW : DECIDED_DENY,
		.flags = secret->action == POLICY_ACTION_KILL ? VERDICT_ENTRY_KILL : 0,
	};
	for (size_t i = 0; r == 0 && i < secret->deny.count; i++)
		r = add_rule(bank, &secret->deny.rules[i], secret->file, error);
	for (size_t i = 0; r == 0 && i < secret->allow.count; i++)
		r = add_rule(bank, &secret->allow.rules[i], secret->file, error);
	if (r < 0)
		return r;
	bank->policies[number] = arena_strdup(&bank->arena, secret->policy_name);
	if (!bank->policies[number])
		return refuse_classes(error, -ENOMEM, secret->file, secret->line);
	seal(bank, entry);
	return 0;
}

static int carry_rule(struct bank *bank, const struct bank *from, size_t index, struct error *error)
{
	const struct verdict_rule *rule = &from->rules[index];
	struct verdict_rule *copy = &bank->rules[bank->rules_count];

	if (bank->rules_count == VERDICT_RULES_MAX)
		return refuse_room(error, NULL, 0);
	bank->titles[bank->rules_count] = arena_strdup(&bank->arena, from->titles[index]);
	if (!bank->titles[bank->rules_count])
		return refuse_classes(error, -ENOMEM, NULL, 0);
	copy->kinds = rule->kinds;
	for (enum class_sort sort = 0; sort < CLASS_SORT_COUNT; sort++) {
		int r = classes_copy(&bank->classes, sort, &from->classes, rule->classes[sort], &copy->classes[sort]);

		if (r < 0)
			return refuse_classes(error, r, NULL, 0);
	}
	bank->rules_count++;
	return 0;
}

int bank_carry_over(struct bank *bank, const struct bank *from, uint32_t number, struct error *error)
{
	const struct verdict_entry *old = &from->entries[number];
	struct verdict_entry *entry = &bank->entries[number];
	int r = 0;

	*entry = *old;
	bank->is_carried[number] = true;
	bank->sorts |= old->sorts;
	entry->first = (__u32)bank->rules_count;
	for (size_t i = 0; r == 0 && i < (size_t)old->deny_count + old->allow_count; i++)
		r = carry_rule(bank, from, old->first + i, error);
	if (r < 0)
		return r;
	bank->policies[number] = arena_strdup(&bank->arena, from->policies[number]);
	return bank->policies[number] ? 0 : refuse_classes(error, -ENOMEM, NULL, 0);
}

/* ---------------------------------------------------------------- questions */

bool bank_has(const struct bank *bank, uint32_t number)
{
	return number < VERDICT_SECRETS_MAX && (bank->entries[number].flags & VERDICT_ENTRY_ENFORCE);
}

void bank_explain(const struct bank *bank, uint32_t number, const struct decided *decided, struct verdict *ret_verdict)
{
	const struct verdict_entry *entry = number < VERDICT_SECRETS_MAX ? &bank->entries[number] : NULL;
	size_t count = entry ? (size_t)entry->deny_count + entry->allow_count : 0;
	const char *rule = NULL;

	if (decided->flags & DECIDED_ERROR)
		rule = "onError";
	else if (decided->rule == DECIDED_BY_DEFAULT)
		rule = "default";
	else if (decided->rule < count)
		rule = bank->titles[entry->first + decided->rule];
	*ret_verdict = (struct verdict){
		.action = (enum verdict_action)decided->action,
		.rule = rule,
		.policy = entry ? bank->policies[number] : NULL,
	};
}

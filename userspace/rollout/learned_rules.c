/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/learned_rules.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy_shape.h"
#include "rollout/observed.h"

#define RULES_WANTED   64 /* what the kernel's tables take for one secret */
#define NAME_PART_SIZE 28 /* two of them, and a number, make a name */

/* ---------------------------------------------------------------- names */

/* Small letters, digits and single '-' between them. */
static void slug(const char *text, size_t size, char out[NAME_PART_SIZE])
{
	size_t used = 0;

	for (size_t at = 0; at < size && used + 1 < NAME_PART_SIZE; at++) {
		unsigned char c = (unsigned char)text[at];

		if (c < 0x80 && isalnum(c))
			out[used++] = (char)tolower(c);
		else if (used > 0 && out[used - 1] != '-')
			out[used++] = '-';
	}
	while (used > 0 && out[used - 1] == '-')
		used--;
	out[used] = '\0';
}

static void slug_of_program(const char *path, char out[NAME_PART_SIZE])
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	slug(name, strlen(name), out);
}

void learned_rule_name(const struct observed_identity *identity, char out[LEARNED_NAME_SIZE])
{
	char what[NAME_PART_SIZE], where[NAME_PART_SIZE] = "";

	slug_of_program(identity->script ? identity->script : identity->exe, what);
	if (identity->unit)
		slug(identity->unit, strcspn(identity->unit, "@."), where);
	else if (identity->container && strcmp(identity->container, "*") == 0)
		slug("container", strlen("container"), where);
	else if (identity->user)
		slug(identity->user, strlen(identity->user), where);
	if (!what[0])
		slug("program", strlen("program"), what);
	if (where[0] && strcmp(what, where) != 0)
		(void)snprintf(out, LEARNED_NAME_SIZE, "%s-%s", what, where);
	else
		(void)snprintf(out, LEARNED_NAME_SIZE, "%s", what);
}

static bool is_name_taken(const struct learned_rules *rules, size_t upto, const char *name)
{
	for (size_t i = 0; i < upto; i++)
		if (strcmp(rules->rules[i].name, name) == 0)
			return true;
	return false;
}

static void name_rules(struct learned_rules *rules)
{
	char base[LEARNED_NAME_SIZE];

	for (size_t i = 0; i < rules->count; i++) {
		char *name = rules->rules[i].name;

		learned_rule_name(rules->rules[i].identities[0], base);
		(void)snprintf(name, LEARNED_NAME_SIZE, "%s", base);
		for (size_t number = 2; is_name_taken(rules, i, name); number++)
			(void)snprintf(name, LEARNED_NAME_SIZE, "%.*s-%zu", 2 * NAME_PART_SIZE, base, number);
	}
}

/* ---------------------------------------------------------------- who is the same */

static int compare_text(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

/* All but the program. */
static int compare_who(const struct observed_identity *a, const struct observed_identity *b)
{
	int r = compare_text(a->script, b->script);

	if (r == 0)
		r = compare_text(a->user, b->user);
	if (r == 0)
		r = (a->uid > b->uid) - (a->uid < b->uid);
	if (r == 0)
		r = compare_text(a->unit, b->unit);
	if (r == 0)
		r = compare_text(a->cgroup, b->cgroup);
	return r == 0 ? compare_text(a->container, b->container) : r;
}

static struct learned_rule *find_twin(struct learned_rules *rules, const struct observed_identity *identity)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct observed_identity *other = rules->rules[i].identities[0];

		if (strcmp(other->exe, identity->exe) == 0 && compare_who(other, identity) == 0)
			return &rules->rules[i];
	}
	return NULL;
}

/* ---------------------------------------------------------------- rules */

static void count_identity(struct learned_rule *rule, const struct observed_identity *identity)
{
	rule->kinds |= identity->kinds;
	rule->accesses += identity->accesses;
	rule->alerts += identity->alerts;
	if (identity->outcome == OBSERVED_DENIED)
		rule->denied += identity->accesses;
	if (rule->first_real_ns == 0 || identity->first_real_ns < rule->first_real_ns)
		rule->first_real_ns = identity->first_real_ns;
	if (identity->last_real_ns > rule->last_real_ns)
		rule->last_real_ns = identity->last_real_ns;
}

static int add_rule(struct learned_rules *rules, const struct observed_identity *identity)
{
	struct learned_rule *rule = &rules->rules[rules->count];

	rule->identities = malloc(sizeof(*rule->identities));
	if (!rule->identities)
		return -ENOMEM;
	rule->identities[0] = identity;
	rule->identities_count = 1;
	rules->count++;
	count_identity(rule, identity);
	return 0;
}

static int take_identity(struct learned_rules *rules, const struct observed_identity *identity)
{
	struct learned_rule *twin;

	if (identity->is_nameless) {
		rules->nameless += identity->outcome == OBSERVED_PASSED;
		return 0;
	}
	rules->accesses += identity->accesses;
	twin = identity->outcome == OBSERVED_DENIED ? find_twin(rules, identity) : NULL;
	if (!twin)
		return add_rule(rules, identity);
	count_identity(twin, identity);
	return 0;
}

static int compare_for_merge(const void *a, const void *b)
{
	const struct learned_rule *left = a, *right = b;
	int r = compare_who(left->identities[0], right->identities[0]);

	if (r == 0)
		r = (left->kinds > right->kinds) - (left->kinds < right->kinds);
	return r == 0 ? strcmp(left->identities[0]->exe, right->identities[0]->exe) : r;
}

static int compare_by_count(const void *a, const void *b)
{
	const struct learned_rule *left = a, *right = b;

	if (left->accesses != right->accesses)
		return left->accesses > right->accesses ? -1 : 1;
	return compare_for_merge(a, b);
}

/* Moves the identities of `from` to `to`, if nothing but their programs differs. 1: done; 0; -ENOMEM. */
static int merge(struct learned_rule *to, struct learned_rule *from)
{
	const struct observed_identity **grown;

	if (to->kinds != from->kinds || to->identities_count >= POLICY_MATCHERS_MAX ||
	    compare_who(to->identities[0], from->identities[0]) != 0)
		return 0;
	grown = reallocarray((void *)to->identities, to->identities_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	to->identities = grown;
	to->identities[to->identities_count++] = from->identities[0];
	to->accesses += from->accesses;
	to->alerts += from->alerts;
	to->denied += from->denied;
	if (from->first_real_ns < to->first_real_ns)
		to->first_real_ns = from->first_real_ns;
	if (from->last_real_ns > to->last_real_ns)
		to->last_real_ns = from->last_real_ns;
	free((void *)from->identities);
	from->identities = NULL;
	return 1;
}

static int merge_rules(struct learned_rules *rules)
{
	size_t kept = 0;
	int r = 0;

	qsort(rules->rules, rules->count, sizeof(rules->rules[0]), compare_for_merge);
	for (size_t i = 1; i < rules->count && r >= 0; i++) {
		r = merge(&rules->rules[kept], &rules->rules[i]);
		if (r == 0 && ++kept != i) {
			rules->rules[kept] = rules->rules[i];
			rules->rules[i].identities = NULL;
		}
	}
	if (r < 0)
		return r;
	rules->count = kept + 1;
	qsort(rules->rules, rules->count, sizeof(rules->rules[0]), compare_by_count);
	return 0;
}

static void drop_excess(struct learned_rules *rules)
{
	while (rules->count > POLICY_RULES_MAX) {
		struct learned_rule *rule = &rules->rules[--rules->count];

		rules->left_out += rule->identities_count;
		rules->accesses -= rule->accesses;
		free((void *)rule->identities);
		rule->identities = NULL;
	}
}

static void count_singles(struct learned_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct learned_rule *rule = &rules->rules[i];

		rules->identities += rule->identities_count;
		for (size_t j = 0; j < rule->identities_count; j++)
			/* What was denied besides counts for its twin. */
			rules->singles +=
				rule->identities_count == 1 ? rule->accesses == 1 : rule->identities[j]->accesses == 1;
	}
}

int learned_rules_make(const struct observed *observed, size_t secret, bool is_denied_included,
		       struct learned_rules *ret)
{
	const struct observed_secret *shown = observed_secret(observed, secret);
	struct learned_rules rules = {.rules = calloc(shown->identities_count + 1, sizeof(*rules.rules))};
	int r = rules.rules ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < shown->identities_count; i++) {
		const struct observed_identity *identity = observed_identity(observed, secret, i);

		if (identity->outcome == OBSERVED_PASSED ||
		    (identity->outcome == OBSERVED_DENIED && is_denied_included))
			r = take_identity(&rules, identity);
	}
	if (r == 0 && rules.count > RULES_WANTED)
		r = merge_rules(&rules);
	if (r < 0) {
		learned_rules_release(&rules);
		return r;
	}
	drop_excess(&rules);
	count_singles(&rules);
	name_rules(&rules);
	*ret = rules;
	return 0;
}

void learned_rules_release(struct learned_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		free((void *)rules->rules[i].identities);
	free(rules->rules);
	*rules = (struct learned_rules){.rules = NULL};
}

/* SPDX-License-Identifier: Apache-2.0 */
/* bpf/verdict.h, by itself and against policy_decide(). */
#include "verdict_cases.h"

#include "fake_maps.h"

#include "enforce/members.h"

#define MAP      0
#define POLICIES 250
#define ACCESSES 120 /* for each */

struct bed {
	struct verdict_entry entries[VERDICT_BANKS * VERDICT_SECRETS_MAX];
	struct verdict_rule rules[VERDICT_BANKS * VERDICT_RULES_MAX];
	uint64_t unfollowed[VERDICT_BANKS][CLASS_WORDS];
	uint32_t epochs[VERDICT_BANKS];
	uint32_t policy_generation, class_generation, tracking, host_mnt_ns;
	struct kernel_policy *policy;
};

static int set_up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct kernel_policy_tables tables;

	assert_non_null(bed);
	fake_map_new(MAP, sizeof(struct class_key), sizeof(struct class_value), 1024);
	tables = (struct kernel_policy_tables){
		.entries = bed->entries,
		.rules = bed->rules,
		.unfollowed = bed->unfollowed,
		.epochs = bed->epochs,
		.policy_generation = &bed->policy_generation,
		.class_generation = &bed->class_generation,
		.tracking = &bed->tracking,
		.host_mnt_ns = &bed->host_mnt_ns,
		.classes_fd = MAP,
	};
	assert_int_equal(kernel_policy_new(&tables, "/nonexistent", 1024, &bed->policy), 0);
	*state = bed;
	return 0;
}

static int tear_down(void **state)
{
	struct bed *bed = *state;

	kernel_policy_free(bed->policy);
	free(bed);
	fake_maps_free();
	return 0;
}

static void put_in_force(struct bed *bed, const struct policy_set *set)
{
	uint32_t numbers[CASE_SECRETS];
	struct error error = {0};

	for (uint32_t i = 0; i < CASE_SECRETS; i++)
		numbers[i] = i + 1;
	assert_int_equal(kernel_policy_prepare(bed->policy, set, numbers, &error), 0);
	kernel_policy_flip(bed->policy);
}

/* policy_decide() and the tables say the same, with the same rule. */
static void assert_same(struct bed *bed, const struct policy_set *set, size_t index, const struct access *access)
{
	struct verdict expected, explained;
	struct decided decided = kernel_policy_decide(bed->policy, (uint32_t)index + 1, access->kind, &access->process);

	policy_decide(set, index, access, &expected);
	assert_int_equal(decided.flags & DECIDED_ERROR, 0);
	assert_int_equal(decided.action, expected.action);
	assert_true(
		kernel_policy_explain(bed->policy, bed->policy_generation, (uint32_t)index + 1, &decided, &explained));
	assert_string_equal(explained.rule, expected.rule);
	assert_string_equal(explained.policy, expected.policy);
	assert_int_equal(explained.action, expected.action);
	assert_int_equal(!!(decided.flags & DECIDED_KILL),
			 decided.action == DECIDED_DENY && policy_set_secret(set, index)->action == POLICY_ACTION_KILL);
}

static void decides_as_the_strings_do(void **state)
{
	struct bed *bed = *state;
	size_t cases = 0, policies = 0, actions[VERDICT_COUNT] = {0};

	case_seed(1);
	while (policies < POLICIES) {
		struct policy_set *set = case_policy();

		if (!set)
			continue;
		policies++;
		put_in_force(bed, set);
		for (size_t i = 0; i < ACCESSES; i++) {
			struct verdict verdict;
			struct access access;
			size_t index = draw(CASE_SECRETS);

			case_access(&access);
			assert_same(bed, set, index, &access);
			policy_decide(set, index, &access, &verdict);
			actions[verdict.action]++;
			cases++;
		}
		policy_set_free(set);
	}
	assert_true(cases >= 20000);
	/* Cases that all end the same way would prove nothing. */
	for (size_t i = 0; i < VERDICT_COUNT; i++)
		assert_true(actions[i] > cases / 50);
}

static void says_onerror_just_where_the_unknown_matters(void **state)
{
	struct bed *bed = *state;
	size_t errors = 0, cases = 0;

	case_seed(2);
	for (size_t policies = 0; policies < POLICIES;) {
		struct policy_set *set = case_policy();
		const struct verdict_entry *entries;
		const struct verdict_rule *rules;

		if (!set)
			continue;
		policies++;
		put_in_force(bed, set);
		entries = bed->entries + (bed->policy_generation & 1) * VERDICT_SECRETS_MAX;
		rules = bed->rules + (bed->policy_generation & 1) * VERDICT_RULES_MAX;
		for (size_t i = 0; i < ACCESSES; i++) {
			const struct verdict_entry *entry = &entries[1 + draw(CASE_SECRETS)];
			struct verdict_facts facts;
			struct decided decided;
			struct access access;

			case_access(&access);
			facts_of_process(kernel_policy_classes(bed->policy, bed->policy_generation & 1),
					 &access.process, &facts);
			facts.kind = access.kind;
			case_forget(&facts);
			decided = verdict_decide(entry, rules, &facts);
			assert_three_valued(entry, rules, &facts, decided);
			errors += !!(decided.flags & DECIDED_ERROR);
			cases++;
		}
		policy_set_free(set);
	}
	assert_true(cases >= 20000);
	assert_in_range(errors, cases / 20, cases * 19 / 20);
}

/* ---------------------------------------------------------------- by hand */

/* One deny rule about class 1 of programs, one allow rule about class 2. */
static struct decided decide_with(uint8_t by_default, uint8_t on_error, uint64_t bits, uint64_t open)
{
	static struct verdict_rule rules[VERDICT_RULES_MAX];
	const struct verdict_entry entry = {.first = 7,
					    .deny_count = 1,
					    .allow_count = 1,
					    .default_action = by_default,
					    .on_error = on_error,
					    .flags = VERDICT_ENTRY_ENFORCE | VERDICT_ENTRY_KILL};
	struct verdict_facts facts = {.kind = ACCESS_OPEN};

	rules[7].classes[CLASS_EXE] = 1;
	rules[8].classes[CLASS_EXE] = 2;
	for (size_t sort = 0; sort < CLASS_SORT_COUNT; sort++)
		facts.bits[sort][0] = 1;
	facts.bits[CLASS_EXE][0] |= bits;
	facts.open[CLASS_EXE][0] = open;
	return verdict_decide(&entry, rules, &facts);
}

#define DENIED 0x2ULL
#define NAMED  0x4ULL

static void assert_decided(struct decided decided, unsigned int action, unsigned int flags, unsigned int rule)
{
	assert_int_equal(decided.action, action);
	assert_int_equal(decided.flags, flags);
	assert_int_equal(decided.rule, rule);
}

static void a_denial_stands_whatever_else_is_unknown(void **state)
{
	(void)state;
	assert_decided(decide_with(DECIDED_ALLOW, DECIDED_ALLOW, DENIED, NAMED), DECIDED_DENY, DECIDED_KILL, 0);
	assert_decided(decide_with(DECIDED_DENY, DECIDED_ALLOW, 0, DENIED), DECIDED_DENY, DECIDED_KILL,
		       DECIDED_BY_DEFAULT);
}

static void an_unknown_fact_that_could_deny_or_allow_asks_onerror(void **state)
{
	(void)state;
	assert_decided(decide_with(DECIDED_ALLOW, DECIDED_ALLOW, 0, DENIED), DECIDED_ALLOW, DECIDED_ERROR,
		       DECIDED_BY_DEFAULT);
	assert_decided(decide_with(DECIDED_ALLOW, DECIDED_DENY, 0, DENIED), DECIDED_DENY, DECIDED_ERROR | DECIDED_KILL,
		       DECIDED_BY_DEFAULT);
	assert_decided(decide_with(DECIDED_DENY, DECIDED_DENY, 0, NAMED), DECIDED_DENY, DECIDED_ERROR | DECIDED_KILL,
		       DECIDED_BY_DEFAULT);
	assert_decided(decide_with(DECIDED_DENY, DECIDED_ALLOW, NAMED, DENIED), DECIDED_ALLOW, DECIDED_ERROR,
		       DECIDED_BY_DEFAULT);
}

/* Allowed or only alerted: it goes through either way, so there is nothing that onError should refuse. */
static void what_cannot_be_denied_is_not_an_error(void **state)
{
	(void)state;
	assert_decided(decide_with(DECIDED_ALERT, DECIDED_DENY, 0, NAMED), DECIDED_ALERT, 0, DECIDED_BY_DEFAULT);
	assert_decided(decide_with(DECIDED_ALLOW, DECIDED_DENY, 0, NAMED), DECIDED_ALLOW, 0, DECIDED_BY_DEFAULT);
	assert_decided(decide_with(DECIDED_DENY, DECIDED_DENY, NAMED, 0), DECIDED_ALLOW, 0, 1);
}

static void looks_at_the_most_rules_that_a_secret_may_have(void **state)
{
	static struct verdict_rule rules[VERDICT_RULES_MAX];
	struct verdict_entry entry = {.first = VERDICT_RULES_MAX - VERDICT_RULES_EACH,
				      .deny_count = VERDICT_RULES_EACH,
				      .default_action = DECIDED_ALLOW,
				      .flags = VERDICT_ENTRY_ENFORCE};
	struct verdict_facts facts = {.kind = ACCESS_OPEN};

	(void)state;
	for (size_t sort = 0; sort < CLASS_SORT_COUNT; sort++)
		facts.bits[sort][0] = 1;
	for (size_t i = 0; i < VERDICT_RULES_EACH; i++)
		rules[entry.first + i].classes[CLASS_GID] = (uint16_t)(CLASS_MAX - 1);
	assert_decided(verdict_decide(&entry, rules, &facts), DECIDED_ALLOW, 0, DECIDED_BY_DEFAULT);
	rules[VERDICT_RULES_MAX - 1].classes[CLASS_GID] = 0;
	assert_decided(verdict_decide(&entry, rules, &facts), DECIDED_DENY, 0, VERDICT_RULES_EACH - 1);
	entry.deny_count = 0;
	entry.allow_count = VERDICT_RULES_EACH;
	entry.default_action = DECIDED_DENY;
	assert_decided(verdict_decide(&entry, rules, &facts), DECIDED_ALLOW, 0, VERDICT_RULES_EACH - 1);
	facts.bits[CLASS_GID][CLASS_WORDS - 1] = 1ULL << 63;
	assert_decided(verdict_decide(&entry, rules, &facts), DECIDED_ALLOW, 0, 0);
	rules[entry.first].kinds = 1U << ACCESS_EXEC;
	assert_decided(verdict_decide(&entry, rules, &facts), DECIDED_ALLOW, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(decides_as_the_strings_do, set_up, tear_down),
		cmocka_unit_test_setup_teardown(says_onerror_just_where_the_unknown_matters, set_up, tear_down),
		cmocka_unit_test(a_denial_stands_whatever_else_is_unknown),
		cmocka_unit_test(an_unknown_fact_that_could_deny_or_allow_asks_onerror),
		cmocka_unit_test(what_cannot_be_denied_is_not_an_error),
		cmocka_unit_test(looks_at_the_most_rules_that_a_secret_may_have),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_maps.h"

#include "base/access.h"
#include "base/error.h"
#include "enforce/bank.h"
#include "enforce/kernel_policy.h"
#include "enforce/members.h"
#include "policy/policy.h"
#include "policy/policy_file.h"

#define MAP  0
#define ROOM 64
#define HEAD "apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: %s}\nspec:\n  mode: %s\n  secrets:\n"

/* Two secrets that are enforced, one of which can deny nothing. */
static const char first[] =
	"  - {name: one, class: t, paths: [/s/1], default: deny, allow: [{name: a, exe: [/bin/a]}]}\n"
	"  - {name: quiet, class: t, paths: [/s/q], allow: [{name: q, exe: [/bin/a]}]}\n"
	"  - {name: two, class: t, paths: [/s/2], deny: [{name: b, exe: [/bin/b], uid: [7]}]}\n";
/* The first has other rules, the second is gone. */
static const char second[] =
	"  - {name: one, class: t, paths: [/s/1], default: deny, allow: [{name: c, exe: [/bin/c]}]}\n";

enum { ONE = 1, QUIET = 2, TWO = 3 };

static struct verdict_entry entries[VERDICT_BANKS * VERDICT_SECRETS_MAX];
static struct verdict_rule rules[VERDICT_BANKS * VERDICT_RULES_MAX];
static uint64_t unfollowed[VERDICT_BANKS][CLASS_WORDS];
static uint32_t epochs[VERDICT_BANKS], policy_generation, class_generation, tracking, host_mnt_ns;
static struct kernel_policy *policy;

static int set_up(void **state)
{
	const struct kernel_policy_tables tables = {
		.entries = entries,
		.rules = rules,
		.unfollowed = unfollowed,
		.epochs = epochs,
		.policy_generation = &policy_generation,
		.class_generation = &class_generation,
		.tracking = &tracking,
		.host_mnt_ns = &host_mnt_ns,
		.classes_fd = MAP,
	};

	(void)state;
	memset(entries, 0, sizeof(entries));
	memset(rules, 0, sizeof(rules));
	memset(unfollowed, 0, sizeof(unfollowed));
	memset(epochs, 0, sizeof(epochs));
	policy_generation = class_generation = tracking = host_mnt_ns = 0;
	fake_map_new(MAP, sizeof(struct class_key), sizeof(struct class_value), ROOM);
	assert_int_equal(kernel_policy_new(&tables, "/nonexistent", ROOM, &policy), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kernel_policy_free(policy);
	fake_maps_free();
	return 0;
}

static struct policy_set *load(const char *name, const char *mode, const char *secrets)
{
	const struct policy_limits limits = POLICY_LIMITS_DEFAULT;
	struct policy_set *set = NULL;
	struct error error = {0};
	size_t size = strlen(secrets) + 512;
	char *text = malloc(size);
	int used;

	assert_non_null(text);
	used = snprintf(text, size, HEAD, name, mode);
	used += snprintf(text + used, size - (size_t)used, "%s", secrets);
	if (policy_set_load_text("test.yaml", text, (size_t)used, &limits, &set, &error) < 0)
		fail_msg("%d: %s", error.line, error.text);
	free(text);
	return set;
}

static uint32_t number_of(const char *name)
{
	static const char *const names[] = {[ONE] = "one", [QUIET] = "quiet", [TWO] = "two"};

	for (uint32_t i = ONE; i <= TWO; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return 10;
}

static int prepare(const struct policy_set *set, struct error *error)
{
	uint32_t numbers[VERDICT_SECRETS_MAX];

	for (size_t i = 0; i < policy_set_secret_count(set); i++)
		numbers[i] = number_of(policy_set_secret(set, i)->name);
	return kernel_policy_prepare(policy, set, numbers, error);
}

static void prepare_text(const char *name, const char *secrets)
{
	struct policy_set *set = load(name, "enforce", secrets);
	struct error error = {0};

	assert_int_equal(prepare(set, &error), 0);
	policy_set_free(set); /* nothing of it is needed any more */
}

static struct decided decide_about(uint32_t number, const char *exe, uint32_t uid)
{
	const struct access_process process = {.exe = exe, .cred.uid = uid, .cgroup = "/x"};

	return kernel_policy_decide(policy, number, ACCESS_OPEN, &process);
}

static void assert_rule(uint32_t number, const char *exe, uint32_t uid, unsigned int action, const char *rule)
{
	struct decided decided = decide_about(number, exe, uid);
	struct verdict verdict;

	assert_int_equal(decided.action, action);
	if (action == DECIDED_NOTHING)
		return;
	assert_true(kernel_policy_explain(policy, policy_generation, number, &decided, &verdict));
	assert_string_equal(verdict.rule, rule);
	assert_int_equal(verdict.action, (int)action);
}

static void assert_first_in_force(void)
{
	assert_rule(ONE, "/bin/a", 0, DECIDED_ALLOW, "allow/a");
	assert_rule(ONE, "/bin/c", 0, DECIDED_DENY, "default");
	assert_rule(QUIET, "/bin/c", 0, DECIDED_NOTHING, NULL);
	assert_rule(TWO, "/bin/b", 7, DECIDED_DENY, "deny/b");
	assert_rule(TWO, "/bin/b", 8, DECIDED_ALERT, "default");
	assert_rule(10, "/bin/b", 7, DECIDED_NOTHING, NULL);
}

static void nothing_is_in_force_until_the_flip(void **state)
{
	(void)state;
	assert_rule(ONE, "/bin/a", 0, DECIDED_NOTHING, NULL);
	prepare_text("first", first);
	assert_int_equal(policy_generation, 0);
	assert_rule(ONE, "/bin/a", 0, DECIDED_NOTHING, NULL);
	assert_int_equal(tracking, TRACK_IMAGES);
	kernel_policy_flip(policy);
	assert_int_equal(policy_generation, 1);
	assert_first_in_force();
	assert_int_not_equal(host_mnt_ns, 0);
}

static void what_only_observes_is_not_in_the_tables(void **state)
{
	struct policy_set *set = load("observing", "observe", first);
	struct error error = {0};

	(void)state;
	assert_int_equal(prepare(set, &error), 0);
	kernel_policy_flip(policy);
	assert_rule(ONE, "/bin/c", 0, DECIDED_NOTHING, NULL);
	assert_int_equal(tracking, 0);
	assert_int_equal(kernel_policy_sorts(policy), 0);
	policy_set_free(set);
}

static void a_secret_that_is_gone_keeps_its_rules_for_one_policy(void **state)
{
	(void)state;
	prepare_text("first", first);
	kernel_policy_flip(policy);
	prepare_text("second", second);
	assert_first_in_force(); /* until the flip */
	kernel_policy_flip(policy);
	assert_int_equal(policy_generation, 2);
	assert_rule(ONE, "/bin/a", 0, DECIDED_DENY, "default");
	assert_rule(ONE, "/bin/c", 0, DECIDED_ALLOW, "allow/c");
	assert_rule(TWO, "/bin/b", 7, DECIDED_DENY, "deny/b");
	assert_rule(TWO, "/bin/b", 8, DECIDED_ALERT, "default");
	prepare_text("third", second);
	kernel_policy_flip(policy);
	assert_rule(ONE, "/bin/c", 0, DECIDED_ALLOW, "allow/c");
	assert_rule(TWO, "/bin/b", 7, DECIDED_NOTHING, NULL);
}

/* A secret that is only observed from now on is not one that is gone. */
static void a_secret_that_is_no_more_enforced_is_let_go_at_once(void **state)
{
	struct policy_set *set = load("observing", "observe", first);
	struct error error = {0};

	(void)state;
	prepare_text("first", first);
	kernel_policy_flip(policy);
	assert_int_equal(prepare(set, &error), 0);
	kernel_policy_flip(policy);
	assert_rule(ONE, "/bin/a", 0, DECIDED_NOTHING, NULL);
	assert_rule(TWO, "/bin/b", 7, DECIDED_NOTHING, NULL);
	policy_set_free(set);
}

static void rolls_back_to_what_was(void **state)
{
	const struct decided by_c = {.action = DECIDED_ALLOW, .rule = 0};
	struct verdict verdict;

	(void)state;
	prepare_text("first", first);
	kernel_policy_flip(policy);
	prepare_text("second", second);
	kernel_policy_flip(policy);
	kernel_policy_roll_back(policy);
	assert_int_equal(policy_generation, 3);
	assert_first_in_force();
	/* What was decided in between can be told, and what was before too. */
	assert_true(kernel_policy_explain(policy, 2, ONE, &by_c, &verdict));
	assert_string_equal(verdict.rule, "allow/c");
	assert_string_equal(verdict.policy, "second");
	assert_true(kernel_policy_explain(policy, 1, ONE, &by_c, &verdict));
	assert_string_equal(verdict.rule, "allow/a");
	prepare_text("second", second);
	assert_false(kernel_policy_explain(policy, 2, ONE, &by_c, &verdict)); /* its bank is another's now */
	assert_null(verdict.rule);
	kernel_policy_flip(policy);
	assert_rule(TWO, "/bin/b", 7, DECIDED_DENY, "deny/b");
	assert_true(kernel_policy_explain(policy, 4, ONE, &by_c, &verdict));
	assert_false(kernel_policy_explain(policy, 2, ONE, &by_c, &verdict));
	assert_false(kernel_policy_explain(policy, 0, ONE, &by_c, &verdict));
}

/* Whichever entry the kernel's table does not take: the policy in force is not touched, and the next one can be. */
static void stays_as_it_was_when_the_table_fails(void **state)
{
	const struct image_file file = {.file = {.ino = 1, .dev = 2}}, other = {.file = {.ino = 2, .dev = 2}};
	struct policy_set *set = load("second", "enforce", second);
	size_t failures = 0;
	int r = -1;

	(void)state;
	prepare_text("first", first);
	kernel_policy_flip(policy);
	assert_int_equal(members_add_file(kernel_policy_members(policy), &file, 0, "/bin/a", true), 0);
	assert_int_equal(members_add_file(kernel_policy_members(policy), &other, 0, "/bin/c", true), 0);
	assert_int_equal(members_add_cgroup(kernel_policy_members(policy), 3, "/x", NULL, NULL), 0);
	for (size_t call = 1; r < 0; call++) {
		struct error error = {0};

		assert_true(call < 20);
		fake_maps[MAP].failure = -ENOMEM;
		fake_maps[MAP].calls_until_failure = call;
		r = prepare(set, &error);
		fake_maps[MAP].calls_until_failure = 0;
		if (r == 0)
			break;
		failures++;
		assert_int_equal(r, -ENOMEM);
		assert_string_not_equal(error.text, "");
		assert_int_equal(policy_generation, 1);
		assert_first_in_force();
		/* Who fell out of the table is told of again. */
		assert_int_equal(members_add_file(kernel_policy_members(policy), &file, 0, "/bin/a", true), 0);
		assert_int_equal(members_add_file(kernel_policy_members(policy), &other, 0, "/bin/c", true), 0);
		assert_int_equal(members_add_cgroup(kernel_policy_members(policy), 3, "/x", NULL, NULL), 0);
	}
	assert_true(failures >= 3);
	assert_first_in_force();
	kernel_policy_flip(policy);
	assert_rule(ONE, "/bin/c", 0, DECIDED_ALLOW, "allow/c");
	policy_set_free(set);
}

/* A bank that is filled anew takes nothing for known that was said under its former classes. */
static void a_bank_has_a_new_epoch_whenever_it_is_filled(void **state)
{
	uint32_t seen[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		prepare_text("first", first);
		seen[i] = epochs[(policy_generation + 1) & 1];
		kernel_policy_flip(policy);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(seen[i], seen[j]);
		assert_int_not_equal(seen[i], 0);
	}
}

static void until_it_is_said_what_is_followed_nothing_is_taken_for_granted(void **state)
{
	uint64_t *bits = unfollowed[1];

	(void)state;
	prepare_text("first", "  - name: one\n    class: t\n    paths: [/s]\n    default: deny\n    allow:\n"
			      "    - {name: a, exe: [/bin/a, /opt/**]}\n    - {name: b, exe: [/bin/b]}\n"
			      "    - {name: c, ancestor: [/opt/**]}\n    - {name: d, sha256: ["
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef]}\n");
	assert_int_equal(bits[0], UINT64_MAX);
	assert_int_equal(bits[CLASS_WORDS - 1], UINT64_MAX);
	kernel_policy_follow_all(policy);
	assert_int_equal(bits[0], 1 << 4); /* any file may have a hash */
	kernel_policy_follow_not(policy, "/opt/**");
	assert_int_equal(bits[0], 1 << 4 | 1 << 1 | 1 << 3);
	kernel_policy_flip(policy);
	kernel_policy_follow_none(policy);
	assert_int_equal(bits[0], UINT64_MAX);
	assert_int_equal(unfollowed[0][0], UINT64_MAX);
}

static char *many_rules(size_t secrets, size_t each, bool same)
{
	size_t size = secrets * each * 64 + secrets * 128, used = 0;
	char *text = malloc(size);

	assert_non_null(text);
	for (size_t i = 0; i < secrets; i++) {
		used += (size_t)snprintf(
			text + used, size - used,
			"  - name: s%zu\n    class: t\n    paths: [/s/%zu]\n    default: deny\n    allow:\n", i, i);
		for (size_t j = 0; j < each; j++)
			used += (size_t)snprintf(text + used, size - used, "    - {name: r%zu, exe: [/bin/%zu]}\n", j,
						 same ? j : i * each + j);
	}
	return text;
}

static void assert_refused(const char *secrets, int line)
{
	struct policy_set *set = load("many", "enforce", secrets);
	uint32_t numbers[VERDICT_SECRETS_MAX];
	struct error error = {0};

	for (size_t i = 0; i < policy_set_secret_count(set); i++)
		numbers[i] = (uint32_t)i + 1;
	assert_int_equal(kernel_policy_prepare(policy, set, numbers, &error), -E2BIG);
	assert_string_equal(error.file, "test.yaml");
	assert_int_equal(error.line, line);
	assert_string_not_equal(error.text, "");
	assert_int_equal(policy_generation, 1);
	assert_first_in_force();
	policy_set_free(set);
}

static void refuses_more_rules_than_it_has_room_for(void **state)
{
	char *text;

	(void)state;
	prepare_text("first", first);
	kernel_policy_flip(policy);
	text = many_rules(1, VERDICT_RULES_EACH + 1, true);
	assert_refused(text, 7);
	free(text);
	text = many_rules(65, VERDICT_RULES_EACH, true); /* one secret too many: two of the first policy are gone */
	assert_refused(text, 6 + 64 * (5 + VERDICT_RULES_EACH) + 6);
	free(text);
	text = many_rules(8, VERDICT_RULES_EACH, false); /* 512 programs: one more than there are classes */
	assert_refused(text, 6 + 8 * (5 + VERDICT_RULES_EACH));
	free(text);
	text = many_rules(1, VERDICT_RULES_EACH, true);
	prepare_text("many", text);
	free(text);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_in_force_until_the_flip),
		TEST(what_only_observes_is_not_in_the_tables),
		TEST(a_secret_that_is_gone_keeps_its_rules_for_one_policy),
		TEST(a_secret_that_is_no_more_enforced_is_let_go_at_once),
		TEST(rolls_back_to_what_was),
		TEST(stays_as_it_was_when_the_table_fails),
		TEST(a_bank_has_a_new_epoch_whenever_it_is_filled),
		TEST(until_it_is_said_what_is_followed_nothing_is_taken_for_granted),
		TEST(refuses_more_rules_than_it_has_room_for),
	};

	return cmocka_run_group_tests_name("kernel_policy", tests, NULL, NULL);
}

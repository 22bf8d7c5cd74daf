/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict when not everything is known: it stands if it would be the same either way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../userspace/enforce/judgement.h"
#include "../../userspace/policy/policy.h"

#define ALL (FACT_EXE | FACT_CGROUP | FACT_SHA256 | FACT_ANCESTORS | FACT_SCRIPT)

static const char *const cat[] = {"/usr/bin/cat"};
static const char *const hashes[] = {"aa"};
static const char *const units[] = {"web.service"};
static const char *const shells[] = {"/usr/bin/bash"};
static const char *const scripts[] = {"/opt/backup.py"};
static const uint32_t root[] = {0};

#define STRINGS(array)                      \
	{                                   \
		.values = array, .count = 1 \
	}

static const struct rule by_exe = {.title = "by-exe", .exe = STRINGS(cat)};
static const struct rule by_hash = {.title = "by-hash", .exe = STRINGS(cat), .sha256 = STRINGS(hashes)};
static const struct rule by_unit = {.title = "by-unit", .unit = STRINGS(units)};
static const struct rule by_ancestor = {.title = "by-ancestor", .ancestor = STRINGS(shells)};
static const struct rule by_script = {.title = "by-script", .script = STRINGS(scripts)};
static const struct rule by_root = {.title = "by-root", .uid = {.values = root, .count = 1}};
static const struct rule root_by_hash = {
	.title = "root-by-hash", .uid = {.values = root, .count = 1}, .sha256 = STRINGS(hashes)};

struct row {
	const char *name;
	const struct rule *deny, *allow;
	enum verdict_action default_action;
	enum policy_on_error on_error;
	uint32_t unknown;
	uint32_t uid;
	enum verdict_action action;
	const char *rule;
	uint32_t undecided;
};

static const struct row rows[] = {
	{"a_known_program_is_allowed", NULL, &by_exe, VERDICT_DENY, POLICY_ON_ERROR_DENY, 0, 1, VERDICT_ALLOW, "by-exe",
	 0},
	{"what_no_rule_asks_for_may_be_unknown", NULL, &by_exe, VERDICT_DENY, POLICY_ON_ERROR_ALLOW, ALL & ~FACT_EXE, 1,
	 VERDICT_ALLOW, "by-exe", 0},
	{"an_unknown_hash_that_decides_is_on_error_allow", NULL, &by_hash, VERDICT_DENY, POLICY_ON_ERROR_ALLOW,
	 FACT_SHA256, 1, VERDICT_ALLOW, "onError", FACT_SHA256},
	{"an_unknown_hash_that_decides_is_on_error_deny", NULL, &by_hash, VERDICT_DENY, POLICY_ON_ERROR_DENY,
	 FACT_SHA256, 1, VERDICT_DENY, "onError", FACT_SHA256},
	{"an_unknown_hash_of_another_user_decides_nothing", NULL, &root_by_hash, VERDICT_DENY, POLICY_ON_ERROR_ALLOW,
	 FACT_SHA256, 1, VERDICT_DENY, "default", 0},
	{"a_deny_rule_that_may_match_before_a_default_deny_is_a_deny", &by_hash, NULL, VERDICT_DENY,
	 POLICY_ON_ERROR_ALLOW, FACT_SHA256, 1, VERDICT_DENY, "default", 0},
	{"a_deny_rule_that_may_match_before_an_allow_rule_is_on_error", &by_hash, &by_exe, VERDICT_DENY,
	 POLICY_ON_ERROR_DENY, FACT_SHA256, 1, VERDICT_DENY, "onError", FACT_SHA256},
	{"a_deny_rule_that_matches_settles_it", &by_root, &by_hash, VERDICT_ALLOW, POLICY_ON_ERROR_ALLOW, FACT_SHA256,
	 0, VERDICT_DENY, "by-root", 0},
	{"a_unit_that_is_unknown_is_on_error", NULL, &by_unit, VERDICT_DENY, POLICY_ON_ERROR_ALLOW, FACT_CGROUP, 1,
	 VERDICT_ALLOW, "onError", FACT_CGROUP},
	{"an_ancestor_that_is_known_is_enough", NULL, &by_ancestor, VERDICT_DENY, POLICY_ON_ERROR_DENY, FACT_ANCESTORS,
	 1, VERDICT_ALLOW, "by-ancestor", 0},
	{"a_script_that_is_unknown_is_on_error", &by_script, NULL, VERDICT_ALLOW, POLICY_ON_ERROR_DENY, FACT_SCRIPT, 1,
	 VERDICT_DENY, "onError", FACT_SCRIPT},
	{"an_allow_rule_that_may_match_changes_no_default_of_allow", NULL, &by_script, VERDICT_ALLOW,
	 POLICY_ON_ERROR_DENY, FACT_SCRIPT, 1, VERDICT_ALLOW, "default", 0},
	{"an_allow_rule_that_may_match_changes_no_default_of_alert", NULL, &by_script, VERDICT_ALERT,
	 POLICY_ON_ERROR_DENY, FACT_SCRIPT, 1, VERDICT_ALERT, "default", 0},
};

static void judges(void **state)
{
	const struct row *row = *state;
	struct policy_secret secret = {
		.name = "s",
		.default_action = row->default_action,
		.on_error = row->on_error,
		.deny = {.rules = row->deny, .count = row->deny != NULL},
		.allow = {.rules = row->allow, .count = row->allow != NULL},
	};
	struct access access = {
		.kind = ACCESS_OPEN,
		.process = {.exe = "/usr/bin/cat",
			    .cgroup = "",
			    .cred = {.uid = row->uid, .gid = row->uid},
			    .ancestors = {{.pid = 2, .exe = "/usr/bin/bash"}},
			    .ancestors_count = 1},
	};
	struct judgement judgement;

	judgement_make(&secret, &access, row->unknown, &judgement);
	assert_int_equal(judgement.action, row->action);
	assert_string_equal(judgement.rule, row->rule);
	assert_int_equal(judgement.undecided, row->undecided);
	assert_int_equal(judgement.is_error, row->undecided != 0);
}

/* With all known it is what policy_decide() says: the deny rules, the allow rules, the default, in that order. */
static void says_what_policy_decide_says_when_all_is_known(void **state)
{
	const struct rule allow[] = {by_hash, by_unit, by_root};
	struct policy_secret secret = {.default_action = VERDICT_ALERT, .allow = {.rules = allow, .count = 3}};
	struct access access = {.kind = ACCESS_OPEN,
				.process = {.exe = "/usr/bin/cat", .cgroup = "/", .exe_sha256 = "bb"}};
	struct judgement judgement;

	(void)state;
	judgement_make(&secret, &access, 0, &judgement);
	assert_string_equal(judgement.rule, "by-root");
	access.process.exe_sha256 = "aa";
	judgement_make(&secret, &access, 0, &judgement);
	assert_string_equal(judgement.rule, "by-hash");
	access.process.exe_sha256 = NULL;
	access.process.cred.uid = 7;
	judgement_make(&secret, &access, 0, &judgement);
	assert_int_equal(judgement.action, VERDICT_ALERT);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0]) + 1];
	size_t count = 0;

	for (; count < sizeof(rows) / sizeof(rows[0]); count++)
		tests[count] = (struct CMUnitTest){.name = rows[count].name,
						   .test_func = judges,
						   .initial_state = (void *)(uintptr_t)&rows[count]};
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(says_what_policy_decide_says_when_all_is_known);
	return _cmocka_run_group_tests("judgement", tests, count, NULL, NULL);
}

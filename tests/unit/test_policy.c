/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "policy/policy.h"
#include "policy/policy_file.h"

#define HEAD "apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: test}\nspec:\n  secrets:\n"
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID   "4f5d6a7b8c9d0e1f2a3b4c5d6e7f80910a1b2c3d4e5f60718293a4b5c6d7e8f9"

static const char text[] =
	HEAD "  - name: ordered\n"
	     "    class: test\n"
	     "    paths: [/s/ordered]\n"
	     "    allow:\n"
	     "    - {name: first, exe: [/usr/bin/*]}\n"
	     "    - {name: second, exe: [/usr/bin/cat]}\n"
	     "    deny:\n"
	     "    - {name: python, exe: [/usr/bin/python3*]}\n"
	     "  - {name: denied, class: test, paths: [/s/denied], default: deny}\n"
	     "  - {name: plain, class: test, paths: [/s/plain, ~/plain], exclude: [/s/plain/*.pub]}\n"
	     "  - name: all\n"
	     "    class: test\n"
	     "    paths: [/s/all]\n"
	     "    allow:\n"
	     "    - {name: hash, sha256: [" HASH "]}\n"
	     "    - {name: uid, uid: [7, 8]}\n"
	     "    - {name: user, user: [ann]}\n"
	     "    - {name: gid, gid: [9]}\n"
	     "    - {name: unit, unit: ['getty@*.service']}\n"
	     "    - {name: cgroup, cgroup: [/app.slice/**]}\n"
	     "    - {name: container, container: [" ID "]}\n"
	     "    - {name: ancestor, ancestor: [/usr/sbin/cron]}\n"
	     "    - {name: kinds, kinds: [ptrace, map]}\n"
	     "    - {name: both, exe: [/usr/bin/app], uid: [0]}\n"
	     "  - name: host-only\n"
	     "    class: test\n"
	     "    paths: [/s/host]\n"
	     "    allow: [{name: host, container: [none]}]\n"
	     "    deny: [{name: any-container, container: ['*']}]\n"
	     "  - name: only-none\n"
	     "    class: test\n"
	     "    paths: [/s/none]\n"
	     "    allow: [{name: host, container: [none]}]\n";

static struct policy_set *set;

static int load(void **state)
{
	struct error error = {.line = 0};

	(void)state;
	if (policy_set_load_text("test.yaml", text, sizeof(text) - 1, &POLICY_LIMITS_DEFAULT, &set, &error) < 0) {
		print_error("%d: %s\n", error.line, error.text);
		return -1;
	}
	return 0;
}

static int unload(void **state)
{
	(void)state;
	policy_set_free(set);
	return 0;
}

static struct access anybody(void)
{
	return (struct access){.kind = ACCESS_OPEN,
			       .process = {.exe = "/opt/x", .cred = {.uid = 1000, .gid = 1000}, .cgroup = ""}};
}

static size_t secret_number(const char *name)
{
	for (size_t i = 0; i < policy_set_secret_count(set); i++)
		if (strcmp(policy_set_secret(set, i)->name, name) == 0)
			return i;
	fail_msg("no secret %s", name);
	return 0;
}

static void assert_verdict(const char *secret, const struct access *access, enum verdict_action action,
			   const char *rule)
{
	struct verdict verdict = {.is_enforced = true};

	policy_decide(set, secret_number(secret), access, &verdict);
	assert_string_equal(verdict.rule, rule);
	assert_int_equal(verdict.action, action);
	assert_string_equal(verdict.policy, "test");
	assert_int_equal(verdict.tier, TIER_OBSERVE);
	assert_false(verdict.is_enforced);
}

static void deny_comes_before_allow_and_default_last(void **state)
{
	struct access access = anybody();

	(void)state;
	assert_verdict("ordered", &access, VERDICT_ALERT, "default");
	access.process.exe = "/usr/bin/python3.11";
	assert_verdict("ordered", &access, VERDICT_DENY, "deny/python");
	access.process.exe = "/usr/bin/cat";
	assert_verdict("ordered", &access, VERDICT_ALLOW, "allow/first");
}

static void default_is_what_the_secret_says_and_else_alert(void **state)
{
	struct access access = anybody();

	(void)state;
	assert_verdict("denied", &access, VERDICT_DENY, "default");
	assert_verdict("plain", &access, VERDICT_ALERT, "default");
}

static void each_matcher_allows_what_it_names(void **state)
{
	static const struct access_process base = {.exe = "/opt/x", .cred = {.uid = 1, .gid = 1}, .cgroup = "/"};
	struct access access = {.kind = ACCESS_OPEN, .process = base};

	(void)state;
	assert_verdict("all", &access, VERDICT_ALERT, "default");
	access.process.exe_sha256 = HASH;
	assert_verdict("all", &access, VERDICT_ALLOW, "allow/hash");
	access.process = base;
	access.process.cred.uid = 8;
	assert_verdict("all", &access, VERDICT_ALLOW, "allow/uid");
	access.process = base;
	access.process.user = "ann";
	assert_verdict("all", &access, VERDICT_ALLOW, "allow/user");
	access.process = base;
	access.process.cred.gid = 9;
	assert_verdict("all", &access, VERDICT_ALLOW, "allow/gid");
	access.process = base;
	access.process.unit = "getty@tty1.service";
	assert_verdict("all", &access, VERDICT_ALLOW, "allow/unit");
	access.process = base;
	access.process.cgroup = "/app.slice/a/b";
	assert_verdict("all", &access, VERDICT_ALLOW, "allow/cgroup");
	access.process = base;
	access.process.container = ID;
	assert_verdict("all", &access, VERDICT_ALLOW, "allow/container");
	access.process = base;
	access.kind = ACCESS_MAP;
	assert_verdict("all", &access, VERDICT_ALLOW, "allow/kinds");
}

static void any_ancestor_will_do(void **state)
{
	struct access access = anybody();

	(void)state;
	access.process.ancestors[0].exe = "/usr/bin/bash";
	access.process.ancestors[1].exe = "/usr/sbin/cron";
	access.process.ancestors_count = 1;
	assert_verdict("all", &access, VERDICT_ALERT, "default");
	access.process.ancestors_count = 2;
	assert_verdict("all", &access, VERDICT_ALLOW, "allow/ancestor");
}

static void all_matchers_of_a_rule_must_hold(void **state)
{
	struct access access = anybody();

	(void)state;
	access.process.exe = "/usr/bin/app";
	assert_verdict("all", &access, VERDICT_ALERT, "default");
	access.process.cred.uid = 0;
	assert_verdict("all", &access, VERDICT_ALLOW, "allow/both");
}

static void what_is_unknown_matches_nothing(void **state)
{
	struct access access = anybody();

	(void)state;
	access.process.exe = "";
	access.process.cgroup = NULL;
	access.process.unit = "";
	access.process.ancestors_count = 1;
	access.process.ancestors[0].exe = "";
	assert_verdict("all", &access, VERDICT_ALERT, "default");
	assert_verdict("host-only", &access, VERDICT_ALERT, "default");
}

static void tells_the_host_from_containers(void **state)
{
	struct access access = anybody();

	(void)state;
	access.process.cgroup = "/system.slice/ssh.service";
	assert_verdict("host-only", &access, VERDICT_ALLOW, "allow/host");
	access.process.container = ID;
	assert_verdict("host-only", &access, VERDICT_DENY, "deny/any-container");
	/* A container that calls itself "none" is still one. */
	access.process.container = "none";
	assert_verdict("host-only", &access, VERDICT_DENY, "deny/any-container");
	assert_verdict("only-none", &access, VERDICT_ALERT, "default");
}

static void shows_secrets_as_written(void **state)
{
	const struct policy_secret *plain = policy_set_find(set, "plain");

	(void)state;
	assert_int_equal(policy_set_policy_count(set), 1);
	assert_int_equal(policy_set_secret_count(set), 6);
	assert_null(policy_set_secret(set, 6));
	assert_null(policy_set_find(set, "nobody"));
	assert_ptr_equal(plain, policy_set_secret(set, 2));
	assert_int_equal(plain->index, 2);
	assert_string_equal(plain->class_name, "test");
	assert_string_equal(plain->policy_name, "test");
	assert_int_equal(plain->default_action, VERDICT_ALERT);
	assert_int_equal(plain->patterns_count, 2);
	assert_string_equal(plain->patterns[0], "/s/plain");
	assert_string_equal(plain->patterns[1], "~/plain");
	assert_int_equal(plain->excludes_count, 1);
	assert_string_equal(plain->excludes[0], "/s/plain/*.pub");
	assert_false(plain->needs_sha256);
	assert_true(policy_set_find(set, "all")->needs_sha256);
	assert_null(policy_set_warning(set, policy_set_warning_count(set)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deny_comes_before_allow_and_default_last),
		cmocka_unit_test(default_is_what_the_secret_says_and_else_alert),
		cmocka_unit_test(each_matcher_allows_what_it_names),
		cmocka_unit_test(any_ancestor_will_do),
		cmocka_unit_test(all_matchers_of_a_rule_must_hold),
		cmocka_unit_test(what_is_unknown_matches_nothing),
		cmocka_unit_test(tells_the_host_from_containers),
		cmocka_unit_test(shows_secrets_as_written),
	};

	return cmocka_run_group_tests_name("policy", tests, load, unload);
}

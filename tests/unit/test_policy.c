/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/cleanup.h"
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

static const char enforcing_text[] =
	"apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: enforcing}\n"
	"spec:\n"
	"  mode: enforce\n  onUnsupported: observe\n  onError: deny\n  action: kill\n"
	"  secrets:\n"
	"  - {name: quiet, class: test, paths: [/e/quiet]}\n"
	"  - {name: denied, class: test, paths: [/e/denied], default: deny}\n"
	"  - name: guarded\n"
	"    class: test\n"
	"    paths: [/e/guarded]\n"
	"    allow: [{name: app, script: [/usr/bin/app*]}]\n"
	"    egress: {to: ['10.0.0.5:5432', '10.0.0.0/8', '[fd00::1]:443', fd00::/8, 127.0.0.1]}\n"
	"  - name: closed\n"
	"    class: test\n"
	"    paths: [/e/closed]\n"
	"    deny: [{name: shells, exe: [/usr/bin/*sh]}]\n"
	"    egress: {action: deny, to: [127.0.0.0/8]}\n";

static struct policy_set *set, *enforcing;

static int load(void **state)
{
	struct error error = {.line = 0};

	(void)state;
	if (policy_set_load_text("test.yaml", text, sizeof(text) - 1, &POLICY_LIMITS_DEFAULT, &set, &error) < 0 ||
	    policy_set_load_text("enforcing.yaml", enforcing_text, sizeof(enforcing_text) - 1, &POLICY_LIMITS_DEFAULT,
				 &enforcing, &error) < 0) {
		print_error("%d: %s\n", error.line, error.text);
		return -1;
	}
	return 0;
}

static int unload(void **state)
{
	(void)state;
	policy_set_free(set);
	policy_set_free(enforcing);
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
	assert_int_equal(verdict.would_deny, action == VERDICT_DENY);
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

static void a_script_matches_by_its_path_and_none_matches_nothing(void **state)
{
	struct access access = anybody();
	struct verdict verdict;

	(void)state;
	policy_decide(enforcing, 2, &access, &verdict);
	assert_string_equal(verdict.rule, "default");
	access.process.script = "/usr/bin/other";
	policy_decide(enforcing, 2, &access, &verdict);
	assert_string_equal(verdict.rule, "default");
	access.process.script = "/usr/bin/app.py";
	policy_decide(enforcing, 2, &access, &verdict);
	assert_string_equal(verdict.rule, "allow/app");
}

static void a_denial_that_is_only_observed_says_would_deny(void **state)
{
	_cleanup_(policy_set_freep) struct policy_set *observed = NULL;
	struct access access = anybody();
	struct verdict verdict = {.would_deny = true};

	(void)state;
	policy_decide(enforcing, 1, &access, &verdict);
	assert_int_equal(verdict.action, VERDICT_DENY);
	assert_false(verdict.would_deny);
	assert_int_equal(policy_set_load_text("p", enforcing_text, sizeof(enforcing_text) - 1, &POLICY_LIMITS_DEFAULT,
					      &observed, NULL),
			 0);
	policy_set_observe(observed, 1);
	policy_set_observe(observed, 1000);
	policy_decide(observed, 1, &access, &verdict);
	assert_int_equal(verdict.action, VERDICT_DENY);
	assert_true(verdict.would_deny);
	policy_decide(observed, 0, &access, &verdict);
	assert_false(verdict.would_deny);
	assert_int_equal(policy_set_secret(observed, 1)->mode, POLICY_MODE_OBSERVE);
	assert_int_equal(policy_set_secret(observed, 0)->mode, POLICY_MODE_ENFORCE);
}

static void every_secret_has_the_settings_of_its_policy(void **state)
{
	const struct policy_secret *plain = policy_set_find(set, "plain");

	(void)state;
	assert_int_equal(plain->mode, POLICY_MODE_OBSERVE);
	assert_int_equal(plain->on_unsupported, POLICY_UNSUPPORTED_REFUSE);
	assert_int_equal(plain->on_error, POLICY_ON_ERROR_ALLOW);
	assert_int_equal(plain->action, POLICY_ACTION_DENY);
	assert_int_equal(plain->mode_line, 5);
	for (size_t i = 0; i < policy_set_secret_count(enforcing); i++) {
		const struct policy_secret *secret = policy_set_secret(enforcing, i);

		assert_int_equal(secret->mode, POLICY_MODE_ENFORCE);
		assert_int_equal(secret->on_unsupported, POLICY_UNSUPPORTED_OBSERVE);
		assert_int_equal(secret->on_error, POLICY_ON_ERROR_DENY);
		assert_int_equal(secret->action, POLICY_ACTION_KILL);
		assert_int_equal(secret->mode_line, 5);
		assert_string_equal(secret->file, "enforcing.yaml");
	}
	assert_int_equal(policy_set_find(enforcing, "quiet")->line, 10);
	assert_int_equal(policy_set_find(enforcing, "closed")->deny.rules[0].line, 20);
}

static void knows_which_secrets_can_deny(void **state)
{
	(void)state;
	assert_false(policy_set_find(enforcing, "quiet")->can_deny);
	assert_true(policy_set_find(enforcing, "denied")->can_deny);
	assert_true(policy_set_find(enforcing, "guarded")->can_deny); /* onError: deny, and a rule to look up for */
	assert_true(policy_set_find(enforcing, "closed")->can_deny);
	assert_true(policy_set_find(set, "ordered")->can_deny);
	assert_false(policy_set_find(set, "all")->can_deny);
}

static void shows_egress_as_addresses(void **state)
{
	static const struct policy_destination expected[] = {
		{AF_INET, 32, 5432, {10, 0, 0, 5}},     {AF_INET, 8, 0, {10}},
		{AF_INET6, 128, 443, {0xfd, [15] = 1}}, {AF_INET6, 8, 0, {0xfd}},
		{AF_INET, 32, 0, {127, 0, 0, 1}},
	};
	const struct policy_egress *guarded = policy_set_find(enforcing, "guarded")->egress;

	(void)state;
	assert_null(policy_set_find(enforcing, "quiet")->egress);
	assert_int_equal(policy_set_find(enforcing, "closed")->egress->action, VERDICT_DENY);
	assert_int_equal(guarded->action, VERDICT_ALERT);
	assert_int_equal(guarded->to_count, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < guarded->to_count; i++) {
		assert_int_equal(guarded->to[i].family, expected[i].family);
		assert_int_equal(guarded->to[i].prefix, expected[i].prefix);
		assert_int_equal(guarded->to[i].port, expected[i].port);
		assert_memory_equal(guarded->to[i].address, expected[i].address, sizeof(expected[i].address));
	}
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
		cmocka_unit_test(a_script_matches_by_its_path_and_none_matches_nothing),
		cmocka_unit_test(a_denial_that_is_only_observed_says_would_deny),
		cmocka_unit_test(every_secret_has_the_settings_of_its_policy),
		cmocka_unit_test(knows_which_secrets_can_deny),
		cmocka_unit_test(shows_egress_as_addresses),
	};

	return cmocka_run_group_tests_name("policy", tests, load, unload);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/access.h"
#include "base/buffer.h"
#include "base/error.h"
#include "policy/policy.h"
#include "policy/policy_file.h"
#include "policy/rule_text.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char text[] =
	"apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: p}\nspec:\n  secrets:\n"
	"  - name: s\n    class: c\n    paths: [/s]\n    allow:\n"
	"    - name: all\n"
	"      kinds: [map, open]\n"
	"      uid: [7, 8]\n"
	"      gid: [9]\n"
	"      exe: [/usr/bin/a*, /usr/bin/b]\n"
	"      script: [/opt/x]\n"
	"      sha256: [" HASH "]\n"
	"      user: [ann]\n"
	"      unit: ['x@*.service']\n"
	"      container: [none]\n"
	"      cgroup: [/x.slice/**]\n"
	"      ancestor: [/usr/sbin/cron]\n"
	"    - {name: one, uid: [7]}\n";

static struct policy_set *set;
static const struct rule *all, *one;

static int load(void **state)
{
	struct error error = {0};

	(void)state;
	assert_int_equal(policy_set_load_text("p.yaml", text, sizeof(text) - 1, &POLICY_LIMITS_DEFAULT, &set, &error),
			 0);
	all = &policy_set_secret(set, 0)->allow.rules[0];
	one = &policy_set_secret(set, 0)->allow.rules[1];
	return 0;
}

static int unload(void **state)
{
	(void)state;
	policy_set_free(set);
	return 0;
}

static struct access matching(void)
{
	return (struct access){
		.kind = ACCESS_OPEN,
		.process = {.cred = {.uid = 8, .gid = 9},
			    .exe = "/usr/bin/abc",
			    .script = "/opt/x",
			    .exe_sha256 = HASH,
			    .user = "ann",
			    .unit = "x@1.service",
			    .cgroup = "/x.slice/y",
			    .ancestors = {{.pid = 2, .exe = "/usr/bin/sh"}, {.pid = 1, .exe = "/usr/sbin/cron"}},
			    .ancestors_count = 2},
	};
}

static void add_value(void *context, const char *value)
{
	buffer_printf(context, "%s;", value);
}

/* A matcher that stands alone, with what it wants and sees. */
static void lists_what_each_matcher_wants_and_sees(void **state)
{
	static const struct {
		const char *name, *wanted, *seen, *unknown;
	} rows[RULE_MATCHER_COUNT] = {
		[RULE_KINDS] = {"kinds", "open;map;", "open;", "open;"},
		[RULE_UID] = {"uid", "7;8;", "8;", "0;"},
		[RULE_GID] = {"gid", "9;", "9;", "0;"},
		[RULE_EXE] = {"exe", "/usr/bin/a*;/usr/bin/b;", "/usr/bin/abc;", ""},
		[RULE_SCRIPT] = {"script", "/opt/x;", "/opt/x;", ""},
		[RULE_SHA256] = {"sha256", HASH ";", HASH ";", ""},
		[RULE_USER] = {"user", "ann;", "ann;", ""},
		[RULE_UNIT] = {"unit", "x@*.service;", "x@1.service;", ""},
		[RULE_CONTAINER] = {"container", "none;", "none;", ""},
		[RULE_CGROUP] = {"cgroup", "/x.slice/**;", "/x.slice/y;", ""},
		[RULE_ANCESTOR] = {"ancestor", "/usr/sbin/cron;", "/usr/bin/sh;/usr/sbin/cron;", ""},
	};
	const struct access known = matching(), unknown = {.kind = ACCESS_OPEN, .process = {.exe = "", .cgroup = ""}};
	struct buffer out = BUFFER_INIT(4096);

	(void)state;
	for (int i = 0; i < RULE_MATCHER_COUNT; i++) {
		enum rule_matcher matcher = (enum rule_matcher)i;

		assert_string_equal(rule_matcher_name(matcher), rows[i].name);
		buffer_reset(&out);
		rule_each_value(all, matcher, add_value, &out);
		assert_string_equal(out.data, rows[i].wanted);
		buffer_reset(&out);
		rule_each_seen(matcher, &known, add_value, &out);
		assert_string_equal(out.data, rows[i].seen);
		buffer_reset(&out);
		buffer_append_string(&out, "");
		rule_each_seen(matcher, &unknown, add_value, &out);
		assert_string_equal(out.data, rows[i].unknown);
	}
	assert_string_equal(rule_matcher_name(RULE_MATCHER_COUNT), "unknown");
	buffer_release(&out);
}

static void holds_matcher_by_matcher(void **state)
{
	struct access access = matching(), others[RULE_MATCHER_COUNT];

	(void)state;
	assert_true(rule_matches(all, &access));
	for (int i = 0; i < RULE_MATCHER_COUNT; i++)
		others[i] = access;
	others[RULE_KINDS].kind = ACCESS_EXEC;
	others[RULE_UID].process.cred.uid = 9;
	others[RULE_GID].process.cred.gid = 8;
	others[RULE_EXE].process.exe = "/usr/bin/c";
	others[RULE_SCRIPT].process.script = NULL;
	others[RULE_SHA256].process.exe_sha256 = NULL;
	others[RULE_USER].process.user = "bob";
	others[RULE_UNIT].process.unit = "y.service";
	others[RULE_CONTAINER].process.container = "c";
	others[RULE_CGROUP].process.cgroup = "/y.slice/z";
	others[RULE_ANCESTOR].process.ancestors_count = 1;
	for (int wrong = 0; wrong < RULE_MATCHER_COUNT; wrong++) {
		assert_false(rule_matches(all, &others[wrong]));
		for (int i = 0; i < RULE_MATCHER_COUNT; i++)
			assert_int_equal(rule_holds(all, (enum rule_matcher)i, &others[wrong]), i != wrong);
	}
	assert_false(rule_holds(all, RULE_MATCHER_COUNT, &access));
}

static void knows_which_matchers_are_given(void **state)
{
	(void)state;
	for (int i = 0; i < RULE_MATCHER_COUNT; i++) {
		assert_true(rule_asks(all, (enum rule_matcher)i));
		assert_int_equal(rule_asks(one, (enum rule_matcher)i), i == RULE_UID);
	}
	assert_false(rule_asks(all, RULE_MATCHER_COUNT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_what_each_matcher_wants_and_sees),
		cmocka_unit_test(holds_matcher_by_matcher),
		cmocka_unit_test(knows_which_matchers_are_given),
	};
	return cmocka_run_group_tests(tests, load, unload);
}

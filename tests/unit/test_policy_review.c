/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "policy/policy.h"
#include "policy/policy_file.h"

/* Seven lines; rules start on line 9, behind "allow:" or "deny:". */
#define TOP                                                                                            \
	"apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: t}\nspec:\n  secrets:\n" \
	"  - name: s\n    class: c\n"
#define HEAD TOP "    paths: [/s]\n"
#define ID   "4f5d6a7b8c9d0e1f2a3b4c5d6e7f80910a1b2c3d4e5f60718293a4b5c6d7e8f9"

/* What one policy says: an error, or its only warning, or (without advice) nothing at all. */
struct verdict_on_text {
	const char *name;
	const char *text;
	bool is_error;
	int line;
	const char *advice;
};

static const struct verdict_on_text cases[] = {
	{"refuses_to_allow_and_deny_the_same",
	 HEAD
	 "    allow:\n    - {name: a, exe: [/b], uid: [1, 2]}\n    deny:\n    - {name: d, uid: [2, 1], exe: [/b]}\n",
	 true, 10,
	 "rule \"allow/a\" says the same as \"deny/d\" in line 12: one allows what the other denies; drop one"},
	{"refuses_to_allow_and_deny_the_same_kinds",
	 HEAD "    deny:\n    - {name: d, kinds: [open, map]}\n    allow:\n    - {name: a, kinds: [map, open]}\n", true,
	 12, "says the same as \"deny/d\" in line 10"},
	{"warns_of_an_allow_rule_in_the_shadow_of_a_deny_rule",
	 HEAD "    allow:\n    - {name: a, exe: [/usr/bin/bash], unit: [a.service]}\n    deny:\n"
	      "    - {name: d, exe: [/usr/bin/*sh]}\n",
	 false, 10,
	 "rule \"allow/a\" never allows anything: \"deny/d\" in line 12 comes first and matches all of it; narrow"},
	{"warns_when_the_shadow_is_every_kind",
	 HEAD
	 "    allow:\n    - {name: a, exe: [/b]}\n    deny:\n    - {name: d, kinds: [open, exec, map, receive, link, "
	 "ptrace, proc-mem, proc-environ]}\n",
	 false, 10, "never allows anything: \"deny/d\" in line 12"},
	{"is_quiet_where_the_deny_rule_is_narrower",
	 HEAD "    allow:\n    - {name: a, exe: [/opt/*]}\n    deny:\n    - {name: d, exe: [/opt/cat]}\n", false, 0,
	 NULL},
	{"is_quiet_where_the_deny_rule_is_about_other_kinds",
	 HEAD "    allow:\n    - {name: a, exe: [/b], kinds: [open]}\n    deny:\n    - {name: d, exe: [/b], kinds: "
	      "[link]}\n",
	 false, 0, NULL},
	{"warns_of_a_rule_given_twice",
	 HEAD "    allow:\n    - {name: a, exe: [/b], uid: [1]}\n    - {name: b, uid: [1], exe: [/b]}\n", false, 11,
	 "rule \"allow/b\" never decides: \"allow/a\" in line 10 comes first and matches all of it; drop it"},
	{"warns_of_a_rule_that_an_earlier_one_covers",
	 HEAD "    deny:\n    - {name: a, exe: [/usr/**]}\n    - {name: b, exe: [/usr/bin/a, /usr/lib/*/b]}\n", false,
	 11, "\"deny/a\" in line 10"},
	{"warns_of_a_covered_container",
	 HEAD "    allow:\n    - {name: a, container: ['*']}\n    - {name: b, container: [" ID "]}\n", false, 11,
	 "allow/a"},
	{"no_container_is_covered_by_no_id",
	 HEAD "    allow:\n    - {name: a, container: ['*']}\n    - {name: b, container: [none]}\n", false, 0, NULL},
	{"warns_of_a_covered_unit",
	 HEAD "    allow:\n    - {name: a, unit: ['a*.service']}\n    - {name: b, unit: [ab.service]}\n", false, 11,
	 "allow/a"},
	{"warns_of_a_covered_script",
	 HEAD "    allow:\n    - {name: a, script: [/opt/**]}\n    - {name: b, script: [/opt/a.py], user: [ann]}\n",
	 false, 11, "allow/a"},
	{"a_rule_with_a_hash_does_not_cover_one_without",
	 HEAD "    allow:\n    - {name: a, exe: [/b], sha256: [" ID "]}\n    - {name: b, exe: [/b]}\n", false, 0, NULL},
	{"a_wider_rule_may_follow_a_narrow_one",
	 HEAD "    allow:\n    - {name: a, exe: [/b], uid: [1]}\n    - {name: b, exe: [/b]}\n", false, 0, NULL},
	{"warns_of_a_unit_without_processes", HEAD "    allow:\n    - {name: a, unit: [backup.timer]}\n", false, 10,
	 "rule \"allow/a\": unit \"backup.timer\" never matches, no process is in a .timer; name the .service"},
	{"warns_of_a_slice_as_a_unit", HEAD "    deny:\n    - {name: a, unit: ['user-*.slice']}\n", false, 10,
	 "write its path under \"cgroup\""},
	{"warns_of_every_container_and_none", HEAD "    deny:\n    - {name: a, container: [none, '*']}\n", false, 10,
	 "names every container and also none, which is everybody"},
	{"is_quiet_about_one_container_or_the_host", HEAD "    allow:\n    - {name: a, container: [none, " ID "]}\n",
	 false, 0, NULL},
	{"is_quiet_about_a_script_that_narrows_an_interpreter",
	 HEAD "    allow:\n    - {name: a, exe: [/usr/bin/python3], script: [/opt/a.py]}\n", false, 0, NULL},
	{"warns_of_an_interpreter_without_a_script", HEAD "    allow:\n    - {name: a, exe: [/usr/bin/python3]}\n",
	 false, 10, "or add \"script\", \"unit\""},
	{"refuses_a_path_that_is_excluded", TOP "    paths:\n    - /a/b\n    - /s/*\n    exclude: [/s/**]\n", true, 10,
	 "path \"/s/*\" names no file: \"/s/**\" under \"exclude\" takes away all of it; drop one of them"},
	{"refuses_a_path_at_home_that_is_excluded", TOP "    paths: [~/.ssh/id]\n    exclude: [~/.ssh/*]\n", true, 8,
	 "drop one of them"},
	{"is_quiet_about_an_exclude_elsewhere", TOP "    paths: [~/.ssh/*]\n    exclude: [/.ssh/*, ~/.ssh/*.pub]\n",
	 false, 0, NULL},
	{"warns_of_a_destination_given_twice",
	 HEAD "    egress:\n      to:\n      - 10.0.0.0/8\n      - 192.168.0.1\n      - 10.1.2.3:443\n", false, 13,
	 "destination \"10.1.2.3:443\" is in \"10.0.0.0/8\" already; drop it"},
};

static int load(const char *text, struct policy_set **set, struct error *error)
{
	return policy_set_load_text("p.yaml", text, strlen(text), &POLICY_LIMITS_DEFAULT, set, error);
}

static void says_what_is_wrong(void **state)
{
	const struct verdict_on_text *expected = *state;
	_cleanup_(policy_set_freep) struct policy_set *set = NULL;
	struct error error = {.line = 0};
	const struct error *said = &error;
	int r = load(expected->text, &set, &error);

	if (r < 0 && !expected->is_error)
		fail_msg("%d: %s", error.line, error.text);
	assert_int_equal(r, expected->is_error ? -EINVAL : 0);
	if (!expected->is_error) {
		for (size_t i = expected->advice ? 1 : 0; i < policy_set_warning_count(set); i++)
			fail_msg("also said: %s", policy_set_warning(set, i)->text);
		if (!expected->advice)
			return;
		said = policy_set_warning(set, 0);
		assert_non_null(said);
	}
	if (!strstr(said->text, expected->advice))
		fail_msg("'%s' does not say '%s'", said->text, expected->advice);
	assert_string_equal(said->file, "p.yaml");
	assert_int_equal(said->line, expected->line);
}

/* 256 rules of 1,024 programs each, none in another: an end has to come, and what was left out has to be said. */
static void compares_only_so_much_and_says_so(void **state)
{
	_cleanup_(buffer_release) struct buffer text = BUFFER_INIT(POLICY_FILE_SIZE_MAX);
	_cleanup_(policy_set_freep) struct policy_set *set = NULL;
	struct error error = {.line = 0};
	size_t count;

	(void)state;
	buffer_append_string(&text, HEAD "    allow:\n");
	for (int rule = 0; rule < 100; rule++) {
		buffer_printf(&text, "    - {name: r%d, exe: [/%d", rule, rule);
		for (int i = 0; i < 1000; i++)
			buffer_printf(&text, ",/%d/%d", rule, i);
		buffer_append_string(&text, "]}\n");
	}
	assert_false(text.failed);
	if (load(text.data, &set, &error) < 0)
		fail_msg("%d: %s", error.line, error.text);
	count = policy_set_warning_count(set);
	assert_int_equal(count, 1);
	assert_non_null(strstr(policy_set_warning(set, 0)->text, "hold too many values to compare all of them"));
}

int main(void)
{
	enum { COUNT = sizeof(cases) / sizeof(*cases) };
	struct CMUnitTest tests[COUNT + 1];

	for (size_t i = 0; i < COUNT; i++)
		tests[i] = (struct CMUnitTest){.name = cases[i].name,
					       .test_func = says_what_is_wrong,
					       .initial_state = (void *)(uintptr_t)&cases[i]};
	tests[COUNT] = (struct CMUnitTest)cmocka_unit_test(compares_only_so_much_and_says_so);
	return cmocka_run_group_tests_name("policy_review", tests, NULL, NULL);
}

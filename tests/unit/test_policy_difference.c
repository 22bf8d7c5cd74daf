/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/error.h"
#include "policy/policy.h"
#include "policy/policy_file.h"
#include "rollout/policy_difference.h"

#define HEAD(name, settings)                                                                               \
	"apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: " name "}\nspec:\n" settings \
	"  secrets:\n"

static struct policy_set *load(const char *text)
{
	struct policy_set *set = NULL;
	struct error error = {0};

	if (policy_set_load_text("p.yaml", text, strlen(text), &POLICY_LIMITS_DEFAULT, &set, &error) < 0)
		print_error("%d: %s\n", error.line, error.text);
	assert_non_null(set);
	return set;
}

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

static void add_line(void *context, const struct difference *difference)
{
	assert_true(!difference->policy != !difference->secret); /* about one of them */
	buffer_printf(context, "%c%s|%s|%s|%s>%s\n", "-+~"[difference->sign],
		      difference -> secret ? difference -> secret : difference -> policy, or_dash(difference->rule),
		      or_dash(difference->field), or_dash(difference->before), or_dash(difference->after));
}

static void expect(const char *before_text, const char *after_text, const char *expected)
{
	struct policy_set *before = load(before_text), *after = load(after_text);
	struct buffer out = BUFFER_INIT(65536);
	int lines = 0, count;

	buffer_append_string(&out, "");
	count = policy_difference_each(before, after, add_line, &out);
	assert_string_equal(out.data, expected);
	for (const char *at = expected; *at; at++)
		lines += *at == '\n';
	assert_int_equal(count, lines);
	buffer_release(&out);
	policy_set_free(before);
	policy_set_free(after);
}

static const char full[] = HEAD("p", "  mode: observe\n") //
	"  - {name: first, class: c, paths: [/a, /b], exclude: [/b/x]}\n"
	"  - name: second\n    class: c\n    paths: [/c]\n"
	"    allow:\n"
	"    - {name: one, exe: [/usr/bin/x, /usr/bin/y], uid: [1, 2]}\n"
	"    - {name: two, kinds: [open, map], container: [none]}\n"
	"    deny:\n"
	"    - {name: not, user: [ann]}\n"
	"    egress: {to: ['10.0.0.5:5432', '10.0.0.0/8']}\n";

static void says_nothing_of_what_means_the_same(void **state)
{
	static const char other[] = HEAD("p", "  onError: allow\n  onUnsupported: refuse\n") //
		"  # another order, other quotes, defaults written out, values twice\n"
		"  - name: second\n    class: 'c'\n    paths: [\"/c\", /c]\n"
		"    default: alert\n"
		"    egress: {action: alert, to: ['10.0.0.0/8', '10.0.0.5:5432']}\n"
		"    deny: [{user: [ann], name: not}]\n"
		"    allow:\n"
		"    - {name: two, container: [none], kinds: [map, open]}\n"
		"    - {name: one, uid: [2, 1], exe: [/usr/bin/y, /usr/bin/x]}\n"
		"  - {name: first, class: c, paths: [/b, /a], exclude: [/b/x]}\n";

	(void)state;
	expect(full, full, "");
	expect(full, other, "");
	expect(other, full, "");
}

static void tells_of_each_thing_that_differs(void **state)
{
	static const char other[] =
		HEAD("p", "  mode: enforce\n  onUnsupported: observe\n  onError: deny\n  action: kill\n") //
		"  - name: second\n    class: d\n    paths: [/c, /d]\n    exclude: [/e]\n"
		"    default: deny\n"
		"    allow:\n"
		"    - {name: one, exe: [/usr/bin/x, /usr/bin/z], gid: [7]}\n"
		"    - {name: three, user: [bob]}\n"
		"    - {name: two, kinds: [open]}\n"
		"    egress: {action: deny, to: ['10.0.0.5:5432', '[fd00::1]:443', fd00::/8]}\n"
		"  - {name: third, class: c, paths: [/x]}\n";

	(void)state;
	expect(full, other,
	       "~p|-|mode|observe>enforce\n"
	       "~p|-|onUnsupported|refuse>observe\n"
	       "~p|-|onError|allow>deny\n"
	       "~p|-|action|deny>kill\n"
	       "-first|-|-|->-\n"
	       "~second|-|class|c>d\n"
	       "+second|-|paths|->/d\n"
	       "+second|-|exclude|->/e\n"
	       "~second|-|default|alert>deny\n"
	       "-second|deny/not|-|->-\n"
	       "~second|allow/one|uid|1, 2>any\n"
	       "~second|allow/one|gid|any>7\n"
	       "-second|allow/one|exe|/usr/bin/y>-\n"
	       "+second|allow/one|exe|->/usr/bin/z\n"
	       "-second|allow/two|kinds|map>-\n"
	       "~second|allow/two|container|none>any\n"
	       "+second|allow/three|-|->-\n"
	       "~second|-|egress.action|alert>deny\n"
	       "-second|-|egress.to|10.0.0.0/8>-\n"
	       "+second|-|egress.to|->[fd00::1]:443\n"
	       "+second|-|egress.to|->fd00::/8\n"
	       "+third|-|-|->-\n");
}

static void tells_of_a_secret_that_moved_to_another_policy(void **state)
{
	(void)state;
	expect(HEAD("p", "") "  - {name: first, class: c, paths: [/a]}\n",
	       HEAD("q", "  mode: enforce\n  onUnsupported: observe\n") "  - {name: first, class: c, paths: [/a]}\n",
	       "-p|-|-|->-\n"
	       "+q|-|-|->-\n"
	       "~first|-|policy|p>q\n"
	       "~first|-|mode|observe>enforce\n"
	       "~first|-|onUnsupported|refuse>observe\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_nothing_of_what_means_the_same),
		cmocka_unit_test(tells_of_each_thing_that_differs),
		cmocka_unit_test(tells_of_a_secret_that_moved_to_another_policy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

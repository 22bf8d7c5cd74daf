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
#include "rollout/explanation.h"

#define HEAD(settings)                                                                                             \
	"apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: p}\nspec:\n" settings "  secrets:\n" \
	"  - name: db\n    class: c\n    paths: [/s]\n    default: deny\n"                                         \
	"    allow: [{name: app, exe: [/usr/bin/app], uid: [7]}]\n"                                                \
	"    deny: [{name: shells, exe: [/usr/bin/*sh]}]\n"

static char *explain(const char *policy, const struct access *access, enum tier tier)
{
	struct buffer out = BUFFER_INIT(65536);
	struct policy_set *set = NULL;
	struct error error = {0};

	assert_int_equal(policy_set_load_text("p.yaml", policy, strlen(policy), &POLICY_LIMITS_DEFAULT, &set, &error),
			 0);
	explanation_append(&out, set, 0, access, tier);
	assert_false(out.failed);
	policy_set_free(set);
	return out.data;
}

static void expect(const char *policy, const struct access *access, enum tier tier, const char *part)
{
	char *out = explain(policy, access, tier);

	if (!strstr(out, part))
		print_error("%s\nis not in\n%s\n", part, out);
	assert_non_null(strstr(out, part));
	free(out);
}

static const struct access app = {.kind = ACCESS_OPEN, .process = {.exe = "/usr/bin/app", .cred = {.uid = 7}}};
static const struct access cat = {.kind = ACCESS_MAP, .process = {.exe = "/usr/bin/c\n\"\xff", .cred = {.uid = 7}}};

static void shows_each_rule_and_each_matcher(void **state)
{
	char *out = explain(HEAD(""), &app, TIER_OBSERVE);

	(void)state;
	assert_string_equal(
		out,
		"{\"explanation\":{\"secret\":\"db\",\"class\":\"c\",\"file\":\"p.yaml\",\"line\":6,\"kind\":\"open\","
		"\"mode\":\"observe\",\"default\":\"deny\","
		"\"verdict\":{\"action\":\"allow\",\"rule\":\"allow/app\",\"policy\":\"p\",\"tier\":\"observe\","
		"\"enforced\":false,\"would_deny\":false},\"rules\":["
		"{\"rule\":\"deny/shells\",\"line\":11,\"matches\":false,\"decides\":false,\"matchers\":["
		"{\"name\":\"exe\",\"holds\":false,\"seen\":[\"/usr/bin/app\"],\"wanted\":[\"/usr/bin/*sh\"]}]},"
		"{\"rule\":\"allow/app\",\"line\":10,\"matches\":true,\"decides\":true,\"matchers\":["
		"{\"name\":\"uid\",\"holds\":true,\"seen\":[\"7\"],\"wanted\":[\"7\"]},"
		"{\"name\":\"exe\",\"holds\":true,\"seen\":[\"/usr/bin/app\"],\"wanted\":[\"/usr/bin/app\"]}]}]}}");
	free(out);
}

static void says_whether_it_would_be_carried_out(void **state)
{
	static const char observe[] = HEAD(""), enforce[] = HEAD("  mode: enforce\n"),
			  kills[] = HEAD("  mode: enforce\n  action: kill\n");

	(void)state;
	expect(observe, &cat, TIER_LSM, "\"tier\":\"lsm\",\"enforced\":false,\"would_deny\":true}");
	expect(enforce, &cat, TIER_OBSERVE, "\"tier\":\"observe\",\"enforced\":false,\"would_deny\":false}");
	expect(enforce, &cat, TIER_LSM, "\"tier\":\"lsm\",\"enforced\":true,\"would_deny\":false}");
	expect(enforce, &cat, TIER_FANOTIFY, "\"tier\":\"fanotify\",\"enforced\":true,\"would_deny\":false}");
	expect(enforce, &cat, TIER_KILL, "\"tier\":\"kill\",\"enforced\":false,\"would_deny\":false}");
	expect(kills, &cat, TIER_KILL, "\"tier\":\"kill\",\"enforced\":true,\"would_deny\":false}");
	expect(kills, &app, TIER_KILL,
	       "\"action\":\"allow\",\"rule\":\"allow/app\",\"policy\":\"p\",\"tier\":\"kill\","
	       "\"enforced\":false,");
	expect(enforce, &cat, TIER_LSM, "\"seen\":[\"/usr/bin/c\\n\\\"\xef\xbf\xbd\"]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_each_rule_and_each_matcher),
		cmocka_unit_test(says_whether_it_would_be_carried_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

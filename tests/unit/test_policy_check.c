/* SPDX-License-Identifier: Apache-2.0 */
/* A policy that asks for more than the tier can do is refused where it is written, or only observed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "enforce/policy_check.h"
#include "enforce/tier.h"
#include "policy/policy.h"
#include "policy/policy_file.h"

#define HEAD "apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: test}\nspec:\n"
#define ONE  "  secrets:\n  - {name: s, class: c, paths: [/s], default: deny}\n"
#define DENY(kinds)                                                                                              \
	"  secrets:\n  - name: s\n    class: c\n    paths: [/s]\n    default: deny\n    deny:\n    - {name: d, " \
	"kinds: " kinds "}\n"

static const struct tier_probe probe = {
	.tiers = {[TIER_LSM] = {.reason = "no bpf in lsm="}, [TIER_FANOTIFY] = {.reason = "no CAP_SYS_ADMIN"}}};

struct row {
	const char *name;
	enum tier tier;
	const char *text;
	int result;
	int line;              /* of the error */
	const char *words;     /* in it */
	enum policy_mode mode; /* afterwards, of the first secret */
};

static const struct row rows[] = {
	{"observing_asks_for_nothing", TIER_OBSERVE, HEAD "  mode: observe\n" ONE, 0, 0, NULL, POLICY_MODE_OBSERVE},
	{"what_denies_nothing_asks_for_nothing", TIER_OBSERVE,
	 HEAD "  mode: enforce\n  secrets:\n  - {name: s, class: c, paths: [/s]}\n", 0, 0, NULL, POLICY_MODE_ENFORCE},
	{"a_host_that_can_only_observe_says_why", TIER_OBSERVE, HEAD "  mode: enforce\n" ONE, -ENOTSUP, 5,
	 "no bpf in lsm=", POLICY_MODE_ENFORCE},
	{"it_observes_where_the_policy_says_so", TIER_OBSERVE, HEAD "  mode: enforce\n  onUnsupported: observe\n" ONE,
	 0, 0, NULL, POLICY_MODE_OBSERVE},
	{"kill_alone_cannot_refuse", TIER_KILL, HEAD "  mode: enforce\n" ONE, -ENOTSUP, 5, "action: kill",
	 POLICY_MODE_ENFORCE},
	{"kill_alone_can_kill", TIER_KILL, HEAD "  mode: enforce\n  action: kill\n" ONE, 0, 0, NULL,
	 POLICY_MODE_ENFORCE},
	{"fanotify_denies", TIER_FANOTIFY, HEAD "  mode: enforce\n" ONE, 0, 0, NULL, POLICY_MODE_ENFORCE},
	{"fanotify_kills", TIER_FANOTIFY, HEAD "  mode: enforce\n  action: kill\n" ONE, 0, 0, NULL,
	 POLICY_MODE_ENFORCE},
	{"fanotify_stops_an_open_among_other_kinds", TIER_FANOTIFY, HEAD "  mode: enforce\n" DENY("[open, ptrace]"), 0,
	 0, NULL, POLICY_MODE_ENFORCE},
	{"fanotify_does_not_stop_ptrace", TIER_FANOTIFY, HEAD "  mode: enforce\n" DENY("[ptrace, proc-mem]"), -ENOTSUP,
	 12, "deny/d", POLICY_MODE_ENFORCE},
	{"lsm_stops_ptrace", TIER_LSM, HEAD "  mode: enforce\n" DENY("[ptrace, proc-mem]"), 0, 0, NULL,
	 POLICY_MODE_ENFORCE},
};

static void checks(void **state)
{
	const struct row *row = *state;
	_cleanup_(policy_set_freep) struct policy_set *set = NULL;
	const struct policy_limits limits = POLICY_LIMITS_DEFAULT;
	struct error error = {0};

	assert_int_equal(policy_set_load_text("test.yaml", row->text, strlen(row->text), &limits, &set, &error), 0);
	assert_int_equal(enforce_check_policy(row->tier, &probe, set, &error), row->result);
	assert_int_equal(policy_set_secret(set, 0)->mode, row->mode);
	if (row->result == 0) {
		assert_string_equal(error.text, "");
		return;
	}
	assert_string_equal(error.file, "test.yaml");
	assert_int_equal(error.line, row->line);
	assert_non_null(strstr(error.text, row->words));
	assert_non_null(strstr(error.text, "onUnsupported: observe"));
}

static void the_best_tier_that_works_is_chosen(void **state)
{
	struct tier_probe some = {.tiers = {[TIER_OBSERVE] = {.works = true}}};

	(void)state;
	assert_int_equal(tier_best(&some), TIER_OBSERVE);
	some.tiers[TIER_KILL].works = true;
	assert_int_equal(tier_best(&some), TIER_KILL);
	some.tiers[TIER_FANOTIFY].works = true;
	assert_int_equal(tier_best(&some), TIER_FANOTIFY);
	some.tiers[TIER_LSM].works = true;
	assert_int_equal(tier_best(&some), TIER_LSM);
}

static void every_tier_that_does_not_work_has_a_reason(void **state)
{
	const struct tier_support lsm = {.reason = "said by the sensor"};
	const char *limits[TIER_LIMITS_MAX];
	struct tier_probe found;

	(void)state;
	tier_probe(&lsm, &found);
	for (int i = 0; i < TIER_COUNT; i++)
		assert_int_equal(found.tiers[i].works, found.tiers[i].reason[0] == '\0');
	assert_string_equal(found.tiers[TIER_LSM].reason, "said by the sensor");
	assert_true(found.tiers[TIER_OBSERVE].works);
	assert_in_range(tier_limits(TIER_FANOTIFY, &found, limits), 1, TIER_LIMITS_MAX);
	assert_int_equal(tier_limits(TIER_OBSERVE, &found, limits), 0);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0]) + 2];
	size_t count = 0;

	for (; count < sizeof(rows) / sizeof(rows[0]); count++)
		tests[count] = (struct CMUnitTest){.name = rows[count].name,
						   .test_func = checks,
						   .initial_state = (void *)(uintptr_t)&rows[count]};
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(the_best_tier_that_works_is_chosen);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(every_tier_that_does_not_work_has_a_reason);
	return _cmocka_run_group_tests("policy_check", tests, count, NULL, NULL);
}

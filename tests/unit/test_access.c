/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/access.h"

static void names_every_kind_and_reads_it_back(void **state)
{
	(void)state;
	for (int i = ACCESS_OPEN; i < ACCESS_KIND_COUNT; i++) {
		enum access_kind kind = ACCESS_KIND_COUNT;

		assert_string_not_equal(access_kind_name((enum access_kind)i), "unknown");
		assert_int_equal(access_kind_from_name(access_kind_name((enum access_kind)i), &kind), 0);
		assert_int_equal(kind, i);
	}
	assert_string_equal(access_kind_name(ACCESS_PROC_ENVIRON), "proc-environ");
}

static void names_every_action_and_reads_it_back(void **state)
{
	(void)state;
	for (int i = VERDICT_ALLOW; i < VERDICT_COUNT; i++) {
		enum verdict_action action = VERDICT_COUNT;

		assert_int_equal(verdict_action_from_name(verdict_action_name((enum verdict_action)i), &action), 0);
		assert_int_equal(action, i);
	}
}

static void refuses_unknown_names_and_leaves_the_output(void **state)
{
	enum access_kind kind = ACCESS_MAP;
	enum verdict_action action = VERDICT_DENY;

	(void)state;
	assert_int_equal(access_kind_from_name("opem", &kind), -EINVAL);
	assert_int_equal(access_kind_from_name("unknown", &kind), -EINVAL);
	assert_int_equal(access_kind_from_name("", &kind), -EINVAL);
	assert_int_equal(access_kind_from_name(NULL, &kind), -EINVAL);
	assert_int_equal(kind, ACCESS_MAP);
	assert_int_equal(verdict_action_from_name("Allow", &action), -EINVAL);
	assert_int_equal(action, VERDICT_DENY);
}

static void names_every_way_tier_and_place(void **state)
{
	(void)state;
	for (int i = 0; i < VIA_COUNT; i++)
		assert_string_not_equal(access_via_name((enum access_via)i), "unknown");
	for (int i = 0; i < TIER_COUNT; i++)
		assert_string_not_equal(tier_name((enum tier)i), "unknown");
	for (int i = 0; i < LOSS_PLACE_COUNT; i++)
		assert_string_not_equal(loss_place_name((enum loss_place)i), "unknown");
}

static void calls_what_is_out_of_range_unknown(void **state)
{
	(void)state;
	assert_string_equal(access_kind_name((enum access_kind)0), "unknown");
	assert_string_equal(access_kind_name(ACCESS_KIND_COUNT), "unknown");
	assert_string_equal(access_via_name((enum access_via)255), "unknown");
	assert_string_equal(verdict_action_name(VERDICT_COUNT), "unknown");
	assert_string_equal(tier_name((enum tier) - 1), "unknown");
	assert_string_equal(loss_place_name(LOSS_PLACE_COUNT), "unknown");
}

static void names_modes(void **state)
{
	(void)state;
	assert_string_equal(access_mode_name(0), "none");
	assert_string_equal(access_mode_name(MODE_READ), "read");
	assert_string_equal(access_mode_name(MODE_WRITE), "write");
	assert_string_equal(access_mode_name(MODE_READ | MODE_WRITE | MODE_COMPAT), "read-write");
	assert_string_equal(access_mode_name(MODE_READ | MODE_EXEC), "exec");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_every_kind_and_reads_it_back),
		cmocka_unit_test(names_every_action_and_reads_it_back),
		cmocka_unit_test(refuses_unknown_names_and_leaves_the_output),
		cmocka_unit_test(names_every_way_tier_and_place),
		cmocka_unit_test(calls_what_is_out_of_range_unknown),
		cmocka_unit_test(names_modes),
	};

	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}

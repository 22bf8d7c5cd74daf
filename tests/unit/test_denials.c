/* SPDX-License-Identifier: Apache-2.0 */
/* Every denial is told exactly once, whether the sensor tells of it too, late, or never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../userspace/denials.h"

struct told {
	uint64_t count, calls;
};

static struct told told;

static void on_tell(void *context, const struct denial *denial)
{
	(void)context;
	told.calls++;
	told.count += denial->count;
}

static int make(void **state)
{
	told = (struct told){0};
	return denials_new(4, on_tell, NULL, (struct denials **)state);
}

static int release(void **state)
{
	denials_free(*state);
	return 0;
}

static struct denial denial_of(uint32_t pid, enum access_kind kind, uint64_t count)
{
	return (struct denial){.task = {.id = {.pid = pid, .start_ns = 5}},
			       .file = {.ino = 1},
			       .secret = "s",
			       .rule = "default",
			       .kind = (uint8_t)kind,
			       .count = count,
			       .first_ns = 1,
			       .last_ns = 2};
}

static uint64_t claim(struct denials *denials, uint32_t pid, uint64_t count, bool *ret_is_told)
{
	const struct process_id id = {.pid = pid, .start_ns = 5};
	const char *rule;

	return denials_claim(denials, &id, "s", count, &rule, ret_is_told);
}

static void what_the_sensor_claims_is_not_told(void **state)
{
	struct denial denial = denial_of(1, ACCESS_OPEN, 10);
	bool is_told;

	denials_add(*state, &denial);
	assert_int_equal(claim(*state, 1, 7, &is_told), 7);
	assert_false(is_told);
	assert_int_equal(claim(*state, 1, 7, &is_told), 3);
	assert_int_equal(claim(*state, 1, 7, &is_told), 0);
	for (int i = 0; i < 5; i++)
		denials_tick(*state);
	assert_int_equal(told.count, 0);
}

static void what_the_sensor_does_not_claim_is_told_after_a_whole_flush(void **state)
{
	struct denial denial = denial_of(1, ACCESS_OPEN, 10);

	denials_add(*state, &denial);
	denials_tick(*state);
	assert_int_equal(told.count, 0);
	denials_tick(*state);
	assert_int_equal(told.count, 10);
	denials_tick(*state);
	assert_int_equal(told.count, 10);
}

static void a_claim_that_comes_late_hears_that_it_has_been_told(void **state)
{
	struct denial denial = denial_of(1, ACCESS_OPEN, 10);
	bool is_told;

	denials_add(*state, &denial);
	denials_tick(*state);
	denials_tick(*state);
	/* A new one is what the claim is most likely about. */
	denial.count = 2;
	denials_add(*state, &denial);
	assert_int_equal(claim(*state, 1, 5, &is_told), 2);
	assert_false(is_told);
	assert_int_equal(claim(*state, 1, 3, &is_told), 3);
	assert_true(is_told);
	assert_int_equal(told.count, 10);
}

static void anything_but_an_open_is_told_at_once_and_then_counted(void **state)
{
	struct denial denial = denial_of(1, ACCESS_RECEIVE, 1);
	bool is_told;

	denials_add(*state, &denial);
	assert_int_equal(told.calls, 1);
	denials_add(*state, &denial);
	denials_add(*state, &denial);
	assert_int_equal(told.calls, 1);
	assert_int_equal(claim(*state, 1, 1, &is_told), 0);
	denials_tick(*state);
	assert_int_equal(told.calls, 2);
	assert_int_equal(told.count, 3);
}

static void processes_secrets_and_rules_are_told_apart(void **state)
{
	struct denial denial = denial_of(1, ACCESS_OPEN, 1);
	const struct process_id id = {.pid = 1, .start_ns = 5}, later = {.pid = 1, .start_ns = 6};
	const char *rule;
	bool is_told;

	denials_add(*state, &denial);
	denial.rule = "deny/other";
	denials_add(*state, &denial);
	assert_int_equal(denials_claim(*state, &later, "s", 1, &rule, &is_told), 0);
	assert_int_equal(denials_claim(*state, &id, "t", 1, &rule, &is_told), 0);
	assert_int_equal(claim(*state, 2, 1, &is_told), 0);
	assert_int_equal(denials_claim(*state, &id, "s", 5, &rule, &is_told), 1);
	assert_int_equal(denials_claim(*state, &id, "s", 5, &rule, &is_told), 1);
	assert_int_equal(denials_claim(*state, &id, "s", 5, &rule, &is_told), 0);
}

static void a_flush_tells_everything_once(void **state)
{
	struct denial denial = denial_of(1, ACCESS_OPEN, 4);

	denials_add(*state, &denial);
	denials_tick(*state);
	denials_add(*state, &denial);
	denials_flush(*state);
	assert_int_equal(told.count, 8);
	denials_flush(*state);
	denials_tick(*state);
	denials_tick(*state);
	assert_int_equal(told.count, 8);
}

static void what_there_is_no_room_for_is_told_at_once(void **state)
{
	for (uint32_t pid = 1; pid <= 6; pid++) {
		struct denial denial = denial_of(pid, ACCESS_OPEN, 1);

		denials_add(*state, &denial);
	}
	assert_int_equal(told.count, 2);
	/* What is done with is forgotten, and there is room again. */
	for (int i = 0; i < 100; i++)
		denials_tick(*state);
	assert_int_equal(told.count, 6);
	struct denial denial = denial_of(9, ACCESS_OPEN, 1);

	denials_add(*state, &denial);
	assert_int_equal(told.count, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_the_sensor_claims_is_not_told, make, release),
		cmocka_unit_test_setup_teardown(what_the_sensor_does_not_claim_is_told_after_a_whole_flush, make,
						release),
		cmocka_unit_test_setup_teardown(a_claim_that_comes_late_hears_that_it_has_been_told, make, release),
		cmocka_unit_test_setup_teardown(anything_but_an_open_is_told_at_once_and_then_counted, make, release),
		cmocka_unit_test_setup_teardown(processes_secrets_and_rules_are_told_apart, make, release),
		cmocka_unit_test_setup_teardown(a_flush_tells_everything_once, make, release),
		cmocka_unit_test_setup_teardown(what_there_is_no_room_for_is_told_at_once, make, release),
	};

	return cmocka_run_group_tests_name("denials", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>

#include "abi.h"
#include "filter.h"

#define ENTRIES 100000

static int set_up(void **state)
{
	*state = calloc(FILTER_WORDS, sizeof(uint64_t));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void add(uint64_t *filter, uint64_t ino, uint32_t dev)
{
	uint64_t hash = filter_hash(ino, dev);

	filter[filter_word(hash)] |= filter_bits(hash);
}

static bool has(const uint64_t *filter, uint64_t ino, uint32_t dev)
{
	uint64_t hash = filter_hash(ino, dev);

	return (filter[filter_word(hash)] & filter_bits(hash)) == filter_bits(hash);
}

static void stays_inside_its_words(void **state)
{
	const uint64_t numbers[] = {0, 1, UINT32_MAX, UINT64_MAX, 1ULL << 63, 0x9e3779b97f4a7c15ULL};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		for (size_t j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++) {
			uint64_t hash = filter_hash(numbers[i], (uint32_t)numbers[j]);

			assert_in_range(filter_word(hash), 0, FILTER_WORDS - 1);
			assert_true(filter_bits(hash) != 0);
			assert_in_range(name_filter_bit(numbers[i]), 0, NAME_FILTER_BITS - 1);
		}
	}
}

static void knows_all_that_was_added(void **state)
{
	uint64_t *filter = *state;

	for (uint64_t ino = 1; ino <= ENTRIES; ino++)
		add(filter, ino, ino % 3 ? 8U << 20 | 1 : 0x1d);
	for (uint64_t ino = 1; ino <= ENTRIES; ino++)
		assert_true(has(filter, ino, ino % 3 ? 8U << 20 | 1 : 0x1d));
}

/* How many strangers of a hundred thousand pass: neighbours by number, as files made together are. */
static size_t strangers(const uint64_t *filter, uint64_t first, uint64_t stride, uint32_t dev)
{
	size_t passed = 0;

	for (uint64_t i = 0; i < ENTRIES; i++)
		passed += has(filter, first + i * stride, dev);
	return passed;
}

static void lets_few_strangers_pass_at_a_hundred_thousand_entries(void **state)
{
	const uint64_t strides[] = {1, 2, 8, 16, 256, 4096, 8192};
	const uint32_t dev = 8U << 20 | 1;
	uint64_t *filter = *state;

	for (size_t i = 0; i < sizeof(strides) / sizeof(strides[0]); i++) {
		uint64_t stride = strides[i], end = 1000 + stride * ENTRIES;

		memset(filter, 0, FILTER_WORDS * sizeof(*filter));
		for (uint64_t n = 0; n < ENTRIES; n++)
			add(filter, 1000 + n * stride, dev);
		assert_in_range(strangers(filter, end, 1, dev), 0, ENTRIES / 50);
		assert_in_range(strangers(filter, end, stride, dev), 0, ENTRIES / 50);
		assert_in_range(strangers(filter, 1000, stride, 0x1d), 0, ENTRIES / 50);
		assert_in_range(strangers(filter, 1000, stride, 8U << 20 | 2), 0, ENTRIES / 50);
	}
}

static void lets_nobody_pass_when_it_is_empty(void **state)
{
	assert_int_equal(strangers(*state, 0, 1, 0), 0);
	assert_int_equal(strangers(*state, 0, 1, 8U << 20), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stays_inside_its_words),
		TEST(knows_all_that_was_added),
		TEST(lets_few_strangers_pass_at_a_hundred_thousand_entries),
		TEST(lets_nobody_pass_when_it_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

/* ---------------------------------------------------------------- tags of quiet directories */

static int compare_tags(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void gives_every_directory_mount_and_moment_a_tag_of_its_own(void **state)
{
	enum { VALUES = 12 };
	/* Small ones, as they count up, and each bit of a word. */
	static uint64_t tags[3 * VALUES * VALUES * VALUES * VALUES];
	size_t count = 0;

	(void)state;
	for (uint64_t ino = 0; ino < VALUES; ino++) {
		for (uint64_t epoch = 0; epoch < VALUES; epoch++) {
			for (uint64_t mount = 0; mount < VALUES; mount++) {
				for (uint32_t other = 0; other < VALUES; other++) {
					struct file_id plain = {ino, other, 0}, made = {ino, 0, other + 1};
					struct file_id large = {1ULL << (ino + 52), 0xfffffff0 + other, 0};

					tags[count++] = quiet_tag(7, epoch, &plain, mount);
					tags[count++] = quiet_tag(7, epoch, &made, mount);
					tags[count++] = quiet_tag(7, epoch << 52, &large, 1ULL << (mount + 52));
				}
			}
		}
	}
	qsort(tags, count, sizeof(tags[0]), compare_tags);
	for (size_t i = 1; i < count; i++)
		assert_true(tags[i - 1] != tags[i]);
}

static void cannot_tell_tags_without_the_key(void **state)
{
	const struct file_id id = {.ino = 2, .dev = 3, .generation = 4};

	(void)state;
	assert_true(quiet_tag(1, 5, &id, 6) != quiet_tag(2, 5, &id, 6));
}

static void spreads_tags_over_the_slots(void **state)
{
	static unsigned int used[QUIET_SIZE];
	unsigned int most = 0;

	(void)state;
	for (uint64_t ino = 0; ino < QUIET_SIZE; ino++) {
		const struct file_id id = {.ino = 1000000 + ino, .dev = 8U << 20 | 1};
		uint32_t slot = quiet_slot(quiet_tag(1, 1, &id, (1ULL << 31) + 30));

		assert_in_range(slot, 0, QUIET_SIZE - 1);
		if (++used[slot] > most)
			most = used[slot];
	}
	assert_in_range(most, 1, 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stays_inside_its_words),
		TEST(knows_all_that_was_added),
		TEST(lets_few_strangers_pass_at_a_hundred_thousand_entries),
		TEST(lets_nobody_pass_when_it_is_empty),
		TEST(gives_every_directory_mount_and_moment_a_tag_of_its_own),
		TEST(cannot_tell_tags_without_the_key),
		TEST(spreads_tags_over_the_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

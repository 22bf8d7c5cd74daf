/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/uuid.h"

static void has_the_form_of_version_7(void **state)
{
	char out[UUID_TEXT_SIZE];

	(void)state;
	/* The moment of RFC 9562, appendix A.6, beyond any that this program gives out before. */
	assert_ptr_equal(uuid7(0x017f22e279b0ULL * NS_PER_MS, out), out);
	assert_int_equal(strlen(out), 36);
	assert_memory_equal(out, "017f22e2-79b0-7", 15);
	assert_non_null(memchr("89ab", out[19], 4));
	for (size_t i = 0; i < 36; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23)
			assert_int_equal(out[i], '-');
		else
			assert_true(isdigit((unsigned char)out[i]) || (out[i] >= 'a' && out[i] <= 'f'));
	}
}

static void only_grows_within_a_millisecond_and_when_the_clock_steps_back(void **state)
{
	uint64_t now = 0x018000000000ULL * NS_PER_MS;
	char before[UUID_TEXT_SIZE], after[UUID_TEXT_SIZE];

	(void)state;
	(void)uuid7(now, before);
	for (int i = 0; i < 100000; i++) {
		(void)uuid7(i % 2 ? now : now - 5 * NS_PER_SEC, after);
		assert_true(strcmp(before, after) < 0);
		memcpy(before, after, sizeof(after));
	}
	assert_memory_equal(after, "01800000-0000-7", 15);
}

#define THREADS    4
#define PER_THREAD 5000

static char made[THREADS * PER_THREAD][UUID_TEXT_SIZE];

static void *make_many(void *argument)
{
	char(*out)[UUID_TEXT_SIZE] = argument;

	for (size_t i = 0; i < PER_THREAD; i++)
		(void)uuid7(clock_real_ns(), out[i]);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void gives_no_two_threads_the_same(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_many, made[i * PER_THREAD]), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	qsort(made, sizeof(made) / sizeof(made[0]), sizeof(made[0]), compare);
	for (size_t i = 1; i < sizeof(made) / sizeof(made[0]); i++)
		assert_string_not_equal(made[i - 1], made[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_the_form_of_version_7),
		cmocka_unit_test(only_grows_within_a_millisecond_and_when_the_clock_steps_back),
		cmocka_unit_test(gives_no_two_threads_the_same),
	};

	return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}

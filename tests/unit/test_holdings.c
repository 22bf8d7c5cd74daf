/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "holdings.h"

#define MAX        4
#define NAMES_SIZE 1024

static int set_up(void **state)
{
	return holdings_new(MAX, (struct holdings **)state);
}

static int tear_down(void **state)
{
	holdings_free(*state);
	return 0;
}

static struct process_id process_of(uint32_t pid)
{
	return (struct process_id){.pid = pid, .start_ns = pid * 1000};
}

static void add(struct holdings *holdings, uint32_t pid, const char *secret)
{
	struct process_id process = process_of(pid);

	holdings_add(holdings, &process, secret);
}

static void append(void *context, const char *secret)
{
	char *text = context;
	size_t used = strlen(text);

	(void)snprintf(text + used, NAMES_SIZE - used, "%s ", secret);
}

/* The names that the process has, in their order, each with a space. */
static const char *names_of(const struct holdings *holdings, uint32_t pid)
{
	static char text[NAMES_SIZE];
	size_t count, spaces = 0;

	text[0] = '\0';
	count = holdings_each(holdings, pid, append, text);
	for (const char *at = text; *at; at++)
		spaces += *at == ' ';
	assert_int_equal(count, spaces);
	return text;
}

static void names_what_a_process_has_had_each_once(void **state)
{
	add(*state, 10, "db");
	add(*state, 10, "tls");
	add(*state, 10, "db");
	add(*state, 11, "ssh");
	assert_string_equal(names_of(*state, 10), "db tls ");
	assert_string_equal(names_of(*state, 11), "ssh ");
	assert_string_equal(names_of(*state, 12), "");
}

static void keeps_no_more_than_its_maximum_of_a_process(void **state)
{
	char name[16];

	for (int i = 0; i < HOLDINGS_PER_PROCESS * 2; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		add(*state, 10, name);
	}
	assert_int_equal(holdings_each(*state, 10, append, (char[NAMES_SIZE]){""}), HOLDINGS_PER_PROCESS);
}

static void gives_a_child_what_its_parent_has(void **state)
{
	struct process_id parent = process_of(10), child = process_of(11), stranger = process_of(12);

	add(*state, 10, "db");
	add(*state, 10, "tls");
	holdings_fork(*state, &parent, &child);
	holdings_fork(*state, &stranger, &child);
	assert_string_equal(names_of(*state, 11), "db tls ");
	add(*state, 10, "ssh");
	assert_string_equal(names_of(*state, 11), "db tls ");
}

static void forgets_at_an_exec(void **state)
{
	struct process_id process = process_of(10), child = process_of(11);

	add(*state, 10, "db");
	holdings_fork(*state, &process, &child);
	holdings_exec(*state, &process);
	assert_string_equal(names_of(*state, 10), "");
	assert_string_equal(names_of(*state, 11), "db ");
	holdings_exec(*state, &process);
}

static void tells_apart_two_lives_of_a_pid(void **state)
{
	struct process_id second = process_of(10);

	second.start_ns++;
	add(*state, 10, "db");
	holdings_exec(*state, &second);
	holdings_exit(*state, &second);
	assert_string_equal(names_of(*state, 10), "db ");
	holdings_add(*state, &second, "tls");
	assert_string_equal(names_of(*state, 10), "tls ");
}

static void remembers_the_dead_for_a_while(void **state)
{
	struct process_id process = process_of(10);

	add(*state, 10, "db");
	add(*state, 11, "tls");
	holdings_exit(*state, &process);
	holdings_tick(*state);
	assert_string_equal(names_of(*state, 10), "db ");
	for (int i = 0; i < 3; i++)
		holdings_tick(*state);
	assert_string_equal(names_of(*state, 10), "");
	assert_string_equal(names_of(*state, 11), "tls ");
}

static void makes_room_by_forgetting_the_oldest(void **state)
{
	for (uint32_t pid = 1; pid <= MAX + 2; pid++)
		add(*state, pid, "db");
	assert_string_equal(names_of(*state, 1), "");
	assert_string_equal(names_of(*state, 2), "");
	for (uint32_t pid = 3; pid <= MAX + 2; pid++)
		assert_string_equal(names_of(*state, pid), "db ");
}

/* The parent is the oldest of a full table: another makes room for its child. */
static void gives_a_child_all_when_its_parent_is_the_oldest(void **state)
{
	struct process_id parent = process_of(1), child = process_of(100);

	for (uint32_t pid = 1; pid <= MAX; pid++) {
		add(*state, pid, "a-rather-long-name-of-a-secret");
		add(*state, pid, "another-rather-long-name-of-a-secret");
	}
	holdings_fork(*state, &parent, &child);
	assert_string_equal(names_of(*state, 100),
			    "a-rather-long-name-of-a-secret another-rather-long-name-of-a-secret ");
	assert_int_equal(holdings_each(*state, 1, append, (char[NAMES_SIZE]){""}), 2);
	assert_string_equal(names_of(*state, 2), "");
}

static void has_no_room_for_a_child_beside_a_single_parent(void **state)
{
	struct process_id parent = process_of(1), child = process_of(2);
	struct holdings *holdings;

	(void)state;
	assert_int_equal(holdings_new(1, &holdings), 0);
	holdings_add(holdings, &parent, "db");
	holdings_fork(holdings, &parent, &child);
	assert_string_equal(names_of(holdings, 1), "db ");
	assert_string_equal(names_of(holdings, 2), "");
	holdings_free(holdings);
}

static void frees_nothing_when_there_is_nothing(void **state)
{
	(void)state;
	holdings_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void append_pid(void *context, const struct process_id *process)
{
	char *text = context;
	size_t used = strlen(text);

	assert_int_equal(process->start_ns, process->pid * 1000);
	(void)snprintf(text + used, NAMES_SIZE - used, "%u ", process->pid);
}

static void tells_the_living_processes_of_a_secret(void **state)
{
	struct holdings *holdings = *state;
	const struct process_id dead = process_of(3);
	char text[NAMES_SIZE] = "";

	add(holdings, 1, "db");
	add(holdings, 2, "tls");
	add(holdings, 3, "db");
	add(holdings, 4, "tls");
	add(holdings, 4, "db");
	holdings_exit(holdings, &dead);
	holdings_each_process(holdings, "db", append_pid, text);
	assert_true(strcmp(text, "1 4 ") == 0 || strcmp(text, "4 1 ") == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_what_a_process_has_had_each_once),
		TEST(keeps_no_more_than_its_maximum_of_a_process),
		TEST(gives_a_child_what_its_parent_has),
		TEST(forgets_at_an_exec),
		TEST(tells_apart_two_lives_of_a_pid),
		TEST(remembers_the_dead_for_a_while),
		TEST(makes_room_by_forgetting_the_oldest),
		TEST(gives_a_child_all_when_its_parent_is_the_oldest),
		TEST(has_no_room_for_a_child_beside_a_single_parent),
		TEST(frees_nothing_when_there_is_nothing),
		cmocka_unit_test_setup_teardown(tells_the_living_processes_of_a_secret, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

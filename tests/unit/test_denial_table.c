/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted between two collections, and who passed to which file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../userspace/enforce/denial_table.h"
#include "../../userspace/enforce/passage.h"

static void counts_what_is_the_same_in_one_entry(void **state)
{
	struct denial_table *table = calloc(1, sizeof(*table));
	struct denial denial = {
		.task = {.id = {.pid = 1, .start_ns = 2}, .tid = 1}, .secret = "s", .rule = "r", .kind = 1};

	(void)state;
	assert_non_null(table);
	for (uint64_t now = 10; now < 20; now++) {
		denial.task.tid = (uint32_t)now; /* which thread it was makes no difference */
		denial_table_add(table, &denial, now);
	}
	denial.task.cred.uid = 5;
	denial_table_add(table, &denial, 20);
	denial.rule = "q";
	denial_table_add(table, &denial, 21);
	assert_int_equal(table->count, 3);
	assert_int_equal(table->items[0].count, 10);
	assert_int_equal(table->items[0].first_ns, 10);
	assert_int_equal(table->items[0].last_ns, 19);
	denial_table_clear(table);
	denial_table_add(table, &denial, 22);
	assert_int_equal(table->count, 1);
	assert_int_equal(table->items[0].count, 1);
	free(table);
}

static void counts_what_it_has_no_room_for(void **state)
{
	struct denial_table *table = calloc(1, sizeof(*table));
	struct denial denial = {.secret = "s", .rule = "r", .kind = 1};

	(void)state;
	assert_non_null(table);
	for (uint32_t pid = 1; pid <= DENIALS_MAX + 10; pid++) {
		denial.task.id.pid = pid;
		denial_table_add(table, &denial, pid);
	}
	assert_int_equal(table->count, DENIALS_MAX);
	assert_int_equal(table->lost, 10);
	denial.task.id.pid = 1;
	denial_table_add(table, &denial, 1);
	assert_int_equal(table->items[0].count, 2);
	free(table);
}

static void who_opened_is_known_by_process_program_and_file(void **state)
{
	struct passage_table *table = calloc(1, sizeof(*table));
	struct task_snapshot task = {.id = {.pid = 1, .start_ns = 2}, .exe = {.file = {.ino = 9}}}, other = task;
	const struct file_id a = {.ino = 100}, b = {.ino = 101};

	(void)state;
	assert_non_null(table);
	passage_note(table, &task, &a, ACCESS_OPEN);
	assert_int_equal(passage_find(table, &task, &a), ACCESS_OPEN);
	assert_int_equal(passage_find(table, &task, &b), ACCESS_RECEIVE);
	other.id.start_ns = 3; /* its number, used again */
	assert_int_equal(passage_find(table, &other, &a), ACCESS_RECEIVE);
	other = task;
	other.exe.file.ino = 10; /* it has executed something else */
	assert_int_equal(passage_find(table, &other, &a), ACCESS_RECEIVE);
	passage_note(table, &task, &a, ACCESS_EXEC);
	assert_int_equal(passage_find(table, &task, &a), ACCESS_EXEC);
	free(table);
}

static void forgets_the_oldest_and_takes_it_for_a_receiver(void **state)
{
	struct passage_table *table = calloc(1, sizeof(*table));
	const struct file_id file = {.ino = 100};
	const uint32_t many = PASSAGE_SETS * PASSAGE_WAYS * 4;
	uint32_t known = 0;

	(void)state;
	assert_non_null(table);
	for (uint32_t pid = 1; pid <= many; pid++) {
		struct task_snapshot task = {.id = {.pid = pid, .start_ns = pid * 1000ULL}};

		passage_note(table, &task, &file, ACCESS_OPEN);
		assert_int_equal(passage_find(table, &task, &file), ACCESS_OPEN);
	}
	for (uint32_t pid = 1; pid <= many; pid++) {
		struct task_snapshot task = {.id = {.pid = pid, .start_ns = pid * 1000ULL}};

		known += passage_find(table, &task, &file) == ACCESS_OPEN;
	}
	assert_in_range(known, PASSAGE_SETS * PASSAGE_WAYS / 2, PASSAGE_SETS * PASSAGE_WAYS);
	free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_what_is_the_same_in_one_entry),
		cmocka_unit_test(counts_what_it_has_no_room_for),
		cmocka_unit_test(who_opened_is_known_by_process_program_and_file),
		cmocka_unit_test(forgets_the_oldest_and_takes_it_for_a_receiver),
	};

	return cmocka_run_group_tests_name("denial_table", tests, NULL, NULL);
}

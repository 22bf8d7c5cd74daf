/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/process_table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SECOND 1000000000ULL

static struct process_table table;

static int setup(void **state)
{
	(void)state;
	return process_table_init(&table, 8);
}

static int teardown(void **state)
{
	(void)state;
	process_table_release(&table);
	return 0;
}

static struct process_id id_of(uint32_t pid, uint64_t start_ns)
{
	return (struct process_id){.pid = pid, .start_ns = start_ns};
}

/* Processes here start at pid seconds. */
static struct process *add(uint32_t pid, uint32_t parent_pid)
{
	struct process_id id = id_of(pid, pid * SECOND);
	struct process_id parent = {0};

	if (parent_pid > 0)
		parent = id_of(parent_pid, parent_pid * SECOND);
	return process_table_add(&table, &id, &parent);
}

static struct process *find(uint32_t pid)
{
	struct process_id id = id_of(pid, pid * SECOND);

	return process_table_find(&table, &id);
}

static void set_image(struct process *process, uint64_t ino, const char *exe)
{
	struct file_id file = {.ino = ino, .dev = 1};
	struct image *image = image_new(&table, &file, exe, strlen(exe), "a\0b", 3);

	assert_non_null(image);
	process_set_image(&table, process, image, 1);
}

static void keeps_a_dead_parent_while_it_has_children(void **state)
{
	struct process *child;

	(void)state;
	add(1, 0);
	add(2, 1);
	child = add(3, 2);
	process_table_exit(&table, find(2), 100);
	process_table_expire(&table, 1000);
	assert_ptr_equal(child->parent, find(2));
	assert_int_equal(table.counts[PROCESS_KEPT], 1);

	process_table_exit(&table, child, 200);
	process_table_expire(&table, 1000);
	assert_null(find(3));
	assert_null(find(2));
	assert_int_equal(table.count, 1);
	assert_int_equal(table.evicted, 0);
}

static void keeps_the_dead_for_the_grace(void **state)
{
	(void)state;
	add(5, 0);
	process_table_exit(&table, find(5), 100);
	process_table_expire(&table, 100);
	assert_non_null(find(5));
	process_table_expire(&table, 101);
	assert_null(find(5));
}

static void keeps_the_first_parent(void **state)
{
	struct process *child;

	(void)state;
	add(1, 0);
	add(2, 1);
	child = add(3, 2);
	add(3, 1); /* after the kernel gave it to init */
	assert_ptr_equal(child->parent, find(2));
}

static void links_children_that_came_before_their_parent(void **state)
{
	struct process *child = add(3, 2);

	(void)state;
	assert_null(child->parent);
	add(2, 1);
	process_table_link_pending(&table);
	assert_ptr_equal(child->parent, find(2));
	add(1, 0);
	process_table_link_pending(&table);
	assert_ptr_equal(find(2)->parent, find(1));
}

static void makes_no_circle_of_lying_parents(void **state)
{
	(void)state;
	add(2, 4);
	add(3, 2);
	add(4, 3);
	add(5, 5);
	process_table_link_pending(&table);
	assert_null(find(2)->parent);
	assert_null(find(5)->parent);
	assert_ptr_equal(find(4)->parent, find(3));
}

static void takes_the_older_of_one_pid_for_dead(void **state)
{
	struct process_id none = {0};
	struct process_id newer = id_of(7, 100 * SECOND);
	struct process_id oldest = id_of(7, 1);
	struct process *first = add(7, 0);
	struct process *second = process_table_add(&table, &newer, &none);

	(void)state;
	assert_ptr_not_equal(first, second);
	assert_int_equal(first->state, PROCESS_EXITED);
	assert_ptr_equal(process_table_find_living(&table, 7), second);
	/* A record that came late. */
	assert_int_equal(process_table_add(&table, &oldest, &none)->state, PROCESS_EXITED);
	assert_ptr_equal(process_table_find_living(&table, 7), second);
}

static void finds_a_coarse_start_by_its_tick_and_makes_it_exact(void **state)
{
	struct process_id none = {0};
	struct process_id coarse = id_of(9, 50 * table.tick_ns);
	struct process_id exact = id_of(9, 50 * table.tick_ns + 12345);
	struct process_id next = id_of(9, 51 * table.tick_ns);
	struct process_id before = id_of(9, 50 * table.tick_ns - 1);
	struct process *process = process_table_add(&table, &coarse, &none);

	(void)state;
	process->is_start_coarse = true;
	assert_null(process_table_find(&table, &next));
	assert_null(process_table_find(&table, &before));
	assert_ptr_equal(process_table_add(&table, &exact, &none), process);
	assert_int_equal(process->id.start_ns, exact.start_ns);
	assert_null(process_table_find(&table, &coarse));
}

static void remembers_what_it_ran_before_an_exec(void **state)
{
	struct process *process = add(2, 0);
	struct file_id shell = {.ino = 10, .dev = 1};
	struct file_id cat = {.ino = 11, .dev = 1};
	struct file_id other = {.ino = 10, .dev = 2};

	(void)state;
	set_image(process, 10, "/bin/sh");
	set_image(process, 11, "/bin/cat");
	assert_string_equal(process_find_image(process, &shell)->exe->data, "/bin/sh");
	assert_string_equal(process_find_image(process, &cat)->exe->data, "/bin/cat");
	assert_null(process_find_image(process, &other));
	set_image(process, 12, "/bin/a");
	set_image(process, 13, "/bin/b");
	assert_null(process_find_image(process, &shell));
}

static void shares_images_and_frees_them_with_the_last_user(void **state)
{
	struct process *parent = add(2, 0);
	struct process *child = add(3, 2);

	(void)state;
	set_image(parent, 10, "/bin/sh");
	process_inherit_image(&table, child, parent, 1);
	assert_ptr_equal(child->images[0], parent->images[0]);
	set_image(parent, 11, "/bin/cat");
	assert_int_equal(table.strings.count, 3); /* the arguments are the same */
	process_table_exit(&table, child, 1);
	process_table_exit(&table, parent, 1);
	process_table_expire(&table, 2);
	assert_int_equal(table.count, 0);
	assert_int_equal(table.strings.count, 0);
	assert_int_equal(table.strings.bytes, 0);
}

static void evicts_the_dead_first(void **state)
{
	(void)state;
	add(1, 0);
	for (uint32_t pid = 2; pid <= 9; pid++)
		add(pid, 1);
	process_table_exit(&table, find(6), SECOND);
	process_table_trim(&table);
	assert_int_equal(table.count, 8);
	assert_null(find(6));
	assert_int_equal(table.evicted, 1);
}

static void evicts_the_oldest_living_leaf_and_no_parent(void **state)
{
	(void)state;
	add(1, 0);
	add(2, 1);
	for (uint32_t pid = 3; pid <= 11; pid++)
		add(pid, 2);
	process_table_trim(&table);
	assert_int_equal(table.count, 8);
	assert_non_null(find(1));
	assert_non_null(find(2));
	assert_null(find(3));
	assert_null(find(5));
	assert_non_null(find(6));
	assert_non_null(find(11));
}

static void bounds_a_chain_of_dead_parents_and_marks_the_gap(void **state)
{
	struct process *last;

	(void)state;
	add(1, 0);
	for (uint32_t pid = 2; pid <= 100; pid++) {
		add(pid, pid - 1);
		if (pid > 2)
			process_table_exit(&table, find(pid - 1), pid);
		process_table_trim(&table);
		assert_true(table.count <= 8);
	}
	last = find(100);
	assert_non_null(last);
	while (last->parent && !last->is_lineage_cut)
		last = last->parent;
	assert_true(last->is_lineage_cut);
	while (last->parent)
		last = last->parent;
	assert_int_equal(last->id.pid, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(keeps_a_dead_parent_while_it_has_children),
		CASE(keeps_the_dead_for_the_grace),
		CASE(keeps_the_first_parent),
		CASE(links_children_that_came_before_their_parent),
		CASE(makes_no_circle_of_lying_parents),
		CASE(takes_the_older_of_one_pid_for_dead),
		CASE(finds_a_coarse_start_by_its_tick_and_makes_it_exact),
		CASE(remembers_what_it_ran_before_an_exec),
		CASE(shares_images_and_frees_them_with_the_last_user),
		CASE(evicts_the_dead_first),
		CASE(evicts_the_oldest_living_leaf_and_no_parent),
		CASE(bounds_a_chain_of_dead_parents_and_marks_the_gap),
	};

	return cmocka_run_group_tests_name("process_table", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_maps.h"
#include "filter.h"
#include "sensor/kernel_tables.h"
#include "sensor/name_hash.h"
#include "sensor/table_mirror.h"

enum { WATCHED, DIRECTORIES, NAMES, IGNORED };

#define SIZE   2048
#define BUDGET 100000 /* a whole look in one call */

static const struct watch_sink *const sink = &table_mirror_sink;

struct fixture {
	struct kernel_tables tables;
	struct table_mirror *mirror;
	uint64_t filter[FILTER_WORDS];
	struct file_id directory_cache[DIRECTORY_CACHE_SIZE];
	uint64_t name_filter[NAME_FILTER_BITS / 64];
	uint32_t has_names;
	uint64_t tree_epoch;
};

static struct file_id id_of(uint64_t ino)
{
	return (struct file_id){.ino = ino, .dev = 8U << 20 | 1};
}

static struct name_key name_of(uint64_t hash)
{
	return (struct name_key){.directory = id_of(1), .hash = hash};
}

/* 1 directory, 10 files, 5 names. */
static int set_up(void **state)
{
	const struct directory_value directory = {.flags = DIRECTORY_ANY_NAME};
	const struct watch_value file = {0};
	const struct name_value name = {.flags = NAME_FILE};
	const uint64_t hashes[] = {name_hash("a", 1), name_hash("b", 1)};
	struct fixture *f = calloc(1, sizeof(*f));
	struct file_id id = id_of(1);

	assert_non_null(f);
	fake_map_new(WATCHED, sizeof(struct file_id), sizeof(struct watch_value), SIZE);
	fake_map_new(DIRECTORIES, sizeof(struct file_id), sizeof(struct directory_value), SIZE);
	fake_map_new(NAMES, sizeof(struct name_key), sizeof(struct name_value), SIZE);
	fake_map_new(IGNORED, sizeof(struct file_id), sizeof(struct ignored_value), SIZE);
	f->tables = (struct kernel_tables){
		.watched_fd = WATCHED,
		.directories_fd = DIRECTORIES,
		.names_fd = NAMES,
		.ignored_fd = IGNORED,
		.filter = f->filter,
		.directory_cache = f->directory_cache,
		.name_filter = f->name_filter,
		.has_names = &f->has_names,
		.tree_epoch = &f->tree_epoch,
	};
	assert_int_equal(table_mirror_new(&f->tables, &f->mirror), 0);
	assert_int_equal(sink->set_directory(f->mirror, &id, &directory), 0);
	for (uint64_t ino = 100; ino < 110; ino++) {
		id = id_of(ino);
		assert_int_equal(sink->set_file(f->mirror, &id, &file), 0);
	}
	for (uint64_t hash = 1; hash <= 5; hash++) {
		struct name_key key = name_of(hash);

		assert_int_equal(sink->set_name(f->mirror, &key, &name), 0);
	}
	assert_int_equal(sink->set_name_filter(f->mirror, hashes, 2), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	table_mirror_free(f->mirror);
	fake_maps_free();
	free(f);
	return 0;
}

static struct table_faults look(struct fixture *f)
{
	struct table_faults faults;

	assert_int_equal(table_mirror_check(f->mirror, BUDGET, &faults), 1);
	return faults;
}

static void expect(struct table_faults faults, size_t missing, size_t changed, size_t foreign, size_t hidden)
{
	assert_int_equal(faults.missing, missing);
	assert_int_equal(faults.changed, changed);
	assert_int_equal(faults.foreign, foreign);
	assert_int_equal(faults.hidden, hidden);
}

static void expect_good(struct fixture *f)
{
	for (int i = 0; i < 3; i++)
		expect(look(f), 0, 0, 0, 0);
}

static void finds_nothing_wrong_with_what_the_watch_list_wrote(void **state)
{
	struct fixture *f = *state;
	const struct watch_value value = {0};
	struct file_id id = id_of(100);

	assert_int_equal(table_mirror_entries(f->mirror), 16);
	expect_good(f);
	assert_int_equal(sink->set_file(f->mirror, &id, &value), 0); /* again */
	assert_int_equal(sink->clear_file(f->mirror, &id), 0);
	assert_int_equal(sink->clear_file(f->mirror, &id), 0); /* again */
	expect_good(f);
	assert_int_equal(table_mirror_entries(f->mirror), 15);
}

static void puts_back_what_was_removed(void **state)
{
	struct fixture *f = *state;
	struct file_id file = id_of(105), directory = id_of(1);
	struct name_key name = name_of(3);

	assert_int_equal(bpf_map_delete_elem(WATCHED, &file), 0);
	assert_int_equal(bpf_map_delete_elem(DIRECTORIES, &directory), 0);
	assert_int_equal(bpf_map_delete_elem(NAMES, &name), 0);
	expect(look(f), 3, 0, 0, 0);
	assert_non_null(fake_value(WATCHED, &file));
	assert_non_null(fake_value(NAMES, &name));
	assert_int_equal(((struct directory_value *)fake_value(DIRECTORIES, &directory))->flags, DIRECTORY_ANY_NAME);
	expect_good(f);
}

static void fills_a_table_that_was_emptied(void **state)
{
	struct fixture *f = *state;

	for (uint64_t ino = 100; ino < 110; ino++) {
		struct file_id id = id_of(ino);

		assert_int_equal(bpf_map_delete_elem(WATCHED, &id), 0);
	}
	expect(look(f), 10, 0, 0, 0);
	assert_int_equal(fake_maps[WATCHED].count, 10);
	expect_good(f);
}

static void puts_right_what_was_changed(void **state)
{
	struct fixture *f = *state;
	struct file_id id = id_of(1);
	const struct directory_value other = {.flags = 0};

	assert_int_equal(bpf_map_update_elem(DIRECTORIES, &id, &other, BPF_EXIST), 0);
	expect(look(f), 0, 1, 0, 0);
	assert_int_equal(((struct directory_value *)fake_value(DIRECTORIES, &id))->flags, DIRECTORY_ANY_NAME);
	expect_good(f);
}

static void removes_what_it_did_not_write(void **state)
{
	struct fixture *f = *state;
	const struct directory_value value = {.flags = 0};
	struct file_id id = id_of(77);

	assert_int_equal(bpf_map_update_elem(DIRECTORIES, &id, &value, BPF_ANY), 0);
	expect(look(f), 0, 0, 1, 0);
	assert_null(fake_value(DIRECTORIES, &id));
	expect_good(f);
}

static void lights_up_what_a_filter_hides(void **state)
{
	struct fixture *f = *state;

	memset(f->filter, 0, sizeof(f->filter));
	expect(look(f), 0, 0, 0, 16);
	expect_good(f);
	f->directory_cache[3] = id_of(4711);
	expect(look(f), 0, 0, 0, 1);
	assert_int_equal(f->directory_cache[3].ino, 0);
	memset(f->name_filter, 0, sizeof(f->name_filter));
	f->has_names = 0;
	assert_true(look(f).hidden >= 2);
	assert_int_equal(f->has_names, 1);
	expect_good(f);
}

static void says_what_it_could_not_repair(void **state)
{
	struct fixture *f = *state;
	struct file_id id = id_of(100);
	struct table_faults faults;

	assert_int_equal(bpf_map_delete_elem(WATCHED, &id), 0);
	/* The batch that ends the table's walk, then the update. */
	fake_maps[WATCHED].calls_until_failure = 2;
	fake_maps[WATCHED].failure = -EPERM;
	faults = look(f);
	assert_int_equal(faults.missing, 1);
	assert_int_equal(faults.unrepaired, 1);
	faults = look(f);
	assert_int_equal(faults.missing, 1);
	assert_int_equal(faults.unrepaired, 0);
	expect_good(f);
}

static void tells_of_a_table_that_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	struct table_faults faults;

	fake_maps[NAMES].calls_until_failure = 1;
	fake_maps[NAMES].failure = -EBADF;
	assert_int_equal(table_mirror_check(f->mirror, BUDGET, &faults), -EBADF);
	expect_good(f);
}

/* A table that is looked at in turns, while it changes. */
static void looks_in_turns(void **state)
{
	struct fixture *f = *state;
	const struct watch_value value = {0};
	struct table_faults faults;
	struct file_id id;
	int turns = 0, r;

	for (uint64_t ino = 1000; ino < 2600; ino++) {
		id = id_of(ino);
		assert_int_equal(sink->set_file(f->mirror, &id, &value), 0);
	}
	assert_int_equal(table_mirror_check(f->mirror, BUDGET, &faults), 1);
	do {
		r = table_mirror_check(f->mirror, 1, &faults);
		expect(faults, 0, 0, 0, 0);
		id = id_of(2599 - (uint64_t)turns); /* seen already, or not yet */
		assert_int_equal(sink->clear_file(f->mirror, &id), 0);
		id = id_of(3000 + (uint64_t)turns);
		assert_int_equal(sink->set_file(f->mirror, &id, &value), 0);
		turns++;
	} while (r == 0);
	assert_int_equal(r, 1);
	assert_true(turns > 3);
	id = id_of(1500);
	assert_int_equal(bpf_map_delete_elem(WATCHED, &id), 0);
	expect(look(f), 1, 0, 0, 0);
	expect_good(f);
}

static void forgets_what_was_learnt_when_it_cannot_be_trusted(void **state)
{
	struct fixture *f = *state;
	const struct ignored_value value = {.parent_ino = 1};
	struct file_id id = id_of(100);
	uint64_t epoch = f->tree_epoch;

	assert_int_equal(sink->set_ignored(f->mirror, &id, &value), 0);
	table_mirror_distrust(f->mirror);
	assert_null(fake_value(IGNORED, &id));
	assert_true(f->tree_epoch > epoch);
	expect_good(f);
}

/* What the kernel does not take is not ours. */
static void keeps_no_entry_that_the_kernel_refused(void **state)
{
	struct fixture *f = *state;
	const struct watch_value value = {0};
	struct file_id id = id_of(500);

	fake_maps[WATCHED].calls_until_failure = 1;
	fake_maps[WATCHED].failure = -E2BIG;
	assert_int_equal(sink->set_file(f->mirror, &id, &value), -E2BIG);
	assert_int_equal(table_mirror_entries(f->mirror), 16);
	expect_good(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_nothing_wrong_with_what_the_watch_list_wrote),
		TEST(puts_back_what_was_removed),
		TEST(fills_a_table_that_was_emptied),
		TEST(puts_right_what_was_changed),
		TEST(removes_what_it_did_not_write),
		TEST(lights_up_what_a_filter_hides),
		TEST(says_what_it_could_not_repair),
		TEST(tells_of_a_table_that_cannot_be_read),
		TEST(looks_in_turns),
		TEST(forgets_what_was_learnt_when_it_cannot_be_trusted),
		TEST(keeps_no_entry_that_the_kernel_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

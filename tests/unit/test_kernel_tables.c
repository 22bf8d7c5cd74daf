/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/file_id.h"
#include "fake_maps.h"
#include "filter.h"
#include "sensor/kernel_tables.h"
#include "sensor/name_hash.h"

enum { WATCHED, DIRECTORIES, NAMES, IGNORED };

#define SIZE  512
#define CHURN 20000 /* entries made and removed: more than makes the filter be computed anew */

static const struct watch_sink *const sink = &kernel_tables_sink;

struct fixture {
	struct kernel_tables tables;
	uint64_t filter[FILTER_WORDS];
	struct file_id directory_cache[DIRECTORY_CACHE_SIZE];
	uint64_t name_filter[NAME_FILTER_BITS / 64];
	uint32_t has_names;
	uint64_t tree_epoch;
	size_t identified;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

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
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	fake_maps_free();
	free(*state);
	return 0;
}

static struct file_id id_of(uint64_t ino)
{
	return (struct file_id){.ino = ino, .dev = 8U << 20 | 1};
}

/* As the programs ask: bpf/match.h. */
static bool filter_has_key(uint64_t *filter, uint64_t key, uint32_t dev)
{
	uint64_t hash = filter_hash(key, dev);

	return (__atomic_load_n(&filter[filter_word(hash)], __ATOMIC_ACQUIRE) & filter_bits(hash)) == filter_bits(hash);
}

static bool filter_has(uint64_t *filter, const struct file_id *id)
{
	return filter_has_key(filter, id->ino, id->dev);
}

/* Would a file of that name in the directory be worth a look? FILTER_ANY_NAME for any. */
static bool filter_has_name(uint64_t *filter, const struct file_id *directory, uint64_t name)
{
	return filter_has_key(filter, filter_name_key(directory->ino, name), directory->dev);
}

static bool is_filter_empty(const struct fixture *f)
{
	for (size_t i = 0; i < FILTER_WORDS; i++) {
		if (f->filter[i])
			return false;
	}
	return true;
}

static void set_file(struct fixture *f, uint64_t ino)
{
	const struct watch_value value = {0};
	struct file_id id = id_of(ino);

	assert_int_equal(sink->set_file(&f->tables, &id, &value), 0);
}

static void clear_file(struct fixture *f, uint64_t ino)
{
	struct file_id id = id_of(ino);

	assert_int_equal(sink->clear_file(&f->tables, &id), 0);
}

/* ---------------------------------------------------------------- entries */

static void writes_and_removes_entries(void **state)
{
	struct fixture *f = *state;
	const struct directory_value directory = {.flags = DIRECTORY_TREE, .depths = 2};
	const struct name_value name = {.flags = NAME_FILE};
	const struct ignored_value ignored = {.parent_ino = 3, .name_hash = 4};
	struct file_id id = id_of(2);
	const struct name_key key = {.directory = id, .hash = 5};

	set_file(f, 1);
	assert_int_equal(sink->set_directory(&f->tables, &id, &directory), 0);
	assert_int_equal(sink->set_name(&f->tables, &key, &name), 0);
	assert_int_equal(sink->set_ignored(&f->tables, &id, &ignored), 0);
	assert_memory_equal(fake_value(DIRECTORIES, &id), &directory, sizeof(directory));
	assert_memory_equal(fake_value(NAMES, &key), &name, sizeof(name));
	assert_memory_equal(fake_value(IGNORED, &id), &ignored, sizeof(ignored));
	assert_true(filter_has(f->filter, &id));
	assert_int_equal(f->tables.live, 2);
	clear_file(f, 1);
	assert_int_equal(sink->clear_directory(&f->tables, &id), 0);
	assert_int_equal(sink->clear_name(&f->tables, &key), 0);
	assert_int_equal(sink->clear_ignored(&f->tables), 0);
	for (int fd = WATCHED; fd <= IGNORED; fd++)
		assert_int_equal(fake_maps[fd].count, 0);
	assert_int_equal(f->tables.live, 0);
}

static void replaces_what_is_there(void **state)
{
	struct fixture *f = *state;
	struct directory_value value = {.flags = DIRECTORY_TREE};
	struct file_id id = id_of(1);

	assert_int_equal(sink->set_directory(&f->tables, &id, &value), 0);
	value.flags = DIRECTORY_ANY_NAME;
	assert_int_equal(sink->set_directory(&f->tables, &id, &value), 0);
	assert_memory_equal(fake_value(DIRECTORIES, &id), &value, sizeof(value));
	assert_int_equal(f->tables.live, 1);
	assert_int_equal(fake_maps[DIRECTORIES].count, 1);
}

static void clearing_what_is_not_there_is_no_error(void **state)
{
	struct fixture *f = *state;
	struct file_id id = id_of(1);
	const struct name_key key = {.directory = id, .hash = 5};

	assert_int_equal(sink->clear_file(&f->tables, &id), 0);
	assert_int_equal(sink->clear_directory(&f->tables, &id), 0);
	assert_int_equal(sink->clear_name(&f->tables, &key), 0);
	assert_int_equal(sink->clear_ignored(&f->tables), 0);
	assert_int_equal(f->tables.live, 0);
	assert_int_equal(f->tables.stale, 0);
}

static void passes_on_the_errors_of_the_kernel(void **state)
{
	struct fixture *f = *state;
	const struct watch_value value = {0};
	const struct ignored_value ignored = {0};
	struct file_id id = id_of(9999);

	for (uint64_t ino = 0; ino < SIZE; ino++)
		set_file(f, ino);
	assert_int_equal(sink->set_file(&f->tables, &id, &value), -E2BIG);
	assert_int_equal(f->tables.live, SIZE);
	id = id_of(0);
	fake_maps[WATCHED].failure = -EPERM;
	fake_maps[WATCHED].calls_until_failure = 1;
	assert_int_equal(sink->clear_file(&f->tables, &id), -EPERM);
	assert_int_equal(f->tables.live, SIZE);
	assert_int_equal(sink->set_ignored(&f->tables, &id, &ignored), 0);
	fake_maps[IGNORED].failure = -EPERM;
	fake_maps[IGNORED].calls_until_failure = 2;
	assert_int_equal(sink->clear_ignored(&f->tables), -EPERM);
}

static void forgets_all_ignored_files(void **state)
{
	struct fixture *f = *state;
	const struct ignored_value ignored = {0};

	for (uint64_t ino = 0; ino < SIZE; ino++) {
		struct file_id id = id_of(ino);

		assert_int_equal(sink->set_ignored(&f->tables, &id, &ignored), 0);
	}
	assert_int_equal(sink->clear_ignored(&f->tables), 0);
	assert_int_equal(fake_maps[IGNORED].count, 0);
}

static int fake_identify(void *context, const int *fds, size_t count, struct file_record *ret_records)
{
	struct fixture *f = context;

	f->identified += count;
	ret_records[0].fd = (__u32)fds[0];
	return -EAGAIN;
}

static void asks_the_sensor_for_identities(void **state)
{
	struct fixture *f = *state;
	struct file_record record = {0};
	const int fd = 42;

	f->tables.identify = fake_identify;
	f->tables.identify_context = f;
	assert_int_equal(sink->identify(&f->tables, &fd, 1, &record), -EAGAIN);
	assert_int_equal(f->identified, 1);
	assert_int_equal(record.fd, 42);
}

/* ---------------------------------------------------------------- the filter in front */

static struct fixture *updated;

static void check_bit_first(int fd, const void *key)
{
	const struct name_key *name = key;

	if (fd <= DIRECTORIES)
		assert_true(filter_has(updated->filter, key));
	if (fd == DIRECTORIES)
		assert_true(filter_has_name(updated->filter, key, FILTER_ANY_NAME));
	if (fd == NAMES)
		assert_true(filter_has_name(updated->filter, &name->directory, name->hash));
}

static void sets_the_bits_before_the_entry(void **state)
{
	struct fixture *f = *state;
	const struct directory_value directory = {.flags = DIRECTORY_TREE};
	const struct name_value name = {.flags = NAME_FILE};

	updated = f;
	fake_on_update = check_bit_first;
	for (uint64_t ino = 1; ino < 100; ino++) {
		struct file_id id = id_of(ino + 1000);
		const struct name_key key = {.directory = id_of(ino + 2000), .hash = name_hash("shadow", 6)};

		set_file(f, ino);
		assert_int_equal(sink->set_directory(&f->tables, &id, &directory), 0);
		assert_int_equal(sink->set_name(&f->tables, &key, &name), 0);
	}
}

static void sets_the_bit_of_any_name_for_what_wants_any(void **state)
{
	struct fixture *f = *state;
	static const uint32_t flags[] = {0, DIRECTORY_TREE, DIRECTORY_ANY_NAME, DIRECTORY_ANY_BRANCH};

	for (uint64_t i = 0; i < 4; i++) {
		const struct directory_value value = {.flags = flags[i]};
		struct file_id id = id_of(10 + i);

		assert_int_equal(sink->set_directory(&f->tables, &id, &value), 0);
		assert_int_equal(filter_has_name(f->filter, &id, FILTER_ANY_NAME), flags[i] != 0);
	}
}

/* A name, or the wish for any, that came after the directory was made. */
static void sets_the_bits_of_what_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct directory_value value = {0};
	struct file_id id = id_of(10);

	assert_int_equal(sink->set_directory(&f->tables, &id, &value), 0);
	value.flags = DIRECTORY_ANY_BRANCH;
	assert_int_equal(sink->set_directory(&f->tables, &id, &value), 0);
	assert_true(filter_has_name(f->filter, &id, FILTER_ANY_NAME));
}

static void drops_stale_bits_when_there_are_many(void **state)
{
	struct fixture *f = *state;

	for (uint64_t ino = 0; ino < CHURN; ino++) {
		set_file(f, ino);
		clear_file(f, ino);
	}
	assert_true(f->tables.stale < CHURN / 2);
	while (f->tables.stale > 0) {
		set_file(f, 1);
		clear_file(f, 1);
	}
	assert_true(is_filter_empty(f));
}

static void keeps_all_bits_when_the_tables_cannot_be_read(void **state)
{
	struct fixture *f = *state;

	set_file(f, 7);
	for (uint64_t ino = 100; ino < CHURN; ino++) {
		struct file_id id = id_of(ino), live = id_of(7);

		set_file(f, ino);
		fake_maps[WATCHED].failure = -EFAULT;
		fake_maps[WATCHED].calls_until_failure = 2; /* the delete, then the first look at the keys */
		assert_int_equal(sink->clear_file(&f->tables, &id), 0);
		fake_maps[WATCHED].calls_until_failure = 0;
		assert_true(filter_has(f->filter, &live));
	}
	assert_int_equal(f->tables.stale, CHURN - 100);
}

struct reader {
	struct fixture *fixture;
	atomic_bool is_running;
	atomic_size_t looks, missed;
};

static void *look_for_live_bits(void *context)
{
	struct reader *reader = context;

	while (atomic_load(&reader->is_running)) {
		for (uint64_t ino = 1; ino <= 64; ino++) {
			struct file_id id = id_of(ino);

			if (!filter_has(reader->fixture->filter, &id) ||
			    (ino % 2 == 0 && (!filter_has_name(reader->fixture->filter, &id, FILTER_ANY_NAME) ||
					      !filter_has_name(reader->fixture->filter, &id, ino))))
				atomic_fetch_add(&reader->missed, 1);
		}
		atomic_fetch_add(&reader->looks, 1);
	}
	return NULL;
}

static void never_loses_the_bit_of_a_live_entry(void **state)
{
	struct fixture *f = *state;
	struct reader reader = {.fixture = f, .is_running = true};
	const struct directory_value directory = {.flags = DIRECTORY_TREE};
	const struct name_value name = {.flags = NAME_FILE};
	pthread_t thread;

	for (uint64_t ino = 1; ino <= 64; ino++) {
		struct file_id id = id_of(ino);
		const struct name_key key = {.directory = id, .hash = ino};

		if (ino % 2) {
			set_file(f, ino);
			continue;
		}
		assert_int_equal(sink->set_directory(&f->tables, &id, &directory), 0);
		assert_int_equal(sink->set_name(&f->tables, &key, &name), 0);
	}
	assert_int_equal(pthread_create(&thread, NULL, look_for_live_bits, &reader), 0);
	for (uint64_t ino = 1000; ino < 1000 + CHURN; ino++) {
		set_file(f, ino);
		clear_file(f, ino);
	}
	while (atomic_load(&reader.looks) == 0)
		(void)sched_yield();
	atomic_store(&reader.is_running, false);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(atomic_load(&reader.missed), 0);
	assert_true(f->tables.stale < CHURN);
}

/* ---------------------------------------------------------------- the epoch that quiet directories are remembered by
 */

static uint64_t epoch_before;

static void check_epoch_is_old(int fd, const void *key)
{
	(void)fd;
	(void)key;
	assert_int_equal(updated->tree_epoch, epoch_before);
}

/* A program that reads the new epoch finds the new entry: else it would remember what was before. */
static void steps_the_epoch_once_the_tables_are_changed(void **state)
{
	struct fixture *f = *state;
	struct directory_value directory = {.flags = DIRECTORY_TREE};
	struct name_value name = {.flags = NAME_FILE};
	struct file_id id = id_of(10);
	const struct name_key key = {.directory = id, .hash = 5};

	updated = f;
	fake_on_update = check_epoch_is_old;
	for (int i = 0; i < 2; i++) { /* made, then changed */
		assert_int_equal(sink->set_directory(&f->tables, &id, &directory), 0);
		assert_true(f->tree_epoch > epoch_before);
		epoch_before = f->tree_epoch;
		assert_int_equal(sink->set_name(&f->tables, &key, &name), 0);
		assert_true(f->tree_epoch > epoch_before);
		epoch_before = f->tree_epoch;
		directory.flags = DIRECTORY_ANY_NAME;
		name.flags = NAME_BRANCH;
	}
	assert_int_equal(sink->clear_directory(&f->tables, &id), 0); /* those above decide now */
	assert_true(f->tree_epoch > epoch_before);
}

/* Files are looked up by themselves, and what is cleared otherwise is only wanted less. */
static void keeps_the_epoch_for_what_makes_no_directory_interesting(void **state)
{
	struct fixture *f = *state;
	const struct ignored_value ignored = {0};
	struct file_id id = id_of(10);
	const struct name_key key = {.directory = id, .hash = 5};

	set_file(f, 1);
	clear_file(f, 1);
	assert_int_equal(sink->clear_name(&f->tables, &key), 0);
	assert_int_equal(sink->set_ignored(&f->tables, &id, &ignored), 0);
	assert_int_equal(sink->clear_ignored(&f->tables), 0);
	assert_int_equal(f->tree_epoch, 0);
}

/* ---------------------------------------------------------------- the filter in front of refused opens */

static bool name_filter_has(const struct fixture *f, uint64_t hash)
{
	uint32_t bit = name_filter_bit(hash);

	return f->name_filter[bit / 64] & 1ULL << (bit & 63);
}

static void replaces_the_name_filter(void **state)
{
	struct fixture *f = *state;
	const uint64_t first[] = {name_filter_hash(NAME_FILTER_NAME, "shadow", 6),
				  name_filter_hash(NAME_FILTER_PREFIX, "id_", 3)};
	const uint64_t second[] = {name_filter_hash(NAME_FILTER_SUFFIX, "pem", 3)};

	assert_int_equal(sink->set_name_filter(&f->tables, first, 2), 0);
	assert_true(name_filter_has(f, first[0]) && name_filter_has(f, first[1]));
	assert_int_equal(f->has_names, 1);
	assert_int_equal(sink->set_name_filter(&f->tables, second, 1), 0);
	assert_true(name_filter_has(f, second[0]));
	assert_false(name_filter_has(f, first[0]) || name_filter_has(f, first[1]));
	assert_int_equal(sink->set_name_filter(&f->tables, NULL, 0), 0);
	assert_int_equal(f->has_names, 0);
	for (size_t i = 0; i < NAME_FILTER_BITS / 64; i++)
		assert_true(f->name_filter[i] == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Two directories of one slot: the last one is in the cache, and only its own removal takes it out. */
static void caches_the_last_directory_of_a_slot(void **state)
{
	struct fixture *f = *state;
	const struct directory_value value = {.flags = DIRECTORY_ANY_NAME};
	struct file_id first = id_of(100), second = id_of(101);
	uint32_t slot = directory_cache_slot(filter_hash(first.ino, first.dev));

	while (directory_cache_slot(filter_hash(second.ino, second.dev)) != slot)
		second.ino++;
	assert_int_equal(kernel_tables_sink.set_directory(&f->tables, &first, &value), 0);
	assert_true(file_id_equal(&f->directory_cache[slot], &first));
	assert_int_equal(kernel_tables_sink.set_directory(&f->tables, &second, &value), 0);
	assert_true(file_id_equal(&f->directory_cache[slot], &second));
	assert_int_equal(kernel_tables_sink.clear_directory(&f->tables, &first), 0);
	assert_true(file_id_equal(&f->directory_cache[slot], &second));
	assert_int_equal(kernel_tables_sink.clear_directory(&f->tables, &second), 0);
	assert_int_equal(f->directory_cache[slot].ino, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(caches_the_last_directory_of_a_slot),
		TEST(writes_and_removes_entries),
		TEST(replaces_what_is_there),
		TEST(clearing_what_is_not_there_is_no_error),
		TEST(passes_on_the_errors_of_the_kernel),
		TEST(forgets_all_ignored_files),
		TEST(asks_the_sensor_for_identities),
		TEST(sets_the_bits_before_the_entry),
		TEST(sets_the_bit_of_any_name_for_what_wants_any),
		TEST(sets_the_bits_of_what_is_replaced),
		TEST(drops_stale_bits_when_there_are_many),
		TEST(keeps_all_bits_when_the_tables_cannot_be_read),
		TEST(never_loses_the_bit_of_a_live_entry),
		TEST(steps_the_epoch_once_the_tables_are_changed),
		TEST(keeps_the_epoch_for_what_makes_no_directory_interesting),
		TEST(replaces_the_name_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_maps.h"
#include "sensor/counters.h"

#define MAP         0
#define REPORTS_MAX 4096
#define RECORDS_MAX 4096
#define ROOM        256 /* of a path in a record */
#define FIRST_NS    1000

/* A record with room for its path. */
union record {
	struct access_record record;
	char bytes[sizeof(struct access_record) + ROOM];
};

struct report {
	struct access_key key;
	uint64_t count, first_ns, last_ns;
	bool is_first;
	char path[ROOM]; /* as it came, "" for none */
	size_t path_size;
	int dirfd;
};

/* What the programs do (bpf/observe.h), and a receiver that notes what it is told. */
struct fixture {
	struct counters *counters;
	struct report reports[REPORTS_MAX];
	size_t reports_count;
	union record sent[RECORDS_MAX]; /* on the ring, from `taken` on */
	size_t sent_count, taken;
	uint64_t now;
	uint32_t epoch;
	bool drops_records;    /* the ring is full */
	uint32_t refused_file; /* ino of the file that is no secret */
	size_t cookies;        /* alive */
	uint64_t accesses, alone_lost;
};

static bool on_report(void *context, const struct counted *counted)
{
	struct fixture *f = context;
	struct report *report = &f->reports[f->reports_count];

	assert_true(f->reports_count < REPORTS_MAX);
	if (counted->key->file.ino == f->refused_file)
		return false;
	f->reports_count++;
	*report = (struct report){
		.key = *counted->key,
		.count = counted->count,
		.first_ns = counted->first_ns,
		.last_ns = counted->last_ns,
		.is_first = counted->is_first,
		.path_size = counted->path_size,
		.dirfd = counted->dirfd,
	};
	if (counted->path) {
		assert_in_range(counted->path_size, 1, ROOM);
		memcpy(report->path, counted->path, counted->path_size);
	}
	assert_true(counted->count > 0);
	assert_non_null(counted->value);
	if (!*counted->cookie) {
		*counted->cookie = malloc(1);
		f->cookies++;
	}
	return true;
}

static void on_forget(void *context, void *cookie)
{
	struct fixture *f = context;

	assert_non_null(cookie);
	free(cookie);
	f->cookies--;
}

static void set_up_with(struct fixture *f, size_t kernel_max, size_t own_max)
{
	const struct counters_ops ops = {.report = on_report, .forget = on_forget, .context = f};

	fake_map_new(MAP, sizeof(struct access_key), sizeof(struct access_value), kernel_max);
	f->now = FIRST_NS;
	f->refused_file = UINT32_MAX;
	assert_int_equal(counters_new(MAP, own_max, &ops, &f->counters), 0);
}

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	assert_non_null(*state);
	set_up_with(*state, 1024, 1024);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	counters_free(f->counters);
	assert_int_equal(f->cookies, 0);
	fake_maps_free();
	free(f);
	return 0;
}

static struct access_key key_of(uint32_t pid, uint64_t ino)
{
	return (struct access_key){
		.process = {.pid = pid, .start_ns = (uint64_t)pid * 1000},
		.file = {.ino = ino, .dev = 1},
		.kind = ACCESS_OPEN,
		.via = VIA_OPENAT,
		.mode = MODE_READ,
	};
}

static struct process_id process_of(uint32_t pid)
{
	return key_of(pid, 0).process;
}

static void send_record(struct fixture *f, const struct access_key *key, const struct access_value *value,
			const char *path, size_t path_size)
{
	union record *record = &f->sent[f->sent_count];

	assert_true(f->sent_count < RECORDS_MAX && path_size <= ROOM);
	f->sent_count++;
	memset(record, 0, sizeof(*record));
	record->record = (struct access_record){
		.header = {.type = RECORD_ACCESS, .size = (__u32)(sizeof(struct access_record) + path_size)},
		.key = *key,
		.value = *value,
		.path_size = (__u32)path_size,
		.dirfd = -100,
	};
	record->record.header.time_ns = value->last_ns;
	memcpy(record->record.path, path, path_size);
}

/* One access, as observe_slot() and announce() do it. */
static void access_with(struct fixture *f, struct access_key key, uint32_t flags, const char *path, size_t path_size)
{
	struct access_value fresh = {.count = 1, .first_ns = ++f->now, .last_ns = f->now, .epoch = f->epoch};
	struct access_value *value = fake_value(MAP, &key);

	fresh.flags = flags;
	f->accesses++;
	if (value) {
		value->count++;
		if (value->epoch != f->epoch) {
			value->epoch = f->epoch;
			value->first_ns = f->now;
		}
		value->last_ns = f->now;
		if (value->announced)
			return;
		fresh = *value;
		fresh.flags = flags;
	} else if (bpf_map_update_elem(MAP, &key, &fresh, BPF_NOEXIST) < 0) {
		fresh.flags |= ACCESS_ALONE;
	}
	if (f->drops_records) {
		f->alone_lost += (fresh.flags & ACCESS_ALONE) != 0;
		return;
	}
	send_record(f, &key, &fresh, path, path_size);
	value = fake_value(MAP, &key);
	if (value && !(fresh.flags & ACCESS_ALONE))
		value->announced = 1;
}

static void access_file(struct fixture *f, uint32_t pid, uint64_t ino)
{
	access_with(f, key_of(pid, ino), 0, "", 0);
}

static void access_candidate(struct fixture *f, uint32_t pid, uint64_t ino)
{
	access_with(f, key_of(pid, ino), ACCESS_CANDIDATE, "key", 4);
}

static void deliver(struct fixture *f)
{
	while (f->taken < f->sent_count) {
		const union record *record = &f->sent[f->taken++];

		counters_record(f->counters, &record->record, record->record.header.size);
	}
	f->taken = f->sent_count = 0;
}

static void flush(struct fixture *f)
{
	f->epoch++;
	assert_int_equal(counters_flush(f->counters), 0);
}

static uint64_t sum(const struct fixture *f)
{
	uint64_t total = 0;

	for (size_t i = 0; i < f->reports_count; i++)
		total += f->reports[i].count;
	return total;
}

/* ---------------------------------------------------------------- exact sums */

static void reports_the_first_access_at_once_and_repeats_at_the_flush(void **state)
{
	struct fixture *f = *state;

	access_file(f, 10, 1);
	deliver(f);
	assert_int_equal(f->reports_count, 1);
	assert_int_equal(f->reports[0].count, 1);
	assert_true(f->reports[0].is_first);
	for (int i = 0; i < 5; i++)
		access_file(f, 10, 1);
	deliver(f);
	assert_int_equal(f->reports_count, 1);
	flush(f);
	assert_int_equal(f->reports_count, 2);
	assert_int_equal(f->reports[1].count, 5);
	assert_false(f->reports[1].is_first);
	flush(f);
	assert_int_equal(f->reports_count, 2);
}

static void counts_apart_by_each_part_of_the_key(void **state)
{
	struct fixture *f = *state;
	struct access_key keys[10];

	for (size_t i = 0; i < 10; i++)
		keys[i] = key_of(10, 1);
	keys[1].process.pid++;
	keys[2].process.start_ns++;
	keys[3].file.generation++;
	keys[4].identity++;
	keys[5].kind++;
	keys[6].via++;
	keys[7].mode++;
	keys[8].result++;
	keys[9].target++;
	for (size_t i = 0; i < 10; i++)
		access_with(f, keys[i], 0, "", 0);
	deliver(f);
	assert_int_equal(f->reports_count, 10);
	for (size_t i = 0; i < 10; i++)
		assert_memory_equal(&f->reports[i].key, &keys[i], sizeof(keys[i]));
	assert_int_equal(counters_stats(f->counters).live, 10);
}

static void finds_at_the_flush_a_counter_whose_record_was_lost(void **state)
{
	struct fixture *f = *state;

	f->drops_records = true;
	access_file(f, 10, 1);
	access_file(f, 10, 1);
	f->drops_records = false;
	flush(f);
	assert_int_equal(sum(f), 2);
	assert_true(f->reports[0].is_first);
	assert_int_equal(f->reports[0].path_size, 0);
	assert_int_equal(counters_stats(f->counters).recovered, 1);
	access_file(f, 10, 1); /* not announced yet: sends its record now */
	deliver(f);
	flush(f);
	assert_int_equal(sum(f), 3);
}

static void leaves_to_its_record_what_is_still_on_the_ring(void **state)
{
	struct fixture *f = *state;

	access_file(f, 10, 1);
	access_candidate(f, 10, 2);
	flush(f);
	assert_int_equal(f->reports_count, 0);
	deliver(f);
	assert_int_equal(sum(f), 2);
	assert_int_equal(f->reports[1].path_size, 4);
	assert_int_equal(counters_stats(f->counters).recovered, 0);
}

static void waits_with_a_candidate_until_a_record_brings_its_path(void **state)
{
	struct fixture *f = *state;

	f->drops_records = true;
	access_candidate(f, 10, 1);
	access_candidate(f, 10, 1);
	f->drops_records = false;
	flush(f);
	assert_int_equal(f->reports_count, 0);
	access_candidate(f, 10, 1);
	deliver(f);
	flush(f);
	assert_int_equal(sum(f), 3);
	assert_int_equal(f->reports[0].count, 3);
	assert_string_equal(f->reports[0].path, "key");
}

static void counts_as_unresolved_what_ends_without_a_path(void **state)
{
	struct fixture *f = *state;
	struct process_id process = process_of(10);

	f->drops_records = true;
	access_candidate(f, 10, 1);
	access_candidate(f, 10, 1);
	counters_process_exit(f->counters, &process);
	flush(f);
	assert_int_equal(f->reports_count, 0);
	assert_int_equal(counters_stats(f->counters).unresolved, 2);
	assert_int_equal(fake_maps[MAP].count, 0);
}

static void counts_once_when_two_threads_were_first(void **state)
{
	struct fixture *f = *state;
	struct access_key key = key_of(10, 1);
	struct access_value value;

	access_file(f, 10, 1);
	/* The other one lost the race for the entry, found it not yet announced, and sent a record too. */
	((struct access_value *)fake_value(MAP, &key))->announced = 0;
	access_file(f, 10, 1);
	assert_int_equal(f->sent_count, 2);
	deliver(f);
	flush(f);
	assert_int_equal(sum(f), 2);
	assert_int_equal(counters_stats(f->counters).live, 1);
	assert_int_equal(bpf_map_lookup_elem(MAP, &key, &value), 0);
}

static void counts_all_when_the_slower_record_comes_first(void **state)
{
	struct fixture *f = *state;
	struct access_key key = key_of(10, 1);
	union record first;

	access_file(f, 10, 1);
	((struct access_value *)fake_value(MAP, &key))->announced = 0;
	access_file(f, 10, 1);
	first = f->sent[0];
	f->sent[0] = f->sent[1];
	f->sent[1] = first;
	deliver(f);
	flush(f);
	assert_int_equal(sum(f), 2);
}

static void forgets_a_record_that_a_flush_was_faster_than(void **state)
{
	struct fixture *f = *state;
	struct access_key key = key_of(10, 1);

	access_file(f, 10, 1);
	((struct access_value *)fake_value(MAP, &key))->announced = 0; /* the program is not done yet */
	flush(f);
	((struct access_value *)fake_value(MAP, &key))->announced = 1;
	deliver(f);
	access_file(f, 10, 1);
	flush(f);
	assert_int_equal(sum(f), 2);
}

/* ---------------------------------------------------------------- ends of processes */

static void reports_the_rest_when_the_process_ends(void **state)
{
	struct fixture *f = *state;
	struct process_id process = process_of(10);

	access_file(f, 10, 1);
	access_file(f, 10, 2);
	access_file(f, 11, 1);
	deliver(f);
	access_file(f, 10, 1);
	access_file(f, 10, 2);
	access_file(f, 10, 2);
	counters_process_exit(f->counters, &process);
	assert_int_equal(sum(f), 6);
	assert_int_equal(counters_stats(f->counters).live, 1);
	assert_int_equal(fake_maps[MAP].count, 1);
	assert_int_equal(f->cookies, 1);
}

static void takes_a_record_that_comes_after_the_end(void **state)
{
	struct fixture *f = *state;
	struct process_id process = process_of(10);

	access_file(f, 10, 1);
	access_file(f, 10, 1);
	counters_process_exit(f->counters, &process);
	assert_int_equal(f->reports_count, 0);
	deliver(f);
	assert_int_equal(sum(f), 2);
	assert_int_equal(counters_stats(f->counters).live, 0);
	assert_int_equal(fake_maps[MAP].count, 0);
	assert_int_equal(f->cookies, 0);
}

/* Its first record ended the counter; that of the thread that was first too comes when the entry is gone. */
static void counts_once_when_two_threads_were_first_and_the_process_has_ended(void **state)
{
	struct fixture *f = *state;
	struct access_key key = key_of(10, 1);
	struct process_id process = process_of(10);

	access_file(f, 10, 1);
	((struct access_value *)fake_value(MAP, &key))->announced = 0;
	access_file(f, 10, 1);
	access_file(f, 10, 1);
	counters_process_exit(f->counters, &process);
	deliver(f);
	flush(f);
	assert_int_equal(sum(f), 3);
	assert_int_equal(counters_stats(f->counters).live, 0);
}

static void counts_once_what_a_flush_found_before_its_next_record_and_the_end(void **state)
{
	struct fixture *f = *state;
	struct process_id process = process_of(10);

	f->drops_records = true;
	access_file(f, 10, 1);
	f->drops_records = false;
	flush(f);
	access_file(f, 10, 1);
	counters_process_exit(f->counters, &process);
	deliver(f);
	assert_int_equal(sum(f), 2);
}

static void finds_at_the_flush_what_a_dead_process_left(void **state)
{
	struct fixture *f = *state;
	struct process_id process = process_of(10);

	f->drops_records = true;
	access_file(f, 10, 1);
	access_file(f, 10, 1);
	counters_process_exit(f->counters, &process);
	flush(f);
	assert_int_equal(sum(f), 2);
	assert_int_equal(counters_stats(f->counters).live, 0);
	assert_int_equal(fake_maps[MAP].count, 0);
}

static void keeps_the_counters_of_another_process_with_the_same_pid(void **state)
{
	struct fixture *f = *state;
	struct access_key key = key_of(10, 1);
	struct process_id former = process_of(10);

	key.process.start_ns += 5;
	access_with(f, key, 0, "", 0);
	counters_process_exit(f->counters, &former);
	deliver(f);
	assert_int_equal(counters_stats(f->counters).live, 1);
	assert_int_equal(sum(f), 1);
}

static void takes_the_end_of_a_process_twice(void **state)
{
	struct fixture *f = *state;
	struct process_id process = process_of(10);

	access_file(f, 10, 1);
	deliver(f);
	counters_process_exit(f->counters, &process);
	counters_process_exit(f->counters, &process);
	assert_int_equal(sum(f), 1);
}

static void sweeps_out_the_processes_that_are_gone(void **state)
{
	struct fixture *f = *state;
	struct access_key own = key_of((uint32_t)getpid(), 1);
	struct access_key reused = own;
	char stat[1024] = "";
	const char *at;
	FILE *file = fopen("/proc/self/stat", "re");
	pid_t child;

	assert_non_null(file);
	assert_non_null(fgets(stat, sizeof(stat), file));
	(void)fclose(file);
	at = strrchr(stat, ')');
	for (int i = 0; i < 20; i++) {
		assert_non_null(at);
		at = strchr(at + 1, ' ');
	}
	assert_non_null(at);
	own.process.start_ns = strtoull(at, NULL, 10) * (1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK)) + 7;
	reused.process.start_ns = own.process.start_ns - 1000000000ULL;
	child = fork();
	if (child == 0)
		_exit(0);
	assert_true(child > 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	access_with(f, own, 0, "", 0);
	access_with(f, reused, 0, "", 0);
	access_file(f, (uint32_t)child, 1);
	deliver(f);
	access_file(f, (uint32_t)child, 1);
	counters_sweep(f->counters);
	assert_int_equal(sum(f), 4);
	assert_int_equal(counters_stats(f->counters).live, 1);
	assert_non_null(fake_value(MAP, &own));
	assert_int_equal(fake_maps[MAP].count, 1);
}

/* ---------------------------------------------------------------- no room, no secret */

static void reports_alone_what_no_counter_holds(void **state)
{
	struct fixture *f = *state;

	counters_free(f->counters);
	fake_maps_free();
	set_up_with(f, 1, 16);
	access_file(f, 10, 1);
	for (int i = 0; i < 3; i++)
		access_file(f, 11, 2);
	deliver(f);
	assert_int_equal(f->reports_count, 4);
	assert_int_equal(sum(f), 4);
	assert_true(f->reports[3].is_first);
	assert_int_equal(counters_stats(f->counters).live, 1);
	assert_int_equal(f->cookies, 1); /* those of the lonely ones were forgotten at once */
	flush(f);
	assert_int_equal(sum(f), 4);
}

static void counts_all_when_its_own_table_is_full(void **state)
{
	struct fixture *f = *state;

	counters_free(f->counters);
	fake_maps_free();
	set_up_with(f, 16, 1);
	access_file(f, 10, 1);
	access_file(f, 11, 2);
	access_file(f, 11, 2);
	access_file(f, 11, 2);
	deliver(f);
	access_file(f, 11, 2);
	deliver(f);
	flush(f);
	assert_int_equal(sum(f), f->accesses);
}

static void drops_a_candidate_that_is_no_secret(void **state)
{
	struct fixture *f = *state;

	f->refused_file = 7;
	access_candidate(f, 10, 7);
	access_candidate(f, 10, 8);
	deliver(f);
	assert_int_equal(f->reports_count, 1);
	assert_int_equal(counters_stats(f->counters).live, 1);
	assert_int_equal(fake_maps[MAP].count, 1);
	access_candidate(f, 10, 7); /* asked again, from the start */
	assert_int_equal(f->sent_count, 1);
	deliver(f);
	assert_int_equal(f->reports_count, 1);
}

static void drops_and_forgets_what_is_no_secret_any_more(void **state)
{
	struct fixture *f = *state;

	access_file(f, 10, 7);
	deliver(f);
	assert_int_equal(f->cookies, 1);
	access_file(f, 10, 7);
	f->refused_file = 7;
	flush(f);
	assert_int_equal(sum(f), 1);
	assert_int_equal(counters_stats(f->counters).live, 0);
	assert_int_equal(fake_maps[MAP].count, 0);
	assert_int_equal(f->cookies, 0);
}

static void passes_on_the_error_of_the_kernel_and_goes_on_at_the_next_flush(void **state)
{
	struct fixture *f = *state;

	access_file(f, 10, 1);
	deliver(f);
	access_file(f, 10, 1);
	fake_maps[MAP].failure = -ENOMEM;
	fake_maps[MAP].calls_until_failure = 1;
	assert_int_equal(counters_flush(f->counters), -ENOMEM);
	assert_int_equal(counters_flush(f->counters), 0);
	assert_int_equal(sum(f), 2);
}

/* ---------------------------------------------------------------- times, sizes, paths */

static void tells_times_that_never_go_back(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i <= round % 3; i++)
			access_file(f, 10, 1);
		deliver(f);
		if (round % 4 == 0)
			assert_int_equal(counters_flush(f->counters), 0); /* and no new epoch */
		else
			flush(f);
	}
	assert_true(f->reports_count > 5);
	for (size_t i = 0; i < f->reports_count; i++) {
		assert_true(f->reports[i].first_ns <= f->reports[i].last_ns);
		assert_true(f->reports[i].last_ns <= f->now);
		if (i > 0)
			assert_true(f->reports[i].first_ns >= f->reports[i - 1].last_ns);
	}
	assert_int_equal(sum(f), f->accesses);
}

static void tells_the_first_time_of_each_epoch(void **state)
{
	struct fixture *f = *state;
	uint64_t begin;

	access_file(f, 10, 1);
	deliver(f);
	flush(f);
	f->now = 5000;
	access_file(f, 10, 1);
	begin = f->now;
	access_file(f, 10, 1);
	flush(f);
	assert_int_equal(f->reports[1].first_ns, begin);
	assert_int_equal(f->reports[1].last_ns, begin + 1);
}

static void hands_on_the_path_as_it_came(void **state)
{
	struct fixture *f = *state;

	access_with(f, key_of(10, 1), ACCESS_BY_PATH, "a\0bc\0", 5);
	deliver(f);
	assert_int_equal(f->reports[0].path_size, 5);
	assert_memory_equal(f->reports[0].path, "a\0bc\0", 5);
	assert_int_equal(f->reports[0].dirfd, -100);
}

static void takes_no_path_that_does_not_end(void **state)
{
	struct fixture *f = *state;

	access_with(f, key_of(10, 1), ACCESS_CANDIDATE, "abc", 3);
	deliver(f);
	assert_int_equal(f->reports_count, 1);
	assert_int_equal(f->reports[0].path_size, 0);
	assert_int_equal(f->reports[0].dirfd, -1);
}

static void refuses_records_of_a_wrong_size(void **state)
{
	struct fixture *f = *state;
	size_t whole = sizeof(struct access_record) + 4;

	for (size_t size = 0; size < whole; size++) {
		struct access_record *copy = malloc(size > 0 ? size : 1); /* exact, for the sanitizer */

		assert_non_null(copy);
		access_candidate(f, 10, 1);
		memcpy(copy, &f->sent[0].record, size);
		counters_record(f->counters, copy, size);
		free(copy);
		f->sent_count = 0;
		fake_maps_free();
		fake_map_new(MAP, sizeof(struct access_key), sizeof(struct access_value), 16);
	}
	access_candidate(f, 10, 1);
	f->sent[0].record.path_size = UINT32_MAX;
	counters_record(f->counters, &f->sent[0].record, whole);
	assert_int_equal(f->reports_count, 0);
	assert_int_equal(counters_stats(f->counters).live, 0);
}

/* ---------------------------------------------------------------- anything in any order */

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

#define PROCESSES 4

/* One step of anything; `lives` counts how often each pid began again. */
static void step(struct fixture *f, uint32_t *random, uint64_t lives[PROCESSES])
{
	uint32_t pid = next_random(random) % PROCESSES;
	uint32_t what = next_random(random) % 20;
	struct access_key key = key_of(pid + 1, 1 + next_random(random) % 3);

	key.process.start_ns += lives[pid];
	f->drops_records = next_random(random) % 4 == 0;
	if (what < 9) {
		access_with(f, key, 0, "", 0);
	} else if (what < 13) {
		key.file.dev = 2;
		access_with(f, key, ACCESS_CANDIDATE, "key", 4);
	} else if (what < 15) {
		deliver(f);
	} else if (what < 18) {
		flush(f);
	} else {
		/* Only the last end of a pid is remembered: what its former life left has come by the next. */
		if (lives[pid] > 0) {
			deliver(f);
			flush(f);
		}
		counters_process_exit(f->counters, &key.process);
		lives[pid]++;
	}
}

static void end_all(struct fixture *f, const uint64_t lives[PROCESSES])
{
	deliver(f);
	for (uint32_t pid = 0; pid < PROCESSES; pid++) {
		struct process_id process = process_of(pid + 1);

		process.start_ns += lives[pid];
		flush(f);
		counters_process_exit(f->counters, &process);
	}
	flush(f);
}

/*
 * Accesses, lost records, late records, flushes, ends, in any order, with tables that are too small: nothing goes
 * missing and nothing counts twice.
 */
static void adds_up_to_the_accesses_made(void **state)
{
	struct fixture *f = *state;

	for (uint32_t seed = 1; seed <= 200; seed++) {
		uint64_t lives[PROCESSES] = {0};
		uint32_t random = seed;

		counters_free(f->counters);
		fake_maps_free();
		*f = (struct fixture){0};
		set_up_with(f, seed % 3 ? 64 : 6, 64);
		for (int i = 0; i < 300; i++)
			step(f, &random, lives);
		end_all(f, lives);
		assert_int_equal(sum(f) + counters_stats(f->counters).unresolved + f->alone_lost, f->accesses);
		assert_int_equal(counters_stats(f->counters).live, 0);
		assert_int_equal(fake_maps[MAP].count, 0);
		assert_int_equal(f->cookies, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reports_the_first_access_at_once_and_repeats_at_the_flush),
		TEST(counts_apart_by_each_part_of_the_key),
		TEST(finds_at_the_flush_a_counter_whose_record_was_lost),
		TEST(leaves_to_its_record_what_is_still_on_the_ring),
		TEST(waits_with_a_candidate_until_a_record_brings_its_path),
		TEST(counts_as_unresolved_what_ends_without_a_path),
		TEST(counts_once_when_two_threads_were_first),
		TEST(counts_all_when_the_slower_record_comes_first),
		TEST(forgets_a_record_that_a_flush_was_faster_than),
		TEST(reports_the_rest_when_the_process_ends),
		TEST(takes_a_record_that_comes_after_the_end),
		TEST(counts_once_when_two_threads_were_first_and_the_process_has_ended),
		TEST(counts_once_what_a_flush_found_before_its_next_record_and_the_end),
		TEST(finds_at_the_flush_what_a_dead_process_left),
		TEST(keeps_the_counters_of_another_process_with_the_same_pid),
		TEST(takes_the_end_of_a_process_twice),
		TEST(sweeps_out_the_processes_that_are_gone),
		TEST(reports_alone_what_no_counter_holds),
		TEST(counts_all_when_its_own_table_is_full),
		TEST(drops_a_candidate_that_is_no_secret),
		TEST(drops_and_forgets_what_is_no_secret_any_more),
		TEST(passes_on_the_error_of_the_kernel_and_goes_on_at_the_next_flush),
		TEST(tells_times_that_never_go_back),
		TEST(tells_the_first_time_of_each_epoch),
		TEST(hands_on_the_path_as_it_came),
		TEST(takes_no_path_that_does_not_end),
		TEST(refuses_records_of_a_wrong_size),
		TEST(adds_up_to_the_accesses_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Rings and tables that are full: what cannot be told is counted by place, and no access is lost that was counted. */
#include "bpf_fixture.h"

#include "sensor.skel.h"
#include "sensor/counters.h"
#include "sensor/kernel_tables.h"

#define FILES    40
#define REPEATS  3
#define CHILDREN 200

static struct bpf_fixture *opened_by;

static const char *file_name(const struct bpf_fixture *f, size_t number)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "secret%zu", number);
	return at(f, name);
}

static int open_all(const void *argument)
{
	(void)argument;
	for (int round = 0; round < REPEATS; round++) {
		for (size_t i = 0; i < FILES; i++) {
			int r = open_once(file_name(opened_by, i));

			if (r)
				return r;
		}
	}
	return 0;
}

static void watch_all(struct bpf_fixture *f)
{
	char name[32];

	for (size_t i = 0; i < FILES; i++) {
		(void)snprintf(name, sizeof(name), "secret%zu", i);
		(void)watch(f, make_file(f, name));
	}
	opened_by = f;
}

static void page_ring(struct bpf_map *map)
{
	assert_int_equal(bpf_map__set_max_entries(map, (__u32)getpagesize()), 0);
}

struct sum {
	uint64_t count;
	size_t alone;
};

static bool add_up(void *context, const struct counted *counted)
{
	struct sum *sum = context;

	sum->count += counted->count;
	sum->alone += (counted->value->flags & ACCESS_ALONE) != 0;
	return true;
}

static void forget_nothing(void *context, void *cookie)
{
	(void)context;
	(void)cookie;
}

/* What the daemon makes of the ring and the counters. */
static struct sum add_up_as_the_daemon(struct bpf_fixture *f)
{
	struct sum sum = {0};
	const struct counters_ops ops = {.report = add_up, .forget = forget_nothing, .context = &sum};
	struct counters *counters;

	assert_int_equal(counters_new(bpf_map__fd(f->bpf->maps.counters), 1024, &ops, &counters), 0);
	drain(f);
	for (size_t i = 0; i < f->accesses.count; i++)
		counters_record(counters, access_at(f, i), f->accesses.at[i].size);
	assert_int_equal(counters_flush(counters), 0);
	assert_int_equal(counters_flush(counters), 0);
	counters_free(counters);
	return sum;
}

static void reports_alone_what_the_counters_have_no_room_for(void **state)
{
	struct bpf_fixture *f = *state;
	const size_t room = 16, alone = (FILES - 16) * REPEATS;
	struct cpu_counters cpus;
	struct sum sum;
	size_t counters, told = 0;
	pid_t pid;

	assert_int_equal(bpf_map__set_max_entries(f->bpf->maps.counters, (__u32)room), 0);
	START(f, open_program(f));
	watch_all(f);
	pid = child_run(open_all, NULL);
	assert_int_equal(accesses_by(f, pid), room + alone);
	for (size_t i = 0; i < f->accesses.count; i++)
		told += (access_at(f, i)->value.flags & ACCESS_ALONE) != 0;
	assert_int_equal(told, alone);
	assert_int_equal(counted(f, &counters), room * REPEATS);
	assert_int_equal(counters, room);
	cpus = all_cpus(f);
	assert_int_equal(cpus.losses[LOSS_COUNTERS_FULL], alone);
	assert_int_equal(cpus.losses[LOSS_UNCOUNTED], 0);
	sum = add_up_as_the_daemon(f);
	assert_int_equal(sum.count, FILES * REPEATS);
	assert_int_equal(sum.alone, alone);
}

static void counts_what_a_full_ring_does_not_take(void **state)
{
	struct bpf_fixture *f = *state;
	struct cpu_counters cpus;
	size_t counters, got;
	pid_t pid;

	page_ring(f->bpf->maps.accesses);
	START(f, open_program(f));
	watch_all(f);
	pid = child_run(open_all, NULL);
	cpus = all_cpus(f);
	got = accesses_by(f, pid);
	assert_in_range(got, 1, FILES - 1);
	/* Who could not be announced tries again with the next access. */
	assert_int_equal(cpus.losses[LOSS_ACCESS_RING], (FILES - got) * REPEATS);
	assert_int_equal(cpus.access_seq, got + cpus.losses[LOSS_ACCESS_RING]);
	assert_int_equal(cpus.losses[LOSS_UNCOUNTED], 0);
	assert_int_equal(counted(f, &counters), FILES * REPEATS);
	assert_int_equal(counters, FILES);
	assert_int_equal(f->bpf->bss->has_repeats, 1);
	assert_int_equal(add_up_as_the_daemon(f).count, FILES * REPEATS);
}

static void announces_again_when_the_ring_has_room(void **state)
{
	struct bpf_fixture *f = *state;
	size_t got;

	page_ring(f->bpf->maps.accesses);
	START(f, open_program(f));
	watch_all(f);
	(void)child_run(open_all, NULL);
	drain(f);
	got = f->accesses.count;
	assert_true(got < FILES);
	(void)child_run(open_all, NULL); /* another process: all are first again */
	drain(f);
	assert_in_range(f->accesses.count, got + 1, got + FILES - 1);
	assert_int_equal(add_up_as_the_daemon(f).count, 2 * FILES * REPEATS);
}

static void says_how_many_nothing_could_hold(void **state)
{
	struct bpf_fixture *f = *state;
	struct cpu_counters cpus;
	uint64_t sum;

	page_ring(f->bpf->maps.accesses);
	assert_int_equal(bpf_map__set_max_entries(f->bpf->maps.counters, 4), 0);
	START(f, open_program(f));
	watch_all(f);
	(void)child_run(open_all, NULL);
	cpus = all_cpus(f);
	sum = add_up_as_the_daemon(f).count;
	assert_true(cpus.losses[LOSS_UNCOUNTED] > 0);
	assert_int_equal(sum + cpus.losses[LOSS_UNCOUNTED], FILES * REPEATS);
}

static int do_nothing(const void *argument)
{
	(void)argument;
	return 0;
}

/* All processes of the host are told, so the sums are what can be relied on. */
static void counts_processes_that_a_full_ring_does_not_take(void **state)
{
	struct bpf_fixture *f = *state;
	struct cpu_counters before, after;
	size_t got;

	page_ring(f->bpf->maps.processes);
	START(f, "process_fork", "process_exit");
	for (int i = 0; i < CHILDREN; i++)
		(void)child_run(do_nothing, NULL);
	before = all_cpus(f);
	drain(f);
	after = all_cpus(f);
	got = f->processes.count;
	assert_true(got > 0);
	assert_true(before.losses[LOSS_PROCESS_RING] > CHILDREN);
	assert_true(before.process_seq >= (uint64_t)2 * CHILDREN);
	assert_true(got + before.losses[LOSS_PROCESS_RING] <= after.process_seq);
	assert_true(got + after.losses[LOSS_PROCESS_RING] >= before.process_seq);
}

static void counts_holders_that_there_is_no_room_for(void **state)
{
	struct bpf_fixture *f = *state;
	struct child children[4];

	assert_int_equal(bpf_map__set_max_entries(f->bpf->maps.holders, 2), 0);
	START(f, open_program(f));
	watch_all(f);
	for (size_t i = 0; i < 4; i++)
		children[i] = child_start(open_once, file_name(f, i));
	for (size_t i = 0; i < 4; i++)
		child_end(&children[i]);
	assert_int_equal(all_cpus(f).losses[LOSS_HOLDERS_FULL], 2);
	assert_int_equal(add_up_as_the_daemon(f).count, 4);
}

int main(void)
{
	static const struct bpf_case cases[] = {
		CASE(reports_alone_what_the_counters_have_no_room_for), CASE(counts_what_a_full_ring_does_not_take),
		CASE(announces_again_when_the_ring_has_room),           CASE(says_how_many_nothing_could_hold),
		CASE(counts_processes_that_a_full_ring_does_not_take),  CASE(counts_holders_that_there_is_no_room_for),
	};

	return RUN_CASES(cases);
}

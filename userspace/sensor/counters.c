/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/counters.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>
#include <uthash.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define BATCH            512
#define EXITS_REMEMBERED 65536 /* a power of two: one for each low half of a pid */

struct counter {
	struct access_key key;
	uint64_t reported;
	uint64_t last_ns; /* of the last report */
	void *cookie;
	struct counted_process *process;
	LIST_ENTRY(counter) siblings;
	UT_hash_handle hh;
};

struct counted_process {
	struct process_id id;
	LIST_HEAD(, counter) counters;
	UT_hash_handle hh;
};

struct counters {
	int map_fd;
	size_t max;
	struct counters_ops ops;
	struct counter *by_key;
	struct counted_process *processes;
	struct process_id *exits; /* the last process that ended, by the low half of its pid */
	struct access_key *batch_keys;
	struct access_value *batch_values;
	struct counters_stats stats;
};

int counters_new(int map_fd, size_t max_counters, const struct counters_ops *ops, struct counters **ret_counters)
{
	struct counters *counters = calloc(1, sizeof(*counters));

	if (!counters)
		return -ENOMEM;
	counters->map_fd = map_fd;
	counters->max = max_counters;
	counters->ops = *ops;
	counters->exits = calloc(EXITS_REMEMBERED, sizeof(*counters->exits));
	counters->batch_keys = calloc(BATCH, sizeof(*counters->batch_keys));
	counters->batch_values = calloc(BATCH, sizeof(*counters->batch_values));
	if (!counters->exits || !counters->batch_keys || !counters->batch_values) {
		counters_free(counters);
		return -ENOMEM;
	}
	*ret_counters = counters;
	return 0;
}

/* Takes the counter out of all tables of ours; the kernel's entry is the caller's business. */
static void counter_free(struct counters *counters, struct counter *counter)
{
	struct counted_process *process = counter->process;

	HASH_DEL(counters->by_key, counter);
	LIST_REMOVE(counter, siblings);
	if (LIST_EMPTY(&process->counters)) {
		HASH_DEL(counters->processes, process);
		free(process);
	}
	if (counter->cookie)
		counters->ops.forget(counters->ops.context, counter->cookie);
	free(counter);
	counters->stats.live--;
}

void counters_free(struct counters *counters)
{
	struct counter *counter, *next;

	if (!counters)
		return;
	HASH_ITER (hh, counters->by_key, counter, next)
		counter_free(counters, counter);
	free(counters->exits);
	free(counters->batch_keys);
	free(counters->batch_values);
	free(counters);
}

static struct counted_process *process_get(struct counters *counters, const struct process_id *id)
{
	struct counted_process *process;

	HASH_FIND(hh, counters->processes, id, sizeof(*id), process);
	if (process)
		return process;
	process = calloc(1, sizeof(*process));
	if (!process)
		return NULL;
	process->id = *id;
	LIST_INIT(&process->counters);
	HASH_ADD(hh, counters->processes, id, sizeof(process->id), process);
	return process;
}

static struct counter *counter_find(struct counters *counters, const struct access_key *key)
{
	struct counter *counter;

	HASH_FIND(hh, counters->by_key, key, sizeof(*key), counter);
	return counter;
}

static struct counter *counter_add(struct counters *counters, const struct access_key *key)
{
	struct counted_process *process = process_get(counters, &key->process);
	struct counter *counter = process ? calloc(1, sizeof(*counter)) : NULL;

	if (!counter) {
		if (process && LIST_EMPTY(&process->counters)) {
			HASH_DEL(counters->processes, process);
			free(process);
		}
		return NULL;
	}
	counter->key = *key;
	counter->process = process;
	LIST_INSERT_HEAD(&process->counters, counter, siblings);
	HASH_ADD(hh, counters->by_key, key, sizeof(counter->key), counter);
	counters->stats.live++;
	return counter;
}

static void kernel_delete(const struct counters *counters, const struct access_key *key)
{
	(void)bpf_map_delete_elem(counters->map_fd, key); /* -ENOENT: an access that had no counter */
}

/* False when the receiver wants no more of this counter. */
static bool report(struct counters *counters, struct counter *counter, const struct access_value *value,
		   struct counted *counted)
{
	uint64_t count = value->count - counter->reported;

	counted->key = &counter->key;
	counted->value = value;
	counted->count = count;
	counted->cookie = &counter->cookie;
	counted->is_first = counter->reported == 0;
	/* The kernel notes the first access of each flush epoch; a report within one starts after the one before. */
	counted->first_ns = value->first_ns > counter->last_ns ? value->first_ns : counter->last_ns;
	counted->last_ns = value->last_ns > counted->first_ns ? value->last_ns : counted->first_ns;
	if (!counters->ops.report(counters->ops.context, counted))
		return false;
	counter->reported = value->count;
	counter->last_ns = counted->last_ns;
	return true;
}

static bool has_exited(const struct counters *counters, const struct process_id *id)
{
	const struct process_id *exited = &counters->exits[id->pid & (EXITS_REMEMBERED - 1)];

	return exited->pid == id->pid && exited->start_ns == id->start_ns;
}

/* Reports what is new in the kernel's entry, and removes it: its process is gone. */
static void counter_end(struct counters *counters, struct counter *counter)
{
	struct access_value value;
	struct counted counted = {.dirfd = -1};

	if (bpf_map_lookup_elem(counters->map_fd, &counter->key, &value) == 0 && value.count > counter->reported)
		(void)report(counters, counter, &value, &counted);
	kernel_delete(counters, &counter->key);
	counter_free(counters, counter);
}

static bool needs_path(const struct access_value *value)
{
	return value->flags & (ACCESS_CANDIDATE | ACCESS_BY_PATH);
}

/* Accesses that no counter of ours holds: reported alone, and forgotten. */
static void report_alone(struct counters *counters, const struct access_record *record, uint64_t count,
			 struct counted *counted)
{
	void *cookie = NULL;

	counted->key = &record->key;
	counted->value = &record->value;
	counted->count = count;
	counted->first_ns = counted->last_ns = record->header.time_ns;
	counted->is_first = true;
	counted->cookie = &cookie;
	(void)counters->ops.report(counters->ops.context, counted);
	counted->cookie = NULL;
	if (cookie)
		counters->ops.forget(counters->ops.context, cookie);
}

void counters_record(struct counters *counters, const struct access_record *record, size_t size)
{
	struct counted counted = {.dirfd = -1};
	struct access_value value;
	struct counter *counter;

	if (size < sizeof(*record) || record->path_size > size - sizeof(*record) || record->value.count == 0)
		return;
	if (record->path_size > 0 && record->path[record->path_size - 1] == '\0') {
		counted.path = record->path;
		counted.path_size = record->path_size;
		counted.path_flags = record->path_flags;
		counted.dirfd = record->dirfd;
	}
	if (record->value.flags & ACCESS_ALONE) {
		report_alone(counters, record, 1, &counted);
		return;
	}
	if (counter_find(counters, &record->key))
		return; /* two threads were first at once, or a flush found it before its record came */
	value = record->value;
	if (bpf_map_lookup_elem(counters->map_fd, &record->key, &value) < 0 && errno == ENOENT)
		return; /* the same, and the process's end has been here since: all of it is reported */
	counter = counters->stats.live < counters->max ? counter_add(counters, &record->key) : NULL;
	if (!counter) {
		report_alone(counters, record, value.count, &counted);
		kernel_delete(counters, &record->key);
		return;
	}
	if (!report(counters, counter, &record->value, &counted)) {
		kernel_delete(counters, &counter->key);
		counter_free(counters, counter);
		return;
	}
	if (has_exited(counters, &record->key.process))
		counter_end(counters, counter);
}

void counters_process_exit(struct counters *counters, const struct process_id *id)
{
	struct counted_process *process;

	counters->exits[id->pid & (EXITS_REMEMBERED - 1)] = *id;
	HASH_FIND(hh, counters->processes, id, sizeof(*id), process);
	if (!process)
		return;
	for (bool is_last = false; !is_last;) {
		struct counter *counter = LIST_FIRST(&process->counters);

		is_last = LIST_NEXT(counter, siblings) == NULL; /* the last one takes the process along */
		counter_end(counters, counter);
	}
}

/* One entry of the kernel's table, seen by a flush. */
static void flush_entry(struct counters *counters, const struct access_key *key, const struct access_value *value)
{
	struct counter *counter = counter_find(counters, key);
	struct counted counted = {.dirfd = -1};

	if (!counter) {
		/* The record was lost, or is still on the ring. Without its path a candidate cannot be told; the next
		 * access sends it again. */
		if (needs_path(value)) {
			if (!value->announced && has_exited(counters, &key->process)) {
				counters->stats.unresolved += value->count;
				kernel_delete(counters, key);
			}
			return;
		}
		if (value->announced || counters->stats.live >= counters->max)
			return;
		counter = counter_add(counters, key);
		if (!counter)
			return;
		counters->stats.recovered++;
	}
	if (value->count > counter->reported && !report(counters, counter, value, &counted)) {
		kernel_delete(counters, key);
		counter_free(counters, counter);
		return;
	}
	if (has_exited(counters, &key->process))
		counter_end(counters, counter);
}

int counters_flush(struct counters *counters)
{
	LIBBPF_OPTS(bpf_map_batch_opts, options);
	uint32_t in = 0, out = 0;
	bool is_first = true;

	for (;;) {
		uint32_t count = BATCH;
		int r = bpf_map_lookup_batch(counters->map_fd, is_first ? NULL : &in, &out, counters->batch_keys,
					     counters->batch_values, &count, &options);
		int error = r < 0 ? errno : 0;

		if (error && error != ENOENT)
			return -error;
		for (uint32_t i = 0; i < count; i++)
			flush_entry(counters, &counters->batch_keys[i], &counters->batch_values[i]);
		if (error == ENOENT)
			return 0;
		in = out;
		is_first = false;
	}
}

/* Whether the process of that pid is still the one that started then, as far as /proc says. */
static bool is_alive(const struct process_id *id)
{
	_cleanup_(closep) int fd = -1;
	char path[32];
	char stat[1024];
	const char *at;
	unsigned long long ticks;
	ssize_t size;

	(void)snprintf(path, sizeof(path), "/proc/%u/stat", id->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	size = read(fd, stat, sizeof(stat) - 1);
	if (size <= 0)
		return false;
	stat[size] = '\0';
	at = strrchr(stat, ')'); /* proc(5): the name may hold anything; 20 fields later is the start time */
	for (int i = 0; at && i < 20; i++)
		at = strchr(at + 1, ' ');
	if (!at)
		return true;
	ticks = strtoull(at, NULL, 10);
	return ticks == id->start_ns / (NS_PER_SEC / (unsigned long)sysconf(_SC_CLK_TCK));
}

void counters_sweep(struct counters *counters)
{
	struct counted_process *process, *next;

	HASH_ITER (hh, counters->processes, process, next) {
		struct process_id id = process->id;

		if (!is_alive(&id))
			counters_process_exit(counters, &id);
	}
}

struct counters_stats counters_stats(const struct counters *counters)
{
	return counters->stats;
}

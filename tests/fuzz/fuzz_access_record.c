/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon makes of the ring `accesses` and of the kernel's counters, fed with anything: steps, each led by one
 * byte that says what it is and two of its size. A record, a counter in the kernel's table, the end of a process, a
 * flush. Nothing of a record may be read past its end, every report must make sense, and nothing may be left behind.
 */
#include <stdint.h>

#include "../unit/fake_maps.h"
#include "sensor/counters.h"

#define MAP          0
#define KERNEL_MAX   8
#define COUNTERS_MAX 4
#define RECORD_MAX   (sizeof(struct access_record) + ABI_PATH_MAX + ABI_NAME_MAX)

enum step { STEP_RECORD, STEP_RECORD_WITH_COUNTER, STEP_EXIT, STEP_FLUSH, STEP_COUNT };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t cookies;

static bool on_report(void *context, const struct counted *counted)
{
	(void)context;
	if (counted->count == 0 || counted->last_ns < counted->first_ns)
		abort();
	if (counted->path && (counted->path_size == 0 || counted->path[counted->path_size - 1] != '\0'))
		abort();
	if (!*counted->cookie) {
		*counted->cookie = malloc(1);
		cookies += *counted->cookie != NULL;
	}
	return !(counted->key->mode & 1);
}

static void on_forget(void *context, void *cookie)
{
	(void)context;
	free(cookie);
	cookies--;
}

/* The kernel's own counter of the record; counts only grow there, by less than would ever overflow. */
static void add_counter(const struct access_record *record, size_t size)
{
	struct access_value value, *present;

	if (size < sizeof(*record))
		return;
	value = record->value;
	value.count = (value.count & UINT32_MAX) + 1;
	present = fake_value(MAP, &record->key);
	if (present)
		value.count += present->count;
	(void)bpf_map_update_elem(MAP, &record->key, &value, BPF_ANY);
}

static void take_step(struct counters *counters, enum step step, const void *data, size_t size)
{
	const struct access_record *record = data;

	switch (step) {
	case STEP_RECORD_WITH_COUNTER:
		add_counter(record, size);
		counters_record(counters, record, size);
		break;
	case STEP_RECORD:
		counters_record(counters, record, size);
		break;
	case STEP_EXIT:
		if (size >= sizeof(struct process_id))
			counters_process_exit(counters, data);
		break;
	default:
		(void)counters_flush(counters);
		break;
	}
	if (counters_stats(counters).live > COUNTERS_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct counters_ops ops = {.report = on_report, .forget = on_forget};
	struct counters *counters;

	fake_map_new(MAP, sizeof(struct access_key), sizeof(struct access_value), KERNEL_MAX);
	if (counters_new(MAP, COUNTERS_MAX, &ops, &counters) < 0)
		return 0;
	while (size >= 3) {
		enum step step = data[0] % STEP_COUNT;
		size_t step_size = data[1] | (size_t)data[2] << 8;
		void *copy;

		data += 3;
		size -= 3;
		if (step_size > size)
			step_size = size;
		if (step_size > RECORD_MAX)
			step_size = RECORD_MAX;
		copy = malloc(step_size > 0 ? step_size : 1); /* exact, for the sanitizer */
		if (!copy)
			break;
		memcpy(copy, data, step_size);
		take_step(counters, step, copy, step_size);
		free(copy);
		data += step_size;
		size -= step_size;
	}
	counters_free(counters);
	fake_maps_free();
	if (cookies != 0)
		abort();
	return 0;
}

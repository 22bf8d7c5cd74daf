/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/process_snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sensor/iterator.h"

#define RECORD_MAX (sizeof(struct process_record) + ABI_PATH_MAX + ABI_NAME_MAX)

/* Reads up to ABI_ARGS_MAX bytes of arguments behind the record; it may be gone by now, then it has none. */
static size_t add_args(struct process_record *record, size_t size)
{
	_cleanup_(closep) int fd = -1;
	char path[32];
	ssize_t args;

	(void)snprintf(path, sizeof(path), "/proc/%u/cmdline", record->task.id.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	args = fd < 0 ? 0 : read(fd, (char *)record + size, ABI_ARGS_MAX);
	if (args <= 0)
		return size;
	record->args_size = (__u32)args;
	record->args_truncated = args == ABI_ARGS_MAX;
	record->header.size += (__u32)args;
	return size + (size_t)args;
}

struct reading {
	struct process_record *record;
	pid_t only_pid;
	void (*fn)(void *context, const struct process_record *record, size_t size);
	void *context;
};

static void on_record(void *context, const struct record_header *header)
{
	struct reading *reading = context;

	if (header->size < sizeof(*reading->record) || header->size > RECORD_MAX)
		return;
	memcpy(reading->record, header, header->size);
	if (reading->only_pid && reading->record->task.id.pid != (__u32)reading->only_pid)
		return;
	reading->fn(reading->context, reading->record, add_args(reading->record, header->size));
}

int process_snapshot_read(const struct bpf_program *program, pid_t only_pid,
			  void (*fn)(void *context, const struct process_record *record, size_t size), void *context)
{
	_cleanup_(freep) struct process_record *record = malloc(RECORD_MAX + ABI_ARGS_MAX);
	struct reading reading = {.record = record, .only_pid = only_pid, .fn = fn, .context = context};
	int r;

	if (!record)
		return -ENOMEM;
	r = iterator_run(program, only_pid, on_record, &reading);
	/* The kernel can leave out all others from 6.1 (f0d74c4da1f0); before, we do. It fails when there is none. */
	if (only_pid && (r == -EINVAL || r == -E2BIG))
		r = iterator_run(program, 0, on_record, &reading);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/process_snapshot.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

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

int process_snapshot_read(const struct bpf_program *program,
			  void (*fn)(void *context, const struct process_record *record, size_t size), void *context)
{
	const size_t buffer_size = 64 * 1024;
	_cleanup_(freep) char *buffer = malloc(buffer_size);
	_cleanup_(freep) struct process_record *record = malloc(RECORD_MAX + ABI_ARGS_MAX);
	_cleanup_(closep) int fd = -1;
	struct bpf_link *link;
	size_t have = 0;
	ssize_t got;

	if (!buffer || !record)
		return -ENOMEM;
	link = bpf_program__attach_iter(program, NULL);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	(void)bpf_link__destroy(link); /* the iterator holds what it needs */
	if (fd < 0)
		return -errno;
	while ((got = read(fd, buffer + have, buffer_size - have)) != 0) {
		size_t at = 0;

		if (got < 0) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			return -errno;
		}
		have += (size_t)got;
		while (have - at >= sizeof(struct record_header)) {
			struct record_header header;

			memcpy(&header, buffer + at, sizeof(header));
			if (header.size < sizeof(*record) || header.size > RECORD_MAX)
				return -EPROTO;
			if (header.size > have - at)
				break;
			memcpy(record, buffer + at, header.size);
			fn(context, record, add_args(record, header.size));
			at += header.size;
		}
		memmove(buffer, buffer + at, have - at);
		have -= at;
	}
	return 0;
}

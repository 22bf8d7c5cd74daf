/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/iterator.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"
#include "base/cleanup.h"

#define BUFFER_SIZE (4 * (size_t)ITERATOR_RECORD_MAX)

/* A descriptor that reads what the program writes, or -errno. */
static int open_iterator(const struct bpf_program *program, union bpf_iter_link_info *info)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = info, .link_info_len = info ? sizeof(*info) : 0);
	struct bpf_link *link = bpf_program__attach_iter(program, &options);
	int fd;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		fd = -errno;
	(void)bpf_link__destroy(link); /* the iterator holds what it needs */
	return fd;
}

struct iteration {
	char bytes[BUFFER_SIZE];
	/* A record starts where the one before ended; here it is aligned. */
	char record[ITERATOR_RECORD_MAX] __attribute__((aligned(8)));
	size_t have;
};

/* Gives out the whole records; what is left of the next one goes to the front. 0 or -EPROTO. */
static int give(struct iteration *iteration, void (*fn)(void *context, const struct record_header *record),
		void *context)
{
	size_t at = 0;

	while (iteration->have - at >= sizeof(struct record_header)) {
		struct record_header header;

		memcpy(&header, iteration->bytes + at, sizeof(header));
		if (header.size < sizeof(header) || header.size > ITERATOR_RECORD_MAX)
			return -EPROTO;
		if (header.size > iteration->have - at)
			break;
		memcpy(iteration->record, iteration->bytes + at, header.size);
		fn(context, (const struct record_header *)(void *)iteration->record);
		at += header.size;
	}
	iteration->have -= at;
	memmove(iteration->bytes, iteration->bytes + at, iteration->have);
	return 0;
}

static int run(const struct bpf_program *program, union bpf_iter_link_info *info,
	       void (*fn)(void *context, const struct record_header *record), void *context)
{
	_cleanup_(freep) struct iteration *iteration = malloc(sizeof(*iteration));
	_cleanup_(closep) int fd = -1;
	ssize_t size;

	if (!iteration)
		return -ENOMEM;
	iteration->have = 0;
	fd = open_iterator(program, info);
	if (fd < 0)
		return fd;
	while ((size = read(fd, iteration->bytes + iteration->have, BUFFER_SIZE - iteration->have)) != 0) {
		int r;

		if (size < 0) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			return -errno;
		}
		iteration->have += (size_t)size;
		r = give(iteration, fn, context);
		if (r < 0)
			return r;
	}
	return 0;
}

int iterator_run(const struct bpf_program *program, pid_t only_pid,
		 void (*fn)(void *context, const struct record_header *record), void *context)
{
	union bpf_iter_link_info info = {.task.pid = (__u32)only_pid};

	return run(program, only_pid ? &info : NULL, fn, context);
}

int iterator_run_thread(const struct bpf_program *program, pid_t tid,
			void (*fn)(void *context, const struct record_header *record), void *context)
{
	union bpf_iter_link_info info = {.task.tid = (__u32)tid};

	return run(program, &info, fn, context);
}

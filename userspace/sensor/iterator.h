/* SPDX-License-Identifier: Apache-2.0 */
/* iterator.h: runs a BPF iterator program to its end and gives out the records that it writes. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct bpf_program;
struct record_header;

#define ITERATOR_RECORD_MAX 16384

/*
 * Calls `fn` for each record: a whole one of record->size bytes, 8-aligned, borrowed for the call. `only_pid` limits a
 * task iterator to one process (0: all) where the kernel can (6.1, f0d74c4da1f0). 0; -EPROTO for a record that cannot
 * be; errno of bpf(2) and read(2).
 */
int iterator_run(const struct bpf_program *program, pid_t only_pid,
		 void (*fn)(void *context, const struct record_header *record), void *context);
/* The same for one thread. Where the kernel cannot: -EINVAL or -E2BIG. */
int iterator_run_thread(const struct bpf_program *program, pid_t tid,
			void (*fn)(void *context, const struct record_header *record), void *context);

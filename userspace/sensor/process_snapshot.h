/* SPDX-License-Identifier: Apache-2.0 */
/* process_snapshot.h: the processes that run already, as the kernel's task iterator tells them, with their arguments.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "abi.h"

struct bpf_program;

/*
 * Calls `fn` for each process, or with `only_pid` for that one alone: a RECORD_SNAPSHOT with the arguments of
 * /proc/PID/cmdline added. 0 or -errno.
 */
int process_snapshot_read(const struct bpf_program *program, pid_t only_pid,
			  void (*fn)(void *context, const struct process_record *record, size_t size), void *context);

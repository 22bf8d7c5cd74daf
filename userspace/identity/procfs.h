/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procfs.h: what /proc says of a process that still lives.
 *
 * Every answer about a pid is worth something only while the process that was meant still has it: readers check
 * procfs_is_alive *after* they read. Start times are compared at the clock ticks of /proc/PID/stat, which counts in the
 * reader's time namespace; the offset of that namespace is taken out. Copyable; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi.h"

#define PROCFS_ROOT_MAX 256

struct procfs {
	char root[PROCFS_ROOT_MAX]; /* "/proc" */
	uint64_t tick_ns;
	int64_t offset_ns; /* CLOCK_BOOTTIME here minus CLOCK_BOOTTIME of the host */
};

struct procfs_stat {
	uint32_t parent_pid; /* 0 for none */
	uint64_t start_ns;   /* host CLOCK_BOOTTIME, rounded down to a tick */
	bool is_kernel_thread;
	char comm[ABI_COMM_SIZE];
};

int procfs_init(struct procfs *procfs, const char *root); /* 0 or -ENAMETOOLONG */
/* Pure: the text of /proc/PID/stat. -EBADMSG. */
int procfs_parse_stat(const struct procfs *procfs, const char *text, struct procfs_stat *ret);
int procfs_read_stat(const struct procfs *procfs, uint32_t pid, struct procfs_stat *ret); /* -ENOENT, -ESRCH, ... */
/* Whether that very process is there now (a zombie is). */
bool procfs_is_alive(const struct procfs *procfs, const struct process_id *id);
/*
 * Reads at most size - 1 bytes of <root>/<pid>/<name> and terminates them. Returns how many or -errno. The content may
 * hold NUL bytes.
 */
ssize_t procfs_read(const struct procfs *procfs, uint32_t pid, const char *name, char *buffer, size_t size);
/* Where <root>/<pid>/exe points to, " (deleted)" and all. Returns its length; -ENAMETOOLONG when it does not fit. */
ssize_t procfs_read_exe(const struct procfs *procfs, uint32_t pid, char *buffer, size_t size);

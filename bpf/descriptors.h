/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * descriptors.h: from a descriptor number to the open file, and the secrets in a whole descriptor table.
 */
#pragma once

#include "observe.h"

/*
 * Judges and counts `file` (an address) as received by the task (an address; 0 is the current one) when it is a known
 * secret. `how` is kind | via << 8 | mode << 16 (of mode what the file does not tell) | HOW_* flags. RECEIVED_REFUSED:
 * the caller is to refuse it. Global functions, verified once for all their callers; access.bpf.c defines them.
 */
#define HOW_JUDGED(how) ((__u32)(how) << 16) /* JUDGE_* */

enum received { RECEIVED_NOTHING, RECEIVED_SECRET, RECEIVED_REFUSED };

int observe_received(__u64 file, __u64 task, __u32 how);
/* Scans the whole table of the task. */
int observe_table(__u64 task, __u32 how);

static __always_inline struct file *file_of_fd(struct task_struct *task, unsigned int fd)
{
	struct fdtable *table = READ(task, files, fdt);
	struct file **slots = READ(table, fd);

	if (fd >= READ(table, max_fds))
		return NULL;
	return (struct file *)READ_WORD(slots + fd);
}

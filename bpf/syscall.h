/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * syscall.h: which system call leads to a hook below it, so that an access can be named after it.
 */
#pragma once

#include "maps.h"
#include "read.h"

/* The class of the system call that the current task is in. */
static __always_inline __u32 current_class(struct task_struct *task, __u8 *ret_mode)
{
	struct pt_regs *regs = NULL;
	__u64 number;

	*ret_mode = 0;
	if (READ(task, flags) & PF_IO_WORKER)
		return SYSCALL_IO_URING_ENTER;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
#if defined(__TARGET_ARCH_x86)
	else /* before 5.15: at the top of the stack of 16 KiB */
		regs = (struct pt_regs *)((char *)READ(task, stack) + 16384 - bpf_core_type_size(struct pt_regs));
#endif
	if (!regs)
		return SYSCALL_NONE;
	number = READ(regs, SYSCALL_NUMBER_FIELD) & 511;
#if defined(__TARGET_ARCH_x86)
	if (READ(task, thread_info.status) & TS_COMPAT) {
		*ret_mode = MODE_COMPAT;
		return syscall_classes_compat[number];
	}
#endif
	return syscall_classes[number];
}

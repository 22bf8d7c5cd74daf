/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * memory.bpf.c: looks into another process's memory, in the backends that have the kernel's own check to hook.
 *
 * /proc/PID/mem and environ are opens, so access.bpf.c sees them; ptrace and process_vm_readv are seen here. In the
 * tracepoint backend both come from the exit of the system call.
 */
#include "memory.h"
#include "syscall.h"

#define PTRACE_MODE_ATTACH 0x2

/* 0 or -EPERM. */
static __always_inline int checked(struct task_struct *child, unsigned int ptrace_mode, __u32 how)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	bool refused = false;
	__u32 class;
	__u8 mode;

	if (!(ptrace_mode & PTRACE_MODE_ATTACH) || !is_holder(child->tgid))
		return 0;
	class = current_class(task, &mode);
	if (class == SYSCALL_PROCESS_VM_READV)
		refused = seen_target(task, child->tgid, ACCESS_PROC_MEM, VIA_PROCESS_VM_READV, mode | MODE_READ, how);
	else if (class == SYSCALL_PTRACE)
		refused = seen_target(task, child->tgid, ACCESS_PTRACE, VIA_PTRACE, mode | MODE_READ, how);
	return refused ? -EPERM : 0;
}

SEC("fentry/security_ptrace_access_check")
int BPF_PROG(fentry_ptrace_access_check, struct task_struct *child, unsigned int ptrace_mode)
{
	stay_on_cpu();
	(void)checked(child, ptrace_mode, 0);
	leave_cpu();
	return 0;
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(lsm_ptrace_access_check, struct task_struct *child, unsigned int ptrace_mode, int ret)
{
	if (ret)
		return ret;
	stay_on_cpu();
	ret = checked(child, ptrace_mode, JUDGE_REFUSES);
	leave_cpu();
	return answer(ret);
}

/* Why here: a process that asks its parent to trace it (PTRACE_TRACEME) passes no check of the parent. */
SEC("lsm/ptrace_traceme")
int BPF_PROG(lsm_ptrace_traceme, struct task_struct *parent, int ret)
{
	if (ret)
		return ret;
	stay_on_cpu();
	ret = seen_target((struct task_struct *)address_of(parent), bpf_get_current_pid_tgid() >> 32, ACCESS_PTRACE,
			  VIA_PTRACE, MODE_READ, JUDGE_REFUSES);
	leave_cpu();
	return answer(ret);
}

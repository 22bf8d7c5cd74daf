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

static __always_inline void checked(struct task_struct *child, unsigned int ptrace_mode)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 class;
	__u8 mode;

	if (!(ptrace_mode & PTRACE_MODE_ATTACH) || !is_holder(child->tgid))
		return;
	class = current_class(task, &mode);
	if (class == SYSCALL_PROCESS_VM_READV)
		seen_target(task, child->tgid, ACCESS_PROC_MEM, VIA_PROCESS_VM_READV, mode | MODE_READ);
	else if (class == SYSCALL_PTRACE)
		seen_target(task, child->tgid, ACCESS_PTRACE, VIA_PTRACE, mode | MODE_READ);
}

SEC("fentry/security_ptrace_access_check")
int BPF_PROG(fentry_ptrace_access_check, struct task_struct *child, unsigned int ptrace_mode)
{
	stay_on_cpu();
	checked(child, ptrace_mode);
	leave_cpu();
	return 0;
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(lsm_ptrace_access_check, struct task_struct *child, unsigned int ptrace_mode, int ret)
{
	if (ret)
		return ret;
	stay_on_cpu();
	checked(child, ptrace_mode);
	leave_cpu();
	return 0;
}

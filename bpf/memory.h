/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * memory.h: looks into the memory of a process that has had a secret. The access names the target; the daemon knows
 * which secrets it holds.
 */
#pragma once

#include "guard.h"

#define PTRACE_PEEKTEXT 1
#define PTRACE_PEEKDATA 2
#define PTRACE_ATTACH   16
#define PTRACE_SEIZE    0x4206

static __always_inline bool is_holder(__u32 pid)
{
	return bpf_map_lookup_elem(&holders, &pid) != NULL;
}

static __always_inline void seen_target(struct task_struct *task, __u32 target, __u8 kind, __u8 via, __u8 mode)
{
	struct sighting sighting = {.kind = kind, .via = via, .mode = mode, .target = target};

	if (target == 0 || target == (__u32)READ(task, tgid))
		return;
	if (target == daemon_pid) {
		guard_traced(kind, via);
		return;
	}
	if (!is_holder(target))
		return;
	observe((__u64)task, 0, &sighting);
}

/*
 * /proc/PID/mem or /proc/PID/environ was opened. The file's inode knows the process, whatever the pid namespace or the
 * mount that it was opened through.
 */
static __always_inline void seen_proc_file(struct task_struct *task, struct file *file, bool direct, __u8 mode)
{
	struct inode *inode = FIELD(direct, file, f_inode);
	struct hlist_node *node;
	struct proc_inode *proc;
	struct task_struct *target;
	char name[8] = {};
	__u8 kind;

	bpf_probe_read_kernel(name, sizeof(name), READ(file, f_path.dentry, d_name.name));
	if (name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == 0)
		kind = ACCESS_PROC_MEM;
	else if (name[0] == 'e' && name[1] == 'n' && name[2] == 'v' && name[3] == 'i' && name[4] == 'r' &&
		 name[5] == 'o' && name[6] == 'n' && name[7] == 0)
		kind = ACCESS_PROC_ENVIRON;
	else
		return;
	bpf_core_read(&inode, sizeof(inode), &file->f_inode); /* a plain address, for the arithmetic */
	proc = (struct proc_inode *)((char *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode));
	node = READ(proc, pid, tasks[0].first);
	if (!node)
		return;
	target = (struct task_struct *)((char *)node - bpf_core_field_offset(struct task_struct, pid_links));
	seen_target(task, READ(target, tgid), kind, VIA_OTHER, mode);
}

/* The thread group of a pid as the current task's pid namespace numbers it; 0 when there is none. */
static __always_inline __u32 target_of(__s32 pid)
{
	struct task_struct *target;
	__u32 tgid = pid;

	if (have_task_from_vpid)
		target = bpf_task_from_vpid(pid);
	else if (have_task_from_pid)
		target = bpf_task_from_pid(pid);
	else
		return tgid; /* right for a leader seen from the initial namespace, which is all such a kernel lets us
				know */
	if (!target)
		return 0;
	tgid = target->tgid;
	bpf_task_release(target);
	return tgid;
}

static __always_inline void seen_memory_of(struct task_struct *task, __s32 pid, __u8 kind, __u8 via, __u8 mode)
{
	seen_target(task, target_of(pid), kind, via, mode);
}

/* Attaching, and each word read; a tracee that asked to be traced is only read by the latter. */
static __always_inline void seen_ptrace(struct task_struct *task, __u64 request, __s32 pid, __u8 mode)
{
	if (request != PTRACE_ATTACH && request != PTRACE_SEIZE && request != PTRACE_PEEKTEXT &&
	    request != PTRACE_PEEKDATA)
		return;
	seen_memory_of(task, pid, ACCESS_PTRACE, VIA_PTRACE, mode | MODE_READ);
}

/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * snapshot.h: who is this task, right now: credentials, executable, control group, as the kernel holds them. Probe
 * reads only, so that it works on a task from anywhere.
 */
#pragma once

#include "maps.h"

static __always_inline void read_ctime(struct inode *inode, struct exe_id *ret_exe)
{
	if (bpf_core_field_exists(inode->i_ctime_sec)) {
		ret_exe->ctime_sec = READ(inode, i_ctime_sec);
		/* The top bit is a mark that somebody has read it: multigrain timestamps, 6.13 (4e40eff0b573). */
		ret_exe->ctime_nsec = READ(inode, i_ctime_nsec) & 0x7fffffff;
	} else if (bpf_core_field_exists(((struct inode___private_ctime *)0)->__i_ctime)) {
		struct inode___private_ctime *old = (void *)inode;

		ret_exe->ctime_sec = READ(old, __i_ctime.tv_sec);
		ret_exe->ctime_nsec = READ(old, __i_ctime.tv_nsec);
	} else {
		struct inode___old_ctime *old = (void *)inode;

		ret_exe->ctime_sec = READ(old, i_ctime.tv_sec);
		ret_exe->ctime_nsec = READ(old, i_ctime.tv_nsec);
	}
}

/* Any two ctimes give two words. */
static __always_inline __u64 read_ctime_word(struct inode *inode)
{
	struct exe_id exe;

	read_ctime(inode, &exe);
	return (__u64)exe.ctime_sec << 30 ^ exe.ctime_nsec;
}

static __always_inline void read_file_id(struct inode *inode, struct file_id *ret_id)
{
	ret_id->ino = READ(inode, i_ino);
	ret_id->dev = READ(inode, i_sb, s_dev);
	ret_id->generation = READ(inode, i_generation);
}

/* Where a file was opened: the address of its struct path. */
static __always_inline struct path *path_of(struct file *file)
{
	return (struct path *)((char *)file + bpf_core_field_offset(struct file, f_path));
}

/* The mount of a path, as a plain address: struct mount holds the struct vfsmount. */
static __always_inline struct mount *mount_of_path(struct path *path)
{
	return (struct mount *)((char *)READ(path, mnt) - bpf_core_field_offset(struct mount, mnt));
}

static __always_inline void read_exe(struct file *file, struct exe_id *ret_exe)
{
	struct inode *inode = READ(file, f_inode);
	unsigned long magic = READ(inode, i_sb, s_magic);

	read_file_id(inode, &ret_exe->file);
	read_ctime(inode, ret_exe);
	ret_exe->nlink = READ(inode, i_nlink);
	ret_exe->flags = 0;
	ret_exe->pad = 0;
	if (ret_exe->nlink == 0)
		ret_exe->flags |= EXE_FLAG_DELETED;
	if (magic == OVERLAYFS_SUPER_MAGIC)
		ret_exe->flags |= EXE_FLAG_OVERLAY;
	if (magic == TMPFS_MAGIC) {
		/* A memfd lives on the kernel's own tmpfs mount, under the root of nothing, by the name "memfd:...". */
		struct dentry *dentry = READ(file, f_path.dentry);
		char start[8] = {};

		ret_exe->flags |= EXE_FLAG_TMPFS;
		bpf_probe_read_kernel_str(start, 7, READ(dentry, d_name.name));
		if (ret_exe->nlink == 0 && start[0] == 'm' && start[1] == 'e' && start[2] == 'm' && start[3] == 'f' &&
		    start[4] == 'd' && start[5] == ':')
			ret_exe->flags |= EXE_FLAG_MEMFD;
	}
}

static __always_inline void read_process_id(struct task_struct *task, struct process_id *ret_id)
{
	struct task_struct *leader = READ(task, group_leader);

	ret_id->start_ns = READ(leader, start_boottime);
	ret_id->pid = READ(task, tgid);
	ret_id->pad = 0;
}

/*
 * Whom the task acts for. An overlay opens and reads the files below it under the credentials of who mounted it: then
 * its own count (`is_own`), which else may be older than those that a work of io_uring was given.
 */
static __always_inline struct cred *cred_of(struct task_struct *task, bool is_own)
{
	return is_own ? READ(task, real_cred) : READ(task, cred);
}

static __always_inline void read_credentials(struct task_struct *task, struct cred *cred, struct credentials *ret_cred)
{
	ret_cred->uid = READ(cred, uid.val);
	ret_cred->gid = READ(cred, gid.val);
	ret_cred->euid = READ(cred, euid.val);
	ret_cred->egid = READ(cred, egid.val);
	ret_cred->cap_effective = READ_WORD((char *)cred + bpf_core_field_offset(struct cred, cap_effective));
	ret_cred->login_uid = (__u32)-1;
	ret_cred->session_id = (__u32)-1;
	if (bpf_core_field_exists(task->loginuid)) /* CONFIG_AUDIT */
		ret_cred->login_uid = READ(task, loginuid.val);
	if (bpf_core_field_exists(task->sessionid))
		ret_cred->session_id = READ(task, sessionid);
}

static __always_inline __u64 read_cgroup_id(struct task_struct *task)
{
	return READ(task, cgroups, dfl_cgrp, kn, id);
}

/* The number of a thread group leader in its own (innermost) pid namespace, and that namespace. */
static __always_inline void read_ns_pid(struct task_struct *leader, __u32 *ret_pid, __u32 *ret_ns)
{
	struct pid *pid = READ(leader, thread_pid);
	unsigned int level = READ(pid, level);
	struct upid *upid = (struct upid *)((char *)pid + bpf_core_field_offset(struct pid, numbers) +
					    level * bpf_core_type_size(struct upid));
	struct pid_namespace *ns = READ(upid, ns);

	*ret_pid = READ(upid, nr);
	*ret_ns = ns ? READ(ns, ns.inum) : 0;
}

static __always_inline void read_task(struct task_struct *task, struct task_snapshot *ret_task)
{
	struct task_struct *leader = READ(task, group_leader);
	struct task_struct *parent = READ(task, real_parent);
	struct mm_struct *mm = READ(task, mm);
	struct file *exe = mm ? READ(mm, exe_file) : NULL;
	__u64 comm[2];

	__builtin_memset(ret_task, 0, sizeof(*ret_task));
	read_process_id(task, &ret_task->id);
	if (READ(parent, tgid) > 0)
		read_process_id(parent, &ret_task->parent);
	read_credentials(task, READ(task, cred), &ret_task->cred);
	if (exe)
		read_exe(exe, &ret_task->exe);
	ret_task->cgroup_id = read_cgroup_id(task);
	ret_task->tid = READ(task, pid);
	read_ns_pid(leader, &ret_task->ns_pid, &ret_task->pid_ns);
	ret_task->mnt_ns = READ(task, nsproxy, mnt_ns, ns.inum);
	comm[0] = READ_WORD(&leader->comm);
	comm[1] = READ_WORD((char *)&leader->comm + 8);
	__builtin_memcpy(ret_task->comm, comm, sizeof(comm));
}

static __always_inline __u64 mix(__u64 hash, __u64 value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
	return hash ^ (hash >> 32);
}

/* All that a verdict can depend on, in one number: credentials, executable with its ctime, control group. */
static __always_inline __u64 identity_hash(struct task_struct *task, struct cred *cred)
{
	struct mm_struct *mm = READ(task, mm);
	struct inode *inode = mm ? READ(mm, exe_file, f_inode) : NULL;
	const char *ids = (char *)cred + bpf_core_field_offset(struct cred, uid);
	__u64 hash;

	/* uid, gid, suid, sgid, euid, egid follow each other in struct cred on every kernel (include/linux/cred.h). */
	hash = mix(mix(identity_seed, read_cgroup_id(task)), READ_WORD(ids));
	hash = mix(hash, READ_WORD(ids + 16));
	hash = mix(hash, READ_WORD((char *)cred + bpf_core_field_offset(struct cred, cap_effective)));
	if (inode) {
		hash = mix(hash, READ(inode, i_ino));
		hash = mix(hash, (__u64)READ(inode, i_sb, s_dev) << 32 | READ(inode, i_generation));
		hash = mix(hash, read_ctime_word(inode));
	}
	return hash;
}

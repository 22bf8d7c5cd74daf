/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * image.h: what a process was executed from, its script, and which programs it descends from: noted when it happens,
 * because later it cannot be told. Nothing is noted while `tracking` does not ask for it.
 */
#pragma once

#include "snapshot.h"

#define TASK_WORKS_MAX 128
#define CGROUP_DEPTH   16
#define SCRIPT_NONE    0
#define SCRIPT_UNKNOWN 1

static __always_inline void image_file_of(const struct exe_id *exe, struct image_file *ret_file)
{
	ret_file->file = exe->file;
	ret_file->ctime_sec = exe->ctime_sec;
	ret_file->ctime_nsec = exe->ctime_nsec;
	ret_file->pad = 0;
}

static __always_inline void read_image_file(struct inode *inode, struct image_file *ret_file)
{
	struct exe_id exe;

	read_file_id(inode, &exe.file);
	read_ctime(inode, &exe);
	image_file_of(&exe, ret_file);
}

/* NULL for a thread of the kernel. */
static __always_inline struct inode *exe_inode_of(struct task_struct *task)
{
	struct mm_struct *mm = READ(task, mm);

	return mm ? READ(mm, exe_file, f_inode) : NULL;
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	if (bpf_core_field_exists(node->parent))
		return READ(node, parent);
	return READ((struct kernfs_node___rcu *)node, __parent);
}

static __always_inline __u64 start_of(struct task_struct *task)
{
	return READ(task, group_leader, start_boottime);
}

/* NULL when it is not remembered. */
static __always_inline struct image_value *image_of(struct task_struct *task)
{
	__u32 pid = READ(task, tgid);
	struct image_value *image;

	if (!(tracking & TRACK_IMAGES))
		return NULL;
	image = bpf_map_lookup_elem(&images, &pid);
	return image && image->start_ns == start_of(task) ? image : NULL;
}

static __always_inline struct lineage_value *lineage_of(struct task_struct *task)
{
	__u32 pid = READ(task, tgid);
	struct lineage_value *value = bpf_map_lookup_elem(&lineage, &pid);

	return value && value->start_ns == start_of(task) ? value : NULL;
}

/* ---------------------------------------------------------------- classes of a file */

static __always_inline void class_key_of(struct class_key *key, const struct image_file *file, __u64 place)
{
	key->id = file->file.ino;
	key->place = place;
	key->ctime_sec = file->ctime_sec;
	key->ctime_nsec = file->ctime_nsec;
	key->dev = file->file.dev;
	key->generation = file->file.generation;
	key->member = MEMBER_FILE;
}

/* By the paths of the container with that control group, if it is one and they were looked at; else by the host's. */
static __always_inline struct class_value *classes_of_file(struct class_key *key, const struct image_file *file,
							   __u64 cgroup_id)
{
	struct class_value *value;

	class_key_of(key, file, cgroup_id);
	value = bpf_map_lookup_elem(&classes, key);
	if (value)
		return value;
	key->place = 0;
	return bpf_map_lookup_elem(&classes, key);
}

/* The entry of a control group, or of the nearest above it that has one; `ret_is_own` says which. */
static __always_inline struct class_value *classes_of_cgroup(struct class_key *key, struct task_struct *task,
							     bool *ret_is_own)
{
	struct kernfs_node *node = READ(task, cgroups, dfl_cgrp, kn);
	struct class_value *value = NULL;

	key->place = 0;
	key->ctime_sec = 0;
	key->ctime_nsec = 0;
	key->dev = 0;
	key->generation = 0;
	key->member = MEMBER_CGROUP;
	*ret_is_own = true;
	for (int i = 0; i < CGROUP_DEPTH && node; i++) {
		key->id = READ(node, id);
		value = bpf_map_lookup_elem(&classes, key);
		if (value)
			break;
		*ret_is_own = false;
		node = kernfs_parent(node);
	}
	return value;
}

/*
 * May the paths of this process mean something else than the host's, so that nothing is known of a program of it that
 * the daemon has not told of? Nobody but root makes containers: a group that is not known yet is none of its own.
 */
static __always_inline bool is_contained(struct class_key *key, struct task_struct *task)
{
	struct class_value *value;
	bool is_own;

	if (READ(task, nsproxy, mnt_ns, ns.inum) == host_mnt_ns)
		return false;
	value = classes_of_cgroup(key, task, &is_own);
	return value && (value->flags & CLASS_CONTAINER);
}

static __always_inline bool is_of_bank(const struct class_value *value, __u32 bank)
{
	return value && value->epochs[bank & 1] == verdict_epochs[bank & 1];
}

/* ---------------------------------------------------------------- the script of an exec */

static __always_inline __u32 work_offset(void)
{
	if (bpf_core_field_exists(((struct file *)0)->f_llist))
		return bpf_core_field_offset(struct file, f_llist);
	return bpf_core_field_offset(struct file___old, f_u);
}

/*
 * The file (an address) whose release a work of a task (an address) is, if exec itself has opened it; else 0. No flag
 * that a process can pass to open(2) says so. Global: for the verifier of 5.10 its ways would multiply in a loop.
 */
__u64 __attribute__((noinline)) executed_file(__u64 work)
{
	struct file *file = (struct file *)(work - work_offset());
	struct inode *inode = READ(file, f_inode);

	if (!(READ(file, f_flags) & FMODE_EXEC) || !inode || READ(file, f_path.dentry, d_inode) != inode ||
	    (READ(inode, i_mode) & S_IFMT) != S_IFREG)
		return 0;
	return (__u64)file;
}

/*
 * The file that an exec was asked for when another program runs it: its address, SCRIPT_NONE, or SCRIPT_UNKNOWN.
 *
 * At sched_process_exec `bprm` has the interpreter already. The script was given up before the interpreter was loaded
 * (exec_binprm() in fs/exec.c), but fput() only queues: until the task returns to userspace the file is on its list of
 * works, newest first. So the script is the last on the list that exec opened.
 */
__u64 __attribute__((noinline)) script_of(__u64 task_address, __u64 bprm_address)
{
	struct linux_binprm *bprm = (struct linux_binprm *)bprm_address;
	struct callback_head *work = READ((struct task_struct *)task_address, task_works);
	__u64 executable = (__u64)READ(bprm, executable), script = SCRIPT_UNKNOWN;

	if (READ(bprm, interp) == READ(bprm, filename))
		return SCRIPT_NONE;
	if (executable)
		return executable; /* binfmt_misc that wants it open */
	for (int i = 0; i < TASK_WORKS_MAX; i++) {
		__u64 file;

		if (!work)
			return script;
		file = executed_file((__u64)work);
		if (file)
			script = file;
		work = READ(work, next);
	}
	return SCRIPT_NONE; /* nobody gets a way round by closing very much with an exec: no rule holds for it */
}

/* ---------------------------------------------------------------- remembering */

static __always_inline void image_set(__u32 pid, const struct image_value *image)
{
	if (bpf_map_update_elem(&images, &pid, image, BPF_ANY) == 0)
		return;
	(void)bpf_map_delete_elem(&images, &pid); /* rather nothing than what it ran before */
	count_loss(LOSS_IMAGES_FULL);
}

/* After an exec. */
static __always_inline void image_exec(struct task_struct *task, const struct exe_id *script, __u32 flags)
{
	struct image_value image = {.start_ns = start_of(task), .flags = flags};
	struct inode *inode = exe_inode_of(task);

	if (!(tracking & TRACK_IMAGES) || !inode)
		return;
	read_image_file(inode, &image.exe);
	image_file_of(script, &image.script);
	image_set(READ(task, tgid), &image);
}

/* A child runs what its parent runs. */
static __always_inline void image_fork(struct task_struct *task, struct task_struct *parent)
{
	struct image_value *known = image_of(parent);
	struct image_value image;

	if (!known)
		return;
	image = *known;
	image.start_ns = start_of(task);
	image_set(READ(task, tgid), &image);
}

/*
 * A child's ancestors: its parent's, and its parent as it is now. False when they are not known (in the bank in force);
 * the daemon makes up for it when it hears of the child.
 */
int __attribute__((noinline)) lineage_fork(__u64 task_address, __u64 parent_address)
{
	struct task_struct *task = (struct task_struct *)task_address, *parent = (struct task_struct *)parent_address;
	struct lineage_value value = {.start_ns = start_of(task)}, *above = lineage_of(parent);
	struct image_value *image = image_of(parent);
	struct class_value *own = NULL;
	struct image_file exe = {};
	struct class_key key = {};
	struct inode *inode = exe_inode_of(parent);
	__u32 pid = READ(task, tgid);
	bool is_other = false; /* its parent has no class that a policy asks for */

	if (!inode) {
		/* A program that the kernel starts by itself has no ancestors that a policy can name. */
		for (__u32 bank = 0; bank < VERDICT_BANKS; bank++)
			value.epochs[bank] = verdict_epochs[bank];
	} else {
		if (image)
			exe = image->exe;
		else
			read_image_file(inode, &exe);
		own = classes_of_file(&key, &exe, read_cgroup_id(parent));
		is_other = !own && !is_contained(&key, parent);
	}
	for (__u32 bank = 0; bank < VERDICT_BANKS; bank++) {
		__u64 unfollowed = 0;

		if (!above || above->epochs[bank] != verdict_epochs[bank])
			continue;
		for (int word = 0; word < CLASS_WORDS; word++)
			unfollowed |= verdict_unfollowed[bank][word];
		if (is_other && !unfollowed)
			__builtin_memcpy(value.bits[bank], above->bits[bank], sizeof(value.bits[bank]));
		else if (is_of_bank(own, bank))
			for (int word = 0; word < CLASS_WORDS; word++)
				value.bits[bank][word] = above->bits[bank][word] | own->bits[bank][word];
		else
			continue;
		value.epochs[bank] = verdict_epochs[bank];
	}
	if (bpf_map_update_elem(&lineage, &pid, &value, BPF_ANY)) {
		(void)bpf_map_delete_elem(&lineage, &pid);
		count_loss(LOSS_IMAGES_FULL);
	}
	return (policy_generation & 1) ? value.epochs[1] == verdict_epochs[1] : value.epochs[0] == verdict_epochs[0];
}

static __always_inline void image_exit(__u32 pid)
{
	if (tracking & TRACK_IMAGES)
		(void)bpf_map_delete_elem(&images, &pid);
	if (tracking & TRACK_LINEAGE)
		(void)bpf_map_delete_elem(&lineage, &pid);
}

/* Is it known which classes the program has that `task` runs now? If not, the daemon should look soon. */
int __attribute__((noinline)) image_is_known(__u64 task_address)
{
	struct task_struct *task = (struct task_struct *)task_address;
	struct inode *inode = exe_inode_of(task);
	struct class_key key = {};
	struct image_file exe;

	if (!inode)
		return 1;
	read_image_file(inode, &exe);
	return is_of_bank(classes_of_file(&key, &exe, read_cgroup_id(task)), policy_generation);
}

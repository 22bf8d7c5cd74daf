/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * guard.h: what others do to the agent itself: to its maps, programs and links by bpf(2), to its process by signals and
 * looks into its memory. Counted as accesses are (observe.h), under COUNTED_TAMPER.
 *
 * Only our own process and objects: each check begins with a comparison that ends it for everybody else.
 */
#pragma once

#include "descriptors.h"

const volatile bool guard_denies = false;     /* LSM programs refuse what the configuration does not allow */
const volatile bool guard_by_syscall = false; /* no hook below the system call tells of traces and bpf(2) */

/* Our maps, programs and links, by their numbers. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__type(key, struct guard_key);
	__type(value, __u32);
} guard_objects SEC(".maps");

/* Executables that may do to the agent what others may not: enum guard_right. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__type(key, struct file_id);
	__type(value, __u32);
} guard_rights SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct last_signal);
} last_signal SEC(".maps");

static __always_inline void tampered(struct task_struct *task, __u8 what, __u8 how, const struct guard_key *object,
				     __u8 result)
{
	struct sighting sighting = {
		.kind = COUNTED_TAMPER, .via = what, .mode = how, .result = result, .target = daemon_pid};

	if (object) {
		sighting.file.dev = object->object;
		sighting.file.ino = object->id;
	}
	observe((__u64)task, 0, &sighting);
}

static __always_inline bool has_right(struct task_struct *task, __u32 right)
{
	struct mm_struct *mm = READ(task, mm);
	struct inode *inode = mm ? READ(mm, exe_file, f_inode) : NULL;
	struct file_id id = {};
	__u32 *rights;

	if (!inode)
		return false;
	read_file_id(inode, &id);
	rights = bpf_map_lookup_elem(&guard_rights, &id);
	return rights && (*rights & right);
}

/* ---------------------------------------------------------------- maps, programs, links */

/* Which of our objects an open file is, if it is one: they are files without a name, whose dentry says what kind. */
static __always_inline bool guarded_file(struct file *file, struct guard_key *ret_object)
{
	__u64 private;
	char name[8] = {};

	if (!file || READ(file, f_inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
		return false;
	private = (__u64)READ(file, private_data);
	bpf_probe_read_kernel(name, sizeof(name), READ(file, f_path.dentry, d_name.name));
	if (name[0] != 'b' || name[1] != 'p' || name[2] != 'f' || !private)
		return false;
	switch (name[4]) { /* "bpf-map", "bpf-prog"; "bpf_link" when it is made and "bpf-link" when it is opened */
	case 'm':
		ret_object->object = GUARD_MAP;
		ret_object->id = READ((struct bpf_map *)private, id);
		break;
	case 'p':
		ret_object->object = GUARD_PROGRAM;
		ret_object->id = READ((struct bpf_prog *)private, aux, id);
		break;
	case 'l':
		ret_object->object = GUARD_LINK;
		ret_object->id = READ((struct bpf_link *)private, id);
		break;
	default:
		return false;
	}
	return bpf_map_lookup_elem(&guard_objects, ret_object) != NULL;
}

/* Where each command of bpf(2) has the descriptor that it works on (include/uapi/linux/bpf.h); 0: it has none for us.
 */
#define AT(offset) ((offset) + 1)

const volatile __u8 guard_commands[64] = {
	[BPF_MAP_LOOKUP_ELEM] = AT(0),
	[BPF_MAP_UPDATE_ELEM] = AT(0),
	[BPF_MAP_DELETE_ELEM] = AT(0),
	[BPF_MAP_GET_NEXT_KEY] = AT(0),
	[BPF_OBJ_PIN] = AT(8),
	[BPF_PROG_DETACH] = AT(4),
	[BPF_PROG_TEST_RUN] = AT(0),
	[BPF_MAP_LOOKUP_AND_DELETE_ELEM] = AT(0),
	[BPF_MAP_FREEZE] = AT(0),
	[BPF_MAP_LOOKUP_BATCH] = AT(36),
	[BPF_MAP_LOOKUP_AND_DELETE_BATCH] = AT(36),
	[BPF_MAP_UPDATE_BATCH] = AT(36),
	[BPF_MAP_DELETE_BATCH] = AT(36),
	[BPF_LINK_UPDATE] = AT(0),
	[BPF_LINK_DETACH] = AT(0),
};

static __always_inline bool is_bpf_open(__u32 command)
{
	return command == BPF_OBJ_GET || command == BPF_PROG_GET_FD_BY_ID || command == BPF_MAP_GET_FD_BY_ID ||
	       command == BPF_LINK_GET_FD_BY_ID;
}

/*
 * The exit of bpf(2) in the backend without hooks below it. What was opened is told by what came of it, all else by the
 * arguments, which another thread may have changed by now: the self-check is the net below.
 */
int __attribute__((noinline)) guard_bpf_exit(__u32 command, __u64 attributes, __s64 ret)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct guard_key object = {};
	__u32 fd = ret;
	__u8 at;

	if (!guard_by_syscall || is_daemon() || command >= sizeof(guard_commands))
		return 0;
	if (is_bpf_open(command)) {
		if (ret < 0)
			return 0;
		command = GUARD_OPEN;
	} else {
		at = guard_commands[command & 63];
		if (!at || bpf_probe_read_user(&fd, sizeof(fd), (void *)(attributes + at - 1)))
			return 0;
	}
	if (!guarded_file(file_of_fd(task, fd), &object) || has_right(task, GUARD_MAY_BPF))
		return 0;
	if (command == GUARD_OPEN)
		object.id = 0; /* who lists all programs and maps opens each: one event */
	tampered(task, TAMPER_BPF, command, &object, ret < 0 && ret > -255 ? -ret : 0);
	return 0;
}

/* ---------------------------------------------------------------- the process */

static __always_inline void guard_trace(__u8 how, __u8 result)
{
	if (!is_daemon())
		tampered((struct task_struct *)bpf_get_current_task(), TAMPER_TRACE, how, NULL, result);
}

/* memory.h found the daemon where it looks for holders. Below the system call there is the kernel's own check. */
static __always_inline void guard_traced(__u8 kind, __u8 via)
{
	if (!guard_by_syscall || kind == ACCESS_PROC_ENVIRON)
		return;
	if (kind == ACCESS_PTRACE)
		guard_trace(TRACE_PTRACE, 0);
	else
		guard_trace(via == VIA_PROCESS_VM_READV ? TRACE_VM_READ : TRACE_PROC_MEM, 0);
}

/* A descriptor taken out of another process: was it one of our objects? */
static __always_inline void guard_received(struct task_struct *task, __u32 fd)
{
	struct guard_key object = {};

	if (guard_by_syscall && !is_daemon() && guarded_file(file_of_fd(task, fd), &object))
		guard_trace(TRACE_GETFD, 0);
}

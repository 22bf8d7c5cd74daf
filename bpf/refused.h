/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * refused.h: what has no file: opens that the kernel refused, and links in the backend without an inode hook.
 *
 * There is only the path that the process passed, so it goes to the daemon, which resolves it. A path that is not there
 * at all (-ENOENT) is reported only when its last component could be a watched name: programs look for missing files
 * all the time.
 */
#pragma once

#include "descriptors.h"
#include "names.h"

#define AT_FDCWD      (-100)
#define O_PATH        010000000 /* asks for a name, not for what is in the file */
#define AT_EMPTY_PATH 0x1000

struct open_flags {
	int open_flag;
} __attribute__((preserve_access_index));

static __always_inline bool is_refusal(long error)
{
	return error == -EACCES || error == -EPERM || error == -ENOENT;
}

/* Where a relative path begins: the address of the struct path of the working directory, or of what the descriptor has.
 */
static __always_inline __u64 base_of(struct task_struct *task, __s32 dirfd)
{
	struct file *file;

	if (dirfd == AT_FDCWD)
		return (__u64)READ(task, fs) + bpf_core_field_offset(struct fs_struct, pwd);
	file = file_of_fd(task, dirfd);
	return file ? (__u64)path_of(file) : 0;
}

/*
 * The path is in the slot's data already, `size` bytes with its NUL, and how it was passed in its sighting. Behind a
 * relative one goes the directory that it begins at: the process may be gone when the daemon wants to know.
 */
int __attribute__((noinline)) observe_path(__u64 task_address, __u32 slot, __u32 size, __s32 dirfd)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &slot);
	struct task_struct *task = (struct task_struct *)task_address;
	__u64 now = bpf_ktime_get_boot_ns();
	struct access_value *value = NULL;
	struct access_record *record;

	if (!scratch || is_daemon() || (scratch->sighting.result == ENOENT && !name_may_be_watched(slot, size)))
		return 0;
	record = (struct access_record *)scratch->head;
	scratch->sighting.judged = DECIDED_UNDECIDED;
	record->path_flags = PATH_FLAG_USER; /* whole: the kernel takes no path longer than ABI_PATH_MAX */
	if (scratch->data[0] != '/') {
		__u64 base = base_of(task, dirfd);

		if (base) {
			(void)path_walk(base, 0, slot, size);
			record->path_flags |= scratch->path_flags;
			size = scratch->path_size;
		}
	}
	scratch->sighting.file.ino = path_hash(slot, size);
	key_fill(&record->key, task, &scratch->sighting);
	if (count_again(&record->key, now, &value))
		return 0;
	record->value.flags = ACCESS_BY_PATH;
	record->value.pad = 0;
	value_judge(&record->value, &scratch->sighting);
	record->value.file_nlink = 0;
	__builtin_memset(&record->value.watched_dir, 0, sizeof(record->value.watched_dir));
	record->dirfd = dirfd;
	record->pad = 0;
	read_task(task, &record->value.task);
	announce(scratch, record, value, size, now);
	return 0;
}

/* A path in user memory: may have changed since, but a refused open has nothing better. */
static __always_inline void observe_user_path(struct task_struct *task, __u64 path, __s32 dirfd,
					      struct sighting *sighting)
{
	struct scratch *scratch = scratch_claim();
	long size;

	if (!scratch) {
		count_loss(LOSS_SCRATCH);
		return;
	}
	size = bpf_probe_read_user_str(scratch->data, ABI_PATH_MAX, (void *)path);
	scratch->sighting = *sighting;
	if (size > 1)
		(void)observe_path((__u64)task, scratch->slot, size, dirfd);
	else if (size < 0)
		count_loss(LOSS_PATH_READ);
	scratch_release(scratch);
}

static __always_inline __u8 mode_of_flags(__u64 flags)
{
	__u64 access = flags & 3;

	return access == 0 ? MODE_READ : access == 1 ? MODE_WRITE : MODE_READ | MODE_WRITE;
}

static __always_inline int refused_syscall(struct task_struct *task, struct pt_regs *regs, __u32 class, __u8 via,
					   long error, __u8 mode)
{
	__u64 arg0 = mode ? SYSCALL_COMPAT_ARG0(regs) : SYSCALL_ARG0(regs);
	__u64 arg1 = mode ? SYSCALL_COMPAT_ARG1(regs) : SYSCALL_ARG1(regs);
	__u64 arg2 = SYSCALL_ARG2(regs); /* dx in both conventions */
	bool has_dirfd = class == SYSCALL_OPENAT || class == SYSCALL_OPENAT2;
	struct sighting sighting = {.kind = ACCESS_OPEN, .via = via, .result = (__u8)-error};
	__u64 flags = has_dirfd ? arg2 : arg1;

	if (!has_names || !is_refusal(error) || class == SYSCALL_OPEN_BY_HANDLE_AT)
		return 0;
	if (class == SYSCALL_CREAT)
		flags = 1;
	else if (class == SYSCALL_OPENAT2 && bpf_probe_read_user(&flags, sizeof(flags), (void *)arg2))
		flags = 0;
	if (flags & O_PATH)
		return 0;
	sighting.mode = mode | mode_of_flags(flags);
	observe_user_path(task, has_dirfd ? arg1 : arg0, has_dirfd ? (__s32)arg0 : AT_FDCWD, &sighting);
	return 0;
}

/*
 * A hard link was made: the daemon looks whether what it leads to is a secret. Later opens through the new name need no
 * help, they are matched by inode.
 */
static __always_inline int linked_syscall(struct task_struct *task, struct pt_regs *regs, __u32 class, __u8 mode)
{
	__u64 arg0 = mode ? SYSCALL_COMPAT_ARG0(regs) : SYSCALL_ARG0(regs);
	__u64 arg1 = mode ? SYSCALL_COMPAT_ARG1(regs) : SYSCALL_ARG1(regs);
	bool has_dirfd = class == SYSCALL_LINKAT;
	struct sighting sighting = {.kind = ACCESS_LINK, .via = VIA_LINK, .mode = mode};
	char first = 0;

	if (!has_names)
		return 0;
	if (has_dirfd && (SYSCALL_ARG4(regs) & AT_EMPTY_PATH) && !mode &&
	    bpf_probe_read_user(&first, sizeof(first), (void *)arg1) == 0 && !first) {
		(void)observe_received((__u64)file_of_fd(task, arg0), 0, ACCESS_LINK | VIA_LINK << 8);
		return 0;
	}
	observe_user_path(task, has_dirfd ? arg1 : arg0, has_dirfd ? (__s32)arg0 : AT_FDCWD, &sighting);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/syscall_table.h"

#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include "abi.h"

struct syscall_entry {
	int number;
	enum syscall_class class;
};

/* arm64 has no open, creat, link, rename, rmdir: their numbers are missing there. */
static const struct syscall_entry native_entries[] = {
#ifdef SYS_open
	{SYS_open, SYSCALL_OPEN},
#endif
#ifdef SYS_creat
	{SYS_creat, SYSCALL_CREAT},
#endif
#ifdef SYS_link
	{SYS_link, SYSCALL_LINK},
#endif
#ifdef SYS_rename
	{SYS_rename, SYSCALL_REARRANGE},
#endif
#ifdef SYS_renameat
	{SYS_renameat, SYSCALL_REARRANGE},
#endif
#ifdef SYS_rmdir
	{SYS_rmdir, SYSCALL_REARRANGE},
#endif
	{SYS_openat, SYSCALL_OPENAT},
	{SYS_openat2, SYSCALL_OPENAT2},
	{SYS_open_by_handle_at, SYSCALL_OPEN_BY_HANDLE_AT},
	{SYS_mmap, SYSCALL_MMAP},
	{SYS_recvmsg, SYSCALL_RECVMSG},
	{SYS_recvmmsg, SYSCALL_RECVMMSG},
	{SYS_pidfd_getfd, SYSCALL_PIDFD_GETFD},
	{SYS_ptrace, SYSCALL_PTRACE},
	{SYS_process_vm_readv, SYSCALL_PROCESS_VM_READV},
	{SYS_process_vm_writev, SYSCALL_PROCESS_VM_WRITEV},
	{SYS_bpf, SYSCALL_BPF},
	{SYS_linkat, SYSCALL_LINKAT},
	{SYS_io_uring_enter, SYSCALL_IO_URING_ENTER},
	{SYS_execve, SYSCALL_EXECVE},
	{SYS_execveat, SYSCALL_EXECVE},
	{SYS_renameat2, SYSCALL_REARRANGE},
	{SYS_unlinkat, SYSCALL_UNLINKAT},
	{SYS_mount, SYSCALL_REARRANGE},
	{SYS_umount2, SYSCALL_REARRANGE},
	{SYS_move_mount, SYSCALL_REARRANGE},
	{SYS_pivot_root, SYSCALL_REARRANGE},
};

#ifdef __x86_64__
/* arch/x86/entry/syscalls/syscall_32.tbl */
static const struct syscall_entry compat_entries[] = {
	{5, SYSCALL_OPEN},
	{8, SYSCALL_CREAT},
	{9, SYSCALL_LINK},
	{11, SYSCALL_EXECVE},
	{26, SYSCALL_PTRACE},
	{192, SYSCALL_MMAP},
	{295, SYSCALL_OPENAT},
	{303, SYSCALL_LINKAT},
	{337, SYSCALL_RECVMMSG},
	{342, SYSCALL_OPEN_BY_HANDLE_AT},
	{347, SYSCALL_PROCESS_VM_READV},
	{348, SYSCALL_PROCESS_VM_WRITEV},
	{357, SYSCALL_BPF},
	{358, SYSCALL_EXECVE},
	{372, SYSCALL_RECVMSG},
	{417, SYSCALL_RECVMMSG}, /* recvmmsg_time64 */
	{426, SYSCALL_IO_URING_ENTER},
	{437, SYSCALL_OPENAT2},
	{438, SYSCALL_PIDFD_GETFD},
	{21, SYSCALL_REARRANGE},  /* mount */
	{22, SYSCALL_REARRANGE},  /* umount */
	{38, SYSCALL_REARRANGE},  /* rename */
	{40, SYSCALL_REARRANGE},  /* rmdir */
	{52, SYSCALL_REARRANGE},  /* umount2 */
	{217, SYSCALL_REARRANGE}, /* pivot_root */
	{301, SYSCALL_UNLINKAT},
	{302, SYSCALL_REARRANGE}, /* renameat */
	{353, SYSCALL_REARRANGE}, /* renameat2 */
	{429, SYSCALL_REARRANGE}, /* move_mount */
};
#else
static const struct syscall_entry compat_entries[] = {{-1, SYSCALL_NONE}};
#endif

static void fill(uint8_t table[SYSCALL_TABLE_SIZE], const struct syscall_entry *entries, size_t count)
{
	memset(table, SYSCALL_NONE, SYSCALL_TABLE_SIZE);
	for (size_t i = 0; i < count; i++) {
		if (entries[i].number >= 0 && entries[i].number < SYSCALL_TABLE_SIZE)
			table[entries[i].number] = (uint8_t)entries[i].class;
	}
}

void syscall_table_fill(uint8_t native[SYSCALL_TABLE_SIZE], uint8_t compat[SYSCALL_TABLE_SIZE])
{
	fill(native, native_entries, sizeof(native_entries) / sizeof(native_entries[0]));
	fill(compat, compat_entries, sizeof(compat_entries) / sizeof(compat_entries[0]));
}

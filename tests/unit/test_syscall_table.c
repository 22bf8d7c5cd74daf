/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#ifdef __x86_64__
#include <asm/unistd_32.h> /* the 32-bit numbers, under the names of the native ones: which are written out below */
#else
#include <asm/unistd.h>
#endif

#include "abi.h"
#include "sensor/syscall_table.h"

struct expected {
	int number;
	enum syscall_class class;
};

#ifdef __x86_64__
/* arch/x86/entry/syscalls/syscall_64.tbl */
static const struct expected native[] = {
	{2, SYSCALL_OPEN},
	{85, SYSCALL_CREAT},
	{257, SYSCALL_OPENAT},
	{437, SYSCALL_OPENAT2},
	{304, SYSCALL_OPEN_BY_HANDLE_AT},
	{9, SYSCALL_MMAP},
	{47, SYSCALL_RECVMSG},
	{299, SYSCALL_RECVMMSG},
	{438, SYSCALL_PIDFD_GETFD},
	{101, SYSCALL_PTRACE},
	{310, SYSCALL_PROCESS_VM_READV},
	{311, SYSCALL_PROCESS_VM_WRITEV},
	{321, SYSCALL_BPF},
	{86, SYSCALL_LINK},
	{265, SYSCALL_LINKAT},
	{426, SYSCALL_IO_URING_ENTER},
	{59, SYSCALL_EXECVE},
	{322, SYSCALL_EXECVE},
	{82, SYSCALL_REARRANGE},  /* rename */
	{264, SYSCALL_REARRANGE}, /* renameat */
	{316, SYSCALL_REARRANGE}, /* renameat2 */
	{84, SYSCALL_REARRANGE},  /* rmdir */
	{263, SYSCALL_UNLINKAT},
	{165, SYSCALL_REARRANGE}, /* mount */
	{166, SYSCALL_REARRANGE}, /* umount2 */
	{429, SYSCALL_REARRANGE}, /* move_mount */
	{155, SYSCALL_REARRANGE}, /* pivot_root */
};

static const struct expected compat[] = {
	{__NR_open, SYSCALL_OPEN},
	{__NR_creat, SYSCALL_CREAT},
	{__NR_openat, SYSCALL_OPENAT},
	{__NR_openat2, SYSCALL_OPENAT2},
	{__NR_open_by_handle_at, SYSCALL_OPEN_BY_HANDLE_AT},
	{__NR_mmap2, SYSCALL_MMAP},
	{__NR_recvmsg, SYSCALL_RECVMSG},
	{__NR_recvmmsg, SYSCALL_RECVMMSG},
	{__NR_recvmmsg_time64, SYSCALL_RECVMMSG},
	{__NR_pidfd_getfd, SYSCALL_PIDFD_GETFD},
	{__NR_ptrace, SYSCALL_PTRACE},
	{__NR_process_vm_readv, SYSCALL_PROCESS_VM_READV},
	{__NR_process_vm_writev, SYSCALL_PROCESS_VM_WRITEV},
	{__NR_bpf, SYSCALL_BPF},
	{__NR_link, SYSCALL_LINK},
	{__NR_linkat, SYSCALL_LINKAT},
	{__NR_io_uring_enter, SYSCALL_IO_URING_ENTER},
	{__NR_execve, SYSCALL_EXECVE},
	{__NR_execveat, SYSCALL_EXECVE},
	{__NR_rename, SYSCALL_REARRANGE},
	{__NR_renameat, SYSCALL_REARRANGE},
	{__NR_renameat2, SYSCALL_REARRANGE},
	{__NR_rmdir, SYSCALL_REARRANGE},
	{__NR_unlinkat, SYSCALL_UNLINKAT},
	{__NR_mount, SYSCALL_REARRANGE},
	{__NR_umount, SYSCALL_REARRANGE},
	{__NR_umount2, SYSCALL_REARRANGE},
	{__NR_move_mount, SYSCALL_REARRANGE},
	{__NR_pivot_root, SYSCALL_REARRANGE},
};
#define COMPAT_COUNT (sizeof(compat) / sizeof(compat[0]))
#else
static const struct expected native[] = {
	{__NR_openat, SYSCALL_OPENAT},
	{__NR_openat2, SYSCALL_OPENAT2},
	{__NR_open_by_handle_at, SYSCALL_OPEN_BY_HANDLE_AT},
	{__NR_mmap, SYSCALL_MMAP},
	{__NR_recvmsg, SYSCALL_RECVMSG},
	{__NR_recvmmsg, SYSCALL_RECVMMSG},
	{__NR_pidfd_getfd, SYSCALL_PIDFD_GETFD},
	{__NR_ptrace, SYSCALL_PTRACE},
	{__NR_process_vm_readv, SYSCALL_PROCESS_VM_READV},
	{__NR_process_vm_writev, SYSCALL_PROCESS_VM_WRITEV},
	{__NR_bpf, SYSCALL_BPF},
	{__NR_linkat, SYSCALL_LINKAT},
	{__NR_io_uring_enter, SYSCALL_IO_URING_ENTER},
	{__NR_execve, SYSCALL_EXECVE},
	{__NR_execveat, SYSCALL_EXECVE},
	{__NR_renameat, SYSCALL_REARRANGE},
	{__NR_renameat2, SYSCALL_REARRANGE},
	{__NR_unlinkat, SYSCALL_UNLINKAT},
	{__NR_mount, SYSCALL_REARRANGE},
	{__NR_umount2, SYSCALL_REARRANGE},
	{__NR_move_mount, SYSCALL_REARRANGE},
	{__NR_pivot_root, SYSCALL_REARRANGE},
};
static const struct expected *const compat = native;
#define COMPAT_COUNT 0
#endif

static void check(const uint8_t table[SYSCALL_TABLE_SIZE], const struct expected *expected, size_t count)
{
	uint8_t whole[SYSCALL_TABLE_SIZE] = {0};

	for (size_t i = 0; i < count; i++)
		whole[expected[i].number] = (uint8_t)expected[i].class;
	for (int number = 0; number < SYSCALL_TABLE_SIZE; number++) {
		if (table[number] != whole[number])
			fail_msg("system call %d: class %d, not %d", number, table[number], whole[number]);
	}
}

static void knows_the_calls_of_this_machine_and_no_others(void **state)
{
	uint8_t native_table[SYSCALL_TABLE_SIZE], compat_table[SYSCALL_TABLE_SIZE];

	(void)state;
	memset(native_table, 0xff, sizeof(native_table));
	memset(compat_table, 0xff, sizeof(compat_table));
	syscall_table_fill(native_table, compat_table);
	check(native_table, native, sizeof(native) / sizeof(native[0]));
}

static void knows_the_32_bit_calls_and_no_others(void **state)
{
	uint8_t native_table[SYSCALL_TABLE_SIZE], compat_table[SYSCALL_TABLE_SIZE];

	(void)state;
	memset(native_table, 0xff, sizeof(native_table));
	memset(compat_table, 0xff, sizeof(compat_table));
	syscall_table_fill(native_table, compat_table);
	check(compat_table, compat, COMPAT_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_calls_of_this_machine_and_no_others),
		cmocka_unit_test(knows_the_32_bit_calls_and_no_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

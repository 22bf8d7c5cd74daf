/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syscall_table.h: which system calls the kernel programs care about, by number (enum syscall_class in bpf/abi.h).
 */
#pragma once

#include <stdint.h>

#define SYSCALL_TABLE_SIZE 512

/* Numbers of this machine's own calls, and of its 32-bit ones where it has those (x86). */
void syscall_table_fill(uint8_t native[SYSCALL_TABLE_SIZE], uint8_t compat[SYSCALL_TABLE_SIZE]);

/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * read.h: reads of kernel memory at plain addresses.
 *
 * READ(object, a, b) is object->a->b. Where the kernel has bpf_rdonly_cast the verifier makes each step one load with a
 * fault handler; elsewhere each is a call of bpf_probe_read_kernel(), which costs some fifty times as much. Either way
 * the result is a number to the verifier, so it may be stored, passed to global functions, and compared.
 */
#pragma once

#include "kernel.h"

const volatile bool have_rdonly_cast = false; /* kfunc bpf_rdonly_cast, 6.2 (a35b9af4ec2c) */

extern void *bpf_rdonly_cast(const void *object, __u32 btf_id) __ksym __weak;

/* Kernel structs that begin with a number of 64 and of 32 bits: what an address is cast to for a load of that size. */
#define LOAD64(address) \
	(((struct timespec64 *)bpf_rdonly_cast((address), bpf_core_type_id_kernel(struct timespec64)))->tv_sec)
#define LOAD32(address) (((struct upid *)bpf_rdonly_cast((address), bpf_core_type_id_kernel(struct upid)))->nr)

/* The 64 bits at an address that no field describes; 0 where there is nothing to read. */
#define READ_WORD(address)                                                                     \
	({                                                                                     \
		__u64 word_ = 0;                                                               \
		if (have_rdonly_cast)                                                          \
			word_ = LOAD64(address);                                               \
		else                                                                           \
			bpf_probe_read_kernel(&word_, sizeof(word_), (const void *)(address)); \
		word_;                                                                         \
	})

/* Little-endian: a narrower field is the low end of the word that begins there. */
#define READ_FIELD(object, field)                                                                   \
	({                                                                                          \
		__typeof__(object) object_ = (object);                                              \
		__typeof__(object_->field) value_;                                                  \
		if (have_rdonly_cast) {                                                             \
			if (sizeof(value_) == 8)                                                    \
				value_ = (__typeof__(value_))(__u64)LOAD64(&object_->field);        \
			else                                                                        \
				value_ = (__typeof__(value_))(__u64)(__u32)LOAD32(&object_->field); \
		} else {                                                                            \
			bpf_core_read(&value_, sizeof(value_), &object_->field);                    \
		}                                                                                   \
		value_;                                                                             \
	})

#define READ1(o, a)                         READ_FIELD(o, a)
#define READ2(o, a, b)                      READ_FIELD(READ1(o, a), b)
#define READ3(o, a, b, c)                   READ_FIELD(READ2(o, a, b), c)
#define READ4(o, a, b, c, d)                READ_FIELD(READ3(o, a, b, c), d)
#define READ_PICK(o, a, b, c, d, name, ...) name
#define READ(...)                           READ_PICK(__VA_ARGS__, READ4, READ3, READ2, READ1)(__VA_ARGS__)

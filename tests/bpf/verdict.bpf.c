/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * verdict.bpf.c: the deciding code of bpf/ alone, run on demand (BPF_PROG_TEST_RUN) against tables that a test fills.
 */
#include "decide.h"

__u32 test_secret = 0;
__u32 test_kind = 0;
__u32 test_rounds = 0;      /* of decide() in one run */
__u32 test_is_uncached = 0; /* each round as if somebody's classes had changed */
struct verdict_facts test_facts = {};
struct decided test_decided = {};
__u64 test_number = 0;
__u64 test_nanoseconds = 0; /* of all rounds together */
__u64 test_start_ns = 0;    /* who asked, as decide() sees it */
struct image_file test_exe = {};

/* verdict.h over the facts that are given. */
SEC("raw_tp/sys_enter")
int test_verdict(void *context)
{
	test_decided =
		verdict_decide(entry_of(policy_generation, test_secret), rules_of(policy_generation), &test_facts);
	return 0;
}

/* decide() about the task that runs this. */
SEC("raw_tp/sys_enter")
int test_decide(void *context)
{
	struct task_struct *self = (struct task_struct *)bpf_get_current_task();
	__u64 task = (__u64)self, start;

	test_start_ns = start_of(self);
	read_image_file(exe_inode_of(self), &test_exe);
	start = bpf_ktime_get_ns();
	for (__u32 i = 0; i < 4096; i++) {
		if (i >= test_rounds)
			break;
		if (test_is_uncached)
			class_generation++;
		test_number = decide(task, test_secret, test_kind);
	}
	test_nanoseconds = bpf_ktime_get_ns() - start;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * judge.h: a verdict, and what becomes of it: refused by the hook that asks, or the process killed.
 *
 * Nobody is judged while the tier only observes, nor is the daemon. The verdict does not wait for a place to count it.
 */
#pragma once

#include "decide.h"

const volatile __u8 tier = TIER_OBSERVE; /* set at load; TIER_FANOTIFY observes here and denies elsewhere */

/*
 * A process that holds more secrets than are remembered of one was looked into: what is to be done if none of those
 * that are remembered decides. The daemon sets it by the policies' onError.
 */
__u32 unknown_denies = 0;
/* Start of the daemon: another process may get its number when it is gone. 0: not known yet. */
__u64 daemon_start_ns = 0;

/* In place of a secret's number: one of those that are not remembered. */
#define SECRET_UNKNOWN VERDICT_SECRETS_MAX

/* How a place that asks can carry a denial out; the kind is in the lowest byte. */
#define JUDGE_BY_OWN_CRED DECIDE_BY_OWN_CRED
#define JUDGE_REFUSES     0x200 /* a hook of a security module: its answer is heeded */
#define JUDGE_LATER       0x400 /* an open file came with a fork or an exec: what is read through it is refused */
#define JUDGE_FLAGS       (JUDGE_BY_OWN_CRED | JUDGE_REFUSES | JUDGE_LATER)

static __always_inline bool is_judging(void)
{
	return tier == TIER_LSM || tier == TIER_KILL;
}

/* We look at secrets all the time, by O_PATH; that is nobody's access. */
static __always_inline bool is_daemon(void)
{
	struct task_struct *task;

	if ((__u32)(bpf_get_current_pid_tgid() >> 32) != daemon_pid)
		return false;
	task = (struct task_struct *)bpf_get_current_task();
	return !daemon_start_ns || READ(task, group_leader, start_boottime) == daemon_start_ns;
}

static __always_inline bool is_current_group(struct task_struct *task)
{
	return (__u32)READ(task, tgid) == (__u32)(bpf_get_current_pid_tgid() >> 32);
}

static __always_inline bool is_denied(__u64 judged)
{
	return (judged & 0xff) == DECIDED_DENY;
}

static __always_inline bool is_enforced(__u64 judged)
{
	return judged & ((__u64)DECIDED_ENFORCED << 8);
}

/*
 * What a hook of a security module answers. By a branch, which the verifier follows: of a number it would have to know
 * that it is an error (6.12).
 */
static __always_inline int answer(int refused)
{
	int result = 0;

	if (refused) {
		result = -EPERM;
		asm volatile("" : "+r"(result));
	}
	return result;
}

/* Is the caller, which said `how`, to answer -EPERM? */
static __always_inline bool is_refused(__u64 judged, __u32 how)
{
	return tier == TIER_LSM && (how & JUDGE_REFUSES) && is_enforced(judged);
}

static __always_inline __u64 decide_unknown(void)
{
	struct decided decided = {.action = unknown_denies ? DECIDED_DENY : DECIDED_ALLOW,
				  .flags = DECIDED_ERROR,
				  .rule = DECIDED_BY_DEFAULT};

	count_loss(LOSS_UNDECIDED);
	return decided_number(&decided, policy_generation);
}

/*
 * The verdict on what `task` (an address) does to the secret of that number, carried out as far as `how` lets us: the
 * number as of decide(), with DECIDED_ENFORCED if it was. DECIDED_UNDECIDED: nobody judges. Global: verified once.
 */
__u64 __attribute__((noinline)) judge(__u64 task_address, __u32 secret, __u32 how)
{
	struct task_struct *task = (struct task_struct *)task_address;
	__u64 judged;

	if (!is_judging() || !secret || is_daemon())
		return DECIDED_UNDECIDED;
	judged = secret == SECRET_UNKNOWN ? decide_unknown()
					  : decide(task_address, secret, how & (DECIDE_BY_OWN_CRED | 0xff));
	if (!is_denied(judged))
		return judged;
	if (tier == TIER_LSM && (how & (JUDGE_REFUSES | JUDGE_LATER)))
		judged |= (__u64)DECIDED_ENFORCED << 8;
	/* ps and its kin read the environment of every process there is: that is no reason to die. */
	if ((judged & ((__u64)DECIDED_KILL << 8)) && (how & 0xff) != ACCESS_PROC_ENVIRON && is_current_group(task) &&
	    bpf_send_signal(SIGKILL) == 0)
		judged |= (__u64)DECIDED_ENFORCED << 8;
	return judged;
}

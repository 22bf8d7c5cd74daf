/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * egress.h: which processes have had a secret with a list of destinations.
 *
 * One entry for each process and such a secret ("guard"), made at the first access, copied to children, kept over exec,
 * removed at the exit. So an entry is made or found, never changed, by however many threads at once, and by the daemon.
 */
#pragma once

#include "match.h"

const volatile bool has_egress = false; /* a cgroup is configured; else all of this is no code at all */

/* Written by the daemon: the bank that is not in force is filled, then `egress_bank` changes. */
__u32 egress_bank = 0;
__u32 egress_used = 0; /* guards have had numbers below this */
struct egress_guard egress_guards[EGRESS_BANKS][EGRESS_GUARDS] = {};
__u8 egress_of_secret[EGRESS_BANKS][VERDICT_SECRETS_MAX] = {}; /* guard + 1, by the number of the secret */

/* Size set at load. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct taint_key);
	__type(value, struct taint);
} tainted SEC(".maps");

static __always_inline struct egress_guard *guard_of(__u32 bank, __u32 guard)
{
	return &egress_guards[bank & (EGRESS_BANKS - 1)][guard & (EGRESS_GUARDS - 1)];
}

/* Global, as what follows: verified once, and not for each turn of a loop. */
int __attribute__((noinline)) taint_add(__u32 pid, __u64 start_ns, __u32 guard, __u64 since_ns)
{
	struct taint_key key = {.pid = pid, .guard = guard};
	struct taint fresh = {.start_ns = start_ns, .since_ns = since_ns};
	struct taint *known = bpf_map_lookup_elem(&tainted, &key);

	if (known && known->start_ns == start_ns && known->since_ns >= guard_of(egress_bank, guard)->since_ns)
		return 0;
	if (bpf_map_update_elem(&tainted, &key, &fresh, BPF_ANY))
		count_loss(LOSS_TAINTED_FULL);
	return 0;
}

/*
 * The second process has what the first one has: as its child, or because it has looked into its memory. `from_start`
 * of 0: whoever has the pid now.
 */
int __attribute__((noinline)) taint_inherit(__u32 from, __u64 from_start, __u32 pid, __u64 start_ns)
{
	struct taint_key key = {.pid = from};

	for (__u32 i = 0; i < EGRESS_GUARDS; i++) {
		struct taint *taint;

		if (i >= egress_used)
			break;
		key.guard = i;
		taint = bpf_map_lookup_elem(&tainted, &key);
		if (taint && (from_start == 0 || taint->start_ns == from_start))
			(void)taint_add(pid, start_ns, i, taint->since_ns);
	}
	return 0;
}

/* The process has the secret of this number: it opened or got one of its files, or has one open. */
static __always_inline void egress_has(__u32 pid, __u64 start_ns, __u32 secret)
{
	__u32 guard;

	if (!has_egress || secret == 0)
		return;
	guard = egress_of_secret[egress_bank & (EGRESS_BANKS - 1)][secret & (VERDICT_SECRETS_MAX - 1)];
	if (guard)
		(void)taint_add(pid, start_ns, guard - 1, bpf_ktime_get_boot_ns());
}

/*
 * An access happened that was not seen before: what it gave the process is remembered. A secret of number 0 is named by
 * the daemon, which then makes the entry.
 */
static __always_inline void egress_accessed(const struct access_key *key, __u32 secret)
{
	if (!has_egress || key->result || key->kind == ACCESS_LINK)
		return;
	if (key->target)
		(void)taint_inherit(key->target, 0, key->process.pid, key->process.start_ns);
	else
		egress_has(key->process.pid, key->process.start_ns, secret);
}

static __always_inline void egress_forked(const struct process_id *parent, const struct task_struct *child)
{
	if (has_egress)
		(void)taint_inherit(parent->pid, parent->start_ns, child->tgid, child->start_boottime);
}

static __always_inline void egress_exited(__u32 pid)
{
	struct taint_key key = {.pid = pid};

	if (!has_egress)
		return;
	for (__u32 i = 0; i < EGRESS_GUARDS; i++) {
		if (i >= egress_used)
			break;
		key.guard = i;
		(void)bpf_map_delete_elem(&tainted, &key);
	}
}

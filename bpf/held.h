/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * held.h: which secrets a process has had, by number, so that who looks into its memory can be judged by them.
 *
 * One map entry for each secret, made once and never changed: two threads that come at once cannot lose one. What has
 * no place any more is noted at the holder, and judged by SECRET_UNKNOWN.
 */
#pragma once

#include "judge.h"

#define HELD_SLOTS 8

struct held_key {
	__u64 start_ns;
	__u32 pid;
	__u32 slot; /* below HELD_SLOTS */
};

/* Size set at load. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct held_key);
	__type(value, __u32);
} held SEC(".maps");

/* NULL: it has had none. */
static __always_inline struct holder *holder_of(__u32 pid)
{
	return bpf_map_lookup_elem(&holders, &pid);
}

static __always_inline struct holder *holder_get(__u64 start_ns, __u32 pid)
{
	struct holder *holder = holder_of(pid), fresh = {.start_ns = start_ns};

	if (holder && holder->start_ns == start_ns)
		return holder;
	if (bpf_map_update_elem(&holders, &pid, &fresh, holder ? BPF_EXIST : BPF_NOEXIST) && !holder_of(pid))
		count_loss(LOSS_HOLDERS_FULL);
	return holder_of(pid);
}

/* This process has had the secret of that number (0: one whose number nobody knows). */
int __attribute__((noinline)) hold(__u64 start_ns, __u32 pid, __u32 secret)
{
	struct holder *holder = holder_get(start_ns, pid);
	struct held_key key = {.start_ns = start_ns, .pid = pid};

	if (!holder || !is_judging() || !secret)
		return 0;
	for (__u32 i = 0; i < HELD_SLOTS; i++) {
		__u32 *there;

		key.slot = i;
		there = bpf_map_lookup_elem(&held, &key);
		if (there && *there == secret)
			return 0;
		if (!there && bpf_map_update_elem(&held, &key, &secret, BPF_NOEXIST) == 0)
			return 0;
	}
	holder->has_more = 1;
	return 0;
}

/* The child has all that the parent has. */
int __attribute__((noinline)) hold_as_parent(__u64 start_ns, __u32 pid, __u32 parent)
{
	struct holder *from = holder_of(parent), *holder;
	struct held_key key = {.pid = parent};

	if (!from)
		return 0;
	holder = holder_get(start_ns, pid);
	if (!holder || !is_judging())
		return 0;
	holder->has_more = from->has_more;
	for (__u32 i = 0; i < HELD_SLOTS; i++) {
		struct held_key own = {.start_ns = start_ns, .pid = pid, .slot = i};
		__u32 *there;

		key.start_ns = from->start_ns;
		key.slot = i;
		there = bpf_map_lookup_elem(&held, &key);
		if (there && bpf_map_update_elem(&held, &own, there, BPF_ANY))
			holder->has_more = 1;
	}
	return 0;
}

/* It is gone, or executes something else. */
int __attribute__((noinline)) hold_nothing(__u32 pid)
{
	struct holder *holder = holder_of(pid);
	struct held_key key = {.pid = pid};

	if (!holder)
		return 0;
	key.start_ns = holder->start_ns;
	for (__u32 i = 0; i < HELD_SLOTS && is_judging(); i++) {
		key.slot = i;
		(void)bpf_map_delete_elem(&held, &key); /* -ENOENT: fewer than there is room for */
	}
	(void)bpf_map_delete_elem(&holders, &pid);
	return 0;
}

/* The number that the process has in that slot and that `task` (an address) is denied to look for; else 0. */
__u32 __attribute__((noinline)) held_slot_denied(__u64 start_ns, __u32 pid, __u32 slot, __u64 task, __u32 kind)
{
	struct held_key key = {.start_ns = start_ns, .pid = pid, .slot = slot};
	__u32 *there = bpf_map_lookup_elem(&held, &key);

	return there && is_denied(decide(task, *there, kind)) ? *there : 0;
}

/*
 * Of the secrets that `pid` has had, the first that `task` (an address) is denied to look for in that way (enum
 * access_kind), or SECRET_UNKNOWN when there are more than are remembered; 0: none.
 */
__u32 __attribute__((noinline)) held_denied(__u64 task, __u32 pid, __u32 kind)
{
	struct holder *holder = holder_of(pid);
	__u64 start_ns;
	__u32 more;

	if (!holder || !is_judging())
		return 0;
	start_ns = holder->start_ns;
	more = holder->has_more;
	for (__u32 i = 0; i < HELD_SLOTS; i++) {
		__u32 secret = held_slot_denied(start_ns, pid, i, task, kind);

		if (secret)
			return secret;
	}
	return more ? SECRET_UNKNOWN : 0;
}

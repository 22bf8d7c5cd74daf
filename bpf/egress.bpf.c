/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * egress.bpf.c: where processes that have had a secret send to.
 *
 * Programs of a control group (v2), run for the sockets that were made in it or below it, in the process that names the
 * destination. A destination that a secret's list does not name is told, and refused with EPERM if the list says so.
 * Not seen: connections that are there already when the secret is read, those that others make to the process, and all
 * that is no IP socket. docs/limits.md has the list.
 */
#include "egress.h"
#include "observe.h"

#define AF_INET       2
#define SOCK_RAW      3
#define IPPROTO_TCP   6
#define IPPROTO_UDP   17
#define IPPROTO_RAW   255
#define IPPROTO_MPTCP 262

#define MAPPED_PREFIX bpf_htonl(0xffff) /* ::ffff:0:0/96, the word before the last */

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct destination_key);
	__type(value, __u8);
} destinations SEC(".maps");

/* `guard` with its bank in the next byte. For this port, or for any. */
int __attribute__((noinline)) egress_is_listed(__u64 high, __u64 low, __u32 way, __u32 guard)
{
	struct destination_key key = {.bank = guard >> 8, .guard = guard, .port = EGRESS_PORT(way)};
	__u32 *address = (__u32 *)key.address;

	if (high == 0 && (__u32)low == MAPPED_PREFIX) {
		key.prefix = DESTINATION_FIXED_BITS + 32;
		key.family = 4;
		address[0] = low >> 32;
	} else {
		key.prefix = DESTINATION_FIXED_BITS + 128;
		key.family = 6;
		address[0] = high;
		address[1] = high >> 32;
		address[2] = low;
		address[3] = low >> 32;
	}
	if (bpf_map_lookup_elem(&destinations, &key))
		return 1;
	key.port = 0;
	return bpf_map_lookup_elem(&destinations, &key) != NULL;
}

/* Counts the attempt, and sends its record the first time, as an access is. `how` is the guard and its action. */
int __attribute__((noinline)) egress_observe(__u64 high, __u64 low, __u32 way, __u32 how, __u64 since_ns)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct scratch *scratch = scratch_claim();
	__u64 now = bpf_ktime_get_boot_ns();
	struct access_value *value = NULL;
	struct access_record *record;
	__u64 *address;

	if (!scratch) {
		count_loss(LOSS_SCRATCH);
		count_loss(LOSS_UNCOUNTED);
		return 0;
	}
	record = (struct access_record *)scratch->head;
	read_process_id(task, &record->key.process);
	address = (__u64 *)record->key.destination.bytes;
	address[0] = high;
	address[1] = low;
	record->key.identity = identity_hash(task, cred_of(task, false));
	record->key.kind = ACCESS_EGRESS;
	record->key.via = how;
	record->key.mode = how >> 8;
	record->key.result = record->key.mode == EGRESS_DENY ? EPERM : 0;
	record->key.target = way;
	if (!count_again(&record->key, now, &value)) {
		record->value.flags = 0;
		record->value.pad = 0;
		record->value.secret = 0;
		record->value.policy_generation = 0;
		__builtin_memset(&record->value.decided, 0, sizeof(record->value.decided));
		record->value.file_nlink = 0;
		__builtin_memset(&record->value.watched_dir, 0, sizeof(record->value.watched_dir));
		record->value.held_since_ns = since_ns;
		record->path_flags = 0;
		record->dirfd = -1;
		record->pad = 0;
		read_task(task, &record->value.task);
		announce(scratch, record, value, 0, now);
	}
	scratch_release(scratch);
	return 0;
}

/* Each secret that the process has had is asked. 1: it may pass, 0: it may not. */
int __attribute__((noinline)) egress_attempt(__u64 high, __u64 low, __u32 way)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct taint_key key = {.pid = bpf_get_current_pid_tgid() >> 32};
	__u32 bank = egress_bank;
	__u64 start_ns;
	int verdict = 1;

	start_ns = READ(task, group_leader, start_boottime);
	for (__u32 i = 0; i < EGRESS_GUARDS; i++) {
		struct egress_guard *guard = guard_of(bank, i);
		__u32 action = guard->action;
		struct taint *taint;

		if (i >= egress_used)
			break;
		if (action == EGRESS_OFF)
			continue;
		key.guard = i;
		taint = bpf_map_lookup_elem(&tainted, &key);
		if (!taint || taint->start_ns != start_ns || taint->since_ns < guard->since_ns)
			continue;
		if (egress_is_listed(high, low, way, i | (bank & (EGRESS_BANKS - 1)) << 8))
			continue;
		if (action == EGRESS_DENY)
			verdict = 0;
		(void)egress_observe(high, low, way, i | action << 8, taint->since_ns);
	}
	return verdict;
}

static __always_inline int may_send(__u64 high, __u64 low, __u32 port, __u32 protocol)
{
	int verdict;

	if (!has_egress || egress_used == 0)
		return 1;
	stay_on_cpu();
	verdict = egress_attempt(high, low, EGRESS_WAY(port, protocol));
	leave_cpu();
	return verdict ? 1 : 0;
}

static __always_inline int may_send4(__u32 address, __u32 port, __u32 protocol)
{
	return may_send(0, MAPPED_PREFIX | (__u64)address << 32, port, protocol);
}

static __always_inline int may_send6(struct bpf_sock_addr *context)
{
	__u64 first = context->user_ip6[0], second = context->user_ip6[1];
	__u64 third = context->user_ip6[2], fourth = context->user_ip6[3];

	return may_send(first | second << 32, third | fourth << 32, bpf_ntohs(context->user_port), context->protocol);
}

/*
 * Why these: the kernel calls them with its own copy of the address, so the process cannot change it afterwards, for
 * every way to name one: connect, the first data of a TCP Fast Open, an io_uring request, a datagram's own address.
 * A connected socket sends without another look: whoever connected it has been asked.
 */
SEC("cgroup/connect4")
int egress_connect4(struct bpf_sock_addr *context)
{
	return may_send4(context->user_ip4, bpf_ntohs(context->user_port), context->protocol);
}

SEC("cgroup/connect6")
int egress_connect6(struct bpf_sock_addr *context)
{
	return may_send6(context);
}

SEC("cgroup/sendmsg4")
int egress_sendmsg4(struct bpf_sock_addr *context)
{
	return may_send4(context->user_ip4, bpf_ntohs(context->user_port), context->protocol);
}

SEC("cgroup/sendmsg6")
int egress_sendmsg6(struct bpf_sock_addr *context)
{
	return may_send6(context);
}

/*
 * Why here: of IP sockets only TCP and UDP have the hooks above everywhere. What sends without them (raw and ping
 * sockets, SCTP, UDP-Lite, ...) is asked when it is made, with no destination: only a list that names every address
 * lets it be.
 */
SEC("cgroup/sock_create")
int egress_socket(struct bpf_sock *context)
{
	__u32 protocol = context->protocol;

	if (context->type == SOCK_RAW)
		protocol = IPPROTO_RAW;
	else if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_MPTCP)
		return 1;
	if (context->family == AF_INET)
		return may_send4(0, 0, protocol);
	return may_send(0, 0, 0, protocol);
}

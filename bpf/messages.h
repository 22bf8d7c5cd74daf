/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * messages.h: descriptors received over a Unix socket (SCM_RIGHTS), read from the control data that the kernel has just
 * written for the process (unix(7), cmsg(3)). Only for the backend that has no hook at the receipt itself.
 */
#pragma once

#include "descriptors.h"

#define SOL_SOCKET   1
#define SCM_RIGHTS   1
#define SCM_MAX_FD   253 /* net/scm.h */
#define MESSAGES_MAX 64

struct user_msghdr_tail { /* struct user_msghdr from msg_control on */
	__u64 control;
	__u64 control_size;
};

struct user_cmsghdr {
	__u64 size;
	__s32 level;
	__s32 type;
};

/*
 * Where in user memory the control message with descriptors is, or 0. Looks at the first four: SCM_RIGHTS comes alone
 * or after credentials. This and the next are global functions: verified once, not for each way to them.
 */
__u64 __attribute__((noinline)) find_descriptors(__u64 message, __u32 compat)
{
	struct user_cmsghdr head = {};
	__u64 control = 0, left = 0, at;

	if (compat) {
		struct {
			__u32 control, control_size;
		} tail = {};

		if (bpf_probe_read_user(&tail, sizeof(tail), (void *)(message + 16)))
			return 0;
		control = tail.control;
		left = tail.control_size;
	} else {
		struct user_msghdr_tail tail = {};

		if (bpf_probe_read_user(&tail, sizeof(tail), (void *)(message + 32)))
			return 0;
		control = tail.control;
		left = tail.control_size;
	}
	at = control;
	for (int i = 0; i < 4; i++) {
		__u64 head_size = compat ? 12 : 16;

		if (left <= head_size || at == 0)
			return 0;
		if (compat) {
			struct {
				__u32 size;
				__s32 level, type;
			} narrow = {};

			if (bpf_probe_read_user(&narrow, sizeof(narrow), (void *)at))
				return 0;
			head.size = narrow.size;
			head.level = narrow.level;
			head.type = narrow.type;
		} else if (bpf_probe_read_user(&head, sizeof(head), (void *)at)) {
			return 0;
		}
		if (head.size < head_size || head.size > left)
			return 0;
		if (head.level == SOL_SOCKET && head.type == SCM_RIGHTS)
			return at;
		head.size = (head.size + (compat ? 3 : 7)) & ~(compat ? 3ULL : 7ULL);
		if (head.size > left)
			return 0;
		at += head.size;
		left -= head.size;
	}
	return 0;
}

int __attribute__((noinline)) observe_descriptors(__u64 header, __u32 compat)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 at = compat ? 12 : 16, size = 0; /* the low half of a wider size: little-endian, and at most some KiB */

	if (bpf_probe_read_user(&size, sizeof(size), (void *)header))
		return 0;
	for (int i = 0; i < SCM_MAX_FD; i++) {
		__u32 fd = 0;

		if (at + sizeof(fd) > size || bpf_probe_read_user(&fd, sizeof(fd), (void *)(header + at)))
			return 0;
		(void)observe_received((__u64)file_of_fd(task, fd), 0, ACCESS_RECEIVE | VIA_SCM_RIGHTS << 8);
		at += sizeof(fd);
	}
	return 0;
}

static __always_inline void observe_message(__u64 message, __u32 compat)
{
	__u64 header = find_descriptors(message, compat);

	if (header)
		(void)observe_descriptors(header, compat);
}

static __always_inline void observe_messages(__u64 messages, long count, __u32 compat)
{
	for (int i = 0; i < MESSAGES_MAX; i++) {
		if (i >= count)
			return;
		observe_message(messages + i * (compat ? 32 : 64), compat); /* sizeof(struct mmsghdr) */
	}
	if (count > MESSAGES_MAX)
		count_loss(LOSS_FD_SCAN);
}

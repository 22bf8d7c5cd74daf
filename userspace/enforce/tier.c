/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/tier.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "enforce/fanotify_abi.h"

/* ---------------------------------------------------------------- trying */

static void explain(struct tier_support *support, int r, const char *text)
{
	support->works = r >= 0;
	if (r < 0)
		(void)snprintf(support->reason, sizeof(support->reason), "%s (%s)", text, strerror(-r));
}

/* The mask is looked at before the descriptor, which is none: -EBADF means that the kernel knows all of it. */
static bool takes_mask(int group, uint64_t mask)
{
	return fanotify_mark(group, FAN_MARK_ADD, mask, -1, NULL) == 0 || errno == EBADF;
}

static void probe_fanotify(struct tier_probe *probe)
{
	struct tier_support *support = &probe->tiers[TIER_FANOTIFY];
	_cleanup_(closep) int group = fanotify_init(FAN_CLASS_PRE_CONTENT | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS |
							    FAN_REPORT_TID | FAN_CLOEXEC,
						    O_RDONLY | O_CLOEXEC);

	if (group < 0 && errno == EPERM) {
		explain(support, -EPERM, "permission events need CAP_SYS_ADMIN: run as root");
		return;
	}
	if (group < 0) {
		explain(support, -errno, "the kernel gives no fanotify group for permission events");
		return;
	}
	if (!takes_mask(group, FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM | FAN_ACCESS_PERM)) {
		explain(support, -ENOTSUP, "the kernel was built without CONFIG_FANOTIFY_ACCESS_PERMISSIONS");
		return;
	}
	support->works = true;
	probe->stops_maps = takes_mask(group, FAN_PRE_ACCESS);
}

/* bpf_send_signal(SIGKILL) out of a program at a tracepoint; loaded, never attached. */
static void probe_kill(struct tier_probe *probe)
{
	static const struct bpf_insn kill_current[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = 9},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_send_signal},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	_cleanup_(closep) int program =
		bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "sagent_trial", "GPL", kill_current, 4, NULL);

	explain(&probe->tiers[TIER_KILL], program < 0 ? -errno : 0, "the kernel refuses programs that send signals");
}

void tier_probe(const struct tier_support *lsm, struct tier_probe *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->tiers[TIER_LSM] = *lsm;
	ret->tiers[TIER_OBSERVE].works = true;
	probe_fanotify(ret);
	probe_kill(ret);
}

enum tier tier_best(const struct tier_probe *probe)
{
	for (int i = TIER_COUNT - 1; i > TIER_OBSERVE; i--)
		if (probe->tiers[i].works)
			return (enum tier)i;
	return TIER_OBSERVE;
}

/* ---------------------------------------------------------------- limits */

static const char replaced[] = "opens of a file that has just replaced a secret under its name (rename), until it is "
			       "marked; not where every file of the directory is a secret";
static const char *const fanotify_limits[] = {
	"anything, once the daemon has ended: the kernel then lets every access pass",
	replaced,
	"descriptors that were opened before the daemon started",
	"hard links to secrets, ptrace, and reads of the memory of processes that hold a secret",
	"the receipt of a descriptor (a socket, pidfd_getfd); reading it is stopped",
};

static const char no_maps[] = "mappings of descriptors that were inherited or received (asked for from Linux 6.14 on)";
static const char few_maps[] =
	"mappings of descriptors that were inherited or received, on filesystems without pre-content "
	"events, such as tmpfs and overlay";

size_t tier_limits(enum tier tier, const struct tier_probe *probe, const char *ret_limits[TIER_LIMITS_MAX])
{
	size_t count = 0;

	if (tier != TIER_FANOTIFY)
		return 0;
	for (; count < sizeof(fanotify_limits) / sizeof(fanotify_limits[0]); count++)
		ret_limits[count] = fanotify_limits[count];
	ret_limits[count++] = probe->stops_maps ? few_maps : no_maps;
	return count;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/access.h"

#include <errno.h>
#include <string.h>

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

static const char *const kinds[] = {
	[ACCESS_OPEN] = "open",         [ACCESS_EXEC] = "exec",
	[ACCESS_MAP] = "map",           [ACCESS_RECEIVE] = "receive",
	[ACCESS_LINK] = "link",         [ACCESS_PTRACE] = "ptrace",
	[ACCESS_PROC_MEM] = "proc-mem", [ACCESS_PROC_ENVIRON] = "proc-environ",
};
_Static_assert(COUNT_OF(kinds) == ACCESS_KIND_COUNT, "a kind has no name");

static const char *const ways[] = {
	[VIA_OTHER] = "other",
	[VIA_OPEN] = "open",
	[VIA_OPENAT] = "openat",
	[VIA_OPENAT2] = "openat2",
	[VIA_CREAT] = "creat",
	[VIA_OPEN_BY_HANDLE_AT] = "open_by_handle_at",
	[VIA_IO_URING] = "io_uring",
	[VIA_EXECVE] = "execve",
	[VIA_MMAP] = "mmap",
	[VIA_SCM_RIGHTS] = "scm_rights",
	[VIA_PIDFD_GETFD] = "pidfd_getfd",
	[VIA_PTRACE] = "ptrace",
	[VIA_PROCESS_VM_READV] = "process_vm_readv",
	[VIA_INHERITED] = "inherited",
	[VIA_LINK] = "link",
	[VIA_COREDUMP] = "coredump",
};
_Static_assert(COUNT_OF(ways) == VIA_COUNT, "a way has no name");

static const char *const actions[] = {
	[VERDICT_ALLOW] = "allow",
	[VERDICT_ALERT] = "alert",
	[VERDICT_DENY] = "deny",
};
_Static_assert(COUNT_OF(actions) == VERDICT_COUNT, "an action has no name");

static const char *const tiers[] = {
	[TIER_OBSERVE] = "observe",
	[TIER_KILL] = "kill",
	[TIER_FANOTIFY] = "fanotify",
	[TIER_LSM] = "lsm",
};
_Static_assert(COUNT_OF(tiers) == TIER_COUNT, "a tier has no name");

static const char *const places[] = {
	[LOSS_ACCESS_RING] = "access-ring",
	[LOSS_PROCESS_RING] = "process-ring",
	[LOSS_COUNTERS_FULL] = "counters-full",
	[LOSS_UNCOUNTED] = "uncounted",
	[LOSS_FD_GONE] = "fd-gone",
	[LOSS_FD_SCAN] = "fd-scan",
	[LOSS_PATH_READ] = "path-read",
	[LOSS_ARGS_READ] = "args-read",
	[LOSS_HOLDERS_FULL] = "holders-full",
	[LOSS_PARENT_WALK] = "parent-walk",
	[LOSS_SCRATCH] = "scratch",
	[LOSS_IMAGES_FULL] = "images-full",
	[LOSS_UNDECIDED] = "undecided",
	[LOSS_PROGRAM_MISSED] = "program-missed",
	[LOSS_OUTPUT] = "output",
	[LOSS_STORE] = "store",
	[LOSS_UNGUARDED] = "unguarded",
	[LOSS_UNTOLD] = "untold",
	[LOSS_WATCHLIST] = "watch-list",
	[LOSS_TAINTED_FULL] = "tainted-full",
};
_Static_assert(COUNT_OF(places) == LOSS_PLACE_COUNT, "a place of loss has no name");

static const char *name_in(const char *const *table, size_t count, unsigned int index)
{
	return index < count && table[index] ? table[index] : "unknown";
}

static int index_in(const char *const *table, size_t count, const char *name, unsigned int *ret_index)
{
	for (unsigned int i = 0; name && i < count; i++)
		if (table[i] && strcmp(table[i], name) == 0) {
			*ret_index = i;
			return 0;
		}
	return -EINVAL;
}

const char *access_kind_name(enum access_kind kind)
{
	return name_in(kinds, COUNT_OF(kinds), (unsigned int)kind);
}

int access_kind_from_name(const char *name, enum access_kind *ret_kind)
{
	unsigned int index;
	int r = index_in(kinds, COUNT_OF(kinds), name, &index);

	if (r == 0)
		*ret_kind = (enum access_kind)index;
	return r;
}

const char *access_via_name(enum access_via via)
{
	return name_in(ways, COUNT_OF(ways), (unsigned int)via);
}

const char *verdict_action_name(enum verdict_action action)
{
	return name_in(actions, COUNT_OF(actions), (unsigned int)action);
}

int verdict_action_from_name(const char *name, enum verdict_action *ret_action)
{
	unsigned int index;
	int r = index_in(actions, COUNT_OF(actions), name, &index);

	if (r == 0)
		*ret_action = (enum verdict_action)index;
	return r;
}

const char *tier_name(enum tier tier)
{
	return name_in(tiers, COUNT_OF(tiers), (unsigned int)tier);
}

const char *loss_place_name(enum loss_place place)
{
	return name_in(places, COUNT_OF(places), (unsigned int)place);
}

const char *access_mode_name(unsigned int mode)
{
	if (mode & MODE_EXEC)
		return "exec";
	switch (mode & (MODE_READ | MODE_WRITE)) {
	case MODE_READ:
		return "read";
	case MODE_WRITE:
		return "write";
	case MODE_READ | MODE_WRITE:
		return "read-write";
	default:
		return "none";
	}
}

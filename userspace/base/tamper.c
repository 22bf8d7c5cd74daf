/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tamper.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

const char *tamper_kind_name(enum tamper_kind kind)
{
	static const char *const names[TAMPER_KIND_COUNT] = {
		[TAMPER_BPF] = "bpf",
		[TAMPER_SIGNAL] = "signal",
		[TAMPER_TRACE] = "trace",
		[TAMPER_SELF_CHECK] = "self-check",
	};
	unsigned int index = kind;

	return index < TAMPER_KIND_COUNT && names[index] ? names[index] : "unknown";
}

static const char *bpf_way_name(uint8_t command)
{
	switch (command) {
	case GUARD_OPEN:
		return "open";
	case BPF_MAP_LOOKUP_ELEM:
	case BPF_MAP_GET_NEXT_KEY:
	case BPF_MAP_LOOKUP_BATCH:
		return "read";
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_UPDATE_BATCH:
		return "update";
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_DELETE_BATCH:
	case BPF_MAP_LOOKUP_AND_DELETE_ELEM:
	case BPF_MAP_LOOKUP_AND_DELETE_BATCH:
		return "delete";
	case BPF_MAP_FREEZE:
		return "freeze";
	case BPF_LINK_DETACH:
	case BPF_PROG_DETACH:
		return "detach";
	case BPF_LINK_UPDATE:
		return "replace";
	case BPF_OBJ_PIN:
		return "pin";
	case BPF_PROG_TEST_RUN:
		return "run";
	default:
		return "other";
	}
}

const char *tamper_way_name(enum tamper_kind kind, uint8_t way)
{
	static const char *const traces[TRACE_COUNT] = {
		[TRACE_PTRACE] = "ptrace",
		[TRACE_VM_READ] = "process_vm_readv",
		[TRACE_VM_WRITE] = "process_vm_writev",
		[TRACE_PROC_MEM] = "proc-mem",
		[TRACE_GETFD] = "pidfd_getfd",
		[TRACE_OTHER] = "other",
	};

	switch (kind) {
	case TAMPER_BPF:
		return bpf_way_name(way);
	case TAMPER_SIGNAL:
		return signal_name(way);
	case TAMPER_TRACE:
		return way < TRACE_COUNT && traces[way] ? traces[way] : "other";
	case TAMPER_SELF_CHECK:
	case TAMPER_KIND_COUNT:
		break;
	}
	return "other";
}

const char *guard_object_name(enum guard_object object)
{
	static const char *const names[GUARD_OBJECT_COUNT] = {
		[GUARD_MAP] = "map", [GUARD_PROGRAM] = "program", [GUARD_LINK] = "link"};
	unsigned int index = object;

	return index < GUARD_OBJECT_COUNT && names[index] ? names[index] : "unknown";
}

const char *signal_name(int number)
{
	static __thread char text[16];
	const char *name = sigabbrev_np(number);

	if (name)
		(void)snprintf(text, sizeof(text), "SIG%s", name);
	else
		(void)snprintf(text, sizeof(text), "signal %d", number);
	return text;
}

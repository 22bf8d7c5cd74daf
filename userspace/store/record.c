/* SPDX-License-Identifier: Apache-2.0 */
#include "store/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Copies to `to` and adds up; with `to` NULL it only adds up. */
struct copier {
	char *to;
	size_t size;
};

static const void *copy_bytes(struct copier *copier, const void *bytes, size_t size)
{
	char *at = NULL;

	if (copier->to) {
		at = copier->to + copier->size;
		memcpy(at, bytes, size);
	}
	copier->size += size;
	return at;
}

static const char *copy_optional(struct copier *copier, const char *string)
{
	return string ? copy_bytes(copier, string, strlen(string) + 1) : NULL;
}

static const char *copy_string(struct copier *copier, const char *string)
{
	return copy_optional(copier, string ? string : "");
}

static void copy_ancestors(struct store_record *record, struct copier *copier, const struct access_process *process)
{
	uint32_t pids[ACCESS_ANCESTORS_MAX];
	size_t count =
		process->ancestors_count < ACCESS_ANCESTORS_MAX ? process->ancestors_count : ACCESS_ANCESTORS_MAX;

	for (size_t i = 0; i < count; i++)
		pids[i] = process->ancestors[i].pid;
	record->ancestor_pids = copy_bytes(copier, pids, count * sizeof(pids[0])); /* first, so that it is aligned */
	record->ancestors_count = (uint32_t)count;
	record->ancestors_truncated = process->ancestors_truncated;

	size_t before = copier->size;
	record->ancestor_exes = copier->to ? copier->to + before : NULL;
	for (size_t i = 0; i < count; i++)
		(void)copy_string(copier, process->ancestors[i].exe);
	record->ancestor_exes_size = (uint32_t)(copier->size - before);
}

static void copy_process(struct store_record *record, struct copier *copier, const struct access_process *process)
{
	copy_ancestors(record, copier, process);
	record->process = process->id;
	record->tid = process->tid;
	record->start_real_ns = process->start_real_ns;
	record->exe = copy_string(copier, process->exe);
	record->exe_sha256 = copy_optional(copier, process->exe_sha256);
	record->exe_id = process->exe_id;
	record->comm = copy_string(copier, process->comm);
	record->cred = process->cred;
	record->user = copy_optional(copier, process->user);
	record->script = copy_optional(copier, process->script);
	record->container = copy_optional(copier, process->container);
	record->pod = copy_optional(copier, process->pod);
	record->unit = copy_optional(copier, process->unit);
	record->cgroup = copy_string(copier, process->cgroup);

	size_t before = copier->size;
	record->args = copier->to ? copier->to + before : NULL;
	for (size_t i = 0; i < process->args_count; i++)
		(void)copy_string(copier, process->args[i]);
	record->args_size = (uint32_t)(copier->size - before);
	record->args_truncated = process->args_truncated;
}

static void copy_access(struct store_record *record, struct copier *copier, const struct access *access)
{
	copy_process(record, copier, &access->process);
	record->secret_name = copy_string(copier, access->secret_name);
	record->secret_class = copy_string(copier, access->secret_class);
	record->path = copy_string(copier, access->path);
	record->path_truncated = access->path_truncated;
	record->file = access->file;
	record->count = access->count;
	record->first_real_ns = access->first_real_ns;
	record->last_real_ns = access->last_real_ns;
	record->target_exe = copy_optional(copier, access->target_exe);
	record->target_pid = access->target_pid;
	record->result = access->result;
	record->kind = (uint8_t)access->kind;
	record->via = (uint8_t)access->via;
	record->mode = (uint8_t)access->mode;
	record->action = (uint8_t)access->verdict.action;
	record->tier = (uint8_t)access->verdict.tier;
	record->is_enforced = access->verdict.is_enforced;
	record->would_deny = access->verdict.would_deny;
	record->rule = copy_string(copier, access->verdict.rule);
	record->policy = copy_string(copier, access->verdict.policy);
}

struct store_record *store_record_new(const struct access *access)
{
	struct store_record measured = {0};
	struct copier copier = {0};

	copy_access(&measured, &copier, access);
	size_t size = sizeof(struct store_record) + copier.size;
	struct store_record *record = calloc(1, size);
	if (!record)
		return NULL;
	copier = (struct copier){.to = (char *)(record + 1)};
	copy_access(record, &copier, access);
	record->size_bytes = size;
	record->queued_ns = clock_boot_ns();
	return record;
}

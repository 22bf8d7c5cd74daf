/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/resolver.h"

#include <errno.h>
#include <string.h>

#include "base/access.h"
#include "base/clock.h"
#include "identity/process_record.h"
#include "identity/procfs.h"
#include "identity/surroundings.h"

#define CGROUPS_MAX 4096

struct resolver {
	struct procfs procfs;
	struct surroundings surroundings;
	struct process_facts facts;
	char legacy[PROCESS_WALK_MAX];
	char comm[ABI_COMM_SIZE];
	char exe[ABI_COMM_SIZE + 3]; /* of a kernel thread */
};

int resolver_new(const char *proc_root, struct resolver **ret)
{
	_cleanup_(resolver_freep) struct resolver *resolver = calloc(1, sizeof(*resolver));
	int r;

	if (!resolver)
		return -ENOMEM;
	r = procfs_init(&resolver->procfs, proc_root ? proc_root : "/proc");
	if (r == 0)
		r = surroundings_init(&resolver->surroundings, &resolver->procfs, CGROUPS_MAX);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(resolver);
	return 0;
}

void resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return;
	surroundings_release(&resolver->surroundings);
	free(resolver);
}

static const char *find_legacy(struct resolver *resolver, const struct task_snapshot *task)
{
	if (!surroundings_need_legacy(&resolver->surroundings, task))
		return NULL;
	return surroundings_read_legacy(&resolver->surroundings, &task->id, resolver->legacy,
					sizeof(resolver->legacy)) > 0
		       ? resolver->legacy
		       : NULL;
}

static const char *exe_of(struct resolver *resolver, const char *legacy)
{
	struct process_facts *facts = &resolver->facts;
	const struct task_snapshot *task = facts->task;

	if (file_id_is_zero(&task->exe.file)) {
		(void)snprintf(resolver->exe, sizeof(resolver->exe), "[%s]", resolver->comm); /* fits */
		return resolver->exe;
	}
	if (facts->exe_size == 0)
		return task->exe.flags & EXE_FLAG_MEMFD ? "/memfd:" : "";
	if (surroundings_is_elsewhere(&resolver->surroundings, facts) &&
	    !surroundings_is_contained(&resolver->surroundings, task, legacy))
		surroundings_mark_elsewhere(&resolver->surroundings, facts);
	return facts->exe;
}

int resolver_describe(struct resolver *resolver, const struct process_record *record, size_t size,
		      struct access_process *ret)
{
	const struct task_snapshot *task;
	const char *legacy;

	if (process_record_parse(record, size, &resolver->facts) < 0)
		return -EBADMSG;
	task = resolver->facts.task;
	legacy = find_legacy(resolver, task);
	memcpy(resolver->comm, task->comm, sizeof(resolver->comm));
	resolver->comm[sizeof(resolver->comm) - 1] = '\0';
	*ret = (struct access_process){
		.id = task->id,
		.tid = task->tid,
		.start_real_ns = clock_real_from_boot(task->id.start_ns),
		.exe = exe_of(resolver, legacy),
		.exe_id = task->exe,
		.comm = resolver->comm,
		.cred = task->cred,
		.ancestors_truncated = true,
	};
	surroundings_describe(&resolver->surroundings, task, legacy, ret);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/surroundings.h"

#include <errno.h>
#include <string.h>

#include "base/access.h"
#include "identity/cgroup_cache.h"
#include "identity/procfs.h"

#define LEGACY_TEXT_SIZE 16384

static const char elsewhere[] = "(elsewhere)";
#define ELSEWHERE_SIZE (sizeof(elsewhere) - 1)

int surroundings_init(struct surroundings *surroundings, const struct procfs *procfs, size_t cgroups_max)
{
	int r;

	surroundings->procfs = procfs;
	r = exe_place_init(&surroundings->host, procfs->root);
	return r < 0 ? r : cgroup_cache_new(procfs->root, cgroups_max, &surroundings->cgroups);
}

void surroundings_release(struct surroundings *surroundings)
{
	if (!surroundings->procfs)
		return;
	exe_place_release(&surroundings->host);
	cgroup_cache_free(surroundings->cgroups);
	surroundings->cgroups = NULL;
}

static bool says_nothing(const struct cgroup *cgroup)
{
	return !cgroup->path[0] || !cgroup->path[1];
}

bool surroundings_need_legacy(struct surroundings *surroundings, const struct task_snapshot *task)
{
	return says_nothing(cgroup_cache_find(surroundings->cgroups, task->cgroup_id)) &&
	       cgroup_cache_has_legacy(surroundings->cgroups);
}

ssize_t surroundings_read_legacy(const struct surroundings *surroundings, const struct process_id *id, char *out,
				 size_t size)
{
	char text[LEGACY_TEXT_SIZE];
	const char *path;
	size_t path_size;
	ssize_t n = procfs_read(surroundings->procfs, id->pid, "cgroup", text, sizeof(text));

	if (n <= 0)
		return n < 0 ? n : -ENODATA;
	if (!procfs_is_alive(surroundings->procfs, id))
		return -ESRCH;
	path = cgroup_pick_legacy(text, &path_size);
	if (path_size >= size)
		return -ENAMETOOLONG;
	memcpy(out, path, path_size);
	out[path_size] = '\0';
	return (ssize_t)path_size;
}

/* `exe` is the file that the path was read of. */
static bool is_elsewhere(const struct surroundings *surroundings, const struct exe_id *exe, const char *path,
			 size_t size)
{
	return size > 0 && path[0] == '/' && !(exe->flags & EXE_FLAG_MEMFD) &&
	       size + ELSEWHERE_SIZE < PROCESS_EXE_SIZE && !exe_place_is_host(&surroundings->host, path, exe);
}

bool surroundings_is_elsewhere(const struct surroundings *surroundings, const struct process_facts *facts)
{
	const struct process_record *record = facts->record;

	if (facts->task->mnt_ns == 0 || facts->task->mnt_ns == surroundings->host.mnt_ns)
		return false;
	return is_elsewhere(surroundings, &record->task.exe, facts->exe, facts->exe_size) ||
	       is_elsewhere(surroundings, &record->script, facts->script, facts->script_size);
}

bool surroundings_is_contained(struct surroundings *surroundings, const struct task_snapshot *task, const char *legacy)
{
	if (cgroup_cache_find(surroundings->cgroups, task->cgroup_id)->container)
		return true;
	if (!legacy || !surroundings_need_legacy(surroundings, task))
		return false;
	cgroup_parse(legacy, &surroundings->legacy_names);
	return surroundings->legacy_names.container[0];
}

static size_t mark(const struct surroundings *surroundings, const struct exe_id *exe, char path[PROCESS_EXE_SIZE],
		   size_t size)
{
	if (!is_elsewhere(surroundings, exe, path, size))
		return size;
	memmove(path + ELSEWHERE_SIZE, path, size + 1);
	memcpy(path, elsewhere, ELSEWHERE_SIZE);
	return size + ELSEWHERE_SIZE;
}

void surroundings_mark_elsewhere(const struct surroundings *surroundings, struct process_facts *facts)
{
	const struct process_record *record = facts->record;

	facts->exe_size = mark(surroundings, &record->task.exe, facts->exe, facts->exe_size);
	facts->script_size = mark(surroundings, &record->script, facts->script, facts->script_size);
}

static const char *or_null(const char *string)
{
	return string[0] ? string : NULL;
}

void surroundings_describe(struct surroundings *surroundings, const struct task_snapshot *task, const char *legacy,
			   struct access_process *ret)
{
	const struct cgroup *cgroup = cgroup_cache_find(surroundings->cgroups, task->cgroup_id);

	ret->cgroup = cgroup->path;
	ret->unit = cgroup->unit;
	ret->container = cgroup->container;
	ret->pod = cgroup->pod;
	if (!legacy || !says_nothing(cgroup) || !cgroup_cache_has_legacy(surroundings->cgroups))
		return;
	cgroup_parse(legacy, &surroundings->legacy_names);
	ret->cgroup = legacy;
	ret->unit = or_null(surroundings->legacy_names.unit);
	ret->container = or_null(surroundings->legacy_names.container);
	ret->pod = or_null(surroundings->legacy_names.pod);
}

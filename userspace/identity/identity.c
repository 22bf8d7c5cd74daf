/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/identity.h"

#include <errno.h>
#include <inttypes.h>

#include "base/access.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file_id.h"
#include "identity/cgroup_cache.h"
#include "identity/exe_hash.h"
#include "identity/process_record.h"
#include "identity/process_source.h"
#include "identity/process_table.h"
#include "identity/procfs.h"
#include "identity/surroundings.h"
#include "identity/users.h"

#define CGROUPS_MAX      4096
#define HASHES_MAX       4096
#define DEFAULT_GRACE_NS (2 * NS_PER_SEC)

struct identity {
	struct process_table table;
	struct procfs procfs;
	struct process_source source;
	struct surroundings surroundings;
	struct exe_hash *hashes; /* NULL when nothing is hashed */
	struct users *users;
	bool keeps_args;
	uint64_t grace_ns;
	uint64_t users_checked_ns;
	uint64_t rejected;
	uint64_t no_memory;
	/* What identity_describe lends out. */
	const char *args[ABI_ARGS_MAX];
	char comm[ABI_COMM_SIZE];
	char exe[ABI_COMM_SIZE + 3];
	/* What a record is unpacked into. */
	struct process_facts facts;
};

DEFINE_FREEP(struct identity, identity_free)

static int create_parts(struct identity *identity, struct worker_pool *pool, const struct identity_config *config)
{
	const struct exe_hash_config hash_config = {
		.max_bytes = config->hash_max_bytes,
		.entries_max = HASHES_MAX,
	};
	int r;

	r = procfs_init(&identity->procfs, config->proc_root ? config->proc_root : "/proc");
	if (r < 0)
		return r;
	r = process_table_init(&identity->table, config->max_processes);
	if (r < 0)
		return r;
	r = surroundings_init(&identity->surroundings, &identity->procfs, CGROUPS_MAX);
	if (r < 0)
		return r;
	r = users_new(config->passwd_path ? config->passwd_path : "/etc/passwd", &identity->users);
	if (r < 0 || !config->hash)
		return r;
	return exe_hash_new(pool, &identity->procfs, &hash_config, &identity->hashes);
}

int identity_new(struct event_base *base, struct worker_pool *pool, const struct identity_config *config,
		 struct identity **ret)
{
	_cleanup_(identity_freep) struct identity *identity = calloc(1, sizeof(*identity));
	int r;

	(void)base; /* nothing here has an event of its own yet: the pool's jobs come back through the pool */
	if (!identity)
		return -ENOMEM;
	r = create_parts(identity, pool, config);
	if (r < 0)
		return r;
	identity->keeps_args = config->args;
	identity->grace_ns = config->exit_grace_ns > 0 ? config->exit_grace_ns : DEFAULT_GRACE_NS;
	identity->source = (struct process_source){
		.table = &identity->table,
		.procfs = &identity->procfs,
		.wants_args = config->args,
	};
	*ret = TAKE_PTR(identity);
	return 0;
}

void identity_free(struct identity *identity)
{
	if (!identity)
		return;
	exe_hash_free(identity->hashes);
	surroundings_release(&identity->surroundings);
	users_free(identity->users);
	process_table_release(&identity->table);
	free(identity);
}

/* ---------------------------------------------------------------- records */

static void copy_comm(char out[ABI_COMM_SIZE], const char comm[ABI_COMM_SIZE])
{
	memcpy(out, comm, ABI_COMM_SIZE);
	out[ABI_COMM_SIZE - 1] = '\0';
}

/* A kernel thread runs no file: "[comm]". */
static size_t name_kernel_thread(char out[ABI_COMM_SIZE + 3], const struct task_snapshot *task)
{
	char comm[ABI_COMM_SIZE];

	copy_comm(comm, task->comm);
	return (size_t)snprintf(out, ABI_COMM_SIZE + 3, "[%s]", comm);
}

/*
 * The path in the v1 hierarchies, NULL where it says nothing more. Read once per process, while it lives: on a host
 * whose services are in v1 hierarchies the v2 one says nothing.
 */
static const char *find_legacy_cgroup(struct identity *identity, struct process *process,
				      const struct task_snapshot *task)
{
	char path[PROCESS_WALK_MAX];
	ssize_t size;

	if (!surroundings_need_legacy(&identity->surroundings, task))
		return NULL;
	if (!process->is_legacy_cgroup_known && process->state == PROCESS_LIVING) {
		process->is_legacy_cgroup_known = true;
		size = surroundings_read_legacy(&identity->surroundings, &process->id, path, sizeof(path));
		if (size > 0)
			process->legacy_cgroup = string_pool_get(&identity->table.strings, path, (size_t)size);
	}
	return process->legacy_cgroup ? process->legacy_cgroup->data : NULL;
}

/* Outside a container a path must mean on the host what it means to the process. */
static void mark_elsewhere(struct identity *identity, struct process *process, struct process_facts *facts)
{
	struct surroundings *surroundings = &identity->surroundings;

	if (surroundings_is_elsewhere(surroundings, facts) &&
	    !surroundings_is_contained(surroundings, facts->task, find_legacy_cgroup(identity, process, facts->task)))
		surroundings_mark_elsewhere(surroundings, facts);
}

static int set_image(struct identity *identity, struct process *process, struct process_facts *facts)
{
	struct image *image;
	size_t args_size = identity->keeps_args ? facts->args_size : 0;

	if (file_id_is_zero(&facts->task->exe.file))
		facts->exe_size = name_kernel_thread(facts->exe, facts->task);
	mark_elsewhere(identity, process, facts);
	image = image_new(&identity->table, &facts->task->exe.file, facts->exe, facts->exe_size, facts->args,
			  args_size);
	if (!image)
		return -ENOMEM;
	if (facts->script_size > 0 && !image_set_script(&identity->table, image, facts->script, facts->script_size))
		identity->no_memory++; /* no rule about a script holds for it */
	image->is_args_truncated = args_size > 0 && facts->args_truncated;
	/* The iterator cannot read the arguments of others everywhere; an exec record without any had none. */
	image->is_args_known = args_size > 0 || facts->type == RECORD_EXEC;
	process_set_image(&identity->table, process, image, facts->time_ns);
	process->completions = 0;
	return 0;
}

static void take_fork(struct identity *identity, struct process *process, const struct process_facts *facts)
{
	const struct process *parent = process->parent;

	/* Where the parent's exec was lost its image is not what the child runs. */
	if (process->images[0] || !parent || !parent->images[0] ||
	    !file_id_equal(&parent->images[0]->file, &facts->task->exe.file))
		return;
	process_inherit_image(&identity->table, process, parent, facts->time_ns);
}

/* What was read a moment ago must not hide an exec that came since. */
static bool is_news(const struct process *process, const struct process_facts *facts)
{
	if (facts->type == RECORD_EXEC || !process->images[0])
		return true;
	return facts->time_ns > process->image_ns && !process_find_image(process, &facts->task->exe.file);
}

void identity_process(struct identity *identity, const struct process_record *record, size_t size)
{
	struct process_facts *facts = &identity->facts;
	struct process *process;
	int r = 0;

	if (process_record_parse(record, size, facts) < 0) {
		identity->rejected++;
		return;
	}
	process_table_trim(&identity->table);
	process = process_table_add(&identity->table, &facts->task->id, &facts->task->parent);
	if (!process)
		r = -ENOMEM;
	else if (facts->type == RECORD_FORK)
		take_fork(identity, process, facts);
	else if (is_news(process, facts))
		r = set_image(identity, process, facts);
	if (r < 0)
		identity->no_memory++;
}

void identity_exit(struct identity *identity, const struct exit_record *record, size_t size)
{
	struct process *process;

	if (exit_record_check(record, size) < 0) {
		identity->rejected++;
		return;
	}
	process = process_table_find(&identity->table, &record->id);
	if (process)
		process_table_exit(&identity->table, process, record->header.time_ns);
}

void identity_cgroup(struct identity *identity, const struct cgroup_record *record, size_t size)
{
	if (cgroup_record_check(record, size) < 0) {
		identity->rejected++;
		return;
	}
	if (cgroup_cache_add(identity->surroundings.cgroups, record->cgroup_id, record->path) < 0)
		identity->no_memory++;
}

/* ---------------------------------------------------------------- description */

/* The process may have executed something else since: only the image of that very file is right. */
static struct image *find_image(struct identity *identity, struct process *process, const struct exe_id *exe)
{
	/* A process that is exiting has lost its file already. */
	if (file_id_is_zero(&exe->file))
		return process->images[0];
	return process_source_image(&identity->source, process, exe);
}

static void describe_args(struct identity *identity, const struct image *image, struct access_process *ret)
{
	const struct pooled_string *args = image->args;

	ret->args_truncated = image->is_args_truncated;
	for (size_t offset = 0; args && offset < args->size && ret->args_count < ABI_ARGS_MAX;) {
		identity->args[ret->args_count++] = args->data + offset;
		offset += strlen(args->data + offset) + 1;
	}
}

static void describe_image(struct identity *identity, struct process *process, const struct task_snapshot *task,
			   struct access_process *ret)
{
	struct image *image = process ? find_image(identity, process, &task->exe) : NULL;

	if (file_id_is_zero(&task->exe.file) && (!image || file_id_is_zero(&image->file))) {
		(void)name_kernel_thread(identity->exe, task); /* always fits */
		ret->exe = identity->exe;
		return;
	}
	/* Where the name is not known, what it is says more than nothing. */
	if (task->exe.flags & EXE_FLAG_MEMFD)
		ret->exe = "/memfd:";
	if (!image)
		return;
	if (image == process->images[0])
		process_source_args(&identity->source, process);
	if (image->exe)
		ret->exe = image->exe->data;
	if (image->script)
		ret->script = image->script->data;
	describe_args(identity, image, ret);
}

/* Entries are only added here, none goes: the walk stays good. */
static void describe_ancestors(struct identity *identity, struct process *process, const struct task_snapshot *task,
			       struct access_process *ret)
{
	struct process_id none = {0};
	struct process *at;
	bool is_cut = process && process->is_lineage_cut;

	if (process)
		at = process_source_parent(&identity->source, process);
	else
		at = process_source_adopt(&identity->source, &task->parent, &none);
	if (!at && task->id.pid > 2)
		is_cut = true;
	while (at) {
		const struct image *image = process_source_current(&identity->source, at);

		if (ret->ancestors_count == ACCESS_ANCESTORS_MAX) {
			is_cut = true;
			break;
		}
		ret->ancestors[ret->ancestors_count++] = (struct access_ancestor){
			.pid = at->id.pid,
			.exe = image && image->exe ? image->exe->data : "",
		};
		is_cut = is_cut || at->is_lineage_cut;
		if (at->id.pid <= 2)
			break;
		at = process_source_parent(&identity->source, at);
		is_cut = is_cut || !at;
	}
	ret->ancestors_truncated = is_cut;
}

bool identity_describe_cgroup(struct identity *identity, uint64_t cgroup_id, struct access_process *ret)
{
	const struct task_snapshot task = {.cgroup_id = cgroup_id};

	*ret = (struct access_process){0};
	surroundings_describe(&identity->surroundings, &task, NULL, ret);
	return ret->cgroup[0] && !surroundings_need_legacy(&identity->surroundings, &task);
}

void identity_describe(struct identity *identity, const struct task_snapshot *task, struct access_process *ret)
{
	struct process *process;

	process_table_trim(&identity->table);
	process = process_source_adopt(&identity->source, &task->id, &task->parent);
	*ret = (struct access_process){
		.id = task->id,
		.tid = task->tid,
		.start_real_ns = process ? process->start_real_ns : clock_real_from_boot(task->id.start_ns),
		.exe = "",
		.exe_id = task->exe,
		.comm = identity->comm,
		.args = identity->args,
		.cred = task->cred,
		.user = users_name(identity->users, task->cred.uid),
		.cgroup = "",
	};
	copy_comm(identity->comm, task->comm);
	if (identity->hashes)
		ret->exe_sha256 = exe_hash_find(identity->hashes, &task->exe, &task->id);
	describe_image(identity, process, task, ret);
	describe_ancestors(identity, process, task, ret);
	surroundings_describe(&identity->surroundings, task,
			      process ? find_legacy_cgroup(identity, process, task) : NULL, ret);
}

const char *identity_exe_of_pid(struct identity *identity, uint32_t pid)
{
	struct process *process;
	const struct image *image;

	process_table_trim(&identity->table);
	process = process_table_find_living(&identity->table, pid);
	if (!process)
		process = process_source_adopt_pid(&identity->source, pid);
	image = process ? process_source_current(&identity->source, process) : NULL;
	return image && image->exe ? image->exe->data : "";
}

/* ---------------------------------------------------------------- hashes */

int identity_hash(struct identity *identity, const struct task_snapshot *task, identity_hash_fn fn, void *context)
{
	struct exe_hash_source source = {.process = task->id};
	struct process *process;
	const struct image *image;
	int r;

	if (!identity->hashes || file_id_is_zero(&task->exe.file))
		return 1;
	r = exe_hash_wait(identity->hashes, &task->exe, &task->id, fn, context);
	if (r != -ENOENT)
		return r;
	process = process_table_find(&identity->table, &task->id);
	image = process ? process_find_image(process, &task->exe.file) : NULL;
	if (image && image->exe)
		source.path = image->exe->data;
	/* Its own root, else that of somebody it descends from, who often is in the same container. */
	for (; process && source.roots_count < EXE_HASH_ROOTS_MAX; process = process->parent)
		if (process->state == PROCESS_LIVING)
			source.roots[source.roots_count++] = process->id.pid;
	return exe_hash_start(identity->hashes, &task->exe, &source, fn, context);
}

static const struct process_id nobody;

int identity_hash_file(struct identity *identity, const char *path, const struct exe_id *exe, identity_hash_fn fn,
		       void *context)
{
	const struct exe_hash_source source = {.path = path};
	int r;

	if (!identity->hashes)
		return 1;
	r = exe_hash_wait(identity->hashes, exe, &nobody, fn, context);
	return r == -ENOENT ? exe_hash_start(identity->hashes, exe, &source, fn, context) : r;
}

const char *identity_file_hash(struct identity *identity, const struct exe_id *exe)
{
	return identity->hashes ? exe_hash_find(identity->hashes, exe, &nobody) : NULL;
}

void identity_tick(struct identity *identity, uint64_t boot_ns)
{
	process_table_link_pending(&identity->table);
	if (boot_ns > identity->grace_ns)
		process_table_expire(&identity->table, boot_ns - identity->grace_ns);
	process_table_trim(&identity->table);
	if (boot_ns - identity->users_checked_ns >= NS_PER_SEC) {
		identity->users_checked_ns = boot_ns;
		(void)users_refresh(identity->users);
	}
}

struct identity_stats identity_stats(const struct identity *identity)
{
	struct exe_hash_stats hashes = {0};

	if (identity->hashes)
		hashes = exe_hash_stats(identity->hashes);
	return (struct identity_stats){
		.processes = identity->table.count,
		.exited = identity->table.counts[PROCESS_EXITED] + identity->table.counts[PROCESS_KEPT],
		.cgroups = cgroup_cache_count(identity->surroundings.cgroups),
		.string_bytes = identity->table.strings.bytes,
		.rejected = identity->rejected,
		.no_memory = identity->no_memory,
		.completed = identity->source.completed,
		.evicted = identity->table.evicted,
		.hashed = hashes.hashed,
		.hash_failed = hashes.failed,
		.hash_refused = hashes.refused,
	};
}

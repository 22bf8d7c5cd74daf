/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/learner.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/access.h"
#include "base/file_id.h"
#include "enforce/classes.h"
#include "enforce/image.h"
#include "enforce/kernel_policy.h"
#include "enforce/members.h"
#include "identity/identity.h"
#include "identity/process_record.h"

/* A hash that cannot be made now (too many wait, or the file has just changed) is asked for again at the tick. */
#define HASHES_MAX 1024
#define HASH_TRIES 60

/* A file whose hash is awaited: found by its path on the host, or through a process that runs it. */
struct wanted {
	TAILQ_ENTRY(wanted) link;
	struct learner *learner;
	struct exe_id exe;
	uint64_t place;
	struct task_snapshot task; /* pid 0: none */
	unsigned int tries;
	bool is_asked;
	char path[];
};

struct learner {
	struct kernel_policy *policy;
	struct identity *identity;
	int images_fd, lineage_fd;
	TAILQ_HEAD(, wanted) wanted;
	size_t wanted_count;
};

int learner_new(struct kernel_policy *policy, struct identity *identity, int images_fd, int lineage_fd,
		struct learner **ret)
{
	struct learner *learner = calloc(1, sizeof(*learner));

	if (!learner)
		return -ENOMEM;
	learner->policy = policy;
	learner->identity = identity;
	learner->images_fd = images_fd;
	learner->lineage_fd = lineage_fd;
	TAILQ_INIT(&learner->wanted);
	*ret = learner;
	return 0;
}

static void wanted_free(struct learner *learner, struct wanted *wanted)
{
	TAILQ_REMOVE(&learner->wanted, wanted, link);
	learner->wanted_count--;
	free(wanted);
}

void learner_free(struct learner *learner)
{
	if (!learner)
		return;
	while (!TAILQ_EMPTY(&learner->wanted))
		wanted_free(learner, TAILQ_FIRST(&learner->wanted));
	free(learner);
}

static bool is_idle(const struct learner *learner)
{
	return kernel_policy_sorts(learner->policy) == 0;
}

/* ---------------------------------------------------------------- hashes */

/* True when the hash is there and has been told. */
static bool tell_hash(struct learner *learner, const struct wanted *wanted)
{
	const struct image_file file = image_file_of(&wanted->exe);
	const char *sha256 = identity_file_hash(learner->identity, &wanted->exe);

	if (!sha256)
		return false;
	/* A failure is counted there, and then the file has no classes. */
	(void)members_set_sha256(kernel_policy_members(learner->policy), &file, wanted->place, sha256);
	return true;
}

static void on_hash(void *context, const char *sha256)
{
	struct wanted *wanted = context;

	wanted->is_asked = false;
	/* Known of one process only, or not at all: again at the tick, but not while identity is ending. */
	if (sha256 && tell_hash(wanted->learner, wanted))
		wanted_free(wanted->learner, wanted);
}

static void ask_hash(struct learner *learner, struct wanted *wanted)
{
	int r;

	if (tell_hash(learner, wanted) || wanted->tries++ == HASH_TRIES) {
		wanted_free(learner, wanted);
		return;
	}
	wanted->is_asked = true;
	if (wanted->task.id.pid)
		r = identity_hash(learner->identity, &wanted->task, on_hash, wanted);
	else
		r = identity_hash_file(learner->identity, wanted->path, &wanted->exe, on_hash, wanted);
	wanted->is_asked = r == 0;
	if (r == 1 && tell_hash(learner, wanted))
		wanted_free(learner, wanted);
}

static bool is_wanted(const struct learner *learner, const struct exe_id *exe, uint64_t place)
{
	const struct wanted *wanted;

	TAILQ_FOREACH (wanted, &learner->wanted, link)
		if (wanted->place == place && file_id_equal(&wanted->exe.file, &exe->file) &&
		    wanted->exe.ctime_sec == exe->ctime_sec && wanted->exe.ctime_nsec == exe->ctime_nsec)
			return true;
	return false;
}

static void want_hash(struct learner *learner, const struct exe_id *exe, uint64_t place, const char *path,
		      const struct task_snapshot *task)
{
	const struct image_file file = image_file_of(exe);
	size_t size = strlen(path) + 1;
	struct wanted *wanted;

	if (!kernel_policy_wants_sha256(learner->policy, path) ||
	    members_have_sha256(kernel_policy_members(learner->policy), &file, place) ||
	    is_wanted(learner, exe, place) || learner->wanted_count >= HASHES_MAX)
		return;
	wanted = calloc(1, sizeof(*wanted) + size);
	if (!wanted)
		return; /* it has no class that asks for a hash; the next record of it asks again */
	wanted->learner = learner;
	wanted->exe = *exe;
	wanted->place = place;
	if (task)
		wanted->task = *task;
	memcpy(wanted->path, path, size);
	TAILQ_INSERT_TAIL(&learner->wanted, wanted, link);
	learner->wanted_count++;
	ask_hash(learner, wanted);
}

void learner_want_hash(struct learner *learner, const struct exe_id *exe, const char *path)
{
	want_hash(learner, exe, 0, path, NULL);
}

void learner_tick(struct learner *learner)
{
	struct wanted *wanted = TAILQ_FIRST(&learner->wanted), *next;

	for (; wanted; wanted = next) {
		next = TAILQ_NEXT(wanted, link);
		if (!wanted->is_asked)
			ask_hash(learner, wanted);
	}
	(void)kernel_policy_update_users(learner->policy); /* what fails is counted */
}

/* ---------------------------------------------------------------- control groups and files */

void learner_cgroup(struct learner *learner, uint64_t cgroup_id)
{
	struct members *members = kernel_policy_members(learner->policy);
	struct access_process group;

	if (is_idle(learner))
		return;
	if (identity_describe_cgroup(learner->identity, cgroup_id, &group))
		(void)members_add_cgroup(members, cgroup_id, group.cgroup, group.unit, group.container);
	else
		(void)members_add_cgroup(members, cgroup_id, NULL, NULL, NULL);
}

/* Whose paths the paths of that process are; false when it cannot be told by the number of its control group. */
static bool find_place(struct learner *learner, uint64_t cgroup_id, bool is_contained, uint64_t *ret_place)
{
	struct access_process group;
	bool is_known = identity_describe_cgroup(learner->identity, cgroup_id, &group);

	if (is_contained && (!is_known || !group.container))
		return false;
	*ret_place = is_contained ? cgroup_id : 0;
	return true;
}

static void learn_file(struct learner *learner, const struct exe_id *exe, uint64_t place, const char *path)
{
	const struct image_file file = image_file_of(exe);

	if (!path || path[0] == '\0' || exe->file.ino == 0)
		return;
	/* What does not get in is counted, and stays unknown. */
	(void)members_add_file(kernel_policy_members(learner->policy), &file, place, path, false);
}

/*
 * `task` with the program as it was when it was executed, `script` likewise. Strings of identity live until it is asked
 * again, so the order matters.
 */
static void learn_images(struct learner *learner, const struct task_snapshot *task, const struct exe_id *script)
{
	struct access_process process;
	char path[PROCESS_EXE_SIZE];
	uint64_t place;

	identity_describe(learner->identity, task, &process);
	if (!find_place(learner, task->cgroup_id, process.container != NULL, &place))
		return;
	identity_describe(learner->identity, task, &process);
	learn_file(learner, &task->exe, place, process.exe);
	learn_file(learner, script, place, process.script);
	if (strlen(process.exe) >= sizeof(path))
		return;
	memcpy(path, process.exe, strlen(process.exe) + 1);
	want_hash(learner, &task->exe, place, path, place ? task : NULL);
}

/* ---------------------------------------------------------------- ancestors */

static bool is_gone(uint32_t pid)
{
	return kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/* The kernel removes the entry at the exit; one that was made after it would stay for ever. */
static void remove_if_gone(int map_fd, uint32_t pid)
{
	if (is_gone(pid))
		(void)bpf_map_delete_elem(map_fd, &pid);
}

static bool has_ancestor_rules(const struct learner *learner)
{
	return kernel_policy_sorts(learner->policy) & 1U << CLASS_ANCESTOR;
}

static void learn_lineage(struct learner *learner, const struct task_snapshot *task)
{
	struct lineage_value value = {.start_ns = task->id.start_ns}, known;
	struct access_process process;
	__u32 pid = task->id.pid;

	if (bpf_map_lookup_elem(learner->lineage_fd, &pid, &known) == 0 && known.start_ns == value.start_ns)
		value = known;
	identity_describe(learner->identity, task, &process);
	if (process.ancestors_truncated)
		return;
	for (unsigned int bank = 0; bank < VERDICT_BANKS; bank++) {
		uint32_t epoch = kernel_policy_epoch(learner->policy, bank);
		uint64_t bits[CLASS_WORDS] = {0};

		if (value.epochs[bank] == epoch)
			continue;
		for (size_t i = 0; i < process.ancestors_count; i++) {
			const struct class_subject subject = {.member = MEMBER_FILE, .path = process.ancestors[i].exe};

			classes_match(kernel_policy_classes(learner->policy, bank), &subject, bits);
		}
		memcpy(value.bits[bank], bits, sizeof(bits));
		value.epochs[bank] = epoch;
	}
	(void)bpf_map_update_elem(learner->lineage_fd, &pid, &value, BPF_ANY); /* without it they are not known */
	remove_if_gone(learner->lineage_fd, pid);
}

void learner_prepare(struct learner *learner)
{
	__u32 pid, *last = NULL;

	if (!has_ancestor_rules(learner))
		return;
	for (; bpf_map_get_next_key(learner->lineage_fd, last, &pid) == 0; last = &pid) {
		struct lineage_value value;
		struct task_snapshot task = {.id.pid = pid};

		if (bpf_map_lookup_elem(learner->lineage_fd, &pid, &value) < 0)
			continue;
		task.id.start_ns = value.start_ns;
		learn_lineage(learner, &task);
	}
}

/* ---------------------------------------------------------------- records */

void learner_process(struct learner *learner, const struct process_record *record)
{
	if (is_idle(learner))
		return;
	if (!members_have_cgroup(kernel_policy_members(learner->policy), record->task.cgroup_id))
		learner_cgroup(learner, record->task.cgroup_id);
	if (record->header.type == RECORD_EXEC)
		learn_images(learner, &record->task, &record->script);
	if (has_ancestor_rules(learner))
		learn_lineage(learner, &record->task);
}

void learner_adopt(struct learner *learner, const struct process_record *record)
{
	const struct task_snapshot *task = &record->task;
	static const struct exe_id no_script;
	struct image_value image = {.start_ns = task->id.start_ns, .flags = IMAGE_SCRIPT_UNKNOWN};
	__u32 pid = task->id.pid;

	if (is_idle(learner))
		return;
	learner_cgroup(learner, task->cgroup_id);
	if (task->exe.file.ino != 0) {
		image.exe = image_file_of(&task->exe);
		/* Not over what the kernel has noted in the meantime. */
		if (bpf_map_update_elem(learner->images_fd, &pid, &image, BPF_NOEXIST) == 0)
			remove_if_gone(learner->images_fd, pid);
		learn_images(learner, task, &no_script);
	}
	if (has_ancestor_rules(learner))
		learn_lineage(learner, task);
}

void learner_doubt(struct learner *learner, const struct task_snapshot *task)
{
	struct task_snapshot executed = *task;
	struct exe_id script = {0};
	struct image_value image;
	__u32 pid = task->id.pid;

	if (is_idle(learner))
		return;
	learner_cgroup(learner, task->cgroup_id);
	if (bpf_map_lookup_elem(learner->images_fd, &pid, &image) == 0 && image.start_ns == task->id.start_ns) {
		exe_id_set_image(&executed.exe, &image.exe);
		exe_id_set_image(&script, &image.script);
	}
	learn_images(learner, &executed, &script);
	if (has_ancestor_rules(learner))
		learn_lineage(learner, &executed);
}

/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * observe.h: an access happened: count it, and say so the first time.
 *
 * One counter for each (process, file, credentials, way). A new counter sends one record; after that the counter grows
 * and the daemon reads it. Whatever fails is counted by place, and the counter itself still holds the access.
 */
#pragma once

#include "egress.h"
#include "held.h"
#include "match.h"
#include "path.h"
#include "snapshot.h"

/* The daemon opens its canary to see that an open comes all the way to where it would be counted. */
static __always_inline void note_canary(const struct file_id *file)
{
	if (file->ino == canary.ino && file->dev == canary.dev && file->generation == canary.generation)
		__sync_fetch_and_add(&canary_opens, 1);
}

static __always_inline void header_fill(struct record_header *header, enum record_type type, __u32 size, __u64 now)
{
	header->type = type;
	header->size = size;
	header->time_ns = now;
	header->cpu = bpf_get_smp_processor_id();
	header->pad = 0;
	header->seq = 0;
}

static __always_inline bool send_access(struct access_record *record, __u32 size)
{
	struct cpu_counters *state = this_cpu();

	if (state)
		record->header.seq = ++state->access_seq;
	if (bpf_ringbuf_output(&accesses, record, size & (SCRATCH_DATA - 1), 0) == 0)
		return true;
	count_loss(LOSS_ACCESS_RING);
	return false;
}

/* Remembers that this process has had a secret, for its forks, its memory and strangers at the page cache. */
static __always_inline void remember_holder(struct access_record *record)
{
	struct touch_key touch = {};
	__u8 one = 1;

	egress_accessed(&record->key, record->value.secret);
	if (record->key.result || record->key.kind == ACCESS_LINK || record->key.target)
		return;
	touch.file = record->key.file;
	touch.start_ns = record->key.process.start_ns;
	touch.pid = record->key.process.pid;
	/* Denied, but nobody could carry it out here: stays a stranger, for who sees it read may. */
	if (record->value.decided.action != DECIDED_DENY)
		(void)bpf_map_update_elem(&touched, &touch, &one, BPF_ANY);
	if (!(record->value.flags & ACCESS_CANDIDATE) || record->value.secret)
		(void)hold(touch.start_ns, touch.pid, record->value.secret);
}

static __always_inline void key_fill(struct access_key *key, struct task_struct *task, const struct sighting *sighting)
{
	read_process_id(task, &key->process);
	key->file = sighting->file;
	key->identity = identity_hash(task, cred_of(task, sighting->how & JUDGE_BY_OWN_CRED));
	key->kind = sighting->kind;
	key->via = sighting->via;
	key->mode = sighting->mode;
	key->result = sighting->result;
	key->target = sighting->target;
}

/*
 * One more access that a counter holds, or a record without one. By what the counter was made as, whatever is known
 * since: so that the daemon, which goes by it too, comes to the same sum.
 */
static __always_inline void count_total(const struct access_key *key, __u32 flags)
{
	struct cpu_counters *state = this_cpu();

	if (!state || !(flags & ACCESS_KNOWN))
		return;
	if (key->result)
		state->denied++;
	else
		state->accesses++;
}

/* True when the access was added to a counter that has been announced: nothing else is to be done. */
static __always_inline bool count_again(struct access_key *key, __u64 now, struct access_value **ret_value)
{
	struct access_value *value = bpf_map_lookup_elem(&counters, key);

	*ret_value = value;
	if (!value)
		return false;
	__sync_fetch_and_add(&value->count, 1);
	if (value->epoch != epoch) {
		value->epoch = epoch;
		value->first_ns = now;
	}
	value->last_ns = now;
	count_total(key, value->flags);
	if (!has_repeats)
		has_repeats = 1;
	return value->announced;
}

/*
 * Makes the counter and sends its record. `path_size` bytes of path stand behind the record already. A second thread
 * may make the same counter at the same time: the map decides, the loser only adds.
 */
static __always_inline void announce(struct scratch *scratch, struct access_record *record, struct access_value *value,
				     __u32 path_size, __u64 now)
{
	__u32 size = sizeof(*record);

	if (!value) {
		long error;

		record->value.count = 1;
		record->value.first_ns = now;
		record->value.last_ns = now;
		record->value.epoch = epoch;
		record->value.announced = 0;
		error = bpf_map_update_elem(&counters, &record->key, &record->value, BPF_NOEXIST);
		if (error == -EEXIST) {
			if (count_again(&record->key, now, &value))
				return;
		} else if (error) {
			count_loss(LOSS_COUNTERS_FULL);
			record->value.flags |= ACCESS_ALONE;
		} else {
			count_total(&record->key, record->value.flags);
		}
	} else {
		record->value.count = value->count;
		record->value.first_ns = value->first_ns;
		record->value.last_ns = now;
	}
	if (path_size > ABI_PATH_MAX + ABI_NAME_MAX)
		path_size = ABI_PATH_MAX + ABI_NAME_MAX;
	size += path_size;
	record->path_size = path_size;
	header_fill(&record->header, RECORD_ACCESS, size, now);
	if (!send_access(record, size)) {
		if (record->value.flags & ACCESS_ALONE)
			count_loss(LOSS_UNCOUNTED);
		else if (!has_repeats)
			has_repeats = 1; /* the flush will find it */
		return;
	}
	if (record->value.flags & ACCESS_ALONE) {
		count_total(&record->key, record->value.flags);
		return;
	}
	value = bpf_map_lookup_elem(&counters, &record->key);
	if (value)
		value->announced = 1;
}

/* The verdict that stands with the counter is the last one: a reload may have given another. */
static __always_inline void value_judge(struct access_value *value, const struct sighting *sighting)
{
	value->decided = decided_of(sighting->judged);
	value->policy_generation = sighting->judged >> 32;
	value->secret = sighting->secret == SECRET_UNKNOWN ? 0 : sighting->secret;
}

/*
 * Counts what stands in the slot's sighting, done by `task` (an address) to `file` (an address, only needed for the
 * path of a candidate). Global: verified once for all its callers.
 */
int __attribute__((noinline)) observe_slot(__u64 task_address, __u64 file, __u32 slot)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &slot);
	struct task_struct *task = (struct task_struct *)task_address;
	__u64 now = bpf_ktime_get_boot_ns();
	struct access_value *value = NULL;
	struct access_record *record;
	__u32 path_size = 0;

	if (!scratch)
		return 0;
	if (is_daemon()) {
		note_canary(&scratch->sighting.file);
		return 0;
	}
	record = (struct access_record *)scratch->head;
	key_fill(&record->key, task, &scratch->sighting);
	if (count_again(&record->key, now, &value)) {
		value_judge(value, &scratch->sighting);
		return 0;
	}
	record->value.flags = scratch->sighting.flags;
	if (scratch->sighting.secret || (scratch->sighting.target && scratch->sighting.kind < ACCESS_KIND_COUNT))
		record->value.flags |= ACCESS_KNOWN;
	record->value.pad = 0;
	value_judge(&record->value, &scratch->sighting);
	record->value.file_nlink = scratch->sighting.nlink;
	__builtin_memset(&record->value.watched_dir, 0, sizeof(record->value.watched_dir));
	record->path_flags = 0;
	record->dirfd = -1;
	record->pad = 0;
	read_task(task, &record->value.task);
	if (scratch->sighting.how & JUDGE_BY_OWN_CRED)
		read_credentials(task, cred_of(task, true), &record->value.task.cred);
	if (scratch->sighting.flags & ACCESS_CANDIDATE) {
		struct dentry *directory = (struct dentry *)scratch->sighting.directory;

		read_file_id(READ(directory, d_inode), &record->value.watched_dir);
		(void)path_walk((__u64)path_of((struct file *)file), (__u64)directory, slot, 0);
		record->path_flags = scratch->path_flags;
		path_size = scratch->path_size;
	}
	remember_holder(record);
	announce(scratch, record, value, path_size, now);
	return 0;
}

/*
 * Opens that a hook of ours has just refused: their exit, which looks for those that permissions refused, leaves them
 * out.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64); /* thread */
	__type(value, __u8);
} refusals SEC(".maps");

static __always_inline void note_refusal(void)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u8 one = 1;

	(void)bpf_map_update_elem(&refusals, &thread, &one, BPF_ANY);
}

static __always_inline bool was_refusal(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	return tier == TIER_LSM && bpf_map_delete_elem(&refusals, &thread) == 0;
}

/* Counts a sighting that has been judged. True: the caller is to refuse the access. */
static __always_inline bool observe_judged(__u64 task, __u64 file, struct sighting *sighting)
{
	bool refused = is_refused(sighting->judged, sighting->how);
	struct scratch *scratch = scratch_claim();

	if (is_enforced(sighting->judged))
		sighting->result = EPERM;
	if (!scratch) {
		count_loss(LOSS_SCRATCH);
		count_loss(LOSS_UNCOUNTED);
		return refused;
	}
	scratch->sighting = *sighting;
	(void)observe_slot(task, file, scratch->slot);
	scratch_release(scratch);
	return refused;
}

/* Judges and counts. Addresses, not pointers that the verifier knows: see address_of(). */
static __always_inline bool observe(__u64 task, __u64 file, struct sighting *sighting)
{
	sighting->judged = judge(task, sighting->secret, sighting->how | sighting->kind);
	return observe_judged(task, file, sighting);
}

static __always_inline __u8 mode_of(unsigned int fmode)
{
	return ((fmode & FMODE_READ) ? MODE_READ : 0) | ((fmode & FMODE_WRITE) ? MODE_WRITE : 0);
}

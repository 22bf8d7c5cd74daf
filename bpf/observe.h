/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * observe.h: an access happened: count it, and say so the first time.
 *
 * One counter for each (process, file, credentials, way). A new counter sends one record; after that the counter grows
 * and the daemon reads it. Whatever fails is counted by place, and the counter itself still holds the access.
 */
#pragma once

#include "match.h"
#include "path.h"
#include "snapshot.h"

/* We look at secrets all the time, by O_PATH; that is nobody's access. */
static __always_inline bool is_daemon(void)
{
	return (__u32)(bpf_get_current_pid_tgid() >> 32) == daemon_pid;
}

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
	struct holder holder = {.start_ns = record->key.process.start_ns};
	__u32 pid = record->key.process.pid;
	__u8 one = 1;

	if (record->key.result || record->key.kind == ACCESS_LINK || record->key.target)
		return;
	touch.file = record->key.file;
	touch.start_ns = record->key.process.start_ns;
	touch.pid = pid;
	(void)bpf_map_update_elem(&touched, &touch, &one, BPF_ANY);
	if (record->value.flags & ACCESS_CANDIDATE)
		return;
	if (bpf_map_update_elem(&holders, &pid, &holder, BPF_ANY))
		count_loss(LOSS_HOLDERS_FULL);
}

static __always_inline void key_fill(struct access_key *key, struct task_struct *task, const struct sighting *sighting)
{
	read_process_id(task, &key->process);
	key->file = sighting->file;
	key->identity = identity_hash(task);
	key->kind = sighting->kind;
	key->via = sighting->via;
	key->mode = sighting->mode;
	key->result = sighting->result;
	key->target = sighting->target;
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
	if (record->value.flags & ACCESS_ALONE)
		return;
	value = bpf_map_lookup_elem(&counters, &record->key);
	if (value)
		value->announced = 1;
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
	if (count_again(&record->key, now, &value))
		return 0;
	record->value.flags = scratch->sighting.flags;
	record->value.file_nlink = scratch->sighting.nlink;
	__builtin_memset(&record->value.watched_dir, 0, sizeof(record->value.watched_dir));
	record->path_flags = 0;
	record->dirfd = -1;
	record->pad = 0;
	read_task(task, &record->value.task);
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

/* Addresses, not pointers that the verifier knows: see address_of(). */
static __always_inline void observe(__u64 task, __u64 file, const struct sighting *sighting)
{
	struct scratch *scratch = scratch_claim();

	if (!scratch) {
		count_loss(LOSS_SCRATCH);
		count_loss(LOSS_UNCOUNTED);
		return;
	}
	scratch->sighting = *sighting;
	(void)observe_slot(task, file, scratch->slot);
	scratch_release(scratch);
}

static __always_inline __u8 mode_of(unsigned int fmode)
{
	return ((fmode & FMODE_READ) ? MODE_READ : 0) | ((fmode & FMODE_WRITE) ? MODE_WRITE : 0);
}

/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * decide.h: may this task touch that secret?
 *
 * Gathers who the task is, as the kernel holds it at this moment, and asks verdict.h. A decision is kept under a hash
 * of all that it was made of until the policy or a class changes; one that rests on something unknown is not kept.
 */
#pragma once

#include "snapshot.h"

#define DECIDED_UNDECIDED ((__u64)DECIDED_NOTHING)

/* A decision is one number: struct decided in its low half (as it lies in memory), policy_generation in the other. */
static __always_inline struct decided decided_of(__u64 number)
{
	struct decided decided = {
		.action = number & 0xff, .flags = (number >> 8) & 0xff, .rule = (number >> 16) & 0xffff};

	return decided;
}

static __always_inline __u64 decided_number(const struct decided *decided, __u32 generation)
{
	return decided->action | (__u64)decided->flags << 8 | (__u64)decided->rule << 16 | (__u64)generation << 32;
}

static __always_inline struct facts_slot *facts_claim(void)
{
	for (__u32 i = 0; i < FACTS_SLOTS; i++) {
		__u32 number = i;
		struct facts_slot *slot = bpf_map_lookup_elem(&facts_slots, &number);

		if (slot && !slot->busy) {
			slot->busy = 1;
			return slot;
		}
	}
	return NULL;
}

static __always_inline void facts_release(struct facts_slot *slot)
{
	barrier();
	slot->busy = 0;
}

/* ---------------------------------------------------------------- what a process runs */

static __always_inline void read_image_file(struct inode *inode, struct image_file *ret_file)
{
	struct exe_id exe;

	read_file_id(inode, &ret_file->file);
	read_ctime(inode, &exe);
	ret_file->ctime_sec = exe.ctime_sec;
	ret_file->ctime_nsec = exe.ctime_nsec;
	ret_file->pad = 0;
}

static __always_inline struct inode *exe_inode_of(struct task_struct *task)
{
	struct mm_struct *mm = READ(task, mm);

	return mm ? READ(mm, exe_file, f_inode) : NULL;
}

/* NULL when it is not remembered. */
static __always_inline struct image_value *image_of(struct task_struct *task)
{
	__u32 pid = READ(task, tgid);
	struct image_value *image;

	if (!(tracking & TRACK_IMAGES))
		return NULL;
	image = bpf_map_lookup_elem(&images, &pid);
	return image && image->start_ns == READ(task, group_leader, start_boottime) ? image : NULL;
}

static __always_inline struct lineage_value *lineage_of(struct task_struct *task)
{
	__u32 pid = READ(task, tgid);
	struct lineage_value *value = bpf_map_lookup_elem(&lineage, &pid);

	return value && value->start_ns == READ(task, group_leader, start_boottime) ? value : NULL;
}

/* ---------------------------------------------------------------- facts */

static __always_inline void key_clear(struct facts_slot *slot, __u32 sort)
{
	__builtin_memset(&slot->key, 0, sizeof(slot->key));
	slot->key.sort = sort;
}

static __always_inline void key_of_file(struct facts_slot *slot, __u32 sort, const struct image_file *file)
{
	key_clear(slot, sort);
	slot->key.id = file->file.ino;
	slot->key.dev = file->file.dev;
	slot->key.generation = file->file.generation;
	slot->key.ctime_sec = file->ctime_sec;
	slot->key.ctime_nsec = file->ctime_nsec;
}

/* True if the classes are known; they are in the facts then. */
static __always_inline bool take_classes(struct facts_slot *slot, __u32 sort, __u32 bank)
{
	struct class_value *value = bpf_map_lookup_elem(&classes, &slot->key);

	if (!value || value->epochs[bank & 1] != policy_epochs[bank & 1])
		return false;
	for (int word = 0; word < CLASS_WORDS; word++)
		slot->facts.bits[sort][word] = value->bits[bank & 1][word];
	slot->facts.bits[sort][0] |= 1;
	return true;
}

/* By the paths of its container if it is in one, else by those of the host. */
static __always_inline void take_file(struct facts_slot *slot, __u32 sort, __u32 bank, const struct image_file *file,
				      __u64 cgroup_id)
{
	if (!file->file.ino)
		return;
	key_of_file(slot, sort, file);
	slot->key.place = cgroup_id;
	if (take_classes(slot, sort, bank))
		return;
	slot->key.place = 0;
	if (!take_classes(slot, sort, bank))
		slot->facts.unknown |= 1 << sort;
}

static __always_inline void take_images(struct facts_slot *slot, struct task_struct *task, __u32 sorts, __u32 bank)
{
	struct image_value *image = image_of(task);
	struct image_file now = {};
	struct inode *inode = exe_inode_of(task);
	__u64 cgroup_id = read_cgroup_id(task);

	if (!image && inode)
		read_image_file(inode, &now);
	if (sorts & (1 << CLASS_EXE))
		take_file(slot, CLASS_EXE, bank, image ? &image->exe : &now, cgroup_id);
	if (!(sorts & (1 << CLASS_SCRIPT)))
		return;
	if (image && !(image->flags & IMAGE_SCRIPT_UNKNOWN))
		take_file(slot, CLASS_SCRIPT, bank, &image->script, cgroup_id);
	else if (inode) /* a thread of the kernel runs no script */
		slot->facts.unknown |= 1 << CLASS_SCRIPT;
}

static __always_inline void take_lineage(struct facts_slot *slot, struct task_struct *task, __u32 bank)
{
	struct lineage_value *value = lineage_of(task);

	if (!value || value->epochs[bank & 1] != policy_epochs[bank & 1]) {
		slot->facts.unknown |= 1 << CLASS_ANCESTOR;
		return;
	}
	for (int word = 0; word < CLASS_WORDS; word++)
		slot->facts.bits[CLASS_ANCESTOR][word] = value->bits[bank & 1][word];
	slot->facts.bits[CLASS_ANCESTOR][0] |= 1;
}

static __always_inline void take_number(struct facts_slot *slot, __u32 sort, __u32 bank, __u64 number)
{
	key_clear(slot, sort);
	slot->key.id = number;
	(void)take_classes(slot, sort, bank); /* who is not there has none */
}

static __always_inline void facts_gather(struct facts_slot *slot, struct task_struct *task, __u32 sorts, __u32 bank)
{
	struct cred *cred = READ(task, cred);

	__builtin_memset(&slot->facts.bits, 0, sizeof(slot->facts.bits));
	for (int sort = 0; sort < CLASS_SORT_COUNT; sort++)
		slot->facts.bits[sort][0] = 1;
	slot->facts.unknown = 0;
	if (sorts & (1 << CLASS_EXE | 1 << CLASS_SCRIPT))
		take_images(slot, task, sorts, bank);
	if (sorts & (1 << CLASS_CGROUP)) {
		key_clear(slot, CLASS_CGROUP);
		slot->key.id = read_cgroup_id(task);
		if (!take_classes(slot, CLASS_CGROUP, bank))
			slot->facts.unknown |= 1 << CLASS_CGROUP;
	}
	if (sorts & (1 << CLASS_UID))
		take_number(slot, CLASS_UID, bank, READ(cred, uid.val));
	if (sorts & (1 << CLASS_GID))
		take_number(slot, CLASS_GID, bank, READ(cred, gid.val));
	if (sorts & (1 << CLASS_ANCESTOR))
		take_lineage(slot, task, bank);
}

/* ---------------------------------------------------------------- the decision */

static __always_inline __u64 mix_image_file(__u64 hash, const struct image_file *file)
{
	hash = mix(hash, file->file.ino);
	hash = mix(hash, (__u64)file->file.dev << 32 | file->file.generation);
	return mix(hash, (__u64)file->ctime_sec << 30 ^ file->ctime_nsec);
}

/* Of all that the decision for a secret with rules of these sorts is made of. */
static __always_inline __u64 facts_hash(struct task_struct *task, __u32 sorts, __u32 bank)
{
	__u64 hash = identity_hash(task);

	if (sorts & (1 << CLASS_EXE | 1 << CLASS_SCRIPT)) {
		struct image_value *image = image_of(task);

		if (image) {
			hash = mix_image_file(hash, &image->exe);
			hash = mix_image_file(mix(hash, image->flags), &image->script);
		}
	}
	if (sorts & (1 << CLASS_ANCESTOR)) {
		struct lineage_value *value = lineage_of(task);

		if (value) {
			hash = mix(hash, value->epochs[bank & 1]);
			for (int word = 0; word < CLASS_WORDS; word++)
				hash = mix(hash, value->bits[bank & 1][word]);
		}
	}
	return hash;
}

static __always_inline struct decided decide_anew(struct task_struct *task, const struct verdict_entry *entry,
						  __u32 kind, __u32 bank)
{
	struct decided decided = {.action = entry->on_error, .flags = DECIDED_ERROR, .rule = DECIDED_BY_DEFAULT};
	struct facts_slot *slot = facts_claim();

	if (!slot) {
		count_loss(LOSS_SCRATCH);
		return decided;
	}
	slot->facts.kind = kind;
	facts_gather(slot, task, entry->sorts, bank);
	decided = verdict_decide(entry, &verdict_rules[(bank & 1) * VERDICT_RULES_MAX], &slot->facts);
	facts_release(slot);
	return decided;
}

/*
 * May `task` (an address) touch the secret of that number in that way (enum access_kind)? decided_of() of the result
 * says; its action is DECIDED_NOTHING where no policy that is enforced is about the secret. Global: verified once.
 */
__u64 __attribute__((noinline)) decide(__u64 task_address, __u32 secret, __u32 kind)
{
	struct task_struct *task = (struct task_struct *)task_address;
	__u32 generation = *(volatile __u32 *)&policy_generation;
	__u32 bank = generation & 1;
	const struct verdict_entry *entry =
		&verdict_entries[bank * VERDICT_SECRETS_MAX + (secret & (VERDICT_SECRETS_MAX - 1))];
	struct decision_value fresh = {.generation = (__u64)generation << 32 | *(volatile __u32 *)&class_generation};
	struct decision_key key = {.secret = secret, .kind = kind};
	struct decision_value *known;

	if (!(entry->flags & VERDICT_ENTRY_ENFORCE))
		return DECIDED_UNDECIDED;
	key.facts = facts_hash(task, entry->sorts, bank);
	known = bpf_map_lookup_elem(&decisions, &key);
	if (known && known->generation == fresh.generation)
		return decided_number(&known->decided, generation);
	fresh.decided = decide_anew(task, entry, kind, bank);
	if (fresh.decided.flags & DECIDED_ERROR)
		count_loss(LOSS_UNDECIDED);
	else
		(void)bpf_map_update_elem(&decisions, &key, &fresh, BPF_ANY);
	return decided_number(&fresh.decided, generation);
}

/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * decide.h: may this task touch that secret?
 *
 * Gathers who the task is, as the kernel holds it at this moment, and asks verdict.h. A decision is kept under a hash
 * of all that it was made of until the policy or a class changes; one that rests on something unknown is not kept.
 */
#pragma once

#include "image.h"

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
			slot->number = i;
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

/* ---------------------------------------------------------------- facts */

static __always_inline void open_all(struct facts_slot *slot, __u32 sort)
{
	for (int word = 0; word < CLASS_WORDS; word++)
		slot->facts.open[sort][word] = ~0ULL;
}

/* True if the classes are known; they are in the facts then. */
static __always_inline bool take_classes(struct facts_slot *slot, __u32 sort, __u32 bank,
					 const struct class_value *value)
{
	if (!is_of_bank(value, bank))
		return false;
	for (int word = 0; word < CLASS_WORDS; word++)
		slot->facts.bits[sort][word] = value->bits[bank & 1][word];
	slot->facts.bits[sort][0] |= 1;
	return true;
}

static __always_inline void take_file(struct facts_slot *slot, __u32 sort, __u32 bank, const struct image_file *file,
				      struct task_struct *task)
{
	if (!file->file.ino || take_classes(slot, sort, bank, classes_of_file(&slot->key, file, read_cgroup_id(task))))
		return;
	if (is_contained(&slot->key, task)) {
		open_all(slot, sort);
		return;
	}
	for (int word = 0; word < CLASS_WORDS; word++)
		slot->facts.open[sort][word] = verdict_unfollowed[bank & 1][word];
}

static __always_inline void take_number(struct facts_slot *slot, __u32 sort, __u32 bank, __u32 member, __u64 number)
{
	__builtin_memset(&slot->key, 0, sizeof(slot->key));
	slot->key.id = number;
	slot->key.member = member;
	(void)take_classes(slot, sort, bank, bpf_map_lookup_elem(&classes, &slot->key));
}

static __always_inline void take_cgroup(struct facts_slot *slot, struct task_struct *task, __u32 bank)
{
	bool is_own;
	struct class_value *value = classes_of_cgroup(&slot->key, task, &is_own);

	if (!value || !(is_own || (value->flags & CLASS_SETTLED)) || !take_classes(slot, CLASS_CGROUP, bank, value))
		open_all(slot, CLASS_CGROUP);
}

static __always_inline void take_images(struct facts_slot *slot, struct task_struct *task, __u32 sorts, __u32 bank)
{
	struct image_value *image = image_of(task);
	struct inode *inode = exe_inode_of(task);

	slot->now.file.ino = 0;
	if (!image && inode)
		read_image_file(inode, &slot->now);
	if (sorts & (1 << CLASS_EXE))
		take_file(slot, CLASS_EXE, bank, image ? &image->exe : &slot->now, task);
	if (!(sorts & (1 << CLASS_SCRIPT)))
		return;
	if (image && !(image->flags & IMAGE_SCRIPT_UNKNOWN))
		take_file(slot, CLASS_SCRIPT, bank, &image->script, task);
	else if (inode) /* a thread of the kernel runs no script */
		open_all(slot, CLASS_SCRIPT);
}

static __always_inline void take_lineage(struct facts_slot *slot, struct task_struct *task, __u32 bank)
{
	struct lineage_value *value = lineage_of(task);

	if (!value || value->epochs[bank & 1] != verdict_epochs[bank & 1]) {
		open_all(slot, CLASS_ANCESTOR);
		return;
	}
	for (int word = 0; word < CLASS_WORDS; word++)
		slot->facts.bits[CLASS_ANCESTOR][word] = value->bits[bank & 1][word];
	slot->facts.bits[CLASS_ANCESTOR][0] |= 1;
}

/* What the task runs and descends from. This and the next by the number of their slot. */
int __attribute__((noinline)) facts_gather_files(__u32 number, __u64 task_address, __u32 sorts, __u32 bank)
{
	struct facts_slot *slot = bpf_map_lookup_elem(&facts_slots, &number);
	struct task_struct *task = (struct task_struct *)task_address;

	if (!slot)
		return 0;
	__builtin_memset(&slot->facts.bits, 0, sizeof(slot->facts.bits));
	__builtin_memset(&slot->facts.open, 0, sizeof(slot->facts.open));
	for (int sort = 0; sort < CLASS_SORT_COUNT; sort++)
		slot->facts.bits[sort][0] = 1;
	if (sorts & (1 << CLASS_EXE | 1 << CLASS_SCRIPT))
		take_images(slot, task, sorts, bank);
	if (sorts & (1 << CLASS_ANCESTOR))
		take_lineage(slot, task, bank);
	return 0;
}

/* Where it belongs. */
int __attribute__((noinline))
facts_gather_owner(__u32 number, __u64 task_address, __u64 cred_address, __u32 sorts, __u32 bank)
{
	struct facts_slot *slot = bpf_map_lookup_elem(&facts_slots, &number);
	struct task_struct *task = (struct task_struct *)task_address;
	struct cred *cred = (struct cred *)cred_address;

	if (!slot)
		return 0;
	if (sorts & (1 << CLASS_CGROUP))
		take_cgroup(slot, task, bank);
	if (sorts & (1 << CLASS_UID))
		take_number(slot, CLASS_UID, bank, MEMBER_UID, READ(cred, uid.val));
	if (sorts & (1 << CLASS_GID))
		take_number(slot, CLASS_GID, bank, MEMBER_GID, READ(cred, gid.val));
	return 0;
}

/* ---------------------------------------------------------------- the decision */

static __always_inline __u64 mix_image_file(__u64 hash, const struct image_file *file)
{
	hash = mix(hash, file->file.ino);
	hash = mix(hash, (__u64)file->file.dev << 32 | file->file.generation);
	return mix(hash, (__u64)file->ctime_sec << 30 ^ file->ctime_nsec);
}

/*
 * Of all that the decision for a secret with rules of these sorts is made of. Global, as facts_gather_files(): what one
 * needs of the stack is free again for the other, and the stack of all who wait for a verdict is short.
 */
__u64 __attribute__((noinline)) facts_hash(__u64 task_address, __u64 cred, __u32 sorts, __u32 bank)
{
	struct task_struct *task = (struct task_struct *)task_address;
	__u64 hash = identity_hash(task, (struct cred *)cred);

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

static __always_inline struct verdict_entry *entry_of(__u32 bank, __u32 secret)
{
	return &verdict_entries[verdict_index(bank, VERDICT_BANKS) * VERDICT_SECRETS_MAX] +
	       verdict_index(secret, VERDICT_SECRETS_MAX);
}

static __always_inline struct verdict_rule *rules_of(__u32 bank)
{
	return &verdict_rules[verdict_index(bank, VERDICT_BANKS) * VERDICT_RULES_MAX];
}

/* One rule, the `index`th of its secret, on the facts of a slot. Global: the verifier then looks at it once. */
int __attribute__((noinline)) facts_test_rule(__u32 number, __u32 bank, __u32 rule, __u32 index)
{
	struct facts_slot *slot = bpf_map_lookup_elem(&facts_slots, &number);

	if (slot)
		verdict_rule_test(&rules_of(bank)[verdict_index(rule, VERDICT_RULES_MAX)], &slot->facts, index);
	return 0;
}

/* The verdict on the facts of a slot, in two steps: as verdict_decide(). */
int __attribute__((noinline)) facts_test(__u32 number, __u32 secret, __u32 bank)
{
	struct facts_slot *slot = bpf_map_lookup_elem(&facts_slots, &number);
	const struct verdict_entry *entry = entry_of(bank, secret);
	__u32 count = entry->deny_count + entry->allow_count, first = entry->first;

	if (!slot)
		return 0;
	slot->facts.sure = 0;
	slot->facts.maybe = 0;
	for (__u32 i = 0; i < VERDICT_RULES_EACH; i++) {
		if (i >= count)
			break;
		(void)facts_test_rule(number, bank, first + i, i);
	}
	return 0;
}

/* As decided_number(), of no generation. */
__u64 __attribute__((noinline)) facts_conclude(__u32 number, __u32 secret, __u32 bank)
{
	struct facts_slot *slot = bpf_map_lookup_elem(&facts_slots, &number);
	struct decided decided;

	if (!slot)
		return DECIDED_UNDECIDED;
	decided = verdict_conclude(entry_of(bank, secret), &slot->facts);
	return decided_number(&decided, 0);
}

static __always_inline struct decided decide_anew(__u64 task, __u64 cred, __u32 secret, __u32 kind, __u32 bank)
{
	const struct verdict_entry *entry = entry_of(bank, secret);
	struct decided decided = {.action = entry->on_error, .flags = DECIDED_ERROR, .rule = DECIDED_BY_DEFAULT};
	struct facts_slot *slot = facts_claim();

	if (!slot) {
		count_loss(LOSS_SCRATCH);
		return decided;
	}
	slot->facts.kind = kind;
	(void)facts_gather_files(slot->number, task, entry->sorts, bank);
	(void)facts_gather_owner(slot->number, task, cred, entry->sorts, bank);
	(void)facts_test(slot->number, secret, bank);
	decided = decided_of(facts_conclude(slot->number, secret, bank));
	facts_release(slot);
	return decided;
}

/* Beside the kind: by the credentials of the task itself, see cred_of(). */
#define DECIDE_BY_OWN_CRED 0x100

/*
 * May `task` (an address) touch the secret of that number in that way (enum access_kind)? decided_of() of the result
 * says; its action is DECIDED_NOTHING where no policy that is enforced is about the secret. Global: verified once.
 */
__u64 __attribute__((noinline)) decide(__u64 task_address, __u32 secret, __u32 how)
{
	struct task_struct *task = (struct task_struct *)task_address;
	struct cred *cred = cred_of(task, how & DECIDE_BY_OWN_CRED);
	__u32 kind = how & 0xff;
	__u32 generation = *(volatile __u32 *)&policy_generation;
	__u32 bank = generation & 1;
	const struct verdict_entry *entry = entry_of(bank, secret);
	struct decision_value fresh = {.generation = (__u64)generation << 32 | *(volatile __u32 *)&class_generation};
	struct decision_key key = {.secret = secret, .kind = kind};
	struct decision_value *known;

	if (!(entry->flags & VERDICT_ENTRY_ENFORCE))
		return DECIDED_UNDECIDED;
	key.facts = facts_hash(task_address, (__u64)cred, entry->sorts, bank);
	known = bpf_map_lookup_elem(&decisions, &key);
	if (known && known->generation == fresh.generation)
		return decided_number(&known->decided, generation);
	fresh.decided = decide_anew(task_address, (__u64)cred, secret, kind, bank);
	if (fresh.decided.flags & DECIDED_ERROR)
		count_loss(LOSS_UNDECIDED);
	else
		(void)bpf_map_update_elem(&decisions, &key, &fresh, BPF_ANY);
	return decided_number(&fresh.decided, generation);
}

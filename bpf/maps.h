/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * maps.h: the tables, rings and settings that all programs share.
 *
 * Sizes marked "set at load" are chosen by the daemon from its configuration.
 */
#pragma once

#include "read.h"

#include "abi.h"
#include "filter.h"
#include "verdict.h"

/* ---------------------------------------------------------------- settings, frozen at load */

const volatile __u32 daemon_pid = 0;              /* our own thread group: never observed */
const volatile bool have_task_from_vpid = false;  /* kfunc bpf_task_from_vpid, 6.13 */
const volatile bool have_task_from_pid = false;   /* kfunc bpf_task_from_pid, 6.2 */
const volatile bool have_preempt_disable = false; /* kfuncs bpf_preempt_disable and _enable, of use from 6.15 */
const volatile bool have_cqe_argument = false;    /* io_uring_complete passes the cqe, 6.15; its fields before */
const volatile bool keep_args = true;
const volatile __u64 identity_seed = 0; /* random: nobody can look for two identities of one hash */
const volatile bool have_quiet = false; /* remember quiet directories: quiet.h */
const volatile __u64 quiet_key = 0;     /* random */
/* By system call number: what to do at its exit; see enum syscall_class. Two tables, native and 32-bit. */
const volatile __u8 syscall_classes[512] = {};
const volatile __u8 syscall_classes_compat[512] = {};

/* ---------------------------------------------------------------- shared memory, written by the daemon */

/* Both filters: set bits are true or stale, never missing. The daemon sets a bit before the map entry it stands for. */
__u64 filter[FILTER_WORDS] = {};
struct file_id directory_cache[DIRECTORY_CACHE_SIZE] = {}; /* the daemon writes `ino` last, and clears it first */
__u64 name_filter[NAME_FILTER_BITS / 64] = {};
/*
 * Grows whenever the watch list wants more than before, or a directory may be somewhere else: by the daemon once its
 * change is in the tables, by the programs at the end of a system call that renames, removes a directory or moves a
 * mount. Tags of before match no more.
 */
__u64 tree_epoch = 0;
__u64 quiet[QUIET_SIZE] = {};       /* tags of quiet directories, by quiet_slot() */
__u64 quiet_asked[QUIET_SIZE] = {}; /* the last one of the slot that was not there, and how often */
/*
 * Address of the root directory's dentry in the daemon's mount namespace, where nearly every walk up the parents ends;
 * 0 until the daemon has looked at "/". Only a shortcut: without it the walk finds out that nothing is above.
 */
__u64 host_root = 0;
__u64 host_mount = 0; /* the mount that it is the root of: another mount of the same directory has something above it */
__u32 epoch = 0;      /* the daemon's flush number */
__u32 has_repeats = 0; /* set when a counter grew without a record; the daemon clears it before each flush */
__u32 has_names = 0;   /* name_filter is not empty */
/* A file of the daemon's own, watched as a secret is, and how often its opens came as far as being counted. */
struct file_id canary = {};
__u64 canary_opens = 0;
__u32 asked_task = 0; /* the thread, in the initial pid namespace, that the iterator task_asked is to tell of */

/* The policies as tables, both banks; see abi.h. The daemon fills the bank that is not in force, then flips. */
struct verdict_entry verdict_entries[VERDICT_BANKS * VERDICT_SECRETS_MAX] = {};
struct verdict_rule verdict_rules[VERDICT_BANKS * VERDICT_RULES_MAX] = {};
__u32 verdict_epochs[VERDICT_BANKS] = {}; /* of each bank's classes: changes before it is filled */
/* Classes of files that the daemon does not follow on disk: of a file that it has not told of they are not known. */
__u64 verdict_unfollowed[VERDICT_BANKS][CLASS_WORDS] = {};
__u32 host_mnt_ns = 0;       /* number of the mount namespace whose paths are the host's */
__u32 policy_generation = 0; /* 0: nothing is enforced */
__u32 class_generation = 0;  /* grows when classes that were known change */
__u32 tracking = 0;          /* enum tracking: what some policy needs to be remembered of processes */

/* ---------------------------------------------------------------- rings */

/* First accesses have a ring of their own: no flood of forks can push one out. Sizes set at load. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} accesses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 21);
} processes SEC(".maps");

/* ---------------------------------------------------------------- tables */

/* Tables that only the daemon writes are read-only to programs. */

/* What is a secret. Size set at load. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	__type(key, struct file_id);
	__type(value, struct watch_value);
} watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	__type(key, struct file_id);
	__type(value, struct directory_value);
} directories SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	__type(key, struct name_key);
	__type(value, struct name_value);
} names SEC(".maps");

/* Candidates that were decided to be no secret. A lost entry only means that the file is asked about again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__type(key, struct file_id);
	__type(value, struct ignored_value);
} ignored SEC(".maps");

/*
 * The counters. Entries are made here, grow here, and are removed only by the daemon once the process is gone: so no
 * count can be lost between a read and a delete. Preallocated: making one can not fail for memory. Size set at load.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct access_key);
	__type(value, struct access_value);
} counters SEC(".maps");

/* Thread groups that have had a secret open: whose forks, memory and environment are worth a look. Size set at load. */
struct holder {
	__u64 start_ns;
	__u32 has_more; /* secrets than `held` has of it */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct holder);
} holders SEC(".maps");

/* Which (process, file) was counted in any way: so that a read of the page cache by a stranger stands out. */
struct touch_key {
	struct file_id file;
	__u64 start_ns;
	__u32 pid;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct touch_key);
	__type(value, __u8);
} touched SEC(".maps");

/* ---------------------------------------------------------------- verdicts */

/* Written by the daemon alone. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	__type(key, struct class_key);
	__type(value, struct class_value);
} classes SEC(".maps");

/* By thread group, while `tracking` asks for it. The programs write; the daemon adds who was there before them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct image_value);
} images SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct lineage_value);
} lineage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct decision_key);
	__type(value, struct decision_value);
} decisions SEC(".maps");

/* Where facts are put together; claimed as scratches are. */
#define FACTS_SLOTS 4

struct facts_slot {
	__u32 busy;
	__u32 number; /* its own */
	struct image_file now;
	struct class_key key;
	struct verdict_facts facts;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FACTS_SLOTS);
	__type(key, __u32);
	__type(value, struct facts_slot);
} facts_slots SEC(".maps");

/* ---------------------------------------------------------------- state of each CPU */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_counters);
} cpu_state SEC(".maps");

/* The daemon's, which is not here to be asked when it has crashed. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct ledger);
} ledger SEC(".maps");

/*
 * Where records are put together: they are larger than the stack. Programs run with preemption off wherever the kernel
 * lets us say so; where it does not, a second task may enter while the first is inside, so a slot is claimed by `busy`.
 * `guard` keeps a faulting string read off the first byte of a value (5.8 to 6.1 write one byte before their buffer).
 */
/* How the program that saw an access describes it. */
struct sighting {
	struct file_id file;
	__u64 directory; /* candidates: address of the watched directory's dentry */
	__u64 judged;    /* as of judge() */
	__u32 secret;    /* its number; 0: not known, so nobody judges */
	__u32 how;       /* JUDGE_*, without the kind */
	__u32 target;
	__u32 flags; /* enum access_flag */
	__u32 nlink;
	__u32 pad;
	__u8 kind;
	__u8 via;
	__u8 mode;
	__u8 result;
};

#define SCRATCH_SLOTS 4
#define SCRATCH_DATA  8192 /* a power of two, so that a masked size is always inside */

struct scratch {
	__u32 busy;
	__u32 slot; /* its own number */
	struct sighting sighting;
	__u32 path_size;
	__u32 path_flags;
	__u64 guard;
	char head[sizeof(struct access_record)];
	char data[SCRATCH_DATA + 2 * ABI_NAME_MAX]
		__attribute__((aligned(8))); /* the tail of a record: every head ends where this begins */
	char name_guard[8];
	char name[2 * ABI_NAME_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_SLOTS);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline bool filter_has(__u64 ino, __u32 dev)
{
	__u64 hash = filter_hash(ino, dev);
	__u64 bits = filter_bits(hash);

	return (filter[filter_word(hash)] & bits) == bits;
}

static __always_inline struct cpu_counters *this_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&cpu_state, &zero);
}

static __always_inline void count_loss(enum loss_place place)
{
	struct cpu_counters *state = this_cpu();

	if (state)
		state->losses[place]++;
}

/* Kernel functions of newer kernels; the settings above say whether they are there. */
extern struct task_struct *bpf_task_from_vpid(__s32 vpid) __ksym __weak;
extern struct task_struct *bpf_task_from_pid(__s32 pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;
extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;

/* Trampoline programs (fentry, LSM) only: tracepoints run with preemption off already. */
static __always_inline void stay_on_cpu(void)
{
	if (have_preempt_disable)
		bpf_preempt_disable();
}

static __always_inline void leave_cpu(void)
{
	if (have_preempt_disable)
		bpf_preempt_enable();
}

/* NULL when all slots are taken, which the caller counts as a loss. */
static __always_inline struct scratch *scratch_claim(void)
{
	for (__u32 i = 0; i < SCRATCH_SLOTS; i++) {
		__u32 slot = i;
		struct scratch *scratch = bpf_map_lookup_elem(&scratches, &slot);

		if (scratch && !scratch->busy) {
			scratch->busy = 1;
			scratch->slot = slot;
			return scratch;
		}
	}
	return NULL;
}

static __always_inline void scratch_release(struct scratch *scratch)
{
	barrier();
	scratch->busy = 0;
}

/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * abi.h: everything that the kernel programs and the daemon share.
 *
 * Included by bpf/ programs (after kernel.h) and by userspace (after <linux/types.h>). Fixed-width fields only,
 * explicit padding that writers zero, and a _Static_assert on every size: a record is read on the other side of the
 * kernel boundary byte for byte.
 *
 * Times are nanoseconds of CLOCK_BOOTTIME. A device number is the kernel's dev_t: major << 20 | minor. Identity of a
 * file is what the kernel's inode says (i_sb->s_dev, i_ino, i_generation), which on overlayfs is not what stat(2) says.
 */
#pragma once

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define ABI_COMM_SIZE  16
#define ABI_PATH_MAX   4096 /* a walk ends with the component that reaches this many bytes: up to ABI_NAME_MAX more */
#define ABI_PATH_DEPTH 48   /* components walked; deeper paths are marked truncated */
#define ABI_NAME_MAX   256  /* one component with its NUL */
#define ABI_ARGS_MAX   2048 /* bytes of arguments kept per process */

/* ---------------------------------------------------------------- identities */

struct file_id {
	__u64 ino;
	__u32 dev;
	__u32 generation;
};

/* A process for all time: a pid is reused, a pid with its start time is not. */
struct process_id {
	__u64 start_ns; /* of the thread group leader */
	__u32 pid;      /* thread group id in the initial pid namespace */
	__u32 pad;
};

struct credentials {
	__u32 uid;
	__u32 gid;
	__u32 euid;
	__u32 egid;
	__u32 login_uid; /* audit login uid; (u32)-1 is unset */
	__u32 session_id;
	__u64 cap_effective;
};

enum exe_flag {
	EXE_FLAG_MEMFD = 1 << 0,   /* lives in a memfd or other unnamed shared memory */
	EXE_FLAG_DELETED = 1 << 1, /* no link left when it was read */
	EXE_FLAG_TMPFS = 1 << 2,   /* on tmpfs (/dev/shm, /tmp, ...) */
	EXE_FLAG_OVERLAY = 1 << 3, /* on overlayfs: stat(2) shows another inode */
};

struct exe_id {
	struct file_id file;
	__s64 ctime_sec;
	__u32 ctime_nsec;
	__u32 nlink;
	__u32 flags; /* enum exe_flag */
	__u32 pad;
};

/* What the kernel says of a task at one moment. */
struct task_snapshot {
	struct process_id id;
	struct process_id parent; /* real_parent's thread group; zero for pid 1 and 2 */
	struct credentials cred;
	struct exe_id exe; /* zero for a kernel thread */
	__u64 cgroup_id;   /* in the default (v2) hierarchy */
	__u32 tid;
	__u32 ns_pid; /* thread group id in the task's own pid namespace */
	__u32 mnt_ns; /* mount namespace inode number */
	__u32 pid_ns; /* pid namespace inode number */
	char comm[ABI_COMM_SIZE];
};

/* ---------------------------------------------------------------- records on the rings */

enum record_type {
	RECORD_ACCESS = 1,   /* ring `accesses`: struct access_record */
	RECORD_EXEC = 2,     /* ring `processes`: struct process_record */
	RECORD_FORK = 3,     /* ring `processes`: struct process_record without path and arguments */
	RECORD_EXIT = 4,     /* ring `processes`: struct exit_record */
	RECORD_SNAPSHOT = 5, /* from the task iterator: struct process_record */
	RECORD_CGROUP = 6,   /* ring `processes`: struct cgroup_record */
	RECORD_FILE = 7,     /* from the file iterators: struct file_record */
};

struct record_header {
	__u32 type; /* enum record_type */
	__u32 size; /* of the whole record in bytes */
	__u64 seq;  /* per CPU and ring, from 1; a gap is that many records lost */
	__u64 time_ns;
	__u32 cpu;
	__u32 pad;
};

/*
 * A walked path is a run of NUL-terminated components, leaf first: "shadow\0etc\0". Names hold any byte but '/' and
 * NUL.
 */
enum path_flag {
	PATH_FLAG_TRUNCATED = 1 << 0, /* more components than ABI_PATH_DEPTH or bytes than there was room */
	PATH_FLAG_UNREACHABLE =
		1 << 1,          /* the walk ended at a mount that is attached nowhere (detached, pseudo filesystem) */
	PATH_FLAG_USER = 1 << 2, /* not walked: a plain string that the process passed in, as it passed it */
};

enum image_flag {
	IMAGE_SCRIPT_UNKNOWN = 1 << 0, /* whether it runs a script, and which, was not seen */
};

struct process_record {
	struct record_header header;
	struct task_snapshot task;
	__u32 path_size;   /* bytes of walked executable path in data[] */
	__u32 script_size; /* bytes of walked script path after it */
	__u32 args_size;   /* bytes of NUL-separated arguments after those */
	__u32 flags;       /* enum path_flag of the executable's path */
	__u32 script_flags;
	__u32 image_flags; /* enum image_flag */
	__u32 args_truncated;
	__u32 pad;
	struct exe_id script; /* the file with the "#!" line that an exec was asked for; zero for none */
	char data[];
};

struct exit_record {
	struct record_header header;
	struct process_id id;
	__u32 exit_code; /* as wait(2) encodes it */
	__u32 pad;
};

struct cgroup_record {
	struct record_header header;
	__u64 cgroup_id;
	__u32 path_size; /* with its NUL */
	__u32 pad;
	char path[];
};

/* ---------------------------------------------------------------- accesses */

enum access_kind {
	ACCESS_OPEN = 1,
	ACCESS_EXEC = 2,
	ACCESS_MAP = 3,
	ACCESS_RECEIVE = 4,
	ACCESS_LINK = 5,
	ACCESS_PTRACE = 6,
	ACCESS_PROC_MEM = 7,
	ACCESS_PROC_ENVIRON = 8,
	ACCESS_KIND_COUNT,
};

/*
 * As a kind: no access but what may follow one. A process that has had a secret with a list of destinations wants to
 * send elsewhere. It is counted as accesses are, and so as exactly.
 */
#define ACCESS_EGRESS 0x80

enum access_via {
	VIA_OTHER = 0,
	VIA_OPEN = 1,
	VIA_OPENAT = 2,
	VIA_OPENAT2 = 3,
	VIA_CREAT = 4,
	VIA_OPEN_BY_HANDLE_AT = 5,
	VIA_IO_URING = 6,
	VIA_EXECVE = 7,
	VIA_MMAP = 8,
	VIA_SCM_RIGHTS = 9,
	VIA_PIDFD_GETFD = 10,
	VIA_PTRACE = 11,
	VIA_PROCESS_VM_READV = 12,
	VIA_INHERITED = 13,
	VIA_LINK = 14,
	VIA_COREDUMP = 15,
	VIA_COUNT,
};

enum access_mode {
	MODE_READ = 1 << 0,
	MODE_WRITE = 1 << 1,
	MODE_EXEC = 1 << 2,
	MODE_COMPAT = 1 << 3, /* made by a 32-bit system call */
};

/* IPv6 in network order; IPv4 as the address that IPv6 maps it to (::ffff:a.b.c.d), which is one to the kernel too. */
struct egress_address {
	__u8 bytes[16];
};

/*
 * What one counter counts: one process under one set of credentials and one executable, one file, one way. Everything
 * that could change a verdict is part of the key, so a change of any makes a new counter and with it a new first
 * access.
 */
struct access_key {
	struct process_id process;
	union {
		struct file_id file;               /* a refused open: dev 0, ino = hash of the path as passed */
		struct egress_address destination; /* ACCESS_EGRESS */
	};
	__u64 identity; /* hash of credentials, executable and cgroup */
	__u8 kind;      /* enum access_kind, or ACCESS_EGRESS */
	__u8 via;       /* enum access_via; ACCESS_EGRESS: the guard's number */
	__u8 mode;      /* enum access_mode bits; ACCESS_EGRESS: enum egress_action */
	__u8 result;    /* 0, or the positive errno of a refused access */
	__u32 target;   /* ptrace, proc-mem, proc-environ: thread group id of the target; ACCESS_EGRESS: EGRESS_WAY() */
};

enum access_flag {
	ACCESS_CANDIDATE = 1 << 0, /* an unknown file below a watched directory: the path decides */
	ACCESS_BY_PATH = 1 << 1,   /* no file (a refused open, a link): the path is what the process passed */
	ACCESS_ALONE = 1 << 2,     /* no counter holds this access: the record is all there is of it */
	ACCESS_KNOWN = 1 << 3, /* the kernel knew that it is a secret: counted in `accesses` or `denied` of the CPU */
};

/* What carries a denial out, from least to best. */
enum tier { TIER_OBSERVE, TIER_KILL, TIER_FANOTIFY, TIER_LSM, TIER_COUNT };

enum decided_action {
	DECIDED_ALLOW = 0, /* these three as enum verdict_action */
	DECIDED_ALERT = 1,
	DECIDED_DENY = 2,
	DECIDED_NOTHING = 0xff, /* no policy that is enforced is about it */
};

enum decided_flag {
	DECIDED_ERROR = 1 << 0, /* something was not known, and the answer is the policy's onError */
	DECIDED_KILL = 1 << 1,
	DECIDED_ENFORCED = 1 << 2, /* a denial that was carried out: refused, or the process was killed */
};

#define DECIDED_BY_DEFAULT 0xffff /* in place of a rule's number */

struct decided {
	__u8 action; /* enum decided_action */
	__u8 flags;  /* enum decided_flag */
	__u16 rule;  /* of the secret's rules in their order, deny first */
};

/* The value of the counter map: enough to make the event even when its first record never arrived. */
struct access_value {
	__u64 count;    /* since the counter was made; only grows */
	__u64 first_ns; /* first access of the current flush epoch */
	__u64 last_ns;
	__u32 epoch;
	__u32 announced; /* 1 once the record went out on the ring */
	union {
		struct file_id watched_dir; /* candidates: the watched directory that the walk ended at */
		__u64 held_since_ns;        /* ACCESS_EGRESS: first access to the secret in the process's lineage */
	};
	struct task_snapshot task;
	__u32 file_nlink;
	__u32 flags;             /* enum access_flag */
	struct decided decided;  /* the last verdict; DECIDED_NOTHING: the kernel gave none */
	__u32 policy_generation; /* whose rules gave it */
	__u32 secret;            /* number of the secret that it is about; 0: of none, or of more than one can tell */
	__u32 pad;
};

struct access_record {
	struct record_header header;
	struct access_key key;
	struct access_value value;
	__u32 path_size;  /* candidates and refused opens: bytes in path[] */
	__u32 path_flags; /* enum path_flag */
	__s32 dirfd;      /* refused opens: the directory descriptor as passed */
	__u32 pad;
	char path[];
};

/* What a system call means to the programs at its exit; the daemon fills the tables by number. */
enum syscall_class {
	SYSCALL_NONE = 0,
	SYSCALL_OPEN,
	SYSCALL_OPENAT,
	SYSCALL_OPENAT2,
	SYSCALL_CREAT,
	SYSCALL_OPEN_BY_HANDLE_AT,
	SYSCALL_LAST_OPEN = SYSCALL_OPEN_BY_HANDLE_AT,
	SYSCALL_MMAP,
	SYSCALL_RECVMSG,
	SYSCALL_RECVMMSG,
	SYSCALL_PIDFD_GETFD,
	SYSCALL_PTRACE,
	SYSCALL_PROCESS_VM_READV,
	SYSCALL_LINK,
	SYSCALL_LINKAT,
	SYSCALL_IO_URING_ENTER, /* names the way of an open in the backends that hook below system calls */
	SYSCALL_EXECVE,
	SYSCALL_REARRANGE, /* moves or removes a directory or a mount, or may: where directories are is not as before */
	SYSCALL_UNLINKAT,  /* the same, when a directory is to be removed */
	SYSCALL_PROCESS_VM_WRITEV,
	SYSCALL_BPF,
};

/* ---------------------------------------------------------------- file iterators */

struct file_record {
	struct record_header header;
	struct process_id process;
	struct task_snapshot task; /* who holds it; zero from the daemon's own look at its files */
	struct file_id file;
	__u32 fd;
	__u32 mode; /* inode mode bits, as st_mode */
	__u32 nlink;
	__u32 fmode; /* enum access_mode bits of the open file; 0 for O_PATH */
	__u32 fs_magic;
	__u32 ctime_nsec;
	__s64 ctime_sec;
};

/* ---------------------------------------------------------------- what is done to the agent itself */

/*
 * Counted as accesses are, by a key of its own: kind COUNTED_TAMPER, via enum tamper_kind, mode the operation (below),
 * target the daemon, file.dev the enum guard_object and file.ino the number of the map, program or link; both are 0
 * where it is about none, file.ino also where it is about any of them.
 */
#define COUNTED_TAMPER 15

enum tamper_kind {
	TAMPER_BPF = 1,    /* mode: command of bpf(2); GUARD_OPEN for all that end in a descriptor */
	TAMPER_SIGNAL,     /* mode: number of the signal */
	TAMPER_TRACE,      /* mode: enum tamper_trace */
	TAMPER_SELF_CHECK, /* the daemon's own finding; never from a kernel program */
	TAMPER_KIND_COUNT,
};

#define GUARD_OPEN 255

enum tamper_trace {
	TRACE_PTRACE = 1,
	TRACE_VM_READ,
	TRACE_VM_WRITE,
	TRACE_PROC_MEM,
	TRACE_GETFD,
	TRACE_OTHER,
	TRACE_COUNT,
};

enum guard_object { GUARD_MAP = 1, GUARD_PROGRAM, GUARD_LINK, GUARD_OBJECT_COUNT };

struct guard_key {
	__u32 object; /* enum guard_object */
	__u32 id;
};

/* What a program, by its executable, may do to the agent. */
enum guard_right {
	GUARD_MAY_SIGNAL = 1 << 0,
	GUARD_MAY_BPF = 1 << 1,
};

#define LAST_SIGNAL_PATH 1024

enum last_signal_flag {
	LAST_SIGNAL_KERNEL = 1 << 0, /* nobody sent it: a fault, the OOM killer; `task` is who ran just then */
};

/* The last signal to the daemon that ends or stops a process, and who sent it. Outlives the daemon in a pinned map. */
struct last_signal {
	__u64 time_ns;
	__u32 daemon_pid;
	__u32 number; /* 0: none yet */
	__u32 flags;  /* enum last_signal_flag */
	__u32 path_flags;
	__u32 path_size; /* walked executable path of the sender */
	__u32 pad;
	struct task_snapshot task;
	char path[LAST_SIGNAL_PATH];
};

/* ---------------------------------------------------------------- maps */

/*
 * A secret has a number from 1 on, below VERDICT_SECRETS_MAX, by its name: the same over reloads. Where these tables
 * have 0 it has none, or which secret a file is depends on the rest of its path.
 */
struct watch_value {
	__u32 flags;
	__u32 secret; /* its number */
};

enum directory_flag {
	DIRECTORY_TREE = 1 << 0,       /* any file below, however deep, is a candidate */
	DIRECTORY_ANY_NAME = 1 << 1,   /* any file directly inside is a candidate */
	DIRECTORY_ANY_BRANCH = 1 << 2, /* any file below a child directory, at a depth in `depths`, is a candidate */
};

/*
 * A watched directory ends the walk up the parents of an opened file: only its own entry decides. A name in `names`
 * makes the file of that name directly inside a candidate (NAME_FILE), or files below the child directory of that name
 * (NAME_BRANCH).
 */
struct directory_value {
	__u32 flags;  /* enum directory_flag */
	__u32 depths; /* bit n: a file n components below (1 is directly inside); bit 31: 31 or more */
	/* Number of the secret that any file below is (with DIRECTORY_TREE), else any file directly inside (ANY_NAME)
	 * under a name without an entry of its own. */
	__u32 secret;
	__u32 pad;
};

enum name_flag {
	NAME_FILE = 1 << 0,
	NAME_BRANCH = 1 << 1,
};

struct name_key {
	struct file_id directory;
	__u64 hash; /* name_hash() of the component */
};

struct name_value {
	__u32 flags;  /* enum name_flag */
	__u32 depths; /* NAME_BRANCH: as in directory_value */
	__u32 secret; /* NAME_FILE: number of the secret that the file is */
	__u32 branch; /* NAME_BRANCH: of the one that any file below is, at any depth */
};

/* A file below a watched directory that the policy does not name, under the name it had when this was decided. */
struct ignored_value {
	__u64 parent_ino;
	__u64 name_hash;
};

/* ---------------------------------------------------------------- egress */

#define EGRESS_GUARDS 64 /* secrets with a list of destinations, at most; a power of two */
#define EGRESS_BANKS  2  /* one in force, one that a reload fills */

enum egress_action {
	EGRESS_OFF,        /* no secret, or one without a list */
	EGRESS_ALERT,      /* told */
	EGRESS_WOULD_DENY, /* told; it would be stopped if the policy were enforced */
	EGRESS_DENY,       /* told and stopped */
};

/* A secret with a list, in one bank. It keeps its number over reloads. */
struct egress_guard {
	__u64 since_ns; /* when the number was given to this secret: what is older is about another */
	__u32 action;   /* enum egress_action */
	__u32 pad;
};

/* That a process, or whom it comes from, has had the secret. */
struct taint_key {
	__u32 pid; /* thread group id in the initial pid namespace */
	__u32 guard;
};

struct taint {
	__u64 start_ns; /* of the process */
	__u64 since_ns; /* first access */
};

/* An allowed destination, for a trie by the longest prefix: all before the address always counts. */
struct destination_key {
	__u32 prefix; /* DESTINATION_FIXED_BITS + those of the address */
	__u8 bank;
	__u8 guard;
	__u8 family; /* 4 or 6 */
	__u8 pad;
	__u16 port; /* host order; 0: any */
	__u16 pad2;
	__u8 address[16]; /* IPv4 in the first four */
};

#define DESTINATION_FIXED_BITS 64

/* Port and protocol as one number. A socket whose protocol has no hook for its destination has port 0. */
#define EGRESS_WAY(port, protocol) ((__u32)(port) | (__u32)(protocol) << 16)
#define EGRESS_PORT(way)           ((way)&0xffff)
#define EGRESS_PROTOCOL(way)       ((way) >> 16)

/* The filter in front of all maps: two bits of one 64-bit word each. */
#define FILTER_WORDS 32768
/* Watched directories by a part of their hash, the last of each: the common answer without a look-up in the table. */
#define DIRECTORY_CACHE_SIZE 1024
/* Quiet directories by a part of their tag: see quiet_tag() in filter.h. */
#define QUIET_SIZE 4096
/* The filter in front of refused opens: one bit each for the hash of a basename, a prefix or a suffix. */
#define NAME_FILTER_BITS 8192

/* ---------------------------------------------------------------- verdicts */

/*
 * The policies that deny, as tables. There are two banks of them: one is in force, the other is filled for the next
 * policy. `policy_generation` says which (its lowest bit), and grows by one whenever the other takes over.
 *
 * What a rule asks of a process is a class: "programs that are /usr/bin/ssh", "users that are root". Which classes a
 * file that is executed, a control group, a user has is in the map `classes`; a rule names one class of each sort, or
 * 0.
 */
#define VERDICT_BANKS       2
#define VERDICT_SECRETS_MAX 4096 /* a secret's number is below; 0 is none */
#define VERDICT_RULES_MAX   4096 /* of all secrets of one bank */
#define VERDICT_RULES_EACH  64   /* of one secret */
#define CLASS_WORDS         8
#define CLASS_MAX           (CLASS_WORDS * 64) /* of one kind of member; number 0 is not used */

/* What a rule may ask for. The first three are classes of files. */
enum class_sort {
	CLASS_EXE = 0,
	CLASS_SCRIPT,
	CLASS_ANCESTOR,
	CLASS_CGROUP,
	CLASS_UID,
	CLASS_GID,
	CLASS_SORT_COUNT,
};

enum class_member {
	MEMBER_FILE = 0,
	MEMBER_CGROUP,
	MEMBER_UID,
	MEMBER_GID,
	MEMBER_COUNT,
};

/* Who has classes. Zero where a kind of member does not say otherwise. */
struct class_key {
	__u64 id;        /* file: inode; cgroup: its number; uid, gid: the number */
	__u64 place;     /* file: the control group of the container whose paths count; 0: the host's do */
	__s64 ctime_sec; /* file; so that one that was changed has no classes until it is looked at */
	__u32 ctime_nsec;
	__u32 dev;
	__u32 generation;
	__u32 member; /* enum class_member */
};

enum class_flag {
	CLASS_CONTAINER = 1 << 0, /* cgroup: of a container, or it cannot be told: paths in it mean what it wants */
	CLASS_SETTLED = 1 << 1,   /* cgroup: of a unit or a container; what is made below belongs to the same */
};

/*
 * The classes by bank: bit n of the words is class n. An entry is true of a bank only while its epoch is the bank's.
 * Without: a user or group has none; a control group has those of the one above if that is settled, else they are not
 * known; a file has none but those of `verdict_unfollowed`, which are not known, and in a container none is known.
 */
struct class_value {
	__u64 bits[VERDICT_BANKS][CLASS_WORDS];
	__u32 epochs[VERDICT_BANKS];
	__u32 flags; /* enum class_flag; true of any bank */
	__u32 pad;
};

struct verdict_rule {
	__u32 kinds;                     /* bit per enum access_kind; 0: any */
	__u16 classes[CLASS_SORT_COUNT]; /* 0: not asked for */
};

enum verdict_entry_flag {
	VERDICT_ENTRY_ENFORCE = 1 << 0, /* there is such a secret and its policy is carried out */
	VERDICT_ENTRY_KILL = 1 << 1,    /* a process that is denied is killed too */
};

/* One secret: its deny rules, then its allow rules, from `first` on. */
struct verdict_entry {
	__u32 first;
	__u16 deny_count;
	__u16 allow_count;
	__u8 default_action; /* enum decided_action */
	__u8 on_error;       /* the same, DECIDED_ALLOW or DECIDED_DENY: when the facts that are known do not decide */
	__u8 flags;          /* enum verdict_entry_flag */
	__u8 sorts;          /* bit per enum class_sort that some rule asks for */
};

/* A decision is kept until the policy or somebody's classes change. */
struct decision_key {
	__u32 secret;
	__u32 kind;
	__u64 facts; /* hash of all that it was made of */
};

struct decision_value {
	__u64 generation; /* policy_generation << 32 | class_generation */
	struct decided decided;
	__u32 pad;
};

/* A program or a script at one moment. */
struct image_file {
	struct file_id file; /* zero: none */
	__s64 ctime_sec;
	__u32 ctime_nsec;
	__u32 pad;
};

/*
 * What a process runs, as it was when it was executed. The kernel's own note (mm->exe_file) can be replaced by who has
 * a user namespace (PR_SET_MM_MAP); and while a program runs its content stays, though an upgrade changes its ctime.
 */
struct image_value {
	__u64 start_ns; /* of the process; of another start time it is no news */
	struct image_file exe;
	struct image_file script;
	__u32 flags; /* enum image_flag */
	__u32 pad;
};

/* The classes of all programs that a process descends from, each as it was when it forked. */
struct lineage_value {
	__u64 start_ns;
	__u64 bits[VERDICT_BANKS][CLASS_WORDS];
	__u32 epochs[VERDICT_BANKS]; /* as in class_value */
};

enum tracking {
	TRACK_IMAGES = 1 << 0,
	TRACK_LINEAGE = 1 << 1,
};

/*
 * Where something can be lost. Each is a per-CPU counter; the daemon publishes what is new as an event.
 */
enum loss_place {
	LOSS_ACCESS_RING = 0, /* access record not sent; the counter still counts and the flush reports it */
	LOSS_PROCESS_RING,    /* process record not sent; identity is completed from /proc */
	LOSS_COUNTERS_FULL,   /* no room for a new counter: this access was reported alone or, with LOSS_UNCOUNTED, lost
			       */
	LOSS_UNCOUNTED,       /* an access that neither a counter nor a record holds */
	LOSS_FD_GONE,         /* an open whose descriptor another thread closed before it could be read */
	LOSS_FD_SCAN,         /* a descriptor table larger than the scan at fork, exec or receipt */
	LOSS_PATH_READ,       /* a refused open whose path could not be read */
	LOSS_ARGS_READ,       /* arguments not readable at exec */
	LOSS_HOLDERS_FULL,    /* no room to remember that a process holds a secret */
	LOSS_PARENT_WALK,     /* a file deeper than the walk: its watched ancestor may have been missed */
	LOSS_SCRATCH,         /* no place to put a record together: too many programs inside each other */
	LOSS_IMAGES_FULL,     /* no room to remember what a process runs or descends from: onError decides for it */
	LOSS_UNDECIDED,       /* a verdict that the policy's onError gave, because something was not known */
	LOSS_PROGRAM_MISSED,  /* the kernel skipped a program that was already running on that CPU */
	LOSS_OUTPUT,          /* the daemon's: events that an output could not take */
	LOSS_STORE,           /* the daemon's: accesses that the store could not take or write */
	LOSS_UNGUARDED, /* the daemon's: files of enforced secrets that could not be marked, or events the kernel had no
			   room for */
	LOSS_UNTOLD,    /* the daemon's: denials that no event tells of */
	LOSS_WATCHLIST, /* the daemon's: files and directories below the policy's paths that it does not follow */
	LOSS_TAINTED_FULL, /* no room to remember that a process has had a secret with a list of destinations */
	LOSS_PLACE_COUNT,
};

/* Losses by place, and sequence numbers by ring: one for each CPU, only ever growing. */
struct cpu_counters {
	__u64 losses[LOSS_PLACE_COUNT];
	__u64 access_seq;
	__u64 process_seq;
	/* Of what the counters hold with ACCESS_KNOWN: what went through, and what was denied and carried out. */
	__u64 accesses;
	__u64 denied;
	__u64 unjudged; /* candidates that were let pass because only the daemon can tell which secret they are */
};

/*
 * What the daemon has told of, written by it alone: pinned with the programs, so that the next one knows how much of
 * `accesses` and `denied` of all CPUs nobody has told.
 */
struct ledger {
	__u64 accesses;
	__u64 denied;
	__u64 seen_ns; /* end of the last flush */
	__u64 pad;
};

/* FNV-1a, 64 bit, the same on both sides; a component is hashed without its NUL. */
#define FNV_OFFSET 0xcbf29ce484222325ULL
#define FNV_PRIME  0x100000001b3ULL

_Static_assert(sizeof(struct file_id) == 16, "abi");
_Static_assert(sizeof(struct process_id) == 16, "abi");
_Static_assert(sizeof(struct credentials) == 32, "abi");
_Static_assert(sizeof(struct exe_id) == 40, "abi");
_Static_assert(sizeof(struct task_snapshot) == 16 + 16 + 32 + 40 + 8 + 16 + 16, "abi");
_Static_assert(sizeof(struct record_header) == 32, "abi");
_Static_assert(sizeof(struct access_key) == 48, "abi");
_Static_assert(sizeof(struct last_signal) == 32 + sizeof(struct task_snapshot) + LAST_SIGNAL_PATH, "abi");
_Static_assert(sizeof(struct access_value) == 40 + sizeof(struct task_snapshot) + 32, "abi");
_Static_assert(sizeof(struct ledger) == 32, "abi");
_Static_assert(sizeof(struct class_key) == 40, "abi");
_Static_assert(sizeof(struct class_value) == VERDICT_BANKS * (CLASS_WORDS * 8 + 4) + 8, "abi");
_Static_assert(sizeof(struct verdict_rule) == 16, "abi");
_Static_assert(sizeof(struct verdict_entry) == 12, "abi");
_Static_assert(sizeof(struct decided) == 4, "abi");
_Static_assert(sizeof(struct decision_key) == 16, "abi");
_Static_assert(sizeof(struct decision_value) == 16, "abi");
_Static_assert(sizeof(struct image_value) == 80, "abi");
_Static_assert(sizeof(struct lineage_value) == 16 + VERDICT_BANKS * CLASS_WORDS * 8, "abi");
_Static_assert(sizeof(struct taint_key) == 8 && sizeof(struct taint) == 16, "abi");
_Static_assert(sizeof(struct destination_key) == 28, "abi");

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

struct process_record {
	struct record_header header;
	struct task_snapshot task;
	__u32 path_size; /* bytes of walked executable path in data[] */
	__u32 args_size; /* bytes of NUL-separated arguments after the path */
	__u32 flags;     /* enum path_flag of the path */
	__u32 args_truncated;
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

/*
 * What one counter counts: one process under one set of credentials and one executable, one file, one way. Everything
 * that could change a verdict is part of the key, so a change of any makes a new counter and with it a new first
 * access.
 */
struct access_key {
	struct process_id process;
	struct file_id file; /* a refused open: dev 0, ino = hash of the path as passed */
	__u64 identity;      /* hash of credentials, executable and cgroup */
	__u8 kind;           /* enum access_kind */
	__u8 via;            /* enum access_via */
	__u8 mode;           /* enum access_mode bits */
	__u8 result;         /* 0, or the positive errno of a refused access */
	__u32 target;        /* ptrace, proc-mem, proc-environ: thread group id of the target */
};

enum access_flag {
	ACCESS_CANDIDATE = 1 << 0, /* an unknown file below a watched directory: the path decides */
	ACCESS_BY_PATH = 1 << 1,   /* no file (a refused open, a link): the path is what the process passed */
	ACCESS_ALONE = 1 << 2,     /* no counter holds this access: the record is all there is of it */
};

/* The value of the counter map: enough to make the event even when its first record never arrived. */
struct access_value {
	__u64 count;    /* since the counter was made; only grows */
	__u64 first_ns; /* first access of the current flush epoch */
	__u64 last_ns;
	__u32 epoch;
	__u32 announced;            /* 1 once the record went out on the ring */
	struct file_id watched_dir; /* candidates: the watched directory that the walk ended at */
	struct task_snapshot task;
	__u32 file_nlink;
	__u32 flags; /* enum access_flag */
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
	__u32 pad;
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

struct watch_value {
	__u32 flags;
	__u32 pad;
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
};

/* A file below a watched directory that the policy does not name, under the name it had when this was decided. */
struct ignored_value {
	__u64 parent_ino;
	__u64 name_hash;
};

/* The filter in front of all maps: two bits of one 64-bit word each. */
#define FILTER_WORDS 32768
/* Watched directories by a part of their hash, the last of each: the common answer without a look-up in the table. */
#define DIRECTORY_CACHE_SIZE 1024
/* Quiet directories by a part of their tag: see quiet_tag() in filter.h. */
#define QUIET_SIZE 4096
/* The filter in front of refused opens: one bit each for the hash of a basename, a prefix or a suffix. */
#define NAME_FILTER_BITS 8192

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
	LOSS_PROGRAM_MISSED,  /* the kernel skipped a program that was already running on that CPU */
	LOSS_OUTPUT,          /* the daemon's: events that an output could not take */
	LOSS_STORE,           /* the daemon's: accesses that the store could not take or write */
	LOSS_WATCHLIST,       /* the daemon's: files and directories below the policy's paths that it does not follow */
	LOSS_PLACE_COUNT,
};

/* Losses by place, and sequence numbers by ring: one for each CPU, only ever growing. */
struct cpu_counters {
	__u64 losses[LOSS_PLACE_COUNT];
	__u64 access_seq;
	__u64 process_seq;
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

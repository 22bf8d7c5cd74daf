/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * kernel.h: the kernel types and fields that our programs read, and no others.
 *
 * Offsets are relocated at load (CO-RE, preserve_access_index), so order and gaps here mean nothing. A field that moved
 * or changed its type between kernels has an accessor below that names the commit or release that changed it.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

typedef _Bool bool;
#define true 1
#define false 0

#define EPERM                 1
#define ENOENT                2
#define EACCES                13
#define EEXIST                17
#define EINVAL                22

#define PROC_SUPER_MAGIC      0x9fa0
#define TMPFS_MAGIC           0x01021994
#define ANON_INODE_FS_MAGIC   0x09041934
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define BTRFS_SUPER_MAGIC     0x9123683e
#define EROFS_SUPER_MAGIC     0xe0f5e1e2
#define EXT4_SUPER_MAGIC      0xef53 /* ext2 and ext3, too */
#define F2FS_SUPER_MAGIC      0xf2f52010
#define RAMFS_MAGIC           0x858458f6
#define SQUASHFS_MAGIC        0x73717368
#define XFS_SUPER_MAGIC       0x58465342

#define DCACHE_OP_REVALIDATE  0x4 /* include/linux/dcache.h: the filesystem is asked whether a name still holds */

#define S_IFMT                00170000
#define S_IFREG               0100000
#define S_IFDIR               0040000

#define FMODE_READ            0x1
#define FMODE_WRITE           0x2
#define FMODE_EXEC            0x20   /* include/linux/fs.h: opened for execution, also in f_flags as __FMODE_EXEC */
#define FMODE_PATH            0x4000 /* O_PATH: names a file, opens nothing */

#define KERNEL_ADDRESS_LEAST  0xffff000000000000ULL

#define DEV_MAJOR(dev)        ((dev) >> 20) /* 0: a filesystem without a block device, /proc among them */

#define PF_EXITING            0x4
#define PF_IO_WORKER          0x10
#define PF_KTHREAD            0x200000

#define CLONE_FILES           0x400
#define CLONE_THREAD          0x10000

#define MNT_NS_ANON_INO       0xEFFFFFF7U /* 6.18; such a namespace had number 0 before */
#define TS_COMPAT             0x2         /* arch/x86/include/asm/thread_info.h */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;
typedef struct {
	__u32 val;
} kuid_t;
typedef struct {
	__u32 val;
} kgid_t;

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next;
};
struct hlist_head {
	struct hlist_node *first;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
	struct dentry *s_root;
};

struct inode {
	__u16 i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	__u32 i_generation;
	unsigned int i_nlink;
	__s64 i_ctime_sec; /* 6.11 (3aa63a569c64) */
	__u32 i_ctime_nsec;
};

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};
struct inode___old_ctime { /* until 6.5 */
	struct timespec64 i_ctime;
};
struct inode___private_ctime { /* 6.6 to 6.10 (13bc24457850) */
	struct timespec64 __i_ctime;
};

struct qstr {
	union {
		struct {
			__u32 hash;
			__u32 len;
		};
		__u64 hash_len;
	};
	const unsigned char *name;
};

struct dentry {
	unsigned int d_flags;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
};

struct mount {
	struct mount *mnt_parent;
	struct mnt_namespace *mnt_ns;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	__u64 mnt_id_unique; /* 6.8 (98d2b43081972) */
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	unsigned int f_flags;
	unsigned int f_mode;
	void *private_data;
};

struct backing_file { /* 6.7 (def3ae83da02): the real file behind an overlay's comes first, then */
	struct path user_path;
};

struct filename {
	const char *name;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
	unsigned long *open_fds;
};

struct files_struct {
	struct fdtable *fdt;
};

struct ns_common {
	unsigned int inum;
};
struct pid_namespace {
	struct ns_common ns;
	unsigned int level;
};
struct mnt_namespace {
	struct ns_common ns;
};
struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};
struct pid {
	unsigned int level;
	struct hlist_head tasks[4];
	struct upid numbers[1];
};

struct proc_inode {
	struct pid *pid;
	struct inode vfs_inode;
};

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t euid;
	kgid_t egid;
	struct {
		__u64 val; /* 6.3 (f122a08b197d); two __u32 before: the same 8 bytes */
	} cap_effective;
};

struct mm_struct {
	struct file *exe_file;
	unsigned long arg_start, arg_end;
};

struct signal_struct {
	atomic_t live;
	int group_exit_code;
};

struct kernfs_node {
	__u64 id;
};
struct cgroup_root {
	int hierarchy_id; /* 0: the default (v2) hierarchy */
};
struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};
struct css_set {
	struct cgroup *dfl_cgrp;
};

struct fs_struct {
	struct path root;
	struct path pwd;
};

struct thread_info {
	unsigned long flags;
	__u32 status; /* x86 */
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	unsigned int ptrace;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *parent; /* the tracer of who is traced */
	struct task_struct *group_leader;
	__u64 start_boottime;
	struct cred *cred;
	struct mm_struct *mm;
	struct files_struct *files;
	struct fs_struct *fs;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct css_set *cgroups;
	struct pid *thread_pid;
	struct hlist_node pid_links[4];
	kuid_t loginuid;
	unsigned int sessionid;
	int exit_code;
	char comm[16];
	void *stack;
};

struct linux_binprm {
	struct file *file;
	struct file *executable;
	struct file *interpreter;
	const char *filename;
};

struct address_space {
	struct inode *host;
};

struct io_uring_cqe {
	__u64 user_data;
	__s32 res;
};
struct io_rsrc_node {
	unsigned long file_ptr;
};
struct io_rsrc_data {
	unsigned int nr;
	struct io_rsrc_node **nodes;
};
struct io_file_table {
	struct io_rsrc_data data; /* 6.13 (b54a14041ee6) */
};
struct io_ring_ctx {
	struct io_file_table file_table;
};
struct io_fixed_file {
	unsigned long file_ptr;
};
struct io_file_table___old { /* 5.13 to 6.12 */
	struct io_fixed_file *files;
};
struct io_ring_ctx___old {
	struct io_file_table___old file_table;
	unsigned int nr_user_files;
};
struct io_kiocb {
	__u8 opcode;
	struct io_ring_ctx *ctx;
};
struct io_open {
	struct file *file;
	__u32 file_slot; /* 0: an ordinary descriptor; else slot + 1, or ~0 for any free one */
};

struct bpf_map {
	__u32 id;
};
struct bpf_prog_aux {
	__u32 id;
};
struct bpf_prog {
	struct bpf_prog_aux *aux;
};
struct bpf_link {
	__u32 id;
};

struct kernel_siginfo {
	int si_code;
};

struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10, r8, bx, cx, dx, si, di;
	unsigned long orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	__u64 regs[31];
	__s32 syscallno;
};
#endif

#pragma clang attribute pop

/* ---------------------------------------------------------------- system call registers */

#if defined(__TARGET_ARCH_x86)
#define SYSCALL_NUMBER_FIELD      orig_ax
#define SYSCALL_NUMBER(regs)      ((regs)->orig_ax)
#define SYSCALL_ARG0(regs)        ((regs)->di)
#define SYSCALL_ARG1(regs)        ((regs)->si)
#define SYSCALL_ARG2(regs)        ((regs)->dx)
#define SYSCALL_ARG3(regs)        ((regs)->r10)
#define SYSCALL_ARG4(regs)        ((regs)->r8)
#define SYSCALL_COMPAT_ARG0(regs) ((regs)->bx)
#define SYSCALL_COMPAT_ARG1(regs) ((regs)->cx)
#define SYSCALL_COMPAT_ARG3(regs) ((regs)->si)
#define SYSCALL_COMPAT_ARG4(regs) ((regs)->di)
#elif defined(__TARGET_ARCH_arm64)
#define SYSCALL_NUMBER_FIELD      syscallno
#define SYSCALL_NUMBER(regs)      ((__u64)(__u32)(regs)->syscallno)
#define SYSCALL_ARG0(regs)        ((regs)->regs[0])
#define SYSCALL_ARG1(regs)        ((regs)->regs[1])
#define SYSCALL_ARG2(regs)        ((regs)->regs[2])
#define SYSCALL_ARG3(regs)        ((regs)->regs[3])
#define SYSCALL_ARG4(regs)        ((regs)->regs[4])
#define SYSCALL_COMPAT_ARG0(regs) ((regs)->regs[0])
#define SYSCALL_COMPAT_ARG1(regs) ((regs)->regs[1])
#define SYSCALL_COMPAT_ARG3(regs) ((regs)->regs[3])
#define SYSCALL_COMPAT_ARG4(regs) ((regs)->regs[4])
#else
#error "this architecture's system call registers are not described here"
#endif

#define barrier() asm volatile("" ::: "memory")

/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * access.bpf.c: opens of secrets, and the ways to a secret's file that are no open.
 *
 * Three sets of programs, one of which the daemon loads: `lsm_*`, `fentry_*` (both below every system call) and the
 * tracepoints. They share match.h (is it a secret), observe.h (count it) and everything above.
 */
#include "descriptors.h"
#include "memory.h"
#include "messages.h"
#include "refused.h"
#include "syscall.h"

int __attribute__((noinline)) observe_received(__u64 file_address, __u64 task_address, __u32 how)
{
	__u64 task = task_address ? task_address : bpf_get_current_task();
	struct file *file = (struct file *)file_address;
	struct sighting sighting = {.kind = how & 0xff, .via = (how >> 8) & 0xff};
	struct inode *inode;
	unsigned int fmode;

	if (!file)
		return 0;
	inode = READ(file, f_inode);
	read_file_id(inode, &sighting.file);
	if (!filter_has(sighting.file.ino, sighting.file.dev) || !bpf_map_lookup_elem(&watched, &sighting.file))
		return 0;
	fmode = READ(file, f_mode);
	if ((fmode & FMODE_PATH) && sighting.kind != ACCESS_LINK)
		return 0;
	sighting.mode = mode_of(fmode) | (how >> 16);
	sighting.nlink = READ(inode, i_nlink);
	observe(task, 0, &sighting);
	return 1;
}

/* Descriptors looked at in one table; more than these is counted as LOSS_FD_SCAN. */
#define SCAN_WORDS 16

int __attribute__((noinline)) observe_table(__u64 task_address, __u32 how)
{
	struct task_struct *task = (struct task_struct *)task_address;
	struct fdtable *table = READ(task, files, fdt);
	unsigned long *open_fds = READ(table, open_fds);
	struct file **slots = READ(table, fd);
	unsigned int max_fds = READ(table, max_fds);
	__u64 word = 0;

	if (!table)
		return 0;
	for (__u32 i = 0; i < SCAN_WORDS * 64; i++) {
		if (i >= max_fds)
			return 0;
		if ((i & 63) == 0)
			word = READ_WORD(open_fds + (i >> 6));
		if (word & (1ULL << (i & 63)))
			(void)observe_received(READ_WORD(slots + i), task_address, how);
	}
	if (max_fds > SCAN_WORDS * 64 && READ_WORD(open_fds + SCAN_WORDS))
		count_loss(LOSS_FD_SCAN);
	return 0;
}

/* ---------------------------------------------------------------- tracepoint backend */

#define AT_REMOVEDIR 0x200 /* of unlinkat */

/* A table, not a switch: the verifier then need not follow each way by itself. */
const volatile __u8 via_by_class[32] = {
	[SYSCALL_OPEN] = VIA_OPEN,
	[SYSCALL_OPENAT] = VIA_OPENAT,
	[SYSCALL_OPENAT2] = VIA_OPENAT2,
	[SYSCALL_CREAT] = VIA_CREAT,
	[SYSCALL_OPEN_BY_HANDLE_AT] = VIA_OPEN_BY_HANDLE_AT,
	[SYSCALL_IO_URING_ENTER] = VIA_IO_URING,
	[SYSCALL_EXECVE] = VIA_EXECVE,
	[SYSCALL_PIDFD_GETFD] = VIA_PIDFD_GETFD,
	[SYSCALL_RECVMSG] = VIA_SCM_RIGHTS,
	[SYSCALL_RECVMMSG] = VIA_SCM_RIGHTS,
	[SYSCALL_PTRACE] = VIA_PTRACE,
	[SYSCALL_PROCESS_VM_READV] = VIA_PROCESS_VM_READV,
};

static __always_inline __u8 via_of_class(__u32 class)
{
	return via_by_class[class & 31];
}

/*
 * The real file behind an open file of an overlay (struct ovl_file from 6.13, whose first member is that file; the file
 * itself before, which begins with no pointer while it is open).
 */
static __always_inline __u64 overlay_real_file(struct file *file)
{
	__u64 private = (__u64)READ(file, private_data);
	__u64 first = private ? READ_WORD((void *)private) : 0;

	return first >= KERNEL_ADDRESS_LEAST ? first : private;
}

/* No secret by its own inode, on a filesystem without a device: in an overlay the file below may be one; or /proc. */
static __always_inline void seen_special_file(struct task_struct *task, struct file *file, bool direct, __u8 kind,
					      __u8 via, __u8 mode)
{
	struct inode *inode = FIELD(direct, file, f_inode);
	struct super_block *sb = FIELD(direct, inode, i_sb);
	unsigned long magic = FIELD(direct, sb, s_magic);

	if (magic == PROC_SUPER_MAGIC && kind == ACCESS_OPEN)
		seen_proc_file(task, file, direct, mode);
	else if (magic == OVERLAYFS_SUPER_MAGIC &&
		 !direct) /* below the system call the real file passes the hook too */
		(void)observe_received(overlay_real_file(file), 0, kind | via << 8);
}

/*
 * An open file that a system call gave out: is it a secret, or may it be one? Nearly always it is neither, and then
 * nothing is read of it but what the filter needs.
 */
static __always_inline bool seen_file(struct task_struct *task, struct file *file, bool direct, __u8 kind, __u8 via,
				      __u8 mode)
{
	struct inode *inode = FIELD(direct, file, f_inode);
	struct super_block *sb = FIELD(direct, inode, i_sb);
	struct file_id id = {.ino = FIELD(direct, inode, i_ino), .dev = FIELD(direct, sb, s_dev)};
	bool is_secret = false;
	__u64 directory = 0;
	unsigned int fmode;

	if (filter_has(id.ino, id.dev)) {
		id.generation = FIELD(direct, inode, i_generation);
		is_secret = bpf_map_lookup_elem(&watched, &id) != NULL;
	}
	if (!is_secret) {
		directory = direct ? match_parents(file, id.dev, true) : match_parents_of((__u64)file, id.dev);
		if (!directory && DEV_MAJOR(id.dev) != 0)
			return false;
	}
	fmode = FIELD(direct, file, f_mode);
	if (fmode & FMODE_PATH)
		return false;
	if (!is_secret && !directory) {
		seen_special_file(task, file, direct, kind, via, mode | mode_of(fmode));
		return false;
	}
	if (directory && (FIELD(direct, inode, i_mode) & S_IFMT) != S_IFREG)
		return false;
	id.generation = FIELD(direct, inode, i_generation);
	observe((__u64)task, ADDRESS(direct, file),
		&(const struct sighting){
			.file = id,
			.directory = directory,
			.flags = directory ? ACCESS_CANDIDATE : 0,
			.nlink = FIELD(direct, inode, i_nlink),
			.kind = kind,
			.via = via,
			.mode = mode | mode_of(fmode),
		});
	return true;
}

static __always_inline void seen_fd(struct task_struct *task, unsigned int fd, __u8 kind, __u8 via, __u8 mode)
{
	struct file *file = file_of_fd(task, fd);

	if (!file) {
		count_loss(LOSS_FD_GONE);
		return;
	}
	seen_file(task, file, false, kind, via, mode);
}

/* The exit of a system call of the tables. Apart, so that all others pay for no more of a frame than they need. */
static __attribute__((noinline)) int interesting_exit(__u64 *context, __u32 class, __u32 compat_class)
{
	struct pt_regs *regs = (struct pt_regs *)context[0];
	long ret = context[1];
	struct task_struct *task;
	__u8 mode = 0;

	task = (struct task_struct *)bpf_get_current_task();
#if defined(__TARGET_ARCH_x86)
	if (READ(task, thread_info.status) & TS_COMPAT) {
		class = compat_class;
		mode = MODE_COMPAT;
	}
#endif
	switch (class) {
	case SYSCALL_NONE:
		return 0;
	case SYSCALL_OPEN:
	case SYSCALL_OPENAT:
	case SYSCALL_OPENAT2:
	case SYSCALL_CREAT:
	case SYSCALL_OPEN_BY_HANDLE_AT:
		if (ret < 0)
			return refused_syscall(task, regs, class, via_of_class(class), ret, mode);
		seen_fd(task, ret, ACCESS_OPEN, via_of_class(class), mode);
		return 0;
	case SYSCALL_PIDFD_GETFD:
		if (ret >= 0) {
			(void)observe_received((__u64)file_of_fd(task, ret), 0, ACCESS_RECEIVE | VIA_PIDFD_GETFD << 8);
			guard_received(task, ret);
		}
		return 0;
	case SYSCALL_MMAP: {
		__u64 flags = mode ? SYSCALL_COMPAT_ARG3(regs) : SYSCALL_ARG3(regs);
		__s32 fd = mode ? SYSCALL_COMPAT_ARG4(regs) : SYSCALL_ARG4(regs);

		if ((flags & 0x20 /* MAP_ANONYMOUS */) || fd < 0 || (ret < 0 && ret > -4096))
			return 0;
		(void)observe_received((__u64)file_of_fd(task, fd), 0, ACCESS_MAP | VIA_MMAP << 8);
		return 0;
	}
	case SYSCALL_RECVMSG:
		if (ret >= 0)
			observe_message(mode ? SYSCALL_COMPAT_ARG1(regs) : SYSCALL_ARG1(regs), mode);
		return 0;
	case SYSCALL_RECVMMSG:
		if (ret > 0)
			observe_messages(mode ? SYSCALL_COMPAT_ARG1(regs) : SYSCALL_ARG1(regs), ret, mode);
		return 0;
	case SYSCALL_PTRACE:
		if (ret >= 0)
			seen_ptrace(task, mode ? SYSCALL_COMPAT_ARG0(regs) : SYSCALL_ARG0(regs),
				    mode ? SYSCALL_COMPAT_ARG1(regs) : SYSCALL_ARG1(regs), mode);
		return 0;
	case SYSCALL_PROCESS_VM_READV:
		if (ret > 0)
			seen_memory_of(task, mode ? SYSCALL_COMPAT_ARG0(regs) : SYSCALL_ARG0(regs), ACCESS_PROC_MEM,
				       VIA_PROCESS_VM_READV, mode | MODE_READ);
		return 0;
	case SYSCALL_PROCESS_VM_WRITEV:
		if (ret > 0 && target_of(mode ? SYSCALL_COMPAT_ARG0(regs) : SYSCALL_ARG0(regs)) == daemon_pid)
			guard_trace(TRACE_VM_WRITE, 0);
		return 0;
	case SYSCALL_BPF:
		return guard_bpf_exit(mode ? SYSCALL_COMPAT_ARG0(regs) : SYSCALL_ARG0(regs),
				      mode ? SYSCALL_COMPAT_ARG1(regs) : SYSCALL_ARG1(regs), ret);
	case SYSCALL_LINK:
	case SYSCALL_LINKAT:
		if (ret == 0)
			return linked_syscall(task, regs, class, mode);
		return 0;
	case SYSCALL_UNLINKAT:
		if (ret == 0 && (SYSCALL_ARG2(regs) & AT_REMOVEDIR)) /* dx in both conventions */
			tree_changed();
		return 0;
	case SYSCALL_REARRANGE:
		if (ret == 0)
			tree_changed();
		return 0;
	}
	return 0;
}

/*
 * Why here: where trampolines are refused, the exit of the system call is the first place that has the opened file, by
 * its new descriptor. By identity of the file, never by the path argument, which the process can change under us.
 * Cannot see: opens that no system call of the table makes (io_uring: below), and a descriptor that another thread
 * closed before we got here (counted as LOSS_FD_GONE; reads of it still stand out at the page cache, below). Runs at
 * every system call of every task, so what is of no interest leaves after one table look-up.
 */
SEC("tp_btf/sys_exit")
int tracepoint_sys_exit(__u64 *context)
{
	struct pt_regs *regs = (struct pt_regs *)context[0];
	__u64 number = SYSCALL_NUMBER(regs) & 511;
	__u32 class = syscall_classes[number];
	__u32 compat_class = syscall_classes_compat[number];

	if (!(class | compat_class))
		return 0;
	/* By the numbers of one table or of both: if it was another call, its result is no file that says anything. */
	if (have_quiet && class - 1 < SYSCALL_LAST_OPEN && compat_class <= SYSCALL_LAST_OPEN &&
	    opened_quietly(context[1]))
		return 0;
	return interesting_exit(context, class, compat_class);
}

/* ---- io_uring, which no system call shows */

#define IORING_OP_OPENAT   18
#define IORING_OP_CLOSE    19
#define IORING_OP_OPENAT2  28
#define IORING_OP_RENAMEAT 35
#define IORING_OP_UNLINKAT 36 /* directories, too */

static __always_inline struct file *file_of_slot(struct io_kiocb *request, __u32 slot)
{
	struct io_ring_ctx *ring = READ(request, ctx);
	unsigned long pointer = 0; /* with flags in the low bits: io_uring/filetable.h */

	if (bpf_core_field_exists(ring->file_table.data.nodes)) {
		struct io_rsrc_node *node = NULL;

		if (slot < READ(ring, file_table.data.nr))
			node = (struct io_rsrc_node *)READ_WORD(READ(ring, file_table.data.nodes) + slot);
		if (node)
			pointer = READ(node, file_ptr);
	} else {
		struct io_ring_ctx___old *old = (void *)ring;

		if (slot < READ(old, nr_user_files))
			pointer = READ(READ(old, file_table.files) + slot, file_ptr);
	}
	return (struct file *)(pointer & ~7UL);
}

/* A request that worked on a file which this process was never seen to open: a fixed file, or a ring it was handed. */
static __always_inline void seen_stranger(struct inode *inode, __u8 via)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct sighting sighting = {.kind = ACCESS_RECEIVE, .via = via, .mode = MODE_READ};
	struct process_id process;
	struct touch_key touch = {};

	read_file_id(inode, &sighting.file);
	if (!filter_has(sighting.file.ino, sighting.file.dev) || !bpf_map_lookup_elem(&watched, &sighting.file))
		return;
	read_process_id(task, &process);
	touch.file = sighting.file;
	touch.start_ns = process.start_ns;
	touch.pid = process.pid;
	if (bpf_map_lookup_elem(&touched, &touch))
		return;
	if (READ(task, flags) & PF_KTHREAD)
		return; /* writeback, readahead of others: no process reads */
	sighting.nlink = READ(inode, i_nlink);
	observe((__u64)task, 0, &sighting);
}

/*
 * Why here: the completion has the opcode and the new descriptor, and runs in the process that owns the ring (its own
 * threads, its workers and its SQPOLL thread share its descriptor table).
 * Cannot see: a request that asked for no completion (IOSQE_CQE_SKIP_SUCCESS), whose later reads of page cache are seen
 * below.
 */
SEC("tp_btf/io_uring_complete")
int tracepoint_io_uring_complete(__u64 *context)
{
	struct io_kiocb *request = (struct io_kiocb *)context[1];
	struct task_struct *task;
	struct file *file;
	__u32 slot;
	__u8 opcode;
	__s32 result;

	if (!request)
		return 0;
	if (have_cqe_argument) {
		struct io_uring_cqe *cqe = (struct io_uring_cqe *)context[2];

		bpf_probe_read_kernel(&result, sizeof(result), &cqe->res);
	} else {
		result = (__s32)context[3];
	}
	if (result < 0)
		return 0;
	opcode = READ(request, opcode);
	if (opcode != IORING_OP_OPENAT && opcode != IORING_OP_OPENAT2) {
		struct inode *inode;

		if (opcode == IORING_OP_CLOSE)
			return 0;
		if (opcode == IORING_OP_RENAMEAT || opcode == IORING_OP_UNLINKAT) {
			tree_changed();
			return 0;
		}
		file = (struct file *)READ_WORD(request); /* the file is the first member of every request */
		inode = file ? READ(file, f_inode) : NULL;
		if (inode && filter_has(READ(inode, i_ino), READ(inode, i_sb, s_dev)))
			seen_stranger(inode, VIA_IO_URING);
		return 0;
	}
	task = (struct task_struct *)bpf_get_current_task();
	slot = READ((struct io_open *)request, file_slot);
	if (slot == 0)
		file = file_of_fd(task, result);
	else
		file = file_of_slot(request, slot == ~0U ? (__u32)result : slot - 1);
	if (file)
		seen_file(task, file, false, ACCESS_OPEN, VIA_IO_URING, 0);
	else
		count_loss(LOSS_FD_GONE);
	return 0;
}

/* ---- the page cache: reads of a secret by a process that was never seen to get it */

static __always_inline int seen_mapping(struct address_space *mapping)
{
	struct inode *inode = mapping->host;

	if (!inode || !filter_has(inode->i_ino, inode->i_sb->s_dev))
		return 0;
	seen_stranger(inode, VIA_OTHER);
	return 0;
}

/*
 * Why here: buffered reads and page faults of every disk filesystem come through these (6.10), by any path and any
 * descriptor. It is the net under the hooks above: a descriptor that was closed too fast, came by a ring or a shared
 * table. Cannot see: tmpfs, direct I/O.
 */
SEC("tp_btf/mm_filemap_get_pages")
int BPF_PROG(tracepoint_filemap_get_pages, struct address_space *mapping)
{
	return seen_mapping(mapping);
}

SEC("tp_btf/mm_filemap_map_pages")
int BPF_PROG(tracepoint_filemap_map_pages, struct address_space *mapping)
{
	return seen_mapping(mapping);
}

SEC("tp_btf/mm_filemap_fault")
int BPF_PROG(tracepoint_filemap_fault, struct address_space *mapping)
{
	return seen_mapping(mapping);
}

/* ---------------------------------------------------------------- below the system calls: fentry and lsm */

/* clone_private_mount(), kern_mount(): a mount that belongs to the kernel, as those of an overlay's layers do. */
#define MNT_NS_INTERNAL ((unsigned long)-EINVAL)

/*
 * The overlay's own inode when `file` is the real one below it, else NULL. FMODE_BACKING would tell, but its bit moved
 * between kernels, to where another's had been.
 */
static __always_inline struct inode *inode_above(struct file *file)
{
	struct inode *inode;

	/* Until 6.6 it has a path of the overlay and an inode of below. */
	if (file->f_path.dentry->d_sb != file->f_inode->i_sb)
		return READ((struct file *)address_of(file), f_path.dentry, d_inode);
	/* Then (def3ae83da02) the path is of below too, and the overlay's stands behind the struct file. */
	if (!bpf_core_field_exists(((struct backing_file *)0)->user_path) ||
	    (unsigned long)READ(mount_of_path(path_of(file)), mnt_ns) != MNT_NS_INTERNAL)
		return NULL;
	inode = READ((struct backing_file *)address_of(file), user_path.dentry, d_inode);
	/* An overlay that copies up opens on such a mount too, and nothing stands behind that file. */
	return inode && READ(inode, i_sb, s_magic) == OVERLAYFS_SUPER_MAGIC ? inode : NULL;
}

/* The real file below an overlay's. The overlay's own open came first, and is counted where that is what is watched. */
static __always_inline void opened_below(struct file *file, struct inode *above, __u32 how)
{
	struct file_id id;

	read_file_id(above, &id);
	if (!filter_has(id.ino, id.dev) || !bpf_map_lookup_elem(&watched, &id))
		(void)observe_received(address_of(file), 0, how);
}

/* Who traced a process before it got a secret reads it there without passing a hook again. */
static __always_inline void seen_by_tracer(struct task_struct *task)
{
	if (READ(task, ptrace))
		seen_target(READ(task, parent), bpf_get_current_pid_tgid() >> 32, ACCESS_PTRACE, VIA_PTRACE, MODE_READ);
}

static __always_inline void opened(struct file *file)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct inode *above = inode_above(file);
	__u32 kind = ACCESS_OPEN;
	__u32 via;
	__u8 mode;

	via = via_of_class(current_class(task, &mode));
	if (file->f_flags & FMODE_EXEC) {
		kind = ACCESS_EXEC;
		via = VIA_EXECVE;
		mode |= MODE_EXEC;
	}
	if (above)
		opened_below(file, above, kind | via << 8 | mode << 16);
	else if (seen_file(task, file, true, kind, via, mode))
		seen_by_tracer(task);
}

static __always_inline void received(struct file *file)
{
	__u8 mode;
	__u32 class = current_class((struct task_struct *)bpf_get_current_task(), &mode);

	(void)observe_received(address_of(file), 0, ACCESS_RECEIVE | via_of_class(class) << 8);
}

static __always_inline void mapped(struct file *file)
{
	if (file)
		(void)observe_received(address_of(file), 0, ACCESS_MAP | VIA_MMAP << 8);
}

static __always_inline void linked(struct dentry *dentry)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct sighting sighting = {.kind = ACCESS_LINK, .via = VIA_LINK};
	struct inode *inode = dentry->d_inode;

	if (!inode)
		return;
	file_id_of(inode, true, &sighting.file);
	if (!filter_has(sighting.file.ino, sighting.file.dev) || !bpf_map_lookup_elem(&watched, &sighting.file))
		return;
	sighting.nlink = inode->i_nlink;
	observe((__u64)task, 0, &sighting);
}

/*
 * Why these: security_file_open() is called once for every file that is really opened, after the path was resolved and
 * permissions were checked, by system calls, io_uring and the kernel's own opens for exec alike. A file that comes by a
 * socket, a pidfd or a map does not pass it: those have hooks of their own.
 */
SEC("fentry/security_file_open")
int BPF_PROG(fentry_file_open, struct file *file)
{
	stay_on_cpu();
	opened(file);
	leave_cpu();
	return 0;
}

SEC("fentry/security_file_receive")
int BPF_PROG(fentry_file_receive, struct file *file)
{
	stay_on_cpu();
	received(file);
	leave_cpu();
	return 0;
}

SEC("fentry/security_mmap_file")
int BPF_PROG(fentry_mmap_file, struct file *file)
{
	stay_on_cpu();
	mapped(file);
	leave_cpu();
	return 0;
}

SEC("fentry/security_inode_link")
int BPF_PROG(fentry_inode_link, struct dentry *old_dentry)
{
	stay_on_cpu();
	linked(old_dentry);
	leave_cpu();
	return 0;
}

SEC("lsm/file_open")
int BPF_PROG(lsm_file_open, struct file *file, int ret)
{
	if (ret)
		return ret;
	stay_on_cpu();
	opened(file);
	leave_cpu();
	return 0;
}

SEC("lsm/file_receive")
int BPF_PROG(lsm_file_receive, struct file *file, int ret)
{
	if (ret)
		return ret;
	stay_on_cpu();
	received(file);
	leave_cpu();
	return 0;
}

SEC("lsm/mmap_file")
int BPF_PROG(lsm_mmap_file, struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags, int ret)
{
	if (ret)
		return ret;
	stay_on_cpu();
	mapped(file);
	leave_cpu();
	return 0;
}

SEC("lsm/inode_link")
int BPF_PROG(lsm_inode_link, struct dentry *old_dentry, struct inode *dir, struct dentry *new_dentry, int ret)
{
	if (ret)
		return ret;
	stay_on_cpu();
	linked(old_dentry);
	leave_cpu();
	return 0;
}

/*
 * Why here: an open that permissions refused never reaches security_file_open(); the exit of the path walk is where
 * every open, of io_uring too, ends. The path is the kernel's own copy.
 */
SEC("fexit/do_filp_open")
int BPF_PROG(fexit_do_filp_open, int dirfd, struct filename *pathname, const struct open_flags *op, struct file *file)
{
	long error = (long)file;
	struct sighting sighting = {.kind = ACCESS_OPEN};
	struct scratch *scratch;
	struct task_struct *task;
	long size;

	if (!has_names || !is_refusal(error) || (op->open_flag & O_PATH))
		return 0;
	stay_on_cpu();
	task = (struct task_struct *)bpf_get_current_task();
	sighting.via = via_of_class(current_class(task, &sighting.mode));
	sighting.mode |= mode_of_flags(op->open_flag);
	sighting.result = (__u8)-error;
	scratch = scratch_claim();
	if (scratch) {
		size = bpf_probe_read_kernel_str(scratch->data, ABI_PATH_MAX, pathname->name);
		scratch->sighting = sighting;
		if (size > 1)
			(void)observe_path((__u64)task, scratch->slot, size, dirfd);
		scratch_release(scratch);
	} else {
		count_loss(LOSS_SCRATCH);
	}
	leave_cpu();
	return 0;
}

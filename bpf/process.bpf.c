/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * process.bpf.c: the life of processes: who forked whom, what each executes, when it ends; and what was there before
 * us.
 *
 * Every record is complete by itself, so that a process that lives for a millisecond is known after its death.
 */
#include "descriptors.h"

#include "image.h"

#define HOW_INHERITED (ACCESS_RECEIVE | VIA_INHERITED << 8 | HOW_JUDGED(JUDGE_LATER))

/* Set where no hook below the system call counts an exec of a secret. */
const volatile bool observe_exec = false;

/*
 * The ring is drained every flush and before each access, so its reader is woken only when it fills up, or when a
 * process ends whose counters wait for it.
 */
static __always_inline void send_process(void *record, struct record_header *header, __u32 size, bool urgent)
{
	struct cpu_counters *state = this_cpu();
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (state)
		header->seq = ++state->process_seq;
	if (urgent ||
	    bpf_ringbuf_query(&processes, BPF_RB_AVAIL_DATA) > (bpf_ringbuf_query(&processes, BPF_RB_RING_SIZE) >> 3))
		flags = BPF_RB_FORCE_WAKEUP;
	if (bpf_ringbuf_output(&processes, record, size & (SCRATCH_DATA - 1), flags))
		count_loss(LOSS_PROCESS_RING);
}

/* Every head ends where scratch->data begins, so that a record is one run of bytes. */
static __always_inline struct process_record *process_record_of(struct scratch *scratch)
{
	return (struct process_record *)(scratch->data - sizeof(struct process_record));
}

/* Neither a script nor arguments, until they are found. */
static __always_inline void no_script(struct process_record *record)
{
	record->script_size = 0;
	record->script_flags = 0;
	record->image_flags = IMAGE_SCRIPT_UNKNOWN;
	__builtin_memset(&record->script, 0, sizeof(record->script));
	record->args_size = 0;
	record->args_truncated = 0;
	record->pad = 0;
}

static __always_inline void fill_exe_path(struct scratch *scratch, struct process_record *record,
					  struct task_struct *task)
{
	struct mm_struct *mm = READ(task, mm);
	struct file *exe = mm ? READ(mm, exe_file) : NULL;

	scratch->path_size = 0;
	scratch->path_flags = 0;
	if (exe)
		(void)path_walk((__u64)path_of(exe), 0, scratch->slot, 0);
	record->flags = scratch->path_flags;
	record->path_size = scratch->path_size;
	no_script(record);
}

/* The script that the exec was for, if it was: behind the path of the executable, in what room that leaves. */
static __always_inline void fill_script(struct scratch *scratch, struct process_record *record,
					struct task_struct *task, struct linux_binprm *bprm)
{
	__u64 script = script_of((__u64)bpf_get_current_task(), address_of(bprm));

	if (script == SCRIPT_NONE) {
		record->image_flags = 0;
	} else if (script != SCRIPT_UNKNOWN) {
		record->image_flags = 0;
		read_exe((struct file *)script, &record->script);
		(void)path_walk((__u64)path_of((struct file *)script), 0, scratch->slot, record->path_size);
		record->script_flags = scratch->path_flags;
		record->script_size = scratch->path_size - record->path_size;
	}
}

/* Apart from their callers, whose stack is to be short: a verdict on what was inherited needs much of it. */
int __attribute__((noinline)) remember_exec(__u64 task, __u32 slot)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &slot);
	struct process_record *record;

	if (!scratch)
		return 0;
	record = process_record_of(scratch);
	image_exec((struct task_struct *)task, &record->script, record->image_flags);
	return 0;
}

int __attribute__((noinline)) remember_fork(__u64 task, __u64 parent)
{
	image_fork((struct task_struct *)task, (struct task_struct *)parent);
	return 0;
}

/*
 * Why here: the new program is in place (executable, arguments, credentials) and has not run an instruction yet.
 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct scratch *scratch = scratch_claim();
	__u64 now = bpf_ktime_get_boot_ns();
	struct process_record *record;
	__u64 args_start, args_size;
	__u32 pid = task->tgid;
	__u32 offset, size;

	if (!scratch) {
		count_loss(LOSS_SCRATCH);
		return 0;
	}
	record = process_record_of(scratch);
	read_task(task, &record->task);
	fill_exe_path(scratch, record, task);
	fill_script(scratch, record, task, bprm);
	(void)remember_exec(bpf_get_current_task(), scratch->slot);
	offset = scratch->path_size;
	if (keep_args) {
		args_start = READ(task, mm, arg_start);
		args_size = READ(task, mm, arg_end) - args_start;
		if (args_size > ABI_ARGS_MAX) {
			args_size = ABI_ARGS_MAX;
			record->args_truncated = 1;
		}
		if (offset > ABI_PATH_MAX + ABI_NAME_MAX)
			offset = ABI_PATH_MAX + ABI_NAME_MAX;
		if (args_size && bpf_probe_read_user(scratch->data + offset, args_size & (2 * ABI_ARGS_MAX - 1),
						     (void *)args_start) == 0)
			record->args_size = args_size;
		else if (args_size)
			count_loss(LOSS_ARGS_READ);
	}
	size = sizeof(*record) + scratch->path_size + record->args_size;
	header_fill(&record->header, RECORD_EXEC, size, now);
	send_process(record, &record->header, size, tracking && !image_is_known(bpf_get_current_task()));
	scratch_release(scratch);

	/* The old memory is gone; a descriptor without close-on-exec is not. */
	if (holder_of(pid)) {
		(void)hold_nothing(pid);
		(void)observe_table((__u64)bpf_get_current_task(), HOW_INHERITED);
	}
	if (observe_exec && pid != daemon_pid) {
		/* The program itself; for a script the interpreter is `file`, and the script was `executable`
		 * (binfmt_misc) or read. */
		(void)observe_received((__u64)READ(bprm, file), 0, ACCESS_EXEC | VIA_EXECVE << 8);
	}
	return 0;
}

/*
 * Why here: the child is complete and on no run queue yet. New threads are no processes. A child of a process that has
 * a secret has its memory and its open files.
 */
SEC("tp_btf/task_newtask")
int BPF_PROG(process_fork, struct task_struct *task, unsigned long clone_flags)
{
	struct scratch *scratch;
	struct process_record *record;
	__u32 parent = bpf_get_current_pid_tgid() >> 32;
	__u32 pid = task->tgid;
	bool urgent;

	if (clone_flags & CLONE_THREAD)
		return 0;
	scratch = scratch_claim();
	if (!scratch) {
		count_loss(LOSS_SCRATCH);
		return 0;
	}
	record = process_record_of(scratch);
	read_task(task, &record->task);
	/* Lineage is who made it, whatever CLONE_PARENT says. */
	read_process_id((struct task_struct *)bpf_get_current_task(), &record->task.parent);
	record->path_size = 0;
	record->flags = 0;
	no_script(record);
	(void)remember_fork(address_of(task), bpf_get_current_task());
	urgent = (tracking & TRACK_LINEAGE) && !lineage_fork(address_of(task), bpf_get_current_task());
	header_fill(&record->header, RECORD_FORK, sizeof(*record), bpf_ktime_get_boot_ns());
	send_process(record, &record->header, sizeof(*record), urgent);
	egress_forked(&record->task.parent, task);
	scratch_release(scratch);

	if (holder_of(parent)) {
		(void)hold_as_parent(task->start_boottime, pid, parent);
		(void)observe_table(address_of(task), HOW_INHERITED);
	}
	return 0;
}

/* Why here: the last thread of the group is on its way out; nothing of this process can be counted any more. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	struct exit_record record = {};
	struct holder *holder;
	__u32 pid = task->tgid;

	if (task->signal->live.counter > 0)
		return 0;
	egress_exited(pid);
	holder = holder_of(pid);
	read_process_id(task, &record.id);
	record.exit_code = task->signal->group_exit_code ? task->signal->group_exit_code : task->exit_code;
	header_fill(&record.header, RECORD_EXIT, sizeof(record), bpf_ktime_get_boot_ns());
	if (holder && (record.exit_code & 0x80)) {
		struct sighting sighting = {
			.kind = ACCESS_PROC_MEM, .via = VIA_COREDUMP, .mode = MODE_READ, .target = pid};

		(void)observe(bpf_get_current_task(), 0, &sighting);
	}
	send_process(&record, &record.header, sizeof(record), holder != NULL);
	if (holder)
		(void)hold_nothing(pid);
	image_exit(pid);
	return 0;
}

/* A container of one short process is gone before its cgroup's path could be looked up: so it is noted when it is made.
 */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(process_cgroup, struct cgroup *cgroup, const char *path)
{
	struct cgroup_record *record;
	struct scratch *scratch;
	long size;

	if (cgroup->root->hierarchy_id != 0)
		return 0; /* a v1 hierarchy numbers its groups for itself */
	scratch = scratch_claim();
	if (!scratch) {
		count_loss(LOSS_SCRATCH);
		return 0;
	}
	record = (struct cgroup_record *)(scratch->data - sizeof(*record));
	size = bpf_probe_read_kernel_str(scratch->data, ABI_PATH_MAX, path);
	if (size > 1) {
		record->cgroup_id = cgroup->kn->id;
		record->path_size = size;
		record->pad = 0;
		header_fill(&record->header, RECORD_CGROUP, sizeof(*record) + size, bpf_ktime_get_boot_ns());
		/* What runs in it cannot be judged by its control group before the daemon knows this one. */
		send_process(record, &record->header, sizeof(*record) + size, tracking);
	}
	scratch_release(scratch);
	return 0;
}

/* ---------------------------------------------------------------- iterators: what was there before us */

/* Every process, as exec would have told of it; arguments the daemon reads from /proc. */
SEC("iter/task")
int process_snapshot(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct process_record *record;
	struct scratch *scratch;
	__u32 size;

	if (!task || task->pid != task->tgid)
		return 0;
	scratch = scratch_claim();
	if (!scratch) {
		count_loss(LOSS_SCRATCH);
		return 0;
	}
	record = process_record_of(scratch);
	read_task(task, &record->task);
	fill_exe_path(scratch, record, task);
	size = sizeof(*record) + record->path_size;
	header_fill(&record->header, RECORD_SNAPSHOT, size, bpf_ktime_get_boot_ns());
	bpf_seq_write(context->meta->seq, record, size & (SCRATCH_DATA - 1));
	scratch_release(scratch);
	return 0;
}

/*
 * One thread that waits for a verdict. Where the kernel can (6.1) it is shown no other; its process's path is told by
 * whichever thread is asked for, for all of them run the same.
 */
SEC("iter/task")
int task_asked(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct process_record *record;
	struct scratch *scratch;
	__u32 size;

	if (!task || task->pid != asked_task)
		return 0;
	scratch = scratch_claim();
	if (!scratch) {
		count_loss(LOSS_SCRATCH);
		return 0;
	}
	record = process_record_of(scratch);
	read_task(task, &record->task);
	fill_exe_path(scratch, record, task);
	size = sizeof(*record) + record->path_size;
	header_fill(&record->header, RECORD_SNAPSHOT, size, bpf_ktime_get_boot_ns());
	bpf_seq_write(context->meta->seq, record, size & (SCRATCH_DATA - 1));
	scratch_release(scratch);
	return 0;
}

/* With `whose`, who has the file open is told too. */
static __always_inline void write_file(struct seq_file *seq, struct task_struct *task, __u32 fd, struct file *file,
				       bool whose)
{
	struct scratch *scratch = scratch_claim();
	struct file_record *record;
	struct inode *inode = file->f_inode;
	struct exe_id ctime;

	if (!scratch) {
		count_loss(LOSS_SCRATCH);
		return;
	}
	record = (struct file_record *)scratch->data;
	__builtin_memset(record, 0, sizeof(*record));
	header_fill(&record->header, RECORD_FILE, sizeof(*record), bpf_ktime_get_boot_ns());
	read_process_id(task, &record->process);
	if (whose)
		read_task(task, &record->task);
	read_file_id(inode, &record->file);
	record->fd = fd;
	record->mode = inode->i_mode;
	record->nlink = inode->i_nlink;
	record->fmode = (file->f_mode & FMODE_PATH) ? 0 : mode_of(file->f_mode);
	record->fs_magic = inode->i_sb->s_magic;
	read_ctime(inode, &ctime);
	record->ctime_sec = ctime.ctime_sec;
	record->ctime_nsec = ctime.ctime_nsec;
	bpf_seq_write(seq, record, sizeof(*record));
	scratch_release(scratch);
}

/* The daemon's own descriptors: what the kernel calls the files that it has just opened by O_PATH. */
SEC("iter/task_file")
int files_of_daemon(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;

	if (!task || !file || task->tgid != daemon_pid)
		return 0;
	daemon_start_ns = task->group_leader->start_boottime;
	if (file->f_path.dentry == task->fs->root.dentry && file->f_path.mnt == task->fs->root.mnt) {
		host_mount = address_of(file->f_path.mnt);
		host_root = address_of(file->f_path.dentry);
	}
	write_file(context->meta->seq, task, context->fd, file, false);
	return 0;
}

/* Who has a secret open already. */
SEC("iter/task_file")
int files_held(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;
	struct touch_key touch = {};
	struct watch_value *value;
	__u8 one = 1;
	struct file_id id = {};
	__u32 pid;

	if (!task || !file || task->tgid == daemon_pid || (file->f_mode & FMODE_PATH))
		return 0;
	read_file_id(file->f_inode, &id);
	value = filter_has(id.ino, id.dev) ? bpf_map_lookup_elem(&watched, &id) : NULL;
	if (!value)
		return 0;
	pid = task->tgid;
	touch.file = id;
	touch.start_ns = task->group_leader->start_boottime;
	(void)hold(touch.start_ns, pid, value->secret);
	touch.pid = pid;
	(void)bpf_map_update_elem(&touched, &touch, &one, BPF_ANY);
	egress_has(pid, touch.start_ns, value->secret);
	write_file(context->meta->seq, task, context->fd, file, true);
	return 0;
}

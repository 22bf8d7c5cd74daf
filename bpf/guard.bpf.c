/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * guard.bpf.c: who signals, traces or takes apart the agent; in tier lsm it is refused.
 *
 * In the tracepoint backend bpf(2) and looks into memory come from the exit of the system call (access.bpf.c).
 */
#include "guard.h"
#include "path.h"
#include "syscall.h"

#define SIGHUP             1
#define SIGKILL            9
#define SIGCHLD            17
#define SIGCONT            18
#define SIGURG             23
#define SIGWINCH           28

#define SEND_SIG_PRIV      1 /* include/linux/sched/signal.h: from the kernel; 0 is "from who runs now" */
#define PTRACE_MODE_ATTACH 0x2

/* Those that neither end nor stop a process. */
static __always_inline bool is_harmless(int number)
{
	return number == 0 || number == SIGCHLD || number == SIGCONT || number == SIGURG || number == SIGWINCH;
}

/*
 * Process 1, the daemon's parent (who started it), whom the configuration names; and for SIGHUP, which only reloads,
 * what the service manager starts inside the service (ExecReload=).
 */
static __always_inline bool may_signal(struct task_struct *sender, struct task_struct *daemon, int number)
{
	__u32 pid = READ(sender, tgid);

	if (pid == 1 || pid == (__u32)READ(daemon, real_parent, tgid))
		return true;
	if (number == SIGHUP && READ(sender, real_parent, tgid) == 1 &&
	    read_cgroup_id(sender) == read_cgroup_id(daemon))
		return true;
	return has_right(sender, GUARD_MAY_SIGNAL);
}

/* For the next daemon: a process that is killed cannot tell by whom. */
static __always_inline void keep_signal(struct task_struct *sender, int number, bool by_kernel)
{
	struct mm_struct *mm = READ(sender, mm);
	struct file *exe = mm ? READ(mm, exe_file) : NULL;
	struct scratch *scratch = scratch_claim();
	__u32 zero = 0;
	struct last_signal *last = bpf_map_lookup_elem(&last_signal, &zero);

	if (!scratch)
		return;
	/* What comes after a SIGKILL ended nothing. */
	if (last && !(last->daemon_pid == daemon_pid && last->number == SIGKILL)) {
		read_task(sender, &last->task);
		last->time_ns = bpf_ktime_get_boot_ns();
		last->daemon_pid = daemon_pid;
		last->flags = by_kernel ? LAST_SIGNAL_KERNEL : 0;
		last->path_size = 0;
		last->path_flags = 0;
		if (exe && !by_kernel) {
			__u32 size;

			(void)path_walk((__u64)path_of(exe), 0, scratch->slot, 0);
			size = scratch->path_size;
			last->path_flags = scratch->path_flags;
			/* Components, leaf first: one that is cut has no end, and the reader takes it for none. */
			last->path_size = size < LAST_SIGNAL_PATH ? size : 0;
			bpf_probe_read_kernel(last->path, LAST_SIGNAL_PATH, scratch->data);
		}
		last->number = number;
	}
	scratch_release(scratch);
}

/*
 * Why here: every signal on the host passes this tracepoint as it is put into the queue of its process, whatever call
 * or event made it, and it is the last moment at which a killed daemon's killer can be known.
 * Cannot see: a freeze by cgroup, which needs no signal.
 */
SEC("tp_btf/signal_generate")
int BPF_PROG(guard_signal, int number, struct kernel_siginfo *info, struct task_struct *task)
{
	struct task_struct *sender = (struct task_struct *)bpf_get_current_task();
	__u64 address = (__u64)info;
	bool by_kernel;

	if (task->tgid != daemon_pid || is_harmless(number))
		return 0;
	by_kernel = address == SEND_SIG_PRIV || (address > SEND_SIG_PRIV && READ(info, si_code) > 0);
	keep_signal(sender, number, by_kernel);
	if (!by_kernel && !is_daemon() && !may_signal(sender, (struct task_struct *)address_of(task), number))
		tampered(sender, TAMPER_SIGNAL, number, NULL, 0);
	return 0;
}

/* ---------------------------------------------------------------- below the system calls */

/*
 * What the functions below say to an LSM hook: true is a refusal. The barrier keeps the compiler from computing the
 * number, whose range the verifier (6.12) wants to know.
 */
static __always_inline int answer(bool is_refused)
{
	if (is_refused) {
		barrier();
		return -EPERM;
	}
	return 0;
}

static __always_inline bool traced(struct task_struct *child, unsigned int ptrace_mode, bool can_deny)
{
	bool is_refused = can_deny && guard_denies;
	__u8 how = TRACE_OTHER, mode;

	if (child->tgid != daemon_pid || !(ptrace_mode & PTRACE_MODE_ATTACH) || is_daemon())
		return false;
	switch (current_class((struct task_struct *)bpf_get_current_task(), &mode)) {
	case SYSCALL_PTRACE:
		how = TRACE_PTRACE;
		break;
	case SYSCALL_PROCESS_VM_READV:
		how = TRACE_VM_READ;
		break;
	case SYSCALL_PROCESS_VM_WRITEV:
		how = TRACE_VM_WRITE;
		break;
	case SYSCALL_PIDFD_GETFD:
		how = TRACE_GETFD;
		break;
	case SYSCALL_OPEN:
	case SYSCALL_OPENAT:
	case SYSCALL_OPENAT2:
		how = TRACE_PROC_MEM;
		break;
	}
	guard_trace(how, is_refused ? EPERM : 0);
	return is_refused;
}

/* `object` is one of ours, and not the daemon asks. */
static __always_inline bool touched_object(struct guard_key *object, __u8 command, bool can_deny)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	bool is_refused = can_deny && guard_denies;

	if (has_right(task, GUARD_MAY_BPF))
		return false;
	if (command == GUARD_OPEN)
		object->id = 0;
	tampered(task, TAMPER_BPF, command, object, is_refused ? EPERM : 0);
	return is_refused;
}

static __always_inline bool called_bpf(__u32 command, const void *attributes, bool can_deny)
{
	struct guard_key object = {};
	__u32 word = 0;
	__u8 at;

	if (is_daemon() || command >= sizeof(guard_commands))
		return false;
	if (command == BPF_LINK_GET_FD_BY_ID) { /* the only object without a hook of its own */
		object.object = GUARD_LINK;
		bpf_probe_read_kernel(&object.id, sizeof(object.id), attributes);
		if (!bpf_map_lookup_elem(&guard_objects, &object))
			return false;
		return touched_object(&object, GUARD_OPEN, can_deny);
	}
	at = guard_commands[command & 63];
	if (!at || bpf_probe_read_kernel(&word, sizeof(word), (char *)attributes + at - 1))
		return false;
	if (!guarded_file(file_of_fd((struct task_struct *)bpf_get_current_task(), word), &object))
		return false;
	return touched_object(&object, command, can_deny);
}

/* A descriptor for the object is about to be given out: it was made, or is opened by its number or its pin. */
static __always_inline bool opened_object(__u32 kind, __u32 id, bool can_deny)
{
	struct guard_key object = {.object = kind, .id = id};

	if (is_daemon() || !bpf_map_lookup_elem(&guard_objects, &object))
		return false;
	return touched_object(&object, GUARD_OPEN, can_deny);
}

/*
 * Why these: the kernel asks them before each look into a process, each command of bpf(2), and each new descriptor of a
 * map or program.
 * Cannot see: who maps a descriptor that it was given before.
 */
SEC("fentry/security_ptrace_access_check")
int BPF_PROG(fentry_guard_trace, struct task_struct *child, unsigned int ptrace_mode)
{
	stay_on_cpu();
	(void)traced(child, ptrace_mode, false);
	leave_cpu();
	return 0;
}

SEC("fentry/security_bpf")
int BPF_PROG(fentry_guard_bpf, int command, union bpf_attr *attributes)
{
	stay_on_cpu();
	(void)called_bpf(command, attributes, false);
	leave_cpu();
	return 0;
}

SEC("fentry/security_bpf_map")
int BPF_PROG(fentry_guard_map, struct bpf_map *map)
{
	stay_on_cpu();
	(void)opened_object(GUARD_MAP, map->id, false);
	leave_cpu();
	return 0;
}

SEC("fentry/security_bpf_prog")
int BPF_PROG(fentry_guard_program, struct bpf_prog *program)
{
	stay_on_cpu();
	(void)opened_object(GUARD_PROGRAM, program->aux->id, false);
	leave_cpu();
	return 0;
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(lsm_guard_trace, struct task_struct *child, unsigned int ptrace_mode, int ret)
{
	if (ret)
		return ret;
	stay_on_cpu();
	ret = answer(traced(child, ptrace_mode, true));
	leave_cpu();
	return ret;
}

/* The answer so far, which others take as their last argument, stands where 7.x has one more; a program is not asked
 * once another has refused. */
SEC("lsm/bpf")
int BPF_PROG(lsm_guard_bpf, int command, union bpf_attr *attributes)
{
	int ret;

	stay_on_cpu();
	ret = answer(called_bpf(command, attributes, true));
	leave_cpu();
	return ret;
}

SEC("lsm/bpf_map")
int BPF_PROG(lsm_guard_map, struct bpf_map *map, unsigned int fmode, int ret)
{
	if (ret)
		return ret;
	stay_on_cpu();
	ret = answer(opened_object(GUARD_MAP, map->id, true));
	leave_cpu();
	return ret;
}

SEC("lsm/bpf_prog")
int BPF_PROG(lsm_guard_program, struct bpf_prog *program, int ret)
{
	if (ret)
		return ret;
	stay_on_cpu();
	ret = answer(opened_object(GUARD_PROGRAM, program->aux->id, true));
	leave_cpu();
	return ret;
}

/*
 * Why here: the check of kill(2) and its kin. What is refused here never comes to guard_signal.
 * Cannot see: cgroup.kill, which asks nobody.
 */
SEC("lsm/task_kill")
int BPF_PROG(lsm_guard_kill, struct task_struct *task, struct kernel_siginfo *info, int number, const struct cred *cred,
	     int ret)
{
	struct task_struct *sender = (struct task_struct *)bpf_get_current_task();

	if (ret || !guard_denies || task->tgid != daemon_pid || is_harmless(number) || is_daemon())
		return ret;
	stay_on_cpu();
	if (!may_signal(sender, (struct task_struct *)address_of(task), number)) {
		tampered(sender, TAMPER_SIGNAL, number, NULL, EPERM);
		ret = -EPERM;
	}
	leave_cpu();
	return ret;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 13: the secret is taken out of the memory of a process that has read it.
 *
 * The victim is a child of this program: it opens and reads the secret, keeps it open (or closes it, in the variants
 * that say so), and waits.
 */
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "trick.h"

struct victim {
	pid_t pid;
	struct trick_turns turns;
	void *address; /* where its copy of the secret is */
};

static char stolen_from[64]; /* the victim's copy; at the same address in both processes */

static void victim_start(const struct trick *trick, struct victim *victim, bool closes)
{
	trick_turns_init(&victim->turns);
	victim->address = stolen_from;
	victim->pid = trick_fork();
	if (victim->pid == 0) {
		int fd;

		trick_become_holder(trick);
		fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
		if (read(fd, stolen_from, sizeof(stolen_from) - 1) <= 0)
			trick_fail("the victim's read");
		if (closes)
			close(fd);
		trick_send(victim->turns.to_parent, fd);
		(void)trick_receive(victim->turns.to_child);
		_exit(0);
	}
	(void)trick_receive(victim->turns.to_parent);
	trick_access(victim->pid, "open", "openat", 1);
}

static void victim_end(struct victim *victim)
{
	trick_send(victim->turns.to_child, 1);
	trick_wait(victim->pid);
}

static void stop_wait(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		trick_fail("the victim did not stop");
}

static void peek(const struct victim *victim)
{
	errno = 0;
	if (ptrace(PTRACE_PEEKDATA, victim->pid, victim->address, NULL) == 0 || errno)
		trick_fail("nothing there to steal");
	trick_got();
}

static void run_attach(const struct trick *trick)
{
	struct victim victim;

	victim_start(trick, &victim, false);
	if (ptrace(PTRACE_ATTACH, victim.pid, NULL, NULL) < 0)
		trick_cannot("ptrace: %s", strerror(errno));
	stop_wait(victim.pid);
	peek(&victim);
	if (ptrace(PTRACE_DETACH, victim.pid, NULL, NULL) < 0)
		trick_fail("detach");
	victim_end(&victim);
	trick_did("attached to a process that holds it and read its memory");
	trick_access_least(getpid(), "ptrace", "ptrace", 1);
}

static void run_seize(const struct trick *trick)
{
	struct victim victim;

	victim_start(trick, &victim, false);
	if (ptrace(PTRACE_SEIZE, victim.pid, NULL, NULL) < 0 || ptrace(PTRACE_INTERRUPT, victim.pid, NULL, NULL) < 0)
		trick_cannot("ptrace: %s", strerror(errno));
	stop_wait(victim.pid);
	peek(&victim);
	if (ptrace(PTRACE_DETACH, victim.pid, NULL, NULL) < 0)
		trick_fail("detach");
	victim_end(&victim);
	trick_did("seized a process that holds it and read its memory");
	trick_access_least(getpid(), "ptrace", "ptrace", 1);
}

/* The victim asks to be traced, as a program does that is started under a debugger; it reads the secret later. */
static void run_traceme(const struct trick *trick)
{
	struct victim victim = {.address = stolen_from};

	victim.pid = trick_fork();
	if (victim.pid == 0) {
		int fd;

		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			trick_cannot("ptrace: %s", strerror(errno));
		trick_become_holder(trick);
		fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
		if (read(fd, stolen_from, sizeof(stolen_from) - 1) <= 0)
			trick_fail("the victim's read");
		raise(SIGSTOP);
		_exit(0);
	}
	stop_wait(victim.pid);
	peek(&victim);
	if (ptrace(PTRACE_DETACH, victim.pid, NULL, NULL) < 0)
		trick_fail("detach");
	trick_wait(victim.pid);
	trick_did("read the memory of a process that had asked to be traced before it opened it");
	trick_access(victim.pid, "open", "openat", 1);
	trick_access_least(getpid(), "ptrace", "ptrace", 1);
}

static void vm_read(const struct trick *trick, bool closes)
{
	struct victim victim;
	char bytes[sizeof(stolen_from)];
	struct iovec here = {bytes, sizeof(bytes)}, there;

	victim_start(trick, &victim, closes);
	there = (struct iovec){victim.address, sizeof(bytes)};
	if (process_vm_readv(victim.pid, &here, 1, &there, 1, 0) <= 0)
		trick_cannot("process_vm_readv: %s", strerror(errno));
	errno = 0;
	if (bytes[0] == '\0')
		trick_fail("nothing there to steal");
	trick_got();
	victim_end(&victim);
	trick_did("copied the memory of a process that %s it with process_vm_readv", closes ? "had read" : "holds");
	trick_access_least(getpid(), "ptrace|proc-mem", "process_vm_readv", 1);
}

static void run_vm_readv(const struct trick *trick)
{
	vm_read(trick, false);
}

static void run_vm_readv_closed(const struct trick *trick)
{
	vm_read(trick, true);
}

static void read_proc(const struct trick *trick, const char *file, bool at_address, const char *kind)
{
	struct victim victim;
	char path[64], byte = 0;
	ssize_t size;
	int fd;

	victim_start(trick, &victim, false);
	trick_path(path, sizeof(path), "/proc/%d/%s", victim.pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		trick_cannot("%s: %s", path, strerror(errno));
	size = pread(fd, &byte, 1, at_address ? (off_t)(uintptr_t)victim.address : 0);
	if (size < 0 || (at_address && byte == '\0'))
		trick_fail("reading '%s'", path);
	trick_got();
	victim_end(&victim);
	trick_did("opened and read /proc/PID/%s of a process that holds it", file);
	trick_access_least(getpid(), kind, "*", 1);
}

static void run_proc_mem(const struct trick *trick)
{
	read_proc(trick, "mem", true, "proc-mem");
}

static void run_proc_environ(const struct trick *trick)
{
	read_proc(trick, "environ", false, "proc-environ");
}

/* Each thread has a `mem` of its own. */
static void run_proc_task_mem(const struct trick *trick)
{
	struct victim victim;
	char path[64], byte = 0;
	int fd;

	victim_start(trick, &victim, false);
	trick_path(path, sizeof(path), "/proc/%d/task/%d/mem", victim.pid, victim.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		trick_cannot("%s: %s", path, strerror(errno));
	if (pread(fd, &byte, 1, (off_t)(uintptr_t)victim.address) != 1 || byte == '\0')
		trick_fail("reading '%s'", path);
	trick_got();
	victim_end(&victim);
	trick_did("opened and read /proc/PID/task/TID/mem of a process that holds it");
	trick_access_least(getpid(), "proc-mem", "*", 1);
}

static bool core_exists(const char *directory)
{
	char command[TRICK_PATH];

	return access(trick_path(command, sizeof(command), "%s/core", directory), R_OK) == 0;
}

static void run_coredump(const struct trick *trick)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	char pattern[64] = {0};
	int status, fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
	pid_t pid;

	if (fd < 0 || read(fd, pattern, sizeof(pattern) - 1) <= 0 || strcmp(pattern, "core\n") != 0)
		trick_cannot("core dumps do not go to a plain file 'core' here");
	pid = trick_fork();
	if (pid == 0) {
		if (chdir(trick->scratch) < 0 || setrlimit(RLIMIT_CORE, &limit) < 0)
			trick_cannot("core dumps: %s", strerror(errno));
		trick_become_holder(trick);
		fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
		if (read(fd, stolen_from, sizeof(stolen_from) - 1) <= 0)
			trick_fail("the victim's read");
		abort();
	}
	if (waitpid(pid, &status, 0) != pid)
		trick_fail("waiting");
	errno = 0;
	if (!WIFSIGNALED(status))
		_exit(WEXITSTATUS(status));
	if (!WCOREDUMP(status) || !core_exists(trick->scratch))
		trick_cannot("no core file was written");
	trick_got();
	trick_did("a process that had read it left a core file");
	trick_access(pid, "open", "openat", 1);
	trick_access_least(pid, "*", "coredump", 1);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"attach", run_attach},
		{"seize", run_seize},
		{"traceme", run_traceme},
		{"vm-readv", run_vm_readv},
		{"vm-readv-closed", run_vm_readv_closed},
		{"proc-mem", run_proc_mem},
		{"proc-task-mem", run_proc_task_mem},
		{"proc-environ", run_proc_environ},
		{"coredump", run_coredump},
		{NULL, NULL},
	};

	return trick_main(argc, argv, variants);
}

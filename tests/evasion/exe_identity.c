/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows 12 and 25: a program that hides what it is. The reader is always this very program under other circumstances, so
 * the caller knows its SHA-256; for ld-so and script the executable is the loader and the interpreter.
 */
#include <sys/mman.h>
#include <sys/prctl.h>

#include "trick.h"

/* The second life: one open, as seen from inside. */
static void run_reader(const struct trick *trick)
{
	trick_open_secret(trick, AT_FDCWD, trick->secret);
}

static void report(pid_t pid, const char *words)
{
	trick_did("%s", words);
	trick_access(pid, "open", "openat", 1);
}

static int open_copy(const char *path)
{
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);

	if (to < 0)
		trick_fail("creating '%s'", path);
	trick_copy_file("/proc/self/exe", to);
	close(to);
	return trick_openat(AT_FDCWD, path, O_PATH);
}

static void exec_descriptor(const struct trick *trick, int fd)
{
	char *const args[] = {(char *)"innocent", (char *)"_reader", (char *)trick->secret, (char *)trick->scratch,
			      NULL};
	char *const environment[] = {NULL};

	syscall(SYS_execveat, fd, "", args, environment, AT_EMPTY_PATH);
	trick_fail("execveat");
}

static void run_memfd(const struct trick *trick)
{
	int fd = memfd_create("innocent", MFD_CLOEXEC);
	pid_t pid;

	if (fd < 0)
		trick_cannot("memfd_create: %s", strerror(errno));
	trick_copy_file("/proc/self/exe", fd);
	pid = trick_fork();
	if (pid == 0)
		exec_descriptor(trick, fd);
	trick_wait(pid);
	report(pid, "ran a reader that was never a file, from a memfd");
}

static void run_deleted(const struct trick *trick)
{
	char path[TRICK_PATH];
	pid_t pid;
	int fd;

	fd = open_copy(trick_path(path, sizeof(path), "%s/gone", trick->scratch));
	if (unlink(path) < 0)
		trick_fail("unlink");
	pid = trick_fork();
	if (pid == 0)
		exec_descriptor(trick, fd);
	trick_wait(pid);
	report(pid, "ran a reader whose file was deleted before");
}

static void run_program(const struct trick *trick, const char *path, const char *words)
{
	pid_t pid = trick_fork();

	if (pid == 0) {
		execl(path, path, "_reader", trick->secret, trick->scratch, NULL);
		trick_fail("exec of '%s'", path);
	}
	trick_wait(pid);
	report(pid, words);
}

static void run_shm(const struct trick *trick)
{
	char path[TRICK_PATH];

	if (access("/dev/shm", W_OK) < 0)
		trick_cannot("/dev/shm: %s", strerror(errno));
	trick_path(path, sizeof(path), "/dev/shm/sa-evasion-%d", getpid());
	close(open_copy(path));
	run_program(trick, path, "ran a reader from /dev/shm");
	(void)unlink(path);
}

static void run_loader(const struct trick *trick)
{
	static const char loader[] = "/lib64/ld-linux-x86-64.so.2";
	pid_t pid;

	if (access(loader, X_OK) < 0)
		trick_cannot("no %s", loader);
	pid = trick_fork();
	if (pid == 0) {
		execl(loader, "ld.so", trick->program, "_reader", trick->secret, trick->scratch, NULL);
		trick_fail("exec of the loader");
	}
	trick_wait(pid);
	report(pid, "ran a reader as an argument of ld.so");
}

static void run_script(const struct trick *trick)
{
	char path[TRICK_PATH], text[2 * TRICK_PATH];
	pid_t pid;

	trick_path(path, sizeof(path), "%s/script", trick->scratch);
	trick_path(text, sizeof(text), "#!/bin/sh\nread line < %s && echo got pid=$$\n", trick->secret);
	trick_write_file(path, text, 0700);
	pid = trick_fork();
	if (pid == 0) {
		execl(path, path, NULL);
		trick_fail("exec of a script");
	}
	trick_wait(pid);
	report(pid, "ran a script that reads it");
}

/* Another name for the process and for its first argument. */
static void run_renamed(const struct trick *trick)
{
	pid_t pid = trick_fork();

	if (pid == 0) {
		if (prctl(PR_SET_NAME, "sshd") < 0)
			trick_fail("PR_SET_NAME");
		memset((char *)trick->program, 'x', strlen(trick->program));
		trick_open_secret(trick, AT_FDCWD, trick->secret);
		_exit(0);
	}
	trick_wait(pid);
	report(pid, "called itself 'sshd' and wrote over its arguments");
}

/* EXTRA: the path that the policy allows. Ours is mounted over it, in a namespace that only we see. */
static void run_mounted_over(const struct trick *trick)
{
	errno = EINVAL;
	if (!trick->extra)
		trick_fail("the allowed program is missing");
	trick_private_mounts();
	if (mount(trick->program, trick->extra, NULL, MS_BIND, NULL) < 0)
		trick_cannot("bind mount: %s", strerror(errno));
	run_program(trick, trick->extra, "ran a reader that is mounted over the allowed program in its own namespace");
}

/* EXTRA: the allowed program; it runs under another name. */
static void run_other_name(const struct trick *trick)
{
	char path[TRICK_PATH];

	trick_path(path, sizeof(path), "%s/other", trick->scratch);
	if (link(trick->extra ? trick->extra : trick->program, path) < 0)
		trick_fail("link");
	run_program(trick, path, "ran the allowed program under another name");
}

/* Ours, at a path that looks like the allowed one: the name is the same, the directory is not. */
static void run_look_alike(const struct trick *trick)
{
	char path[TRICK_PATH];
	const char *name = trick->extra ? strrchr(trick->extra, '/') + 1 : "reader";

	close(open_copy(trick_path(path, sizeof(path), "%s/%s", trick->scratch, name)));
	run_program(trick, path, "ran a copy with the allowed program's name in another directory");
}

static void run_secret(const struct trick *trick)
{
	pid_t pid;

	if (chmod(trick->secret, 0700) < 0)
		trick_fail("chmod");
	pid = trick_fork();
	if (pid == 0) {
		execl(trick->secret, trick->secret, NULL);
		_exit(errno == ENOEXEC ? 0 : 1);
	}
	trick_wait(pid);
	trick_did("tried to run the secret itself: the kernel read it and refused");
	trick_access_least(pid, "*", "*", 1); /* what the kernel reads for it is its access */
}

/* The secret is a program: the caller made it a copy of /bin/true. */
static void run_secret_program(const struct trick *trick)
{
	pid_t pid = trick_fork();

	if (pid == 0) {
		execl(trick->secret, trick->secret, NULL);
		trick_fail("exec of the secret");
	}
	trick_wait(pid);
	trick_got();
	trick_did("ran the secret, which is a program");
	trick_access(pid, "exec", "execve", 1);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"memfd", run_memfd},
		{"deleted", run_deleted},
		{"shm", run_shm},
		{"loader", run_loader},
		{"script", run_script},
		{"renamed", run_renamed},
		{"mounted-over", run_mounted_over},
		{"other-name", run_other_name},
		{"look-alike", run_look_alike},
		{"secret", run_secret},
		{"secret-program", run_secret_program},
		{"_reader", run_reader},
		{NULL, NULL},
	};

	return trick_main(argc, argv, variants);
}

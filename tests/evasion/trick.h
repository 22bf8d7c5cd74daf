/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trick.h: what every trick program shares.
 *
 * A trick really does what a thief would do to a secret that the caller made for it, and says on stdout what it did, so
 * that the caller can compare that with what was seen:
 *
 *     TRICK VARIANT SECRET SCRATCH [EXTRA]
 *
 *     did: <one sentence>
 *     access pid=N kind=K[|K] via=V[|V] count=N     exactly N accesses of this sort were made; "*" is any
 *     access pid=N kind=K[|K] via=V[|V] least=N     N or more
 *     refused pid=N errno=N count=N                 opens that failed with this errno
 *     got pid=N                                     this process has bytes of the secret, or may write or run it
 *     note: <anything for the reader>
 *
 * SCRATCH is an empty directory for the trick alone; the caller removes it. Exit code 0: done; 1: the trick failed, the
 * reason is on stdout; 77: this system does not let it run, the reason is on stdout ("cannot run here: ..."). Mounts
 * and namespaces are private to the program and end with it. `TRICK --list` prints the variants.
 *
 * Some tricks take the secret from a process that may have it. With TRICK_HOLDER_GID in the environment that process,
 * and no other, has this group while it opens the secret, so that a policy can tell the holder from the thief; what it
 * has is then not `got`.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRICK_CANNOT 77
#define TRICK_PATH   4200

struct trick {
	const char *program; /* argv[0] */
	const char *secret;
	const char *scratch;
	const char *extra; /* NULL when not given */
	struct stat id;    /* of the secret, taken without opening it */
	gid_t holder_gid;  /* 0: who holds it has the group of all others */
};

struct trick_variant {
	const char *name;
	void (*run)(const struct trick *trick);
};

__attribute__((format(printf, 1, 2), noreturn, unused)) static void trick_cannot(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dprintf(STDOUT_FILENO, "cannot run here: %s\n", text);
	_exit(TRICK_CANNOT);
}

/* Appends the text of errno where it is set. */
__attribute__((format(printf, 1, 2), noreturn, unused)) static void trick_fail(const char *format, ...)
{
	const char *reason = errno ? strerror(errno) : NULL;
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dprintf(STDOUT_FILENO, "failed: %s%s%s\n", text, reason ? ": " : "", reason ? reason : "");
	_exit(1);
}

__attribute__((format(printf, 1, 2), unused)) static void trick_did(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dprintf(STDOUT_FILENO, "did: %s\n", text);
}

__attribute__((unused)) static void trick_access(pid_t pid, const char *kind, const char *via, unsigned long count)
{
	dprintf(STDOUT_FILENO, "access pid=%d kind=%s via=%s count=%lu\n", pid, kind, via, count);
}

__attribute__((unused)) static void trick_access_least(pid_t pid, const char *kind, const char *via,
						       unsigned long least)
{
	dprintf(STDOUT_FILENO, "access pid=%d kind=%s via=%s least=%lu\n", pid, kind, via, least);
}

__attribute__((unused)) static void trick_refused(pid_t pid, int code, unsigned long count)
{
	dprintf(STDOUT_FILENO, "refused pid=%d errno=%d count=%lu\n", pid, code, count);
}

static pid_t trick_who_got; /* it is said once by each process */
static bool trick_is_holder;

__attribute__((unused)) static void trick_got(void)
{
	pid_t pid = getpid();

	if (trick_who_got == pid || trick_is_holder)
		return;
	trick_who_got = pid;
	dprintf(STDOUT_FILENO, "got pid=%d\n", pid);
}

/* For those who open in a race or often: reads until it has been said, so that the race stays what it is. */
__attribute__((unused)) static void trick_try_to_read(int fd)
{
	char byte;

	if (trick_who_got != getpid() && pread(fd, &byte, 1, 0) == 1)
		trick_got();
}

__attribute__((unused)) static void trick_set_group(const struct trick *trick, gid_t gid)
{
	if (!trick->holder_gid)
		return;
	if (setresgid(gid, gid, gid) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
		trick_fail("changing the group");
}

/* From here on this process may have the secret; until trick_become_thief(), and its children too. */
__attribute__((unused)) static void trick_become_holder(const struct trick *trick)
{
	trick_set_group(trick, trick->holder_gid);
	trick_is_holder = true;
}

__attribute__((unused)) static void trick_become_thief(const struct trick *trick)
{
	trick_set_group(trick, 0);
	trick_is_holder = false;
}

__attribute__((unused)) static bool trick_is_secret(const struct trick *trick, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_ino == trick->id.st_ino && st.st_dev == trick->id.st_dev;
}

/* Proves that the descriptor is the secret and that its bytes can be had. */
__attribute__((unused)) static void trick_read(const struct trick *trick, int fd)
{
	char byte;

	errno = 0;
	if (!trick_is_secret(trick, fd))
		trick_fail("descriptor %d is not the secret", fd);
	errno = 0;
	if (pread(fd, &byte, 1, 0) != 1)
		trick_fail("reading the secret");
	trick_got();
}

__attribute__((unused)) static int trick_openat(int dirfd, const char *path, int flags)
{
	int fd = (int)syscall(SYS_openat, dirfd, path, flags | O_CLOEXEC, 0);

	if (fd < 0)
		trick_fail("opening '%s'", path);
	return fd;
}

/* Opens `path` with openat(2), proves that it is the secret, closes it. */
__attribute__((unused)) static void trick_open_secret(const struct trick *trick, int dirfd, const char *path)
{
	int fd = trick_openat(dirfd, path, O_RDONLY);

	trick_read(trick, fd);
	close(fd);
}

__attribute__((format(printf, 3, 4), unused)) static const char *trick_path(char *out, size_t size, const char *format,
									    ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = vsnprintf(out, size, format, args);
	va_end(args);
	errno = ENAMETOOLONG;
	if (r < 0 || (size_t)r >= size)
		trick_fail("a path of %d bytes", r);
	return out;
}

__attribute__((unused)) static void trick_write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		trick_fail("writing '%s'", path);
	close(fd);
}

__attribute__((unused)) static void trick_copy_file(const char *from, int to)
{
	char block[65536];
	ssize_t size;
	int fd = open(from, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		trick_fail("opening '%s'", from);
	while ((size = read(fd, block, sizeof(block))) > 0)
		if (write(to, block, (size_t)size) != size)
			trick_fail("copying '%s'", from);
	close(fd);
}

__attribute__((unused)) static pid_t trick_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		trick_fail("fork");
	return pid;
}

/* Waits for a child (-1: any) and ends as it ended when that was not well. */
__attribute__((unused)) static void trick_wait(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		trick_fail("waiting for process %d", pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	errno = 0;
	trick_fail("process %d ended by signal %d", pid, WTERMSIG(status));
}

/* A mount namespace of our own in which no mount reaches anybody else. */
__attribute__((unused)) static void trick_private_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		trick_cannot("no mount namespace: %s", strerror(errno));
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		trick_cannot("mounts cannot be made private: %s", strerror(errno));
}

/* Two pipes that let parent and child take turns without sleeping. */
struct trick_turns {
	int to_child[2];
	int to_parent[2];
};

__attribute__((unused)) static void trick_turns_init(struct trick_turns *turns)
{
	if (pipe2(turns->to_child, O_CLOEXEC) < 0 || pipe2(turns->to_parent, O_CLOEXEC) < 0)
		trick_fail("pipe");
}

__attribute__((unused)) static void trick_send(const int pipe_ends[2], int value)
{
	if (write(pipe_ends[1], &value, sizeof(value)) != sizeof(value))
		trick_fail("writing to a pipe");
}

__attribute__((unused)) static int trick_receive(const int pipe_ends[2])
{
	int value;

	errno = 0;
	if (read(pipe_ends[0], &value, sizeof(value)) != sizeof(value))
		trick_fail("the other side ended early");
	return value;
}

__attribute__((unused)) static int trick_main(int argc, char **argv, const struct trick_variant *variants)
{
	struct trick trick = {0};
	const struct trick_variant *variant;
	const char *holder_gid;

	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (variant = variants; variant->name; variant++)
			if (variant->name[0] != '_') /* a second life of the program, no trick */
				puts(variant->name);
		return 0;
	}
	if (argc < 4) {
		fprintf(stderr, "usage: %s VARIANT SECRET SCRATCH [EXTRA]\n", argv[0]);
		return 2;
	}
	trick.program = argv[0];
	trick.secret = argv[2];
	trick.scratch = argv[3];
	trick.extra = argc > 4 ? argv[4] : NULL;
	holder_gid = getenv("TRICK_HOLDER_GID");
	trick.holder_gid = holder_gid ? (gid_t)strtoul(holder_gid, NULL, 10) : 0;
	if (stat(trick.secret, &trick.id) < 0)
		memset(&trick.id, 0, sizeof(trick.id)); /* some tricks make or miss the secret themselves */
	for (variant = variants; variant->name; variant++) {
		if (strcmp(variant->name, argv[1]) == 0) {
			variant->run(&trick);
			return 0;
		}
	}
	fprintf(stderr, "%s: no variant '%s'\n", argv[0], argv[1]);
	return 2;
}

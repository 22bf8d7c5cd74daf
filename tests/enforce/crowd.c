/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd.c: one of many readers of a file, which counts what came of each read. Copied to another place it is another
 * program, which policies can tell from this one.
 *
 *   crowd MODE PATH SECONDS [GID]
 *
 * Opens PATH, reads a byte and closes it, again and again for SECONDS, or with "-" until its standard input ends; says
 * "ready" after the first time. MODE:
 *
 *   read       as fast as it goes
 *   pace       two milliseconds between two reads
 *   alternate  every other read with the real group GID
 *   spawn      each read in a child, which may be killed for it; then 20 milliseconds
 *
 * At the end one line: ok=N denied=N cut=N absent=N killed=N other=N errno=N gid_ok=N gid_denied=N. denied is an open
 * that failed with EPERM, cut a read that did after an open that did not, absent is ENOENT, errno that of the last
 * `other`; gid_ok and gid_denied count what was done with GID, ok and denied what was done without it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY 16 /* reads between two looks at the clock */

struct sums {
	unsigned long ok, denied, cut, absent, killed, other;
	int other_errno;
};

/* 0 or -errno, -EPIPE for a read that was refused; an empty file is one that could be read. */
static int read_once(const char *path)
{
	char byte;
	int r, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	r = read(fd, &byte, 1) < 0 ? -errno : 0;
	if (r == -EPERM)
		r = -EPIPE;
	(void)close(fd);
	return r;
}

/* The same in a child; -EINTR when it was killed. It sends its result before it ends: what it had it had. */
static int read_in_child(const char *path)
{
	int ends[2], r = -EINTR, status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		r = read_once(path);
		_exit(write(ends[1], &r, sizeof(r)) == sizeof(r) ? 0 : 1);
	}
	(void)close(ends[1]);
	if (read(ends[0], &r, sizeof(r)) != sizeof(r))
		r = -EINTR;
	(void)close(ends[0]);
	if (waitpid(pid, &status, 0) != pid || (r == -EINTR && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)))
		return -ECHILD;
	return r;
}

static void count(struct sums *sums, int r)
{
	switch (r) {
	case 0:
		sums->ok++;
		break;
	case -EPERM:
		sums->denied++;
		break;
	case -EPIPE:
		sums->cut++;
		break;
	case -ENOENT:
		sums->absent++;
		break;
	case -EINTR:
		sums->killed++;
		break;
	default:
		sums->other++;
		sums->other_errno = -r;
	}
}

static bool is_over(double seconds, const struct timespec *begin)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	struct timespec now;

	if (seconds < 0)
		return poll(&input, 1, 0) > 0;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9 >= seconds;
}

static void set_group(gid_t gid)
{
	if (setresgid(gid, gid, gid) < 0) {
		perror("setresgid");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static const struct timespec pace = {.tv_nsec = 2000000}, rest = {.tv_nsec = 20000000};
	struct sums sums[2] = {0}; /* without GID, with it */
	struct timespec begin;
	bool is_paced, alternates, spawns;
	double seconds;

	if (argc < 4) {
		fprintf(stderr, "usage: crowd read|pace|alternate|spawn PATH SECONDS|- [GID]\n");
		return 2;
	}
	alternates = strcmp(argv[1], "alternate") == 0 && argc > 4;
	spawns = strcmp(argv[1], "spawn") == 0;
	is_paced = spawns || strcmp(argv[1], "pace") == 0;
	seconds = strcmp(argv[3], "-") == 0 ? -1 : strtod(argv[3], NULL);
	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	for (unsigned long i = 0;; i++) {
		bool has_group = alternates && (i & 1);

		if (alternates)
			set_group(has_group ? (gid_t)strtoul(argv[4], NULL, 10) : 0);
		count(&sums[has_group], spawns ? read_in_child(argv[2]) : read_once(argv[2]));
		if (i == 0) {
			puts("ready");
			(void)fflush(stdout);
		}
		if (is_paced)
			(void)nanosleep(spawns ? &rest : &pace, NULL);
		if ((is_paced || i % LOOK_EVERY == LOOK_EVERY - 1) && is_over(seconds, &begin))
			break;
	}
	count(&sums[alternates], spawns ? read_in_child(argv[2]) : read_once(argv[2]));
	printf("ok=%lu denied=%lu cut=%lu absent=%lu killed=%lu other=%lu errno=%d gid_ok=%lu gid_denied=%lu\n",
	       sums[0].ok, sums[0].denied, sums[0].cut + sums[1].cut, sums[0].absent + sums[1].absent,
	       sums[0].killed + sums[1].killed, sums[0].other + sums[1].other,
	       sums[0].other_errno ? sums[0].other_errno : sums[1].other_errno, sums[1].ok, sums[1].denied);
	return 0;
}

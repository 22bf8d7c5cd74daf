/* SPDX-License-Identifier: Apache-2.0 */
/*
 * latency.c: from the open of a secret to the JSON line. usage: latency SECRET SAMPLES [PROGRAM_DIR]
 *
 * Standard input is the pipe that sagentd writes its events to. Each sample is a process of its own, so its access is
 * the first of its kind and an event at once: a fork of this program or, with PROGRAM_DIR, a program that was never
 * executed before (a copy made there), whose hash nobody knows yet. It notes the time before its open; the sample ends
 * when its line has been read here. Prints the microseconds of each, one a line.
 */
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define SAMPLES_MAX 1000000
#define PATIENCE_MS 10000

struct lines {
	char data[1 << 20];
	size_t used;
};

/* In the child: the time goes through the pipe after the open, so that telling it is not measured. */
static int child(const char *secret, int fd)
{
	uint64_t begin = bench_now_ns(CLOCK_BOOTTIME);
	int opened = open(secret, O_RDONLY | O_CLOEXEC);

	if (opened < 0)
		bench_fail(secret);
	return write(fd, &begin, sizeof(begin)) == (ssize_t)sizeof(begin) ? 0 : 1;
}

static void copy_program(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	struct stat st;

	if (in < 0 || out < 0 || fstat(in, &st))
		bench_fail(to);
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = copy_file_range(in, NULL, out, NULL, (size_t)left, 0);

		if (n <= 0)
			bench_fail("copying the program");
		left -= n;
	}
	(void)close(in);
	(void)close(out);
}

static pid_t start_program(const char *program, const char *secret, int fd)
{
	char number[16];
	char *arguments[] = {(char *)program, (char *)"--child", (char *)secret, number, NULL};
	pid_t pid;

	(void)snprintf(number, sizeof(number), "%d", fd);
	errno = posix_spawn(&pid, program, NULL, NULL, arguments, environ);
	if (errno)
		bench_fail(program);
	return pid;
}

static pid_t start_fork(const char *secret, int fd)
{
	pid_t pid = fork();

	if (pid < 0)
		bench_fail("fork");
	if (pid == 0)
		_exit(child(secret, fd));
	return pid;
}

/* The line of an access by this process, complete. */
static bool has_line(struct lines *lines, pid_t pid)
{
	char *line = lines->data;
	char *end;
	char process[48];
	bool is_there = false;

	(void)snprintf(process, sizeof(process), "\"pid\":%d,\"tid\":%d,", pid, pid);
	while (!is_there && (end = memchr(line, '\n', lines->used - (size_t)(line - lines->data)))) {
		*end = '\0';
		is_there = strstr(line, "\"secretsagent.secret.access.v1\"") && strstr(line, process);
		line = end + 1;
	}
	lines->used -= (size_t)(line - lines->data);
	memmove(lines->data, line, lines->used);
	return is_there;
}

static void wait_for_line(struct lines *lines, pid_t pid)
{
	while (!has_line(lines, pid)) {
		struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
		ssize_t n;

		errno = ETIMEDOUT;
		if (poll(&input, 1, PATIENCE_MS) <= 0)
			bench_fail("waiting for the event");
		n = read(STDIN_FILENO, lines->data + lines->used, sizeof(lines->data) - lines->used);
		if (n <= 0)
			bench_fail("reading events");
		lines->used += (size_t)n;
	}
}

static double sample(struct lines *lines, const char *self, const char *secret, const char *program)
{
	int fds[2];
	uint64_t begin;
	uint64_t end;
	int status;
	pid_t pid;

	if (pipe(fds))
		bench_fail("pipe");
	if (program)
		copy_program(self, program);
	pid = program ? start_program(program, secret, fds[1]) : start_fork(secret, fds[1]);
	(void)close(fds[1]);
	if (read(fds[0], &begin, sizeof(begin)) != (ssize_t)sizeof(begin))
		bench_fail("the child opened nothing");
	wait_for_line(lines, pid);
	end = bench_now_ns(CLOCK_BOOTTIME);
	(void)close(fds[0]);
	if (waitpid(pid, &status, 0) != pid || status)
		bench_fail("the child failed");
	if (program)
		(void)unlink(program);
	return (double)(end - begin) / 1000;
}

int main(int argc, char **argv)
{
	static struct lines lines;
	unsigned long samples;

	if (argc == 4 && strcmp(argv[1], "--child") == 0)
		return child(argv[2], (int)bench_number(argv[3], 1024));
	if (argc != 3 && argc != 4) {
		(void)fprintf(stderr, "usage: latency SECRET SAMPLES [PROGRAM_DIR]\n");
		return 2;
	}
	samples = bench_number(argv[2], SAMPLES_MAX);
	for (unsigned long i = 0; i < samples; i++) {
		char *program = NULL;

		if (argc == 4 && asprintf(&program, "%s/program-%lu", argv[3], i) < 0)
			bench_fail("memory");
		printf("%.1f\n", sample(&lines, argv[0], argv[1], program));
		free(program);
	}
	return 0;
}

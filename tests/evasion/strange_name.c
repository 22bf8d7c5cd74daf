/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 28: names that are made to forge or to break what is written about them. SECRET is a watched tree; the file is
 * made below it now, opened twice, and its name printed as hexadecimal ("note: name=...") for the caller to compare.
 */
#include <sys/prctl.h>

#include "trick.h"

static void open_twice(const char *name)
{
	for (int i = 0; i < 2; i++) {
		int fd = trick_openat(AT_FDCWD, name, O_RDONLY);

		trick_try_to_read(fd);
		close(fd);
	}
}

static void run_name(const struct trick *trick, const char *name)
{
	int fd;

	if (chdir(trick->secret) < 0)
		trick_fail("chdir");
	fd = trick_openat(AT_FDCWD, name, O_WRONLY | O_CREAT | O_EXCL);
	if (fchmod(fd, 0600) < 0 || write(fd, "secret\n", 7) != 7)
		trick_fail("writing");
	close(fd);
	open_twice(name);
	dprintf(STDOUT_FILENO, "note: name=");
	for (const char *c = name; *c; c++)
		dprintf(STDOUT_FILENO, "%02x", (unsigned char)*c);
	dprintf(STDOUT_FILENO, "\n");
	trick_did("made a file with a strange name and opened it twice more");
	trick_access(getpid(), "open", "openat", 3);
}

static void run_newline(const struct trick *trick)
{
	run_name(trick, "a\nb\n{\"type\":\"forged\"}\n");
}

static void run_escapes(const struct trick *trick)
{
	run_name(trick, "\033[2J\033]0;title\a\b\b\r\t\"\\\\\x7f");
}

static void run_bad_utf8(const struct trick *trick)
{
	run_name(trick, "a\xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80z");
}

static void run_utf8(const struct trick *trick)
{
	run_name(trick, "gehe\xc3\xafm-\xe7\xa7\x98\xe5\xaf\x86-\xf0\x9f\x94\x91");
}

static void run_bidi(const struct trick *trick)
{
	run_name(trick, "safe\xe2\x80\xaetxt.exe\xe2\x80\xa8next");
}

static void run_long(const struct trick *trick)
{
	char name[256];

	memset(name, 'n', 255);
	name[255] = '\0';
	run_name(trick, name);
}

/* The name and the arguments of the process instead of the file's. */
static void run_process_name(const struct trick *trick)
{
	char copy[TRICK_PATH];
	pid_t pid;
	int to;

	trick_path(copy, sizeof(copy), "%s/ex\ne\xff\033[31m", trick->scratch);
	to = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	trick_copy_file("/proc/self/exe", to);
	close(to);
	pid = trick_fork();
	if (pid == 0) {
		execl(copy, "ar\ng0\xff", "_second-life", trick->secret, trick->scratch, "\xff\xfe\n\"}", NULL);
		trick_fail("exec");
	}
	trick_wait(pid);
	trick_did("a process whose program, name and arguments are strange made a file and opened it twice more");
	trick_access(pid, "open", "openat", 3);
}

static void run_second_life(const struct trick *trick)
{
	char path[TRICK_PATH];

	if (prctl(PR_SET_NAME, "c\nm\xff\033[0m\"") < 0)
		trick_fail("PR_SET_NAME");
	trick_path(path, sizeof(path), "%s/plain", trick->secret);
	trick_write_file(path, "secret\n", 0600);
	open_twice(path);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"newline", run_newline},
		{"escapes", run_escapes},
		{"bad-utf8", run_bad_utf8},
		{"utf8", run_utf8},
		{"bidi", run_bidi},
		{"long", run_long},
		{"process-name", run_process_name},
		{"_second-life", run_second_life},
		{NULL, NULL},
	};

	return trick_main(argc, argv, variants);
}

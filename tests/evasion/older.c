/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 18: a process that is older than the watch. It says "ready" once it is where the variant wants it, reads one line
 * from stdin, which the caller sends when the watch has begun, then goes on and declares what it did after that.
 *
 * holder: has the secret open from the start and reads it. mapped: has it mapped, no descriptor left. opener: opens it
 * only afterwards. heir: a child born afterwards inherits what was open.
 */
#include <sys/mman.h>

#include "trick.h"

static void wait_for_watch(void)
{
	char byte;

	dprintf(STDOUT_FILENO, "ready\n");
	while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n')
		;
}

static void run_holder(const struct trick *trick)
{
	int fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);

	wait_for_watch();
	trick_read(trick, fd);
	trick_did("had it open before the watch began and read it after");
	trick_access_least(getpid(), "receive|open", "inherited", 1);
}

static void run_mapped(const struct trick *trick)
{
	int fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
	volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		trick_fail("mmap");
	close(fd);
	wait_for_watch();
	if (page[0] != '\0')
		trick_got();
	trick_did("had it mapped before the watch began, without a descriptor, and read it after");
	trick_access_least(getpid(), "receive|map", "*", 1);
}

static void run_opener(const struct trick *trick)
{
	wait_for_watch();
	trick_open_secret(trick, AT_FDCWD, trick->secret);
	trick_did("was older than the watch and opened it after");
	trick_access(getpid(), "open", "openat", 1);
}

static void run_heir(const struct trick *trick)
{
	int fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
	pid_t pid;

	wait_for_watch();
	pid = trick_fork();
	if (pid == 0) {
		trick_read(trick, fd);
		_exit(0);
	}
	trick_wait(pid);
	trick_did("a child born after the watch began read what its parent had opened before");
	trick_access_least(pid, "receive", "inherited", 1);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {{"holder", run_holder},
							{"mapped", run_mapped},
							{"opener", run_opener},
							{"heir", run_heir},
							{NULL, NULL}};

	return trick_main(argc, argv, variants);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 27: 32-bit system calls. int-80: the 32-bit gate from a 64-bit program. program: EXTRA is the 32-bit program
 * compat_32, which opens the secret three times.
 */
#include <sys/mman.h>

#include "trick.h"

#define ROUNDS 3

#ifdef __x86_64__
#define NR32_OPEN   5
#define NR32_CREAT  8
#define NR32_OPENAT 295

static long call32(long number, long a, long b, long c, long d)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

/* The gate takes addresses of 32 bits. */
static long low_path(const struct trick *trick)
{
	char *path = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (path == MAP_FAILED)
		trick_cannot("no memory below 4 GiB: %s", strerror(errno));
	trick_path(path, 8192, "%s", trick->secret);
	return (long)path;
}

static void run_gate(const struct trick *trick, long number, const char *via)
{
	long path = low_path(trick);

	for (int i = 0; i < ROUNDS; i++) {
		long fd = number == NR32_OPENAT ? call32(number, AT_FDCWD, path, O_RDONLY, 0)
						: call32(number, path, O_RDONLY, 0, 0);

		if (fd == -ENOSYS)
			trick_cannot("no 32-bit system calls in this kernel");
		errno = (int)-fd;
		if (fd < 0)
			trick_fail("int 0x80");
		trick_read(trick, (int)fd);
		close((int)fd);
	}
	trick_did("opened it %d times by the 32-bit %s", ROUNDS, via);
	trick_access(getpid(), "open", via, ROUNDS);
}

static void run_open(const struct trick *trick)
{
	run_gate(trick, NR32_OPEN, "open");
}

static void run_openat(const struct trick *trick)
{
	run_gate(trick, NR32_OPENAT, "openat");
}
#else
static void run_open(const struct trick *trick)
{
	(void)trick;
	trick_cannot("x86-64 only");
}
#define run_openat run_open
#endif

static void run_program(const struct trick *trick)
{
	pid_t pid;

	if (!trick->extra || access(trick->extra, X_OK) < 0)
		trick_cannot("no compiler for 32-bit programs");
	pid = trick_fork();
	if (pid == 0) {
		execl(trick->extra, "compat_32", trick->secret, NULL);
		trick_cannot("32-bit programs do not run: %s", strerror(errno));
	}
	trick_wait(pid);
	trick_did("a 32-bit program opened it %d times", ROUNDS);
	trick_access(pid, "open", "openat|open", ROUNDS);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"int-80-open", run_open}, {"int-80-openat", run_openat}, {"program", run_program}, {NULL, NULL}};

	return trick_main(argc, argv, variants);
}

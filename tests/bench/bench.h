/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h: what the programs of the bench share: an end with a message, and clocks in nanoseconds.
 */
#pragma once

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_SEC 1000000000ULL
#define NS_PER_MS  1000000ULL

/* Ends the process: what could not be done, and errno. */
static inline __attribute__((noreturn)) void bench_fail(const char *what)
{
	(void)fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static inline uint64_t bench_now_ns(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now))
		bench_fail("clock_gettime");
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

static inline unsigned long bench_number(const char *text, unsigned long most)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno == 0 && (end == text || *end || number > most))
		errno = EINVAL;
	if (errno)
		bench_fail(text);
	return number;
}

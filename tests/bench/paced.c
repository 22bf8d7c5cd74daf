/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paced.c: how long an open takes. usage: paced FILE COUNT RATE
 *
 * Opens and closes the file COUNT times, RATE times a second (0: one after the other), and prints the nanoseconds of
 * the open alone: mean, median, 99th percentile and most, in one line.
 */
#include <fcntl.h>
#include <unistd.h>

#include "bench.h"

#define COUNT_MAX 10000000
#define RATE_MAX  1000000
#define BATCH     100

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void wait_until(uint64_t at_ns)
{
	const struct timespec at = {.tv_sec = (time_t)(at_ns / NS_PER_SEC), .tv_nsec = (long)(at_ns % NS_PER_SEC)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

/* Opens and closes so often; the nanoseconds that one open took, of a batch the mean of open and close. */
static uint64_t open_times(const char *path, unsigned long times)
{
	uint64_t begin = bench_now_ns(CLOCK_MONOTONIC), took = 0;

	for (unsigned long i = 0; i < times; i++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (i == 0)
			took = bench_now_ns(CLOCK_MONOTONIC) - begin;
		if (fd < 0)
			bench_fail(path);
		(void)close(fd);
	}
	return times == 1 ? took : (bench_now_ns(CLOCK_MONOTONIC) - begin) / times;
}

int main(int argc, char **argv)
{
	unsigned long count, rate;
	uint64_t *took, start, sum = 0;

	if (argc != 4) {
		(void)fprintf(stderr, "usage: paced FILE COUNT RATE\n");
		return 2;
	}
	count = bench_number(argv[2], COUNT_MAX);
	rate = bench_number(argv[3], RATE_MAX);
	took = calloc(count + 1, sizeof(*took));
	if (!took || count == 0)
		bench_fail("memory");
	start = bench_now_ns(CLOCK_MONOTONIC);
	for (unsigned long i = 0; i < count; i++) {
		if (rate)
			wait_until(start + i * NS_PER_SEC / rate);
		took[i] = open_times(argv[1], rate ? 1 : BATCH);
		sum += took[i];
	}
	qsort(took, count, sizeof(*took), compare);
	printf("%lu %lu %lu %lu\n", (unsigned long)(sum / count), (unsigned long)took[count / 2],
	       (unsigned long)took[count - 1 - count / 100], (unsigned long)took[count - 1]);
	free(took);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 14, and the end-to-end tests of exact counts. EXTRA is "N" or "N,M" or seconds, as the variant says.
 *
 * threads N,M: N threads open it M times each. processes N,M: N processes that open it M times and end. flood S: one
 * process a CPU opens it for S seconds. Opens only; every one that succeeded is counted and declared by process.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "trick.h"

static void numbers(const struct trick *trick, unsigned long *first, unsigned long *second)
{
	char *end;

	errno = EINVAL;
	if (!trick->extra)
		trick_fail("how many is missing");
	*first = strtoul(trick->extra, &end, 10);
	if (*end == ',')
		*second = strtoul(end + 1, &end, 10);
	if (*end != '\0' || *first == 0)
		trick_fail("'%s' is no number", trick->extra);
}

static unsigned long open_times(const char *path, unsigned long times)
{
	unsigned long opened = 0;

	for (unsigned long i = 0; i < times; i++) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

		if (fd < 0)
			continue;
		opened++;
		trick_try_to_read(fd);
		close(fd);
	}
	return opened;
}

struct worker {
	pthread_t thread;
	const char *path;
	unsigned long times;
	unsigned long opened;
};

static void *work(void *argument)
{
	struct worker *worker = argument;

	worker->opened = open_times(worker->path, worker->times);
	return NULL;
}

static void run_threads(const struct trick *trick)
{
	unsigned long threads = 1, times = 1, opened = 0;
	struct worker *workers;

	numbers(trick, &threads, &times);
	workers = calloc(threads, sizeof(*workers));
	if (!workers)
		trick_fail("memory");
	for (unsigned long i = 0; i < threads; i++) {
		workers[i].path = trick->secret;
		workers[i].times = times;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			trick_fail("a thread");
	}
	for (unsigned long i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		opened += workers[i].opened;
	}
	free(workers);
	trick_did("%lu threads opened it %lu times in all", threads, opened);
	trick_access(getpid(), "open", "openat", opened);
}

static void run_processes(const struct trick *trick)
{
	unsigned long processes = 1, times = 1;

	numbers(trick, &processes, &times);
	for (unsigned long i = 0; i < processes; i++) {
		pid_t pid = trick_fork();

		if (pid == 0)
			_exit(open_times(trick->secret, times) == times ? 0 : 1);
		trick_access(pid, "open", "openat", times);
		if (i % 4 == 3) /* a few at a time */
			for (int n = 0; n < 4; n++)
				trick_wait(-1);
	}
	trick_did("%lu processes opened it %lu times each and ended", processes, times);
}

static unsigned long flood(const char *path, double seconds)
{
	struct timespec begin, now;
	unsigned long opened = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		opened += open_times(path, 1000);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9 < seconds);
	return opened;
}

static void run_flood(const struct trick *trick)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	double seconds = trick->extra ? strtod(trick->extra, NULL) : 3;
	unsigned long *opened =
		mmap(NULL, (size_t)cpus * sizeof(*opened), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long all = 0;
	pid_t *pids = calloc((size_t)cpus, sizeof(*pids));

	if (opened == MAP_FAILED || !pids)
		trick_fail("memory");
	for (long i = 0; i < cpus; i++) {
		pids[i] = trick_fork();
		if (pids[i] == 0) {
			opened[i] = flood(trick->secret, seconds);
			_exit(0);
		}
	}
	for (long i = 0; i < cpus; i++) {
		trick_wait(pids[i]);
		trick_access(pids[i], "open", "openat", opened[i]);
		all += opened[i];
	}
	free(pids);
	trick_did("%ld processes opened it %lu times in %.1f s", cpus, all, seconds);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"threads", run_threads}, {"processes", run_processes}, {"flood", run_flood}, {NULL, NULL}};

	return trick_main(argc, argv, variants);
}

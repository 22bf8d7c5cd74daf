/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/exe_hash_job.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "identity/exe_file.h"

#define CHUNK_SIZE 65536
/* Coarse clocks step every 10 ms at most (CONFIG_HZ=100); network clocks are not hashed. */
#define CTIME_GRAIN_NS (50 * NS_PER_MS)

struct hash_job *hash_job_new(const struct procfs *procfs, const struct exe_id *exe,
			      const struct exe_hash_source *source, uint64_t max_bytes)
{
	const char *path = source->path ? source->path : "";
	size_t size = strlen(path) + 1;
	struct hash_job *job = calloc(1, sizeof(*job) + size);

	if (!job)
		return NULL;
	job->procfs = *procfs;
	job->exe = *exe;
	job->process = source->process;
	job->roots_count = source->roots_count < EXE_HASH_ROOTS_MAX ? source->roots_count : EXE_HASH_ROOTS_MAX;
	memcpy(job->roots, source->roots, job->roots_count * sizeof(job->roots[0]));
	job->max_bytes = max_bytes;
	job->fd = -1;
	job->result = -ECANCELED; /* stays when the pool ends before it runs */
	memcpy(job->path, path, size);
	return job;
}

void hash_job_free(struct hash_job *job)
{
	if (!job)
		return;
	if (job->fd >= 0)
		(void)close(job->fd); /* only a path */
	free(job);
}

/* The process may be gone; its file need not be. */
static int find_by_path(const struct hash_job *job)
{
	char path[PATH_MAX + PROCFS_ROOT_MAX + 32];
	int fd;

	if (job->path[0] != '/')
		return -ENOENT;
	fd = exe_file_open_path(job->path, &job->exe);
	for (size_t i = 0; fd < 0 && i < job->roots_count; i++) {
		int n = snprintf(path, sizeof(path), "%s/%" PRIu32 "/root%s", job->procfs.root, job->roots[i],
				 job->path);

		if (n > 0 && (size_t)n < sizeof(path))
			fd = exe_file_open_path(path, &job->exe);
	}
	return fd;
}

static int hash_content(int fd, uint64_t max_bytes, unsigned char out[crypto_hash_sha256_BYTES])
{
	_cleanup_(freep) unsigned char *chunk = malloc(CHUNK_SIZE);
	crypto_hash_sha256_state state;
	uint64_t total = 0;
	ssize_t n;

	if (!chunk)
		return -ENOMEM;
	(void)crypto_hash_sha256_init(&state); /* these three have no way to fail */
	while ((n = read(fd, chunk, CHUNK_SIZE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		total += (uint64_t)n;
		if (total > max_bytes)
			return -EFBIG;
		(void)crypto_hash_sha256_update(&state, chunk, (unsigned long long)n);
	}
	(void)crypto_hash_sha256_final(&state, out);
	return 0;
}

static bool is_ctime_fresh(const struct exe_id *exe, uint64_t now_ns)
{
	uint64_t ctime_ns;

	if (exe->ctime_sec < 0)
		return false;
	if ((uint64_t)exe->ctime_sec > UINT64_MAX / NS_PER_SEC - 1)
		return true;
	ctime_ns = (uint64_t)exe->ctime_sec * NS_PER_SEC + exe->ctime_nsec;
	return now_ns < ctime_ns + CTIME_GRAIN_NS;
}

/* Whether that process still runs that file. */
static bool is_still_running(const struct hash_job *job)
{
	_cleanup_(closep) int fd = exe_file_open_process(&job->procfs, &job->process, &job->exe);

	return fd >= 0;
}

static int hash_file(struct hash_job *job)
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	bool is_fresh = is_ctime_fresh(&job->exe, clock_real_ns());
	bool is_running_file = job->fd >= 0;
	_cleanup_(closep) int fd = -1;
	char link[32];
	int r;

	if (exe_file_may_hang(&job->procfs, job->process.pid, &job->exe))
		return -EREMOTE;
	if (job->fd < 0)
		job->fd = find_by_path(job);
	if (job->fd < 0)
		return job->fd;
	/* The O_PATH descriptor pins the file; opening it once more by our own /proc is what allows to read it. */
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", job->fd); /* fits */
	fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!exe_file_is_unchanged(fd, &job->exe))
		return -ESTALE;
	r = hash_content(fd, job->max_bytes, digest);
	if (r < 0)
		return r;
	if (!exe_file_is_unchanged(fd, &job->exe))
		return -ESTALE;
	if (is_fresh && !(is_running_file && is_still_running(job)))
		return -ESTALE;
	job->is_one_only = is_fresh;
	(void)sodium_bin2hex(job->sha256, sizeof(job->sha256), digest, sizeof(digest)); /* returns its argument */
	return 0;
}

void hash_job_run(struct worker_job *worker_job)
{
	struct hash_job *job = (struct hash_job *)worker_job;

	job->result = hash_file(job);
}

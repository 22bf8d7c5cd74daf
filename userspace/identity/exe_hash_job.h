/* SPDX-License-Identifier: Apache-2.0 */
/* exe_hash_job.h: one file to hash: what a worker needs, and what it answers. Shares nothing with the loop. */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "base/access.h"
#include "base/worker.h"
#include "identity/exe_hash.h"
#include "identity/procfs.h"

struct hash_job {
	struct worker_job job;  /* first: the pool hands this back */
	struct exe_hash *owner; /* loop thread only; NULL once the owner is gone */
	TAILQ_ENTRY(hash_job) entry;
	struct procfs procfs;
	struct exe_id exe;
	struct process_id process;
	uint32_t roots[EXE_HASH_ROOTS_MAX];
	size_t roots_count;
	uint64_t max_bytes;
	int fd;           /* O_PATH of the running executable, or -1 */
	int result;       /* 0; -EFBIG, -EREMOTE (its filesystem may hang), -ESTALE (changed), -errno */
	bool is_one_only; /* true for that process alone */
	char sha256[SHA256_HEX_SIZE];
	char path[]; /* "" when not known */
};

/* NULL when out of memory. */
struct hash_job *hash_job_new(const struct procfs *procfs, const struct exe_id *exe,
			      const struct exe_hash_source *source, uint64_t max_bytes);
void hash_job_free(struct hash_job *job);
/* Finds, proves and hashes the file; fills result, is_one_only and sha256. */
void hash_job_run(struct worker_job *job);

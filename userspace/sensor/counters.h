/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counters.h: the daemon's side of the kernel's counters: what of each has been reported already.
 *
 * A counter's kernel entry only grows while its process lives; it is read, and what is new since the last report is
 * handed on: at its first record, at each flush, and at the end of the process, when the entry is removed. So the sum
 * of what is handed on is what the kernel counted, whatever records were lost. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct counters;

/* One report: `count` new accesses. All borrowed for the call. */
struct counted {
	const struct access_key *key;
	const struct access_value *value;
	uint64_t count;
	uint64_t first_ns;
	uint64_t last_ns;
	bool is_first;    /* of this counter */
	const char *path; /* first reports of candidates and of refused opens: see access_record; else NULL */
	size_t path_size;
	uint32_t path_flags;
	int dirfd;
	void **cookie; /* the receiver's own, kept with the counter; NULL at first */
};

struct counters_ops {
	/* Returns false when this is no secret: the counter is dropped. */
	bool (*report)(void *context, const struct counted *counted);
	/* The counter is gone; what the receiver keeps in the cookie is to be freed. */
	void (*forget)(void *context, void *cookie);
	void *context;
};

struct counters_stats {
	size_t live;         /* counters known */
	uint64_t recovered;  /* whose record was lost: found by a flush */
	uint64_t unresolved; /* accesses of candidates and refused opens whose path never arrived */
};

/* `map_fd` is borrowed: the kernel's counters. 0 or -errno. */
int counters_new(int map_fd, size_t max_counters, const struct counters_ops *ops, struct counters **ret_counters);
void counters_free(struct counters *counters); /* forgets all, reports nothing; NULL is fine */

/* A record of ring `accesses`; size-checked. */
void counters_record(struct counters *counters, const struct access_record *record, size_t size);
/* The process ended: reports what is left of its counters and removes them. */
void counters_process_exit(struct counters *counters, const struct process_id *process);
/* Reads all counters of the kernel and reports what is new. 0 or -errno of bpf(2). */
int counters_flush(struct counters *counters);
/* Looks which processes still live, and ends those that do not: after exit records were lost. */
void counters_sweep(struct counters *counters);
struct counters_stats counters_stats(const struct counters *counters);

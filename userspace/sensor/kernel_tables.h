/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel_tables.h: the watch list's tables in the kernel, and the bit filters in front of them.
 *
 * A bit is set before the entry that it stands for, so the programs never miss one. Bits of entries that are gone stay
 * for a while (a stale bit costs a look-up, nothing else) and go when there are many: then the filter is computed anew.
 *
 * The programs remember directories in which no file can be of interest (quiet_tag() in bpf/filter.h). So whatever may
 * make one interesting ends with a step of the epoch, once it is in the tables: a directory or a name that is set, and
 * a directory that is cleared, since those above it decide then.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sensor/watch_sink.h"

struct kernel_tables {
	int watched_fd, directories_fd, names_fd, ignored_fd; /* borrowed */
	uint64_t *filter;                                     /* FILTER_WORDS words, shared with the programs */
	struct file_id *directory_cache;                      /* DIRECTORY_CACHE_SIZE, shared */
	uint64_t *name_filter;                                /* NAME_FILTER_BITS bits, shared */
	uint32_t *has_names;                                  /* shared */
	uint64_t *tree_epoch;                                 /* shared; the programs make it grow, too */
	size_t live, stale;                                   /* entries with bits; bits without entries */
	int (*identify)(void *context, const int *fds, size_t count, struct file_record *ret_records);
	void *identify_context;
};

/* The functions of the sink; their context is a struct kernel_tables. Errors are those of bpf(2). */
extern const struct watch_sink kernel_tables_sink;

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_mirror.h: what the watch list's tables in the kernel ought to hold, kept beside them, so that an entry that
 * somebody else removed, changed or added is found and put right.
 *
 * A sink in front of another: it remembers each entry that the other took. A look goes through the kernel's tables in
 * turns of a bounded number of entries, and compares both sides, and the filters in front of the tables, too. Loop
 * thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "sensor/watch_sink.h"

struct kernel_tables;
struct table_mirror;

struct table_faults {
	size_t missing;    /* entries that were gone */
	size_t changed;    /* with another value */
	size_t foreign;    /* that nobody of ours wrote */
	size_t hidden;     /* entries, cached directories and name keys that a filter in front hid */
	size_t unrepaired; /* of all these the kernel did not take the right one */
};

/* `tables` is borrowed, and used through kernel_tables_sink. 0 or -ENOMEM. */
int table_mirror_new(struct kernel_tables *tables, struct table_mirror **ret_mirror);
void table_mirror_free(struct table_mirror *mirror);
DEFINE_FREEP(struct table_mirror, table_mirror_free)

/* What the watch list is to write to; the context is the mirror. */
extern const struct watch_sink table_mirror_sink;

/*
 * Goes on with the look where the last call ended, over about `budget` entries, repairs what is wrong and counts it in
 * *ret. 1: a whole look has ended; 0: more is to come; -errno of bpf(2): it begins anew with the next call.
 */
int table_mirror_check(struct table_mirror *mirror, size_t budget, struct table_faults *ret);
/* Somebody wrote where only we should: what programs and tables have learnt of files and directories is forgotten. */
void table_mirror_distrust(struct table_mirror *mirror);
/* Entries of all tables. */
size_t table_mirror_entries(const struct table_mirror *mirror);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver.h: who a process is by one record of the kernel alone, for a verdict that the process waits for.
 *
 * The process stands still meanwhile, so what the kernel and /proc say is true; nothing is remembered of processes. Who
 * it is comes out as identity.h would describe it, but for what needs the past or time: arguments, ancestors, script
 * and hash are left empty. Opens nothing but control groups and /proc; one thread at a time.
 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

struct access_process;
struct process_record;
struct resolver;

/* `proc_root`: NULL for "/proc". 0 or -errno. */
int resolver_new(const char *proc_root, struct resolver **ret);
void resolver_free(struct resolver *resolver); /* NULL is fine */
DEFINE_FREEP(struct resolver, resolver_free)

/*
 * `record` as process_record_parse() takes it. Fills all of *ret but `user`; borrowed until the next call. 0, or
 * -EBADMSG.
 */
int resolver_describe(struct resolver *resolver, const struct process_record *record, size_t size,
		      struct access_process *ret);

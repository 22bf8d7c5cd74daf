/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pins.h: what keeps the kernel programs attached when the daemon ends: names for their links in a BPF file system.
 *
 * Each daemon pins in a folder of its own below the one that the configuration names, and then takes away all others:
 * so there is never a moment without programs. With the links lie the two maps that tell the next daemon what happened
 * while none was there. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct bpf_link;
struct pins;

/* What has happened since the former daemon last told of something; zero if there was none. */
struct pins_gap {
	bool is_known;     /* programs of a former daemon were attached until now, and the numbers below are true */
	uint64_t seen_ns;  /* CLOCK_BOOTTIME: when it was last heard of */
	uint64_t accesses; /* to secrets, that went through */
	uint64_t denied;
};

/*
 * Makes the folder of this daemon. -ENODEV: `directory` is on no BPF file system, and none could be mounted there;
 * -errno of mkdir(2).
 */
int pins_new(const char *directory, struct pins **ret);
void pins_free(struct pins *pins); /* leaves what is pinned; NULL is fine */
DEFINE_FREEP(struct pins, pins_free)

/* Under the name, which is one path component. 0 or -errno. */
int pins_add_link(const struct pins *pins, const char *name, struct bpf_link *link);
/* `state_fd`: map cpu_state; `ledger_fd`: map ledger. 0 or -errno. */
int pins_add_maps(const struct pins *pins, int state_fd, int ledger_fd);
/* All that this daemon pinned, when it could not pin everything. */
void pins_take_back(const struct pins *pins);

/*
 * Detaches the programs of all former daemons below `directory`, but what `own` (NULL: nothing) has pinned, and waits
 * until they run no more. The number of links that were removed, 0 when there is no such folder; -errno: some are left.
 * ret_gap may be NULL.
 */
int pins_remove_others(const char *directory, const struct pins *own, struct pins_gap *ret_gap);

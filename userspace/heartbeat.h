/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heartbeat.h: a small file in the state directory that says until when an agent ran, so that the next one can tell
 * what it missed.
 *
 * Two places are written in turn, each with a number and a checksum: whenever the writer is killed, one of them is
 * whole. Nothing is synchronised to the disk while it runs: a file in the page cache outlives its writer. After a crash
 * of the host the last beat that reached the disk is found, which may be half a minute old. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

#define HEARTBEAT_FILE_NAME    "heartbeat"
#define HEARTBEAT_BOOT_ID_SIZE 40
#define HEARTBEAT_NAME_SIZE    16

struct heartbeat;

struct heartbeat_state {
	char boot_id[HEARTBEAT_BOOT_ID_SIZE]; /* random(4) */
	uint64_t boot_ns;                     /* until this moment everything has been told; never 0 */
	uint64_t real_ns;                     /* the same moment */
	uint64_t accesses, denied;            /* counted so far by this agent */
	uint32_t tier;                        /* enum tier */
	uint32_t is_clean;                    /* the agent ended in order */
	char backend[HEARTBEAT_NAME_SIZE];
	struct last_signal ended_by; /* is_clean: the signal that ended it; number 0: none */
};

enum heartbeat_found {
	HEARTBEAT_NONE, /* no agent ran with this directory before, or none came as far as its first beat */
	HEARTBEAT_KNOWN,
	HEARTBEAT_DAMAGED, /* there is a file, and nothing in it can be believed */
};

/*
 * Opens the file of the directory, makes it when it is missing, and reads what the agent before left, in *ret_last when
 * it is HEARTBEAT_KNOWN. The file stays as it is until the first write. -EBUSY: another agent writes it; -EINVAL: no
 * regular file; errno of open(2), read(2).
 */
int heartbeat_open(const char *directory, struct heartbeat **ret_heartbeat, enum heartbeat_found *ret_found,
		   struct heartbeat_state *ret_last);
/* NULL is fine. */
void heartbeat_free(struct heartbeat *heartbeat);

/* 0, or errno of pwrite(2). */
int heartbeat_write(struct heartbeat *heartbeat, const struct heartbeat_state *state);
/* The same, to the disk: the last of a run. */
int heartbeat_write_last(struct heartbeat *heartbeat, const struct heartbeat_state *state);

/* The open file, and its path; the heartbeat's. */
int heartbeat_fd(const struct heartbeat *heartbeat);
const char *heartbeat_path(const struct heartbeat *heartbeat);

/* "" when it cannot be read. */
void heartbeat_read_boot_id(char ret_boot_id[HEARTBEAT_BOOT_ID_SIZE]);

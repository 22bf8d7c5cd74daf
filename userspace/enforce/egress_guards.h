/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress_guards.h: the secrets that have a list of destinations, and the lists, as tables of the kernel.
 *
 * There are two banks. A policy is written to the one that is not in force, then one number changes: every connection
 * is judged by the whole of one policy. A secret keeps its guard's number, by name, for as long as either bank has it;
 * a number that goes to another secret starts anew. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensor/sensor.h"

#include "abi.h"

struct error;
struct policy_set;

#define EGRESS_SECRETS_MAX      (EGRESS_GUARDS / 2) /* in one policy set: the former one's keep theirs meanwhile */
#define EGRESS_DESTINATIONS_MAX 32768               /* of one policy set */

struct egress_guard_state {
	char *secret; /* NULL: free */
	uint64_t since_ns;
	bool is_in[EGRESS_BANKS];
};

struct egress_guards {
	struct sensor_egress kernel; /* borrowed */
	struct egress_guard_state states[EGRESS_GUARDS];
	struct destination_key *keys[EGRESS_BANKS]; /* what the trie holds of each bank */
	size_t keys_count[EGRESS_BANKS];
};

void egress_guards_init(struct egress_guards *guards, const struct sensor_egress *kernel);
void egress_guards_release(struct egress_guards *guards);

/* The number by which the watch list's tables know a secret; 0: none. */
typedef uint32_t (*egress_number_fn)(void *context, const char *secret);

/*
 * Fills the bank that is not in force and brings it in force. On failure the one before stays: -E2BIG with *error
 * saying which list is too much, -ENOMEM, errno of bpf(2).
 */
int egress_guards_load(struct egress_guards *guards, const struct policy_set *policy, egress_number_fn number_of,
		       void *context, struct error *error);
/* The bank before the last load is in force again. Once after a load. */
void egress_guards_revert(struct egress_guards *guards);

/* Is there any guard in force? */
bool egress_guards_any(const struct egress_guards *guards);
/* The guard of a secret in the bank in force, or -ENOENT. */
int egress_guards_find(const struct egress_guards *guards, const char *secret);
/* Is the guard in force, and was it not before the last load? */
bool egress_guards_is_new(const struct egress_guards *guards, unsigned int guard);
/* Whose guard that is, or NULL. */
const char *egress_guards_secret(const struct egress_guards *guards, unsigned int guard);

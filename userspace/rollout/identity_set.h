/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity_set.h: the identities that were seen at one secret, each with what it did; part of observed.c.
 */
#pragma once

#include <stddef.h>

#include "base/buffer.h"
#include "rollout/generalise.h"
#include "rollout/observed.h"

struct access;
struct identity;

struct identity_set {
	struct identity *table;
	const struct identity **sorted; /* by identity_set_sort() */
};

/* Where accesses are generalised, one after the other; of all sets together. */
struct identity_scratch {
	struct buffer key;
	char exe[GENERALISED_SIZE], script[GENERALISED_SIZE], place[GENERALISED_SIZE];
};

void identity_scratch_init(struct identity_scratch *scratch);
void identity_scratch_release(struct identity_scratch *scratch);

/*
 * Counts the access for its identity. With `may_grow` an identity may be added, and *ret_is_new says whether one was.
 * 0, or -ENOBUFS: there is no room for it.
 */
int identity_set_count(struct identity_set *set, struct identity_scratch *scratch, const struct access *access,
		       bool may_grow, bool *ret_is_new);
enum observed_outcome identity_outcome(const struct access *access);
/* Widens a stretch of time by that of the access; 0 and 0 is none. */
void identity_widen(uint64_t *first_real_ns, uint64_t *last_real_ns, const struct access *access);

size_t identity_set_size(const struct identity_set *set);
int identity_set_sort(struct identity_set *set); /* 0 or -ENOMEM */
/* After identity_set_sort(), index below the size. */
const struct observed_identity *identity_set_at(const struct identity_set *set, size_t index);
void identity_set_release(struct identity_set *set);

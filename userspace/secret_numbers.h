/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_numbers.h: the numbers by which the kernel knows the secrets: one for each name, the same for as long as the
 * name is in the policy, over reloads.
 *
 * A reload assigns numbers first, brings policy and files to the kernel, and retires the names that are gone once the
 * kernel has let go of them: only then is a number free, and those that were free the longest are given out first.
 * Loop thread only.
 */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

struct policy_set;
struct secret_numbers;

/* 0 or -ENOMEM. */
int secret_numbers_new(struct secret_numbers **ret);
void secret_numbers_free(struct secret_numbers *numbers);
DEFINE_FREEP(struct secret_numbers, secret_numbers_free)

/*
 * Every secret of the policy has a number after this, those of `mode: enforce` first: where there are more secrets than
 * numbers, the last ones that only are observed have none. -E2BIG: more to enforce than numbers; -ENOMEM. On failure
 * what was in force keeps its numbers.
 */
int secret_numbers_assign(struct secret_numbers *numbers, const struct policy_set *policy);
/* The policy is in force: the names that it has not are free. */
void secret_numbers_retire(struct secret_numbers *numbers, const struct policy_set *policy);

/* 0: none. */
uint32_t secret_numbers_find(const struct secret_numbers *numbers, const char *name);
/* Who has the number, or had it last; NULL: nobody ever. Valid until the next assignment. */
const char *secret_numbers_name(const struct secret_numbers *numbers, uint32_t number);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learned_rules.h: the allow rules that stand for the identities of one secret.
 *
 * One rule for each identity, in their order. Where that is more than the kernel takes for a secret, identities that
 * differ in nothing but the program share one; nothing is wider for it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct observed;
struct observed_identity;

#define LEARNED_NAME_SIZE 64

struct learned_rule {
	char name[LEARNED_NAME_SIZE];
	/* At least one; of all but the first only `exe` counts. The array is owned. */
	const struct observed_identity **identities;
	size_t identities_count;
	uint32_t kinds;
	uint64_t accesses, alerts, denied; /* of all identities; denied are among the accesses */
	uint64_t first_real_ns, last_real_ns;
};

struct learned_rules {
	struct learned_rule *rules; /* owned */
	size_t count;
	size_t singles;    /* identities that were seen exactly once */
	size_t identities; /* in all the rules */
	uint64_t accesses; /* in all the rules */
	size_t nameless;   /* identities that went through and that no rule can name */
	size_t left_out;   /* identities for which there is no room */
};

/* With `is_denied_included` also of what was denied. 0 or -ENOMEM. */
int learned_rules_make(const struct observed *observed, size_t secret, bool is_denied_included,
		       struct learned_rules *ret);
void learned_rules_release(struct learned_rules *rules);

/* A name for a rule about this identity: "java-payments". Not unique. */
void learned_rule_name(const struct observed_identity *identity, char out[LEARNED_NAME_SIZE]);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bank.h: one bank of the kernel's tables: the rules of the secrets that are enforced, as classes; and what they are
 * called, to explain a verdict by its numbers.
 *
 * Filled while the other bank is in force; the memory of the tables is shared with the programs. Keeps copies of all
 * that it needs of a policy. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "base/access.h"
#include "enforce/classes.h"
#include "policy/arena.h"

struct error;
struct policy_secret;

struct bank {
	struct verdict_entry *entries; /* VERDICT_SECRETS_MAX, by number; shared, as the next */
	struct verdict_rule *rules;    /* VERDICT_RULES_MAX */
	size_t rules_count;
	unsigned int sorts; /* bits by enum class_sort: what some rule asks for */
	struct classes classes;
	struct arena arena;
	const char *titles[VERDICT_RULES_MAX]; /* of the rules: "allow/<name>"; in the arena, as the next */
	const char *policies[VERDICT_SECRETS_MAX];
	bool is_carried[VERDICT_SECRETS_MAX]; /* from the former bank; the policy does not have the secret */
};

void bank_init(struct bank *bank, struct verdict_entry *entries, struct verdict_rule *rules);
void bank_release(struct bank *bank); /* leaves the shared tables as they are */
/* No secrets, no classes. */
void bank_clear(struct bank *bank);

/*
 * The rules of a secret that is enforced, under its number. On failure -errno with *error: -E2BIG when it has more
 * rules than a verdict looks at, or the bank is full; -ENOMEM. The bank is of no use then but to be cleared.
 */
int bank_add(struct bank *bank, const struct policy_secret *secret, uint32_t number, struct error *error);
/* The rules that another bank has for that number. Errors as above, without a file. */
int bank_carry_over(struct bank *bank, const struct bank *from, uint32_t number, struct error *error);

bool bank_has(const struct bank *bank, uint32_t number);

/* The verdict in words; they are the bank's. NULL rule in a bank that has not that rule. */
void bank_explain(const struct bank *bank, uint32_t number, const struct decided *decided, struct verdict *ret_verdict);

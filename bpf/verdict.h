/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * verdict.h: from what is known of an access to the verdict of its secret's rules; the same code in the kernel, in the
 * daemon and in the tests.
 *
 * Deny rules before allow rules before the default, as policy_decide(). A fact may be unknown; then a rule that asks
 * for it may hold or not. If access is denied, or not denied, whatever the truth is, that is the verdict; else the
 * policy's onError is, with DECIDED_ERROR. (Each rule is taken by itself: that one deny rule makes an allow rule
 * pointless is an error that loading a policy reports.)
 */
#pragma once

#include "abi.h"

#define VERDICT_INLINE static inline __attribute__((always_inline))

/*
 * A number below `size`, a power of two, in a register of its own: else the compiler joins the arithmetic of several in
 * ways (an "or" of 32 bits) of which verifiers until 6.1 no longer see that they stay inside.
 */
VERDICT_INLINE __u64 verdict_index(__u64 number, __u32 size)
{
	number &= size - 1;
	__asm__ volatile("" : "+r"(number));
	return number;
}

struct verdict_facts {
	/* The classes by sort. Bit 0 of each first word is set: what a rule that does not ask for the sort asks for. */
	__u64 bits[CLASS_SORT_COUNT][CLASS_WORDS];
	/* Classes of which it is not known whether they hold. */
	__u64 open[CLASS_SORT_COUNT][CLASS_WORDS];
	__u32 kind; /* enum access_kind */
	__u32 pad;
	/*
	 * Of the rules, first is lowest: those that hold, and those that hold or may. Kept here and not on the stack
	 * because the verifier takes what it reads from memory as any number, and so needs to follow one way only.
	 */
	__u64 sure;
	__u64 maybe;
};

VERDICT_INLINE void verdict_rule_test(const struct verdict_rule *rule, struct verdict_facts *facts, __u32 index)
{
	__u64 sure = (rule->kinds == 0) | (rule->kinds >> (facts->kind & 31) & 1);
	__u64 maybe = sure;

	for (__u32 sort = 0; sort < CLASS_SORT_COUNT; sort++) {
		__u32 number = rule->classes[sort];
		__u64 word = verdict_index(number >> 6, CLASS_WORDS);
		__u64 bit = facts->bits[sort][word] >> (number & 63);

		sure &= bit;
		maybe &= bit | facts->open[sort][word] >> (number & 63);
	}
	facts->sure |= (sure & 1) << (index & 63);
	facts->maybe |= (maybe & 1) << (index & 63);
}

/* Of a number that is not 0. Without branches. */
VERDICT_INLINE __u32 verdict_lowest_bit(__u64 mask)
{
	__u32 bit = 0;

	for (__u32 width = 32; width; width >>= 1) {
		__u32 step = (mask & ((1ULL << width) - 1)) ? 0 : width;

		bit += step;
		mask >>= step;
	}
	return bit;
}

VERDICT_INLINE struct decided verdict_of(const struct verdict_entry *entry, __u32 action, __u32 flags, __u32 rule)
{
	struct decided decided = {.action = action, .flags = flags, .rule = rule};

	if (action == DECIDED_DENY && (entry->flags & VERDICT_ENTRY_KILL))
		decided.flags |= DECIDED_KILL;
	return decided;
}

/* From the two masks, when all rules have been tested. */
VERDICT_INLINE struct decided verdict_conclude(const struct verdict_entry *entry, const struct verdict_facts *facts)
{
	__u64 deny = entry->deny_count < 64 ? (1ULL << entry->deny_count) - 1 : ~0ULL;
	__u64 sure = facts->sure, maybe = facts->maybe;
	__u32 by_default = entry->default_action;

	if (sure & deny)
		return verdict_of(entry, DECIDED_DENY, 0, verdict_lowest_bit(sure & deny));
	if (!(maybe & deny)) {
		if (sure)
			return verdict_of(entry, DECIDED_ALLOW, 0, verdict_lowest_bit(sure));
		/* An allow rule that may hold makes no difference where nothing is denied. */
		if (!maybe || by_default != DECIDED_DENY)
			return verdict_of(entry, by_default, 0, DECIDED_BY_DEFAULT);
	} else if (!(maybe & ~deny) && by_default == DECIDED_DENY) {
		return verdict_of(entry, by_default, 0, DECIDED_BY_DEFAULT);
	}
	return verdict_of(entry, entry->on_error, DECIDED_ERROR, DECIDED_BY_DEFAULT);
}

/*
 * `rules` is the whole of a bank, so that no entry leads outside. Fills `sure` and `maybe` of the facts. The programs
 * take the same steps in functions of their own: decide.h.
 */
VERDICT_INLINE struct decided verdict_decide(const struct verdict_entry *entry, const struct verdict_rule *rules,
					     struct verdict_facts *facts)
{
	__u32 count = entry->deny_count + entry->allow_count;

	facts->sure = 0;
	facts->maybe = 0;
	for (__u32 i = 0; i < VERDICT_RULES_EACH; i++) {
		if (i >= count)
			break;
		verdict_rule_test(&rules[verdict_index(entry->first + i, VERDICT_RULES_MAX)], facts, i);
	}
	return verdict_conclude(entry, facts);
}

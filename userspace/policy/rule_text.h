/* SPDX-License-Identifier: Apache-2.0 */
/* rule_text.h: the matchers of a rule as words: what each is called, what it asks for, what it was shown. */
#pragma once

#include "policy/rule.h"

/* As a policy file has it: "exe", "uid", ...; "unknown" out of range. */
const char *rule_matcher_name(enum rule_matcher matcher);

typedef void (*rule_value_fn)(void *context, const char *value);
/* Each value that the rule gives for this matcher, in its order; numbers in decimal. None: it is not given. */
void rule_each_value(const struct rule *rule, enum rule_matcher matcher, rule_value_fn fn, void *context);
/* What this matcher compares with its values: one, or of RULE_ANCESTOR all ancestors. None: not known. */
void rule_each_seen(enum rule_matcher matcher, const struct access *access, rule_value_fn fn, void *context);

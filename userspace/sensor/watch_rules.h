/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_rules.h: the patterns of a policy, copied, and made into pattern sets for the homes that there are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "sensor/pattern.h"

struct error;
struct homes;
struct policy_set;
struct watch_rules;

/* What one pattern names. Absolute globs; `~` as the first component stands for every home directory. */
struct watch_pattern {
	const char *pattern;
	const char *const *excludes; /* paths that match one of these are not meant; may be NULL */
	size_t excludes_count;
	size_t secret; /* index; of two patterns that name one file the lower secret wins */
};

#define WATCH_PATTERNS_MAX 262144 /* after `~` was expanded */

/* All patterns of a policy set, which lends their strings; the array is the caller's to free(). 0 or -ENOMEM. */
int watch_patterns_of(const struct policy_set *set, struct watch_pattern **ret_patterns, size_t *ret_count);

/* Copies. 0, -ENOMEM, -E2BIG. */
int watch_rules_new(const struct watch_pattern *patterns, size_t count, pattern_match_fn match,
		    struct watch_rules **ret);
void watch_rules_free(struct watch_rules *rules);
DEFINE_FREEP(struct watch_rules, watch_rules_free)

/* All patterns for these homes. -EINVAL, -E2BIG, -ENOMEM, with *error naming the pattern. */
int watch_rules_compile(const struct watch_rules *rules, const struct homes *homes, struct pattern_set **ret,
			struct error *error);
/* Is the path one that the rule (its number as given to pattern_set_add()) leaves out? */
bool watch_rules_excludes(const struct watch_rules *rules, const struct homes *homes, uint32_t rule, const char *path);

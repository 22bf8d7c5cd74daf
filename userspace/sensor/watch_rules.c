/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/watch_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "policy/policy.h"
#include "sensor/homes.h"

#define EXPANDED_SIZE 8192

struct watch_rules {
	pattern_match_fn match;
	size_t count;
	struct watch_pattern items[]; /* strings owned */
};

int watch_patterns_of(const struct policy_set *set, struct watch_pattern **ret_patterns, size_t *ret_count)
{
	size_t count = 0, filled = 0, secrets = policy_set_secret_count(set);
	struct watch_pattern *patterns;

	for (size_t i = 0; i < secrets; i++)
		count += policy_set_secret(set, i)->patterns_count;
	patterns = calloc(count + 1, sizeof(*patterns));
	if (!patterns)
		return -ENOMEM;
	for (size_t i = 0; i < secrets; i++) {
		const struct policy_secret *secret = policy_set_secret(set, i);

		for (size_t j = 0; j < secret->patterns_count; j++)
			patterns[filled++] = (struct watch_pattern){
				.pattern = secret->patterns[j],
				.excludes = secret->excludes,
				.excludes_count = secret->excludes_count,
				.secret = i,
			};
	}
	*ret_patterns = patterns;
	*ret_count = count;
	return 0;
}

static int copy_rule(const struct watch_pattern *from, struct watch_pattern *to)
{
	to->secret = from->secret;
	to->pattern = strdup(from->pattern);
	if (!to->pattern)
		return -ENOMEM;
	if (from->excludes_count == 0)
		return 0;
	to->excludes = calloc(from->excludes_count, sizeof(*to->excludes));
	if (!to->excludes)
		return -ENOMEM;
	for (size_t i = 0; i < from->excludes_count; i++) {
		char *copy = strdup(from->excludes[i]);

		if (!copy)
			return -ENOMEM;
		((const char **)(uintptr_t)to->excludes)[i] = copy;
		to->excludes_count++;
	}
	return 0;
}

int watch_rules_new(const struct watch_pattern *patterns, size_t count, pattern_match_fn match,
		    struct watch_rules **ret)
{
	_cleanup_(watch_rules_freep) struct watch_rules *rules = NULL;

	if (count > WATCH_PATTERNS_MAX)
		return -E2BIG;
	rules = calloc(1, sizeof(*rules) + count * sizeof(rules->items[0]));
	if (!rules)
		return -ENOMEM;
	rules->match = match;
	for (size_t i = 0; i < count; i++) {
		int r;

		if (patterns[i].secret >= UINT32_MAX)
			return -E2BIG;
		rules->count++;
		r = copy_rule(&patterns[i], &rules->items[i]);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(rules);
	return 0;
}

void watch_rules_free(struct watch_rules *rules)
{
	for (size_t i = 0; rules && i < rules->count; i++) {
		for (size_t j = 0; j < rules->items[i].excludes_count; j++)
			free((void *)(uintptr_t)rules->items[i].excludes[j]);
		free((void *)(uintptr_t)rules->items[i].excludes);
		free((void *)(uintptr_t)rules->items[i].pattern);
	}
	free(rules);
}

static bool is_homely(const char *pattern)
{
	return pattern[0] == '~' && (pattern[1] == '/' || pattern[1] == '\0');
}

/* A home is a path, not a pattern: what is special in a pattern is put in brackets. */
static int expand(const char *home, const char *rest, char out[EXPANDED_SIZE])
{
	size_t size = 0;

	for (; *home; home++) {
		bool is_special = strchr("*?[", *home);

		if (size + 4 > EXPANDED_SIZE)
			return -ENAMETOOLONG;
		if (is_special)
			out[size++] = '[';
		out[size++] = *home;
		if (is_special)
			out[size++] = ']';
	}
	if (size + strlen(rest) + 1 > EXPANDED_SIZE)
		return -ENAMETOOLONG;
	memcpy(out + size, rest, strlen(rest) + 1);
	return 0;
}

static int explain(int r, const char *pattern, struct error *error)
{
	switch (r) {
	case -EINVAL:
		return error_set(error, r, NULL, 0,
				 "the path pattern \"%s\" cannot be watched: write an absolute path, and a directory's "
				 "name in front of \"**\"",
				 pattern);
	case -E2BIG:
		return error_set(error, r, NULL, 0,
				 "the path pattern \"%s\" is too much to watch: write fewer than %d components, and "
				 "fewer than %d patterns counting \"~\" once for each user",
				 pattern, PATTERN_DEPTH_MAX, WATCH_PATTERNS_MAX);
	case -ENAMETOOLONG:
		return error_set(error, r, NULL, 0, "the path pattern \"%s\" is longer than a path can be", pattern);
	default:
		return error_set(error, r, NULL, 0, "the path pattern \"%s\": %s", pattern, strerror(-r));
	}
}

static int compile_rule(const struct watch_rules *rules, const struct homes *homes, size_t rule,
			struct pattern_set *set, size_t *total)
{
	const struct watch_pattern *item = &rules->items[rule];
	char expanded[EXPANDED_SIZE];
	int r = 0;

	if (!is_homely(item->pattern))
		return ++*total > WATCH_PATTERNS_MAX
			       ? -E2BIG
			       : pattern_set_add(set, item->pattern, (uint32_t)item->secret, (uint32_t)rule);
	for (size_t i = 0; r == 0 && i < homes->count; i++) {
		if (++*total > WATCH_PATTERNS_MAX)
			return -E2BIG;
		/* The home of one user that is too long or odd must not refuse the policy. */
		if (expand(homes->paths[i], item->pattern + 1, expanded) < 0)
			continue;
		r = pattern_set_add(set, expanded, (uint32_t)item->secret, (uint32_t)rule);
		if (r == -EINVAL && homes->count > 1)
			r = 0;
	}
	return r;
}

int watch_rules_compile(const struct watch_rules *rules, const struct homes *homes, struct pattern_set **ret,
			struct error *error)
{
	_cleanup_(pattern_set_freep) struct pattern_set *set = NULL;
	size_t total = 0;
	int r = pattern_set_new(rules->match, &set);

	if (r < 0)
		return error_set(error, r, NULL, 0, "not enough memory for the path patterns");
	for (size_t i = 0; i < rules->count; i++) {
		r = compile_rule(rules, homes, i, set, &total);
		if (r < 0)
			return explain(r, rules->items[i].pattern, error);
	}
	*ret = TAKE_PTR(set);
	return 0;
}

bool watch_rules_excludes(const struct watch_rules *rules, const struct homes *homes, uint32_t rule, const char *path)
{
	const struct watch_pattern *item;
	char expanded[EXPANDED_SIZE];

	if (rule >= rules->count)
		return false;
	item = &rules->items[rule];
	for (size_t i = 0; i < item->excludes_count; i++) {
		const char *exclude = item->excludes[i];

		if (!is_homely(exclude) && rules->match(exclude, path))
			return true;
		for (size_t j = 0; is_homely(exclude) && j < homes->count; j++)
			if (expand(homes->paths[j], exclude + 1, expanded) == 0 && rules->match(expanded, path))
				return true;
	}
	return false;
}

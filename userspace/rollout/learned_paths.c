/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/learned_paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/glob.h"
#include "policy/policy_shape.h"
#include "rollout/generalise.h"
#include "rollout/observed.h"
#include "sensor/homes.h"

/* Does the pattern, with "~" for any home, name the path? */
static bool names(const char *pattern, const char *path, const struct homes *homes)
{
	if (pattern[0] != '~')
		return glob_match(pattern, path);
	for (size_t i = 0; i < homes->count; i++) {
		size_t size = strlen(homes->paths[i]);

		if (strncmp(path, homes->paths[i], size) == 0 && glob_match(pattern + 1, path + size))
			return true;
	}
	return false;
}

static bool names_another_secret(const struct observed *observed, size_t secret, const char *pattern,
				 const struct homes *homes)
{
	for (size_t i = 0; i < observed_secret_count(observed); i++)
		for (size_t j = 0; i != secret && j < observed_secret(observed, i)->paths_count; j++)
			if (names(pattern, observed_path(observed, i, j), homes))
				return true;
	return false;
}

static bool is_there(const struct learned_paths *paths, const char *pattern)
{
	for (size_t i = 0; i < paths->count; i++)
		if (strcmp(paths->patterns[i], pattern) == 0)
			return true;
	return false;
}

/* 0 or -ENOMEM. */
static int add(struct learned_paths *paths, const char *pattern)
{
	if (is_there(paths, pattern))
		return 0;
	if (paths->count == POLICY_PATHS_MAX) {
		paths->left_out++;
		return 0;
	}
	paths->patterns[paths->count] = strdup(pattern);
	if (!paths->patterns[paths->count])
		return -ENOMEM;
	paths->count++;
	return 0;
}

int learned_paths_make(const struct observed *observed, size_t secret, const struct homes *homes,
		       struct learned_paths *ret)
{
	struct learned_paths paths = {.patterns = calloc(POLICY_PATHS_MAX, sizeof(*paths.patterns))};
	char exact[GENERALISED_SIZE], pattern[GENERALISED_SIZE];
	int r = paths.patterns ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < observed_secret(observed, secret)->paths_count; i++) {
		const char *path = observed_path(observed, secret, i);
		bool has_exact = generalise_nothing(path, exact);
		bool has_pattern = generalise_file(path, homes, pattern);

		if (has_pattern && (!has_exact || strcmp(exact, pattern) != 0) && !is_there(&paths, pattern))
			has_pattern = !names_another_secret(observed, secret, pattern, homes);
		if (has_pattern)
			r = add(&paths, pattern);
		else if (has_exact)
			r = add(&paths, exact);
		else
			paths.left_out++;
	}
	if (r < 0) {
		learned_paths_release(&paths);
		return r;
	}
	*ret = paths;
	return 0;
}

void learned_paths_release(struct learned_paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->patterns[i]);
	free(paths->patterns);
	*paths = (struct learned_paths){.patterns = NULL};
}

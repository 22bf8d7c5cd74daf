/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learned_paths.h: the patterns of a secret of which only the files that were accessed are known.
 *
 * A home directory becomes "~", and ids and random names wildcards, unless the pattern would also name a file that was
 * seen as another secret: then the file stands there as it is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct homes;
struct observed;

struct learned_paths {
	char **patterns; /* owned, each once */
	size_t count;
	size_t left_out; /* files that no pattern can name, or beyond POLICY_PATHS_MAX */
};

/* 0 or -ENOMEM. */
int learned_paths_make(const struct observed *observed, size_t secret, const struct homes *homes,
		       struct learned_paths *ret);
void learned_paths_release(struct learned_paths *paths);

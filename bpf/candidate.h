/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * candidate.h: which secret a file will be that only the watched directory above it is known of; the same code on both
 * sides and in the unit tests.
 */
#pragma once

#include "abi.h"

/*
 * The number of the secret that a regular file is, `depth` components below the directory (1: directly inside; how much
 * deeper it is makes no difference). `name`
 * is the directory's entry for the component directly inside, NULL without one. 0: it depends on the path, and the
 * daemon has to look.
 */
static inline __attribute__((always_inline)) __u32 candidate_secret(const struct directory_value *directory,
								    const struct name_value *name, __u32 depth)
{
	if (directory->flags & DIRECTORY_TREE)
		return directory->secret;
	if (depth > 1)
		return name && (name->flags & NAME_BRANCH) ? name->branch : 0;
	if (name && (name->flags & NAME_FILE))
		return name->secret;
	return directory->flags & DIRECTORY_ANY_NAME ? directory->secret : 0;
}

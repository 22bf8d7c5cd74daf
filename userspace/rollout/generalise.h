/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generalise.h: names that were seen, as the patterns of a policy that will still fit tomorrow.
 *
 * Only what is another one each time becomes a wildcard, all else stays byte for byte:
 *
 *     programs     the version of a directory (/usr/lib/jvm/java-17.0.2/bin/java), ids of 32 or more hex digits, UUIDs,
 *                  the pid below /proc, random names below /tmp, /var/tmp, /dev/shm and /run/user
 *     files        the same but for versions; a home directory becomes "~"
 *     units        the number of a session, a user's manager, a connection or a transient unit; a pid in a scope; ids
 *     cgroups      the same, in each component
 *
 * A byte that a policy file cannot hold (a control character, no UTF-8) becomes "?", which is any one byte.
 */
#pragma once

#include <stdbool.h>

#include "policy/glob.h"

struct homes;

#define GENERALISED_SIZE (GLOB_SIZE_MAX + 1)

/* Each is false, with `out` of no use, for what no pattern can name: no absolute path, too long, no name of a unit. */
bool generalise_program(const char *path, char out[GENERALISED_SIZE]);
bool generalise_file(const char *path, const struct homes *homes, char out[GENERALISED_SIZE]);
bool generalise_unit(const char *unit, char out[GENERALISED_SIZE]);
bool generalise_cgroup(const char *cgroup, char out[GENERALISED_SIZE]);

/* The path itself as a pattern, nothing generalised. */
bool generalise_nothing(const char *path, char out[GENERALISED_SIZE]);

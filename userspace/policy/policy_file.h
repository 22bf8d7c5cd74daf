/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_file.h: from policy files to a policy set.
 *
 * docs/policy.md says what a file may hold. All or nothing: the first thing that is wrong refuses the whole set, with
 * file, line and what to write instead.
 */
#pragma once

#include <stddef.h>

struct error;
struct policy_set;

#define POLICY_FILE_SIZE_MAX (1024 * 1024)

struct policy_limits {
	size_t max_files;
	size_t max_secrets;
};

#define POLICY_LIMITS_DEFAULT ((struct policy_limits){.max_files = 256, .max_secrets = 4096})

/*
 * Loads every path: a file, or a directory of which each *.yaml and *.yml that does not start with a dot is loaded in
 * the order of the names. At least one file in all. A file or directory that others than root and our own user may
 * write is refused (-EPERM). Other errors: -EINVAL (content, no file at all), -E2BIG (more than the limits allow),
 * -EFBIG (a file of more than POLICY_FILE_SIZE_MAX bytes), -ENOMEM, errno of opening and reading. Blocks on the disk.
 * The set is freed by policy_set_free().
 */
int policy_set_load(const char *const *paths, size_t count, const struct policy_limits *limits,
		    struct policy_set **ret_set, struct error *error);

/* The same for one policy in memory; `name` stands for the file in errors. */
int policy_set_load_text(const char *name, const char *text, size_t size, const struct policy_limits *limits,
			 struct policy_set **ret_set, struct error *error);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_value.h: whether one value that a policy names makes sense.
 *
 * Each returns 0, or -EINVAL with one sentence in `why` that says what to write instead.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define POLICY_WHY_SIZE 256

/* Lower-case letters, digits and '-', at most 63, letter or digit at both ends: RFC 1123, section 2.1. */
int policy_check_name(const char *value, char why[POLICY_WHY_SIZE]);
/* A glob, or a "~" and a glob; not the whole filesystem. */
int policy_check_path(const char *value, char why[POLICY_WHY_SIZE]);
int policy_check_glob(const char *value, char why[POLICY_WHY_SIZE]);
/* A glob, or "/" for the root cgroup. */
int policy_check_cgroup(const char *value, char why[POLICY_WHY_SIZE]);
int policy_check_sha256(const char *value, char why[POLICY_WHY_SIZE]);
int policy_check_user(const char *value, char why[POLICY_WHY_SIZE]);
int policy_check_unit(const char *value, char why[POLICY_WHY_SIZE]);
int policy_check_container(const char *value, char why[POLICY_WHY_SIZE]);

/* Whether a glob matches a program that does what its arguments or input say: a shell, an interpreter, a loader. */
bool policy_matches_interpreter(const char *glob);

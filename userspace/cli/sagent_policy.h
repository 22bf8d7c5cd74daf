/* SPDX-License-Identifier: Apache-2.0 */
/* sagent_policy.h: what the commands about policies share: reading policies, and saying what is wrong with them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct buffer;
struct error;
struct json_object;
struct policy_set;
struct sagent;

#define SAGENT_PASSWD_PATH "/etc/passwd"

/* With the limits of the daemon's defaults. 0, or -errno as policy_set_load() with *error set in any case. */
int sagent_read_policies(const char *const *paths, size_t count, struct policy_set **ret_set, struct error *error);
/* The same, and an error is printed. SAGENT_OK, or the exit code; *ret_set only with SAGENT_OK. */
int sagent_load_policies(struct sagent *sagent, const char *const *paths, size_t count, struct policy_set **ret_set);

/* One line as compilers write it, "file:line: text", so that editors find the place. */
void sagent_append_problem(struct buffer *out, const char *prefix, const struct error *error);

/* Each adds a member; NULL is null, and so is a time of 0. */
void sagent_add_string(struct json_object *object, const char *key, const char *value);
void sagent_add_time(struct json_object *object, const char *key, uint64_t real_ns);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_shape.h: a policy file as written, before anything in it is understood.
 *
 * The structs that libcyaml fills and its tables for them, one place for every key that a policy may have.
 * schemas/policy/secretpolicy.v1.schema.json says the same for others.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <cyaml/cyaml.h>

#include "base/access.h"
#include "policy/policy.h"

struct error;

#define POLICY_SECRETS_MAX  100000 /* in one file, whatever the configured limit is */
#define POLICY_RULES_MAX    256    /* rules in one list */
#define POLICY_PATHS_MAX    1024   /* patterns in one list */
#define POLICY_MATCHERS_MAX 1024   /* values of one matcher */
#define POLICY_EGRESS_MAX   64     /* destinations of one secret */

struct shape_strings {
	char **values;
	uint32_t count;
};

struct shape_numbers {
	uint32_t *values;
	uint32_t count;
};

struct shape_kinds {
	enum access_kind *values;
	uint32_t count;
};

struct shape_rule {
	char *name;
	struct shape_strings exe;
	struct shape_strings script;
	struct shape_strings sha256;
	struct shape_numbers uid;
	struct shape_strings user;
	struct shape_numbers gid;
	struct shape_strings unit;
	struct shape_strings cgroup;
	struct shape_strings container;
	struct shape_strings ancestor;
	struct shape_kinds kinds;
};

struct shape_rules {
	struct shape_rule *values;
	uint32_t count;
};

struct shape_egress {
	enum verdict_action *action; /* NULL: not given */
	struct shape_strings to;
};

struct shape_secret {
	char *name;
	char *class_name;
	struct shape_strings paths;
	struct shape_strings exclude;
	enum verdict_action *default_action; /* NULL: not given */
	struct shape_rules allow;
	struct shape_rules deny;
	struct shape_egress *egress; /* NULL: not given */
};

struct shape_metadata {
	char *name;
};

struct shape_spec {
	enum policy_mode mode;
	enum policy_unsupported on_unsupported;
	enum policy_on_error on_error;
	enum policy_action action;
	struct shape_secret *secrets;
	uint32_t secrets_count;
};

struct shape_policy {
	int api_version;
	int kind;
	struct shape_metadata metadata;
	struct shape_spec spec;
};

extern const cyaml_schema_value_t policy_schema;

/*
 * Fills a shape from text that document_new() has accepted with policy_schema. -EINVAL, -ENOMEM with *error set. Keys
 * that are absent are zero: empty lists, observe, refuse, allow, deny.
 */
int policy_shape_load(const char *file, const char *text, size_t size, struct shape_policy **ret_shape,
		      struct error *error);
void policy_shape_free(struct shape_policy *shape); /* NULL is fine */

static inline void policy_shape_freep(struct shape_policy **shape)
{
	policy_shape_free(*shape);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy_shape.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

static const cyaml_strval_t api_versions[] = {{"secretsagent.io/v1", 0}};
static const cyaml_strval_t document_kinds[] = {{"SecretPolicy", 0}};
static const cyaml_strval_t modes[] = {{"observe", POLICY_MODE_OBSERVE}, {"enforce", POLICY_MODE_ENFORCE}};
static const cyaml_strval_t unsupported[] = {{"refuse", POLICY_UNSUPPORTED_REFUSE},
					     {"observe", POLICY_UNSUPPORTED_OBSERVE}};
static const cyaml_strval_t on_errors[] = {{"allow", POLICY_ON_ERROR_ALLOW}, {"deny", POLICY_ON_ERROR_DENY}};
static const cyaml_strval_t denials[] = {{"deny", POLICY_ACTION_DENY}, {"kill", POLICY_ACTION_KILL}};
static const cyaml_strval_t actions[] = {{"allow", VERDICT_ALLOW}, {"alert", VERDICT_ALERT}, {"deny", VERDICT_DENY}};
static const cyaml_strval_t egress_actions[] = {{"alert", VERDICT_ALERT}, {"deny", VERDICT_DENY}};
static const cyaml_strval_t access_kinds[] = {
	{"open", ACCESS_OPEN},         {"exec", ACCESS_EXEC},
	{"map", ACCESS_MAP},           {"receive", ACCESS_RECEIVE},
	{"link", ACCESS_LINK},         {"ptrace", ACCESS_PTRACE},
	{"proc-mem", ACCESS_PROC_MEM}, {"proc-environ", ACCESS_PROC_ENVIRON},
};

static const cyaml_schema_value_t string_value = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED),
};
static const cyaml_schema_value_t number_value = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint32_t)};
static const cyaml_schema_value_t kind_value = {
	CYAML_VALUE_ENUM(CYAML_FLAG_STRICT, enum access_kind, access_kinds, CYAML_ARRAY_LEN(access_kinds)),
};

/* A list, which the structs above hold as {values, count}. */
#define LIST(key, flags, type, member, entry, max) \
	CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_POINTER | (flags), type, member.values, member.count, entry, 1, max)
#define MATCHER(member, entry) LIST(#member, CYAML_FLAG_OPTIONAL, struct shape_rule, member, entry, POLICY_MATCHERS_MAX)

static const cyaml_schema_field_t rule_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct shape_rule, name, 1, CYAML_UNLIMITED),
	MATCHER(exe, &string_value),
	MATCHER(script, &string_value),
	MATCHER(sha256, &string_value),
	MATCHER(uid, &number_value),
	MATCHER(user, &string_value),
	MATCHER(gid, &number_value),
	MATCHER(unit, &string_value),
	MATCHER(cgroup, &string_value),
	MATCHER(container, &string_value),
	MATCHER(ancestor, &string_value),
	MATCHER(kinds, &kind_value),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t rule_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct shape_rule, rule_fields),
};

static const cyaml_schema_field_t egress_fields[] = {
	CYAML_FIELD_ENUM_PTR("action", CYAML_FLAG_POINTER | CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL,
			     struct shape_egress, action, egress_actions, CYAML_ARRAY_LEN(egress_actions)),
	LIST("to", CYAML_FLAG_DEFAULT, struct shape_egress, to, &string_value, POLICY_EGRESS_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t secret_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct shape_secret, name, 1, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("class", CYAML_FLAG_POINTER, struct shape_secret, class_name, 1, CYAML_UNLIMITED),
	LIST("paths", CYAML_FLAG_DEFAULT, struct shape_secret, paths, &string_value, POLICY_PATHS_MAX),
	LIST("exclude", CYAML_FLAG_OPTIONAL, struct shape_secret, exclude, &string_value, POLICY_PATHS_MAX),
	CYAML_FIELD_ENUM_PTR("default", CYAML_FLAG_POINTER | CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL,
			     struct shape_secret, default_action, actions, CYAML_ARRAY_LEN(actions)),
	LIST("allow", CYAML_FLAG_OPTIONAL, struct shape_secret, allow, &rule_value, POLICY_RULES_MAX),
	LIST("deny", CYAML_FLAG_OPTIONAL, struct shape_secret, deny, &rule_value, POLICY_RULES_MAX),
	CYAML_FIELD_MAPPING_PTR("egress", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct shape_secret, egress,
				egress_fields),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t secret_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct shape_secret, secret_fields),
};

static const cyaml_schema_field_t metadata_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct shape_metadata, name, 1, CYAML_UNLIMITED),
	CYAML_FIELD_END,
};

#define SETTING(key, member, strings)                                                                      \
	CYAML_FIELD_ENUM(key, CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct shape_spec, member, strings, \
			 CYAML_ARRAY_LEN(strings))

static const cyaml_schema_field_t spec_fields[] = {
	SETTING("mode", mode, modes),
	SETTING("onUnsupported", on_unsupported, unsupported),
	SETTING("onError", on_error, on_errors),
	SETTING("action", action, denials),
	CYAML_FIELD_SEQUENCE_COUNT("secrets", CYAML_FLAG_POINTER, struct shape_spec, secrets, secrets_count,
				   &secret_value, 1, POLICY_SECRETS_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t policy_fields[] = {
	CYAML_FIELD_ENUM("apiVersion", CYAML_FLAG_STRICT, struct shape_policy, api_version, api_versions,
			 CYAML_ARRAY_LEN(api_versions)),
	CYAML_FIELD_ENUM("kind", CYAML_FLAG_STRICT, struct shape_policy, kind, document_kinds,
			 CYAML_ARRAY_LEN(document_kinds)),
	CYAML_FIELD_MAPPING("metadata", CYAML_FLAG_DEFAULT, struct shape_policy, metadata, metadata_fields),
	CYAML_FIELD_MAPPING("spec", CYAML_FLAG_DEFAULT, struct shape_policy, spec, spec_fields),
	CYAML_FIELD_END,
};

const cyaml_schema_value_t policy_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct shape_policy, policy_fields),
};

/* libcyaml's own words, the first of which say what is wrong and a later one where. */
struct complaint {
	char text[256];
	int line;
};

static void __attribute__((format(printf, 3, 0)))
hear(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
	struct complaint *complaint = context;
	char text[256];
	const char *line;

	if (level < CYAML_LOG_ERROR)
		return;
	(void)vsnprintf(text, sizeof(text), format, arguments); /* a cut complaint is fine */
	text[strcspn(text, "\n")] = '\0';
	line = strstr(text, "(line: ");
	if (line && !complaint->line)
		complaint->line = (int)strtol(line + strlen("(line: "), NULL, 10);
	if (!complaint->text[0])
		(void)snprintf(complaint->text, sizeof(complaint->text), "%s", text);
}

static cyaml_config_t loader(struct complaint *complaint)
{
	return (cyaml_config_t){
		.log_fn = hear,
		.log_ctx = complaint,
		.mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
		.flags = CYAML_CFG_NO_ALIAS,
	};
}

int policy_shape_load(const char *file, const char *text, size_t size, struct shape_policy **ret_shape,
		      struct error *error)
{
	struct complaint complaint = {.line = 0};
	cyaml_config_t config = loader(&complaint);
	cyaml_data_t *data = NULL;
	cyaml_err_t code = cyaml_load_data((const uint8_t *)text, size, &config, &policy_schema, &data, NULL);

	if (code == CYAML_OK && data) {
		*ret_shape = data;
		return 0;
	}
	/* libyaml has read the same text without complaint a moment ago: only memory can be missing. */
	if (code == CYAML_ERR_OOM || code == CYAML_ERR_LIBYAML_PARSER_INIT || code == CYAML_ERR_LIBYAML_PARSER)
		return error_set(error, -ENOMEM, file, 0, "not enough memory to read the file");
	return error_set(error, -EINVAL, file, complaint.line, "not understood: %s (%s); compare with docs/policy.md",
			 cyaml_strerror(code), complaint.text);
}

void policy_shape_free(struct shape_policy *shape)
{
	struct complaint complaint = {.line = 0};
	cyaml_config_t config = loader(&complaint);

	if (shape)
		(void)cyaml_free(&config, &policy_schema, shape, 0); /* fails only on bad arguments */
}

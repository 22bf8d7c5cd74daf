/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/explanation_text.h"

#include <json-c/json.h>
#include <string.h>

#include "base/buffer.h"
#include "base/escape.h"
#include "cli/json_field.h"

#define TEXT_SIZE  8192
#define VALUES_MAX 8 /* of a matcher, then "and N more" */

static void append_escaped(struct buffer *out, const char *text)
{
	char escaped[TEXT_SIZE];

	buffer_append_string(out, escape_line(text, escaped, sizeof(escaped)));
}

static void append_field(struct buffer *out, const char *label, struct json_object *object, const char *path)
{
	buffer_printf(out, "%-10s", label);
	append_escaped(out, json_field_string(object, path, "none known"));
	buffer_append_char(out, '\n');
}

static const char *item_string(struct json_object *array, size_t index)
{
	struct json_object *item = json_object_array_get_idx(array, index);

	if (!json_object_is_type(item, json_type_string))
		return "?";
	return json_object_get_string_len(item) > 0 ? json_object_get_string(item) : "(not known)";
}

static void append_values(struct buffer *out, struct json_object *array, const char *none)
{
	size_t count = array ? json_object_array_length(array) : 0;

	for (size_t i = 0; i < count && i < VALUES_MAX; i++) {
		buffer_append_string(out, i ? ", " : "");
		append_escaped(out, item_string(array, i));
	}
	if (count > VALUES_MAX)
		buffer_printf(out, " and %zu more", count - VALUES_MAX);
	if (count == 0)
		buffer_append_string(out, none);
}

static void append_process(struct buffer *out, struct json_object *result)
{
	buffer_printf(out, "%-10s%llu ", "process", (unsigned long long)json_field_uint(result, "process.pid", 0));
	append_escaped(out, json_field_string(result, "process.exe", "(program not known)"));
	buffer_printf(out, "\n%-10suid %llu (", "user", (unsigned long long)json_field_uint(result, "process.uid", 0));
	append_escaped(out, json_field_string(result, "process.user", "no name"));
	buffer_printf(out, "), gid %llu\n", (unsigned long long)json_field_uint(result, "process.gid", 0));
	append_field(out, "unit", result, "process.unit");
	if (json_field(result, "process.container"))
		append_field(out, "container", result, "process.container");
	append_field(out, "cgroup", result, "process.cgroup");
	if (json_field(result, "process.script"))
		append_field(out, "script", result, "process.script");
	if (json_field(result, "process.exe_sha256"))
		append_field(out, "sha256", result, "process.exe_sha256");
	buffer_printf(out, "%-10s", "ancestors");
	append_values(out, json_field_array(result, "process.ancestors"), "none");
	buffer_append_char(out, '\n');
}

static void append_matcher(struct buffer *out, struct json_object *matcher)
{
	bool holds = json_field_bool(matcher, "holds", false);

	buffer_append_string(out, holds ? "    yes " : "    no  ");
	append_escaped(out, json_field_string(matcher, "name", "?"));
	buffer_append_string(out, ": ");
	append_values(out, json_field_array(matcher, "seen"), "none known");
	buffer_append_string(out, holds ? ", one of: " : ", none of: ");
	append_values(out, json_field_array(matcher, "wanted"), "nothing");
	buffer_append_char(out, '\n');
}

static void append_rule(struct buffer *out, struct json_object *rule)
{
	struct json_object *matchers = json_field_array(rule, "matchers");
	size_t count = matchers ? json_object_array_length(matchers) : 0;

	buffer_append_string(out, "  ");
	append_escaped(out, json_field_string(rule, "rule", "?"));
	buffer_printf(out, " (line %llu) %s%s\n", (unsigned long long)json_field_uint(rule, "line", 0),
		      json_field_bool(rule, "matches", false) ? "matches" : "does not match",
		      json_field_bool(rule, "decides", false) ? ", and decides" : "");
	for (size_t i = 0; i < count; i++)
		append_matcher(out, json_object_array_get_idx(matchers, i));
}

/* Whether it would be carried out, and if not why. */
static void append_effect(struct buffer *out, struct json_object *explanation)
{
	const char *mode = json_field_string(explanation, "mode", "?");
	const char *tier = json_field_string(explanation, "verdict.tier", "?");

	if (strcmp(json_field_string(explanation, "verdict.action", "?"), "deny") != 0)
		buffer_append_string(out, "nothing is stopped\n");
	else if (json_field_bool(explanation, "verdict.enforced", false))
		buffer_printf(out, "carried out by tier %s\n", tier);
	else if (strcmp(mode, "observe") == 0)
		buffer_append_string(out, "not carried out: the policy is in mode observe\n");
	else
		buffer_printf(out, "not carried out: tier %s cannot\n", tier);
}

static void append_explanation(struct buffer *out, struct json_object *explanation)
{
	struct json_object *rules = json_field_array(explanation, "rules");
	size_t count = rules ? json_object_array_length(rules) : 0;
	const char *decided = json_field_string(explanation, "verdict.rule", "?");

	buffer_printf(out, "\n%-10s", "secret");
	append_escaped(out, json_field_string(explanation, "secret", "?"));
	buffer_append_string(out, ", policy ");
	append_escaped(out, json_field_string(explanation, "verdict.policy", "?"));
	buffer_append_string(out, ", ");
	append_escaped(out, json_field_string(explanation, "file", "?"));
	buffer_printf(out, ":%llu\n%-10s", (unsigned long long)json_field_uint(explanation, "line", 0), "access");
	append_escaped(out, json_field_string(explanation, "kind", "?"));
	buffer_append_string(out, "\n\nrules, in the order in which they are asked:\n");
	for (size_t i = 0; i < count; i++)
		append_rule(out, json_object_array_get_idx(rules, i));
	buffer_append_string(out, "  default ");
	append_escaped(out, json_field_string(explanation, "default", "?"));
	buffer_printf(out, "%s\n\n%-10s", strcmp(decided, "default") == 0 ? " decides" : "", "verdict");
	buffer_append_string(out, json_field_bool(explanation, "verdict.would_deny", false) ? "would " : "");
	append_escaped(out, json_field_string(explanation, "verdict.action", "?"));
	buffer_append_string(out, " by ");
	append_escaped(out, decided);
	buffer_append_string(out, "; ");
	append_effect(out, explanation);
}

void explanation_text_append(struct buffer *out, struct json_object *result)
{
	append_process(out, result);
	if (json_field_bool(result, "hash_pending", false))
		buffer_append_string(out, "sha256    not known yet: the program is being hashed\n");
	append_explanation(out, json_field(result, "explanation"));
}

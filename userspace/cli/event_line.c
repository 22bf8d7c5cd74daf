/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/event_line.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>

#include "base/buffer.h"
#include "base/escape.h"
#include "bus/event.h"
#include "cli/ascii_json.h"
#include "cli/json_field.h"
#include "cli/sagent_output.h"

#define TEXT_SIZE       1024
#define EVENT_DEPTH     32
#define ANCESTORS_SHOWN 8
#define TYPE_PREFIX     "secretsagent."

static void append_escaped(struct buffer *out, const char *text)
{
	char escaped[TEXT_SIZE];

	buffer_append_string(out, escape_line(text, escaped, sizeof(escaped)));
}

/* " label value" when there is one. */
static void append_optional(struct buffer *out, const char *label, const char *value)
{
	if (!value || value[0] == '\0')
		return;
	buffer_printf(out, " %s", label);
	append_escaped(out, value);
}

/* "12:00:01.123": local time of day, and the milliseconds as the event has them. */
static void append_time(struct buffer *out, struct json_object *event)
{
	const char *text = json_field_string(event, "time", "?");
	const char *fraction = strchr(text, '.');
	char local[SAGENT_TIME_SIZE];
	const char *day_end = strchr(sagent_local_time(text, local), ' ');

	append_escaped(out, day_end ? day_end + 1 : local);
	if (day_end && fraction && strspn(fraction + 1, "0123456789") >= 3)
		buffer_append(out, fraction, 4);
}

static void append_verdict(struct buffer *out, struct json_object *data)
{
	const char *action = json_field_string(data, "verdict.action", "?");
	bool is_enforced = json_field_bool(data, "verdict.enforced", false);
	bool would_deny = json_field_bool(data, "verdict.would_deny", false);

	if (strcmp(action, "alert") == 0)
		buffer_append_string(out, " ALERT ");
	else if (strcmp(action, "deny") == 0 && would_deny)
		buffer_append_string(out, " would deny");
	else if (strcmp(action, "deny") == 0)
		buffer_append_string(out, is_enforced ? " DENIED" : " DENY  ");
	else if (strcmp(action, "allow") == 0)
		buffer_append_string(out, " allow ");
	else
		append_optional(out, "", action);
}

static void append_process(struct buffer *out, struct json_object *data)
{
	const char *exe = json_field_string(data, "process.exe", "");

	buffer_append_string(out, "  ");
	append_escaped(out, exe[0] != '\0' ? exe : json_field_string(data, "process.comm", "?"));
	buffer_printf(out, "[%" PRIu64 "] ", json_field_uint(data, "process.pid", 0));
	if (json_field_string(data, "process.user", NULL))
		append_escaped(out, json_field_string(data, "process.user", ""));
	else
		buffer_printf(out, "uid %" PRIu64, json_field_uint(data, "process.uid", 0));
	append_optional(out, "container ", json_field_string(data, "process.container", NULL));
	append_optional(out, "", json_field_string(data, "process.unit", NULL));
}

static void append_way(struct buffer *out, struct json_object *data)
{
	int64_t result = json_field_int(data, "access.result", 0);

	buffer_append_string(out, " ");
	append_optional(out, "", json_field_string(data, "access.kind", "?"));
	append_optional(out, "", json_field_string(data, "access.via", NULL));
	append_optional(out, "", json_field_string(data, "access.mode", NULL));
	if (result < 0 && result > -4096)
		buffer_printf(out, " refused (%s)", strerror((int)-result));
	buffer_printf(out, " x%" PRIu64, json_field_uint(data, "access.count", 0));
}

static void append_ancestors(struct buffer *out, struct json_object *data)
{
	struct json_object *ancestors = json_field_array(data, "process.ancestors");
	size_t count = ancestors ? json_object_array_length(ancestors) : 0;

	for (size_t i = 0; i < count && i < ANCESTORS_SHOWN; i++) {
		const char *exe = json_field_string(json_object_array_get_idx(ancestors, i), "exe", "");
		const char *slash = strrchr(exe, '/');

		buffer_append_string(out, i == 0 ? "  < " : " < ");
		append_escaped(out, slash ? slash + 1 : *exe ? exe : "?");
	}
	if (count > ANCESTORS_SHOWN)
		buffer_append_string(out, " < ...");
}

static void append_access(struct buffer *out, struct json_object *event, struct json_object *data)
{
	append_time(out, event);
	append_verdict(out, data);
	append_optional(out, "", json_field_string(data, "secret.name", "?"));
	buffer_append_string(out, " (");
	append_escaped(out, json_field_string(data, "secret.class", "?"));
	buffer_append_string(out, ")");
	append_process(out, data);
	append_way(out, data);
	append_ancestors(out, data);
}

static void append_egress(struct buffer *out, struct json_object *event, struct json_object *data)
{
	uint64_t port = json_field_uint(data, "connection.port", 0);

	append_time(out, event);
	append_verdict(out, data);
	append_optional(out, "", json_field_string(data, "secret.name", "?"));
	buffer_append_string(out, " (");
	append_escaped(out, json_field_string(data, "secret.class", "?"));
	buffer_append_string(out, ")");
	append_process(out, data);
	append_optional(out, "sends by ", json_field_string(data, "connection.protocol", "?"));
	append_optional(out, "to ", json_field_string(data, "connection.address", "?"));
	if (port)
		buffer_printf(out, " port %" PRIu64, port);
	buffer_printf(out, " x%" PRIu64, json_field_uint(data, "connection.count", 0));
	append_ancestors(out, data);
}

/* Everything else: its type and what it says, as JSON. */
static void append_other(struct buffer *out, struct json_object *event, const char *type, struct json_object *data)
{
	const char *text =
		json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	append_time(out, event);
	if (strncmp(type, TYPE_PREFIX, sizeof(TYPE_PREFIX) - 1) == 0)
		type += sizeof(TYPE_PREFIX) - 1;
	append_optional(out, "", type);
	buffer_append_char(out, ' ');
	ascii_json_append(out, text, strlen(text));
}

static void append_parsed(struct buffer *out, struct json_object *event)
{
	struct json_object *data = json_field(event, "data");
	const char *type = json_field_string(event, "type", NULL);

	if (json_field(event, "dropped"))
		buffer_printf(out, "-- %" PRIu64 " events lost here: this terminal is too slow --",
			      json_field_uint(event, "dropped", 0));
	else if (type && strcmp(type, event_type_name(EVENT_ACCESS)) == 0)
		append_access(out, event, data);
	else if (type && strcmp(type, event_type_name(EVENT_EGRESS)) == 0)
		append_egress(out, event, data);
	else
		append_other(out, event, type ? type : "?", data);
}

void event_line_append(struct buffer *out, const char *json, size_t size)
{
	struct json_tokener *tokener = json_tokener_new_ex(EVENT_DEPTH);
	struct json_object *event = NULL;

	if (!tokener) {
		out->failed = true;
		return;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	if (size <= INT_MAX)
		event = json_tokener_parse_ex(tokener, json, (int)size);
	json_tokener_free(tokener);
	if (json_object_is_type(event, json_type_object))
		append_parsed(out, event);
	else
		buffer_append_string(out, "-- a line from sagentd that is no event --");
	buffer_append_char(out, '\n');
	json_object_put(event);
}

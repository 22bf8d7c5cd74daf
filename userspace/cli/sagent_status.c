/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <json-c/json.h>

#include "base/buffer.h"
#include "base/escape.h"
#include "cli/duration.h"
#include "cli/json_field.h"
#include "cli/sagent_command.h"
#include "cli/sagent_output.h"

#define VALUE_SIZE 1024

static void write_text(struct buffer *out, const char *label, const char *value)
{
	char escaped[VALUE_SIZE];

	buffer_printf(out, "%-12s %s\n", label, escape_line(value, escaped, sizeof(escaped)));
}

static void write_head(struct json_object *status, struct buffer *out)
{
	char text[VALUE_SIZE], time[SAGENT_TIME_SIZE], duration[DURATION_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "%s on %s, pid %" PRIu64, json_field_string(status, "version", "?"),
		       json_field_string(status, "host", "?"), json_field_uint(status, "pid", 0));
	write_text(out, "sagentd", text);
	(void)snprintf(text, sizeof(text), "%s, %s ago",
		       sagent_local_time(json_field_string(status, "started", "?"), time),
		       duration_format(json_field_uint(status, "uptime_s", 0), duration));
	write_text(out, "started", text);
	(void)snprintf(text, sizeof(text), "backend %s, tier %s", json_field_string(status, "backend", "?"),
		       json_field_string(status, "tier", "?"));
	write_text(out, "sensor", text);
}

static void write_counts(struct json_object *status, struct buffer *out)
{
	buffer_printf(out,
		      "%-12s %" PRIu64 " policies, %" PRIu64 " secrets, %" PRIu64 " files, %" PRIu64 " directories\n",
		      "watching", json_field_uint(status, "policies", 0), json_field_uint(status, "secrets", 0),
		      json_field_uint(status, "files", 0), json_field_uint(status, "directories", 0));
	buffer_printf(out, "%-12s %" PRIu64 " accesses in %" PRIu64 " events, %" PRIu64 " alerts\n", "seen",
		      json_field_uint(status, "accesses", 0), json_field_uint(status, "events", 0),
		      json_field_uint(status, "alerts", 0));
	buffer_printf(out, "%-12s %" PRIu64 " processes, %" PRIu64 " counters, %" PRIu64 " watchers\n", "holding",
		      json_field_uint(status, "processes", 0), json_field_uint(status, "counters", 0),
		      json_field_uint(status, "watchers", 0));
}

static void write_store(struct json_object *status, struct buffer *out)
{
	const char *error = json_field_string(status, "store.error", NULL);

	if (!json_field_bool(status, "store.enabled", false)) {
		write_text(out, "store", "off (store.enabled)");
		return;
	}
	buffer_printf(out, "%-12s %" PRIu64 " rows, %.1f MiB, %" PRIu64 " dropped\n", "store",
		      json_field_uint(status, "store.rows", 0),
		      (double)json_field_uint(status, "store.bytes", 0) / (1024.0 * 1024.0),
		      json_field_uint(status, "store.dropped", 0));
	if (error)
		write_text(out, "", error);
}

static void write_losses(struct json_object *status, struct buffer *out)
{
	struct json_object *losses = json_field_array(status, "losses");
	size_t count = losses ? json_object_array_length(losses) : 0, shown = 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *loss = json_object_array_get_idx(losses, i);
		uint64_t lost = json_field_uint(loss, "count", 0);
		char text[VALUE_SIZE];

		if (lost == 0)
			continue;
		(void)snprintf(text, sizeof(text), "%" PRIu64 " %s", lost, json_field_string(loss, "place", "?"));
		write_text(out, shown++ == 0 ? "lost" : "", text);
	}
	if (shown == 0)
		write_text(out, "lost", "nothing");
}

static void write_protection(struct json_object *status, struct buffer *out)
{
	char text[VALUE_SIZE], from[SAGENT_TIME_SIZE];
	uint64_t tampers = json_field_uint(status, "tampers", 0);
	const char *since = json_field_string(status, "gap.from", NULL);

	(void)snprintf(text, sizeof(text), "self-check %s, %" PRIu64 " %s",
		       json_field_string(status, "self_check", "?"), tampers, tampers == 1 ? "attempt" : "attempts");
	write_text(out, "protection", text);
	if (!json_field_string(status, "gap.cause", NULL))
		return;
	if (since)
		(void)snprintf(text, sizeof(text), "%.3f s without an agent from %s (%s)",
			       json_object_get_double(json_field(status, "gap.seconds")),
			       sagent_local_time(since, from), json_field_string(status, "gap.cause", "?"));
	else
		(void)snprintf(text, sizeof(text), "a time without an agent, how long is not known (%s)",
			       json_field_string(status, "gap.cause", "?"));
	write_text(out, "gap", text);
}

static void write_blind_spots(struct json_object *status, struct buffer *out)
{
	struct json_object *spots = json_field_array(status, "blind_spots");
	size_t count = spots ? json_object_array_length(spots) : 0;

	for (size_t i = 0; i < count; i++)
		write_text(out, i == 0 ? "cannot see" : "",
			   json_field_string(json_object_array_get_idx(spots, i), "", "?"));
}

int sagent_status(struct sagent *sagent)
{
	struct buffer text = BUFFER_INIT(SAGENT_SCREEN_MAX);
	struct json_object *status = NULL;
	const char *policy_error;
	int r = sagent_ask(sagent, "status", NULL, &status);

	if (r != SAGENT_OK)
		return r;
	if (sagent->options.given & SAGENT_OPTION_JSON) {
		r = sagent_print_json(sagent, status);
	} else {
		write_head(status, &text);
		write_counts(status, &text);
		write_store(status, &text);
		write_losses(status, &text);
		write_protection(status, &text);
		write_blind_spots(status, &text);
		policy_error = json_field_string(status, "policy_error", NULL);
		if (policy_error)
			write_text(&text, "policy", policy_error);
		r = sagent_print(sagent, &text);
	}
	buffer_release(&text);
	json_object_put(status);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* json_lines.c: the output "json": each event's JSON as it is, a line each. */
#include "export/line_writer.h"
#include "export/output.h"

static int json_lines_open(struct event_base *base, const struct output_config *config, void **ret_state,
			   struct error *error)
{
	struct line_writer *writer;
	int r = line_writer_new(base, config, &writer, error);

	if (r < 0)
		return r;
	*ret_state = writer;
	return 0;
}

static void json_lines_event(void *state, const struct bus_event *event, const char *line, size_t size)
{
	line_writer_append(state, line, size, event->type == EVENT_ACCESS ? event->access->count : 1);
}

static void json_lines_flush(void *state)
{
	line_writer_flush(state);
}

static void json_lines_drain(void *state)
{
	line_writer_drain(state);
}

static void json_lines_reopen(void *state)
{
	line_writer_reopen(state);
}

static uint64_t json_lines_dropped(const void *state)
{
	return line_writer_dropped(state);
}

static void json_lines_free(void *state)
{
	line_writer_free(state);
}

const struct output_ops json_lines_output = {
	.name = "json",
	.needs_lines = true,
	.open = json_lines_open,
	.event = json_lines_event,
	.flush = json_lines_flush,
	.drain = json_lines_drain,
	.reopen = json_lines_reopen,
	.dropped = json_lines_dropped,
	.free = json_lines_free,
};

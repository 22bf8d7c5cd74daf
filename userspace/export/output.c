/* SPDX-License-Identifier: Apache-2.0 */
#include "export/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

struct output {
	const struct output_ops *ops;
	void *state; /* the ops' own */
};

static const struct output_ops *const outputs[] = {&table_output, &json_lines_output, &null_output};

static const struct output_ops *find_ops(const char *name)
{
	for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++)
		if (strcmp(outputs[i]->name, name) == 0)
			return outputs[i];
	return NULL;
}

int output_open(const char *name, struct event_base *base, const struct output_config *config,
		struct output **ret_output, struct error *error)
{
	const struct output_ops *ops = find_ops(name);
	struct output *output;
	int r;

	if (!ops)
		return error_set(error, -EINVAL, NULL, 0, "unknown output '%s': write table, json or none", name);
	output = calloc(1, sizeof(*output));
	if (!output)
		return error_set(error, -ENOMEM, NULL, 0, "out of memory opening the output");
	output->ops = ops;
	r = ops->open(base, config, &output->state, error);
	if (r < 0) {
		free(output);
		return r;
	}
	*ret_output = output;
	return 0;
}

void output_free(struct output *output)
{
	if (!output)
		return;
	output->ops->free(output->state);
	free(output);
}

bool output_needs_lines(const struct output *output)
{
	return output->ops->needs_lines;
}

void output_event(struct output *output, const struct bus_event *event, const char *line, size_t size)
{
	output->ops->event(output->state, event, line, size);
}

void output_access(struct output *output, const struct access *access, const char *line, size_t size)
{
	const struct bus_event event = {.type = EVENT_ACCESS, .access = access};

	output->ops->event(output->state, &event, line, size);
}

void output_flush(struct output *output)
{
	output->ops->flush(output->state);
}

void output_drain(struct output *output)
{
	output->ops->drain(output->state);
}

void output_reopen(struct output *output)
{
	output->ops->reopen(output->state);
}

uint64_t output_dropped(const struct output *output)
{
	return output->ops->dropped(output->state);
}

/* ---------------------------------------------------------------- none: the store, the socket and the log only */

static int null_open(struct event_base *base, const struct output_config *config, void **ret_state, struct error *error)
{
	(void)base;
	(void)config;
	(void)error;
	*ret_state = NULL;
	return 0;
}

static void null_event(void *state, const struct bus_event *event, const char *line, size_t size)
{
	(void)state;
	(void)event;
	(void)line;
	(void)size;
}

static void null_nothing(void *state)
{
	(void)state;
}

static uint64_t null_dropped(const void *state)
{
	(void)state;
	return 0;
}

const struct output_ops null_output = {
	.name = "none",
	.open = null_open,
	.event = null_event,
	.flush = null_nothing,
	.drain = null_nothing,
	.reopen = null_nothing,
	.dropped = null_dropped,
	.free = null_nothing,
};

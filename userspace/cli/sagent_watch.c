/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/escape.h"
#include "cli/ascii_json.h"
#include "cli/client.h"
#include "cli/event_line.h"
#include "cli/sagent_command.h"
#include "cli/sagent_output.h"

static int print_event(struct sagent *sagent, const char *line, size_t size, struct buffer *text)
{
	buffer_reset(text);
	if (sagent->options.given & SAGENT_OPTION_JSON) {
		ascii_json_append(text, line, size);
		buffer_append_char(text, '\n');
	} else {
		event_line_append(text, line, size);
	}
	return sagent_print(sagent, text);
}

static int follow(struct sagent *sagent, struct client *client)
{
	struct buffer text = BUFFER_INIT(SAGENT_SCREEN_MAX);
	struct error error = {0};
	const char *line;
	size_t size;
	int r, printed = SAGENT_OK;

	client_set_timeout(client, -1); /* events come when they come */
	do {
		r = client_read_line(client, &line, &size, &error);
		if (r == 0)
			printed = print_event(sagent, line, size, &text);
	} while (r == 0 && printed == SAGENT_OK);
	buffer_release(&text);
	return r < 0 ? sagent_report(sagent, r, &error) : printed;
}

int sagent_watch(struct sagent *sagent)
{
	_cleanup_(client_freep) struct client *client = NULL;
	struct json_object *result = NULL;
	struct error error = {0};
	int r;

	r = client_connect(sagent->options.socket_path, &client, &error);
	if (r == 0)
		r = client_call(client, "watch", NULL, &result, &error);
	json_object_put(result);
	return r == 0 ? follow(sagent, client) : sagent_report(sagent, r, &error);
}

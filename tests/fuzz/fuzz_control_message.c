/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a request, as an answer, and as an event on its way to a terminal. */
#include <assert.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/ascii_json.h"
#include "cli/control_message.h"
#include "cli/event_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was understood is understood again, the same, after it was written. */
static void check_round_trip(const struct control_message *message)
{
	struct buffer line = BUFFER_INIT(8 * CONTROL_LINE_MAX);
	struct control_message again;

	control_message_write(&line, message->id, message->command, message->arguments);
	if (!line.failed) {
		int r = control_message_parse(line.data, line.size - 1, &again, NULL);

		assert(r == 0);
		assert(again.id == message->id);
		assert(strcmp(again.command, message->command) == 0);
		control_message_release(&again);
	}
	buffer_release(&line);
}

/* Nothing that a terminal obeys may come out, on more than one line least of all. */
static void check_line(const char *data, size_t size)
{
	struct buffer line = BUFFER_INIT(16 * 1024 * 1024);

	event_line_append(&line, data, size);
	if (!line.failed)
		for (size_t i = 0; i < line.size; i++)
			assert((unsigned char)line.data[i] >= 0x20 || i == line.size - 1);
	buffer_reset(&line);
	ascii_json_append(&line, data, size);
	if (!line.failed)
		for (size_t i = 0; i < line.size; i++)
			assert(line.data[i] >= 0x20 && line.data[i] < 0x7f);
	buffer_release(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_message message;
	struct control_answer answer;
	struct error error = {0};

	if (control_message_parse((const char *)data, size, &message, &error) == 0) {
		check_round_trip(&message);
		control_message_release(&message);
	} else {
		assert(error.text[0] != '\0');
	}
	if (control_answer_parse((const char *)data, size, &answer, NULL) == 0)
		control_answer_release(&answer);
	check_line((const char *)data, size);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/control_writer.h"

#include "base/buffer.h"
#include "base/json_writer.h"
#include "cli/control_message.h"

static void write_head(struct buffer *out, int64_t id, const char *rest)
{
	if (id == CONTROL_ID_NONE)
		buffer_printf(out, "{\"id\":null,%s", rest);
	else
		buffer_printf(out, "{\"id\":%lld,%s", (long long)id, rest);
}

void control_writer_answer(struct buffer *out, int64_t id, const char *result, size_t size)
{
	write_head(out, id, "\"ok\":true,\"result\":");
	buffer_append(out, result, size);
	buffer_append_string(out, "}\n");
}

void control_writer_error(struct buffer *out, int64_t id, const char *code, const char *message)
{
	struct json_writer writer;

	write_head(out, id, "\"ok\":false,\"error\":");
	json_writer_init(&writer, out);
	json_object_begin(&writer, NULL);
	json_string(&writer, "code", code);
	json_string(&writer, "message", message);
	json_object_end(&writer);
	buffer_append_string(out, "}\n");
}

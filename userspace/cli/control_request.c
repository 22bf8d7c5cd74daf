/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/control_request.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "cli/control_request_queue.h"
#include "cli/control_session.h"
#include "cli/control_writer.h"

#define ERROR_ANSWER_MAX 8192

struct control_request {
	LIST_ENTRY(control_request) entry;
	struct control_session *session; /* NULL once the client is gone; then in no queue */
	struct control_message message;
	struct error refusal; /* what an argument reader found wrong */
};

int control_request_new(struct control_session *session, struct control_request_queue *queue,
			struct control_message *message, struct control_request **ret_request)
{
	struct control_request *request = calloc(1, sizeof(*request));

	if (!request) {
		control_message_release(message);
		return -ENOMEM;
	}
	request->session = session;
	request->message = *message;
	message->arguments = NULL;
	LIST_INSERT_HEAD(queue, request, entry);
	*ret_request = request;
	return 0;
}

static void request_free(struct control_request *request)
{
	control_message_release(&request->message);
	free(request);
}

void control_request_detach_all(struct control_request_queue *queue)
{
	struct control_request *request;

	while ((request = LIST_FIRST(queue))) {
		LIST_REMOVE(request, entry);
		request->session = NULL;
	}
}

/* Takes the request and sends `line` in its name. */
static void request_finish(struct control_request *request, const struct buffer *line)
{
	struct control_session *session = request->session;

	if (session)
		LIST_REMOVE(request, entry);
	request_free(request);
	if (session)
		control_session_answer(session, line->data, line->size);
}

void control_reply_error(struct control_request *request, const char *code, const char *format, ...)
{
	struct buffer line = BUFFER_INIT(ERROR_ANSWER_MAX);
	char message[ERROR_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(message, sizeof(message), format, arguments); /* a longer message is cut */
	va_end(arguments);
	control_writer_error(&line, request->message.id, code, message);
	request_finish(request, &line);
	buffer_release(&line);
}

void control_reply(struct control_request *request, const char *result, size_t size)
{
	struct buffer line = BUFFER_INIT(CONTROL_ANSWER_MAX);

	if (memchr(result, '\n', size)) {
		(void)log_error(-EINVAL, "the answer to '%s' is not on one line", request->message.command);
		control_reply_error(request, "internal", "the answer is not on one line; this is a bug in sagentd");
		return;
	}
	control_writer_answer(&line, request->message.id, result, size);
	if (line.failed)
		control_reply_error(request, "too-large",
				    "the answer is larger than %d bytes; ask for fewer rows (limit)",
				    CONTROL_ANSWER_MAX);
	else
		request_finish(request, &line);
	buffer_release(&line);
}

void control_reply_watch(struct control_request *request)
{
	static const char watching[] = "{\"watching\":true}";
	struct control_session *session = request->session;

	control_reply(request, watching, sizeof(watching) - 1);
	if (session)
		control_session_watch(session);
}

static struct json_object *find_argument(const struct control_request *request, const char *key)
{
	struct json_object *value = NULL;

	if (request->message.arguments)
		(void)json_object_object_get_ex(request->message.arguments, key, &value); /* absent: NULL */
	return value;
}

int control_request_uint(struct control_request *request, const char *key, uint64_t min, uint64_t max,
			 uint64_t fallback, uint64_t *ret_value)
{
	struct json_object *value = find_argument(request, key);

	if (!value) {
		*ret_value = fallback;
		return 0;
	}
	/* json-c answers INT64_MAX for what is larger, and 0 for negative numbers as unsigned: sign first. */
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0 ||
	    json_object_get_uint64(value) < min || json_object_get_uint64(value) > max)
		return error_set(&request->refusal, -EINVAL, NULL, 0,
				 "\"%s\" must be an integer from %" PRIu64 " to %" PRIu64, key, min, max);
	*ret_value = json_object_get_uint64(value);
	return 0;
}

int control_request_choice(struct control_request *request, const char *key, const char *const *choices,
			   const char *fallback, const char **ret_value)
{
	struct json_object *value = find_argument(request, key);
	struct buffer list = BUFFER_INIT(512);
	int r;

	if (!value) {
		*ret_value = fallback;
		return 0;
	}
	for (size_t i = 0; choices[i]; i++) {
		if (json_object_is_type(value, json_type_string) &&
		    strcmp(json_object_get_string(value), choices[i]) == 0) {
			*ret_value = choices[i];
			buffer_release(&list);
			return 0;
		}
		buffer_printf(&list, "%s\"%s\"", i > 0 ? ", " : "", choices[i]);
	}
	r = error_set(&request->refusal, -EINVAL, NULL, 0, "\"%s\" must be one of %s", key, list.data ? list.data : "");
	buffer_release(&list);
	return r;
}

int control_request_string(struct control_request *request, const char *key, size_t size_max, const char *fallback,
			   const char **ret_value)
{
	struct json_object *value = find_argument(request, key);
	const char *text = value && json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
	size_t size = text ? (size_t)json_object_get_string_len(value) : 0;

	if (value && (!text || size > size_max || strlen(text) != size))
		return error_set(&request->refusal, -EINVAL, NULL, 0, "\"%s\" must be a text of at most %zu bytes", key,
				 size_max);
	*ret_value = value ? text : fallback;
	return 0;
}

static const struct control_command *find_command(const struct control_command *commands, const char *name)
{
	for (; commands->name; commands++)
		if (strcmp(commands->name, name) == 0)
			return commands;
	return NULL;
}

static int check_argument_names(struct control_request *request, const struct control_command *command)
{
	if (!request->message.arguments)
		return 0;
	json_object_object_foreach(request->message.arguments, key, value)
	{
		bool is_known = false;

		(void)value; /* the handler looks at it */
		for (size_t i = 0; command->arguments && command->arguments[i]; i++)
			is_known = is_known || strcmp(command->arguments[i], key) == 0;
		if (!is_known)
			return error_set(&request->refusal, -EINVAL, NULL, 0, "'%s' takes no argument \"%.64s\"",
					 command->name, key);
	}
	return 0;
}

void control_request_run(struct control_request *request, const struct control_command *commands, void *context)
{
	const struct control_command *command = find_command(commands, request->message.command);
	int r;

	if (!command) {
		control_reply_error(request, "unknown-command", "there is no command '%s'", request->message.command);
		return;
	}
	r = check_argument_names(request, command);
	if (r == 0)
		r = command->handle(context, request);
	if (r >= 0)
		return;
	if (request->refusal.text[0] != '\0')
		control_reply_error(request, "bad-argument", "%s", request->refusal.text);
	else
		control_reply_error(request, "failed", "%s", strerror(-r));
}

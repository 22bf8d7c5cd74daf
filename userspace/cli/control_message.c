/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/control_message.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"

/* A request needs 3 levels; an answer holds an event's ancestors inside its result at most. */
#define REQUEST_DEPTH 8
#define ANSWER_DEPTH  32

static void json_object_putp(struct json_object **object)
{
	json_object_put(*object);
}

static size_t trimmed_size(const char *line, size_t size)
{
	while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t' || line[size - 1] == '\r'))
		size--;
	return size;
}

static int parse_object(const char *line, size_t size, int depth, struct json_object **ret_object, struct error *error)
{
	_cleanup_(json_object_putp) struct json_object *object = NULL;
	enum json_tokener_error problem;
	struct json_tokener *tokener;
	size_t end;

	size = trimmed_size(line, size);
	if (size == 0)
		return error_set(error, -EINVAL, NULL, 0, "an empty line; write one JSON object per line");
	if (size > INT_MAX)
		return error_set(error, -EINVAL, NULL, 0, "a line of %zu bytes is too long", size);
	tokener = json_tokener_new_ex(depth);
	if (!tokener)
		return -ENOMEM;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, line, (int)size);
	problem = json_tokener_get_error(tokener);
	end = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);
	/* A NUL byte ends json-c's parse without an error, so the end is compared too. */
	if (problem != json_tokener_success || end != size)
		return error_set(
			error, -EINVAL, NULL, 0, "not JSON at byte %zu: %s; write one JSON object per line", end,
			problem == json_tokener_success ? "unexpected character" : json_tokener_error_desc(problem));
	if (!json_object_is_type(object, json_type_object))
		return error_set(error, -EINVAL, NULL, 0, "not a JSON object; write {\"command\":\"status\"}");
	*ret_object = TAKE_PTR(object);
	return 0;
}

static bool name_is_valid(const char *name, size_t size)
{
	return size > 0 && strlen(name) == size && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == size;
}

/* A command or an error code: a short word of a few harmless characters. */
static int copy_name(struct json_object *value, char *out, size_t out_size)
{
	size_t size;

	if (!json_object_is_type(value, json_type_string))
		return -EINVAL;
	size = (size_t)json_object_get_string_len(value);
	if (size >= out_size || !name_is_valid(json_object_get_string(value), size))
		return -EINVAL;
	memcpy(out, json_object_get_string(value), size + 1);
	return 0;
}

static int copy_id(struct json_object *value, int64_t *ret_id)
{
	int64_t id;

	if (!value) { /* JSON null */
		*ret_id = CONTROL_ID_NONE;
		return 0;
	}
	if (!json_object_is_type(value, json_type_int))
		return -EINVAL;
	id = json_object_get_int64(value);
	if (id < 0 || id > CONTROL_ID_MAX)
		return -EINVAL;
	*ret_id = id;
	return 0;
}

static int copy_request_field(struct control_message *message, const char *key, struct json_object *value,
			      struct error *error)
{
	if (strcmp(key, "id") == 0) {
		if (copy_id(value, &message->id) < 0)
			return error_set(error, -EINVAL, NULL, 0, "\"id\" must be an integer from 0 to %lld",
					 (long long)CONTROL_ID_MAX);
		return 0;
	}
	if (strcmp(key, "command") == 0) {
		if (copy_name(value, message->command, sizeof(message->command)) < 0)
			return error_set(error, -EINVAL, NULL, 0,
					 "\"command\" must be a string of 1 to %d characters of a-z, 0-9, '.', '-'",
					 CONTROL_COMMAND_SIZE - 1);
		return 0;
	}
	if (strcmp(key, "arguments") == 0) {
		if (!json_object_is_type(value, json_type_object))
			return error_set(error, -EINVAL, NULL, 0, "\"arguments\" must be an object");
		message->arguments = value;
		return 0;
	}
	return error_set(error, -EINVAL, NULL, 0, "unknown key \"%.64s\"; a request has id, command, arguments", key);
}

int control_message_parse(const char *line, size_t size, struct control_message *ret_message, struct error *error)
{
	struct control_message message = {.id = CONTROL_ID_NONE};
	_cleanup_(json_object_putp) struct json_object *object = NULL;
	int r;

	r = parse_object(line, size, REQUEST_DEPTH, &object, error);
	if (r < 0)
		return r;
	json_object_object_foreach(object, key, value)
	{
		r = copy_request_field(&message, key, value, error);
		if (r < 0)
			return r;
	}
	if (message.command[0] == '\0')
		return error_set(error, -EINVAL, NULL, 0, "no \"command\"; write {\"command\":\"status\"}");
	json_object_get(message.arguments); /* outlives the request object */
	*ret_message = message;
	return 0;
}

void control_message_release(struct control_message *message)
{
	if (!message)
		return;
	json_object_put(message->arguments);
	message->arguments = NULL;
}

void control_message_write(struct buffer *out, int64_t id, const char *command, struct json_object *arguments)
{
	buffer_append_string(out, "{");
	if (id != CONTROL_ID_NONE)
		buffer_printf(out, "\"id\":%lld,", (long long)id);
	buffer_printf(out, "\"command\":\"%s\"", command);
	if (arguments) {
		buffer_append_string(out, ",\"arguments\":");
		buffer_append_string(out, json_object_to_json_string_ext(arguments, JSON_C_TO_STRING_PLAIN));
	}
	buffer_append_string(out, "}\n");
}

static int copy_error_field(struct control_answer *answer, struct json_object *object, struct error *error)
{
	struct json_object *code = NULL, *message = NULL;

	if (!json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, "code", &code) ||
	    !json_object_object_get_ex(object, "message", &message) ||
	    copy_name(code, answer->code, sizeof(answer->code)) < 0 || !json_object_is_type(message, json_type_string))
		return error_set(error, -EINVAL, NULL, 0, "an error without a code and a message");
	answer->message = strdup(json_object_get_string(message));
	return answer->message ? 0 : -ENOMEM;
}

int control_answer_parse(const char *line, size_t size, struct control_answer *ret_answer, struct error *error)
{
	struct control_answer answer = {.id = CONTROL_ID_NONE};
	_cleanup_(json_object_putp) struct json_object *object = NULL;
	struct json_object *ok = NULL, *problem = NULL, *id = NULL;
	int r;

	r = parse_object(line, size, ANSWER_DEPTH, &object, error);
	if (r < 0)
		return r;
	if (!json_object_object_get_ex(object, "id", &id) || copy_id(id, &answer.id) < 0)
		return error_set(error, -EINVAL, NULL, 0, "an answer without an id");
	if (!json_object_object_get_ex(object, "ok", &ok) || !json_object_is_type(ok, json_type_boolean))
		return error_set(error, -EINVAL, NULL, 0, "an answer without \"ok\"");
	answer.is_ok = json_object_get_boolean(ok);
	if (!answer.is_ok) {
		(void)json_object_object_get_ex(object, "error", &problem); /* absent: stays NULL and is refused */
		r = copy_error_field(&answer, problem, error);
		if (r < 0)
			return r;
	} else if (!json_object_object_get_ex(object, "result", &answer.result)) {
		return error_set(error, -EINVAL, NULL, 0, "an answer without a result");
	}
	json_object_get(answer.result); /* outlives the answer object */
	*ret_answer = answer;
	return 0;
}

void control_answer_release(struct control_answer *answer)
{
	if (!answer)
		return;
	json_object_put(answer->result);
	free(answer->message);
	answer->result = NULL;
	answer->message = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_message.h: the lines of the control protocol, without any socket.
 *
 * A request is one JSON object on one line:  {"id":1,"command":"top","arguments":{"limit":10}}
 * Its answer is one line:                    {"id":1,"ok":true,"result":...}
 *                                      or    {"id":1,"ok":false,"error":{"code":"...","message":"..."}}
 * `id` (0 .. 2^53 - 1) and `arguments` may be left out of a request; an answer to a request without an id has
 * "id":null. docs/cli.md has the whole protocol. Both parsers take hostile input.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;
struct error;
struct json_object;

#define CONTROL_LINE_MAX     65536             /* bytes of a request, its newline not counted */
#define CONTROL_ANSWER_MAX   (1024 * 1024)     /* bytes of an answer with its newline */
#define CONTROL_COMMAND_SIZE 32                /* a command's name with its NUL: a-z, 0-9, '.', '-' */
#define CONTROL_CODE_SIZE    32                /* an error code with its NUL: same characters */
#define CONTROL_ID_NONE      ((int64_t)-1)     /* the request had no id */
#define CONTROL_ID_MAX       ((1LL << 53) - 1) /* what every JSON reader holds exactly */

struct control_message {
	int64_t id;
	char command[CONTROL_COMMAND_SIZE];
	struct json_object *arguments; /* owned; NULL when the request had none */
};

/* Parses one request without its newline. -EINVAL with *error's text set, or -ENOMEM. */
int control_message_parse(const char *line, size_t size, struct control_message *ret_message, struct error *error);
void control_message_release(struct control_message *message);

/* Appends one request and its newline. `arguments` may be NULL; else a JSON object, borrowed. */
void control_message_write(struct buffer *out, int64_t id, const char *command, struct json_object *arguments);

struct control_answer {
	int64_t id;
	bool is_ok;
	struct json_object *result; /* owned; NULL when the result is null or the answer is an error */
	char code[CONTROL_CODE_SIZE];
	char *message; /* owned; of an error, else NULL */
};

/* Parses one answer without its newline, as a client does. -EINVAL with *error's text set, or -ENOMEM. */
int control_answer_parse(const char *line, size_t size, struct control_answer *ret_answer, struct error *error);
void control_answer_release(struct control_answer *answer);

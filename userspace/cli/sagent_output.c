/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sagent_output.h"

#include <errno.h>
#include <json-c/json.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/escape.h"
#include "cli/ascii_json.h"
#include "cli/client.h"
#include "cli/sagent_command.h"

static int exit_code(int r)
{
	switch (r) {
	case -EINVAL:
		return SAGENT_USAGE;
	case -EREMOTEIO:
	case -EPROTO:
	case -ENOMEM:
	case -EMSGSIZE:
	case -EINTR:
		return SAGENT_FAILED;
	default: /* all that client_connect() may say, and a daemon that hung up, is silent, or refused us */
		return SAGENT_UNREACHABLE;
	}
}

int sagent_report(struct sagent *sagent, int r, const struct error *error)
{
	char text[ERROR_FILE_SIZE + ERROR_TEXT_SIZE + 32], escaped[2 * sizeof(text)];

	(void)fprintf(sagent->err, "sagent: %s\n",
		      escape_line(error_format(error, text, sizeof(text)), escaped, sizeof(escaped)));
	return exit_code(r);
}

int sagent_ask(struct sagent *sagent, const char *command, struct json_object *arguments,
	       struct json_object **ret_result)
{
	_cleanup_(client_freep) struct client *client = NULL;
	struct error error = {0};
	int r;

	r = client_connect(sagent->options.socket_path, &client, &error);
	if (r == 0)
		r = client_call(client, command, arguments, ret_result, &error);
	return r == 0 ? SAGENT_OK : sagent_report(sagent, r, &error);
}

int sagent_flush(struct sagent *sagent)
{
	if (fflush(sagent->out) == 0 && !ferror(sagent->out))
		return SAGENT_OK;
	(void)fprintf(sagent->err, "sagent: cannot write the output: %s\n", strerror(errno));
	return SAGENT_FAILED;
}

int sagent_print(struct sagent *sagent, const struct buffer *text)
{
	if (text->failed) {
		(void)fputs("sagent: out of memory, or the output is larger than 16 MiB\n", sagent->err);
		return SAGENT_FAILED;
	}
	if (text->size > 0)
		(void)fwrite(text->data, text->size, 1, sagent->out); /* sagent_flush() tells when it failed */
	return sagent_flush(sagent);
}

int sagent_print_json(struct sagent *sagent, struct json_object *value)
{
	struct buffer text = BUFFER_INIT(SAGENT_SCREEN_MAX);
	const char *json =
		json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	int r;

	ascii_json_append(&text, json, strlen(json));
	buffer_append_char(&text, '\n');
	r = sagent_print(sagent, &text);
	buffer_release(&text);
	return r;
}

void sagent_screen_size(const struct sagent *sagent, size_t *ret_columns, size_t *ret_rows)
{
	struct winsize size = {0};

	*ret_columns = 0;
	*ret_rows = 0;
	if (!sagent->is_terminal)
		return;
	/* A terminal that does not say (a serial line) is taken for the classic one. */
	if (ioctl(fileno(sagent->out), TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
		size = (struct winsize){.ws_col = 80, .ws_row = 24};
	*ret_columns = size.ws_col;
	*ret_rows = size.ws_row;
}

const char *sagent_local_time(const char *rfc3339, char out[SAGENT_TIME_SIZE])
{
	struct tm utc = {0}, local;
	const char *rest = strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &utc);
	time_t seconds = rest ? timegm(&utc) : -1;

	if (!rest || seconds == -1 || !localtime_r(&seconds, &local) ||
	    strftime(out, SAGENT_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &local) == 0)
		(void)snprintf(out, SAGENT_TIME_SIZE, "%s", rfc3339);
	return out;
}

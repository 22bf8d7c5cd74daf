/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/control_message.h"

#define TIMEOUT_MS 30000
#define READ_SIZE  65536

struct client {
	int fd;
	int timeout_ms;
	int64_t last_id;
	struct buffer input;
	size_t line_size; /* bytes at the front of input that the last line took, its newline included */
};

void client_free(struct client *client)
{
	if (!client)
		return;
	closep(&client->fd);
	buffer_release(&client->input);
	free(client);
}

void client_set_timeout(struct client *client, int timeout_ms)
{
	client->timeout_ms = timeout_ms;
}

static int explain_connect(int code, const char *path, struct error *error)
{
	switch (code) {
	case -ENOENT:
		return error_set(
			error, code, NULL, 0,
			"there is no socket '%s': is sagentd running, and with this socket? (systemctl status sagentd, "
			"--socket)",
			path);
	case -ECONNREFUSED:
		return error_set(error, code, NULL, 0,
				 "nobody serves the socket '%s': sagentd is not running (systemctl start sagentd)",
				 path);
	case -EACCES:
	case -EPERM:
		return error_set(
			error, code, NULL, 0,
			"no permission to use '%s': be root, or a member of the group that owns it (control.group)",
			path);
	default:
		return error_set(error, code, NULL, 0, "cannot connect to '%s': %s", path, strerror(-code));
	}
}

int client_connect(const char *socket_path, struct client **ret_client, struct error *error)
{
	_cleanup_(client_freep) struct client *client = NULL;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = strlen(socket_path);

	if (size == 0 || size >= sizeof(address.sun_path))
		return error_set(error, -ENAMETOOLONG, NULL, 0,
				 "the path of the socket has %zu bytes, a Unix socket takes 1 to %zu; correct --socket",
				 size, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, socket_path, size + 1);
	client = calloc(1, sizeof(*client));
	if (!client)
		return error_set(error, -ENOMEM, NULL, 0, "out of memory");
	client->timeout_ms = TIMEOUT_MS;
	client->input = BUFFER_INIT(CONTROL_ANSWER_MAX + READ_SIZE);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return error_set(error, -errno, NULL, 0, "cannot make a socket: %s", strerror(errno));
	if (connect(client->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return explain_connect(-errno, socket_path, error);
	*ret_client = TAKE_PTR(client);
	return 0;
}

static int wait_for(struct client *client, short events, struct error *error)
{
	struct pollfd waited = {.fd = client->fd, .events = events};
	int r = poll(&waited, 1, client->timeout_ms);

	if (r < 0)
		return error_set(error, -errno, NULL, 0, "waiting for sagentd: %s", strerror(errno));
	if (r == 0)
		return error_set(error, -ETIMEDOUT, NULL, 0, "sagentd did not answer within %d s",
				 client->timeout_ms / 1000);
	return 0;
}

/* A daemon that hung up may have said why: then the answer is what the caller reads next, and no error here. */
static int send_all(struct client *client, const struct buffer *line, struct error *error)
{
	for (size_t sent = 0; sent < line->size;) {
		ssize_t n = send(client->fd, line->data + sent, line->size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r = 0;

		if (n >= 0)
			sent += (size_t)n;
		else if (errno == EPIPE || errno == ECONNRESET)
			return 0;
		else if (errno == EAGAIN)
			r = wait_for(client, POLLOUT, error);
		else if (errno != EINTR)
			r = error_set(error, -errno, NULL, 0, "sending to sagentd: %s", strerror(errno));
		if (r < 0)
			return r;
	}
	return 0;
}

/* Takes in what has come; more than the longest answer without a newline is no sagentd. */
static int receive(struct client *client, struct error *error)
{
	char bytes[READ_SIZE];
	ssize_t n;
	int r = wait_for(client, POLLIN, error);

	if (r < 0)
		return r;
	n = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return error_set(error, -ECONNRESET, NULL, 0, "sagentd closed the connection");
	if (n < 0)
		return errno == EAGAIN || errno == EINTR
			       ? 0
			       : error_set(error, -errno, NULL, 0, "reading from sagentd: %s", strerror(errno));
	buffer_append(&client->input, bytes, (size_t)n);
	if (client->input.failed)
		return error_set(error, -EPROTO, NULL, 0,
				 "what answers has no end of line; is this the socket of sagentd?");
	return 0;
}

int client_read_line(struct client *client, const char **ret_line, size_t *ret_size, struct error *error)
{
	char *end = NULL;
	size_t searched = 0;

	buffer_consume(&client->input, client->line_size);
	client->line_size = 0;
	for (;;) {
		int r;

		if (client->input.size > searched)
			end = memchr(client->input.data + searched, '\n', client->input.size - searched);
		if (end)
			break;
		searched = client->input.size;
		r = receive(client, error);
		if (r < 0)
			return r;
	}
	*end = '\0';
	client->line_size = (size_t)(end - client->input.data) + 1;
	*ret_line = client->input.data;
	*ret_size = client->line_size - 1;
	return 0;
}

static int code_to_errno(const char *code)
{
	static const struct {
		const char *code;
		int r;
	} codes[] = {{"bad-argument", -EINVAL}, {"forbidden", -EACCES}, {"too-many-clients", -EUSERS}};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].r;
	return -EREMOTEIO;
}

static int take_answer(const char *line, size_t size, int64_t id, struct json_object **ret_result, struct error *error)
{
	struct error problem = {0};
	struct control_answer answer;
	int r;

	if (control_answer_parse(line, size, &answer, &problem) < 0)
		return error_set(error, -EPROTO, NULL, 0, "this is no answer of sagentd: %s", problem.text);
	/* Refused connections and unreadable requests are answered without an id. */
	if (!answer.is_ok)
		r = error_set(error, code_to_errno(answer.code), NULL, 0, "sagentd says: %s", answer.message);
	else if (answer.id != id)
		r = error_set(error, -EPROTO, NULL, 0, "sagentd answered another request");
	else
		r = 0;
	if (r == 0) {
		*ret_result = answer.result;
		answer.result = NULL;
	}
	control_answer_release(&answer);
	return r;
}

int client_call(struct client *client, const char *command, struct json_object *arguments,
		struct json_object **ret_result, struct error *error)
{
	struct buffer request = BUFFER_INIT(CONTROL_LINE_MAX + 1);
	const char *line;
	size_t size;
	int r = 0;

	control_message_write(&request, ++client->last_id, command, arguments);
	if (request.failed)
		r = error_set(error, -EMSGSIZE, NULL, 0, "the request is too long, or memory ran out");
	if (r == 0)
		r = send_all(client, &request, error);
	buffer_release(&request);
	if (r == 0)
		r = client_read_line(client, &line, &size, error);
	if (r == 0)
		r = take_answer(line, size, client->last_id, ret_result, error);
	return r;
}

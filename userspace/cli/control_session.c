/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/control_session.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/control.h"
#include "cli/control_message.h"
#include "cli/control_request_queue.h"
#include "cli/control_writer.h"

#define PENDING_MAX 16 /* requests of one client that wait for their answers */

struct control_session {
	const struct control_session_env *env;
	struct bufferevent *bev;
	struct control_request_queue requests;
	size_t pending;
	uint64_t dropped; /* events since the client was last told */
	bool is_watching;
	bool is_processing; /* inside session_process() */
	bool is_at_eof;     /* the client has sent all it will */
	bool is_ending;     /* nothing more is read; closes when all is answered and sent */
};

bool control_session_is_watching(const struct control_session *session)
{
	return session->is_watching;
}

void control_session_free(struct control_session *session)
{
	if (!session)
		return;
	control_request_detach_all(&session->requests);
	if (session->is_watching)
		session->env->stats->watchers--;
	if (session->bev)
		bufferevent_free(session->bev);
	free(session);
}

static void session_close(struct control_session *session)
{
	session->env->on_close(session->env->server, session);
	control_session_free(session);
}

static size_t waiting_output(const struct control_session *session)
{
	return evbuffer_get_length(bufferevent_get_output(session->bev));
}

static void session_send(struct control_session *session, const char *line, size_t size)
{
	/* Out of memory: the client would wait for ever, or read half a line, so its connection ends. */
	if (bufferevent_write(session->bev, line, size) < 0) {
		session->is_ending = true;
		bufferevent_trigger_event(session->bev, BEV_EVENT_ERROR, BEV_TRIG_DEFER_CALLBACKS);
	}
}

/* The client's doing, with no request that could be answered. */
static void session_complain(struct control_session *session, const char *code, const char *message)
{
	struct buffer line = BUFFER_INIT(CONTROL_LINE_MAX);

	session->env->stats->bad_requests++;
	control_writer_error(&line, CONTROL_ID_NONE, code, message);
	if (!line.failed)
		session_send(session, line.data, line.size);
	buffer_release(&line);
}

void control_session_answer(struct control_session *session, const char *line, size_t size)
{
	session->pending--;
	session_send(session, line, size);
	/* Lines may be waiting for room; not from here, because a handler may be below us on the stack. */
	if (!session->is_processing)
		bufferevent_trigger(session->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

void control_session_watch(struct control_session *session)
{
	if (session->is_watching)
		return;
	session->is_watching = true;
	session->env->stats->watchers++;
	bufferevent_set_timeouts(session->bev, NULL, NULL);
}

static void session_tell_dropped(struct control_session *session)
{
	char line[64];
	int size;

	if (session->dropped == 0 || waiting_output(session) > session->env->output_max / 2)
		return;
	size = snprintf(line, sizeof(line), "{\"dropped\":%llu}\n", (unsigned long long)session->dropped);
	session->dropped = 0;
	session_send(session, line, (size_t)size);
}

void control_session_event(struct control_session *session, const char *json, size_t size)
{
	struct evbuffer *output = bufferevent_get_output(session->bev);

	session_tell_dropped(session);
	/* Once one was dropped the rest follow until there is room to say so: the order is never wrong. */
	if (session->dropped > 0 || waiting_output(session) + size + 1 > session->env->output_max ||
	    evbuffer_expand(output, size + 1) < 0) {
		session->dropped++;
		session->env->stats->dropped++;
		return;
	}
	session_send(session, json, size);
	session_send(session, "\n", 1);
}

static void session_line(struct control_session *session, const char *line, size_t size)
{
	struct control_message message;
	struct control_request *request;
	struct error error = {0};

	if (control_message_parse(line, size, &message, &error) < 0) {
		session_complain(session, "bad-request", error.text[0] ? error.text : "out of memory");
		return;
	}
	if (control_request_new(session, &session->requests, &message, &request) < 0) {
		session_complain(session, "failed", "out of memory");
		return;
	}
	session->env->stats->requests++;
	session->pending++;
	control_request_run(request, session->env->commands, session->env->context);
}

static bool session_has_room(const struct control_session *session)
{
	return session->pending < PENDING_MAX && waiting_output(session) < session->env->output_max;
}

/* Handles the next whole line, if there is one. */
static bool session_next_line(struct control_session *session)
{
	struct evbuffer *input = bufferevent_get_input(session->bev);
	struct evbuffer_ptr end = evbuffer_search_eol(input, NULL, NULL, EVBUFFER_EOL_LF);
	size_t size = end.pos >= 0 ? (size_t)end.pos : evbuffer_get_length(input);
	unsigned char *line;

	if (size > CONTROL_LINE_MAX) {
		session_complain(session, "too-long", "a request is at most 65536 bytes");
		session->is_ending = true;
		return false;
	}
	if (end.pos < 0)
		return false;
	line = evbuffer_pullup(input, (ev_ssize_t)size + 1);
	if (!line) {
		session_complain(session, "failed", "out of memory");
		session->is_ending = true;
		return false;
	}
	session_line(session, (const char *)line, size);
	(void)evbuffer_drain(input, size + 1); /* cannot fail: nothing has frozen the buffer's front */
	return true;
}

static void session_process(struct control_session *session)
{
	session->is_processing = true;
	while (!session->is_ending && session_has_room(session) && session_next_line(session))
		;
	session->is_processing = false;

	if (session->is_at_eof && !session->is_ending && session_has_room(session)) {
		if (session->is_watching) {
			session_close(session);
			return;
		}
		if (evbuffer_get_length(bufferevent_get_input(session->bev)) > 0)
			session_complain(session, "bad-request", "the last line has no newline at its end");
		session->is_ending = true;
	}
	if (session->is_ending && session->pending == 0 && waiting_output(session) == 0) {
		session_close(session);
		return;
	}
	if (!session->is_at_eof) {
		if (!session->is_ending && session_has_room(session))
			(void)bufferevent_enable(session->bev, EV_READ);
		else
			(void)bufferevent_disable(session->bev, EV_READ);
	}
}

static void on_readable(struct bufferevent *bev, void *context)
{
	(void)bev;
	session_process(context);
}

static void on_written(struct bufferevent *bev, void *context)
{
	struct control_session *session = context;

	(void)bev;
	session_tell_dropped(session);
	session_process(session);
}

static void on_event(struct bufferevent *bev, short what, void *context)
{
	struct control_session *session = context;

	if (what & BEV_EVENT_EOF) {
		session->is_at_eof = true;
		session_process(session);
	} else if ((what & BEV_EVENT_TIMEOUT) && (what & BEV_EVENT_READING) &&
		   (session->pending > 0 || session->is_watching)) {
		(void)bufferevent_enable(bev, EV_READ); /* it waits for us, not we for it */
	} else {
		session_close(session);
	}
}

int control_session_new(int fd, const struct control_session_env *env, struct control_session **ret_session)
{
	struct control_session *session = calloc(1, sizeof(*session));

	if (session)
		session->bev = bufferevent_socket_new(env->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!session || !session->bev) {
		free(session);
		(void)close(fd);
		return -ENOMEM;
	}
	session->env = env;
	LIST_INIT(&session->requests);
	bufferevent_setcb(session->bev, on_readable, on_written, on_event, session);
	/*
	 * The input is bounded without a high watermark (which crashes libevent 2.1 when it has no memory for one):
	 * each read takes 16 KiB at most, session_process() sees every one, and a client that is not served is not read
	 * from.
	 */
	bufferevent_setwatermark(session->bev, EV_WRITE, env->output_max / 2, 0);
	bufferevent_set_timeouts(session->bev, &env->idle, &env->idle);
	if (bufferevent_enable(session->bev, EV_READ | EV_WRITE) < 0) {
		bufferevent_free(session->bev);
		free(session);
		return -ENOMEM;
	}
	*ret_session = session;
	return 0;
}

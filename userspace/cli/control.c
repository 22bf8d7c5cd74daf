/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/control.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "cli/control_message.h"
#include "cli/control_session.h"
#include "cli/control_socket.h"
#include "cli/control_writer.h"

#define OUTPUT_MAX_DEFAULT (1024 * 1024) /* twice the largest event */
#define IDLE_MS_DEFAULT    60000

/* A session with its place in the list, so that the session itself need not know of one. */
struct client {
	TAILQ_ENTRY(client) entry;
	struct control_session *session;
};

struct control {
	struct control_socket socket;
	struct evconnlistener *listener;
	struct event *retry; /* listens again after accept(2) had no descriptor or memory */
	struct control_session_env env;
	struct control_stats stats;
	TAILQ_HEAD(, client) clients;
	size_t max_clients;
	bool (*is_allowed)(const struct control_peer *peer);
	bool was_full; /* the last connection was refused for that: it is logged once */
};

DEFINE_FREEP(struct control, control_free)

/* The socket is not ours to wait for: what does not fit its buffer at once is lost. */
static void refuse(int fd, const char *code, const char *message)
{
	struct buffer line = BUFFER_INIT(1024);

	control_writer_error(&line, CONTROL_ID_NONE, code, message);
	if (!line.failed)
		(void)send(fd, line.data, line.size, MSG_NOSIGNAL | MSG_DONTWAIT);
	buffer_release(&line);
}

static bool refuse_stranger(struct control *control, int fd)
{
	struct control_peer peer;
	int r;

	r = control_peer_read(fd, control->socket.group, &peer);
	if (r < 0) {
		(void)log_warning(r, "refused a control connection whose owner the kernel does not tell");
	} else {
		if (control->is_allowed(&peer))
			return false;
		(void)log_warning(0, "refused a control connection of pid %d, uid %u: not in the control group",
				  (int)peer.pid, peer.uid);
	}
	control->stats.refused_peers++;
	refuse(fd, "forbidden", "only root, the user of sagentd and members of its control group are let in");
	return true;
}

static bool refuse_too_many(struct control *control, int fd)
{
	bool is_full = control->stats.clients >= control->max_clients;

	if (is_full) {
		control->stats.refused_full++;
		refuse(fd, "too-many-clients", "sagentd serves as many clients as control.max_clients allows already");
		if (!control->was_full)
			(void)log_warning(0, "refused a control connection: %zu clients are connected",
					  control->max_clients);
	}
	control->was_full = is_full;
	return is_full;
}

static void on_close(void *server, struct control_session *session)
{
	struct control *control = server;
	struct client *client;

	TAILQ_FOREACH (client, &control->clients, entry)
		if (client->session == session)
			break;
	TAILQ_REMOVE(&control->clients, client, entry);
	control->stats.clients--;
	free(client);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t socket_fd, struct sockaddr *address,
			  int address_size, void *context)
{
	_cleanup_(closep) int fd = socket_fd;
	_cleanup_(freep) struct client *client = NULL;
	struct control *control = context;
	int r;

	(void)listener;
	(void)address;
	(void)address_size;
	if (refuse_stranger(control, fd) || refuse_too_many(control, fd))
		return;
	client = calloc(1, sizeof(*client));
	r = client ? control_session_new(TAKE_FD(fd), &control->env, &client->session) : -ENOMEM;
	if (r < 0) {
		(void)log_error(r, "accepting a control connection");
		return;
	}
	TAILQ_INSERT_TAIL(&control->clients, client, entry);
	control->stats.clients++;
	client = NULL; /* the list has it */
}

/* Out of descriptors or memory: the connection stays in the backlog, so listening on would spin. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
	static const struct timeval pause = {.tv_sec = 1};
	struct control *control = context;

	(void)log_error(-errno, "accepting a control connection; trying again in a second");
	(void)evconnlistener_disable(listener);
	(void)event_add(control->retry, &pause);
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
	struct control *control = context;

	(void)fd;
	(void)what;
	(void)evconnlistener_enable(control->listener);
}

/* libevent writes with writev(2), which has no MSG_NOSIGNAL. */
static void ignore_sigpipe(void)
{
	struct sigaction now;

	if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL) {
		now.sa_handler = SIG_IGN;
		(void)sigaction(SIGPIPE, &now, NULL); /* fails only for a signal number that is wrong */
	}
}

static struct control_session_env make_env(struct control *control, struct event_base *base,
					   const struct control_config *config)
{
	uint64_t idle_ms = config->idle_ms > 0 ? config->idle_ms : IDLE_MS_DEFAULT;

	return (struct control_session_env){
		.base = base,
		.output_max = config->output_max > 0 ? config->output_max : OUTPUT_MAX_DEFAULT,
		.idle = {.tv_sec = (time_t)(idle_ms / 1000), .tv_usec = (suseconds_t)(idle_ms % 1000) * 1000},
		.stats = &control->stats,
		.on_close = on_close,
		.server = control,
	};
}

int control_new(struct event_base *base, const struct control_config *config, const struct control_command *commands,
		void *context, struct control **ret_control, struct error *error)
{
	_cleanup_(control_freep) struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return -ENOMEM;
	TAILQ_INIT(&control->clients);
	control->socket = CONTROL_SOCKET_INIT;
	control->max_clients = config->max_clients;
	control->is_allowed = config->is_allowed ? config->is_allowed : control_peer_is_allowed;
	control->env = make_env(control, base, config);
	control->env.commands = commands;
	control->env.context = context;
	r = control_socket_open(&control->socket, config->socket_path, config->group, error);
	if (r < 0)
		return r;
	control->retry = evtimer_new(base, on_retry, control);
	control->listener =
		evconnlistener_new(base, on_connection, control, LEV_OPT_CLOSE_ON_EXEC, 0, control->socket.fd);
	if (!control->retry || !control->listener)
		return -ENOMEM;
	evconnlistener_set_error_cb(control->listener, on_accept_error);
	ignore_sigpipe();
	*ret_control = TAKE_PTR(control);
	return 0;
}

void control_free(struct control *control)
{
	struct client *client;

	if (!control)
		return;
	while ((client = TAILQ_FIRST(&control->clients))) {
		TAILQ_REMOVE(&control->clients, client, entry);
		control_session_free(client->session);
		free(client);
	}
	if (control->listener)
		evconnlistener_free(control->listener);
	if (control->retry)
		event_free(control->retry);
	control_socket_close(&control->socket);
	free(control);
}

void control_broadcast(struct control *control, const char *json, size_t size)
{
	struct client *client;

	if (control->stats.watchers == 0)
		return;
	TAILQ_FOREACH (client, &control->clients, entry)
		if (control_session_is_watching(client->session))
			control_session_event(client->session, json, size);
}

bool control_is_watched(const struct control *control)
{
	return control->stats.watchers > 0;
}

struct control_stats control_stats(const struct control *control)
{
	return control->stats;
}

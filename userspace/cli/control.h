/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h: the daemon's side of the control socket.
 *
 * Newline-delimited JSON over a Unix socket (control_message.h). Everything that a client drives is bounded: clients,
 * bytes of a line, unanswered requests, bytes waiting to be read, time without a request. A client that does not read
 * is no longer read from; a watcher that does not keep up loses events, which are counted and told to it as
 * {"dropped":N}. Loop thread only; nothing blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/control_peer.h"
#include "cli/control_request.h"

struct control;
struct error;
struct event_base;

struct control_config {
	const char *socket_path;
	const char *group;  /* name, number, or "" for none */
	size_t max_clients; /* at least 1 */
	size_t output_max;  /* bytes waiting for one client, a single answer aside; 0: 1 MiB */
	uint64_t idle_ms;   /* a client that asks nothing for so long is closed, watchers aside; 0: 60 s */
	bool (*is_allowed)(const struct control_peer *peer); /* NULL: control_peer_is_allowed */
};

struct control_stats {
	size_t clients;
	size_t watchers;
	uint64_t requests;      /* understood */
	uint64_t bad_requests;  /* not understood: garbage, too long, unknown command or argument */
	uint64_t refused_full;  /* connections beyond max_clients */
	uint64_t refused_peers; /* connections of who is not allowed */
	uint64_t dropped;       /* events that slow watchers lost */
};

/*
 * Listens. `commands` (ended by a NULL name) and `context`, which handlers get, are borrowed for the server's life;
 * *config only for the call. Ignores SIGPIPE for the process, unless a handler is set. Errors as control_socket_open().
 */
int control_new(struct event_base *base, const struct control_config *config, const struct control_command *commands,
		void *context, struct control **ret_control, struct error *error);
/* Closes every client, removes the socket file. Not from inside a handler. NULL is fine. */
void control_free(struct control *control);

/* Sends one event (JSON on one line, no newline) to every watcher. */
void control_broadcast(struct control *control, const char *json, size_t size);
/* Whether anybody would get a broadcast, so that nobody writes JSON for none. */
bool control_is_watched(const struct control *control);
struct control_stats control_stats(const struct control *control);

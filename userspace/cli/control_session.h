/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_session.h: one client of the control server: its lines in, its answers and events out.
 *
 * Private to the control server. A session frees itself when its client is gone and says so by `on_close`; the
 * requests that are still unanswered then are only detached from it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cli/control_request.h"

struct control_session;
struct control_stats;
struct event_base;

struct control_session_env {
	struct event_base *base;
	const struct control_command *commands;
	void *context; /* the handlers' */
	size_t output_max;
	struct timeval idle;
	struct control_stats *stats;
	void (*on_close)(void *server, struct control_session *session); /* just before it is freed */
	void *server;
};

/* Takes the connected socket, on failure too. `env` is borrowed for the session's life. */
int control_session_new(int fd, const struct control_session_env *env, struct control_session **ret_session);
/* Without on_close. NULL is fine. */
void control_session_free(struct control_session *session);
bool control_session_is_watching(const struct control_session *session);
/* Sends one event, or counts it as dropped. */
void control_session_event(struct control_session *session, const char *json, size_t size);

/* For control_request.c: sends a line (with its newline); the request is answered. */
void control_session_answer(struct control_session *session, const char *line, size_t size);
void control_session_watch(struct control_session *session);

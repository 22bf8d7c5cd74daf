/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_request.h: one request that a client of the daemon made, as the command's handler sees it.
 *
 * Loop thread only. A handler answers now, or keeps the request and answers later from the loop (a worker's `done`).
 * The client may be gone by then, and the whole server too: answering is still right and only frees the request.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct control_request;

/*
 * A command of the daemon. `handle` returns 0 when it has answered or will, and then owns the request; or a negative
 * errno, and then the server answers with the refusal an argument reader left, or else with what strerror says.
 */
struct control_command {
	const char *name;
	int (*handle)(void *context, struct control_request *request);
	const char *const *arguments; /* the names it takes, NULL-terminated; NULL: none. Others are refused. */
};

/*
 * Arguments of a request. An absent one gives `fallback`. A wrong one is -EINVAL with the refusal ready, so that a
 * handler only does `if (r < 0) return r;`.
 */
int control_request_uint(struct control_request *request, const char *key, uint64_t min, uint64_t max,
			 uint64_t fallback, uint64_t *ret_value);
/* The value must be one of `choices` (NULL-terminated); *ret_value is that choice (not the client's copy) or fallback.
 */
int control_request_choice(struct control_request *request, const char *key, const char *const *choices,
			   const char *fallback, const char **ret_value);

/* Any text of at most size_max bytes, without a NUL in it; lives until the request is answered. */
int control_request_string(struct control_request *request, const char *key, size_t size_max, const char *fallback,
			   const char **ret_value);

/*
 * Both take the request. `result` is JSON text on one line; one that holds a newline or is larger than
 * CONTROL_ANSWER_MAX becomes an error answer, logged.
 */
void control_reply(struct control_request *request, const char *result, size_t size);
void control_reply_error(struct control_request *request, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Takes the request: answers {"watching":true}; from now on the client gets every control_broadcast(). */
void control_reply_watch(struct control_request *request);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h: a connection to sagentd's control socket, blocking with a time limit. One thread, one request at a time.
 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

struct client;
struct error;
struct json_object;

/*
 * Connects. Errors have one sentence in *error that says what to check: -ENOENT, -ECONNREFUSED (not running), -EACCES,
 * -ENAMETOOLONG, others of connect(2).
 */
int client_connect(const char *socket_path, struct client **ret_client, struct error *error);
void client_free(struct client *client); /* NULL is fine */
DEFINE_FREEP(struct client, client_free)

/* For each wait on the daemon; negative: for ever. Before the first call 30 s. */
void client_set_timeout(struct client *client, int timeout_ms);

/*
 * One request and its answer; *ret_result (NULL for null) is the caller's to json_object_put(). `arguments` may be
 * NULL and is borrowed. Errors, each with its sentence: -EREMOTEIO (the daemon answered with an error), -EINVAL (it
 * refused an argument), -EACCES (it does not let us in), -EUSERS (too many clients), -ECONNRESET (it hung up),
 * -ETIMEDOUT, -EINTR (a signal), -EPROTO (an answer that is none). After any but the first two the connection is good
 * for client_free() only.
 */
int client_call(struct client *client, const char *command, struct json_object *arguments,
		struct json_object **ret_result, struct error *error);

/*
 * The next line, without its newline, NUL-terminated, borrowed until the next call. Errors as client_call(), with
 * -ECONNRESET at the end of the stream.
 */
int client_read_line(struct client *client, const char **ret_line, size_t *ret_size, struct error *error);

/* SPDX-License-Identifier: Apache-2.0 */
/* control_request_queue.h: the unanswered requests of one session. Private to the control server. */
#pragma once

#include <sys/queue.h>

#include "cli/control_message.h"

struct control_command;
struct control_request;
struct control_session;

LIST_HEAD(control_request_queue, control_request);

/* Takes the message's contents, on failure too. The request is in `queue` until answered. -ENOMEM. */
int control_request_new(struct control_session *session, struct control_request_queue *queue,
			struct control_message *message, struct control_request **ret_request);
/* Runs the command and, when it fails, answers for it. Takes the request. */
void control_request_run(struct control_request *request, const struct control_command *commands, void *context);
/* The session ends: its requests live on until they are answered, into nothing. */
void control_request_detach_all(struct control_request_queue *queue);

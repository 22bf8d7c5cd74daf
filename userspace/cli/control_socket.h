/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_socket.h: the listening Unix socket at a path: made, guarded, removed.
 *
 * A lock on "<path>.lock" is held for as long as the socket is open, so of two daemons that start together one is
 * refused. A socket file that a dead daemon left is replaced; one that answers is never touched. The mode is 0660 and
 * the group is set before listen(2), so nobody connects under wrong permissions.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct error;

struct control_socket {
	int fd;      /* listening, non-blocking; -1 when closed */
	int lock_fd; /* -1 when closed */
	gid_t group; /* CONTROL_GROUP_NONE when none was asked for */
	char *path;  /* owned */
	dev_t dev;   /* of the socket file we made, so that only that one is removed */
	ino_t ino;
};

#define CONTROL_SOCKET_INIT ((struct control_socket){.fd = -1, .lock_fd = -1})

/*
 * `group` is a name, a number, or "" for no group. Errors, each with a sentence in *error: -ENAMETOOLONG (a path that
 * does not fit sockaddr_un), -EADDRINUSE (a live daemon has it), -EEXIST (something that is no socket is there),
 * -ESRCH (no such group), -ENOENT, -EACCES, -EPERM, others of bind(2).
 */
int control_socket_open(struct control_socket *listener, const char *path, const char *group, struct error *error);
/* Closes, and removes the file when it is still the one we made. A closed one is fine. */
void control_socket_close(struct control_socket *listener);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h: a descriptor that lines go to, written without waiting.
 *
 * It is never made non-blocking for others who share it: a terminal or pipe that is our stdout is opened anew through
 * /proc/self/fd, a socket is written with MSG_DONTWAIT. Where that cannot be (a terminal that we may not open), writes
 * are kept to what poll(2) promises. A regular file is written as it is: Linux has no write to one that does not wait
 * for the disk when the page cache is over its limit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum sink_way { SINK_FILE, SINK_NONBLOCKING, SINK_SOCKET, SINK_POLL };

struct sink {
	int fd; /* owned */
	enum sink_way way;
	bool is_terminal;
	bool is_torn; /* a file whose last line lacks its newline: who wrote it before us was killed */
};

/* Opens the file for appending, made with mode 0600 if missing; NULL is stdout. 0 or the negative errno of open(2). */
int sink_open(const char *path, struct sink *ret_sink);
void sink_release(struct sink *sink);
/* Bytes written, maybe fewer than `size`; -EAGAIN when it would wait; other negative errno of write(2). */
ssize_t sink_write(const struct sink *sink, const char *data, size_t size);
/* Columns and rows of the terminal now; false when it is none or does not say. */
bool sink_terminal_size(const struct sink *sink, unsigned int *ret_columns, unsigned int *ret_rows);

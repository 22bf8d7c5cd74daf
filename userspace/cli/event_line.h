/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_line.h: one event of the stream as one line for a person.
 *
 *     12:00:01.123 ALERT  shadow (os-credential)  /usr/bin/cat[4711] uid 0  open openat read x1  < bash < sshd
 *
 * Events are JSON from another process: anything that is not what it should be is shown as far as it goes, escaped.
 */
#pragma once

#include <stddef.h>

struct buffer;

/* Appends the line and its newline. */
void event_line_append(struct buffer *out, const char *json, size_t size);

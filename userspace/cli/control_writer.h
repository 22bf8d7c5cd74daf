/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_writer.h: the answers of the control protocol (control_message.h), as the daemon writes them.
 *
 * Apart from the parsers because json-c and json_writer.h do not go into one file: both have a json_bool.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct buffer;

/* Each appends one answer and its newline. `result` is JSON text on one line (not checked), size bytes of it. */
void control_writer_answer(struct buffer *out, int64_t id, const char *result, size_t size);
/* `message` may hold any bytes. */
void control_writer_error(struct buffer *out, int64_t id, const char *code, const char *message);

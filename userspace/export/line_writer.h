/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line_writer.h: lines to a file, pipe, socket or terminal that may be slow, full or gone, without ever waiting.
 *
 * Lines go into a bounded buffer and out whole, in order, at the end of the loop's turn. States:
 *
 *     ready     written as they come
 *     blocked   the reader is slow (EAGAIN): goes on when the descriptor is writable
 *     failing   the disk is full or broken (ENOSPC, EIO, EFBIG, ...): tried again every retry_ms; one log line when it
 *               begins and one when it ends
 *     ended     the reader is gone (EPIPE): one log line, for good
 *
 * A line that does not fit is dropped whole and its weight counted; the loss is told by callbacks.lost once there is
 * room again. A line that was half written when the disk filled up is completed later in the same file; after a reopen
 * it is written whole in the new one.
 *
 * How a descriptor is written without waiting is sink.h. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/output.h"

struct line_writer;

/* As output_open(). The config's strings are copied. */
int line_writer_new(struct event_base *base, const struct output_config *config, struct line_writer **ret_writer,
		    struct error *error);
/* As output_free(). */
void line_writer_free(struct line_writer *writer);

/* Appends `line` and a newline, or drops both and counts `weight` (saturating). */
void line_writer_append(struct line_writer *writer, const char *line, size_t size, uint64_t weight);
/* Counts a line that could not even be made. */
void line_writer_drop(struct line_writer *writer, uint64_t weight);
void line_writer_flush(struct line_writer *writer);
/* Blocks for at most half a second until all is written; reports what was dropped, as the room allows. */
void line_writer_drain(struct line_writer *writer);
void line_writer_reopen(struct line_writer *writer);

bool line_writer_is_terminal(const struct line_writer *writer);
/* Columns and rows of the terminal now; false when it is none or does not say. */
bool line_writer_terminal_size(const struct line_writer *writer, unsigned int *ret_columns, unsigned int *ret_rows);
uint64_t line_writer_dropped(const struct line_writer *writer);

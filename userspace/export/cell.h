/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cell.h: text from anywhere, fitted into so many columns of a terminal.
 *
 * Whatever the bytes, what comes out is printable UTF-8 that moves the cursor to the right by the columns returned (or
 * by less, for marks of scripts that cell.c does not know) and never more than asked for. Escaped: control characters,
 * bytes that are no UTF-8, and characters that are invisible or turn the direction of text.
 */
#pragma once

#include <stddef.h>

struct buffer;

/* Columns that the text takes, escaped and not shortened. */
size_t cell_width(const char *text);
/* Appends the text, shortened in the middle by an ellipsis when it is wider than `columns`; returns the columns used.
 */
size_t cell_write(struct buffer *buffer, const char *text, size_t columns);
/* The same, but a path loses its middle directories before any of its name: "/usr/lib…/python3". */
size_t cell_write_path(struct buffer *buffer, const char *path, size_t columns);
/* Appends what fits from the start, without an ellipsis; *ret_taken is how many bytes of the text that was. */
size_t cell_write_head(struct buffer *buffer, const char *text, size_t columns, size_t *ret_taken);
void cell_pad(struct buffer *buffer, size_t columns);

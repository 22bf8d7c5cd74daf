/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h: what went wrong in something a person wrote: which file, which line, what to write instead.
 *
 * Parsers fill one; whoever called the parser shows it. Fixed size, no ownership.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#define ERROR_FILE_SIZE 512
#define ERROR_TEXT_SIZE 1024

struct error {
	char file[ERROR_FILE_SIZE]; /* "" when it is about no file; control bytes escaped; an over-long name is cut with
				       "..." */
	int line;                   /* from 1; 0 when unknown */
	char text[ERROR_TEXT_SIZE]; /* one line, no newline, says what to write instead */
};

/*
 * Fills *error (which may be NULL) and returns `code`, a negative errno, so that a parser can
 * `return error_set(error, -EINVAL, path, line, "...")`. `file` may be NULL. The first error wins: an error that is
 * already set (text not empty) is kept.
 */
int error_set(struct error *error, int code, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Formats "file:line: text", "file: text" or "text" into out, always terminated; returns out. */
const char *error_format(const struct error *error, char *out, size_t out_size);

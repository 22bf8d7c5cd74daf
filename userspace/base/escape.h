/* SPDX-License-Identifier: Apache-2.0 */
/*
 * escape.h: text from anywhere (file names, the kernel) made fit for one line of a terminal or log.
 *
 * Control characters (C0, DEL, C1) become \n, \t, \r or \xNN by byte, so do the line separators U+2028 and U+2029, the
 * characters that reverse the direction of text, and bytes that are not UTF-8. All else is kept as it is.
 */
#pragma once

#include <stddef.h>

/* Writes the escaped `text` into out, always terminated; what does not fit is cut and ends with "...". Returns out. */
const char *escape_line(const char *text, char *out, size_t out_size);
const char *escape_line_sized(const char *text, size_t size, char *out, size_t out_size);

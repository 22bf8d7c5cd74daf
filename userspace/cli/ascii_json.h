/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ascii_json.h: JSON text with nothing in it but printable ASCII, so that no terminal obeys what a file name holds.
 */
#pragma once

#include <stddef.h>

struct buffer;

/*
 * Appends `text`, JSON on one line, with each character that is not printable ASCII as \uXXXX (as a surrogate pair
 * above U+FFFF); bytes that are not UTF-8 become \ufffd, stray control bytes spaces. The same value for a reader.
 */
void ascii_json_append(struct buffer *out, const char *text, size_t size);

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/escape.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

#define ESCAPED_MAX 16 /* four bytes as \xNN */

static bool is_harmless(uint32_t character)
{
	if (character < 0x20 || (character >= 0x7f && character <= 0x9f))
		return false;
	if (character == 0x2028 || character == 0x2029)
		return false;
	/* Marks that change the direction of text, by which a name can look like another. */
	if (character == 0x200e || character == 0x200f || (character >= 0x202a && character <= 0x202e) ||
	    (character >= 0x2066 && character <= 0x2069))
		return false;
	return true;
}

static size_t escape_byte(char byte, char out[4])
{
	static const char digits[] = "0123456789abcdef";

	out[0] = '\\';
	if (byte == '\n' || byte == '\t' || byte == '\r') {
		out[1] = byte == '\n' ? 'n' : byte == '\t' ? 't' : 'r';
		return 2;
	}
	out[1] = 'x';
	out[2] = digits[(unsigned char)byte >> 4];
	out[3] = digits[(unsigned char)byte & 0xf];
	return 4;
}

/* Escapes the character at the start of text into out; returns the bytes written, and those read in *ret_taken. */
static size_t escape_one(const char *text, size_t size, char out[ESCAPED_MAX], size_t *ret_taken)
{
	uint32_t character;
	size_t taken = utf8_decode(text, size, &character);
	size_t written = 0;

	if (taken > 0 && is_harmless(character)) {
		memcpy(out, text, taken);
		*ret_taken = taken;
		return taken;
	}
	*ret_taken = taken > 0 ? taken : 1;
	for (size_t i = 0; i < *ret_taken; i++)
		written += escape_byte(text[i], out + written);
	return written;
}

const char *escape_line_sized(const char *text, size_t size, char *out, size_t out_size)
{
	static const char dots[] = "...";
	size_t used = 0, fallback = 0; /* fallback: how much to keep when the dots must follow */

	if (out_size == 0)
		return out;
	for (size_t at = 0; at < size;) {
		char piece[ESCAPED_MAX];
		size_t taken, length = escape_one(text + at, size - at, piece, &taken);

		if (used + length >= out_size) {
			size_t room = out_size - 1 - fallback;
			size_t count = room < sizeof(dots) - 1 ? room : sizeof(dots) - 1;

			memcpy(out + fallback, dots, count);
			used = fallback + count;
			break;
		}
		memcpy(out + used, piece, length);
		used += length;
		at += taken;
		if (used + sizeof(dots) <= out_size)
			fallback = used;
	}
	out[used] = '\0';
	return out;
}

const char *escape_line(const char *text, char *out, size_t out_size)
{
	return escape_line_sized(text, strlen(text), out, out_size);
}

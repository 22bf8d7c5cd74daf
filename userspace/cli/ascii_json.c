/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ascii_json.h"

#include "base/buffer.h"
#include "base/utf8.h"

static void append_escaped(struct buffer *out, uint32_t character)
{
	if (character >= 0x10000) {
		character -= 0x10000;
		buffer_printf(out, "\\u%04x\\u%04x", 0xd800 + (character >> 10), 0xdc00 + (character & 0x3ff));
	} else {
		buffer_printf(out, "\\u%04x", character);
	}
}

static size_t plain_run(const char *text, size_t size)
{
	size_t run = 0;

	while (run < size && text[run] >= 0x20 && text[run] < 0x7f)
		run++;
	return run;
}

void ascii_json_append(struct buffer *out, const char *text, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t taken = plain_run(text + at, size - at);
		uint32_t character;

		if (taken > 0) {
			buffer_append(out, text + at, taken);
		} else if ((unsigned char)text[at] < 0x20) {
			buffer_append_char(out,
					   ' '); /* outside strings only: inside, JSON has no raw control characters */
			taken = 1;
		} else {
			taken = utf8_decode(text + at, size - at, &character);
			append_escaped(out, taken > 0 ? character : 0xfffd);
			taken = taken > 0 ? taken : 1;
		}
		at += taken;
	}
}

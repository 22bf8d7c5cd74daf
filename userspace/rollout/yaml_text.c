/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/yaml_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/utf8.h"

#define LOWER_CASE "abcdefghijklmnopqrstuvwxyz"
#define UPPER_CASE "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define PLAIN      LOWER_CASE UPPER_CASE "0123456789./_@+-"

/* Begins with a letter or a slash, holds nothing that YAML gives a meaning, and is none of YAML 1.1's words. */
static bool is_plain(const char *value)
{
	static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};

	if (!value[0] || !strchr(LOWER_CASE UPPER_CASE "/", value[0]) || value[strspn(value, PLAIN)])
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(value, words[i]) == 0)
			return false;
	return true;
}

static void append_character(struct buffer *out, uint32_t character)
{
	if (character == '"' || character == '\\')
		buffer_append_char(out, '\\');
	if (character >= ' ' && character < 0x7f)
		buffer_append_char(out, (char)character);
	else if (character <= 0xffff)
		buffer_printf(out, "\\u%04x", character);
	else
		buffer_printf(out, "\\U%08x", character);
}

void yaml_append_value(struct buffer *out, const char *value)
{
	size_t size = strlen(value);

	if (is_plain(value)) {
		buffer_append(out, value, size);
		return;
	}
	buffer_append_char(out, '"');
	for (size_t at = 0; at < size;) {
		uint32_t character = 0xfffd;
		size_t taken = utf8_decode(value + at, size - at, &character);

		append_character(out, taken > 0 ? character : 0xfffd);
		at += taken > 0 ? taken : 1;
	}
	buffer_append_char(out, '"');
}

void yaml_append_comment(struct buffer *out, const char *text)
{
	for (; *text; text++) {
		if (*text >= ' ' && *text < 0x7f)
			buffer_append_char(out, *text);
		else
			buffer_printf(out, "\\x%02x", (unsigned char)*text);
	}
}

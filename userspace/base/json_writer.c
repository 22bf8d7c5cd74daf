/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/utf8.h"

#define DEPTH_MAX 32

void json_writer_init(struct json_writer *writer, struct buffer *buffer)
{
	*writer = (struct json_writer){.buffer = buffer};
}

static void write_escape(struct buffer *buffer, uint32_t character)
{
	switch (character) {
	case '"':
		buffer_append(buffer, "\\\"", 2);
		break;
	case '\\':
		buffer_append(buffer, "\\\\", 2);
		break;
	case '\n':
		buffer_append(buffer, "\\n", 2);
		break;
	case '\r':
		buffer_append(buffer, "\\r", 2);
		break;
	case '\t':
		buffer_append(buffer, "\\t", 2);
		break;
	default:
		buffer_printf(buffer, "\\u%04x", (unsigned int)character);
	}
}

/* Beyond what RFC 8259 asks, C1 controls and the Unicode line ends are escaped: readers split lines at them. */
static bool needs_escape(uint32_t character)
{
	return character < 0x20 || character == '"' || character == '\\' || (character >= 0x7f && character <= 0x9f) ||
	       character == 0x2028 || character == 0x2029;
}

static void write_quoted(struct buffer *buffer, const char *value, size_t size)
{
	size_t plain = 0; /* start of the run that goes out as it is */

	buffer_append_char(buffer, '"');
	for (size_t at = 0; at < size;) {
		uint32_t character;
		size_t taken = utf8_decode(value + at, size - at, &character);

		if (taken > 0 && !needs_escape(character)) {
			at += taken;
			continue;
		}
		buffer_append(buffer, value + plain, at - plain);
		if (taken > 0)
			write_escape(buffer, character);
		else
			buffer_append_string(buffer, "\xef\xbf\xbd");
		at += taken > 0 ? taken : 1;
		plain = at;
	}
	buffer_append(buffer, value + plain, size - plain);
	buffer_append_char(buffer, '"');
}

/* Everything that stands before a value: the comma and the key. */
static void begin_value(struct json_writer *writer, const char *key)
{
	if (writer->depth > 0) {
		uint32_t bit = 1U << (writer->depth - 1);

		if (writer->has_members & bit)
			buffer_append_char(writer->buffer, ',');
		writer->has_members |= bit;
	}
	if (key) {
		write_quoted(writer->buffer, key, strlen(key));
		buffer_append_char(writer->buffer, ':');
	}
}

static void begin_nested(struct json_writer *writer, const char *key, char bracket)
{
	begin_value(writer, key);
	if (writer->depth == DEPTH_MAX) {
		writer->buffer->failed = true;
		return;
	}
	buffer_append_char(writer->buffer, bracket);
	writer->depth++;
	writer->has_members &= ~(1U << (writer->depth - 1));
}

static void end_nested(struct json_writer *writer, char bracket)
{
	if (writer->depth == 0) {
		writer->buffer->failed = true;
		return;
	}
	writer->depth--;
	buffer_append_char(writer->buffer, bracket);
}

void json_object_begin(struct json_writer *writer, const char *key)
{
	begin_nested(writer, key, '{');
}

void json_object_end(struct json_writer *writer)
{
	end_nested(writer, '}');
}

void json_array_begin(struct json_writer *writer, const char *key)
{
	begin_nested(writer, key, '[');
}

void json_array_end(struct json_writer *writer)
{
	end_nested(writer, ']');
}

void json_string(struct json_writer *writer, const char *key, const char *value)
{
	json_string_sized(writer, key, value, value ? strlen(value) : 0);
}

void json_string_sized(struct json_writer *writer, const char *key, const char *value, size_t size)
{
	begin_value(writer, key);
	if (value)
		write_quoted(writer->buffer, value, size);
	else
		buffer_append(writer->buffer, "null", 4);
}

static void write_decimal(struct buffer *buffer, uint64_t value, bool is_negative)
{
	char digits[21]; /* 20 for 2^64 - 1, and a sign */
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	if (is_negative)
		digits[--at] = '-';
	buffer_append(buffer, digits + at, sizeof(digits) - at);
}

void json_int(struct json_writer *writer, const char *key, int64_t value)
{
	begin_value(writer, key);
	write_decimal(writer->buffer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
}

void json_uint(struct json_writer *writer, const char *key, uint64_t value)
{
	begin_value(writer, key);
	write_decimal(writer->buffer, value, false);
}

void json_double(struct json_writer *writer, const char *key, double value)
{
	char text[64];

	begin_value(writer, key);
	if (!isfinite(value)) {
		buffer_append(writer->buffer, "null", 4);
		return;
	}
	/* The shortest of these that reads back as the same number; 17 digits always do. */
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	for (char *comma = text; *comma != '\0'; comma++)
		if (*comma == ',') /* a locale's decimal sign */
			*comma = '.';
	buffer_append_string(writer->buffer, text);
}

void json_bool(struct json_writer *writer, const char *key, bool value)
{
	begin_value(writer, key);
	buffer_append_string(writer->buffer, value ? "true" : "false");
}

void json_null(struct json_writer *writer, const char *key)
{
	begin_value(writer, key);
	buffer_append(writer->buffer, "null", 4);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_writer.h: an append-only JSON writer for the per-event path (json-c is for everything else).
 *
 * Writes RFC 8259 text into a buffer; allocates only when the buffer grows. Commas are its own business. Strings may
 * hold any bytes: control characters are escaped, bytes that are not UTF-8 become U+FFFD, so that the output is always
 * valid JSON in valid UTF-8 on one line. Nesting up to 32; deeper marks the buffer failed.
 *
 *     json_object_begin(&w, NULL);
 *     json_string(&w, "name", name);          name NULL writes null
 *     json_array_begin(&w, "args");
 *     json_string(&w, NULL, "element");       key NULL inside arrays and at the top
 *     json_array_end(&w);
 *     json_object_end(&w);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;

struct json_writer {
	struct buffer *buffer; /* borrowed */
	uint32_t has_members;  /* bit per depth */
	unsigned int depth;
};

void json_writer_init(struct json_writer *writer, struct buffer *buffer);
void json_object_begin(struct json_writer *writer, const char *key);
void json_object_end(struct json_writer *writer);
void json_array_begin(struct json_writer *writer, const char *key);
void json_array_end(struct json_writer *writer);
void json_string(struct json_writer *writer, const char *key, const char *value);
void json_string_sized(struct json_writer *writer, const char *key, const char *value, size_t size);
void json_int(struct json_writer *writer, const char *key, int64_t value);
void json_uint(struct json_writer *writer, const char *key, uint64_t value);
void json_double(struct json_writer *writer, const char *key, double value); /* not finite writes null */
void json_bool(struct json_writer *writer, const char *key, bool value);
void json_null(struct json_writer *writer, const char *key);

/* SPDX-License-Identifier: Apache-2.0 */
#include "export/cell.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/utf8.h"

#define ELLIPSIS  "\xe2\x80\xa6"
#define MARKS_MAX 2 /* combining marks on one character; more would paint over the lines around */

struct range {
	uint32_t first, last;
};

/* Unicode's East Asian Width W and F, and emoji, in blocks: too wide a guess only shortens a cell earlier. */
static const struct range wide[] = {
	{0x1100, 0x115f},   {0x231a, 0x231b}, {0x23e9, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},
	{0x2648, 0x2653},   {0x267f, 0x267f}, {0x2693, 0x2693},   {0x26a1, 0x26a1},   {0x26aa, 0x26ab},
	{0x26bd, 0x26be},   {0x26c4, 0x26c5}, {0x26ce, 0x26ce},   {0x26d4, 0x26d4},   {0x26ea, 0x26ea},
	{0x26f2, 0x26f3},   {0x26f5, 0x26f5}, {0x26fa, 0x26fa},   {0x26fd, 0x26fd},   {0x2705, 0x2705},
	{0x270a, 0x270b},   {0x2728, 0x2728}, {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2757},
	{0x2795, 0x2797},   {0x27b0, 0x27bf}, {0x2b1b, 0x2b1c},   {0x2b50, 0x2b55},   {0x2e80, 0xa4cf},
	{0xa960, 0xa97f},   {0xac00, 0xd7a3}, {0xf900, 0xfaff},   {0xfe10, 0xfe1f},   {0xfe30, 0xfe6f},
	{0xff00, 0xff60},   {0xffe0, 0xffe6}, {0x16fe0, 0x18dff}, {0x1aff0, 0x1b2ff}, {0x1f000, 0x1faff},
	{0x20000, 0x3fffd},
};

static const struct range marks[] = {
	{0x300, 0x36f},   {0x483, 0x489},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
	{0x20d0, 0x20ff}, {0xfe00, 0xfe0e}, {0xfe20, 0xfe2f},
};

/* Control, invisible, direction-changing, private or no characters at all. U+FE0F turns what is before it wide. */
static const struct range unshown[] = {
	{0x0, 0x1f},         {0x7f, 0x9f},     {0xad, 0xad},       {0x34f, 0x34f},     {0x61c, 0x61c},
	{0x115f, 0x1160},    {0x17b4, 0x17b5}, {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},
	{0x2060, 0x206f},    {0x3164, 0x3164}, {0xe000, 0xf8ff},   {0xfe0f, 0xfe0f},   {0xfeff, 0xfeff},
	{0xffa0, 0xffa0},    {0xfff0, 0xffff}, {0x1bca0, 0x1bcaf}, {0x1d173, 0x1d17a}, {0x1f3fb, 0x1f3ff},
	{0xe0000, 0x10ffff},
};

/* What one character or byte of the text becomes. */
struct glyph {
	size_t taken; /* bytes of the text */
	size_t columns;
	char text[16];
	size_t size;
};

static bool is_in(const struct range *ranges, size_t count, uint32_t character)
{
	for (size_t i = 0; i < count; i++)
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	return false;
}

#define IS_IN(ranges, character) is_in(ranges, sizeof(ranges) / sizeof((ranges)[0]), character)

static void set_escape(struct glyph *glyph, bool is_byte, uint32_t value)
{
	glyph->size = (size_t)snprintf(glyph->text, sizeof(glyph->text), is_byte ? "\\x%02x" : "\\u{%x}", value);
	glyph->columns = glyph->size;
}

static void next_glyph(const char *text, size_t size, unsigned int *marks_before, struct glyph *ret)
{
	uint32_t character = 0;
	bool is_mark;

	ret->taken = utf8_decode(text, size, &character);
	is_mark = ret->taken > 1 && IS_IN(marks, character);
	if (ret->taken == 0) {
		ret->taken = 1;
		set_escape(ret, true, (unsigned char)*text);
	} else if (character == '\n' || character == '\t' || character == '\r') {
		ret->text[0] = '\\';
		ret->text[1] = character == '\n' ? 'n' : character == '\t' ? 't' : 'r';
		ret->size = ret->columns = 2;
	} else if (IS_IN(unshown, character) || (is_mark && *marks_before >= MARKS_MAX)) {
		set_escape(ret, character < 0x80, character);
	} else {
		memcpy(ret->text, text, ret->taken);
		ret->size = ret->taken;
		ret->columns = is_mark ? 0 : ret->taken > 1 && IS_IN(wide, character) ? 2 : 1;
	}
	*marks_before = is_mark ? *marks_before + 1 : 0;
}

static size_t width_of(const char *text, size_t size)
{
	unsigned int marks_before = MARKS_MAX; /* none stands on nothing */
	size_t columns = 0;
	struct glyph glyph;

	for (size_t at = 0; at < size; at += glyph.taken) {
		next_glyph(text + at, size - at, &marks_before, &glyph);
		columns += glyph.columns;
	}
	return columns;
}

size_t cell_width(const char *text)
{
	return width_of(text, strlen(text));
}

/* The end matters most: of a path it is the name. */
static size_t write_shortened(struct buffer *buffer, const char *text, size_t size, size_t total, size_t columns)
{
	size_t head = (columns - 1) * 2 / 5, tail = columns - 1 - head;
	size_t seen = 0, used = 1;
	unsigned int marks_before = MARKS_MAX;
	bool is_past_head = false, is_in_tail = false;
	struct glyph glyph;

	for (size_t at = 0; at < size; at += glyph.taken) {
		next_glyph(text + at, size - at, &marks_before, &glyph);
		if (!is_past_head && seen + glyph.columns > head) {
			is_past_head = true;
			buffer_append_string(buffer, ELLIPSIS);
			tail += head - seen;
		}
		if (is_past_head && total - seen <= tail && glyph.columns > 0)
			is_in_tail = true; /* a mark alone, its letter fallen out, would stand on the ellipsis */
		if (!is_past_head || is_in_tail) {
			buffer_append(buffer, glyph.text, glyph.size);
			used += glyph.columns;
		}
		seen += glyph.columns;
	}
	return used;
}

size_t cell_write_head(struct buffer *buffer, const char *text, size_t columns, size_t *ret_taken)
{
	size_t size = strlen(text), used = 0, at = 0;
	unsigned int marks_before = MARKS_MAX;
	struct glyph glyph;

	for (; at < size; at += glyph.taken) {
		next_glyph(text + at, size - at, &marks_before, &glyph);
		if (used + glyph.columns > columns)
			break;
		buffer_append(buffer, glyph.text, glyph.size);
		used += glyph.columns;
	}
	*ret_taken = at;
	return used;
}

size_t cell_write(struct buffer *buffer, const char *text, size_t columns)
{
	size_t size = strlen(text), total = width_of(text, size), taken;

	if (columns == 0)
		return 0;
	if (total > columns)
		return write_shortened(buffer, text, size, total, columns);
	return cell_write_head(buffer, text, columns, &taken);
}

size_t cell_write_path(struct buffer *buffer, const char *path, size_t columns)
{
	const char *slash = strrchr(path, '/');
	size_t name_columns = slash ? cell_width(slash) : 0, used, taken;

	if (!slash || name_columns + 1 > columns || cell_width(path) <= columns)
		return cell_write(buffer, path, columns);
	used = cell_write_head(buffer, path, columns - name_columns - 1, &taken);
	buffer_append_string(buffer, ELLIPSIS);
	return used + 1 + cell_write_head(buffer, slash, name_columns, &taken);
}

void cell_pad(struct buffer *buffer, size_t columns)
{
	static const char spaces[] = "                                ";

	while (columns > 0) {
		size_t n = columns < sizeof(spaces) - 1 ? columns : sizeof(spaces) - 1;

		buffer_append(buffer, spaces, n);
		columns -= n;
	}
}

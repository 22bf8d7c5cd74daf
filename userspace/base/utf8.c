/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

static const struct {
	uint8_t mask, lead;
	uint32_t least; /* smallest character that needs this many bytes */
} forms[] = {
	{0x80, 0x00, 0},
	{0xe0, 0xc0, 0x80},
	{0xf0, 0xe0, 0x800},
	{0xf8, 0xf0, 0x10000},
};

size_t utf8_decode(const char *text, size_t size, uint32_t *ret_character)
{
	if (size == 0)
		return 0;
	uint8_t first = (uint8_t)text[0];
	for (size_t extra = 0; extra < sizeof(forms) / sizeof(forms[0]); extra++) {
		if ((first & forms[extra].mask) != forms[extra].lead)
			continue;
		if (extra >= size)
			return 0;
		uint32_t character = first & (uint8_t)~forms[extra].mask;
		for (size_t i = 1; i <= extra; i++) {
			uint8_t next = (uint8_t)text[i];
			if ((next & 0xc0) != 0x80)
				return 0;
			character = character << 6 | (next & 0x3f);
		}
		if (character < forms[extra].least || character > 0x10ffff ||
		    (character >= 0xd800 && character <= 0xdfff))
			return 0;
		*ret_character = character;
		return extra + 1;
	}
	return 0;
}

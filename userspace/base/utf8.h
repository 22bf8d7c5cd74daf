/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h: UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, nothing above U+10FFFF. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Length in bytes (1 to 4) of the character at the start of `text`, of which `size` bytes may be read, and the
 * character itself; 0 when these bytes are no character.
 */
size_t utf8_decode(const char *text, size_t size, uint32_t *ret_character);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packed.h: strings one behind the other in one block: a key to look up by, and the strings themselves to read back.
 * Strings that differ, or are NULL in another place, give blocks that differ.
 */
#pragma once

struct buffer;

void packed_append(struct buffer *out, const char *string); /* NULL is not the same as "" */
/* The string at *at, as packed_append() put it there; *at then is behind it. Borrowed from the block. */
const char *packed_take(const char **at);

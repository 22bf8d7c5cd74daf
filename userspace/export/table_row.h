/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_row.h: one access as one line of the live table.
 *
 * What a column shows (docs/events.md has the exact values):
 *   VERDICT    allow; ALERT; DENY when it was stopped, deny when a deny rule matched but nothing could stop it
 *   SECRET     its name, and the file's path where there is room
 *   PROCESS    exe pid user unit (without ".service" and ".scope") or container (12 digits), exe "(deleted)", "(memfd)"
 *   HOW        the way in, "+w" for writing, "+32" for a 32-bit system call, the target's pid, the errno if refused
 *   COUNT      new accesses; from 100,000 on in k, M, G, T, P, E
 *   ANCESTORS  names of executables, parent first
 */
#pragma once

#include <stdbool.h>

#include "base/access.h"
#include "export/layout.h"

struct buffer;

enum table_style {
	STYLE_PLAIN,
	STYLE_DIM,
	STYLE_HEADER,
	STYLE_ALLOW,
	STYLE_ALERT,
	STYLE_DENY,
	STYLE_LOSS,
	STYLE_COUNT,
};

/* SGR sequences; "" without colours. STYLE_PLAIN resets. */
const char *table_style_on(enum table_style style, bool has_colors);

void table_row_write_header(struct buffer *buffer, const struct layout *layout, bool has_colors);
/* Without a newline; at most layout->columns wide. */
void table_row_write_access(struct buffer *buffer, const struct layout *layout, const struct access *access,
			    bool has_colors);
/* "HH:MM:SS" in local time. */
void table_row_write_time(struct buffer *buffer, uint64_t real_ns);

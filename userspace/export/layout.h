/* SPDX-License-Identifier: Apache-2.0 */
/* layout.h: which columns the live table has at a width, and how wide each is. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum table_column {
	COLUMN_TIME,
	COLUMN_VERDICT,
	COLUMN_SECRET,
	COLUMN_CLASS,
	COLUMN_PROCESS,
	COLUMN_HOW,
	COLUMN_COUNT,
	COLUMN_ANCESTORS,
	COLUMN_TOTAL,
};

#define LAYOUT_COLUMNS_MIN 40
#define LAYOUT_COLUMNS_MAX 1000

struct layout {
	size_t columns;             /* of the terminal, within the bounds above */
	size_t gap;                 /* blanks between two columns */
	size_t width[COLUMN_TOTAL]; /* 0: not shown at this width */
};

/* The widths and the gaps between shown columns add up to at most `columns`. */
void layout_fit(struct layout *ret_layout, size_t columns);
const char *layout_title(enum table_column column);
bool layout_is_right_aligned(enum table_column column);

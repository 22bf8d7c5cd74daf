/* SPDX-License-Identifier: Apache-2.0 */
#include "export/layout.h"

#define GAP_WIDE_FROM 132

static const struct {
	const char *title;
	size_t least, most;
	size_t share;      /* of what is left when all have their least */
	size_t shown_from; /* columns of the terminal */
	bool is_right_aligned;
} specs[COLUMN_TOTAL] = {
	[COLUMN_TIME] = {"TIME", 8, 8, 0, 0, false},
	[COLUMN_VERDICT] = {"VERDICT", 10, 10, 0, 0, false},
	[COLUMN_SECRET] = {"SECRET", 15, 48, 5, 0, false},
	[COLUMN_CLASS] = {"CLASS", 13, 17, 1, 120, false},
	[COLUMN_PROCESS] = {"PROCESS", 36, 96, 4, 0, false},
	[COLUMN_HOW] = {"HOW", 13, 26, 1, 0, false},
	[COLUMN_COUNT] = {"COUNT", 5, 5, 0, 0, true},
	[COLUMN_ANCESTORS] = {"ANCESTORS", 15, LAYOUT_COLUMNS_MAX, 4, 106, false},
};

const char *layout_title(enum table_column column)
{
	return specs[column].title;
}

bool layout_is_right_aligned(enum table_column column)
{
	return specs[column].is_right_aligned;
}

/* Sets every shown column to its least and returns the columns that takes, gaps included. */
static size_t start_with_least(struct layout *layout)
{
	size_t used = 0;

	for (int i = 0; i < COLUMN_TOTAL; i++) {
		layout->width[i] = layout->columns >= specs[i].shown_from ? specs[i].least : 0;
		if (layout->width[i])
			used += layout->width[i] + (used ? layout->gap : 0);
	}
	return used;
}

static void shrink(struct layout *layout, size_t excess)
{
	while (excess--) {
		int widest = COLUMN_SECRET;

		for (int i = 0; i < COLUMN_TOTAL; i++)
			if (specs[i].share && layout->width[i] > layout->width[widest])
				widest = i;
		layout->width[widest]--;
	}
}

/* Column by column to whoever is furthest behind its share, so that rounding loses none. */
static void grow(struct layout *layout, size_t spare)
{
	while (spare--) {
		int next = -1;
		size_t next_taken = 0;

		for (int i = 0; i < COLUMN_TOTAL; i++) {
			size_t taken = layout->width[i] - specs[i].least;

			if (!specs[i].share || !layout->width[i] || layout->width[i] >= specs[i].most)
				continue;
			if (next < 0 || taken * specs[next].share < next_taken * specs[i].share) {
				next = i;
				next_taken = taken;
			}
		}
		if (next < 0)
			return;
		layout->width[next]++;
	}
}

void layout_fit(struct layout *ret_layout, size_t columns)
{
	struct layout layout = {.columns = columns};
	size_t used;

	if (layout.columns < LAYOUT_COLUMNS_MIN)
		layout.columns = LAYOUT_COLUMNS_MIN;
	if (layout.columns > LAYOUT_COLUMNS_MAX)
		layout.columns = LAYOUT_COLUMNS_MAX;
	layout.gap = layout.columns >= GAP_WIDE_FROM ? 2 : 1;
	used = start_with_least(&layout);
	if (used > layout.columns)
		shrink(&layout, used - layout.columns);
	else
		grow(&layout, layout.columns - used);
	*ret_layout = layout;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grid.h: rows and columns of text for a screen: columns as wide as what is in them, cut to fit a width.
 *
 * Cells may hold any bytes; they are escaped (escape.h). When the rows are wider than the screen, columns that may
 * shrink do, the widest first; paths lose their front and other text its end, marked "...".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buffer;
struct grid;

#define GRID_COLUMNS_MAX 16
#define GRID_ROWS_MAX    100000

struct grid_column {
	const char *title;
	bool is_number; /* to the right */
	bool is_path;   /* cut at the front */
	bool shrinks;
};

/* `columns` (up to GRID_COLUMNS_MAX) is borrowed for the grid's life. -ENOMEM, -EINVAL. */
int grid_new(const struct grid_column *columns, size_t count, struct grid **ret_grid);
void grid_free(struct grid *grid); /* NULL is fine */
/* Adds the next cell, row by row. Out of memory or beyond GRID_ROWS_MAX: -ENOMEM, and the grid stays as it is. */
int grid_cell(struct grid *grid, const char *text);
int grid_cell_number(struct grid *grid, unsigned long long number);
/* Appends the titles and at most rows_max rows; width 0: as wide as it gets. A row that is not full is left out. */
void grid_write(const struct grid *grid, size_t width, size_t rows_max, struct buffer *out);

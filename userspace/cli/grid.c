/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/grid.h"

#include <errno.h>
#include <wchar.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/escape.h"
#include "base/utf8.h"

#define CELL_SIZE    8192 /* of one escaped cell */
#define GAP          2    /* spaces between columns */
#define SHRUNK_WIDTH 8    /* what a column that shrinks keeps at least */

struct grid {
	const struct grid_column *columns;
	size_t columns_count;
	char **cells; /* escaped */
	size_t cells_count;
	size_t cells_capacity;
	size_t widths[GRID_COLUMNS_MAX];
};

/* Screen columns of one character: 0 for combining marks, 2 for wide ones, 1 when the locale does not know it. */
static size_t character_width(uint32_t character)
{
	int width = wcwidth((wchar_t)character);

	return width >= 0 ? (size_t)width : 1;
}

/* The text was escaped, so it is UTF-8 throughout. */
static size_t text_width(const char *text)
{
	size_t width = 0, size = strlen(text), length;
	uint32_t character;

	for (size_t at = 0; at < size && (length = utf8_decode(text + at, size - at, &character)) > 0; at += length)
		width += character_width(character);
	return width;
}

int grid_new(const struct grid_column *columns, size_t count, struct grid **ret_grid)
{
	struct grid *grid;

	if (count == 0 || count > GRID_COLUMNS_MAX)
		return -EINVAL;
	grid = calloc(1, sizeof(*grid));
	if (!grid)
		return -ENOMEM;
	grid->columns = columns;
	grid->columns_count = count;
	for (size_t i = 0; i < count; i++)
		grid->widths[i] = text_width(columns[i].title);
	*ret_grid = grid;
	return 0;
}

void grid_free(struct grid *grid)
{
	if (!grid)
		return;
	for (size_t i = 0; i < grid->cells_count; i++)
		free(grid->cells[i]);
	free(grid->cells);
	free(grid);
}

static int make_room(struct grid *grid)
{
	size_t capacity = grid->cells_capacity > 0 ? grid->cells_capacity * 2 : 64 * grid->columns_count;
	char **cells;

	if (grid->cells_count < grid->cells_capacity)
		return 0;
	if (grid->cells_count >= GRID_ROWS_MAX * grid->columns_count)
		return -ENOMEM;
	cells = reallocarray(grid->cells, capacity, sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	grid->cells = cells;
	grid->cells_capacity = capacity;
	return 0;
}

int grid_cell(struct grid *grid, const char *text)
{
	size_t *widest = &grid->widths[grid->cells_count % grid->columns_count];
	char escaped[CELL_SIZE];
	size_t width;

	if (make_room(grid) < 0)
		return -ENOMEM;
	grid->cells[grid->cells_count] = strdup(escape_line(text, escaped, sizeof(escaped)));
	if (!grid->cells[grid->cells_count])
		return -ENOMEM;
	width = text_width(grid->cells[grid->cells_count++]);
	if (width > *widest)
		*widest = width;
	return 0;
}

int grid_cell_number(struct grid *grid, unsigned long long number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", number);
	return grid_cell(grid, text);
}

/* Takes from the widest column that shrinks, until all fit or none can give any more. */
static void fit_widths(const struct grid *grid, size_t screen, size_t widths[GRID_COLUMNS_MAX])
{
	size_t total = (grid->columns_count - 1) * GAP;

	for (size_t i = 0; i < grid->columns_count; i++) {
		widths[i] = grid->widths[i];
		total += widths[i];
	}
	while (screen > 0 && total > screen) {
		size_t widest = GRID_COLUMNS_MAX;

		for (size_t i = 0; i < grid->columns_count; i++)
			if (grid->columns[i].shrinks && widths[i] > SHRUNK_WIDTH &&
			    (widest == GRID_COLUMNS_MAX || widths[i] > widths[widest]))
				widest = i;
		if (widest == GRID_COLUMNS_MAX)
			return;
		widths[widest]--;
		total--;
	}
}

/* Bytes at the front of the text that are `width` screen columns at most. */
static size_t front_size(const char *text, size_t width)
{
	size_t size = strlen(text), at = 0, length;
	uint32_t character;

	while (at < size && (length = utf8_decode(text + at, size - at, &character)) > 0) {
		size_t wide = character_width(character);

		if (wide > width)
			break;
		width -= wide;
		at += length;
	}
	return at;
}

static void write_cut(const struct grid_column *column, const char *text, size_t width, struct buffer *out)
{
	size_t kept = width - 3; /* the dots; a column that shrinks is never narrower than SHRUNK_WIDTH */
	size_t all = text_width(text);

	if (column->is_path) {
		size_t skipped = front_size(text, all - kept);

		/* A wide character at the border may make it one too many. */
		if (text_width(text + skipped) > kept)
			skipped += front_size(text + skipped, 2);
		buffer_append_string(out, "...");
		buffer_append_string(out, text + skipped);
	} else {
		buffer_append(out, text, front_size(text, kept));
		buffer_append_string(out, "...");
	}
}

static void write_cell(const struct grid_column *column, const char *text, size_t width, bool is_last,
		       struct buffer *out)
{
	size_t used = text_width(text);
	int padding = used < width ? (int)(width - used) : 0;

	if (column->is_number)
		buffer_printf(out, "%*s", padding, "");
	if (used > width)
		write_cut(column, text, width, out);
	else
		buffer_append_string(out, text);
	if (is_last)
		buffer_append_char(out, '\n');
	else
		buffer_printf(out, "%*s", GAP + (column->is_number ? 0 : padding), "");
}

void grid_write(const struct grid *grid, size_t width, size_t rows_max, struct buffer *out)
{
	size_t rows = grid->cells_count / grid->columns_count;
	size_t widths[GRID_COLUMNS_MAX];

	fit_widths(grid, width, widths);
	for (size_t i = 0; i < grid->columns_count; i++)
		write_cell(&grid->columns[i], grid->columns[i].title, widths[i], i + 1 == grid->columns_count, out);
	for (size_t row = 0; row < rows && row < rows_max; row++)
		for (size_t i = 0; i < grid->columns_count; i++)
			write_cell(&grid->columns[i], grid->cells[row * grid->columns_count + i], widths[i],
				   i + 1 == grid->columns_count, out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <json-c/json.h>

#include "base/buffer.h"
#include "cli/grid.h"
#include "cli/json_field.h"
#include "cli/sagent_command.h"
#include "cli/sagent_output.h"

static const struct grid_column columns[] = {
	{.title = "SECRET", .shrinks = true},
	{.title = "CLASS", .shrinks = true},
	{.title = "POLICY", .shrinks = true},
	{.title = "FILES", .is_number = true},
	{.title = "ACCESSES", .is_number = true},
	{.title = "ALERTS", .is_number = true},
	{.title = "DENIED", .is_number = true},
	{.title = "READERS", .is_number = true},
	{.title = "LAST"},
};

static int add_row(struct grid *grid, struct json_object *row)
{
	static const char *const names[] = {"name", "class", "policy"};
	static const char *const numbers[] = {"files", "accesses", "alerts", "denied", "readers"};
	const char *last = json_field_string(row, "last", NULL);
	char time[SAGENT_TIME_SIZE];
	int r = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && r == 0; i++)
		r = grid_cell(grid, json_field_string(row, names[i], "?"));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && r == 0; i++)
		r = grid_cell_number(grid, json_field_uint(row, numbers[i], 0));
	if (r == 0)
		r = grid_cell(grid, last ? sagent_local_time(last, time) : "never");
	return r;
}

static void render(struct json_object *result, size_t width, struct buffer *out)
{
	struct json_object *rows = json_field_array(result, "rows");
	size_t count = rows ? json_object_array_length(rows) : 0;
	struct grid *grid;

	if (grid_new(columns, sizeof(columns) / sizeof(columns[0]), &grid) < 0) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		if (add_row(grid, json_object_array_get_idx(rows, i)) < 0)
			out->failed = true;
	grid_write(grid, width, count, out);
	grid_free(grid);
}

int sagent_secrets(struct sagent *sagent)
{
	struct buffer text = BUFFER_INIT(SAGENT_SCREEN_MAX);
	struct json_object *arguments = json_object_new_object(), *result = NULL;
	size_t width, height;
	int r;

	json_object_object_add(arguments, "since_s", json_object_new_uint64(sagent->options.since_s));
	json_object_object_add(arguments, "limit", json_object_new_uint64(sagent->options.limit));
	r = sagent_ask(sagent, "secrets", arguments, &result);
	json_object_put(arguments);
	if (r != SAGENT_OK)
		return r;
	if (sagent->options.given & SAGENT_OPTION_JSON) {
		r = sagent_print_json(sagent, result);
	} else {
		sagent_screen_size(sagent, &width, &height);
		render(result, width, &text);
		r = sagent_print(sagent, &text);
	}
	buffer_release(&text);
	json_object_put(result);
	return r;
}

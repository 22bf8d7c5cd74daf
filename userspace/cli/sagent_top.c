/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <time.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/escape.h"
#include "cli/client.h"
#include "cli/duration.h"
#include "cli/grid.h"
#include "cli/json_field.h"
#include "cli/sagent_command.h"
#include "cli/sagent_output.h"
#include "cli/terminal.h"

#define REFRESH_MS 2000
#define ANSWER_MS  10000 /* a screen that does not move any longer than this should say why */

static const struct grid_column exe_columns[] = {
	{.title = "ACCESSES", .is_number = true},
	{.title = "ALERTS", .is_number = true},
	{.title = "DENIED", .is_number = true},
	{.title = "SECRETS", .is_number = true},
	{.title = "LAST"},
	{.title = "USER", .shrinks = true},
	{.title = "EXE", .is_path = true, .shrinks = true},
};

static const struct grid_column process_columns[] = {
	{.title = "PID", .is_number = true},     {.title = "ACCESSES", .is_number = true},
	{.title = "ALERTS", .is_number = true},  {.title = "DENIED", .is_number = true},
	{.title = "SECRETS", .is_number = true}, {.title = "LAST"},
	{.title = "USER", .shrinks = true},      {.title = "EXE", .is_path = true, .shrinks = true},
};

static int add_row(struct grid *grid, struct json_object *row, bool by_process)
{
	static const char *const numbers[] = {"accesses", "alerts", "denied", "secrets"};
	const char *exe = json_field_string(row, "exe", "");
	char time[SAGENT_TIME_SIZE];
	int r = 0;

	if (by_process)
		r = json_field(row, "pid") ? grid_cell_number(grid, json_field_uint(row, "pid", 0))
					   : grid_cell(grid, "-");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && r == 0; i++)
		r = grid_cell_number(grid, json_field_uint(row, numbers[i], 0));
	if (r == 0)
		r = grid_cell(grid, sagent_local_time(json_field_string(row, "last", "-"), time));
	if (r == 0)
		r = grid_cell(grid, json_field_string(row, "user", "-"));
	if (r == 0)
		r = grid_cell(grid, exe[0] != '\0' ? exe : "-");
	return r;
}

void sagent_top_render(struct json_object *result, const char *by, size_t width, size_t rows_max, struct buffer *out)
{
	bool by_process = strcmp(by, "process") == 0;
	struct json_object *rows = json_field_array(result, "rows");
	size_t count = rows ? json_object_array_length(rows) : 0;
	struct grid *grid;
	int r;

	r = by_process ? grid_new(process_columns, sizeof(process_columns) / sizeof(process_columns[0]), &grid)
		       : grid_new(exe_columns, sizeof(exe_columns) / sizeof(exe_columns[0]), &grid);
	if (r < 0) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < count && i < rows_max; i++)
		if (add_row(grid, json_object_array_get_idx(rows, i), by_process) < 0)
			out->failed = true;
	grid_write(grid, width, rows_max, out);
	grid_free(grid);
}

static struct json_object *make_arguments(const struct sagent_options *options)
{
	struct json_object *arguments = json_object_new_object();

	json_object_object_add(arguments, "since_s", json_object_new_uint64(options->since_s));
	json_object_object_add(arguments, "limit", json_object_new_uint64(options->limit));
	json_object_object_add(arguments, "by", json_object_new_string(options->by));
	return arguments;
}

static int top_once(struct sagent *sagent)
{
	struct buffer text = BUFFER_INIT(SAGENT_SCREEN_MAX);
	struct json_object *arguments = make_arguments(&sagent->options), *result = NULL;
	size_t width, height;
	int r = sagent_ask(sagent, "top", arguments, &result);

	json_object_put(arguments);
	if (r != SAGENT_OK)
		return r;
	if (sagent->options.given & SAGENT_OPTION_JSON) {
		r = sagent_print_json(sagent, result);
	} else {
		sagent_screen_size(sagent, &width, &height);
		sagent_top_render(result, sagent->options.by, width, SIZE_MAX, &text);
		r = sagent_print(sagent, &text);
	}
	buffer_release(&text);
	json_object_put(result);
	return r;
}

/* Asks on the open connection, or on a new one; one that failed is closed. */
static int ask_again(struct sagent *sagent, struct client **client, struct json_object *arguments,
		     struct json_object **ret_result, struct error *error)
{
	int r = 0;

	if (!*client)
		r = client_connect(sagent->options.socket_path, client, error);
	if (r == 0) {
		client_set_timeout(*client, ANSWER_MS);
		r = client_call(*client, "top", arguments, ret_result, error);
	}
	if (r < 0) {
		client_free(*client);
		*client = NULL;
	}
	return r;
}

/* sagentd may have been restarted since the last time: then the old connection is closed, and a new one will do. */
static int refresh(struct sagent *sagent, struct client **client, struct json_object *arguments,
		   struct json_object **ret_result, struct error *error)
{
	bool was_connected = *client != NULL;
	int r = ask_again(sagent, client, arguments, ret_result, error);

	if (r == -ECONNRESET && was_connected) {
		*error = (struct error){0};
		r = ask_again(sagent, client, arguments, ret_result, error);
	}
	return r;
}

static void draw(struct sagent *sagent, struct json_object *result, const struct error *error)
{
	struct buffer text = BUFFER_INIT(SAGENT_SCREEN_MAX);
	char since[DURATION_TEXT_SIZE], now[16] = "", problem[2 * ERROR_TEXT_SIZE];
	time_t seconds = time(NULL);
	struct tm local;
	size_t width, height;

	sagent_screen_size(sagent, &width, &height);
	if (localtime_r(&seconds, &local))
		(void)strftime(now, sizeof(now), "%H:%M:%S", &local);
	buffer_printf(&text, "\033[H\033[2Jsagent top  %s  the last %s  q quits\n", now,
		      duration_format(sagent->options.since_s, since));
	if (error->text[0] != '\0')
		buffer_printf(&text, "%s\n", escape_line(error->text, problem, sizeof(problem)));
	if (result && height > 4) /* the head, the titles, an error, the line that the cursor is on */
		sagent_top_render(result, sagent->options.by, width, height - 4, &text);
	(void)sagent_print(sagent, &text); /* a terminal that is gone ends the loop by its keys */
	buffer_release(&text);
}

static int wait_for_quit(void)
{
	int key = terminal_key(REFRESH_MS);

	return key == 'q' || key == 'Q' || (key < 0 && key != -EAGAIN && key != -EINTR);
}

/* Keeps the last answer on the screen while sagentd cannot be reached, and says so. */
static int top_on_screen(struct sagent *sagent)
{
	struct json_object *arguments = make_arguments(&sagent->options), *result = NULL;
	struct client *client = NULL;
	struct error error;
	int r;

	do {
		struct json_object *latest = NULL;

		error = (struct error){0};
		r = refresh(sagent, &client, arguments, &latest, &error);
		if (r == 0) {
			json_object_put(result);
			result = latest;
		}
		draw(sagent, result, &error);
	} while (!wait_for_quit());

	terminal_give_back();
	client_free(client);
	json_object_put(arguments);
	json_object_put(result);
	return r == 0 ? SAGENT_OK : sagent_report(sagent, r, &error);
}

int sagent_top(struct sagent *sagent)
{
	const unsigned int one_shot = SAGENT_OPTION_JSON | SAGENT_OPTION_ONCE;

	if (!sagent->is_terminal || (sagent->options.given & one_shot) ||
	    terminal_take(STDIN_FILENO, fileno(sagent->out)) < 0)
		return top_once(sagent);
	return top_on_screen(sagent);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c: the output "table": accesses as they happen, for a person at a terminal.
 *
 * One line an event, cut to the terminal's width; a header each screenful and when the width changes; a summary when
 * the sensor stops. Colours on a terminal only, unless NO_COLOR is set (no-color.org) or TERM is "dumb".
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/tamper.h"
#include "export/cell.h"
#include "export/layout.h"
#include "export/line_writer.h"
#include "export/output.h"
#include "export/summary.h"
#include "export/table_row.h"

#define COLUMNS_DEFAULT     160
#define ROWS_BETWEEN_HEADER 50 /* where there is no screen */
#define ROWS_MIN            8  /* a header more often than that would be most of what is seen */
#define TEXT_MAX            (64 * 1024)
#define NOTE_LINES          8
#define NOTE_LINE_MAX       (4 * LAYOUT_COLUMNS_MAX + 64) /* bytes */

struct table {
	struct line_writer *writer;
	struct layout layout;
	struct summary summary;
	struct buffer text; /* the line or block being made */
	uint64_t opened_boot_ns;
	size_t rows_since_header;
	bool has_colors;
	bool has_header;
	int day; /* of the year, of the last line; -1 before the first */
};

static const char *style_on(const struct table *table, enum table_style style)
{
	return table_style_on(style, table->has_colors);
}

static void put_text(struct table *table, uint64_t weight)
{
	/* A block that found no memory is dropped, and counted, as one that found no room. */
	if (table->text.failed)
		line_writer_drop(table->writer, weight);
	else
		line_writer_append(table->writer, table->text.data, table->text.size, weight);
}

/* ---------------------------------------------------------------- the screen */

static void screen_size(const struct table *table, unsigned int *ret_columns, unsigned int *ret_rows)
{
	const char *text = getenv("COLUMNS");
	unsigned long columns = text ? strtoul(text, NULL, 10) : 0;

	*ret_rows = ROWS_BETWEEN_HEADER;
	if (line_writer_terminal_size(table->writer, ret_columns, ret_rows))
		return;
	*ret_columns = columns > 0 && columns <= LAYOUT_COLUMNS_MAX ? (unsigned int)columns : COLUMNS_DEFAULT;
}

static void put_header_when_due(struct table *table)
{
	unsigned int columns, rows;

	screen_size(table, &columns, &rows);
	if (rows < ROWS_MIN)
		rows = ROWS_MIN;
	if (table->has_header && columns == table->layout.columns && table->rows_since_header < rows - 2)
		return;
	layout_fit(&table->layout, columns);
	table->layout.columns = columns; /* what to compare with, be it out of the layout's bounds */
	buffer_reset(&table->text);
	table_row_write_header(&table->text, &table->layout, table->has_colors);
	put_text(table, 0);
	table->has_header = true;
	table->rows_since_header = 0;
}

/* Times have no date; a line tells when the day turns. */
static void put_day_when_new(struct table *table, uint64_t real_ns)
{
	time_t seconds = (time_t)(real_ns / NS_PER_SEC);
	struct tm local;
	char date[32];

	if (!localtime_r(&seconds, &local) || local.tm_yday == table->day)
		return;
	if (table->day >= 0 && strftime(date, sizeof(date), "%A %Y-%m-%d", &local) > 0) {
		buffer_reset(&table->text);
		buffer_printf(&table->text, "%s-------- %s%s", style_on(table, STYLE_DIM), date,
			      style_on(table, STYLE_PLAIN));
		put_text(table, 0);
		table->rows_since_header++;
	}
	table->day = local.tm_yday;
}

/* ---------------------------------------------------------------- lines that are no access */

/* Where to break a line of text that goes on: at the last blank, if that is not too far back. */
static size_t break_at(const char *text, size_t taken)
{
	const char *blank = text[taken] ? memrchr(text, ' ', taken) : NULL;

	return blank && (size_t)(blank - text) > taken / 2 ? (size_t)(blank - text) + 1 : taken;
}

static void write_note_line(struct table *table, enum table_style style, const char *text, size_t size)
{
	char line[NOTE_LINE_MAX];
	size_t taken;

	(void)snprintf(line, sizeof(line), "%.*s", (int)size, text);
	buffer_append_string(&table->text, style_on(table, style));
	(void)cell_write_head(&table->text, line, sizeof(line), &taken);
	buffer_append_string(&table->text, style_on(table, STYLE_PLAIN));
}

/* The time, then `text` in a style, broken into lines under the verdict's column; no more than NOTE_LINES. */
static void put_note(struct table *table, enum table_style style, const struct buffer *note)
{
	const char *text = note->failed || !note->data ? "(out of memory)" : note->data;
	struct buffer scratch = BUFFER_INIT(TEXT_MAX);
	uint64_t now_ns = clock_real_ns();
	unsigned int columns, rows;
	struct layout layout;
	size_t indent;

	screen_size(table, &columns, &rows);
	layout_fit(&layout, columns);
	indent = layout.width[COLUMN_TIME] + layout.gap;
	put_day_when_new(table, now_ns);
	buffer_reset(&table->text);
	buffer_append_string(&table->text, style_on(table, STYLE_DIM));
	table_row_write_time(&table->text, now_ns);
	buffer_append_string(&table->text, style_on(table, STYLE_PLAIN));
	cell_pad(&table->text, layout.gap);
	for (unsigned int i = 0; i < NOTE_LINES && *text; i++) {
		size_t taken;

		if (i > 0) {
			buffer_append_char(&table->text, '\n');
			cell_pad(&table->text, indent);
		}
		buffer_reset(&scratch);
		(void)cell_write_head(&scratch, text, layout.columns - indent, &taken);
		taken = break_at(text, taken);
		write_note_line(table, style, text, taken);
		text += taken;
		table->rows_since_header++;
	}
	buffer_release(&scratch);
	put_text(table, 1);
}

static void write_amount(struct buffer *text, uint64_t amount, const char *one, const char *many)
{
	buffer_printf(text, "%" PRIu64 " %s", amount, amount == 1 ? one : many);
}

static void put_started(struct table *table, struct buffer *text, const struct event_started *started)
{
	buffer_printf(text, "watching: %s backend, %s tier, ", started->backend, tier_name(started->tier));
	write_amount(text, started->policies, "policy, ", "policies, ");
	write_amount(text, started->secrets, "secret in ", "secrets in ");
	write_amount(text, started->files, "file", "files");
	put_note(table, STYLE_DIM, text);
	for (size_t i = 0; i < started->blind_spots_count && i < EVENT_LIST_MAX; i++) {
		buffer_reset(text);
		buffer_printf(text, "cannot see: %s", started->blind_spots[i]);
		put_note(table, STYLE_DIM, text);
	}
}

static void put_loss(struct table *table, struct buffer *text, const struct event_loss *loss)
{
	buffer_printf(text, "LOSS    %" PRIu64 " at %s, %" PRIu64 " since the start: %s", loss->count,
		      loss_place_name(loss->place), loss->total,
		      event_loss_keeps_counts(loss->place) ? "counts stay exact"
							   : "accesses may be missing from the counts");
	put_note(table, STYLE_LOSS, text);
}

static void put_policy_loaded(struct table *table, struct buffer *text, const struct event_policy_loaded *loaded)
{
	buffer_append_string(text, loaded->is_reload ? "policy reloaded: " : "policy loaded: ");
	write_amount(text, loaded->policies, "policy, ", "policies, ");
	write_amount(text, loaded->secrets, "secret", "secrets");
	put_note(table, STYLE_DIM, text);
}

static void put_policy_refused(struct table *table, struct buffer *text, const struct event_policy_refused *refused)
{
	char reason[ERROR_FILE_SIZE + ERROR_TEXT_SIZE + 16] = "";

	if (refused->error)
		(void)error_format(refused->error, reason, sizeof(reason));
	buffer_printf(text, "policy refused: %s%s", reason,
		      refused->is_reload ? " (the one before stays in force)" : "");
	put_note(table, STYLE_DENY, text);
}

static void write_process(struct buffer *text, const struct access_process *process)
{
	char pid[16];

	if (!process) {
		buffer_append_string(text, "(nobody was seen)");
		return;
	}
	(void)snprintf(pid, sizeof(pid), "%u", process->id.pid);
	buffer_printf(text, "%s pid %s %s", process->exe && *process->exe ? process->exe : process->comm, pid,
		      process->user ? process->user : "");
}

static void put_gap(struct table *table, struct buffer *text, const struct event_gap *gap)
{
	char time[CLOCK_RFC3339_SIZE];

	buffer_printf(text, "GAP     no agent ran ");
	if (gap->from_real_ns)
		buffer_printf(text, "for %.3f s, since %s: ", (double)gap->duration_ns / (double)NS_PER_SEC,
			      clock_format_rfc3339(gap->from_real_ns, time));
	else
		buffer_append_string(text, "for a time that is not known: ");
	buffer_append_string(text, gap_cause_name(gap->cause));
	if (gap->signal)
		buffer_printf(text, ", %s", gap->signal);
	if (gap->process) {
		buffer_append_string(text, " by ");
		write_process(text, gap->process);
	}
	put_note(table, STYLE_LOSS, text);
}

static void put_tamper(struct table *table, struct buffer *text, const struct event_tamper *tamper)
{
	buffer_printf(text, "TAMPER  %s %s", tamper_kind_name(tamper->kind), tamper->way ? tamper->way : "");
	if (tamper->object)
		buffer_printf(text, " of %s %s", guard_object_name(tamper->object),
			      tamper->object_name ? tamper->object_name : "");
	buffer_printf(text, " x%" PRIu64 "%s", tamper->count, tamper->is_denied ? " DENIED" : "");
	if (tamper->kind == TAMPER_SELF_CHECK) {
		buffer_printf(text, ": %s%s", tamper->detail ? tamper->detail : "",
			      tamper->repair == REPAIR_DONE     ? " (repaired)"
			      : tamper->repair == REPAIR_FAILED ? " (not repaired)"
								: "");
	} else {
		buffer_append_string(text, " by ");
		write_process(text, tamper->process);
	}
	put_note(table, STYLE_DENY, text);
}

static void put_stopped(struct table *table)
{
	const struct summary_style style = {
		.title = style_on(table, STYLE_HEADER),
		.alert = style_on(table, STYLE_ALERT),
		.loss = style_on(table, STYLE_LOSS),
		.dim = style_on(table, STYLE_DIM),
		.reset = style_on(table, STYLE_PLAIN),
	};
	unsigned int columns, rows;

	screen_size(table, &columns, &rows);
	buffer_reset(&table->text);
	/* On a terminal "^C" stands where the line begins. */
	buffer_append_string(&table->text, line_writer_is_terminal(table->writer) ? "\r\033[K\n" : "\n");
	summary_write(&table->summary, &table->text, clock_boot_ns() - table->opened_boot_ns, columns, &style);
	put_text(table, 1);
}

static void put_other(struct table *table, const struct bus_event *event)
{
	struct buffer text = BUFFER_INIT(TEXT_MAX);

	switch (event->type) {
	case EVENT_LOSS:
		put_loss(table, &text, event->loss);
		break;
	case EVENT_STARTED:
		put_started(table, &text, event->started);
		break;
	case EVENT_STOPPED:
		put_stopped(table);
		break;
	case EVENT_POLICY_LOADED:
		put_policy_loaded(table, &text, event->policy_loaded);
		break;
	case EVENT_POLICY_REFUSED:
		put_policy_refused(table, &text, event->policy_refused);
		break;
	case EVENT_GAP:
		put_gap(table, &text, event->gap);
		break;
	case EVENT_TAMPER:
		put_tamper(table, &text, event->tamper);
		break;
	case EVENT_ACCESS:
	case EVENT_TYPE_COUNT:
		break;
	}
	buffer_release(&text);
}

/* ---------------------------------------------------------------- the output's operations */

static void put_access(struct table *table, const struct access *access)
{
	put_day_when_new(table, access->last_real_ns);
	put_header_when_due(table);
	buffer_reset(&table->text);
	table_row_write_access(&table->text, &table->layout, access, table->has_colors);
	put_text(table, access->count);
	table->rows_since_header++;
}

static void table_event(void *state, const struct bus_event *event, const char *line, size_t size)
{
	struct table *table = state;

	(void)line;
	(void)size;
	summary_add(&table->summary, event);
	if (event->type == EVENT_ACCESS)
		put_access(table, event->access);
	else
		put_other(table, event);
}

static bool wants_colors(const struct line_writer *writer)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return line_writer_is_terminal(writer) && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
}

static int table_open(struct event_base *base, const struct output_config *config, void **ret_state,
		      struct error *error)
{
	struct table *table = calloc(1, sizeof(*table));
	int r;

	if (!table)
		return error_set(error, -ENOMEM, NULL, 0, "out of memory opening the output");
	r = line_writer_new(base, config, &table->writer, error);
	if (r < 0) {
		free(table);
		return r;
	}
	table->text = BUFFER_INIT(TEXT_MAX);
	table->opened_boot_ns = clock_boot_ns();
	table->has_colors = wants_colors(table->writer);
	table->day = -1;
	*ret_state = table;
	return 0;
}

static void table_flush(void *state)
{
	struct table *table = state;

	line_writer_flush(table->writer);
}

static void table_drain(void *state)
{
	struct table *table = state;

	line_writer_drain(table->writer);
}

static void table_reopen(void *state)
{
	struct table *table = state;

	line_writer_reopen(table->writer);
	table->has_header = false;
	table->has_colors = wants_colors(table->writer);
}

static uint64_t table_dropped(const void *state)
{
	const struct table *table = state;

	return line_writer_dropped(table->writer);
}

static void table_free(void *state)
{
	struct table *table = state;

	line_writer_free(table->writer);
	summary_release(&table->summary);
	buffer_release(&table->text);
	free(table);
}

const struct output_ops table_output = {
	.name = "table",
	.open = table_open,
	.event = table_event,
	.flush = table_flush,
	.drain = table_drain,
	.reopen = table_reopen,
	.dropped = table_dropped,
	.free = table_free,
};

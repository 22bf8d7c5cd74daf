/* SPDX-License-Identifier: Apache-2.0 */
#include "export/table_row.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "export/cell.h"

#define TEXT_SIZE     256 /* of a composed cell: more than any column shows */
#define CONTAINER_ID  12
#define EXE_WIDTH_MIN 12
#define USER_MAX      12
#define PLACE_MIN     8
#define PLACE_MAX     24
#define PATH_MIN      12 /* columns worth showing a shortened path in */

static const char *const styles[STYLE_COUNT] = {
	[STYLE_PLAIN] = "\033[0m",   [STYLE_DIM] = "\033[2m",      [STYLE_HEADER] = "\033[1;4m",
	[STYLE_ALLOW] = "\033[32m",  [STYLE_ALERT] = "\033[1;33m", [STYLE_DENY] = "\033[1;31m",
	[STYLE_LOSS] = "\033[1;35m",
};

const char *table_style_on(enum table_style style, bool has_colors)
{
	return has_colors ? styles[style] : "";
}

/* One cell of a row being written. */
struct row {
	struct buffer *buffer;
	const struct layout *layout;
	const struct access *access;
	bool has_colors;
	enum table_style verdict_style;
	enum table_style text_style; /* of what is not set off: dim in rows that need no attention */
};

static size_t write_styled(const struct row *row, enum table_style style, const char *text, size_t columns)
{
	size_t used;

	if (columns == 0 || *text == '\0')
		return 0;
	if (row->has_colors && style != STYLE_PLAIN)
		buffer_append_string(row->buffer, styles[style]);
	used = cell_write(row->buffer, text, columns);
	if (row->has_colors && style != STYLE_PLAIN)
		buffer_append_string(row->buffer, styles[STYLE_PLAIN]);
	return used;
}

static size_t write_styled_path(const struct row *row, enum table_style style, const char *path, size_t columns)
{
	size_t used;

	buffer_append_string(row->buffer, table_style_on(style, row->has_colors));
	used = cell_write_path(row->buffer, path, columns);
	buffer_append_string(row->buffer, table_style_on(STYLE_PLAIN, row->has_colors));
	return used;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* ---------------------------------------------------------------- cells; each returns the columns it used */

static size_t write_time_cell(const struct row *row, size_t width)
{
	(void)width;
	buffer_append_string(row->buffer, table_style_on(STYLE_DIM, row->has_colors));
	table_row_write_time(row->buffer, row->access->last_real_ns);
	buffer_append_string(row->buffer, table_style_on(STYLE_PLAIN, row->has_colors));
	return 8;
}

static const char *verdict_text(const struct verdict *verdict)
{
	switch (verdict->action) {
	case VERDICT_ALLOW:
		return "allow";
	case VERDICT_ALERT:
		return "ALERT";
	case VERDICT_DENY:
		if (verdict->would_deny)
			return "would deny";
		return verdict->is_enforced ? "DENY" : "deny";
	default:
		return "unknown";
	}
}

static size_t write_verdict_cell(const struct row *row, size_t width)
{
	return write_styled(row, row->verdict_style, verdict_text(&row->access->verdict), width);
}

static size_t write_secret_cell(const struct row *row, size_t width)
{
	const char *path = or_empty(row->access->path);
	bool is_quiet = row->access->verdict.action == VERDICT_ALLOW;
	size_t used = write_styled(row, is_quiet ? STYLE_PLAIN : row->verdict_style, or_empty(row->access->secret_name),
				   width);

	if (*path == '\0' || used + 1 >= width)
		return used;
	if (width - used - 1 < PATH_MIN && cell_width(path) > width - used - 1)
		return used;
	buffer_append_char(row->buffer, ' ');
	return used + 1 + write_styled_path(row, STYLE_DIM, path, width - used - 1);
}

static size_t write_class_cell(const struct row *row, size_t width)
{
	return write_styled(row, STYLE_DIM, or_empty(row->access->secret_class), width);
}

/* "ssh" of "ssh.service", the first digits of a container's id, "" for neither. */
static void format_place(const struct access_process *process, char out[TEXT_SIZE])
{
	const char *unit = or_empty(process->unit);
	size_t size = strnlen(unit, TEXT_SIZE - 1);

	if (process->container) {
		(void)snprintf(out, TEXT_SIZE, "%.*s", CONTAINER_ID, process->container);
		return;
	}
	if (size > 8 && strcmp(unit + size - 8, ".service") == 0)
		size -= 8;
	else if (size > 6 && strcmp(unit + size - 6, ".scope") == 0)
		size -= 6;
	(void)snprintf(out, TEXT_SIZE, "%.*s", (int)size, unit);
}

static const char *exe_note(const struct access_process *process)
{
	if (process->exe_id.flags & EXE_FLAG_MEMFD)
		return "(memfd)";
	return process->exe_id.flags & EXE_FLAG_DELETED ? "(deleted)" : "";
}

static void format_user(const struct access_process *process, char out[TEXT_SIZE])
{
	if (process->user)
		(void)snprintf(out, TEXT_SIZE, "%s", process->user);
	else
		(void)snprintf(out, TEXT_SIZE, "%" PRIu32, process->cred.uid);
}

static size_t at_most(size_t value, size_t limit)
{
	return value < limit ? value : limit;
}

static const char *exe_text(const struct access_process *process, char out[TEXT_SIZE])
{
	if (process->exe && *process->exe)
		return process->exe;
	(void)snprintf(out, TEXT_SIZE, "(%s)", or_empty(process->comm));
	return out;
}

/* Columns for a part that may have `wanted`, if `room` is left for it and a blank; else 0. Takes them from the room. */
static size_t take_part(size_t *room, size_t wanted, size_t least)
{
	size_t part = at_most(wanted, *room > 0 ? *room - 1 : 0);

	if (part == 0 || (part < wanted && part < least))
		return 0;
	*room -= part + 1;
	return part;
}

static size_t write_part(const struct row *row, enum table_style style, const char *text, size_t columns)
{
	if (columns == 0)
		return 0;
	buffer_append_char(row->buffer, ' ');
	return 1 + write_styled(row, style, text, columns);
}

/* The first EXE_WIDTH_MIN columns are the exe's, then come pid, note, user and place; what is left is the exe's again.
 */
static size_t write_process_cell(const struct row *row, size_t width)
{
	const struct access_process *process = &row->access->process;
	char pid[16], user[TEXT_SIZE], place[TEXT_SIZE], unknown[TEXT_SIZE];
	const char *exe = exe_text(process, unknown), *note = exe_note(process);
	size_t exe_width = at_most(at_most(cell_width(exe), EXE_WIDTH_MIN), width), room = width - exe_width, used;
	size_t pid_width, note_width, user_width, place_width;

	(void)snprintf(pid, sizeof(pid), "%" PRIu32, process->id.pid);
	format_user(process, user);
	format_place(process, place);
	pid_width = take_part(&room, strlen(pid), 1);
	note_width = take_part(&room, strlen(note), 1);
	user_width = take_part(&room, at_most(cell_width(user), USER_MAX), 4);
	place_width = take_part(&room, at_most(cell_width(place), PLACE_MAX), PLACE_MIN);
	used = write_styled_path(row, row->text_style, exe, exe_width + room);
	used += write_part(row, row->verdict_style, note, note_width);
	used += write_part(row, STYLE_DIM, pid, pid_width);
	used += write_part(row, row->text_style, user, user_width);
	return used + write_part(row, STYLE_DIM, place, place_width);
}

/* The kind where the way says too little: what came without an open, and which file of a process. */
static const char *way_text(const struct access *access, char out[TEXT_SIZE])
{
	if (access->kind == ACCESS_PROC_MEM || access->kind == ACCESS_PROC_ENVIRON || access->via == VIA_OTHER)
		return access_kind_name(access->kind);
	if (access->kind == ACCESS_RECEIVE && access->via == VIA_IO_URING) {
		(void)snprintf(out, TEXT_SIZE, "receive/io_uring");
		return out;
	}
	return access_via_name(access->via);
}

static size_t write_how_cell(const struct row *row, size_t width)
{
	const struct access *access = row->access;
	char way[TEXT_SIZE], text[2 * TEXT_SIZE], target[16] = "", refused[48] = "";
	size_t used;

	if (access->target_pid)
		(void)snprintf(target, sizeof(target), ">%" PRIu32, access->target_pid);
	(void)snprintf(text, sizeof(text), "%s%s%s%s", way_text(access, way), access->mode & MODE_WRITE ? "+w" : "",
		       access->mode & MODE_COMPAT ? "+32" : "", target);
	if (access->result < 0) {
		const char *name = strerrorname_np(-access->result);

		(void)snprintf(refused, sizeof(refused), " %s", name ? name : "refused");
	}
	used = write_styled(row, row->text_style, text, width - at_most(strlen(refused), width / 2));
	return used + write_styled(row, STYLE_DENY, refused, width - used);
}

static size_t write_count_cell(const struct row *row, size_t width)
{
	static const char units[] = "kMGTPE";
	uint64_t count = row->access->count, unit = 1000;
	char text[32];
	size_t i = 0, columns;

	if (count < 100000) {
		(void)snprintf(text, sizeof(text), "%" PRIu64, count);
	} else {
		while (units[i + 1] && count / unit >= 1000) {
			unit *= 1000;
			i++;
		}
		if (count / unit >= 100)
			(void)snprintf(text, sizeof(text), "%" PRIu64 "%c", count / unit, units[i]);
		else
			(void)snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64 "%c", count / unit,
				       count % unit / (unit / 10), units[i]);
	}
	columns = strlen(text);
	cell_pad(row->buffer, columns < width ? width - columns : 0);
	return (columns < width ? width - columns : 0) + write_styled(row, row->text_style, text, width);
}

/* "bash < sshd < systemd": whole names from the parent up, as many as fit. */
static size_t write_ancestors_cell(const struct row *row, size_t width)
{
	static const char arrow[] = " < ";
	const struct access_process *process = &row->access->process;
	size_t used = 0;

	buffer_append_string(row->buffer, table_style_on(STYLE_DIM, row->has_colors));
	for (size_t i = 0; i < process->ancestors_count && i < ACCESS_ANCESTORS_MAX; i++) {
		const char *exe = or_empty(process->ancestors[i].exe);
		const char *name = *exe ? base_name(exe) : "?";
		bool is_last = i + 1 == process->ancestors_count;
		size_t before = i ? sizeof(arrow) - 1 : 0, after = is_last ? 0 : 4 /* " < …" */, room;

		room = width > used + before + after ? width - used - before - after : 0;
		if (i > 0 && cell_width(name) > room) {
			used += cell_write(row->buffer, " < \xe2\x80\xa6", width - used);
			break;
		}
		buffer_append(row->buffer, arrow, before);
		used += before + cell_write(row->buffer, name, i ? room : room ? room : width);
	}
	buffer_append_string(row->buffer, table_style_on(STYLE_PLAIN, row->has_colors));
	return used;
}

static size_t (*const cells[COLUMN_TOTAL])(const struct row *row, size_t width) = {
	[COLUMN_TIME] = write_time_cell,       [COLUMN_VERDICT] = write_verdict_cell,
	[COLUMN_SECRET] = write_secret_cell,   [COLUMN_CLASS] = write_class_cell,
	[COLUMN_PROCESS] = write_process_cell, [COLUMN_HOW] = write_how_cell,
	[COLUMN_COUNT] = write_count_cell,     [COLUMN_ANCESTORS] = write_ancestors_cell,
};

/* ---------------------------------------------------------------- lines */

void table_row_write_time(struct buffer *buffer, uint64_t real_ns)
{
	time_t seconds = (time_t)(real_ns / NS_PER_SEC);
	struct tm local;

	if (!localtime_r(&seconds, &local))
		local = (struct tm){0};
	buffer_printf(buffer, "%02d:%02d:%02d", local.tm_hour, local.tm_min, local.tm_sec);
}

static int last_shown(const struct layout *layout)
{
	int last = COLUMN_TOTAL - 1;

	while (last > 0 && layout->width[last] == 0)
		last--;
	return last;
}

void table_row_write_header(struct buffer *buffer, const struct layout *layout, bool has_colors)
{
	buffer_append_string(buffer, table_style_on(STYLE_HEADER, has_colors));
	for (int i = 0; i < COLUMN_TOTAL; i++) {
		size_t width = layout->width[i], title = strlen(layout_title((enum table_column)i));
		size_t pad = title < width ? width - title : 0;

		if (width == 0)
			continue;
		if (layout_is_right_aligned((enum table_column)i))
			cell_pad(buffer, pad);
		cell_write(buffer, layout_title((enum table_column)i), width);
		if (i == last_shown(layout) && !has_colors)
			break;
		if (!layout_is_right_aligned((enum table_column)i))
			cell_pad(buffer, pad);
		if (i != last_shown(layout))
			cell_pad(buffer, layout->gap);
	}
	buffer_append_string(buffer, table_style_on(STYLE_PLAIN, has_colors));
}

void table_row_write_access(struct buffer *buffer, const struct layout *layout, const struct access *access,
			    bool has_colors)
{
	static const enum table_style verdict_styles[VERDICT_COUNT] = {STYLE_ALLOW, STYLE_ALERT, STYLE_DENY};
	unsigned int action = (unsigned int)access->verdict.action;
	struct row row = {
		.buffer = buffer,
		.layout = layout,
		.access = access,
		.has_colors = has_colors,
		.verdict_style = action < VERDICT_COUNT ? verdict_styles[action] : STYLE_ALERT,
		.text_style = access->verdict.action == VERDICT_ALLOW ? STYLE_DIM : STYLE_PLAIN,
	};

	for (int i = 0; i < COLUMN_TOTAL; i++) {
		size_t used;

		if (layout->width[i] == 0)
			continue;
		used = cells[i](&row, layout->width[i]);
		if (i != last_shown(layout))
			cell_pad(buffer, layout->width[i] - at_most(used, layout->width[i]) + layout->gap);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "export/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name that finds no memory is counted under "(others)". */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "bus/event.h"
#include "export/cell.h"

#define TOP_MAX      8
#define NUMBER_WIDTH 12
#define NAME_WIDTH   48
#define OTHERS       "(others)"

struct tally {
	uint64_t count;
	uint64_t alerts; /* and denies */
	UT_hash_handle hh;
	char name[];
};

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static struct tally *find_tally(struct tally **tallies, const char *name)
{
	size_t size = strlen(name);
	struct tally *tally;

	HASH_FIND(hh, *tallies, name, size, tally);
	if (tally)
		return tally;
	tally = calloc(1, sizeof(*tally) + size + 1);
	if (!tally)
		return NULL;
	memcpy(tally->name, name, size);
	HASH_ADD_KEYPTR(hh, *tallies, tally->name, size, tally);
	if (!tally->hh.tbl) {
		free(tally);
		return NULL;
	}
	return tally;
}

static void count_in(struct tally **tallies, const char *name, uint64_t count, uint64_t alerts)
{
	struct tally *tally;

	if (HASH_COUNT(*tallies) >= SUMMARY_NAMES_MAX) {
		HASH_FIND_STR(*tallies, name, tally);
		if (!tally)
			name = OTHERS;
	}
	tally = find_tally(tallies, name);
	if (!tally) /* no memory: the totals still have it */
		return;
	tally->count = add_saturating(tally->count, count);
	tally->alerts = add_saturating(tally->alerts, alerts);
}

static void add_access(struct summary *summary, const struct access *access)
{
	const char *reader = access->process.exe && *access->process.exe ? access->process.exe : access->process.comm;
	bool is_alert = access->verdict.action == VERDICT_ALERT, is_deny = access->verdict.action == VERDICT_DENY;
	uint64_t count = access->count, alerts = is_alert || is_deny ? count : 0;

	summary->accesses = add_saturating(summary->accesses, count);
	summary->alerts = add_saturating(summary->alerts, is_alert ? count : 0);
	summary->denies = add_saturating(summary->denies, is_deny ? count : 0);
	summary->refused = add_saturating(summary->refused, access->result < 0 ? count : 0);
	count_in(&summary->secrets, access->secret_name ? access->secret_name : "", count, alerts);
	count_in(&summary->readers, reader ? reader : "", count, alerts);
}

void summary_add(struct summary *summary, const struct bus_event *event)
{
	if (event->type == EVENT_ACCESS) {
		add_access(summary, event->access);
	} else if (event->type == EVENT_LOSS) {
		summary->losses = add_saturating(summary->losses, event->loss->count);
		count_in(&summary->places, loss_place_name(event->loss->place), event->loss->count, 0);
	}
}

static void free_tallies(struct tally **tallies)
{
	struct tally *tally, *next;

	HASH_ITER (hh, *tallies, tally, next) {
		HASH_DEL(*tallies, tally);
		free(tally);
	}
}

void summary_release(struct summary *summary)
{
	if (!summary)
		return;
	free_tallies(&summary->secrets);
	free_tallies(&summary->readers);
	free_tallies(&summary->places);
}

/* ---------------------------------------------------------------- the text */

static int by_alerts_then_count(const struct tally *a, const struct tally *b)
{
	if (a->alerts != b->alerts)
		return a->alerts < b->alerts ? 1 : -1;
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return strcmp(a->name, b->name);
}

static void write_grouped(struct buffer *buffer, uint64_t number, size_t columns)
{
	char digits[21], text[28];
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, number), used = 0;

	for (size_t i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			text[used++] = ',';
		text[used++] = digits[i];
	}
	cell_pad(buffer, used < columns ? columns - used : 0);
	buffer_append(buffer, text, used);
}

static void write_heading(struct buffer *buffer, const char *text, bool has_alerts, size_t name_width,
			  const struct summary_style *style)
{
	size_t used;

	buffer_printf(buffer, "\n%s", style->title);
	used = cell_write(buffer, text, name_width);
	buffer_append_string(buffer, style->reset);
	cell_pad(buffer, name_width - used);
	buffer_printf(buffer, "%s%*s%s%s", style->dim, NUMBER_WIDTH, has_alerts ? "accesses" : "lost",
		      has_alerts ? "      alerts" : "", style->reset);
}

static void write_tallies(struct buffer *buffer, struct tally **tallies, const char *title, bool has_alerts,
			  size_t columns, const struct summary_style *style)
{
	const char *mark = has_alerts ? style->alert : style->loss;
	size_t name_width = columns - 2 * NUMBER_WIDTH, row = 0;
	const struct tally *tally;
	char heading[64];

	if (!*tallies)
		return;
	if (name_width > NAME_WIDTH)
		name_width = NAME_WIDTH;
	HASH_SORT(*tallies, by_alerts_then_count);
	(void)snprintf(heading, sizeof(heading), "%s (%u)", title, HASH_COUNT(*tallies));
	write_heading(buffer, heading, has_alerts, name_width, style);
	for (tally = *tallies; tally && row < TOP_MAX; tally = tally->hh.next, row++) {
		const char *color = tally->alerts || !has_alerts ? mark : "";

		buffer_printf(buffer, "\n  %s", color);
		cell_pad(buffer, name_width - 2 - cell_write_path(buffer, tally->name, name_width - 3));
		write_grouped(buffer, tally->count, NUMBER_WIDTH);
		if (tally->alerts) {
			buffer_append_char(buffer, ' ');
			write_grouped(buffer, tally->alerts, NUMBER_WIDTH - 1);
		}
		buffer_append_string(buffer, *color ? style->reset : "");
	}
	if (tally)
		buffer_printf(buffer, "\n  %sand %zu more%s", style->dim, HASH_COUNT(*tallies) - row, style->reset);
}

static void write_plain_number(struct buffer *buffer, uint64_t number, const char *one, const char *many)
{
	write_grouped(buffer, number, 0);
	buffer_printf(buffer, " %s", number == 1 ? one : many);
}

static void write_duration(struct buffer *buffer, uint64_t running_ns)
{
	uint64_t seconds = running_ns / NS_PER_SEC;

	if (seconds < 60)
		buffer_printf(buffer, "%" PRIu64 ".%" PRIu64 " s", seconds,
			      (uint64_t)(running_ns % NS_PER_SEC / (100 * NS_PER_MS)));
	else if (seconds < 3600)
		buffer_printf(buffer, "%" PRIu64 " min %" PRIu64 " s", seconds / 60, seconds % 60);
	else
		buffer_printf(buffer, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600, seconds / 60 % 60);
}

static void write_totals(const struct summary *summary, struct buffer *buffer, uint64_t running_ns,
			 const struct summary_style *style)
{
	buffer_append_string(buffer, style->title);
	write_plain_number(buffer, summary->accesses, "access", "accesses");
	buffer_append_string(buffer, " in ");
	write_duration(buffer, running_ns);
	buffer_append_string(buffer, style->reset);
	buffer_append_string(buffer, "\n  ");
	buffer_append_string(buffer, summary->alerts ? style->alert : "");
	write_plain_number(buffer, summary->alerts, "alert", "alerts");
	buffer_append_string(buffer, summary->alerts ? style->reset : "");
	if (summary->denies) {
		buffer_append_string(buffer, ", ");
		write_plain_number(buffer, summary->denies, "against a deny rule", "against deny rules");
	}
	if (summary->refused) {
		buffer_append_string(buffer, ", ");
		write_plain_number(buffer, summary->refused, "refused by the system", "refused by the system");
	}
	buffer_append_string(buffer, ", ");
	if (summary->losses) {
		buffer_append_string(buffer, style->loss);
		write_plain_number(buffer, summary->losses, "loss", "losses");
		buffer_append_string(buffer, style->reset);
	} else {
		buffer_append_string(buffer, "nothing lost");
	}
}

void summary_write(struct summary *summary, struct buffer *buffer, uint64_t running_ns, size_t columns,
		   const struct summary_style *style)
{
	if (columns < 40)
		columns = 40;
	write_totals(summary, buffer, running_ns, style);
	write_tallies(buffer, &summary->secrets, "secrets touched", true, columns, style);
	write_tallies(buffer, &summary->readers, "top readers", true, columns, style);
	write_tallies(buffer, &summary->places, "losses", false, columns, style);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary.h: what a run has seen, for the lines at its end: totals, secrets, readers, losses.
 *
 * Of secrets, readers and places of loss each at most SUMMARY_NAMES_MAX are told apart; what comes after is counted
 * under "(others)". Totals are exact; they saturate.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct access;
struct buffer;
struct bus_event;
struct tally;

#define SUMMARY_NAMES_MAX 4096

struct summary {
	uint64_t accesses; /* sums of access.count */
	uint64_t alerts;
	uint64_t denies;
	uint64_t refused; /* by the system, with an errno */
	uint64_t losses;
	struct tally *secrets; /* owned, as the others */
	struct tally *readers;
	struct tally *places;
};

/* Starts as {0}. */
void summary_release(struct summary *summary);
void summary_add(struct summary *summary, const struct bus_event *event);

/* How the parts of the text are set off on a terminal; each may be "". */
struct summary_style {
	const char *title, *alert, *loss, *dim, *reset;
};

/* Appends the lines, the last without its newline, none wider than `columns` (least 40). Sorts the tallies. */
void summary_write(struct summary *summary, struct buffer *buffer, uint64_t running_ns, size_t columns,
		   const struct summary_style *style);

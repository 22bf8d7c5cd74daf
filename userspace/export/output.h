/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h: where the daemon shows events while it runs: a live table, JSON lines, or nothing.
 *
 * The daemon makes each event once and hands it over; it never waits for whoever reads it. A reader that is too slow, a
 * full disk or a stopped terminal costs events of that output only, and each is counted and reported through
 * output_callbacks. Loop thread only. The process must ignore SIGPIPE.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/event.h"

struct error;
struct event_base;
struct output;

/*
 * Called on the loop thread, from inside output_flush() or from the loop; they may call output_event() but not
 * output_free(). Each may be NULL.
 */
struct output_callbacks {
	/*
	 * Events had to be dropped and there is room again, so a loss event (LOSS_OUTPUT) can be shown: `count`
	 * accesses since the last call, `total` since the start. A dropped event that is no access counts as one.
	 */
	void (*lost)(void *context, uint64_t count, uint64_t total);
	/* Nobody will ever read this output again (EPIPE): logged already, everything further is dropped. Once. */
	void (*ended)(void *context);
	void *context;
};

struct output_config {
	const char *path;      /* "" or NULL is stdout; a file is appended to, made with mode 0600 */
	size_t buffer_size;    /* most bytes kept for a slow reader */
	unsigned int retry_ms; /* between attempts while the disk is full; 0 is one second */
	struct output_callbacks callbacks;
};

struct output_ops {
	const char *name;
	bool needs_lines; /* output_event() wants the JSON text */
	int (*open)(struct event_base *base, const struct output_config *config, void **ret_state, struct error *error);
	void (*event)(void *state, const struct bus_event *event, const char *line, size_t size);
	void (*flush)(void *state);
	void (*drain)(void *state);
	void (*reopen)(void *state);
	uint64_t (*dropped)(const void *state);
	void (*free)(void *state);
};

extern const struct output_ops table_output;
extern const struct output_ops json_lines_output;
extern const struct output_ops null_output;

/*
 * Opens the output named "table", "json" or "none". Errors, each with *error set: -EINVAL (no such output), errno of
 * opening the file, -ENXIO (a FIFO that nobody reads), -EISDIR, -ENOMEM.
 */
int output_open(const char *name, struct event_base *base, const struct output_config *config,
		struct output **ret_output, struct error *error);
/* Writes what is buffered for at most half a second, logs what could not be written, closes. NULL is fine. */
void output_free(struct output *output);

/* Whether `line` below must be given; a daemon whose output does not may spare itself the JSON. */
bool output_needs_lines(const struct output *output);
/* `line` is event_write()'s text, `size` its bytes; NULL and 0 unless output_needs_lines(). All borrowed. */
void output_event(struct output *output, const struct bus_event *event, const char *line, size_t size);
void output_access(struct output *output, const struct access *access, const char *line, size_t size);
/* Writes what can be written now. Without it, written at the end of the present turn of the loop. */
void output_flush(struct output *output);
/*
 * Blocks for at most half a second to write what is buffered, then reports what was dropped: before the last events,
 * which a full buffer would not take.
 */
void output_drain(struct output *output);
/* Opens the file anew by its path (log rotation). When that fails it is logged and the old file is kept. */
void output_reopen(struct output *output);
/* Accesses (and other events) dropped since the start, reported by `lost` or not yet. */
uint64_t output_dropped(const struct output *output);

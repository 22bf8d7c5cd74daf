/* SPDX-License-Identifier: Apache-2.0 */
#include "export/line_writer.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "export/sink.h"

#define RETRY_MS_DEFAULT 1000
#define DRAIN_NS         (500 * NS_PER_MS)
#define KEEP_MAX         (256 * 1024) /* of an empty buffer */

enum writer_state { WRITER_READY, WRITER_BLOCKED, WRITER_FAILING, WRITER_ENDED };

struct line_writer {
	enum writer_state state;
	struct sink sink;
	char *path; /* NULL: stdout */
	unsigned int retry_ms;
	struct output_callbacks callbacks;
	struct event_base *base;
	struct event *on_turn;     /* end of the loop's turn, and retries */
	struct event *on_writable; /* of sink.fd; replaced with it */
	/* Bytes [0, head) are whole lines that were written, [head, sent) is the written part of the next line. */
	struct buffer lines;
	size_t head;
	size_t sent;
	uint64_t dropped_new;
	uint64_t dropped_total;
};

static const char *writer_name(const struct line_writer *writer)
{
	return writer->path ? writer->path : "stdout";
}

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* ---------------------------------------------------------------- writing */

static size_t unwritten(const struct line_writer *writer)
{
	return writer->lines.size - writer->sent;
}

/*
 * Gives the room of written lines back, but moves bytes only when at least as many were written since; and the memory
 * that a burst took, once it is over.
 */
static void compact(struct line_writer *writer)
{
	if (writer->head == writer->lines.size && writer->lines.capacity > KEEP_MAX) {
		buffer_release(&writer->lines);
		writer->head = writer->sent = 0;
		return;
	}
	if (writer->head == 0 || writer->head < writer->lines.size - writer->head)
		return;
	buffer_consume(&writer->lines, writer->head);
	writer->sent -= writer->head;
	writer->head = 0;
}

static ssize_t write_some(struct line_writer *writer)
{
	ssize_t n;

	if (writer->sink.is_torn) {
		n = sink_write(&writer->sink, "\n", 1);
		if (n <= 0)
			return n;
		writer->sink.is_torn = false;
	}
	return sink_write(&writer->sink, writer->lines.data + writer->sent, unwritten(writer));
}

static void advance(struct line_writer *writer, size_t written)
{
	const char *newline = memrchr(writer->lines.data + writer->sent, '\n', written);

	writer->sent += written;
	if (newline)
		writer->head = (size_t)(newline + 1 - writer->lines.data);
	compact(writer);
}

static void set_ready(struct line_writer *writer)
{
	if (writer->state == WRITER_FAILING)
		log_info("writing to %s works again; %llu accesses were dropped meanwhile", writer_name(writer),
			 (unsigned long long)writer->dropped_new);
	writer->state = WRITER_READY;
}

static void set_ended(struct line_writer *writer)
{
	writer->state = WRITER_ENDED;
	(void)log_error(-EPIPE, "nobody reads %s any more, this output has ended", writer_name(writer));
	buffer_release(&writer->lines);
	writer->head = writer->sent = 0;
	if (writer->callbacks.ended)
		writer->callbacks.ended(writer->callbacks.context);
}

static void retry_later(struct line_writer *writer)
{
	struct timeval delay = {.tv_sec = writer->retry_ms / 1000, .tv_usec = (writer->retry_ms % 1000) * 1000};

	(void)event_add(writer->on_turn, &delay); /* fails out of memory only; the next append or flush tries again */
}

static void set_failing(struct line_writer *writer, int code)
{
	if (writer->state != WRITER_FAILING)
		(void)log_error(code, "cannot write to %s, trying again every %u ms; keeping up to %zu KiB meanwhile",
				writer_name(writer), writer->retry_ms, writer->lines.max / 1024);
	writer->state = WRITER_FAILING;
	retry_later(writer);
}

static void set_blocked(struct line_writer *writer)
{
	if (writer->state == WRITER_FAILING) /* it takes bytes again, only slowly */
		set_ready(writer);
	writer->state = WRITER_BLOCKED;
	if (event_add(writer->on_writable, NULL) < 0) /* epoll does not take every device */
		retry_later(writer);
}

/* Once half of the buffer is free again, what was dropped can be told without being dropped itself. */
static void report_loss(struct line_writer *writer)
{
	uint64_t count = writer->dropped_new;

	if (count == 0 || writer->state == WRITER_ENDED || unwritten(writer) > writer->lines.max / 2)
		return;
	writer->dropped_new = 0;
	if (writer->callbacks.lost)
		writer->callbacks.lost(writer->callbacks.context, count, writer->dropped_total);
}

/* One attempt to write everything. */
static void write_all(struct line_writer *writer)
{
	while (writer->state != WRITER_ENDED && unwritten(writer) > 0) {
		ssize_t n = write_some(writer);

		if (n > 0) {
			advance(writer, (size_t)n);
			if (unwritten(writer) == 0)
				set_ready(writer);
		} else if (n == -EAGAIN || n == -EWOULDBLOCK) {
			set_blocked(writer);
			return;
		} else if (n == -EPIPE || n == -ECONNRESET || n == -ENOTCONN) {
			set_ended(writer);
			return;
		} else if (n != -EINTR) {
			set_failing(writer, n < 0 ? (int)n : -EIO);
			return;
		}
	}
}

static void on_ready(int fd, short what, void *context)
{
	struct line_writer *writer = context;

	(void)fd;
	(void)what;
	write_all(writer);
	report_loss(writer);
}

void line_writer_flush(struct line_writer *writer)
{
	if (writer->state == WRITER_READY)
		write_all(writer);
	report_loss(writer);
}

static bool make_room(struct line_writer *writer, size_t size)
{
	if (size <= writer->lines.max - writer->lines.size)
		return true;
	/* The written part of a line is kept for a reopen, so only whole lines go. */
	buffer_consume(&writer->lines, writer->head);
	writer->sent -= writer->head;
	writer->head = 0;
	return size <= writer->lines.max - writer->lines.size;
}

/* False, and the buffer as it was, when there is no room or no memory. */
static bool store_line(struct line_writer *writer, const char *line, size_t size)
{
	size_t before;

	if (writer->state == WRITER_ENDED || size >= writer->lines.max || !make_room(writer, size + 1))
		return false;
	before = writer->lines.size;
	buffer_append(&writer->lines, line, size);
	buffer_append_char(&writer->lines, '\n');
	if (!writer->lines.failed)
		return true;
	writer->lines.failed = false;
	writer->lines.size = before;
	return false;
}

void line_writer_drop(struct line_writer *writer, uint64_t weight)
{
	writer->dropped_new = add_saturating(writer->dropped_new, weight);
	writer->dropped_total = add_saturating(writer->dropped_total, weight);
}

void line_writer_append(struct line_writer *writer, const char *line, size_t size, uint64_t weight)
{
	if (!store_line(writer, line, size)) {
		line_writer_drop(writer, weight);
		return;
	}
	if (writer->state == WRITER_READY)
		event_active(writer->on_turn, EV_TIMEOUT, 0);
}

/* ---------------------------------------------------------------- life */

/* Opens the path anew and puts it in the place of what is open. On failure nothing has changed. */
static int open_sink(struct line_writer *writer)
{
	struct sink sink;
	struct event *on_writable;
	int r = sink_open(writer->path, &sink);

	if (r < 0)
		return r;
	on_writable = event_new(writer->base, sink.fd, EV_WRITE, on_ready, writer);
	if (!on_writable) {
		sink_release(&sink);
		return -ENOMEM;
	}
	if (writer->on_writable)
		event_free(writer->on_writable);
	sink_release(&writer->sink);
	writer->on_writable = on_writable;
	writer->sink = sink;
	return 0;
}

static int open_error(struct error *error, int code, const char *path)
{
	switch (code) {
	case -EISDIR:
		return error_set(error, code, path, 0, "is a directory: name a file to write events to");
	case -ENXIO:
		return error_set(error, code, path, 0, "is a FIFO or socket that nobody reads: start its reader first");
	case -ENOENT:
		return error_set(error, code, path, 0, "its directory does not exist: make it, or name another file");
	default:
		return error_set(error, code, path ? path : "stdout", 0, "cannot be written to: %s", strerror(-code));
	}
}

int line_writer_new(struct event_base *base, const struct output_config *config, struct line_writer **ret_writer,
		    struct error *error)
{
	struct line_writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return error_set(error, -ENOMEM, NULL, 0, "out of memory opening the output");
	writer->sink.fd = -1;
	writer->base = base;
	writer->lines = BUFFER_INIT(config->buffer_size);
	writer->retry_ms = config->retry_ms ? config->retry_ms : RETRY_MS_DEFAULT;
	writer->callbacks = config->callbacks;
	writer->on_turn = event_new(base, -1, 0, on_ready, writer);
	if (config->path && *config->path)
		writer->path = strdup(config->path);
	if (!writer->on_turn || (config->path && *config->path && !writer->path)) {
		line_writer_free(writer);
		return error_set(error, -ENOMEM, NULL, 0, "out of memory opening the output");
	}
	r = open_sink(writer);
	if (r < 0) {
		r = open_error(error, r, writer->path);
		line_writer_free(writer);
		return r;
	}
	*ret_writer = writer;
	return 0;
}

/* Waits for a slow reader, not for a full disk. */
static void drain(struct line_writer *writer)
{
	uint64_t end_ns = clock_boot_ns() + DRAIN_NS;

	write_all(writer);
	while (writer->state == WRITER_BLOCKED && unwritten(writer) > 0) {
		struct pollfd poll_fd = {.fd = writer->sink.fd, .events = POLLOUT};
		uint64_t now_ns = clock_boot_ns();

		if (now_ns >= end_ns)
			break;
		(void)poll(&poll_fd, 1, (int)((end_ns - now_ns) / NS_PER_MS) + 1);
		write_all(writer);
	}
}

void line_writer_drain(struct line_writer *writer)
{
	if (writer->sink.fd < 0 || writer->state == WRITER_ENDED)
		return;
	drain(writer);
	report_loss(writer);
}

void line_writer_free(struct line_writer *writer)
{
	if (!writer)
		return;
	if (writer->sink.fd >= 0 && writer->state != WRITER_ENDED) {
		writer->callbacks = (struct output_callbacks){0}; /* whoever is told may be gone already */
		drain(writer);
		if (unwritten(writer) > 0)
			(void)log_error(0, "%zu bytes of events could not be written to %s", unwritten(writer),
					writer_name(writer));
	}
	if (writer->on_turn)
		event_free(writer->on_turn);
	if (writer->on_writable)
		event_free(writer->on_writable);
	sink_release(&writer->sink);
	buffer_release(&writer->lines);
	free(writer->path);
	free(writer);
}

void line_writer_reopen(struct line_writer *writer)
{
	int r;

	if (!writer->path || writer->state == WRITER_ENDED)
		return;
	write_all(writer); /* what belongs to the old file, if it takes it */
	if (writer->state == WRITER_ENDED)
		return;
	r = open_sink(writer);
	if (r < 0) {
		(void)log_error(r, "cannot open %s anew, going on with the file that is open", writer->path);
		return;
	}
	writer->sent = writer->head;
	write_all(writer);
}

bool line_writer_is_terminal(const struct line_writer *writer)
{
	return writer->sink.is_terminal;
}

bool line_writer_terminal_size(const struct line_writer *writer, unsigned int *ret_columns, unsigned int *ret_rows)
{
	return sink_terminal_size(&writer->sink, ret_columns, ret_rows);
}

uint64_t line_writer_dropped(const struct line_writer *writer)
{
	return writer->dropped_total;
}

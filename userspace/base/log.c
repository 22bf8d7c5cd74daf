/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/escape.h"

#define LINE_SIZE 4096

static const struct {
	const char *name;
	int priority; /* syslog(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", 3},
	[LOG_LEVEL_WARNING] = {"warning", 4},
	[LOG_LEVEL_INFO] = {"info", 6},
	[LOG_LEVEL_DEBUG] = {"debug", 7},
};

static _Atomic int shown_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&shown_level, (int)level, memory_order_relaxed);
}

int log_level_from_name(const char *name, enum log_level *ret_level)
{
	for (size_t i = 0; name && i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(levels[i].name, name) == 0) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	return -EINVAL;
}

/* A child of a service inherits JOURNAL_STREAM but perhaps not stderr: the variable names the stream it means. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uint64_t device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%" SCNu64 ":%" SCNu64, &device, &inode) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

/* One write, so that lines of several threads do not mix. */
static void write_line(const char *line, size_t size)
{
	while (size > 0) {
		ssize_t written = write(STDERR_FILENO, line, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return; /* there is nowhere left to tell of it */
		line += written;
		size -= (size_t)written;
	}
}

__attribute__((format(printf, 3, 0))) static void log_line(enum log_level level, int code, const char *format,
							   va_list arguments)
{
	char raw[LINE_SIZE], escaped[LINE_SIZE], line[LINE_SIZE + 512], reason[128];
	char prefix[64];
	int length, saved = errno;

	if ((int)level > atomic_load_explicit(&shown_level, memory_order_relaxed))
		return;
	if (vsnprintf(raw, sizeof(raw), format, arguments) < 0)
		raw[0] = '\0';
	(void)escape_line(raw, escaped, sizeof(escaped));
	if (stderr_is_journal())
		(void)snprintf(prefix, sizeof(prefix), "<%d>", levels[level].priority);
	else
		(void)snprintf(prefix, sizeof(prefix), "%.32s: %s: ", program_invocation_short_name,
			       levels[level].name);
	if (code < 0)
		length = snprintf(line, sizeof(line), "%s%s: %s\n", prefix, escaped,
				  strerror_r(-code, reason, sizeof(reason)));
	else
		length = snprintf(line, sizeof(line), "%s%s\n", prefix, escaped);
	if (length > 0)
		write_line(line, (size_t)length);
	errno = saved;
}

int log_error(int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_LEVEL_ERROR, code, format, arguments);
	va_end(arguments);
	return code;
}

int log_warning(int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_LEVEL_WARNING, code, format, arguments);
	va_end(arguments);
	return code;
}

void log_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_LEVEL_INFO, 0, format, arguments);
	va_end(arguments);
}

void log_debug(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_LEVEL_DEBUG, 0, format, arguments);
	va_end(arguments);
}

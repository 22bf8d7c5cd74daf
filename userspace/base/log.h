/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h: lines to stderr for the operator. Any thread.
 *
 * Under systemd (JOURNAL_STREAM set) each line starts with its syslog priority, "<4>...", as sd-daemon(3) says. Control
 * bytes in a message are escaped: file names and kernel strings may be in it.
 */
#pragma once

#include <stdarg.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);                             /* default LOG_LEVEL_INFO */
int log_level_from_name(const char *name, enum log_level *ret_level); /* error, warning, info, debug; -EINVAL */

/* `code` is a negative errno; appends ": <strerror>" and returns code. 0 appends nothing. */
int log_error(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
int log_warning(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdio.h>

#include "base/escape.h"

int error_set(struct error *error, int code, const char *file, int line, const char *format, ...)
{
	char raw[2 * ERROR_TEXT_SIZE]; /* longer than what is kept, so that a cut shows as "..." */
	va_list arguments;

	if (!error || error->text[0] != '\0')
		return code;
	va_start(arguments, format);
	if (vsnprintf(raw, sizeof(raw), format, arguments) < 0)
		raw[0] = '\0';
	va_end(arguments);
	(void)escape_line(raw[0] != '\0' ? raw : "unknown error", error->text, sizeof(error->text));
	(void)escape_line(file ? file : "", error->file, sizeof(error->file));
	error->line = line > 0 ? line : 0;
	return code;
}

const char *error_format(const struct error *error, char *out, size_t out_size)
{
	if (out_size == 0)
		return out;
	if (error->file[0] == '\0')
		(void)snprintf(out, out_size, "%s", error->text);
	else if (error->line == 0)
		(void)snprintf(out, out_size, "%s: %s", error->file, error->text);
	else
		(void)snprintf(out, out_size, "%s:%d: %s", error->file, error->line, error->text);
	return out;
}

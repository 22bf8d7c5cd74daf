/* SPDX-License-Identifier: Apache-2.0 */
/* sagent_output.h: what sagent's commands share in asking the daemon and printing what it says. */
#pragma once

#include <stdint.h>
#include <stdio.h>

struct buffer;
struct error;
struct json_object;
struct sagent;

#define SAGENT_SCREEN_MAX (16 * 1024 * 1024) /* bytes of one command's output */

/* Connects and calls once. The exit code; *ret_result only with SAGENT_OK. What went wrong was printed. */
int sagent_ask(struct sagent *sagent, const char *command, struct json_object *arguments,
	       struct json_object **ret_result);

/* Prints "sagent: text" and returns the exit code that the negative errno means. */
int sagent_report(struct sagent *sagent, int r, const struct error *error);

/* Each writes to `out`; SAGENT_FAILED, said on `err`, when that could not be done or the buffer had failed. */
int sagent_flush(struct sagent *sagent);
int sagent_print(struct sagent *sagent, const struct buffer *text);
int sagent_print_json(struct sagent *sagent, struct json_object *value);

/* Columns and rows of the terminal; 0 columns when `out` is none. */
void sagent_screen_size(const struct sagent *sagent, size_t *ret_columns, size_t *ret_rows);

#define SAGENT_TIME_SIZE 32
/* RFC 3339 as local time, "2026-01-02 03:04:05"; what cannot be read stays as it is, cut. Returns out. */
const char *sagent_local_time(const char *rfc3339, char out[SAGENT_TIME_SIZE]);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_text.h: values and comments of a YAML file that is written for people.
 *
 * libyaml's emitter keeps no comments, and comments are what a learned policy is read for. Everything written is
 * printable ASCII, so that neither a terminal nor an editor obeys what a file was called.
 */
#pragma once

struct buffer;

/* One scalar: as it is where that can be nothing else, else in double quotes. A byte that is no UTF-8 is U+FFFD. */
void yaml_append_value(struct buffer *out, const char *value);
/* The words of a comment; whatever is no printable ASCII as \xNN. */
void yaml_append_comment(struct buffer *out, const char *text);

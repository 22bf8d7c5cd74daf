/* SPDX-License-Identifier: Apache-2.0 */
/* explanation_text.h: an answer to `explain` for people: the process, each rule and why it matches or not, the verdict.
 */
#pragma once

struct buffer;
struct json_object;

/* `result` may be anything that the other side sent. */
void explanation_text_append(struct buffer *out, struct json_object *result);

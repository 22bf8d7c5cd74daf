/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explanation.h: why the verdict on an access is what it is, as JSON: each rule in the order in which it is asked, and
 * each of its matchers with what it wants and what it was shown.
 */
#pragma once

#include <stddef.h>

#include "base/access.h"

struct buffer;
struct json_writer;
struct policy_set;

/* The member "process": what is known of it that a rule may ask for. Null when not known. */
void explanation_write_process(struct json_writer *w, const struct access_process *process);

/* The member "explanation". `tier` is what the host can do; secret_index must be below the count. */
void explanation_write(struct json_writer *w, const struct policy_set *set, size_t secret_index,
		       const struct access *access, enum tier tier);

/* The same as an object of its own, {"explanation":...}. */
void explanation_append(struct buffer *out, const struct policy_set *set, size_t secret_index,
			const struct access *access, enum tier tier);

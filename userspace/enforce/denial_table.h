/* SPDX-License-Identifier: Apache-2.0 */
/*
 * denial_table.h: what was denied since it was last collected, counted: a process that tries a million times is one
 * entry. Fixed size; the caller locks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

#define DENIALS_MAX 1024 /* kinds of denials between two collections */

/* All strings are the policy's. */
struct denial {
	struct task_snapshot task;
	struct file_id file;
	const char *secret;
	const char *rule;
	uint8_t kind; /* enum access_kind */
	uint8_t mode; /* enum access_mode bits, as far as they are known */
	uint64_t count;
	uint64_t first_ns, last_ns;
};

struct denial_table {
	struct denial items[DENIALS_MAX];
	uint16_t slots[2 * DENIALS_MAX]; /* by hash: index + 1; 0 is free */
	size_t count;
	uint64_t lost; /* denials that there was no room for */
};

/* Adds one denial; count and times of `denial` are not read. */
void denial_table_add(struct denial_table *table, const struct denial *denial, uint64_t now_ns);
void denial_table_clear(struct denial_table *table);

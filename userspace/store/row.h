/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row.h: the values of one table row, listed once, then hashed to find the row again and bound to insert it.
 *
 * Pointers are borrowed until the row has been inserted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite3_stmt;

#define STORE_ROW_MAX     24
#define STORE_DIGEST_SIZE 16

enum store_value_type { STORE_VALUE_NULL, STORE_VALUE_INT, STORE_VALUE_TEXT, STORE_VALUE_BLOB };

struct store_value {
	enum store_value_type type;
	bool is_hashed;
	int64_t number;
	const void *data;
	size_t size;
};

struct store_row {
	struct store_value values[STORE_ROW_MAX];
	unsigned int count;
};

void store_row_int(struct store_row *row, int64_t value);
void store_row_unhashed_int(struct store_row *row, int64_t value); /* stored, but does not tell two rows apart */
void store_row_text(struct store_row *row, const char *value);     /* NULL is SQL's NULL */
void store_row_blob(struct store_row *row, const void *data, size_t size);

/* BLAKE2b of `salt` and the hashed values. No two lists of values give the same input. */
void store_row_digest(const struct store_row *row, const char *salt, uint8_t ret_digest[STORE_DIGEST_SIZE]);
/* Binds the values from parameter number `first` on. Returns an SQLite result code. */
int store_row_bind(const struct store_row *row, struct sqlite3_stmt *statement, int first);

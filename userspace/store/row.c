/* SPDX-License-Identifier: Apache-2.0 */
#include "store/row.h"

#include <assert.h>
#include <sodium.h>
#include <sqlite3.h>
#include <string.h>

static void row_add(struct store_row *row, struct store_value value)
{
	assert(row->count < STORE_ROW_MAX); /* the callers' lists are constant */
	row->values[row->count++] = value;
}

void store_row_int(struct store_row *row, int64_t value)
{
	row_add(row, (struct store_value){.type = STORE_VALUE_INT, .is_hashed = true, .number = value});
}

void store_row_unhashed_int(struct store_row *row, int64_t value)
{
	row_add(row, (struct store_value){.type = STORE_VALUE_INT, .number = value});
}

void store_row_text(struct store_row *row, const char *value)
{
	if (value)
		row_add(row,
			(struct store_value){
				.type = STORE_VALUE_TEXT, .is_hashed = true, .data = value, .size = strlen(value)});
	else
		row_add(row, (struct store_value){.type = STORE_VALUE_NULL, .is_hashed = true});
}

void store_row_blob(struct store_row *row, const void *data, size_t size)
{
	row_add(row, (struct store_value){.type = STORE_VALUE_BLOB, .is_hashed = true, .data = data, .size = size});
}

/* Type and size come before the bytes, so that values cannot run into each other. */
static void hash_value(crypto_generichash_state *state, const struct store_value *value)
{
	uint64_t head[2] = {(uint64_t)value->type,
			    value->type == STORE_VALUE_INT ? (uint64_t)value->number : (uint64_t)value->size};

	(void)crypto_generichash_update(state, (const unsigned char *)head, sizeof(head));
	if (value->size > 0)
		(void)crypto_generichash_update(state, value->data, value->size);
}

void store_row_digest(const struct store_row *row, const char *salt, uint8_t ret_digest[STORE_DIGEST_SIZE])
{
	crypto_generichash_state state;
	struct store_value first = {.type = STORE_VALUE_TEXT, .data = salt, .size = strlen(salt)};

	/* None of these fails for sizes within the library's limits, which are constants here. */
	(void)crypto_generichash_init(&state, NULL, 0, STORE_DIGEST_SIZE);
	hash_value(&state, &first);
	for (unsigned int i = 0; i < row->count; i++) {
		if (row->values[i].is_hashed)
			hash_value(&state, &row->values[i]);
	}
	(void)crypto_generichash_final(&state, ret_digest, STORE_DIGEST_SIZE);
}

static int bind_value(const struct store_value *value, sqlite3_stmt *statement, int index)
{
	switch (value->type) {
	case STORE_VALUE_INT:
		return sqlite3_bind_int64(statement, index, value->number);
	case STORE_VALUE_TEXT:
		return sqlite3_bind_text64(statement, index, value->data, value->size, SQLITE_STATIC, SQLITE_UTF8);
	case STORE_VALUE_BLOB:
		/* A NULL pointer would bind NULL, not an empty blob. */
		return sqlite3_bind_blob64(statement, index, value->size > 0 ? value->data : "", value->size,
					   SQLITE_STATIC);
	case STORE_VALUE_NULL:
		break;
	}
	return sqlite3_bind_null(statement, index);
}

int store_row_bind(const struct store_row *row, sqlite3_stmt *statement, int first)
{
	int code = SQLITE_OK;

	for (unsigned int i = 0; i < row->count && code == SQLITE_OK; i++)
		code = bind_value(&row->values[i], statement, first + (int)i);
	return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.h: questions to the history.
 *
 * A reader is a connection of its own that can only read; it works beside the writer, in the same process or another,
 * and sees what was committed when its question began. One thread at a time; open one for a question, ask, free it: an
 * open one may be left with a file that was set aside since.
 *
 * Each question has a deadline (the callbacks' time counts): past it the answer is -ETIMEDOUT, whatever rows came
 * before. Strings in rows live for the callback. A callback ends the question by returning non-zero, which the
 * question then returns. Other errors: -EBADMSG the file is damaged; -ENOENT there is none; -EIO, -ENOMEM, -EBUSY.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct access;
struct error;
struct store_reader;

/* `state_dir` as the store has it. */
int store_reader_open(const char *state_dir, unsigned int deadline_ms, struct store_reader **ret_reader,
		      struct error *error);
void store_reader_free(struct store_reader *reader); /* NULL is fine */

/* ---------------------------------------------------------------- who reads most */

enum store_group { STORE_GROUP_EXE, STORE_GROUP_PROCESS, STORE_GROUP_COUNT };
enum store_sort { STORE_SORT_COUNT, STORE_SORT_ALERTS, STORE_SORT_SECRETS, STORE_SORT_LAST, STORE_SORT_KEY_COUNT };

int store_group_from_name(const char *name, enum store_group *ret_group); /* "exe", "process"; -EINVAL */
int store_sort_from_name(const char *name,
			 enum store_sort *ret_sort); /* "count", "alerts", "secrets", "last"; -EINVAL */

struct store_top_row {
	const char *exe;
	uint64_t count;   /* accesses */
	uint64_t alerts;  /* of these, with verdict alert or deny */
	uint64_t denied;  /* of these, with verdict deny */
	uint64_t secrets; /* different ones */
	uint64_t last_real_ns;
	/* By process only; else 0 and NULL. */
	uint32_t pid;
	uint32_t uid;
	uint64_t start_ns;
	uint64_t start_real_ns;
	const char *comm;
	const char *user;      /* or NULL */
	const char *unit;      /* or NULL */
	const char *container; /* or NULL */
};

struct store_top_query {
	uint64_t since_real_ns; /* accesses whose last one is not older */
	enum store_group group;
	enum store_sort sort; /* descending; then by exe and pid */
	uint32_t limit;
};

typedef int (*store_top_fn)(void *context, const struct store_top_row *row);
int store_query_top(struct store_reader *reader, const struct store_top_query *query, store_top_fn callback,
		    void *context);

/* ---------------------------------------------------------------- what is read */

struct store_secret_row {
	const char *name;
	const char *class_name;
	uint64_t count;
	uint64_t alerts;
	uint64_t denied;
	uint64_t readers; /* different executables, by path */
	uint64_t first_real_ns;
	uint64_t last_real_ns;
};

typedef int (*store_secret_fn)(void *context, const struct store_secret_row *row);
/* Each secret that was accessed since, by name. */
int store_query_secrets(struct store_reader *reader, uint64_t since_real_ns, store_secret_fn callback, void *context);

/* ---------------------------------------------------------------- every access */

/* Where a scan stands: rows come by the time of their last access, oldest first. Start with {since, 0}. */
struct store_cursor {
	uint64_t last_real_ns;
	int64_t id;
};

/* The whole record as it was appended, for policy_decide(). */
typedef int (*store_access_fn)(void *context, const struct access *access);
/*
 * Up to `limit` rows from the cursor on. Returns how many came; *cursor then stands behind the last of them, also when
 * the scan ended early, so that the next call goes on there. Fewer than `limit`: that was the end.
 */
int store_query_accesses(struct store_reader *reader, struct store_cursor *cursor, uint32_t limit,
			 store_access_fn callback, void *context);

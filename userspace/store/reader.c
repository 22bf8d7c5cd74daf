/* SPDX-License-Identifier: Apache-2.0 */
#include "store/reader.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/access.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/database.h"
#include "store/store.h"
#include "store/stored_access.h"

#define PROGRESS_STEPS 1000 /* of SQLite's machine, well below a millisecond */
#define SQL_SIZE       2048

struct store_reader {
	sqlite3 *database;
	uint64_t deadline_ns; /* of the present question, CLOCK_BOOTTIME */
	unsigned int deadline_ms;
};

static void statement_finalizep(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement); /* repeats the error of the last step */
}

static int reader_is_late(void *context)
{
	const struct store_reader *reader = context;

	return clock_boot_ns() >= reader->deadline_ns;
}

int store_reader_open(const char *state_dir, unsigned int deadline_ms, struct store_reader **ret_reader,
		      struct error *error)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", state_dir, STORE_FILE_NAME) >= (int)sizeof(path))
		return error_set(error, -ENAMETOOLONG, state_dir, 0, "is too long for a state directory");
	struct store_reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return error_set(error, -ENOMEM, path, 0, "no memory");
	reader->deadline_ms = deadline_ms;
	int r = store_database_open_reader(path, &reader->database, error);
	if (r < 0) {
		free(reader);
		return r;
	}
	(void)sqlite3_busy_timeout(reader->database, (int)(deadline_ms < INT_MAX ? deadline_ms : INT_MAX));
	sqlite3_progress_handler(reader->database, PROGRESS_STEPS, reader_is_late, reader);
	*ret_reader = reader;
	return 0;
}

void store_reader_free(struct store_reader *reader)
{
	if (!reader)
		return;
	store_database_close(reader->database);
	free(reader);
}

/* Starts the clock of a question. */
static int reader_prepare(struct store_reader *reader, const char *sql, sqlite3_stmt **ret_statement)
{
	reader->deadline_ns = clock_boot_ns() + reader->deadline_ms * NS_PER_MS;
	return store_database_prepare(reader->database, sql, ret_statement);
}

/* 1 with a row, 0 at the end, -errno. Looks at the clock too: a slow callback runs none of SQLite's steps. */
static int reader_step(struct store_reader *reader, sqlite3_stmt *statement)
{
	if (reader_is_late(reader))
		return -ETIMEDOUT;
	int code = sqlite3_step(statement);
	return code == SQLITE_ROW ? 1 : store_errno(code);
}

static const char *column_text(sqlite3_stmt *statement, int column)
{
	return (const char *)sqlite3_column_text(statement, column);
}

static const char *column_string(sqlite3_stmt *statement, int column)
{
	const char *text = column_text(statement, column);

	return text ? text : "";
}

static uint64_t column_number(sqlite3_stmt *statement, int column)
{
	return (uint64_t)sqlite3_column_int64(statement, column);
}

static int64_t bounded_time(uint64_t real_ns)
{
	return real_ns < INT64_MAX ? (int64_t)real_ns : INT64_MAX;
}

/* ---------------------------------------------------------------- top */

struct named {
	const char *name;
	const char *sql;
};

/*
 * Each first adds up the many accesses by numbers alone, and looks at names, and sorts, after that: a full store of
 * more than a million rows is answered in about a second. CROSS JOIN is SQLite's way to say that the first table is
 * the outer loop; by time is about the order in which the rows lie in the file, any other index would jump about. Where
 * a group has one max(), SQLite takes the other columns from the row that has the maximum
 * (https://www.sqlite.org/lang_select.html#bareagg): the process as it was last seen.
 */
#define SUMS                                                          \
	" sum(count) AS count,"                                       \
	" sum(CASE WHEN action > 0 THEN count ELSE 0 END) AS alerts," \
	" sum(CASE WHEN action = 2 THEN count ELSE 0 END) AS denied," \
	" max(last_real_ns) AS last"
#define SUMS_OF_PARTS                                                                        \
	" sum(part.count) AS count, sum(part.alerts) AS alerts, sum(part.denied) AS denied," \
	" count(DISTINCT part.secret) AS secrets, max(part.last) AS last"

static const struct named groups[STORE_GROUP_COUNT] = {
	[STORE_GROUP_EXE] = {"exe", "WITH part AS (SELECT p.exe AS exe, a.secret AS secret," SUMS
				    " FROM accesses a INDEXED BY accesses_by_time CROSS JOIN processes p ON p.id = "
				    "a.process WHERE a.last_real_ns >= ?1"
				    " GROUP BY p.exe, a.secret)"
				    " SELECT e.path," SUMS_OF_PARTS " FROM part JOIN exes e ON e.id = part.exe"
				    " GROUP BY e.path ORDER BY %s DESC, e.path LIMIT ?2"},
	[STORE_GROUP_PROCESS] =
		{"process",
		 "WITH part AS (SELECT process, secret," SUMS
		 " FROM accesses INDEXED BY accesses_by_time WHERE last_real_ns >= ?1 GROUP BY process, secret)"
		 " SELECT e.path," SUMS_OF_PARTS ", p.pid, p.uid, p.start_ns, p.start_real_ns, p.comm,"
		 " p.user, c.unit, c.container"
		 " FROM part JOIN processes p ON p.id = part.process JOIN exes e ON e.id = p.exe"
		 " JOIN cgroups c ON c.id = p.cgroup"
		 " GROUP BY p.pid, p.start_ns, e.path ORDER BY %s DESC, e.path, p.pid LIMIT ?2"},
};

static const struct named sorts[STORE_SORT_KEY_COUNT] = {
	[STORE_SORT_COUNT] = {"count", "count"},
	[STORE_SORT_ALERTS] = {"alerts", "alerts"},
	[STORE_SORT_SECRETS] = {"secrets", "secrets"},
	[STORE_SORT_LAST] = {"last", "last"},
};

static int find_named(const struct named *table, int size, const char *name)
{
	for (int i = 0; i < size; i++) {
		if (strcmp(table[i].name, name) == 0)
			return i;
	}
	return -EINVAL;
}

int store_group_from_name(const char *name, enum store_group *ret_group)
{
	int index = find_named(groups, STORE_GROUP_COUNT, name);

	if (index < 0)
		return index;
	*ret_group = (enum store_group)index;
	return 0;
}

int store_sort_from_name(const char *name, enum store_sort *ret_sort)
{
	int index = find_named(sorts, STORE_SORT_KEY_COUNT, name);

	if (index < 0)
		return index;
	*ret_sort = (enum store_sort)index;
	return 0;
}

static struct store_top_row read_top_row(sqlite3_stmt *statement, enum store_group group)
{
	struct store_top_row row = {
		.exe = column_string(statement, 0),
		.count = column_number(statement, 1),
		.alerts = column_number(statement, 2),
		.denied = column_number(statement, 3),
		.secrets = column_number(statement, 4),
		.last_real_ns = column_number(statement, 5),
	};

	if (group == STORE_GROUP_PROCESS) {
		row.pid = (uint32_t)column_number(statement, 6);
		row.uid = (uint32_t)column_number(statement, 7);
		row.start_ns = column_number(statement, 8);
		row.start_real_ns = column_number(statement, 9);
		row.comm = column_string(statement, 10);
		row.user = column_text(statement, 11);
		row.unit = column_text(statement, 12);
		row.container = column_text(statement, 13);
	}
	return row;
}

/* Puts the sort's column, a text of the table above, in place of the group's "%s". */
static void top_sql(const struct store_top_query *query, char out[SQL_SIZE])
{
	const char *text = groups[query->group].sql;
	const char *hole = strstr(text, "%s");
	int size = snprintf(out, SQL_SIZE, "%.*s%s%s", (int)(hole - text), text, sorts[query->sort].sql, hole + 2);

	assert(size < SQL_SIZE); /* all of it is constant */
	(void)size;
}

int store_query_top(struct store_reader *reader, const struct store_top_query *query, store_top_fn callback,
		    void *context)
{
	char sql[SQL_SIZE];
	_cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;

	if ((unsigned int)query->group >= STORE_GROUP_COUNT || (unsigned int)query->sort >= STORE_SORT_KEY_COUNT)
		return -EINVAL;
	top_sql(query, sql);
	int r = reader_prepare(reader, sql, &statement);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(statement, 1, bounded_time(query->since_real_ns)); /* numbers always bind */
	(void)sqlite3_bind_int64(statement, 2, query->limit);
	while ((r = reader_step(reader, statement)) > 0) {
		struct store_top_row row = read_top_row(statement, query->group);
		r = callback(context, &row);
		if (r != 0)
			return r;
	}
	return r;
}

/* ---------------------------------------------------------------- secrets */

static const char secrets_sql[] =
	"WITH part AS (SELECT a.secret AS secret, p.exe AS exe," SUMS ", min(first_real_ns) AS first"
	" FROM accesses a INDEXED BY accesses_by_time CROSS JOIN processes p ON p.id = a.process WHERE a.last_real_ns "
	">= ?1"
	" GROUP BY a.secret, p.exe)"
	" SELECT s.name, s.class, sum(part.count), sum(part.alerts), sum(part.denied), count(DISTINCT e.path),"
	" min(part.first), max(part.last)"
	" FROM part JOIN secrets s ON s.id = part.secret JOIN exes e ON e.id = part.exe"
	" GROUP BY s.id ORDER BY s.name, s.class";

int store_query_secrets(struct store_reader *reader, uint64_t since_real_ns, store_secret_fn callback, void *context)
{
	_cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;

	int r = reader_prepare(reader, secrets_sql, &statement);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(statement, 1, bounded_time(since_real_ns)); /* numbers always bind */
	while ((r = reader_step(reader, statement)) > 0) {
		struct store_secret_row row = {
			.name = column_string(statement, 0),
			.class_name = column_string(statement, 1),
			.count = column_number(statement, 2),
			.alerts = column_number(statement, 3),
			.denied = column_number(statement, 4),
			.readers = column_number(statement, 5),
			.first_real_ns = column_number(statement, 6),
			.last_real_ns = column_number(statement, 7),
		};
		r = callback(context, &row);
		if (r != 0)
			return r;
	}
	return r;
}

/* ---------------------------------------------------------------- accesses */

int store_query_accesses(struct store_reader *reader, struct store_cursor *cursor, uint32_t limit,
			 store_access_fn callback, void *context)
{
	_cleanup_(statement_finalizep) sqlite3_stmt *statement = NULL;
	_cleanup_(stored_access_freep) struct stored_access *stored = stored_access_new();
	int count = 0;

	if (!stored)
		return -ENOMEM;
	int r = reader_prepare(reader, stored_access_sql, &statement);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(statement, 1, bounded_time(cursor->last_real_ns)); /* numbers always bind */
	(void)sqlite3_bind_int64(statement, 2, cursor->id);
	(void)sqlite3_bind_int64(statement, 3, limit < INT_MAX ? limit : INT_MAX);
	while ((r = reader_step(reader, statement)) > 0) {
		const struct access *access;
		r = stored_access_read(stored, statement, &access);
		if (r < 0)
			return r;
		*cursor = (struct store_cursor){access->last_real_ns, stored_access_id(statement)};
		count++;
		r = callback(context, access);
		if (r != 0)
			return r;
	}
	return r < 0 ? r : count;
}

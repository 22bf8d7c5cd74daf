/* SPDX-License-Identifier: Apache-2.0 */
#include "store/retention.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "store/database.h"

#define DELETE_ROWS    128  /* in one statement: some milliseconds of work */
#define VACUUM_PAGES   "64" /* as many */
#define LOG_SHARE_MAX  (4ULL << 20)
#define LOG_SHARE_PART 4 /* of max_bytes, at most */

struct store_retention {
	sqlite3 *database; /* borrowed */
	struct store_retention_config config;
	sqlite3_stmt *delete_oldest; /* last access before ?1, at most ?2 rows */
	sqlite3_stmt *page_count;
	sqlite3_stmt *free_count;
	uint64_t page_size;
	uint64_t log_bytes_max;
};

DEFINE_FREEP(struct store_retention, store_retention_free)

int store_retention_new(sqlite3 *database, const struct store_retention_config *config,
			struct store_retention **ret_retention)
{
	int64_t page_size;

	_cleanup_(store_retention_freep) struct store_retention *retention = calloc(1, sizeof(*retention));
	if (!retention)
		return -ENOMEM;
	retention->database = database;
	retention->config = *config;
	int r = store_database_int(database, "PRAGMA page_size", &page_size);
	if (r == 0)
		r = store_database_prepare(database,
					   "DELETE FROM accesses WHERE id IN (SELECT id FROM accesses "
					   "WHERE last_real_ns < ?1 ORDER BY last_real_ns LIMIT ?2)",
					   &retention->delete_oldest);
	if (r == 0)
		r = store_database_prepare(database, "PRAGMA page_count", &retention->page_count);
	if (r == 0)
		r = store_database_prepare(database, "PRAGMA freelist_count", &retention->free_count);
	if (r < 0)
		return r;
	retention->page_size = (uint64_t)page_size;
	retention->log_bytes_max = config->max_bytes / LOG_SHARE_PART;
	if (retention->log_bytes_max > LOG_SHARE_MAX)
		retention->log_bytes_max = LOG_SHARE_MAX;
	*ret_retention = TAKE_PTR(retention);
	return 0;
}

void store_retention_free(struct store_retention *retention)
{
	if (!retention)
		return;
	(void)sqlite3_finalize(retention->delete_oldest); /* repeats the error of the last step */
	(void)sqlite3_finalize(retention->page_count);
	(void)sqlite3_finalize(retention->free_count);
	free(retention);
}

static int read_number(sqlite3_stmt *statement, uint64_t *ret_number)
{
	int code = sqlite3_step(statement);
	uint64_t number = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;

	(void)sqlite3_reset(statement); /* repeats the error of the step */
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? -ENODATA : store_errno(code);
	*ret_number = number;
	return 0;
}

/* Bytes of the database file, and of the part of it that holds something. */
static int read_size(struct store_retention *retention, uint64_t *ret_file_bytes, uint64_t *ret_used_bytes)
{
	uint64_t pages, free_pages;
	int r = read_number(retention->page_count, &pages);

	if (r == 0)
		r = read_number(retention->free_count, &free_pages);
	if (r < 0)
		return r;
	*ret_file_bytes = pages * retention->page_size;
	*ret_used_bytes = (pages - free_pages) * retention->page_size;
	return 0;
}

static int delete_before(struct store_retention *retention, int64_t real_ns, uint64_t *ret_deleted)
{
	sqlite3_stmt *statement = retention->delete_oldest;
	int code = sqlite3_bind_int64(statement, 1, real_ns);

	if (code == SQLITE_OK)
		code = sqlite3_bind_int(statement, 2, DELETE_ROWS);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	int changes = sqlite3_changes(retention->database); /* not those of triggers */
	(void)sqlite3_reset(statement);                     /* repeats the error of the step */
	if (code != SQLITE_DONE)
		return store_errno(code);
	*ret_deleted = (uint64_t)changes;
	return 0;
}

/* One portion of work. *ret_is_done when nothing is left to do. */
static int retention_step(struct store_retention *retention, int64_t cutoff_ns, struct store_retention_result *result,
			  bool *ret_is_done)
{
	uint64_t limit = retention->config.max_bytes - retention->log_bytes_max;
	uint64_t file_bytes = 0, used_bytes = 0, deleted = 0;

	int r = delete_before(retention, cutoff_ns, &deleted);
	if (r == 0)
		r = read_size(retention, &file_bytes, &used_bytes);
	if (r == 0 && deleted == 0 && used_bytes > limit)
		r = delete_before(retention, INT64_MAX, &deleted);
	if (r < 0)
		return r;
	result->deleted += deleted;
	if (file_bytes > limit && file_bytes > used_bytes)
		r = store_database_run(retention->database, "PRAGMA incremental_vacuum(" VACUUM_PAGES ")");
	*ret_is_done = deleted == 0 && (file_bytes <= limit || file_bytes == used_bytes);
	return r;
}

int store_retention_apply(struct store_retention *retention, uint64_t now_real_ns,
			  struct store_retention_result *ret_result)
{
	struct store_retention_result result = {0};
	uint64_t deadline_ns = clock_boot_ns() + retention->config.budget_ns;
	uint64_t max_age_ns = retention->config.max_age_ns;
	int64_t cutoff_ns = now_real_ns > max_age_ns ? (int64_t)(now_real_ns - max_age_ns) : 0;
	bool is_done = false;

	while (!is_done && !result.is_behind) {
		int r = retention_step(retention, cutoff_ns, &result, &is_done);
		if (r < 0)
			return r;
		result.is_behind = !is_done && clock_boot_ns() >= deadline_ns;
	}
	*ret_result = result;
	return 0;
}

int store_retention_trim_log(struct store_retention *retention)
{
	sqlite3_file *log = NULL;
	sqlite3_int64 size = 0;

	int code = sqlite3_file_control(retention->database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (code != SQLITE_OK || !log || !log->pMethods || log->pMethods->xFileSize(log, &size) != SQLITE_OK)
		return 0; /* no log yet */
	if ((uint64_t)size <= retention->log_bytes_max)
		return 0;
	/* Without the patience that commits have: a reader that needs the log is not waited for. */
	(void)sqlite3_busy_timeout(retention->database, 0);
	code = sqlite3_wal_checkpoint_v2(retention->database, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	(void)sqlite3_busy_timeout(retention->database, STORE_BUSY_TIMEOUT_MS);
	return code == SQLITE_BUSY ? 0 : store_errno(code);
}

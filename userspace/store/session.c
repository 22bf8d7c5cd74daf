/* SPDX-License-Identifier: Apache-2.0 */
#include "store/session.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/database.h"
#include "store/writer.h"

struct store_session {
	sqlite3 *database;
	struct store_writer *writer;
	struct store_retention *retention;
};

DEFINE_FREEP(struct store_session, store_session_close)

static int session_open_once(const char *path, const struct store_retention_config *config,
			     struct store_session **ret_session, struct error *error)
{
	_cleanup_(store_session_closep) struct store_session *session = calloc(1, sizeof(*session));
	if (!session)
		return error_set(error, -ENOMEM, path, 0, "no memory");
	int r = store_database_open(path, &session->database, error);
	if (r < 0)
		return r;
	r = store_writer_new(session->database, &session->writer);
	if (r == 0)
		r = store_retention_new(session->database, config, &session->retention);
	if (r < 0)
		return error_set(error, r, path, 0, "cannot be used: %s", sqlite3_errmsg(session->database));
	*ret_session = TAKE_PTR(session);
	return 0;
}

int store_session_open(const char *path, const struct store_retention_config *config,
		       struct store_session **ret_session, bool *ret_is_set_aside, struct error *error)
{
	struct error first = {0};
	bool is_set_aside = false;

	int r = session_open_once(path, config, ret_session, &first);
	if (r == -EBADMSG) {
		r = store_database_set_aside(path);
		if (r < 0)
			return error_set(error, r, path, 0, "is damaged and cannot be renamed: %s", strerror(-r));
		is_set_aside = true;
		first = (struct error){0};
		r = session_open_once(path, config, ret_session, &first);
	}
	if (r < 0)
		return error_set(error, r, first.file, first.line, "%s", first.text);
	*ret_is_set_aside = is_set_aside;
	return 0;
}

void store_session_close(struct store_session *session)
{
	if (!session)
		return;
	store_retention_free(session->retention);
	store_writer_free(session->writer);
	store_database_close(session->database);
	free(session);
}

static int session_insert(struct store_session *session, const struct store_record_list *records,
			  struct store_session_result *result)
{
	const struct store_record *record;

	STAILQ_FOREACH(record, records, link)
	{
		int r = store_writer_insert(session->writer, record);
		if (r == -EINVAL || r == -E2BIG)
			result->unwritable++;
		else if (r < 0)
			return r;
		else
			result->written++;
	}
	return 0;
}

static int session_transaction(struct store_session *session, const struct store_record_list *records,
			       struct store_session_result *result)
{
	struct store_retention_result retention = {0};
	int r = store_database_run(session->database, "BEGIN IMMEDIATE");

	if (r == 0)
		r = session_insert(session, records, result);
	if (r == 0)
		r = store_retention_apply(session->retention, clock_real_ns(), &retention);
	if (r == 0)
		r = store_database_run(session->database, "COMMIT");
	result->expired = retention.deleted;
	result->is_behind = retention.is_behind;
	return r;
}

int store_session_write(struct store_session *session, const struct store_record_list *records,
			struct store_session_result *ret_result)
{
	struct store_session_result result = {0};

	if (store_database_is_moved(session->database))
		return -ESTALE;
	int r = session_transaction(session, records, &result);
	if (r < 0) {
		if (!sqlite3_get_autocommit(session->database))
			(void)store_database_run(session->database,
						 "ROLLBACK"); /* the first error is the one to tell */
		store_writer_forget(session->writer);
		return r;
	}
	if (result.expired > 0)
		store_writer_forget(session->writer);
	/* What was committed stays so whatever comes of the log; a failure shows again with the next commit. */
	(void)store_retention_trim_log(session->retention);
	*ret_result = result;
	return 0;
}

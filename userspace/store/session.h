/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h: an open store with all that writes to it: connection, writer, retention. One thread at a time.
 */
#pragma once

#include <stdbool.h>

#include "store/queue.h"
#include "store/retention.h"

struct error;
struct store_session;

struct store_session_result {
	uint64_t written;
	uint64_t unwritable; /* records that the database refuses however often they are tried */
	uint64_t expired;
	bool is_behind; /* retention has more to do */
};

/*
 * Opens as store_database_open(), which see for errors. A file that is damaged is set aside first and a new one made;
 * *ret_is_set_aside says so.
 */
int store_session_open(const char *path, const struct store_retention_config *config,
		       struct store_session **ret_session, bool *ret_is_set_aside, struct error *error);
void store_session_close(struct store_session *session);

/*
 * Writes all records in one transaction, or none, then applies retention in the same one. Errors: -EBADMSG the file is
 * damaged; -ESTALE it was removed or replaced; others as store_errno().
 */
int store_session_write(struct store_session *session, const struct store_record_list *records,
			struct store_session_result *ret_result);

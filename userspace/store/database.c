/* SPDX-License-Identifier: Apache-2.0 */
#include "store/database.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "store/schema.h"

/* More files set aside in one second than this means that something else is wrong. */
#define SET_ASIDE_TRIES 16

int store_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_CANTOPEN:
		return -ENOENT;
	case SQLITE_INTERRUPT:
		return -ETIMEDOUT;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_RANGE:
		return -EINVAL;
	default:
		return code == SQLITE_IOERR_NOMEM ? -ENOMEM : -EIO;
	}
}

int store_database_run(sqlite3 *database, const char *sql)
{
	return store_errno(sqlite3_exec(database, sql, NULL, NULL, NULL));
}

int store_database_int(sqlite3 *database, const char *sql, int64_t *ret_value)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret_value = sqlite3_column_int64(statement, 0);
	(void)sqlite3_finalize(statement); /* repeats the error of the step */
	return code == SQLITE_DONE ? -ENODATA : store_errno(code);
}

int store_database_prepare(sqlite3 *database, const char *sql, sqlite3_stmt **ret_statement)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);

	if (code == SQLITE_ERROR)
		return -EBADMSG; /* no such table or column: our text is constant, so the file is not what it claims */
	if (code != SQLITE_OK)
		return store_errno(code);
	*ret_statement = statement;
	return 0;
}

/* SQLite makes its log and shared memory with the mode of the database, so only that one needs care. */
static int database_make_file(const char *path, struct error *error)
{
	struct stat status;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int code = fd >= 0 ? 0 : -errno;

	if (fd >= 0) {
		(void)close(fd); /* nothing was written */
		return 0;
	}
	if (code != -EEXIST)
		return error_set(error, code, path, 0, "cannot be made: %s", strerror(-code));

	/* An existing file is not opened here: closing it would drop SQLite's locks on it in this process. */
	if (lstat(path, &status) < 0) {
		code = -errno;
		return error_set(error, code, path, 0, "%s", strerror(-code));
	}
	if (!S_ISREG(status.st_mode))
		return error_set(error, S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL, path, 0,
				 "is not a regular file: remove it, or use another state directory");
	if ((status.st_mode & 07777) != 0600 && chmod(path, 0600) < 0) {
		code = -errno;
		return error_set(error, code, path, 0, "cannot be made private (mode 0600): %s", strerror(-code));
	}
	return 0;
}

static int database_failed(sqlite3 *database, int code, const char *path, const char *doing, struct error *error)
{
	return error_set(error, code, path, 0, "%s: %s", doing,
			 database && code != -ENOMEM ? sqlite3_errmsg(database) : strerror(-code));
}

static int database_connect(const char *path, int flags, sqlite3 **ret_database, struct error *error)
{
	sqlite3 *database = NULL;
	int code = sqlite3_open_v2(path, &database, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);

	if (code != SQLITE_OK) {
		int r = store_errno(code);
		if (r == -ENOENT && database && sqlite3_system_errno(database) != 0)
			r = -sqlite3_system_errno(database);
		(void)database_failed(database, r, path, "cannot be opened", error);
		(void)sqlite3_close(database);
		return r;
	}
	(void)sqlite3_extended_result_codes(database, 1);
	(void)sqlite3_busy_timeout(database, STORE_BUSY_TIMEOUT_MS);
	/* A damaged or foreign schema must not be able to call anything. */
	(void)sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	*ret_database = database;
	return 0;
}

/* Reads what kind of database this is. *ret_version 0 is an empty one. */
static int database_identify(sqlite3 *database, const char *path, int64_t *ret_version, struct error *error)
{
	int64_t application, version, tables;
	int r = store_database_int(database, "PRAGMA application_id", &application);

	if (r == 0)
		r = store_database_int(database, "PRAGMA user_version", &version);
	if (r == 0)
		r = store_database_int(database, "SELECT count(*) FROM sqlite_master", &tables);
	if (r < 0)
		return database_failed(database, r, path, "cannot be read", error);

	if (application == 0 && version == 0 && tables == 0) {
		*ret_version = 0;
		return 0;
	}
	if (application != STORE_APPLICATION_ID || version < 1)
		return error_set(error, -ENOTSUP, path, 0,
				 "is a database of another program: move it away, or use another state directory");
	if (version > STORE_SCHEMA_VERSION)
		return error_set(error, -ENOTSUP, path, 0,
				 "has schema version %lld and this program knows up to %d: run the newer program, or "
				 "move the file away to start a new history",
				 (long long)version, STORE_SCHEMA_VERSION);
	*ret_version = version;
	return 0;
}

static int database_migrate_step(sqlite3 *database, int64_t version)
{
	char mark[96];
	(void)snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %lld",
		       STORE_APPLICATION_ID, (long long)version + 1);

	int r = store_database_run(database, "BEGIN IMMEDIATE");
	if (r == 0)
		r = store_database_run(database, store_migrations[version]);
	if (r == 0)
		r = store_database_run(database, mark);
	if (r == 0)
		r = store_database_run(database, "COMMIT");
	return r;
}

static int database_prepare_file(sqlite3 *database, const char *path, struct error *error)
{
	int64_t version;
	int r = database_identify(database, path, &version, error);
	if (r < 0)
		return r;

	/*
	 * auto_vacuum counts only before the first page is written, which journal_mode does. A checkpoint at every
	 * 512 pages (2 MiB) keeps the log short; journal_size_limit cuts it back after a burst.
	 */
	r = store_database_run(database, "PRAGMA auto_vacuum = INCREMENTAL;"
					 "PRAGMA journal_mode = WAL;"
					 "PRAGMA synchronous = NORMAL;"
					 "PRAGMA wal_autocheckpoint = 512;"
					 "PRAGMA journal_size_limit = 2097152;"
					 "PRAGMA cache_size = -2048;");
	for (; r == 0 && version < STORE_SCHEMA_VERSION; version++)
		r = database_migrate_step(database, version);
	/* Reads a page or two of the largest table: what is plainly damaged is found now and not with the first row. */
	int64_t last;
	if (r == 0)
		r = store_database_int(database, "SELECT last_real_ns FROM accesses ORDER BY id DESC LIMIT 1", &last);
	if (r < 0 && r != -ENODATA)
		return database_failed(database, r, path, "cannot be used", error);
	return 0;
}

int store_database_open(const char *path, sqlite3 **ret_database, struct error *error)
{
	sqlite3 *database;
	int r = database_make_file(path, error);
	if (r < 0)
		return r;
	r = database_connect(path, SQLITE_OPEN_READWRITE, &database, error);
	if (r < 0)
		return r;
	r = database_prepare_file(database, path, error);
	if (r < 0) {
		(void)sqlite3_close(database);
		return r;
	}
	*ret_database = database;
	return 0;
}

/*
 * Beside a log there is an index of it in shared memory, which SQLite makes where it is missing. In a copy that nobody
 * may write to, as on a read-only file system, it cannot; but there, without a log, nobody writes the database either.
 */
static bool database_is_still(const char *path)
{
	char log[PATH_MAX], directory[PATH_MAX];
	char *slash;

	if ((size_t)snprintf(log, sizeof(log), "%s-wal", path) >= sizeof(log))
		return false;
	(void)snprintf(directory, sizeof(directory), "%s", path); /* shorter than the log's */
	slash = strrchr(directory, '/');
	if (!slash)
		return false;
	slash[1] = '\0';
	return access(log, F_OK) < 0 && errno == ENOENT && access(directory, W_OK) < 0;
}

/* As a URI (https://www.sqlite.org/uri.html), which alone can say that the file does not change. */
static int database_connect_still(const char *path, sqlite3 **ret_database, struct error *error)
{
	static const char digits[] = "0123456789abcdef";
	char uri[3 * PATH_MAX + sizeof("file:?immutable=1")] = "file:";
	size_t size = strlen(uri);

	for (; *path && size + 4 + sizeof("?immutable=1") <= sizeof(uri); path++) {
		bool is_special = strchr("%?#", *path);

		uri[size++] = is_special ? '%' : *path;
		if (is_special) {
			uri[size++] = digits[(unsigned char)*path >> 4];
			uri[size++] = digits[(unsigned char)*path & 0xf];
		}
	}
	(void)snprintf(uri + size, sizeof(uri) - size, "?immutable=1"); /* measured */
	return database_connect(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, ret_database, error);
}

int store_database_open_reader(const char *path, sqlite3 **ret_database, struct error *error)
{
	sqlite3 *database;
	int64_t version;

	if (access(path, F_OK) < 0)
		return error_set(error, -errno, path, 0, "no history is kept here: %s", strerror(errno));
	int r = database_is_still(path) ? database_connect_still(path, &database, error)
					: database_connect(path, SQLITE_OPEN_READONLY, &database, error);
	if (r < 0)
		return r;
	r = database_identify(database, path, &version, error);
	if (r == 0 && version != STORE_SCHEMA_VERSION)
		r = error_set(error, -ENOTSUP, path, 0, "has schema version %lld: start the daemon once to update it",
			      (long long)version);
	if (r == 0) {
		r = store_database_run(database, "PRAGMA query_only = ON; PRAGMA cache_size = -2048;");
		if (r < 0)
			(void)database_failed(database, r, path, "cannot be used", error);
	}
	if (r < 0) {
		(void)sqlite3_close(database);
		return r;
	}
	*ret_database = database;
	return 0;
}

void store_database_close(sqlite3 *database)
{
	(void)sqlite3_close(database); /* a failed checkpoint leaves the log, which the next start reads */
}

/* Renames path + suffix to target + suffix. */
static int rename_with(const char *path, const char *target, const char *suffix)
{
	char from[PATH_MAX], to[PATH_MAX];

	if ((size_t)snprintf(from, sizeof(from), "%s%s", path, suffix) >= sizeof(from) ||
	    (size_t)snprintf(to, sizeof(to), "%s%s", target, suffix) >= sizeof(to))
		return -ENAMETOOLONG;
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
}

int store_database_set_aside(const char *path)
{
	char target[PATH_MAX];
	int r = -EEXIST;

	for (int i = 0; i < SET_ASIDE_TRIES && r == -EEXIST; i++) {
		/* One name a second is enough, but two broken files in one second must both be kept. */
		if ((size_t)snprintf(target, sizeof(target), "%s.corrupt-%lld", path, (long long)time(NULL) + i) >=
		    sizeof(target))
			return -ENAMETOOLONG;
		r = rename_with(path, target, "");
	}
	if (r < 0)
		return r;
	/* The log belongs to the broken file; left here it would be played into the new one. -shm is only an index. */
	r = rename_with(path, target, "-wal");
	char shared[PATH_MAX];
	if ((size_t)snprintf(shared, sizeof(shared), "%s-shm", path) < sizeof(shared))
		(void)unlink(shared); /* made anew by SQLite; most often it is not there */
	(void)log_warning(0, "the history in '%s' is damaged: it is kept as '%s', a new one begins", path, target);
	return r == -ENOENT ? 0 : r;
}

bool store_database_is_moved(sqlite3 *database)
{
	int is_moved = 0;

	return sqlite3_file_control(database, "main", SQLITE_FCNTL_HAS_MOVED, &is_moved) == SQLITE_OK && is_moved;
}

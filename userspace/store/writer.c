/* SPDX-License-Identifier: Apache-2.0 */
#include "store/writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/database.h"
#include "store/record.h"
#include "store/row.h"

/* Numbers that are in databases already. */
_Static_assert(VERDICT_ALLOW == 0 && VERDICT_ALERT == 1 && VERDICT_DENY == 2, "stored in accesses.action");
_Static_assert(TIER_OBSERVE == 0 && TIER_KILL == 1 && TIER_FANOTIFY == 2 && TIER_LSM == 3, "stored in verdicts.tier");

/* Sums of counts must stay below 2^63, so one row may not hold more; no machine makes as many accesses. */
#define COUNT_MAX          (1LL << 43)

#define BOOT_ID_SIZE       64
#define PIDS_TEXT_SIZE     (ACCESS_ANCESTORS_MAX * 11 + 1)
#define INSERT_SQL_SIZE    512
#define CACHE_ENTRIES      512  /* powers of two */
#define CACHE_ENTRIES_MANY 4096 /* processes: most of what comes, comes from few of them */

enum dimension_index {
	DIMENSION_SECRETS,
	DIMENSION_FILES,
	DIMENSION_EXES,
	DIMENSION_CGROUPS,
	DIMENSION_LINEAGES,
	DIMENSION_PROCESSES,
	DIMENSION_VERDICTS,
	DIMENSION_COUNT,
};

struct dimension {
	const char *table;
	const char *columns; /* in the order of the rows that are built below */
	size_t cache_entries;
};

static const struct dimension dimensions[DIMENSION_COUNT] = {
	[DIMENSION_SECRETS] = {"secrets", "name, class", CACHE_ENTRIES},
	[DIMENSION_FILES] = {"files", "path, is_path_truncated, dev, ino, generation", CACHE_ENTRIES},
	[DIMENSION_EXES] = {"exes", "path, sha256, dev, ino, generation, ctime_sec, ctime_nsec, nlink, flags",
			    CACHE_ENTRIES},
	[DIMENSION_CGROUPS] = {"cgroups", "path, unit, container, pod", CACHE_ENTRIES},
	[DIMENSION_LINEAGES] = {"lineages", "exes, is_truncated", CACHE_ENTRIES},
	[DIMENSION_PROCESSES] = {"processes",
				 "pid, start_ns, start_real_ns, exe, cgroup, lineage, ancestor_pids, comm, args, "
				 "is_args_truncated, uid, gid, euid, egid, login_uid, session_id, cap_effective, user, "
				 "script",
				 CACHE_ENTRIES_MANY},
	[DIMENSION_VERDICTS] = {"verdicts", "policy, rule, tier, is_enforced, would_deny", CACHE_ENTRIES},
};

static const char access_columns[] =
	"first_real_ns, last_real_ns, count, secret, file, process, verdict, action, kind, "
	"via, mode, result, tid, target_pid, target_exe";

/* A slot for each value of the first bits of a digest; a newer row takes the slot of an older one. id 0 is empty. */
struct cache_entry {
	uint8_t digest[STORE_DIGEST_SIZE];
	int64_t id;
};

struct store_writer {
	sqlite3 *database; /* borrowed */
	sqlite3_stmt *find[DIMENSION_COUNT];
	sqlite3_stmt *add[DIMENSION_COUNT];
	sqlite3_stmt *add_access;
	struct cache_entry *caches[DIMENSION_COUNT];
	char boot_id[BOOT_ID_SIZE]; /* tells a process from one of the same pid and start in another boot */
};

DEFINE_FREEP(struct store_writer, store_writer_free)

static int64_t bounded_count(uint64_t count)
{
	return count < (uint64_t)COUNT_MAX ? (int64_t)count : COUNT_MAX;
}

/* Empty where there is none: then only the start time tells boots apart. */
static void read_boot_id(char out[BOOT_ID_SIZE])
{
	_cleanup_(closep) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd >= 0 ? read(fd, out, BOOT_ID_SIZE - 1) : -1;

	out[size > 0 ? size : 0] = '\0';
}

/* ---------------------------------------------------------------- life */

static int prepare_insert(sqlite3 *database, const char *table, const char *columns, sqlite3_stmt **ret)
{
	char sql[INSERT_SQL_SIZE];
	size_t size = (size_t)snprintf(sql, sizeof(sql), "INSERT INTO %s (%s) VALUES (?", table, columns);

	for (const char *at = columns; *at && size + 4 < sizeof(sql); at++) {
		if (*at == ',')
			size += (size_t)snprintf(sql + size, sizeof(sql) - size, ",?");
	}
	assert(size + 2 < sizeof(sql)); /* the tables above are constant */
	(void)snprintf(sql + size, sizeof(sql) - size, ")");
	return store_database_prepare(database, sql, ret);
}

static int prepare_dimension(struct store_writer *writer, enum dimension_index index)
{
	const struct dimension *dimension = &dimensions[index];
	char text[INSERT_SQL_SIZE];

	(void)snprintf(text, sizeof(text), "SELECT id FROM %s WHERE digest = ?", dimension->table);
	int r = store_database_prepare(writer->database, text, &writer->find[index]);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "digest, %s", dimension->columns);
	r = prepare_insert(writer->database, dimension->table, text, &writer->add[index]);
	if (r < 0)
		return r;
	writer->caches[index] = calloc(dimension->cache_entries, sizeof(struct cache_entry));
	return writer->caches[index] ? 0 : -ENOMEM;
}

int store_writer_new(sqlite3 *database, struct store_writer **ret_writer)
{
	_cleanup_(store_writer_freep) struct store_writer *writer = calloc(1, sizeof(*writer));
	if (!writer)
		return -ENOMEM;
	writer->database = database;
	read_boot_id(writer->boot_id);
	for (unsigned int i = 0; i < DIMENSION_COUNT; i++) {
		int r = prepare_dimension(writer, (enum dimension_index)i);
		if (r < 0)
			return r;
	}
	int r = prepare_insert(database, "accesses", access_columns, &writer->add_access);
	if (r < 0)
		return r;
	*ret_writer = TAKE_PTR(writer);
	return 0;
}

void store_writer_free(struct store_writer *writer)
{
	if (!writer)
		return;
	for (unsigned int i = 0; i < DIMENSION_COUNT; i++) {
		(void)sqlite3_finalize(writer->find[i]); /* repeats the error of the last step */
		(void)sqlite3_finalize(writer->add[i]);
		free(writer->caches[i]);
	}
	(void)sqlite3_finalize(writer->add_access);
	free(writer);
}

void store_writer_forget(struct store_writer *writer)
{
	for (unsigned int i = 0; i < DIMENSION_COUNT; i++)
		memset(writer->caches[i], 0, dimensions[i].cache_entries * sizeof(struct cache_entry));
}

/* ---------------------------------------------------------------- rows that repeat */

static int find_row(sqlite3_stmt *statement, const uint8_t digest[STORE_DIGEST_SIZE], int64_t *ret_id)
{
	int code = sqlite3_bind_blob(statement, 1, digest, STORE_DIGEST_SIZE, SQLITE_STATIC);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	int64_t id = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	(void)sqlite3_reset(statement); /* repeats the error of the step */
	if (code == SQLITE_ROW)
		*ret_id = id;
	return code == SQLITE_DONE ? -ENOENT : store_errno(code);
}

static int insert_row(sqlite3_stmt *statement, const uint8_t *digest, const struct store_row *row)
{
	int code = digest ? sqlite3_bind_blob(statement, 1, digest, STORE_DIGEST_SIZE, SQLITE_STATIC) : SQLITE_OK;

	if (code == SQLITE_OK)
		code = store_row_bind(row, statement, digest ? 2 : 1);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	(void)sqlite3_reset(statement);          /* repeats the error of the step */
	(void)sqlite3_clear_bindings(statement); /* they point into the record, which is about to go */
	return store_errno(code);
}

/* The id of the row that says this, found or made. */
static int intern(struct store_writer *writer, enum dimension_index index, const struct store_row *row, int64_t *ret_id)
{
	uint8_t digest[STORE_DIGEST_SIZE];
	uint32_t slot;

	store_row_digest(row, index == DIMENSION_PROCESSES ? writer->boot_id : "", digest);
	memcpy(&slot, digest, sizeof(slot));
	struct cache_entry *entry = &writer->caches[index][slot & (dimensions[index].cache_entries - 1)];
	if (entry->id == 0 || memcmp(entry->digest, digest, sizeof(digest)) != 0) {
		int64_t id = 0;
		int r = find_row(writer->find[index], digest, &id);
		if (r == -ENOENT) {
			r = insert_row(writer->add[index], digest, row);
			id = sqlite3_last_insert_rowid(writer->database);
		}
		if (r < 0)
			return r;
		memcpy(entry->digest, digest, sizeof(digest));
		entry->id = id;
	}
	*ret_id = entry->id;
	return 0;
}

static int intern_secret(struct store_writer *writer, const struct store_record *record, int64_t *ret_id)
{
	struct store_row row = {0};

	store_row_text(&row, record->secret_name);
	store_row_text(&row, record->secret_class);
	return intern(writer, DIMENSION_SECRETS, &row, ret_id);
}

static int intern_file(struct store_writer *writer, const struct store_record *record, int64_t *ret_id)
{
	struct store_row row = {0};

	store_row_text(&row, record->path);
	store_row_int(&row, record->path_truncated);
	store_row_int(&row, record->file.dev);
	store_row_int(&row, (int64_t)record->file.ino);
	store_row_int(&row, record->file.generation);
	return intern(writer, DIMENSION_FILES, &row, ret_id);
}

static int intern_exe(struct store_writer *writer, const struct store_record *record, int64_t *ret_id)
{
	const struct exe_id *exe = &record->exe_id;
	struct store_row row = {0};

	store_row_text(&row, record->exe);
	store_row_text(&row, record->exe_sha256);
	store_row_int(&row, exe->file.dev);
	store_row_int(&row, (int64_t)exe->file.ino);
	store_row_int(&row, exe->file.generation);
	store_row_int(&row, exe->ctime_sec);
	store_row_int(&row, exe->ctime_nsec);
	store_row_int(&row, exe->nlink);
	store_row_int(&row, exe->flags);
	return intern(writer, DIMENSION_EXES, &row, ret_id);
}

static int intern_cgroup(struct store_writer *writer, const struct store_record *record, int64_t *ret_id)
{
	struct store_row row = {0};

	store_row_text(&row, record->cgroup);
	store_row_text(&row, record->unit);
	store_row_text(&row, record->container);
	store_row_text(&row, record->pod);
	return intern(writer, DIMENSION_CGROUPS, &row, ret_id);
}

static int intern_lineage(struct store_writer *writer, const struct store_record *record, int64_t *ret_id)
{
	struct store_row row = {0};

	store_row_blob(&row, record->ancestor_exes, record->ancestor_exes_size);
	store_row_int(&row, record->ancestors_truncated);
	return intern(writer, DIMENSION_LINEAGES, &row, ret_id);
}

static int intern_verdict(struct store_writer *writer, const struct store_record *record, int64_t *ret_id)
{
	struct store_row row = {0};

	store_row_text(&row, record->policy);
	store_row_text(&row, record->rule);
	store_row_int(&row, record->tier);
	store_row_int(&row, record->is_enforced);
	store_row_int(&row, record->would_deny);
	return intern(writer, DIMENSION_VERDICTS, &row, ret_id);
}

static void format_pids(const struct store_record *record, char out[PIDS_TEXT_SIZE])
{
	size_t size = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < record->ancestors_count; i++)
		size += (size_t)snprintf(out + size, PIDS_TEXT_SIZE - size, i > 0 ? ",%u" : "%u",
					 record->ancestor_pids[i]);
}

static void row_credentials(struct store_row *row, const struct credentials *cred)
{
	store_row_int(row, cred->uid);
	store_row_int(row, cred->gid);
	store_row_int(row, cred->euid);
	store_row_int(row, cred->egid);
	store_row_int(row, cred->login_uid);
	store_row_int(row, cred->session_id);
	store_row_int(row, (int64_t)cred->cap_effective);
}

static int intern_process(struct store_writer *writer, const struct store_record *record, int64_t *ret_id)
{
	struct store_row row = {0};
	char pids[PIDS_TEXT_SIZE];
	int64_t exe, cgroup, lineage;

	int r = intern_exe(writer, record, &exe);
	if (r == 0)
		r = intern_cgroup(writer, record, &cgroup);
	if (r == 0)
		r = intern_lineage(writer, record, &lineage);
	if (r < 0)
		return r;

	format_pids(record, pids);
	store_row_int(&row, record->process.pid);
	store_row_int(&row, (int64_t)record->process.start_ns);
	/* Computed from the clocks of the moment, so it may differ a little each time. */
	store_row_unhashed_int(&row, (int64_t)record->start_real_ns);
	store_row_int(&row, exe);
	store_row_int(&row, cgroup);
	store_row_int(&row, lineage);
	store_row_text(&row, pids);
	store_row_text(&row, record->comm);
	store_row_blob(&row, record->args, record->args_size);
	store_row_int(&row, record->args_truncated);
	row_credentials(&row, &record->cred);
	store_row_text(&row, record->user);
	store_row_text(&row, record->script);
	return intern(writer, DIMENSION_PROCESSES, &row, ret_id);
}

/* ---------------------------------------------------------------- the access */

int store_writer_insert(struct store_writer *writer, const struct store_record *record)
{
	struct store_row row = {0};
	int64_t secret, file, process, verdict;

	int r = intern_secret(writer, record, &secret);
	if (r == 0)
		r = intern_file(writer, record, &file);
	if (r == 0)
		r = intern_process(writer, record, &process);
	if (r == 0)
		r = intern_verdict(writer, record, &verdict);
	if (r < 0)
		return r;

	store_row_int(&row, (int64_t)record->first_real_ns);
	store_row_int(&row, (int64_t)record->last_real_ns);
	store_row_int(&row, bounded_count(record->count));
	store_row_int(&row, secret);
	store_row_int(&row, file);
	store_row_int(&row, process);
	store_row_int(&row, verdict);
	store_row_int(&row, record->action);
	store_row_int(&row, record->kind);
	store_row_int(&row, record->via);
	store_row_int(&row, record->mode);
	store_row_int(&row, record->result);
	store_row_int(&row, record->tid);
	store_row_int(&row, record->target_pid);
	store_row_text(&row, record->target_exe);
	return insert_row(writer->add_access, NULL, &row);
}

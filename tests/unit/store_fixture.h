/* SPDX-License-Identifier: Apache-2.0 */
/* store_fixture.h: what the tests of the store share: a directory, a config, an access with every field set. */
#pragma once

#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/access.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/store.h"

#define FIXTURE_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct fixture {
	char directory[PATH_MAX - 512];
	char path[PATH_MAX]; /* of the database */
	struct store_config config;
};

static inline void fixture_remove(const char *directory)
{
	DIR *stream = opendir(directory);
	struct dirent *entry;
	char path[PATH_MAX + 256];

	assert_non_null(stream);
	while ((entry = readdir(stream))) {
		(void)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			assert_int_equal(remove(path), 0);
	}
	(void)closedir(stream);
	assert_int_equal(rmdir(directory), 0);
}

static inline int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(fixture->directory, sizeof(fixture->directory), "%s/store-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(fixture->directory));
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/%s", fixture->directory, STORE_FILE_NAME);
	fixture->config = (struct store_config){
		.state_dir = fixture->directory,
		.commit_interval_ms = 60000, /* tests flush: nothing depends on time */
		.max_mib = 8,
		.max_age_hours = 24,
		.queue_max = 65536,
	};
	*state = fixture;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	fixture_remove(fixture->directory);
	free(fixture);
	return 0;
}

static inline struct store *fixture_open(const struct fixture *fixture)
{
	struct error error = {0};
	struct store *store = NULL;
	int r = store_open(&fixture->config, &store, &error);

	if (r < 0)
		print_error("store_open: %s: %s\n", error.file, error.text);
	assert_int_equal(r, 0);
	return store;
}

/* Every field has a value that no other field has. */
static inline struct access fixture_access(void)
{
	static const char *const args[] = {"cat", "", "/etc/shadow"};
	uint64_t now_ns = clock_real_ns();
	struct access access = {
		.secret_name = "shadow",
		.secret_class = "os-credential",
		.path = "/etc/shadow",
		.path_truncated = true,
		.file = {.ino = 0xfffffffffffffffeULL, .dev = 0x800001, .generation = 0xfffffff0U},
		.kind = ACCESS_PROC_MEM,
		.via = VIA_PROCESS_VM_READV,
		.mode = MODE_READ | MODE_COMPAT,
		.result = -13,
		.count = 17,
		.first_real_ns = now_ns - 1000,
		.last_real_ns = now_ns,
		.target_pid = 4321,
		.target_exe = "/usr/bin/target",
		.process =
			{
				.id = {.start_ns = 123456789, .pid = 1001},
				.tid = 1002,
				.start_real_ns = now_ns - 5000,
				.exe = "/usr/bin/cat",
				.exe_id = {.file = {.ino = 99, .dev = 98, .generation = 97},
					   .ctime_sec = -96,
					   .ctime_nsec = 95,
					   .nlink = 94,
					   .flags = EXE_FLAG_TMPFS | EXE_FLAG_OVERLAY},
				.exe_sha256 = FIXTURE_SHA256,
				.comm = "cat",
				.args = args,
				.args_count = 3,
				.args_truncated = true,
				.cred = {.uid = 11,
					 .gid = 12,
					 .euid = 13,
					 .egid = 14,
					 .login_uid = 0xffffffffU,
					 .session_id = 15,
					 .cap_effective = 0x8000000000000001ULL},
				.user = "alice",
				.script = "/usr/local/bin/run.py",
				.cgroup = "/system.slice/x.service",
				.container = "c0ffee",
				.pod = "pod-1",
				.unit = "x.service",
				.ancestors = {{.pid = 900, .exe = "/usr/bin/bash"},
					      {.pid = 2, .exe = "[kthreadd]"},
					      {.pid = 1, .exe = ""}},
				.ancestors_count = 3,
				.ancestors_truncated = true,
			},
		.verdict = {.action = VERDICT_DENY,
			    .rule = "deny/no-cat",
			    .policy = "host",
			    .tier = TIER_FANOTIFY,
			    .is_enforced = true},
	};
	return access;
}

/* One number from the database, by a connection of its own. */
static inline int64_t fixture_number(const struct fixture *fixture, const char *sql)
{
	sqlite3 *database = NULL;
	sqlite3_stmt *statement = NULL;

	assert_int_equal(sqlite3_open_v2(fixture->path, &database, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	int64_t number = sqlite3_column_int64(statement, 0);
	(void)sqlite3_finalize(statement);
	(void)sqlite3_close(database);
	return number;
}

static inline void fixture_run(const struct fixture *fixture, const char *sql)
{
	sqlite3 *database = NULL;

	assert_int_equal(sqlite3_open(fixture->path, &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(database);
}

/* Whether the whole file is sound and no row is left that nothing refers to. */
static inline void fixture_check_integrity(const struct fixture *fixture)
{
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM pragma_integrity_check "
						 "WHERE integrity_check = 'ok'"),
			 1);
	assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	assert_int_equal(fixture_number(fixture,
					"SELECT (SELECT count(*) FROM processes WHERE id NOT IN (SELECT process FROM "
					"accesses)) + (SELECT count(*) FROM exes WHERE id NOT IN (SELECT exe FROM "
					"processes)) + (SELECT count(*) FROM lineages WHERE id NOT IN (SELECT lineage "
					"FROM processes)) + (SELECT count(*) FROM files WHERE id NOT IN (SELECT file "
					"FROM accesses))"),
			 0);
}

/* How many files of the directory have a name that begins so. */
static inline int fixture_count_files(const struct fixture *fixture, const char *prefix)
{
	DIR *stream = opendir(fixture->directory);
	struct dirent *entry;
	int count = 0;

	assert_non_null(stream);
	while ((entry = readdir(stream)))
		count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	(void)closedir(stream);
	return count;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "store/reader.h"
#include "store_fixture.h"

#define ROWS_MAX 16

struct seen {
	int count;
	int stop_at; /* the callback answers 7 at this row; 0: never */
	char text[ROWS_MAX][256];
	struct access access; /* the last one; its strings are gone */
};

static struct store_reader *open_reader(const struct fixture *fixture, unsigned int deadline_ms)
{
	struct error error = {0};
	struct store_reader *reader = NULL;

	assert_int_equal(store_reader_open(fixture->directory, deadline_ms, &reader, &error), 0);
	return reader;
}

static int see_top(void *context, const struct store_top_row *row)
{
	struct seen *seen = context;

	(void)snprintf(seen->text[seen->count % ROWS_MAX], sizeof(seen->text[0]),
		       "%s pid=%u user=%s count=%llu alerts=%llu denied=%llu secrets=%llu last=%d", row->exe, row->pid,
		       row->user ? row->user : "-", (unsigned long long)row->count, (unsigned long long)row->alerts,
		       (unsigned long long)row->denied, (unsigned long long)row->secrets, row->last_real_ns > 0);
	return ++seen->count == seen->stop_at ? 7 : 0;
}

static int see_secret(void *context, const struct store_secret_row *row)
{
	struct seen *seen = context;

	(void)snprintf(seen->text[seen->count % ROWS_MAX], sizeof(seen->text[0]),
		       "%s %s count=%llu alerts=%llu denied=%llu readers=%llu span=%llu", row->name, row->class_name,
		       (unsigned long long)row->count, (unsigned long long)row->alerts, (unsigned long long)row->denied,
		       (unsigned long long)row->readers, (unsigned long long)(row->last_real_ns - row->first_real_ns));
	seen->count++;
	return 0;
}

static int see_access(void *context, const struct access *access)
{
	struct seen *seen = context;

	(void)snprintf(seen->text[seen->count % ROWS_MAX], sizeof(seen->text[0]), "%s %u", access->secret_name,
		       access->process.id.pid);
	seen->access = *access;
	return ++seen->count == seen->stop_at ? 7 : 0;
}

static void append(struct store *store, const char *secret, const char *exe, uint32_t pid, uint64_t count,
		   enum verdict_action action)
{
	struct access access = fixture_access();

	access.secret_name = secret;
	access.process.exe = exe;
	access.process.id.pid = pid;
	access.count = count;
	access.verdict.action = action;
	assert_int_equal(store_append(store, &access), 0);
}

/* cat: two processes, two secrets, 10 accesses; sshd: one, one, 100. */
static void fill(const struct fixture *fixture)
{
	struct store *store = fixture_open(fixture);

	append(store, "shadow", "/usr/bin/cat", 10, 1, VERDICT_DENY);
	append(store, "shadow", "/usr/bin/cat", 10, 2, VERDICT_ALERT);
	append(store, "shadow", "/usr/bin/cat", 11, 3, VERDICT_ALLOW);
	append(store, "token", "/usr/bin/cat", 11, 4, VERDICT_ALLOW);
	append(store, "shadow", "/usr/sbin/sshd", 12, 100, VERDICT_ALLOW);
	store_close(store);
}

/* ---------------------------------------------------------------- top */

static void ranks_programs_by_count(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = {0};
	struct store_top_query query = {.group = STORE_GROUP_EXE, .sort = STORE_SORT_COUNT, .limit = 10};

	fill(fixture);
	struct store_reader *reader = open_reader(fixture, 10000);
	assert_int_equal(store_query_top(reader, &query, see_top, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.text[0], "/usr/sbin/sshd pid=0 user=- count=100 alerts=0 denied=0 secrets=1 "
					  "last=1");
	assert_string_equal(seen.text[1], "/usr/bin/cat pid=0 user=- count=10 alerts=3 denied=1 secrets=2 "
					  "last=1");
	store_reader_free(reader);
}

static void ranks_processes_by_alerts(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = {0};
	struct store_top_query query = {.group = STORE_GROUP_PROCESS, .sort = STORE_SORT_ALERTS, .limit = 2};

	fill(fixture);
	struct store_reader *reader = open_reader(fixture, 10000);
	assert_int_equal(store_query_top(reader, &query, see_top, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.text[0], "/usr/bin/cat pid=10 user=alice count=3 alerts=3 denied=1 secrets=1 "
					  "last=1");
	assert_string_equal(seen.text[1], "/usr/bin/cat pid=11 user=alice count=7 alerts=0 denied=0 secrets=2 "
					  "last=1");
	store_reader_free(reader);
}

static void answers_each_group_and_sort(void **state)
{
	struct fixture *fixture = *state;

	fill(fixture);
	struct store_reader *reader = open_reader(fixture, 10000);
	for (int group = 0; group < STORE_GROUP_COUNT; group++) {
		for (int sort = 0; sort < STORE_SORT_KEY_COUNT; sort++) {
			struct seen seen = {0};
			struct store_top_query query = {
				.group = (enum store_group)group, .sort = (enum store_sort)sort, .limit = 10};
			assert_int_equal(store_query_top(reader, &query, see_top, &seen), 0);
			assert_int_equal(seen.count, group == STORE_GROUP_EXE ? 2 : 3);
		}
	}
	struct store_top_query wrong = {.sort = (enum store_sort)99, .limit = 1};
	assert_int_equal(store_query_top(reader, &wrong, see_top, NULL), -EINVAL);
	store_reader_free(reader);
}

static void leaves_out_what_is_older(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = {0};
	struct store_top_query query = {
		.since_real_ns = clock_real_ns() + 3600 * NS_PER_SEC, .sort = STORE_SORT_LAST, .limit = 10};

	fill(fixture);
	struct store_reader *reader = open_reader(fixture, 10000);
	assert_int_equal(store_query_top(reader, &query, see_top, &seen), 0);
	assert_int_equal(store_query_secrets(reader, UINT64_MAX, see_secret, &seen), 0);
	assert_int_equal(seen.count, 0);
	store_reader_free(reader);
}

static void stops_when_the_callback_says_so(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = {.stop_at = 1};
	struct store_top_query query = {.sort = STORE_SORT_COUNT, .limit = 10};

	fill(fixture);
	struct store_reader *reader = open_reader(fixture, 10000);
	assert_int_equal(store_query_top(reader, &query, see_top, &seen), 7);
	assert_int_equal(seen.count, 1);
	store_reader_free(reader);
}

static void knows_the_names_of_groups_and_sorts(void **state)
{
	enum store_group group = STORE_GROUP_COUNT;
	enum store_sort sort = STORE_SORT_KEY_COUNT;

	(void)state;
	assert_int_equal(store_group_from_name("process", &group), 0);
	assert_int_equal(group, STORE_GROUP_PROCESS);
	assert_int_equal(store_sort_from_name("secrets", &sort), 0);
	assert_int_equal(sort, STORE_SORT_SECRETS);
	assert_int_equal(store_sort_from_name("count; DROP TABLE accesses", &sort), -EINVAL);
	assert_int_equal(store_group_from_name("", &group), -EINVAL);
	assert_int_equal(group, STORE_GROUP_PROCESS);
	assert_int_equal(sort, STORE_SORT_SECRETS);
}

/* ---------------------------------------------------------------- secrets */

static void tells_who_read_each_secret(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = {0};

	fill(fixture);
	struct store_reader *reader = open_reader(fixture, 10000);
	assert_int_equal(store_query_secrets(reader, 0, see_secret, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_non_null(strstr(seen.text[0], "shadow os-credential count=106 alerts=3 denied=1 readers=2 span="));
	assert_string_equal(seen.text[1], "token os-credential count=4 alerts=0 denied=0 readers=1 span=1000");
	store_reader_free(reader);
}

/* ---------------------------------------------------------------- accesses */

static void check_strings(const struct access *a, const struct access *b)
{
	assert_string_equal(a->secret_name, b->secret_name);
	assert_string_equal(a->secret_class, b->secret_class);
	assert_string_equal(a->path, b->path);
	assert_string_equal(a->target_exe, b->target_exe);
	assert_string_equal(a->verdict.rule, b->verdict.rule);
	assert_string_equal(a->verdict.policy, b->verdict.policy);
	assert_string_equal(a->process.exe, b->process.exe);
	assert_string_equal(a->process.exe_sha256, b->process.exe_sha256);
	assert_string_equal(a->process.comm, b->process.comm);
	assert_string_equal(a->process.user, b->process.user);
	assert_string_equal(a->process.script, b->process.script);
	assert_string_equal(a->process.cgroup, b->process.cgroup);
	assert_string_equal(a->process.container, b->process.container);
	assert_string_equal(a->process.pod, b->process.pod);
	assert_string_equal(a->process.unit, b->process.unit);
}

static int check_access(void *context, const struct access *b)
{
	const struct access *a = context;

	check_strings(a, b);
	assert_memory_equal(&a->file, &b->file, sizeof(a->file));
	assert_memory_equal(&a->process.id, &b->process.id, sizeof(a->process.id));
	assert_memory_equal(&a->process.cred, &b->process.cred, sizeof(a->process.cred));
	assert_memory_equal(&a->process.exe_id, &b->process.exe_id, sizeof(a->process.exe_id));
	assert_int_equal(a->path_truncated, b->path_truncated);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->via, b->via);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->result, b->result);
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->first_real_ns, b->first_real_ns);
	assert_int_equal(a->last_real_ns, b->last_real_ns);
	assert_int_equal(a->target_pid, b->target_pid);
	assert_int_equal(a->process.tid, b->process.tid);
	assert_int_equal(a->process.start_real_ns, b->process.start_real_ns);
	assert_int_equal(a->process.args_truncated, b->process.args_truncated);
	assert_int_equal(a->process.args_count, b->process.args_count);
	for (size_t i = 0; i < a->process.args_count; i++)
		assert_string_equal(a->process.args[i], b->process.args[i]);
	assert_int_equal(a->process.ancestors_count, b->process.ancestors_count);
	assert_int_equal(a->process.ancestors_truncated, b->process.ancestors_truncated);
	for (size_t i = 0; i < a->process.ancestors_count; i++) {
		assert_int_equal(a->process.ancestors[i].pid, b->process.ancestors[i].pid);
		assert_string_equal(a->process.ancestors[i].exe, b->process.ancestors[i].exe);
	}
	assert_int_equal(a->verdict.action, b->verdict.action);
	assert_int_equal(a->verdict.tier, b->verdict.tier);
	assert_int_equal(a->verdict.is_enforced, b->verdict.is_enforced);
	assert_int_equal(a->verdict.would_deny, b->verdict.would_deny);
	return 0;
}

static void gives_back(const struct fixture *fixture, struct access *access)
{
	struct store_cursor cursor = {0};
	struct store *store = fixture_open(fixture);

	assert_int_equal(store_append(store, access), 0);
	assert_int_equal(store_flush(store), 0);
	struct store_reader *reader = open_reader(fixture, 10000); /* beside the open store */
	assert_int_equal(store_query_accesses(reader, &cursor, 10, check_access, access), 1);
	assert_int_equal(cursor.last_real_ns, access->last_real_ns);
	store_reader_free(reader);
	store_close(store);
}

static void gives_back_every_field(void **state)
{
	struct access access = fixture_access();

	gives_back(*state, &access);
}

static void keeps_any_bytes(void **state)
{
	struct access access = fixture_access();
	const char *const args[] = {"\xff\xfe", "'; DROP TABLE accesses; --", "\n\t\x01"};

	access.secret_name = "x'); DELETE FROM secrets; --";
	access.path = "/tmp/\xc3\x28/new\nline";
	access.process.exe = "/\"';\x80";
	access.process.comm = "\xf0\x9f";
	access.process.args = args;
	access.process.ancestors[0].exe = "/a,b\n\xff";
	access.process.script = "/\"\n\xfe";
	access.verdict.is_enforced = false;
	access.verdict.would_deny = true;
	gives_back(*state, &access);
}

static int see_nothing_known(void *context, const struct access *access)
{
	(void)context;
	assert_null(access->process.exe_sha256);
	assert_null(access->process.user);
	assert_null(access->process.script);
	assert_null(access->process.unit);
	assert_null(access->process.container);
	assert_null(access->process.pod);
	assert_null(access->target_exe);
	assert_string_equal(access->process.exe, "");
	assert_string_equal(access->verdict.rule, "");
	assert_int_equal(access->process.args_count, 0);
	assert_int_equal(access->process.ancestors_count, 0);
	return 0;
}

static void keeps_what_is_unknown_unknown(void **state)
{
	struct fixture *fixture = *state;
	struct access access = {.kind = ACCESS_OPEN, .count = 1, .last_real_ns = clock_real_ns()};
	struct store_cursor cursor = {0};
	struct store *store = fixture_open(fixture);

	assert_int_equal(store_append(store, &access), 0);
	store_close(store);
	struct store_reader *reader = open_reader(fixture, 10000);
	assert_int_equal(store_query_accesses(reader, &cursor, 10, see_nothing_known, NULL), 1);
	store_reader_free(reader);
}

static void scans_page_by_page(void **state)
{
	struct fixture *fixture = *state;
	struct store_cursor cursor = {0};
	struct access access = fixture_access();
	struct store *store = fixture_open(fixture);

	/* All at one moment: only the id tells them apart. */
	for (uint32_t pid = 1; pid <= 7; pid++) {
		access.process.id.pid = pid;
		assert_int_equal(store_append(store, &access), 0);
	}
	store_close(store);
	struct store_reader *reader = open_reader(fixture, 10000);
	struct seen seen = {0};
	assert_int_equal(store_query_accesses(reader, &cursor, 3, see_access, &seen), 3);
	seen.stop_at = 5;
	assert_int_equal(store_query_accesses(reader, &cursor, 3, see_access, &seen), 7);
	assert_int_equal(store_query_accesses(reader, &cursor, 3, see_access, &seen), 2);
	assert_int_equal(store_query_accesses(reader, &cursor, 3, see_access, &seen), 0);
	assert_int_equal(seen.count, 7);
	assert_string_equal(seen.text[0], "shadow 1");
	assert_string_equal(seen.text[6], "shadow 7");
	store_reader_free(reader);
}

static void refuses_a_row_that_is_not_ours(void **state)
{
	struct fixture *fixture = *state;
	static const char *const changes[] = {
		"UPDATE accesses SET kind = 99",
		"UPDATE accesses SET action = -1",
		"UPDATE verdicts SET tier = 4294967296",
		"UPDATE processes SET args = x'6161'",
		"UPDATE lineages SET exes = CAST(zeroblob(100) AS BLOB)",
		"UPDATE processes SET ancestor_pids = ''",
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct store_cursor cursor = {0};
		struct seen seen = {0};
		struct access access = fixture_access();
		struct store *store = fixture_open(fixture);
		assert_int_equal(store_append(store, &access), 0);
		store_close(store);
		fixture_run(fixture, changes[i]);
		struct store_reader *reader = open_reader(fixture, 10000);
		assert_int_equal(store_query_accesses(reader, &cursor, 1, see_access, &seen), -EBADMSG);
		assert_int_equal(seen.count, 0);
		store_reader_free(reader);
		fixture_run(fixture, "DELETE FROM accesses");
	}
}

/* ---------------------------------------------------------------- the connection */

static void gives_up_at_its_deadline(void **state)
{
	struct fixture *fixture = *state;
	struct store_top_query query = {.sort = STORE_SORT_COUNT, .limit = 10};
	struct store_cursor cursor = {0};
	struct seen seen = {0};

	fill(fixture);
	struct store_reader *reader = open_reader(fixture, 0);
	assert_int_equal(store_query_top(reader, &query, see_top, &seen), -ETIMEDOUT);
	assert_int_equal(store_query_secrets(reader, 0, see_secret, &seen), -ETIMEDOUT);
	assert_int_equal(store_query_accesses(reader, &cursor, 10, see_access, &seen), -ETIMEDOUT);
	assert_int_equal(seen.count, 0);
	store_reader_free(reader);
}

static void says_when_there_is_no_history(void **state)
{
	struct fixture *fixture = *state;
	struct error error = {0};
	struct store_reader *reader = (struct store_reader *)fixture;

	assert_int_equal(store_reader_open(fixture->directory, 1000, &reader, &error), -ENOENT);
	assert_ptr_equal(reader, fixture);
	assert_non_null(strstr(error.text, "no history"));
	assert_int_equal(fixture_count_files(fixture, "store"), 0);
}

static void refuses_to_read_what_is_not_ours(void **state)
{
	struct fixture *fixture = *state;
	struct error error = {0};
	struct store_reader *reader = NULL;

	fixture_run(fixture, "CREATE TABLE theirs (a)");
	assert_int_equal(store_reader_open(fixture->directory, 1000, &reader, &error), -ENOTSUP);
	assert_null(reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ranks_programs_by_count),
		TEST(ranks_processes_by_alerts),
		TEST(answers_each_group_and_sort),
		TEST(leaves_out_what_is_older),
		TEST(stops_when_the_callback_says_so),
		cmocka_unit_test(knows_the_names_of_groups_and_sorts),
		TEST(tells_who_read_each_secret),
		TEST(gives_back_every_field),
		TEST(keeps_any_bytes),
		TEST(keeps_what_is_unknown_unknown),
		TEST(scans_page_by_page),
		TEST(refuses_a_row_that_is_not_ours),
		TEST(gives_up_at_its_deadline),
		TEST(says_when_there_is_no_history),
		TEST(refuses_to_read_what_is_not_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

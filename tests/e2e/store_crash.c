/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child appends numbered accesses to a store; it is killed (SIGKILL) at a random moment; then the file must be sound
 * and hold every access that the child had seen committed, and every one that it had appended more than a commit
 * interval before its end, with no gap. Thirty times on the same file, so each start also has to recover from the last
 * end.
 */
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/access.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/store.h"

#define ROUNDS      30
#define INTERVAL_MS 50
/* A commit takes its time too, on a slow and busy machine. */
#define SLACK_MS       450
#define RUN_MS_MIN     20
#define RUN_MS_MAX     900
#define PACE_NS        50000 /* between two accesses: a load that the store can follow */
#define TIMES_PER_SLOT 64

/* Shared with the child, who dies without a word. */
struct progress {
	atomic_ulong appended; /* number of the last access */
	atomic_ulong committed;
	atomic_int failure;
	_Atomic uint64_t appended_ns[1 << 20]; /* when number n * TIMES_PER_SLOT was appended */
};

static struct progress *progress;

static void pause_ns(long ns)
{
	struct timespec pause = {.tv_nsec = ns % (long)NS_PER_SEC, .tv_sec = ns / (long)NS_PER_SEC};

	(void)nanosleep(&pause, NULL);
}

static void append_numbered(struct store *store, unsigned long number, unsigned long first)
{
	struct store_stats stats;
	struct access access = {
		.secret_name = "crash",
		.secret_class = "test",
		.path = "/nowhere",
		.kind = ACCESS_OPEN,
		.count = number,
		.last_real_ns = clock_real_ns(),
		.process = {.id = {.pid = (uint32_t)(number / 10), .start_ns = 1}, .exe = "/bin/test", .comm = "test"},
	};

	if (store_append(store, &access) < 0) {
		atomic_store(&progress->failure, 1);
		return;
	}
	if (number % TIMES_PER_SLOT == 0)
		atomic_store(&progress->appended_ns[number / TIMES_PER_SLOT], clock_boot_ns());
	atomic_store(&progress->appended, number);
	store_get_stats(store, &stats);
	atomic_store(&progress->committed, first - 1 + stats.written);
}

static void child_run(const char *directory, unsigned long first)
{
	const struct store_config config = {.state_dir = directory,
					    .commit_interval_ms = INTERVAL_MS,
					    .max_mib = 256,
					    .max_age_hours = 24,
					    .queue_max = 65536};
	struct error error = {0};
	struct store *store;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (store_open(&config, &store, &error) < 0) {
		printf("# %s: %s\n", error.file, error.text);
		(void)fflush(stdout);
		atomic_store(&progress->failure, 2);
		_exit(1);
	}
	for (unsigned long number = first;; number++) {
		append_numbered(store, number, first);
		pause_ns(PACE_NS);
	}
}

/* The first column of the only row as a number; -1 when it cannot be had. */
static long long query(sqlite3 *database, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	long long value = -1;

	if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	(void)sqlite3_finalize(statement);
	return value;
}

/* The last number that must have been committed, by the clock, when the child died at end_ns. */
static unsigned long due_by_time(uint64_t end_ns, unsigned long before)
{
	unsigned long due = before;

	for (unsigned long slot = before / TIMES_PER_SLOT + 1;
	     slot * TIMES_PER_SLOT <= atomic_load(&progress->appended); slot++) {
		uint64_t ns = atomic_load(&progress->appended_ns[slot]);
		if (ns != 0 && ns + (INTERVAL_MS + SLACK_MS) * NS_PER_MS < end_ns)
			due = slot * TIMES_PER_SLOT;
	}
	return due;
}

static bool check(const char *directory, int round, uint64_t end_ns, unsigned long *last)
{
	char path[4200];
	sqlite3 *database = NULL;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, STORE_FILE_NAME);
	if (sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		return false;
	bool is_sound = query(database, "SELECT integrity_check = 'ok' FROM pragma_integrity_check") == 1 &&
			query(database, "SELECT count(*) FROM pragma_foreign_key_check") == 0;
	/* A child that died before the tables were made leaves an empty file, which is sound. */
	bool is_empty = query(database, "SELECT count(*) FROM sqlite_master") == 0;
	long long rows = is_empty ? 0 : query(database, "SELECT count(*) FROM accesses");
	long long largest = is_empty ? 0 : query(database, "SELECT ifnull(max(count), 0) FROM accesses");
	(void)sqlite3_close(database);

	unsigned long committed = atomic_load(&progress->committed);
	unsigned long due = due_by_time(end_ns, *last);
	bool is_complete =
		rows == largest && rows >= (long long)committed && rows >= (long long)due && rows >= (long long)*last;
	bool is_ok = is_sound && is_complete && atomic_load(&progress->failure) == 0;
	printf("%s %d - killed: sound=%d rows=%lld appended=%lu seen_committed=%lu due=%lu\n", is_ok ? "ok" : "not ok",
	       round, is_sound, rows, atomic_load(&progress->appended), committed, due);
	if (rows > 0)
		*last = (unsigned long)rows;
	return is_ok;
}

static bool run_round(const char *directory, int round, unsigned long *last)
{
	int status;

	atomic_store(&progress->appended, *last);
	atomic_store(&progress->committed, *last);
	(void)fflush(stdout);
	pid_t child = fork();
	if (child < 0)
		return false;
	if (child == 0)
		child_run(directory, *last + 1);
	pause_ns((RUN_MS_MIN + random() % (RUN_MS_MAX - RUN_MS_MIN)) * (long)NS_PER_MS + random() % (long)NS_PER_MS);
	uint64_t end_ns = clock_boot_ns();
	(void)kill(child, SIGKILL);
	if (waitpid(child, &status, 0) != child)
		return false;
	return check(directory, round, end_ns, last);
}

static void remove_files(const char *directory)
{
	static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm", "store.lock"};
	char path[4200];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		(void)remove(path); /* most of them are gone already */
	}
	if (rmdir(directory) < 0)
		printf("# %s: left behind: %s\n", directory, strerror(errno));
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char directory[4096];
	unsigned long last = 0;
	int failed = 0;

	(void)snprintf(directory, sizeof(directory), "%s/store-crash-XXXXXX", tmp ? tmp : "/tmp");
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED || !mkdtemp(directory)) {
		printf("Bail out! %s\n", strerror(errno));
		return 1;
	}
	unsigned int seed = (unsigned int)clock_real_ns();
	printf("1..%d\n# seed %u\n", ROUNDS, seed);
	srandom(seed);
	for (int round = 1; round <= ROUNDS; round++)
		failed += !run_round(directory, round, &last);
	remove_files(directory);
	return failed > 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/exe_hash.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/access.h"
#include "base/clock.h"
#include "base/worker.h"
#include "identity/procfs.h"
#include "identity_fixture.h"

#define OVERLAYFS_MAGIC 0x794c7630
#define GRAIN_NS        (50 * NS_PER_MS)

static struct event_base *base;
static struct worker_pool *pool;
static struct exe_hash *hash;
static struct procfs procfs;
static struct test_directory directory;

struct answer {
	int calls;
	char sha256[SHA256_HEX_SIZE]; /* "" for NULL */
};

static void open_hash(uint64_t max_bytes, size_t entries_max)
{
	const struct exe_hash_config config = {.max_bytes = max_bytes, .entries_max = entries_max};

	assert_int_equal(exe_hash_new(pool, &procfs, &config, &hash), 0);
}

static int setup(void **state)
{
	(void)state;
	base = event_base_new();
	assert_non_null(base);
	assert_int_equal(worker_pool_new(base, 2, 16, &pool), 0);
	assert_int_equal(procfs_init(&procfs, "/proc"), 0);
	test_directory_make(&directory);
	open_hash(1 << 30, 64);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	exe_hash_free(hash);
	hash = NULL;
	worker_pool_free(pool);
	pool = NULL;
	event_base_free(base);
	test_directory_remove(&directory);
	return 0;
}

static void on_hash(void *context, const char *sha256)
{
	struct answer *answer = context;

	answer->calls++;
	(void)snprintf(answer->sha256, sizeof(answer->sha256), "%s", sha256 ? sha256 : "");
}

static void wait_for(const struct answer *answer)
{
	while (answer->calls == 0)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
}

static struct exe_id exe_of(const char *path)
{
	struct exe_id exe = {0};
	struct statx stx;
	struct statfs fs;

	assert_int_equal(statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &stx), 0);
	assert_int_equal(statfs(path, &fs), 0);
	exe.file.ino = stx.stx_ino;
	exe.file.dev = stx.stx_dev_major << 20 | stx.stx_dev_minor;
	exe.ctime_sec = stx.stx_ctime.tv_sec;
	exe.ctime_nsec = stx.stx_ctime.tv_nsec;
	exe.flags = fs.f_type == OVERLAYFS_MAGIC ? EXE_FLAG_OVERLAY : 0;
	return exe;
}

static struct process_id id_of(pid_t pid)
{
	struct process_id id = {.pid = (uint32_t)pid};
	struct procfs_stat stat;

	assert_int_equal(procfs_read_stat(&procfs, id.pid, &stat), 0);
	id.start_ns = stat.start_ns;
	return id;
}

static void expect_hash_of(const char *path, char out[SHA256_HEX_SIZE])
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	unsigned char *data = NULL;
	struct stat st;
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	data = malloc((size_t)st.st_size);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, (size_t)st.st_size, file), st.st_size);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(crypto_hash_sha256(digest, data, (unsigned long long)st.st_size), 0);
	free(data);
	assert_non_null(sodium_bin2hex(out, SHA256_HEX_SIZE, digest, sizeof(digest)));
}

/* A process that is gone for sure: the pid is ours, the start is not. */
static struct process_id gone_id(void)
{
	struct process_id id = id_of(getpid());

	id.start_ns += 1000 * procfs.tick_ns;
	return id;
}

static void hashes_a_running_executable(void **state)
{
	const struct exe_id exe = exe_of("/proc/self/exe");
	const struct exe_hash_source source = {.process = id_of(getpid())};
	struct answer answer = {0};
	char expected[SHA256_HEX_SIZE];

	(void)state;
	expect_hash_of("/proc/self/exe", expected);
	assert_null(exe_hash_find(hash, &exe, &source.process));
	assert_int_equal(exe_hash_wait(hash, &exe, &source.process, on_hash, &answer), -ENOENT);
	assert_int_equal(exe_hash_start(hash, &exe, &source, on_hash, &answer), 0);
	assert_int_equal(answer.calls, 0);
	wait_for(&answer);
	assert_string_equal(answer.sha256, expected);
	assert_string_equal(exe_hash_find(hash, &exe, &source.process), expected);
	assert_int_equal(exe_hash_start(hash, &exe, &source, on_hash, &answer), 1);
	assert_int_equal(answer.calls, 1);
	assert_int_equal(exe_hash_stats(hash).hashed, 1);
}

static void finds_the_file_by_its_path_when_the_process_is_gone(void **state)
{
	const struct exe_id exe = exe_of("/bin/sh");
	const struct exe_hash_source source = {.process = gone_id(), .path = "/bin/sh"};
	struct answer answer = {0};
	char expected[SHA256_HEX_SIZE];

	(void)state;
	expect_hash_of("/bin/sh", expected);
	assert_int_equal(exe_hash_start(hash, &exe, &source, on_hash, &answer), 0);
	wait_for(&answer);
	assert_string_equal(answer.sha256, expected);
}

static void finds_the_file_below_the_root_of_another_process(void **state)
{
	const struct exe_id exe = exe_of("/bin/sh");
	struct exe_hash_source source = {
		.process = gone_id(), .path = "/only-there", .roots = {8, 9}, .roots_count = 2};
	struct answer answer = {0};
	char link[512];

	(void)state;
	/* A /proc in which pid 9 has a root of its own. */
	test_make_directory(&directory, "9");
	test_make_directory(&directory, "9/root");
	(void)snprintf(link, sizeof(link), "%s/9/root/only-there", directory.path);
	assert_int_equal(symlink("/bin/sh", link), 0);
	exe_hash_free(hash);
	assert_int_equal(procfs_init(&procfs, directory.path), 0);
	open_hash(1 << 30, 64);
	assert_int_equal(exe_hash_start(hash, &exe, &source, on_hash, &answer), 0);
	wait_for(&answer);
	assert_int_equal(strlen(answer.sha256), 64);
}

static void reads_a_file_once_for_all_who_wait(void **state)
{
	const struct exe_id exe = exe_of("/bin/sh");
	const struct exe_hash_source source = {.process = gone_id(), .path = "/bin/sh"};
	struct answer answers[3] = {0};

	(void)state;
	assert_int_equal(exe_hash_start(hash, &exe, &source, on_hash, &answers[0]), 0);
	assert_int_equal(exe_hash_start(hash, &exe, &source, on_hash, &answers[1]), 0);
	assert_int_equal(exe_hash_wait(hash, &exe, &source.process, on_hash, &answers[2]), 0);
	for (size_t i = 0; i < 3; i++)
		wait_for(&answers[i]);
	assert_string_equal(answers[0].sha256, answers[2].sha256);
	assert_int_equal(answers[1].calls, 1);
	assert_int_equal(exe_hash_stats(hash).hashed, 1);
}

static void assert_fails(const struct exe_id *exe, const struct exe_hash_source *source)
{
	struct answer answer = {0};

	if (exe_hash_start(hash, exe, source, on_hash, &answer) == 0) {
		wait_for(&answer);
		assert_int_equal(answer.calls, 1);
		assert_string_equal(answer.sha256, "");
	}
	assert_null(exe_hash_find(hash, exe, &source->process));
	/* The failure is remembered. */
	assert_int_equal(exe_hash_wait(hash, exe, &source->process, on_hash, &answer), 1);
	assert_int_equal(exe_hash_stats(hash).failed, 1);
	assert_int_equal(exe_hash_stats(hash).hashed, 0);
}

static void refuses_a_file_that_changed_since(void **state)
{
	struct exe_id exe = exe_of("/bin/sh");
	const struct exe_hash_source source = {.process = gone_id(), .path = "/bin/sh"};

	(void)state;
	exe.ctime_nsec ^= 1;
	assert_fails(&exe, &source);
}

static void refuses_another_file_under_that_path(void **state)
{
	struct exe_id exe = exe_of("/bin/sh");
	const struct exe_hash_source source = {.process = gone_id(), .path = "/etc/passwd"};

	(void)state;
	assert_fails(&exe, &source);
}

static void refuses_a_file_that_is_too_large(void **state)
{
	const struct exe_id exe = exe_of("/bin/sh");
	const struct exe_hash_source source = {.process = gone_id(), .path = "/bin/sh"};

	(void)state;
	exe_hash_free(hash);
	open_hash(1000, 64);
	assert_fails(&exe, &source);
}

static void gives_up_at_once_without_process_and_path(void **state)
{
	const struct exe_id exe = exe_of("/bin/sh");
	const struct exe_hash_source source = {.process = gone_id(), .path = "(unreachable)/bin/sh"};
	struct answer answer = {0};

	(void)state;
	assert_int_equal(exe_hash_start(hash, &exe, &source, on_hash, &answer), 1);
	assert_int_equal(answer.calls, 0);
	assert_fails(&exe, &source);
}

static void reads_nothing_from_a_filesystem_that_may_hang(void **state)
{
	struct exe_id exe = exe_of("/bin/sh");
	const struct exe_hash_source source = {.process = gone_id(), .path = "/bin/sh"};

	(void)state;
	exe.file.dev = 0xfffff; /* major 0, of no mount */
	exe.flags = 0;
	assert_fails(&exe, &source);
}

static void waits_for_no_writer_of_a_fifo(void **state)
{
	char path[512];
	struct exe_id exe;
	struct exe_hash_source source = {.process = gone_id(), .path = path};

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/fifo", directory.path);
	assert_int_equal(mkfifo(path, 0600), 0);
	exe = exe_of(path);
	assert_fails(&exe, &source);
}

static void copy_file(const char *from, const char *to)
{
	char buffer[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		assert_int_equal(write(out, buffer, (size_t)n), n);
	assert_int_equal(n, 0);
	assert_int_equal(close(in), 0);
	assert_int_equal(close(out), 0);
}

/* Runs a program that waits for its input to end; returns once it has executed. -1 when it could not. */
static pid_t start_program(const char *path, int *ret_input)
{
	int input[2];
	int failed[2];
	int error;
	pid_t pid;

	assert_int_equal(pipe2(input, O_CLOEXEC), 0);
	assert_int_equal(pipe2(failed, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(input[0], STDIN_FILENO);
		(void)execl(path, "cat", NULL);
		(void)!write(failed[1], &errno, sizeof(errno));
		_exit(127);
	}
	assert_int_equal(close(input[0]), 0);
	assert_int_equal(close(failed[1]), 0);
	/* exec closes the other end. */
	if (read(failed[0], &error, sizeof(error)) != 0) {
		(void)waitpid(pid, NULL, 0);
		pid = -1;
	}
	assert_int_equal(close(failed[0]), 0);
	*ret_input = input[1];
	return pid;
}

static void believes_a_fresh_file_only_for_the_process_that_runs_it(void **state)
{
	char path[512];
	struct exe_id exe;
	struct exe_hash_source source = {0};
	const struct process_id other = gone_id();
	struct answer answer = {0};
	uint64_t changed_ns;
	int input;
	pid_t pid;
	bool is_slow;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/cat", directory.path);
	copy_file("/bin/cat", path);
	pid = start_program(path, &input);
	if (pid < 0) {
		assert_int_equal(close(input), 0);
		skip(); /* a directory for temporary files where nothing may be executed */
	}
	assert_int_equal(chmod(path, 0755), 0); /* changes ctime */
	changed_ns = clock_boot_ns();
	exe = exe_of(path);
	source.process = id_of(pid);
	assert_int_equal(exe_hash_start(hash, &exe, &source, on_hash, &answer), 0);
	wait_for(&answer);
	is_slow = clock_boot_ns() - changed_ns >= GRAIN_NS;
	assert_int_equal(strlen(answer.sha256), 64);
	assert_non_null(exe_hash_find(hash, &exe, &source.process));
	/* On a machine too busy to be that quick the file was not fresh any more. */
	if (!is_slow) {
		assert_null(exe_hash_find(hash, &exe, &other));
		assert_int_equal(exe_hash_wait(hash, &exe, &other, on_hash, &answer), -ENOENT);
	}
	assert_int_equal(close(input), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void forgets_the_content_asked_for_longest_ago(void **state)
{
	static const char *const paths[] = {"/bin/sh", "/bin/cat", "/bin/ls"};
	struct exe_id exes[3];
	struct process_id process = gone_id();

	(void)state;
	exe_hash_free(hash);
	open_hash(1 << 30, 2);
	for (size_t i = 0; i < 3; i++) {
		const struct exe_hash_source source = {.process = process, .path = paths[i]};
		struct answer answer = {0};

		exes[i] = exe_of(paths[i]);
		assert_int_equal(exe_hash_start(hash, &exes[i], &source, on_hash, &answer), 0);
		wait_for(&answer);
		assert_non_null(exe_hash_find(hash, &exes[0], &process));
	}
	assert_int_equal(exe_hash_stats(hash).entries, 2);
	assert_null(exe_hash_find(hash, &exes[1], &process));
	assert_non_null(exe_hash_find(hash, &exes[2], &process));
}

static void answers_everybody_when_it_ends(void **state)
{
	static const char *const paths[] = {"/bin/sh", "/bin/cat", "/bin/ls", "/bin/cp"};
	struct answer answers[4] = {0};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const struct exe_id exe = exe_of(paths[i]);
		const struct exe_hash_source source = {.process = gone_id(), .path = paths[i]};

		assert_int_equal(exe_hash_start(hash, &exe, &source, on_hash, &answers[i]), 0);
	}
	exe_hash_free(hash);
	hash = NULL;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(answers[i].calls, 1);
		assert_string_equal(answers[i].sha256, "");
	}
}

static void answers_everybody_when_the_pool_ends_first(void **state)
{
	static const char *const paths[] = {"/bin/sh", "/bin/cat", "/bin/ls", "/bin/cp"};
	struct answer answers[4] = {0};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const struct exe_id exe = exe_of(paths[i]);
		const struct exe_hash_source source = {.process = gone_id(), .path = paths[i]};

		assert_int_equal(exe_hash_start(hash, &exe, &source, on_hash, &answers[i]), 0);
	}
	worker_pool_free(pool);
	pool = NULL;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(answers[i].calls, 1);
}

static void block(struct worker_job *job)
{
	int fd = *(int *)(job + 1);
	char byte;

	(void)!read(fd, &byte, 1); /* returns when the test closes the other end */
}

static void release(struct worker_job *job)
{
	(void)job; /* the test's own */
}

static void refuses_when_the_workers_are_taken(void **state)
{
	struct {
		struct worker_job job;
		int fd;
	} busy;
	int ends[2];
	const struct exe_id exe = exe_of("/bin/sh");
	const struct exe_hash_source source = {.process = gone_id(), .path = "/bin/sh"};
	struct answer answer = {0};

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	busy.job = (struct worker_job){.run = block, .done = release};
	busy.fd = ends[0];
	exe_hash_free(hash);
	worker_pool_free(pool);
	assert_int_equal(worker_pool_new(base, 1, 1, &pool), 0);
	open_hash(1 << 30, 64);
	assert_int_equal(worker_submit(pool, &busy.job), 0);
	assert_int_equal(exe_hash_start(hash, &exe, &source, on_hash, &answer), -EBUSY);
	assert_int_equal(exe_hash_stats(hash).refused, 1);
	assert_int_equal(close(ends[1]), 0);
	worker_pool_free(pool);
	pool = NULL;
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(answer.calls, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(hashes_a_running_executable),
		CASE(finds_the_file_by_its_path_when_the_process_is_gone),
		CASE(finds_the_file_below_the_root_of_another_process),
		CASE(reads_a_file_once_for_all_who_wait),
		CASE(refuses_a_file_that_changed_since),
		CASE(refuses_another_file_under_that_path),
		CASE(refuses_a_file_that_is_too_large),
		CASE(gives_up_at_once_without_process_and_path),
		CASE(reads_nothing_from_a_filesystem_that_may_hang),
		CASE(waits_for_no_writer_of_a_fifo),
		CASE(believes_a_fresh_file_only_for_the_process_that_runs_it),
		CASE(forgets_the_content_asked_for_longest_ago),
		CASE(answers_everybody_when_it_ends),
		CASE(answers_everybody_when_the_pool_ends_first),
		CASE(refuses_when_the_workers_are_taken),
	};

	return cmocka_run_group_tests_name("exe_hash", tests, NULL, NULL);
}

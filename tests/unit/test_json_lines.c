/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "export/output.h"

#define BUFFER_SIZE 65536
#define LINE_SIZE   1000 /* with its newline */

struct fixture {
	struct event_base *base;
	char directory[64];
	char path[96];
	char moved[96];
	struct output *output;
	uint64_t lost, lost_total;
	int lost_calls, ended_calls;
};

static void on_lost(void *context, uint64_t count, uint64_t total)
{
	struct fixture *fixture = context;

	fixture->lost += count;
	fixture->lost_total = total;
	fixture->lost_calls++;
}

static void on_ended(void *context)
{
	struct fixture *fixture = context;

	fixture->ended_calls++;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(fixture);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	fixture->base = event_base_new();
	(void)snprintf(fixture->directory, sizeof(fixture->directory), "%.40s/sagent-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(fixture->directory));
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/out", fixture->directory);
	(void)snprintf(fixture->moved, sizeof(fixture->moved), "%s/moved", fixture->directory);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	output_free(fixture->output);
	event_base_free(fixture->base);
	(void)unlink(fixture->path);
	(void)unlink(fixture->moved);
	(void)rmdir(fixture->directory);
	free(fixture);
	return 0;
}

static int open_output(struct fixture *fixture, const char *path, struct error *error)
{
	const struct output_config config = {
		.path = path,
		.buffer_size = BUFFER_SIZE,
		.retry_ms = 10,
		.callbacks = {.lost = on_lost, .ended = on_ended, .context = fixture},
	};

	return output_open("json", fixture->base, &config, &fixture->output, error);
}

static void put(struct fixture *fixture, const char *line, uint64_t count)
{
	const struct access access = {.count = count};

	output_access(fixture->output, &access, line, strlen(line));
}

static const char *long_line(char fill)
{
	static char line[LINE_SIZE];

	memset(line, fill, sizeof(line) - 1);
	return line;
}

static void turn(struct fixture *fixture)
{
	(void)event_base_loop(fixture->base, EVLOOP_NONBLOCK);
}

static void assert_file(const char *path, const char *expected)
{
	char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, expected);
	(void)close(fd);
}

/* A reader of the FIFO at fixture->path, which the output then opens. */
static int open_reader(struct fixture *fixture)
{
	int fd;

	assert_int_equal(mkfifo(fixture->path, 0600), 0);
	fd = open(fixture->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETPIPE_SZ, 4096), 4096);
	assert_int_equal(open_output(fixture, fixture->path, NULL), 0);
	return fd;
}

/* Reads until nothing comes any more, turning the loop between; returns the lines, each LINE_SIZE long. */
static size_t read_lines(struct fixture *fixture, int fd)
{
	static char data[1024 * 1024];
	size_t used = 0, lines = 0;

	for (;;) {
		ssize_t n = read(fd, data + used, sizeof(data) - used);

		if (n <= 0)
			break;
		used += (size_t)n;
		turn(fixture);
	}
	assert_int_equal(used % LINE_SIZE, 0);
	for (size_t at = LINE_SIZE - 1; at < used; at += LINE_SIZE, lines++)
		assert_int_equal(data[at], '\n');
	return lines;
}

/* ---------------------------------------------------------------- files */

static void writes_lines_at_the_end_of_the_turn(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(open_output(fixture, fixture->path, NULL), 0);
	assert_true(output_needs_lines(fixture->output));
	put(fixture, "{\"a\":1}", 1);
	put(fixture, "{\"a\":2}", 1);
	assert_file(fixture->path, "");
	turn(fixture);
	assert_file(fixture->path, "{\"a\":1}\n{\"a\":2}\n");
}

static void makes_files_that_only_their_owner_reads(void **state)
{
	struct fixture *fixture = *state;
	struct stat st;

	assert_int_equal(open_output(fixture, fixture->path, NULL), 0);
	assert_int_equal(stat(fixture->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void flushes_when_told_and_when_freed(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(open_output(fixture, fixture->path, NULL), 0);
	put(fixture, "one", 1);
	output_flush(fixture->output);
	assert_file(fixture->path, "one\n");
	put(fixture, "two", 1);
	output_free(fixture->output);
	fixture->output = NULL;
	assert_file(fixture->path, "one\ntwo\n");
}

static void begins_a_new_line_after_a_torn_one(void **state)
{
	struct fixture *fixture = *state;
	int fd = open(fixture->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, "whole\ntorn", 10), 10);
	(void)close(fd);
	assert_int_equal(open_output(fixture, fixture->path, NULL), 0);
	put(fixture, "next", 1);
	turn(fixture);
	assert_file(fixture->path, "whole\ntorn\nnext\n");
}

static void goes_on_in_a_new_file_after_rotation(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(open_output(fixture, fixture->path, NULL), 0);
	put(fixture, "old", 1);
	assert_int_equal(rename(fixture->path, fixture->moved), 0);
	output_reopen(fixture->output);
	put(fixture, "new", 1);
	turn(fixture);
	assert_file(fixture->moved, "old\n");
	assert_file(fixture->path, "new\n");
}

static void keeps_the_old_file_when_the_new_one_cannot_be_opened(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(open_output(fixture, fixture->path, NULL), 0);
	assert_int_equal(rename(fixture->path, fixture->moved), 0);
	assert_int_equal(mkdir(fixture->path, 0700), 0);
	output_reopen(fixture->output);
	put(fixture, "still here", 1);
	turn(fixture);
	assert_file(fixture->moved, "still here\n");
	assert_int_equal(rmdir(fixture->path), 0);
}

static void refuses_what_it_cannot_write_to_and_says_why(void **state)
{
	struct fixture *fixture = *state;
	struct error error = {.text = ""};
	char missing[128];

	assert_int_equal(open_output(fixture, fixture->directory, &error), -EISDIR);
	assert_non_null(strstr(error.text, "directory"));
	assert_string_equal(error.file, fixture->directory);
	error.text[0] = '\0';
	assert_int_equal(mkfifo(fixture->path, 0600), 0);
	assert_int_equal(open_output(fixture, fixture->path, &error), -ENXIO);
	assert_non_null(strstr(error.text, "reader"));
	error.text[0] = '\0';
	(void)snprintf(missing, sizeof(missing), "%s/missing/out", fixture->directory);
	assert_int_equal(open_output(fixture, missing, &error), -ENOENT);
	error.text[0] = '\0';
	assert_int_equal(output_open("xml", fixture->base, &(struct output_config){0}, &fixture->output, &error),
			 -EINVAL);
	assert_null(fixture->output);
}

static void retries_a_full_disk_and_loses_nothing_that_fits(void **state)
{
	struct fixture *fixture = *state;
	struct rlimit before, small;
	char expected[2 * LINE_SIZE + 1];

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = LINE_SIZE / 2; /* the line is half written when the file is full */
	assert_int_equal(open_output(fixture, fixture->path, NULL), 0);
	put(fixture, long_line('a'), 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	turn(fixture);
	put(fixture, long_line('b'), 1);
	turn(fixture);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	(void)event_base_loop(fixture->base, EVLOOP_ONCE); /* the timer */
	memset(expected, 'a', LINE_SIZE);
	memset(expected + LINE_SIZE, 'b', LINE_SIZE);
	expected[LINE_SIZE - 1] = expected[2 * LINE_SIZE - 1] = '\n';
	expected[2 * LINE_SIZE] = '\0';
	assert_file(fixture->path, expected);
	assert_int_equal(output_dropped(fixture->output), 0);
}

static void writes_a_half_written_line_whole_into_the_next_file(void **state)
{
	struct fixture *fixture = *state;
	struct rlimit before, small;
	char expected[LINE_SIZE + 1];
	struct stat st;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = LINE_SIZE * 3 / 2; /* room for a line and a half in each file */
	assert_int_equal(open_output(fixture, fixture->path, NULL), 0);
	put(fixture, long_line('a'), 1);
	put(fixture, long_line('b'), 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	turn(fixture);
	assert_int_equal(rename(fixture->path, fixture->moved), 0);
	output_reopen(fixture->output);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	(void)snprintf(expected, sizeof(expected), "%s\n", long_line('b'));
	assert_file(fixture->path, expected);
	assert_int_equal(stat(fixture->moved, &st), 0);
	assert_int_equal(st.st_size, LINE_SIZE * 3 / 2);
}

static void counts_what_a_full_disk_costs_and_tells_it_afterwards(void **state)
{
	struct fixture *fixture = *state;
	struct rlimit before, small;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 0;
	assert_int_equal(open_output(fixture, fixture->path, NULL), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (int i = 0; i < 70; i++)
		put(fixture, long_line('x'), 10);
	turn(fixture);
	assert_int_equal(fixture->lost_calls, 0);
	assert_int_equal(output_dropped(fixture->output), 10 * (70 - BUFFER_SIZE / LINE_SIZE));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	(void)event_base_loop(fixture->base, EVLOOP_ONCE);
	assert_int_equal(fixture->lost_calls, 1);
	assert_int_equal(fixture->lost, output_dropped(fixture->output));
	assert_int_equal(fixture->lost_total, fixture->lost);
}

/* ---------------------------------------------------------------- slow readers */

static void keeps_lines_for_a_slow_reader_and_drops_whole_ones(void **state)
{
	struct fixture *fixture = *state;
	const size_t sent = 200;
	int fd = open_reader(fixture);
	size_t got;

	for (size_t i = 0; i < sent; i++) {
		put(fixture, long_line('x'), 5);
		turn(fixture);
	}
	assert_true(output_dropped(fixture->output) > 0);
	assert_int_equal(fixture->lost_calls, 0);
	got = read_lines(fixture, fd);
	assert_true(got >= BUFFER_SIZE / LINE_SIZE);
	assert_int_equal(got * 5 + output_dropped(fixture->output), sent * 5);
	assert_int_equal(fixture->lost_calls, 1);
	assert_int_equal(fixture->lost, output_dropped(fixture->output));
	put(fixture, long_line('y'), 5);
	turn(fixture);
	assert_int_equal(read_lines(fixture, fd), 1);
	(void)close(fd);
}

/* Reads all that comes until the writer is gone; the pipe is its own descriptor of the FIFO. */
static void *read_to_the_end(void *argument)
{
	const int *fd = argument;
	struct pollfd poll_fd = {.fd = *fd, .events = POLLIN};
	static char sink[65536];

	while (poll(&poll_fd, 1, 200) > 0 && read(*fd, sink, sizeof(sink)) > 0)
		;
	return NULL;
}

/* At the end there is no next turn of the loop: what was dropped must be told, and the last event must fit. */
static void makes_room_for_the_last_events_of_a_full_buffer(void **state)
{
	struct fixture *fixture = *state;
	int fd = open_reader(fixture);
	uint64_t dropped;
	pthread_t reader;

	for (size_t i = 0; i < 200; i++)
		put(fixture, long_line('x'), 1);
	turn(fixture);
	dropped = output_dropped(fixture->output);
	assert_true(dropped > 0);
	assert_int_equal(fixture->lost_calls, 0);
	assert_int_equal(pthread_create(&reader, NULL, read_to_the_end, &fd), 0);
	output_drain(fixture->output);
	assert_int_equal(fixture->lost_calls, 1);
	assert_int_equal(fixture->lost, dropped);
	put(fixture, long_line('y'), 1);
	output_drain(fixture->output);
	assert_int_equal(output_dropped(fixture->output), dropped);
	assert_int_equal(pthread_join(reader, NULL), 0);
	(void)close(fd);
}

static void saturates_counts_of_what_it_dropped(void **state)
{
	struct fixture *fixture = *state;
	int fd = open_reader(fixture);

	for (size_t i = 0; i < 100; i++)
		put(fixture, long_line('x'), UINT64_MAX / 2);
	assert_true(output_dropped(fixture->output) == UINT64_MAX);
	(void)read_lines(fixture, fd);
	(void)close(fd);
}

static void ends_when_the_reader_is_gone(void **state)
{
	struct fixture *fixture = *state;
	int fd = open_reader(fixture);

	(void)close(fd);
	put(fixture, "one", 1);
	turn(fixture);
	put(fixture, "two", 1);
	turn(fixture);
	output_flush(fixture->output);
	assert_int_equal(fixture->ended_calls, 1);
	assert_int_equal(output_dropped(fixture->output), 1);
	assert_int_equal(fixture->lost_calls, 0);
}

/* stdout is `fd` until the output is open. */
static void open_as_stdout(struct fixture *fixture, int fd)
{
	int saved = dup(STDOUT_FILENO);

	(void)fflush(stdout);
	assert_true(dup2(fd, STDOUT_FILENO) >= 0);
	assert_int_equal(open_output(fixture, "", NULL), 0);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(saved);
}

static void does_not_make_a_shared_pipe_non_blocking(void **state)
{
	struct fixture *fixture = *state;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	open_as_stdout(fixture, fds[1]);
	assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	for (size_t i = 0; i < 300; i++) { /* more than the pipe takes: would hang if it waited */
		put(fixture, long_line('x'), 1);
		turn(fixture);
	}
	assert_true(output_dropped(fixture->output) > 0);
	(void)close(fds[1]);
	(void)close(fds[0]);
}

static void does_not_wait_for_a_socket(void **state)
{
	struct fixture *fixture = *state;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	open_as_stdout(fixture, fds[1]);
	for (size_t i = 0; i < 2000; i++) {
		put(fixture, long_line('x'), 1);
		turn(fixture);
	}
	assert_true(output_dropped(fixture->output) > 0);
	(void)close(fds[1]);
	(void)close(fds[0]);
	output_flush(fixture->output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_lines_at_the_end_of_the_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(makes_files_that_only_their_owner_reads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(flushes_when_told_and_when_freed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(begins_a_new_line_after_a_torn_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(goes_on_in_a_new_file_after_rotation, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keeps_the_old_file_when_the_new_one_cannot_be_opened, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(refuses_what_it_cannot_write_to_and_says_why, set_up, tear_down),
		cmocka_unit_test_setup_teardown(retries_a_full_disk_and_loses_nothing_that_fits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(writes_a_half_written_line_whole_into_the_next_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(counts_what_a_full_disk_costs_and_tells_it_afterwards, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(keeps_lines_for_a_slow_reader_and_drops_whole_ones, set_up, tear_down),
		cmocka_unit_test_setup_teardown(makes_room_for_the_last_events_of_a_full_buffer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(saturates_counts_of_what_it_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ends_when_the_reader_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(does_not_make_a_shared_pipe_non_blocking, set_up, tear_down),
		cmocka_unit_test_setup_teardown(does_not_wait_for_a_socket, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "gap.h"
#include "heartbeat.h"

struct fixture {
	char directory[128];
	char path[160];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *parent = getenv("TMPDIR");

	assert_non_null(f);
	(void)snprintf(f->directory, sizeof(f->directory), "%s/heartbeatXXXXXX",
		       parent && strlen(parent) < 60 ? parent : "/tmp");
	assert_non_null(mkdtemp(f->directory));
	(void)snprintf(f->path, sizeof(f->path), "%s/%s", f->directory, HEARTBEAT_FILE_NAME);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	(void)unlink(f->path);
	(void)rmdir(f->path);
	(void)rmdir(f->directory);
	free(f);
	return 0;
}

static struct heartbeat_state beat_at(uint64_t boot_ns)
{
	struct heartbeat_state state;

	memset(&state, 0, sizeof(state));
	(void)snprintf(state.boot_id, sizeof(state.boot_id), "a-boot");
	(void)snprintf(state.backend, sizeof(state.backend), "lsm");
	state.boot_ns = boot_ns;
	state.real_ns = 1000000 + boot_ns;
	state.accesses = 7;
	state.denied = 3;
	state.tier = TIER_LSM;
	return state;
}

/* Opens, reads, closes. */
static enum heartbeat_found found(const struct fixture *f, struct heartbeat_state *ret_last)
{
	struct heartbeat *heartbeat = NULL;
	enum heartbeat_found answer;

	assert_int_equal(heartbeat_open(f->directory, &heartbeat, &answer, ret_last), 0);
	heartbeat_free(heartbeat);
	return answer;
}

static void write_beats(const struct fixture *f, unsigned int count)
{
	struct heartbeat *heartbeat = NULL;
	struct heartbeat_state last;
	enum heartbeat_found answer;

	assert_int_equal(heartbeat_open(f->directory, &heartbeat, &answer, &last), 0);
	for (unsigned int i = 1; i <= count; i++) {
		struct heartbeat_state state = beat_at(i);

		assert_int_equal(heartbeat_write(heartbeat, &state), 0);
	}
	heartbeat_free(heartbeat);
}

static void spoil(const struct fixture *f, off_t at, size_t size)
{
	static const char junk[5000] = {'x', 'y'};
	int fd = open(f->path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, size, at), (ssize_t)size);
	(void)close(fd);
}

/* ---------------------------------------------------------------- the file */

static void finds_nothing_the_first_time(void **state)
{
	struct heartbeat_state last;
	struct stat st;

	assert_int_equal(found(*state, &last), HEARTBEAT_NONE);
	assert_int_equal(stat(((struct fixture *)*state)->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void finds_nothing_of_an_agent_that_never_beat(void **state)
{
	struct heartbeat_state last;

	assert_int_equal(found(*state, &last), HEARTBEAT_NONE);
	assert_int_equal(found(*state, &last), HEARTBEAT_NONE);
}

static void finds_the_newest_beat(void **state)
{
	struct heartbeat_state last;

	for (unsigned int count = 1; count <= 5; count++) {
		struct heartbeat_state expected = beat_at(count);

		write_beats(*state, count);
		assert_int_equal(found(*state, &last), HEARTBEAT_KNOWN);
		assert_memory_equal(&last, &expected, sizeof(last));
	}
}

static void goes_on_where_another_ended(void **state)
{
	struct heartbeat_state last;

	write_beats(*state, 4);
	write_beats(*state, 1);
	assert_int_equal(found(*state, &last), HEARTBEAT_KNOWN);
	assert_int_equal(last.boot_ns, 1); /* later than the other's fourth */
}

/* A crash of the host may leave half of the newest. */
static void takes_the_one_before_when_the_newest_is_torn(void **state)
{
	const struct fixture *f = *state;
	struct heartbeat_state last;

	write_beats(f, 4); /* behind the first of a new file: 4 lies in the second place, 3 in the first */
	spoil(f, 4096 + 600, 40);
	assert_int_equal(found(f, &last), HEARTBEAT_KNOWN);
	assert_int_equal(last.boot_ns, 3);
	write_beats(f, 3);
	spoil(f, 4096 + 8, 1);
	assert_int_equal(found(f, &last), HEARTBEAT_KNOWN);
	assert_int_equal(last.boot_ns, 2);
}

static void says_when_nothing_can_be_believed(void **state)
{
	const struct fixture *f = *state;
	struct heartbeat_state last = {.boot_ns = 99};

	write_beats(f, 4);
	spoil(f, 0, 5000);
	assert_int_equal(found(f, &last), HEARTBEAT_DAMAGED);
	assert_int_equal(last.boot_ns, 99);
	assert_int_equal(truncate(f->path, 10), 0);
	assert_int_equal(found(f, &last), HEARTBEAT_DAMAGED);
	write_beats(f, 1);
	assert_int_equal(found(f, &last), HEARTBEAT_KNOWN);
	assert_int_equal(last.boot_ns, 1);
}

/* Every length of the file is survived, and never gives a beat that was not written. */
static void survives_every_truncation(void **state)
{
	const struct fixture *f = *state;
	struct heartbeat_state last;
	struct stat st;

	write_beats(f, 4);
	assert_int_equal(stat(f->path, &st), 0);
	for (off_t size = st.st_size; size >= 0; size -= 37) {
		enum heartbeat_found answer;

		assert_int_equal(truncate(f->path, size), 0);
		answer = found(f, &last);
		assert_true(answer == HEARTBEAT_KNOWN ? last.boot_ns == 3 || last.boot_ns == 4
						      : answer == HEARTBEAT_DAMAGED);
	}
}

static void has_one_writer(void **state)
{
	const struct fixture *f = *state;
	struct heartbeat *first = NULL, *second = NULL;
	struct heartbeat_state last;
	enum heartbeat_found answer;

	assert_int_equal(heartbeat_open(f->directory, &first, &answer, &last), 0);
	assert_int_equal(heartbeat_open(f->directory, &second, &answer, &last), -EBUSY);
	assert_null(second);
	heartbeat_free(first);
	assert_int_equal(heartbeat_open(f->directory, &second, &answer, &last), 0);
	heartbeat_free(second);
}

static void refuses_what_is_no_file(void **state)
{
	const struct fixture *f = *state;
	struct heartbeat *heartbeat = NULL;
	struct heartbeat_state last;
	enum heartbeat_found answer;

	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(heartbeat_open(f->directory, &heartbeat, &answer, &last), -EINVAL);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(symlink("/dev/null", f->path), 0);
	assert_int_equal(heartbeat_open(f->directory, &heartbeat, &answer, &last), -ELOOP);
	assert_null(heartbeat);
}

/* A writer that is killed at any moment leaves a beat of the last few that it said it had written. */
static void survives_a_killed_writer(void **state)
{
	const struct fixture *f = *state;

	for (int round = 0; round < 200; round++) {
		struct heartbeat_state last;
		uint64_t said = 0, number;
		int ends[2];
		pid_t child;

		assert_int_equal(pipe(ends), 0);
		child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			struct heartbeat *heartbeat = NULL;
			enum heartbeat_found answer;

			if (heartbeat_open(f->directory, &heartbeat, &answer, &last) < 0)
				_exit(1);
			for (uint64_t i = 1;; i++) {
				struct heartbeat_state beat = beat_at(i);

				if (heartbeat_write(heartbeat, &beat) < 0 || write(ends[1], &i, sizeof(i)) < 0)
					_exit(1);
			}
		}
		(void)close(ends[1]);
		for (int i = 0; i <= round; i++)
			assert_int_equal(read(ends[0], &said, sizeof(said)), sizeof(said));
		(void)kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		while (read(ends[0], &number, sizeof(number)) == sizeof(number))
			said = number;
		(void)close(ends[0]);
		assert_int_equal(found(f, &last), HEARTBEAT_KNOWN);
		assert_true(last.boot_ns == said || last.boot_ns == said + 1);
	}
}

/* ---------------------------------------------------------------- the gap */

static const struct gap_now now = {.boot_id = "a-boot", .boot_ns = 5000000000, .real_ns = 90000000000};

static void tells_of_a_killed_agent(void **state)
{
	struct heartbeat_state last = beat_at(4000000000);
	struct event_gap gap;

	(void)state;
	last.real_ns = 1; /* the clock was set since: of no matter */
	assert_true(gap_between(HEARTBEAT_KNOWN, &last, &now, &gap));
	assert_int_equal(gap.cause, GAP_KILLED);
	assert_int_equal(gap.from_real_ns, 89000000000);
	assert_int_equal(gap.to_real_ns, now.real_ns);
	assert_int_equal(gap.duration_ns, 1000000000);
	assert_int_equal(gap.host_started_real_ns, 85000000000);
	assert_string_equal(gap.backend, "lsm");
	assert_true(gap.tier_is_known);
	assert_int_equal(gap.tier, TIER_LSM);
	assert_false(gap.was_denying);
	assert_false(gap.counts_are_known);
	assert_null(gap.process);
}

static void tells_of_a_stopped_agent(void **state)
{
	struct heartbeat_state last = beat_at(4000000000);
	struct event_gap gap;

	(void)state;
	last.is_clean = 1;
	assert_true(gap_between(HEARTBEAT_KNOWN, &last, &now, &gap));
	assert_int_equal(gap.cause, GAP_STOPPED);
	assert_int_equal(gap.duration_ns, 1000000000);
}

static void tells_of_a_restarted_host(void **state)
{
	struct heartbeat_state last = beat_at(4000000000);
	struct event_gap gap;

	(void)state;
	last.real_ns = 60000000000;
	for (uint32_t is_clean = 0; is_clean <= 1; is_clean++) {
		last.is_clean = is_clean;
		(void)snprintf(last.boot_id, sizeof(last.boot_id), "another");
		assert_true(gap_between(HEARTBEAT_KNOWN, &last, &now, &gap));
		assert_int_equal(gap.cause, GAP_HOST_RESTART);
		assert_int_equal(gap.from_real_ns, 60000000000);
		assert_int_equal(gap.duration_ns, 30000000000);
	}
	last.real_ns = 95000000000; /* the clock went back with the restart */
	assert_true(gap_between(HEARTBEAT_KNOWN, &last, &now, &gap));
	assert_int_equal(gap.duration_ns, 0);
}

static void says_when_it_does_not_know(void **state)
{
	struct heartbeat_state last = beat_at(6000000000); /* of the future */
	struct event_gap gap;

	(void)state;
	last.tier = 77;
	assert_true(gap_between(HEARTBEAT_KNOWN, &last, &now, &gap));
	assert_int_equal(gap.cause, GAP_UNKNOWN);
	assert_int_equal(gap.from_real_ns, 0);
	assert_false(gap.tier_is_known);
	assert_true(gap_between(HEARTBEAT_DAMAGED, NULL, &now, &gap));
	assert_int_equal(gap.cause, GAP_UNKNOWN);
	assert_int_equal(gap.from_real_ns, 0);
	assert_null(gap.backend);
	assert_false(gap_between(HEARTBEAT_NONE, NULL, &now, &gap));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_nothing_the_first_time),
		TEST(finds_nothing_of_an_agent_that_never_beat),
		TEST(finds_the_newest_beat),
		TEST(goes_on_where_another_ended),
		TEST(takes_the_one_before_when_the_newest_is_torn),
		TEST(says_when_nothing_can_be_believed),
		TEST(survives_every_truncation),
		TEST(has_one_writer),
		TEST(refuses_what_is_no_file),
		TEST(survives_a_killed_writer),
		TEST(tells_of_a_killed_agent),
		TEST(tells_of_a_stopped_agent),
		TEST(tells_of_a_restarted_host),
		TEST(says_when_it_does_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

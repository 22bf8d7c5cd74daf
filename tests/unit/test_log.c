/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

/* Standard error, caught in a file for the time of one test. */
struct capture {
	int saved_fd;
	FILE *file;
	char text[8192];
};

static struct capture capture;

static int catch_stderr(void **state)
{
	(void)state;
	(void)unsetenv("JOURNAL_STREAM");
	log_set_level(LOG_LEVEL_INFO);
	capture.file = tmpfile();
	capture.saved_fd = dup(STDERR_FILENO);
	return capture.file && dup2(fileno(capture.file), STDERR_FILENO) >= 0 ? 0 : -1;
}

static int restore_stderr(void **state)
{
	(void)state;
	(void)dup2(capture.saved_fd, STDERR_FILENO);
	(void)close(capture.saved_fd);
	return fclose(capture.file);
}

static const char *caught(void)
{
	ssize_t size = pread(fileno(capture.file), capture.text, sizeof(capture.text) - 1, 0);

	assert_true(size >= 0);
	capture.text[size] = '\0';
	return capture.text;
}

static void names_program_level_and_reason(void **state)
{
	(void)state;
	assert_int_equal(log_error(-ENOENT, "opening '%s'", "x"), -ENOENT);
	assert_int_equal(log_warning(0, "careful"), 0);
	log_info("hello");
	assert_string_equal(caught(), "test_log: error: opening 'x': No such file or directory\n"
				      "test_log: warning: careful\n"
				      "test_log: info: hello\n");
}

static void shows_only_the_level_asked_for_but_always_returns_the_code(void **state)
{
	(void)state;
	log_debug("unseen");
	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(log_warning(-EIO, "unseen"), -EIO);
	log_info("unseen");
	assert_string_equal(caught(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("seen");
	assert_string_equal(caught(), "test_log: debug: seen\n");
}

static void escapes_control_bytes_so_that_a_message_is_one_line(void **state)
{
	(void)state;
	log_info("name %s", "a\nfake: error: b\x1b[2J");
	assert_string_equal(caught(), "test_log: info: name a\\nfake: error: b\\x1b[2J\n");
}

static void cuts_a_long_message(void **state)
{
	char name[6000];
	size_t size;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	(void)log_error(-EIO, "%s", name);
	size = strlen(caught());
	assert_true(size < 4300);
	assert_int_equal(capture.text[size - 1], '\n');
}

static void keeps_errno(void **state)
{
	(void)state;
	errno = ERANGE;
	log_info("x");
	assert_int_equal(errno, ERANGE);
}

static void writes_priorities_when_stderr_is_the_journal(void **state)
{
	char stream[64];
	struct stat st;

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	(void)setenv("JOURNAL_STREAM", stream, 1);
	(void)log_error(-EPERM, "a");
	(void)log_warning(0, "b");
	log_info("c");
	assert_string_equal(caught(), "<3>a: Operation not permitted\n<4>b\n<6>c\n");
}

static void writes_no_priorities_when_the_journal_is_elsewhere(void **state)
{
	(void)state;
	(void)setenv("JOURNAL_STREAM", "1:1", 1);
	log_info("a");
	(void)setenv("JOURNAL_STREAM", "nonsense", 1);
	log_info("b");
	assert_string_equal(caught(), "test_log: info: a\ntest_log: info: b\n");
}

static void knows_its_levels_by_name(void **state)
{
	enum log_level level = LOG_LEVEL_INFO;

	(void)state;
	assert_int_equal(log_level_from_name("warning", &level), 0);
	assert_int_equal(level, LOG_LEVEL_WARNING);
	assert_int_equal(log_level_from_name("warn", &level), -EINVAL);
	assert_int_equal(log_level_from_name(NULL, &level), -EINVAL);
	assert_int_equal(level, LOG_LEVEL_WARNING);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, catch_stderr, restore_stderr)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_program_level_and_reason),
		TEST(shows_only_the_level_asked_for_but_always_returns_the_code),
		TEST(escapes_control_bytes_so_that_a_message_is_one_line),
		TEST(cuts_a_long_message),
		TEST(keeps_errno),
		TEST(writes_priorities_when_stderr_is_the_journal),
		TEST(writes_no_priorities_when_the_journal_is_elsewhere),
		TEST(knows_its_levels_by_name),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}

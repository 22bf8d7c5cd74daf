/* SPDX-License-Identifier: Apache-2.0 */
/* sagent top and terminal.h on a pseudo-terminal: what is on its screen, and in what state it is left. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#include <cmocka.h>

#include "cli/sagent_command.h"
#include "cli/terminal.h"
#include "fake_daemon.h"

#define PATIENCE_MS 20000

struct screen {
	int master, slave;
	char text[65536]; /* all that was written to it */
	size_t size;
	struct termios before;
};

static void screen_open(struct screen *screen)
{
	struct winsize size = {.ws_col = 60, .ws_row = 10};
	char name[64];

	memset(screen, 0, sizeof(*screen));
	screen->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(screen->master >= 0);
	assert_int_equal(grantpt(screen->master), 0);
	assert_int_equal(unlockpt(screen->master), 0);
	assert_int_equal(ptsname_r(screen->master, name, sizeof(name)), 0);
	screen->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(screen->slave >= 0);
	assert_int_equal(ioctl(screen->slave, TIOCSWINSZ, &size), 0);
	assert_int_equal(tcgetattr(screen->slave, &screen->before), 0);
}

static void screen_close(struct screen *screen)
{
	(void)close(screen->master);
	(void)close(screen->slave);
}

static void screen_expect(struct screen *screen, const char *text)
{
	while (!strstr(screen->text, text)) {
		struct pollfd waited = {.fd = screen->master, .events = POLLIN};
		ssize_t n;

		assert_int_equal(poll(&waited, 1, PATIENCE_MS), 1);
		n = read(screen->master, screen->text + screen->size, sizeof(screen->text) - 1 - screen->size);
		assert_true(n > 0);
		screen->size += (size_t)n;
		screen->text[screen->size] = '\0';
	}
}

static void screen_expect_as_before(struct screen *screen)
{
	struct termios now;

	screen_expect(screen, "\033[?25h\033[?1049l");
	assert_int_equal(tcgetattr(screen->slave, &now), 0);
	assert_int_equal(now.c_lflag, screen->before.c_lflag);
	assert_int_equal(now.c_cc[VSUSP], screen->before.c_cc[VSUSP]);
}

static pid_t start_top(struct screen *screen, const char *socket_path)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		char *argv[] = {(char *)"sagent", (char *)"top", (char *)"--socket", (char *)socket_path, NULL};
		const struct rlimit no_core = {0}; /* SIGQUIT would leave one */
		FILE *out = fdopen(screen->slave, "w");

		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)dup2(screen->slave, STDIN_FILENO);
		_exit(out ? sagent_run(4, argv, out, out) : 99);
	}
	return pid;
}

static const char answer[] =
	"{\"id\":1,\"ok\":true,\"result\":{\"rows\":[{\"exe\":\"/usr/bin/a-rather-long-path/to/cat\","
	"\"accesses\":100,\"alerts\":1,\"denied\":0,\"secrets\":2,\"user\":\"root\",\"last\":\"now\"}]}}\n";

static void shows_its_table_until_q(void **state)
{
	struct fake_daemon daemon;
	struct screen screen;
	int status;
	pid_t pid;

	(void)state;
	screen_open(&screen);
	fake_daemon_start(&daemon, answer);
	pid = start_top(&screen, daemon.path);
	screen_expect(&screen, "the last 1d 0h");
	screen_expect(&screen, "/cat");
	assert_int_equal(write(screen.master, "xq", 2), 2);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), SAGENT_OK);
	screen_expect_as_before(&screen);
	fake_daemon_stop(&daemon);
	screen_close(&screen);
}

static void says_on_the_screen_and_at_the_end_that_the_daemon_is_gone(void **state)
{
	struct screen screen;
	int status;
	pid_t pid;

	(void)state;
	screen_open(&screen);
	pid = start_top(&screen, "/nonexistent/s");
	screen_expect(&screen, "is sagentd running");
	assert_int_equal(write(screen.master, "q", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	screen_expect_as_before(&screen);
	screen_expect(&screen, "sagent: there is no socket");
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), SAGENT_UNREACHABLE);
	screen_close(&screen);
}

static void gives_the_screen_back_when_a_signal_ends_it(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

	(void)state;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct screen screen;
		int status;
		pid_t pid;

		screen_open(&screen);
		pid = start_top(&screen, "/nonexistent/s");
		screen_expect(&screen, "is sagentd running");
		assert_int_equal(kill(pid, signals[i]), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
		screen_expect_as_before(&screen);
		screen_close(&screen);
	}
}

static void waits_for_keys_only_so_long(void **state)
{
	struct screen screen;

	(void)state;
	screen_open(&screen);
	assert_int_equal(terminal_take(screen.slave, screen.slave), 0);
	assert_int_equal(terminal_key(0), -EAGAIN);
	assert_int_equal(write(screen.master, "\xff", 1), 1);
	assert_int_equal(terminal_key(PATIENCE_MS), 0xff);
	terminal_give_back();
	terminal_give_back();
	screen_expect_as_before(&screen);
	screen_close(&screen);
}

static void refuses_what_is_no_terminal(void **state)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	assert_int_equal(terminal_take(fd, fd), -ENOTTY);
	terminal_give_back();
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_its_table_until_q),
		cmocka_unit_test(says_on_the_screen_and_at_the_end_that_the_daemon_is_gone),
		cmocka_unit_test(gives_the_screen_back_when_a_signal_ends_it),
		cmocka_unit_test(waits_for_keys_only_so_long),
		cmocka_unit_test(refuses_what_is_no_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

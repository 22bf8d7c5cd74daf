/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <termios.h>
#include <unistd.h>

/* The alternate screen, cursor hidden; and back (xterm's control sequences, which the Linux console takes too). */
static const char enter_text[] = "\033[?1049h\033[?25l";
static const char leave_text[] = "\033[?25h\033[?1049l";

static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

#define ENDING_SIGNALS (sizeof(ending_signals) / sizeof(ending_signals[0]))

/* The process has one terminal; the signal handler reaches it by this. */
static struct {
	volatile sig_atomic_t is_taken;
	int in_fd;
	int out_fd;
	struct termios saved;
	struct sigaction saved_actions[ENDING_SIGNALS];
	struct sigaction saved_resize;
} terminal;

static void write_fully(const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(terminal.out_fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* a terminal that is gone has no screen to restore */
		text += n;
		size -= (size_t)n;
	}
}

/* Only functions that signal-safety(7) allows. */
static void on_ending_signal(int number)
{
	write_fully(leave_text, sizeof(leave_text) - 1);
	(void)tcsetattr(terminal.in_fd, TCSANOW, &terminal.saved);
	(void)signal(number, SIG_DFL);
	(void)raise(number); /* comes once this handler has returned */
}

static void on_resize(int number)
{
	(void)number; /* that poll(2) ends with EINTR is all that is wanted */
}

static void catch_signals(void)
{
	struct sigaction ending = {.sa_handler = on_ending_signal}, resize = {.sa_handler = on_resize};

	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		(void)sigaction(ending_signals[i], &ending, &terminal.saved_actions[i]);
	(void)sigaction(SIGWINCH, &resize, &terminal.saved_resize);
}

int terminal_take(int in_fd, int out_fd)
{
	struct termios raw;

	if (!isatty(out_fd) || tcgetattr(in_fd, &terminal.saved) < 0)
		return -ENOTTY;
	terminal.in_fd = in_fd;
	terminal.out_fd = out_fd;
	catch_signals();
	raw = terminal.saved;
	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* a stopped process would leave the screen taken */
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	terminal.is_taken = 1;
	if (tcsetattr(in_fd, TCSANOW, &raw) < 0) {
		int r = -errno;

		terminal_give_back();
		return r;
	}
	write_fully(enter_text, sizeof(enter_text) - 1);
	return 0;
}

void terminal_give_back(void)
{
	if (!terminal.is_taken)
		return;
	write_fully(leave_text, sizeof(leave_text) - 1);
	(void)tcsetattr(terminal.in_fd, TCSANOW, &terminal.saved);
	terminal.is_taken = 0;
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		(void)sigaction(ending_signals[i], &terminal.saved_actions[i], NULL);
	(void)sigaction(SIGWINCH, &terminal.saved_resize, NULL);
}

int terminal_key(int timeout_ms)
{
	struct pollfd waited = {.fd = terminal.in_fd, .events = POLLIN};
	unsigned char key;
	ssize_t n;
	int r = poll(&waited, 1, timeout_ms);

	if (r < 0)
		return -errno;
	if (r == 0)
		return -EAGAIN;
	n = read(terminal.in_fd, &key, 1);
	if (n < 0)
		return -errno;
	return n == 1 ? key : -EPIPE;
}

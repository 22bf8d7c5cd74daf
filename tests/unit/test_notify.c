/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "notify.h"

struct fixture {
	char directory[128];
	char path[140];
	int fd;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *parent = getenv("TMPDIR");

	assert_non_null(f);
	(void)snprintf(f->directory, sizeof(f->directory), "%s/notifyXXXXXX",
		       parent && strlen(parent) < 60 ? parent : "/tmp");
	assert_non_null(mkdtemp(f->directory));
	(void)snprintf(f->path, sizeof(f->path), "%s/socket", f->directory);
	f->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(f->fd >= 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	(void)unsetenv("NOTIFY_SOCKET");
	(void)close(f->fd);
	(void)unlink(f->path);
	(void)rmdir(f->directory);
	free(f);
	return 0;
}

/* Listens at `path` ("@..." in the abstract namespace) and tells the environment. */
static void listen_at(const struct fixture *f, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);

	assert_true(length < sizeof(address.sun_path));
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(
		bind(f->fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
		0);
	assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
}

/* What came, "" for nothing. Valid until the next. */
static const char *received(const struct fixture *f)
{
	static char text[256];
	ssize_t size = recv(f->fd, text, sizeof(text) - 1, 0);

	text[size > 0 ? size : 0] = '\0';
	return text;
}

static void tells_a_socket_in_the_file_system(void **state)
{
	struct fixture *f = *state;

	listen_at(f, f->path);
	notify_send("READY=1");
	assert_string_equal(received(f), "READY=1");
	notify_send("STOPPING=1");
	assert_string_equal(received(f), "STOPPING=1");
}

static void tells_a_socket_in_the_abstract_namespace(void **state)
{
	struct fixture *f = *state;
	char name[64];

	(void)snprintf(name, sizeof(name), "@test-notify-%d", getpid());
	listen_at(f, name);
	notify_send("READY=1");
	assert_string_equal(received(f), "READY=1");
}

static void tells_when_a_reload_began(void **state)
{
	struct fixture *f = *state;
	struct timespec now;
	uint64_t before, told = 0;

	listen_at(f, f->path);
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	before = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	notify_reloading();
	assert_int_equal(sscanf(received(f), "RELOADING=1\nMONOTONIC_USEC=%" SCNu64, &told), 1);
	assert_true(told >= before && told < before + 60000000);
}

static void does_nothing_without_somebody_to_tell(void **state)
{
	struct fixture *f = *state;
	char longest[300];

	listen_at(f, f->path);
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	notify_send("READY=1");
	assert_int_equal(setenv("NOTIFY_SOCKET", "", 1), 0);
	notify_send("READY=1");
	assert_int_equal(setenv("NOTIFY_SOCKET", "vsock:2:1234", 1), 0);
	notify_send("READY=1");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	longest[0] = '/';
	assert_int_equal(setenv("NOTIFY_SOCKET", longest, 1), 0);
	notify_send("READY=1");
	(void)snprintf(longest, sizeof(longest), "%s/nobody", f->directory);
	assert_int_equal(setenv("NOTIFY_SOCKET", longest, 1), 0);
	notify_send("READY=1");
	notify_reloading();
	assert_string_equal(received(f), "");
}

static void knows_how_often_the_service_manager_wants_to_hear(void **state)
{
	char pid[16];

	(void)state;
	(void)unsetenv("WATCHDOG_PID");
	(void)unsetenv("WATCHDOG_USEC");
	assert_int_equal(notify_watchdog_us(), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "10000000", 1), 0);
	assert_int_equal(notify_watchdog_us(), 10000000);
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
	assert_int_equal(notify_watchdog_us(), 10000000);
	(void)snprintf(pid, sizeof(pid), "%d", getpid() + 1); /* it means our parent, not us */
	assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
	assert_int_equal(notify_watchdog_us(), 0);
	(void)unsetenv("WATCHDOG_PID");
	for (size_t i = 0; i < 5; i++) {
		static const char *const bad[] = {"", "-1", "10s", "99999999999999999999999", " 5"};

		assert_int_equal(setenv("WATCHDOG_USEC", bad[i], 1), 0);
		assert_int_equal(notify_watchdog_us(), 0);
	}
	(void)unsetenv("WATCHDOG_USEC");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tells_a_socket_in_the_file_system),
		TEST(tells_a_socket_in_the_abstract_namespace),
		TEST(tells_when_a_reload_began),
		TEST(does_nothing_without_somebody_to_tell),
		TEST(knows_how_often_the_service_manager_wants_to_hear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

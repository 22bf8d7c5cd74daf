/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/control.h"
#include "cli/control_message.h"
#include "cli/control_socket.h"

#define CLIENTS_MAX 3
#define OUTPUT_MAX  65536
#define HELD_MAX    64
#define PATIENCE_S  20 /* a test that hangs fails; nothing waits that long otherwise */
#define EVENT_SIZE  1000

struct fixture {
	struct event_base *base;
	struct control *control;
	char folder[64];
	char path[96];
	struct control_request *held[HELD_MAX];
	size_t held_count;
};

/* ---------------------------------------------------------------- the daemon's commands in these tests */

static int handle_echo(void *context, struct control_request *request)
{
	static const char *const choices[] = {"exe", "process", NULL};
	const char *by, *name;
	uint64_t limit;
	char text[96];
	int r;

	(void)context;
	r = control_request_uint(request, "limit", 1, 100, 20, &limit);
	if (r < 0)
		return r;
	r = control_request_choice(request, "by", choices, "exe", &by);
	if (r < 0)
		return r;
	r = control_request_string(request, "name", 8, NULL, &name);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "{\"limit\":%d,\"by\":\"%s\"%s%s%s}", (int)limit, by,
		       name ? ",\"name\":\"" : "", name ? name : "", name ? "\"" : "");
	control_reply(request, text, strlen(text));
	return 0;
}

static int handle_hold(void *context, struct control_request *request)
{
	struct fixture *fixture = context;

	assert_true(fixture->held_count < HELD_MAX);
	fixture->held[fixture->held_count++] = request;
	return 0;
}

static int handle_fail(void *context, struct control_request *request)
{
	(void)context;
	(void)request;
	return -ENOSPC;
}

static int handle_huge(void *context, struct control_request *request)
{
	static char huge[CONTROL_ANSWER_MAX];

	(void)context;
	memset(huge, ' ', sizeof(huge));
	control_reply(request, huge, sizeof(huge));
	return 0;
}

static int handle_two_lines(void *context, struct control_request *request)
{
	(void)context;
	control_reply(request, "{\n}", 3);
	return 0;
}

static int handle_watch(void *context, struct control_request *request)
{
	(void)context;
	control_reply_watch(request);
	return 0;
}

static const char *const echo_arguments[] = {"limit", "by", "name", NULL};

static const struct control_command commands[] = {
	{"echo", handle_echo, echo_arguments},
	{"hold", handle_hold, NULL},
	{"fail", handle_fail, NULL},
	{"huge", handle_huge, NULL},
	{"lines", handle_two_lines, NULL},
	{"watch", handle_watch, NULL},
	{NULL, NULL, NULL},
};

/* ---------------------------------------------------------------- fixture */

static struct control_config make_config(struct fixture *fixture)
{
	return (struct control_config){
		.socket_path = fixture->path, .group = "", .max_clients = CLIENTS_MAX, .output_max = OUTPUT_MAX};
}

static void start(struct fixture *fixture, const struct control_config *config)
{
	struct error error = {0};
	int r = control_new(fixture->base, config, commands, fixture, &fixture->control, &error);

	if (r < 0)
		print_error("%s\n", error.text);
	assert_int_equal(r, 0);
}

static int set_up_without_server(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const char *tmp = getenv("TMPDIR");

	if (!fixture)
		return -1;
	(void)snprintf(fixture->folder, sizeof(fixture->folder), "%s/control.XXXXXX",
		       tmp && strlen(tmp) < 32 ? tmp : "/tmp");
	if (!mkdtemp(fixture->folder))
		return -1;
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/s", fixture->folder);
	fixture->base = event_base_new();
	*state = fixture;
	return fixture->base ? 0 : -1;
}

static int set_up(void **state)
{
	struct control_config config;

	if (set_up_without_server(state) < 0)
		return -1;
	config = make_config(*state);
	start(*state, &config);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char lock[128];

	control_free(fixture->control);
	event_base_free(fixture->base);
	(void)snprintf(lock, sizeof(lock), "%s.lock", fixture->path);
	(void)unlink(lock);
	(void)unlink(fixture->path);
	assert_int_equal(rmdir(fixture->folder), 0);
	free(fixture);
	return 0;
}

static void on_impatience(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	*(bool *)context = true;
}

/* Runs the loop until something happens that may have changed what the caller waits for. */
static void turn(struct fixture *fixture)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	bool is_over = false;
	struct event *timer = evtimer_new(fixture->base, on_impatience, &is_over);

	assert_non_null(timer);
	assert_int_equal(event_add(timer, &patience), 0);
	assert_true(event_base_loop(fixture->base, EVLOOP_ONCE) >= 0);
	event_free(timer);
	assert_false(is_over);
}

#define turn_until(fixture, condition) \
	do {                           \
		while (!(condition))   \
			turn(fixture); \
	} while (0)

static struct control_stats stats_of(const struct fixture *fixture)
{
	return control_stats(fixture->control);
}

static int connect_client(const struct fixture *fixture)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", fixture->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say_sized(int fd, const char *text, size_t size)
{
	assert_int_equal(send(fd, text, size, MSG_NOSIGNAL), size);
}

static void say(int fd, const char *text)
{
	say_sized(fd, text, strlen(text));
}

/* Sends all of it, while the server takes it in. */
static void say_much(struct fixture *fixture, int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, text, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			turn(fixture);
			continue;
		}
		if (n < 0) /* the server hung up, as the test may want */
			return;
		text += n;
		size -= (size_t)n;
	}
}

/* One byte at a time, so that nothing of the next line is taken; false at the end of the stream. */
static bool read_line(struct fixture *fixture, int fd, char *line, size_t size)
{
	size_t used = 0;

	for (;;) {
		ssize_t n = recv(fd, line + used, 1, 0);

		if (n < 0 && errno == EAGAIN) {
			turn(fixture);
			continue;
		}
		if (n <= 0)
			return false;
		if (line[used] == '\n')
			break;
		used++;
		assert_true(used < size);
	}
	line[used] = '\0';
	return true;
}

static void expect_line(struct fixture *fixture, int fd, const char *expected)
{
	char line[4096];

	assert_true(read_line(fixture, fd, line, sizeof(line)));
	assert_string_equal(line, expected);
}

static void expect_error(struct fixture *fixture, int fd, const char *start_of_line)
{
	char line[4096];

	assert_true(read_line(fixture, fd, line, sizeof(line)));
	assert_memory_equal(line, start_of_line, strlen(start_of_line));
}

static void expect_end(struct fixture *fixture, int fd)
{
	char line[16];

	assert_false(read_line(fixture, fd, line, sizeof(line)));
}

/* ---------------------------------------------------------------- requests */

static void answers_a_request(void **state)
{
	struct fixture *fixture = *state;
	int fd = connect_client(fixture);

	say(fd,
	    "{\"id\":1,\"command\":\"echo\",\"arguments\":{\"limit\":5,\"by\":\"process\"}}\n{\"command\":\"echo\"}\n"
	    "{\"id\":2,\"command\":\"echo\",\"arguments\":{\"name\":\"12345678\"}}\n");
	expect_line(fixture, fd, "{\"id\":1,\"ok\":true,\"result\":{\"limit\":5,\"by\":\"process\"}}");
	expect_line(fixture, fd, "{\"id\":null,\"ok\":true,\"result\":{\"limit\":20,\"by\":\"exe\"}}");
	expect_line(fixture, fd,
		    "{\"id\":2,\"ok\":true,\"result\":{\"limit\":20,\"by\":\"exe\",\"name\":\"12345678\"}}");
	(void)close(fd);
}

static void says_what_is_wrong_with_an_argument(void **state)
{
	static const struct {
		const char *arguments, *message;
	} rows[] = {
		{"{\"limit\":0}", "\\\"limit\\\" must be an integer from 1 to 100"},
		{"{\"limit\":101}", "\\\"limit\\\" must be an integer from 1 to 100"},
		{"{\"limit\":-1}", "\\\"limit\\\" must be an integer from 1 to 100"},
		{"{\"limit\":99999999999999999999999}", "\\\"limit\\\" must be an integer from 1 to 100"},
		{"{\"limit\":\"5\"}", "\\\"limit\\\" must be an integer from 1 to 100"},
		{"{\"by\":\"pid\"}", "\\\"by\\\" must be one of \\\"exe\\\", \\\"process\\\""},
		{"{\"by\":1}", "\\\"by\\\" must be one of \\\"exe\\\", \\\"process\\\""},
		{"{\"name\":1}", "\\\"name\\\" must be a text of at most 8 bytes"},
		{"{\"name\":\"123456789\"}", "\\\"name\\\" must be a text of at most 8 bytes"},
		{"{\"name\":\"a\\u0000b\"}", "\\\"name\\\" must be a text of at most 8 bytes"},
		{"{\"sort\":1}", "'echo' takes no argument \\\"sort\\\""},
	};
	struct fixture *fixture = *state;
	int fd = connect_client(fixture);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), "{\"id\":1,\"command\":\"echo\",\"arguments\":%s}\n",
			       rows[i].arguments);
		say(fd, text);
		(void)snprintf(text, sizeof(text),
			       "{\"id\":1,\"ok\":false,\"error\":{\"code\":\"bad-argument\",\"message\":\"%s\"}}",
			       rows[i].message);
		expect_line(fixture, fd, text);
	}
	(void)close(fd);
}

static void answers_for_a_command_that_fails_or_is_unknown(void **state)
{
	struct fixture *fixture = *state;
	int fd = connect_client(fixture);

	say(fd,
	    "{\"id\":1,\"command\":\"fail\"}\n{\"id\":2,\"command\":\"nonsense\"}\n{\"id\":3,\"command\":\"huge\"}\n"
	    "{\"id\":4,\"command\":\"lines\"}\n{\"id\":5,\"command\":\"fail\",\"arguments\":{\"x\":1}}\n");
	expect_error(fixture, fd, "{\"id\":1,\"ok\":false,\"error\":{\"code\":\"failed\"");
	expect_error(fixture, fd, "{\"id\":2,\"ok\":false,\"error\":{\"code\":\"unknown-command\"");
	expect_error(fixture, fd, "{\"id\":3,\"ok\":false,\"error\":{\"code\":\"too-large\"");
	expect_error(fixture, fd, "{\"id\":4,\"ok\":false,\"error\":{\"code\":\"internal\"");
	expect_error(fixture, fd, "{\"id\":5,\"ok\":false,\"error\":{\"code\":\"bad-argument\"");
	(void)close(fd);
}

static void answers_garbage_and_goes_on(void **state)
{
	struct fixture *fixture = *state;
	int fd = connect_client(fixture);

	say_sized(fd, "\0\xff garbage\n\n{\"command\":\"echo\"}\n", 31);
	expect_error(fixture, fd, "{\"id\":null,\"ok\":false,\"error\":{\"code\":\"bad-request\"");
	expect_error(fixture, fd, "{\"id\":null,\"ok\":false,\"error\":{\"code\":\"bad-request\"");
	expect_line(fixture, fd, "{\"id\":null,\"ok\":true,\"result\":{\"limit\":20,\"by\":\"exe\"}}");
	assert_int_equal(stats_of(fixture).bad_requests, 2);
	(void)close(fd);
}

static void takes_the_longest_line_and_hangs_up_on_a_longer_one(void **state)
{
	struct fixture *fixture = *state;
	int fd = connect_client(fixture);
	char *line = malloc(2 * CONTROL_LINE_MAX);

	assert_non_null(line);
	memset(line, ' ', 2 * CONTROL_LINE_MAX);
	memcpy(line + CONTROL_LINE_MAX - 18, "{\"command\":\"echo\"}\n", 19);
	say_much(fixture, fd, line, CONTROL_LINE_MAX + 1);
	expect_line(fixture, fd, "{\"id\":null,\"ok\":true,\"result\":{\"limit\":20,\"by\":\"exe\"}}");

	memset(line, 'x', 2 * CONTROL_LINE_MAX);
	say_much(fixture, fd, line, 2 * CONTROL_LINE_MAX);
	expect_error(fixture, fd, "{\"id\":null,\"ok\":false,\"error\":{\"code\":\"too-long\"");
	expect_end(fixture, fd);
	turn_until(fixture, stats_of(fixture).clients == 0);
	free(line);
	(void)close(fd);
}

static void answers_all_of_a_thousand_pipelined_requests_in_order(void **state)
{
	struct fixture *fixture = *state;
	int fd = connect_client(fixture);
	char text[128];

	for (int i = 0; i < 1000; i++) {
		int size = snprintf(text, sizeof(text), "{\"id\":%d,\"command\":\"echo\"}\n", i);

		say_much(fixture, fd, text, (size_t)size);
	}
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "{\"id\":%d,\"ok\":true,\"result\":{\"limit\":20,\"by\":\"exe\"}}",
			       i);
		expect_line(fixture, fd, text);
	}
	assert_int_equal(stats_of(fixture).requests, 1000);
	(void)close(fd);
}

static void stops_reading_a_client_that_does_not_read(void **state)
{
	static const char request[] = "{\"command\":\"echo\"}\n";
	struct fixture *fixture = *state;
	int fd = connect_client(fixture);
	uint64_t before;
	ssize_t n = 0;

	/* Until the socket stays full with the server having nothing left to do. */
	do {
		before = stats_of(fixture).requests;
		do {
			n = send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
		} while (n == sizeof(request) - 1);
		assert_true(n > 0 || errno == EAGAIN);
		if (n > 0) /* the rest of a line that did not fit */
			n = sizeof(request) - 1 - n;
		assert_true(event_base_loop(fixture->base, EVLOOP_NONBLOCK) >= 0);
		assert_true(event_base_loop(fixture->base, EVLOOP_NONBLOCK) >= 0);
	} while (n <= 0 && stats_of(fixture).requests != before);
	/* All the answers together are bounded: by the server, and the kernel's buffers. */
	assert_true(stats_of(fixture).requests < 100000);
	(void)close(fd);
	turn_until(fixture, stats_of(fixture).clients == 0);
}

static void keeps_at_most_sixteen_requests_unanswered(void **state)
{
	static const char result[] = "{}";
	struct fixture *fixture = *state;
	int fd = connect_client(fixture);
	char line[64];

	for (int i = 0; i < 40; i++) {
		(void)snprintf(line, sizeof(line), "{\"id\":%d,\"command\":\"hold\"}\n", i);
		say(fd, line);
	}
	turn_until(fixture, fixture->held_count == 16);
	assert_true(event_base_loop(fixture->base, EVLOOP_NONBLOCK) >= 0);
	assert_int_equal(fixture->held_count, 16);
	for (size_t i = 0; i < 40; i++) {
		turn_until(fixture, fixture->held_count > i);
		control_reply(fixture->held[i], result, sizeof(result) - 1);
		(void)snprintf(line, sizeof(line), "{\"id\":%zu,\"ok\":true,\"result\":{}}", i);
		expect_line(fixture, fd, line);
	}
	(void)close(fd);
}

/* ---------------------------------------------------------------- ends */

static void answers_after_the_client_shut_its_side_down(void **state)
{
	struct fixture *fixture = *state;
	int fd = connect_client(fixture);

	say(fd, "{\"id\":1,\"command\":\"hold\"}\n{\"id\":2,\"command\":\"echo\"}\n{\"command\":\"ec");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	expect_line(fixture, fd, "{\"id\":2,\"ok\":true,\"result\":{\"limit\":20,\"by\":\"exe\"}}");
	expect_error(fixture, fd, "{\"id\":null,\"ok\":false,\"error\":{\"code\":\"bad-request\"");
	control_reply(fixture->held[0], "{}", 2);
	expect_line(fixture, fd, "{\"id\":1,\"ok\":true,\"result\":{}}");
	expect_end(fixture, fd);
	(void)close(fd);
}

static void survives_half_a_line_and_a_close(void **state)
{
	struct fixture *fixture = *state;
	int fd = connect_client(fixture);

	say(fd, "{\"command\":");
	turn_until(fixture, stats_of(fixture).clients == 1);
	(void)close(fd);
	turn_until(fixture, stats_of(fixture).clients == 0);
}

static void survives_an_answer_to_a_client_that_is_gone(void **state)
{
	struct fixture *fixture = *state;
	int fd = connect_client(fixture);

	say(fd, "{\"id\":1,\"command\":\"hold\"}\n{\"id\":2,\"command\":\"hold\"}\n");
	turn_until(fixture, fixture->held_count == 2);
	(void)close(fd);
	/* The first answer finds the socket closed (EPIPE, no SIGPIPE), the second no session at all. */
	control_reply(fixture->held[0], "{}", 2);
	turn_until(fixture, stats_of(fixture).clients == 0);
	control_reply(fixture->held[1], "{}", 2);
}

static void survives_an_answer_after_the_server_is_gone(void **state)
{
	struct fixture *fixture = *state;
	int fd = connect_client(fixture);

	say(fd, "{\"command\":\"hold\"}\n{\"command\":\"hold\"}\n");
	turn_until(fixture, fixture->held_count == 2);
	control_free(fixture->control);
	fixture->control = NULL;
	control_reply_error(fixture->held[0], "failed", "the daemon ends");
	control_reply_watch(fixture->held[1]);
	(void)close(fd);
}

static void closes_an_idle_client(void **state)
{
	struct fixture *fixture = *state;
	struct control_config config = make_config(fixture);
	int fd;

	config.idle_ms = 1;
	start(fixture, &config);
	fd = connect_client(fixture);
	expect_end(fixture, fd);
	assert_int_equal(stats_of(fixture).clients, 0);
	(void)close(fd);
}

static void on_reply_due(evutil_socket_t fd, short what, void *context)
{
	struct fixture *fixture = context;

	(void)fd;
	(void)what;
	control_reply(fixture->held[0], "{}", 2);
}

static void does_not_take_a_client_for_idle_that_waits_for_its_answer(void **state)
{
	const struct timeval later = {.tv_usec = 20000};
	struct fixture *fixture = *state;
	struct control_config config = make_config(fixture);
	int fd;

	config.idle_ms = 1;
	start(fixture, &config);
	fd = connect_client(fixture);
	say(fd, "{\"id\":1,\"command\":\"hold\"}\n");
	turn_until(fixture, fixture->held_count == 1);
	assert_int_equal(event_base_once(fixture->base, -1, EV_TIMEOUT, on_reply_due, fixture, &later), 0);
	expect_line(fixture, fd, "{\"id\":1,\"ok\":true,\"result\":{}}");
	(void)close(fd);
}

/* ---------------------------------------------------------------- watchers */

static void sends_events_to_watchers_only(void **state)
{
	struct fixture *fixture = *state;
	int watcher = connect_client(fixture), other = connect_client(fixture);

	assert_false(control_is_watched(fixture->control));
	control_broadcast(fixture->control, "{\"n\":0}", 7);
	say(watcher, "{\"id\":1,\"command\":\"watch\"}\n{\"id\":2,\"command\":\"watch\"}\n");
	expect_line(fixture, watcher, "{\"id\":1,\"ok\":true,\"result\":{\"watching\":true}}");
	expect_line(fixture, watcher, "{\"id\":2,\"ok\":true,\"result\":{\"watching\":true}}");
	assert_int_equal(stats_of(fixture).watchers, 1);
	assert_true(control_is_watched(fixture->control));
	control_broadcast(fixture->control, "{\"n\":1}", 7);
	say(other, "{\"command\":\"echo\"}\n");
	expect_line(fixture, watcher, "{\"n\":1}");
	expect_line(fixture, other, "{\"id\":null,\"ok\":true,\"result\":{\"limit\":20,\"by\":\"exe\"}}");
	(void)close(watcher);
	turn_until(fixture, stats_of(fixture).watchers == 0);
	assert_false(control_is_watched(fixture->control));
	(void)close(other);
}

/* Numbers of the events and drops that come must add up to what was sent, in order. */
static void tells_a_slow_watcher_what_it_lost(void **state)
{
	struct fixture *fixture = *state;
	int fd = connect_client(fixture);
	uint64_t sent = 0, seen = 0;
	char line[2 * EVENT_SIZE];

	say(fd, "{\"id\":1,\"command\":\"watch\"}\n");
	expect_line(fixture, fd, "{\"id\":1,\"ok\":true,\"result\":{\"watching\":true}}");
	while (stats_of(fixture).dropped < 10 || sent % 1000 != 0) {
		int size = snprintf(line, sizeof(line), "{\"n\":%d,\"pad\":\"%0900d\"}", (int)sent++, 0);

		control_broadcast(fixture->control, line, (size_t)size);
		assert_true(event_base_loop(fixture->base, EVLOOP_NONBLOCK) >= 0);
	}
	while (seen < sent) {
		struct json_object *event, *value;

		assert_true(read_line(fixture, fd, line, sizeof(line)));
		event = json_tokener_parse(line);
		if (json_object_object_get_ex(event, "dropped", &value)) {
			assert_true(json_object_get_int64(value) > 0);
			seen += json_object_get_uint64(value);
		} else {
			assert_true(json_object_object_get_ex(event, "n", &value));
			assert_int_equal(json_object_get_uint64(value), seen);
			seen++;
		}
		json_object_put(event);
	}
	assert_int_equal(seen, sent);
	control_broadcast(fixture->control, "{\"n\":-1}", 8);
	expect_line(fixture, fd, "{\"n\":-1}");
	(void)close(fd);
}

/* ---------------------------------------------------------------- who gets in */

static void refuses_more_clients_than_it_may_have(void **state)
{
	struct fixture *fixture = *state;
	int fds[CLIENTS_MAX + 1];

	for (size_t i = 0; i < CLIENTS_MAX + 1; i++)
		fds[i] = connect_client(fixture);
	expect_error(fixture, fds[CLIENTS_MAX], "{\"id\":null,\"ok\":false,\"error\":{\"code\":\"too-many-clients\"");
	expect_end(fixture, fds[CLIENTS_MAX]);
	(void)close(fds[CLIENTS_MAX]);
	assert_int_equal(stats_of(fixture).refused_full, 1);
	(void)close(fds[0]);
	turn_until(fixture, stats_of(fixture).clients == CLIENTS_MAX - 1);
	fds[0] = connect_client(fixture);
	say(fds[0], "{\"command\":\"echo\"}\n");
	expect_line(fixture, fds[0], "{\"id\":null,\"ok\":true,\"result\":{\"limit\":20,\"by\":\"exe\"}}");
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		(void)close(fds[i]);
}

static bool allow_nobody(const struct control_peer *peer)
{
	assert_int_equal(peer->pid, getpid());
	assert_int_equal(peer->uid, geteuid());
	assert_int_equal(peer->gid, getegid());
	return false;
}

static void refuses_a_peer_that_is_not_allowed(void **state)
{
	struct fixture *fixture = *state;
	struct control_config config = make_config(fixture);
	int fd;

	config.is_allowed = allow_nobody;
	start(fixture, &config);
	fd = connect_client(fixture);
	say(fd, "{\"command\":\"hold\"}\n");
	expect_error(fixture, fd, "{\"id\":null,\"ok\":false,\"error\":{\"code\":\"forbidden\"");
	expect_end(fixture, fd);
	assert_int_equal(fixture->held_count, 0);
	assert_int_equal(stats_of(fixture).refused_peers, 1);
	assert_int_equal(stats_of(fixture).clients, 0);
	(void)close(fd);
}

static void lets_in_root_itself_and_members_of_the_group(void **state)
{
	const struct control_peer root = {.uid = 0, .gid = 0}, self = {.uid = geteuid(), .gid = 4242};
	const struct control_peer stranger = {.uid = geteuid() + 4242, .gid = 0};
	const struct control_peer member = {.uid = geteuid() + 4242, .gid = 4242, .is_member = true};

	(void)state;
	assert_true(control_peer_is_allowed(&root));
	assert_true(control_peer_is_allowed(&self));
	assert_true(control_peer_is_allowed(&member));
	assert_false(control_peer_is_allowed(&stranger));
}

static void knows_a_member_by_its_own_and_supplementary_groups(void **state)
{
	struct control_peer peer;
	gid_t groups[64];
	int pair[2], count = getgroups(64, groups);

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(control_peer_read(pair[0], getegid(), &peer), 0);
	assert_true(peer.is_member);
	for (int i = 0; i < count; i++) {
		assert_int_equal(control_peer_read(pair[0], groups[i], &peer), 0);
		assert_true(peer.is_member);
	}
	assert_int_equal(control_peer_read(pair[0], 3999999999U, &peer), 0);
	assert_false(peer.is_member);
	assert_int_equal(control_peer_read(pair[0], CONTROL_GROUP_NONE, &peer), 0);
	assert_false(peer.is_member);
	(void)close(pair[0]);
	(void)close(pair[1]);
	assert_int_equal(control_peer_read(-1, 0, &peer), -EBADF);
}

static void listens_again_after_it_ran_out_of_descriptors(void **state)
{
	struct fixture *fixture = *state;
	struct rlimit limit, low;
	int fd = connect_client(fixture), probe;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	probe = dup(fd);
	(void)close(probe);
	low = limit;
	low.rlim_cur = (rlim_t)probe; /* the next accept(2) has no descriptor */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	turn(fixture);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(stats_of(fixture).clients, 0);
	say(fd, "{\"command\":\"echo\"}\n");
	expect_line(fixture, fd, "{\"id\":null,\"ok\":true,\"result\":{\"limit\":20,\"by\":\"exe\"}}");
	(void)close(fd);
}

/* ---------------------------------------------------------------- out of memory */

static size_t allocations_left;

static void *failing_malloc(size_t size)
{
	return allocations_left > 0 && --allocations_left > 0 ? malloc(size) : NULL;
}

static void *failing_realloc(void *old, size_t size)
{
	return allocations_left > 0 && --allocations_left > 0 ? realloc(old, size) : NULL;
}

static void starts_or_fails_cleanly_whichever_allocation_of_the_loop_fails(void **state)
{
	struct fixture *fixture = *state;
	struct control_config config = make_config(fixture);
	int r = -ENOMEM;

	for (size_t i = 1; r < 0; i++) {
		struct stat st;

		assert_true(i < 1000);
		allocations_left = i;
		event_set_mem_functions(failing_malloc, failing_realloc, free);
		r = control_new(fixture->base, &config, commands, fixture, &fixture->control, NULL);
		event_set_mem_functions(malloc, realloc, free);
		if (r < 0) {
			assert_int_equal(r, -ENOMEM);
			assert_null(fixture->control);
			assert_int_equal(lstat(fixture->path, &st), -1);
		}
	}
}

static void loses_only_the_client_that_it_has_no_memory_for(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 1; stats_of(fixture).requests == 0; i++) {
		int fd = connect_client(fixture);
		char line[256];

		assert_true(i < 1000);
		say(fd, "{\"command\":\"echo\"}\n");
		allocations_left = i;
		event_set_mem_functions(failing_malloc, failing_realloc, free);
		assert_true(event_base_loop(fixture->base, EVLOOP_NONBLOCK) >= 0);
		assert_true(event_base_loop(fixture->base, EVLOOP_NONBLOCK) >= 0);
		event_set_mem_functions(malloc, realloc, free);
		(void)shutdown(fd, SHUT_WR);
		while (read_line(fixture, fd, line, sizeof(line)))
			;
		(void)close(fd);
		turn_until(fixture, stats_of(fixture).clients == 0);
	}
}

/* ---------------------------------------------------------------- the socket file */

static int start_error(struct fixture *fixture, const struct control_config *config, const char *says)
{
	struct control *control = NULL;
	struct error error = {0};
	int r = control_new(fixture->base, config, commands, fixture, &control, &error);

	assert_true(r < 0);
	assert_null(control);
	assert_non_null(strstr(error.text, says));
	return r;
}

static void makes_the_socket_for_owner_and_group_only(void **state)
{
	struct fixture *fixture = *state;
	struct control_config config = make_config(fixture);
	char group[32];
	struct stat st;

	(void)snprintf(group, sizeof(group), "%u", getegid());
	config.group = group;
	start(fixture, &config);
	assert_int_equal(stat(fixture->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0660);
	assert_int_equal(st.st_gid, getegid());
	control_free(fixture->control);
	fixture->control = NULL;
	assert_int_equal(stat(fixture->path, &st), -1);
}

static void make_dead_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);
}

static void replaces_the_socket_of_a_dead_daemon(void **state)
{
	struct fixture *fixture = *state;
	struct control_config config = make_config(fixture);
	int fd;

	make_dead_socket(fixture->path);
	start(fixture, &config);
	fd = connect_client(fixture);
	say(fd, "{\"command\":\"echo\"}\n");
	expect_line(fixture, fd, "{\"id\":null,\"ok\":true,\"result\":{\"limit\":20,\"by\":\"exe\"}}");
	(void)close(fd);
}

static void never_steals_the_socket_of_a_live_daemon(void **state)
{
	struct fixture *fixture = *state;
	struct control_config config = make_config(fixture);
	char lock[128];
	int fd;

	assert_int_equal(start_error(fixture, &config, "another sagentd"), -EADDRINUSE);
	/* Even when somebody removed the lock file. */
	(void)snprintf(lock, sizeof(lock), "%s.lock", fixture->path);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(start_error(fixture, &config, "another program"), -EADDRINUSE);
	fd = connect_client(fixture);
	say(fd, "{\"command\":\"echo\"}\n");
	expect_line(fixture, fd, "{\"id\":null,\"ok\":true,\"result\":{\"limit\":20,\"by\":\"exe\"}}");
	(void)close(fd);
}

static void leaves_a_socket_that_is_no_longer_its_own(void **state)
{
	struct fixture *fixture = *state;
	struct stat st;

	assert_int_equal(unlink(fixture->path), 0);
	make_dead_socket(fixture->path);
	control_free(fixture->control);
	fixture->control = NULL;
	assert_int_equal(lstat(fixture->path, &st), 0);
}

static void leaves_a_file_that_is_no_socket(void **state)
{
	struct fixture *fixture = *state;
	struct control_config config = make_config(fixture);
	struct stat st;
	int fd = open(fixture->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(start_error(fixture, &config, "not a socket"), -EEXIST);
	assert_int_equal(lstat(fixture->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void refuses_a_path_group_or_folder_that_cannot_be(void **state)
{
	struct fixture *fixture = *state;
	struct control_config config = make_config(fixture);
	char path[256];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[108] = '\0';
	config.socket_path = path;
	assert_int_equal(start_error(fixture, &config, "the most is 107"), -ENAMETOOLONG);
	config.socket_path = "";
	assert_int_equal(start_error(fixture, &config, "empty"), -EINVAL);
	(void)snprintf(path, sizeof(path), "%s/missing/s", fixture->folder);
	config.socket_path = path;
	assert_int_equal(start_error(fixture, &config, "No such file"), -ENOENT);
	config.socket_path = fixture->path;
	config.group = "no-such-group-here";
	assert_int_equal(start_error(fixture, &config, "groupadd"), -ESRCH);
	config.group = "4294967295";
	assert_int_equal(start_error(fixture, &config, "groupadd"), -ESRCH);
}

#define with_server(test)    cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define without_server(test) cmocka_unit_test_setup_teardown(test, set_up_without_server, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_server(answers_a_request),
		with_server(says_what_is_wrong_with_an_argument),
		with_server(answers_for_a_command_that_fails_or_is_unknown),
		with_server(answers_garbage_and_goes_on),
		with_server(takes_the_longest_line_and_hangs_up_on_a_longer_one),
		with_server(answers_all_of_a_thousand_pipelined_requests_in_order),
		with_server(stops_reading_a_client_that_does_not_read),
		with_server(keeps_at_most_sixteen_requests_unanswered),
		with_server(answers_after_the_client_shut_its_side_down),
		with_server(survives_half_a_line_and_a_close),
		with_server(survives_an_answer_to_a_client_that_is_gone),
		with_server(survives_an_answer_after_the_server_is_gone),
		without_server(closes_an_idle_client),
		without_server(does_not_take_a_client_for_idle_that_waits_for_its_answer),
		with_server(sends_events_to_watchers_only),
		with_server(tells_a_slow_watcher_what_it_lost),
		with_server(refuses_more_clients_than_it_may_have),
		without_server(refuses_a_peer_that_is_not_allowed),
		cmocka_unit_test(lets_in_root_itself_and_members_of_the_group),
		cmocka_unit_test(knows_a_member_by_its_own_and_supplementary_groups),
		with_server(listens_again_after_it_ran_out_of_descriptors),
		without_server(starts_or_fails_cleanly_whichever_allocation_of_the_loop_fails),
		with_server(loses_only_the_client_that_it_has_no_memory_for),
		without_server(makes_the_socket_for_owner_and_group_only),
		without_server(replaces_the_socket_of_a_dead_daemon),
		with_server(never_steals_the_socket_of_a_live_daemon),
		with_server(leaves_a_socket_that_is_no_longer_its_own),
		without_server(leaves_a_file_that_is_no_socket),
		without_server(refuses_a_path_group_or_folder_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

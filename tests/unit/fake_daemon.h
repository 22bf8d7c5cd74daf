/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_daemon.h: something at a socket that takes one request per connection and answers what the test wants, whatever
 * that is. For the tests of the clients; include it last.
 */
#pragma once

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct fake_daemon {
	char folder[64];
	char path[96];
	int listen_fd;
	pthread_t thread;
	const char *answer; /* sent to each connection's first line; NULL: nothing, and the connection stays open */
	char request[8192]; /* the last line received */
	int kept_fds[16];   /* of connections that were not answered */
	size_t kept_count;
};

static void fake_daemon_serve(struct fake_daemon *daemon, int fd)
{
	size_t used = 0;

	while (used < sizeof(daemon->request) - 1) {
		ssize_t n = read(fd, daemon->request + used, 1);

		if (n <= 0 || daemon->request[used] == '\n')
			break;
		used++;
	}
	daemon->request[used] = '\0';
	if (!daemon->answer) {
		daemon->kept_fds[daemon->kept_count++ % 16] = fd;
		return;
	}
	for (size_t sent = 0, size = strlen(daemon->answer); sent < size;) {
		ssize_t n = send(fd, daemon->answer + sent, size - sent, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	(void)close(fd);
}

static void *fake_daemon_run(void *argument)
{
	struct fake_daemon *daemon = argument;
	int fd;

	while ((fd = accept(daemon->listen_fd, NULL, NULL)) >= 0)
		fake_daemon_serve(daemon, fd);
	return NULL;
}

static void fake_daemon_start(struct fake_daemon *daemon, const char *answer)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *tmp = getenv("TMPDIR");

	memset(daemon, 0, sizeof(*daemon));
	daemon->answer = answer;
	(void)snprintf(daemon->folder, sizeof(daemon->folder), "%s/client.XXXXXX",
		       tmp && strlen(tmp) < 32 ? tmp : "/tmp");
	assert_non_null(mkdtemp(daemon->folder));
	(void)snprintf(daemon->path, sizeof(daemon->path), "%s/s", daemon->folder);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon->path);
	daemon->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(daemon->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(daemon->listen_fd, 8), 0);
	assert_int_equal(pthread_create(&daemon->thread, NULL, fake_daemon_run, daemon), 0);
}

static void fake_daemon_stop(struct fake_daemon *daemon)
{
	(void)shutdown(daemon->listen_fd, SHUT_RDWR); /* ends accept(2) */
	assert_int_equal(pthread_join(daemon->thread, NULL), 0);
	(void)close(daemon->listen_fd);
	for (size_t i = 0; i < daemon->kept_count && i < 16; i++)
		(void)close(daemon->kept_fds[i]);
	(void)unlink(daemon->path);
	assert_int_equal(rmdir(daemon->folder), 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "export/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define WRITE_MAX (256 * 1024)
/* A pipe or terminal that poll(2) calls writable takes this much without blocking: PIPE_BUF. */
#define WRITE_MAX_BLOCKING 4096

static bool file_is_torn(int fd, off_t size)
{
	char link[32];
	_cleanup_(closep) int reader = -1;
	char last;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	reader = open(link, O_RDONLY | O_CLOEXEC);
	return size > 0 && reader >= 0 && pread(reader, &last, 1, size - 1) == 1 && last != '\n';
}

static int open_path(const char *path, struct sink *ret_sink)
{
	_cleanup_(closep) int fd = -1;
	struct sink sink;
	struct stat st;

	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	sink = (struct sink){
		.way = S_ISREG(st.st_mode) ? SINK_FILE : SINK_NONBLOCKING,
		.is_terminal = isatty(fd),
		.is_torn = S_ISREG(st.st_mode) && file_is_torn(fd, st.st_size),
	};
	sink.fd = TAKE_FD(fd);
	*ret_sink = sink;
	return 0;
}

static int open_stdout(struct sink *ret_sink)
{
	struct sink sink = {.fd = -1};
	struct stat st;

	if (fstat(STDOUT_FILENO, &st) < 0)
		return -errno;
	sink.is_terminal = isatty(STDOUT_FILENO);
	if (S_ISREG(st.st_mode)) {
		sink.way = SINK_FILE;
	} else if (S_ISSOCK(st.st_mode)) {
		sink.way = SINK_SOCKET;
	} else {
		sink.fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		sink.way = sink.fd >= 0 ? SINK_NONBLOCKING : SINK_POLL;
	}
	if (sink.fd < 0)
		sink.fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (sink.fd < 0)
		return -errno;
	*ret_sink = sink;
	return 0;
}

int sink_open(const char *path, struct sink *ret_sink)
{
	return path ? open_path(path, ret_sink) : open_stdout(ret_sink);
}

void sink_release(struct sink *sink)
{
	closep(&sink->fd);
	sink->fd = -1;
}

ssize_t sink_write(const struct sink *sink, const char *data, size_t size)
{
	struct pollfd poll_fd = {.fd = sink->fd, .events = POLLOUT};
	ssize_t n;

	if (size > WRITE_MAX)
		size = WRITE_MAX;
	if (sink->way == SINK_POLL) {
		if (poll(&poll_fd, 1, 0) == 0)
			return -EAGAIN;
		if (size > WRITE_MAX_BLOCKING)
			size = WRITE_MAX_BLOCKING;
	}
	if (sink->way == SINK_SOCKET)
		n = send(sink->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = write(sink->fd, data, size);
	return n < 0 ? -errno : n;
}

bool sink_terminal_size(const struct sink *sink, unsigned int *ret_columns, unsigned int *ret_rows)
{
	struct winsize size;

	if (!sink->is_terminal || ioctl(sink->fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return false;
	*ret_columns = size.ws_col;
	*ret_rows = size.ws_row;
	return true;
}

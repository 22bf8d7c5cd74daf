/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.c: one way of getting at a file, and what came of it: "ok" or the name of the errno on a line of its own, with
 * exit status 0 or 1. Copied to other places it is another program with the same behaviour.
 *
 *   open PATH            open for reading and read a byte
 *   write PATH           open for writing
 *   path PATH            open by O_PATH
 *   handle PATH          open_by_handle_at
 *   uring PATH           io_uring openat
 *   create PATH          make the file, and close it; then open it again
 *   new-directory PATH   make the directory of PATH, then the file in it, and open it
 *   exec PATH            execute it
 *   read FD, map FD      read, map a descriptor that is there
 *   pass PATH PROGRAM... open PATH, then execute PROGRAM with the descriptor's number behind its arguments
 *   receive FD MODE      a descriptor that comes over the socket FD, then MODE with it
 *   as UID PATH          a thread with that uid opens it, then the main thread; a line each
 *   many PATH COUNT      that many opens; a line with the number that were granted
 *   wait MODE...         waits for a line on standard input, then MODE; until end of input
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../userspace/base/cleanup.h"

#ifdef HAVE_LIBURING
#include <liburing.h>
#endif

static int say(int r)
{
	(void)printf("%s\n", r < 0 ? strerrorname_np(-r) : "ok");
	(void)fflush(stdout);
	return r < 0;
}

static int open_as(const char *path, int flags)
{
	char byte;
	int fd = open(path, flags | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : 0;

	if (fd >= 0 && flags == O_RDONLY && read(fd, &byte, 1) < 0)
		r = -errno;
	if (fd >= 0)
		(void)close(fd);
	return r;
}

static int open_by_handle(const char *path)
{
	union {
		struct file_handle handle;
		char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} it = {.handle.handle_bytes = MAX_HANDLE_SZ};
	_cleanup_(freep) char *directory = strdup(path);
	int mount_fd, mount, fd;

	*strrchr(directory, '/') = '\0';
	mount_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (name_to_handle_at(AT_FDCWD, path, &it.handle, &mount, 0) < 0)
		return -errno;
	fd = open_by_handle_at(mount_fd, &it.handle, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : 0;
}

static int open_by_uring(const char *path)
{
#ifdef HAVE_LIBURING
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	int r = io_uring_queue_init(4, &ring, 0);

	if (r < 0)
		return r;
	io_uring_prep_openat(io_uring_get_sqe(&ring), AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (io_uring_submit(&ring) < 0 || io_uring_wait_cqe(&ring, &cqe) < 0)
		return -EIO;
	return cqe->res < 0 ? cqe->res : 0;
#else
	(void)path;
	return -ENOSYS;
#endif
}

static int create(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : 0;

	if (fd >= 0)
		(void)close(fd);
	return r < 0 ? r : open_as(path, O_RDONLY);
}

static int create_in_new(const char *path)
{
	_cleanup_(freep) char *directory = strdup(path);

	*strrchr(directory, '/') = '\0';
	if (mkdir(directory, 0700) < 0)
		return -errno;
	return create(path);
}

static int read_descriptor(int fd)
{
	char byte;

	return pread(fd, &byte, 1, 0) < 0 ? -errno : 0;
}

static int map_descriptor(int fd)
{
	return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -errno : 0;
}

static int pass(char *argv[])
{
	int fd = open(argv[0], O_RDONLY), count = 0;
	char *arguments[16] = {NULL};
	char number[16];

	if (fd < 0)
		return -errno;
	for (; argv[count + 1] && count < 14; count++)
		arguments[count] = argv[count + 1];
	(void)snprintf(number, sizeof(number), "%d", fd);
	arguments[count] = number;
	(void)execv(arguments[0], arguments);
	return -errno;
}

static int receive_descriptor(int socket, int *ret_fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte;
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control)};

	if (recvmsg(socket, &message, 0) < 0)
		return -errno;
	memcpy(ret_fd, CMSG_DATA(&control.head), sizeof(*ret_fd));
	return 0;
}

struct other {
	uid_t uid;
	const char *path;
	int result;
};

static void *open_as_other(void *context)
{
	struct other *other = context;

	/* The system call is the thread's own; that of the C library would change them all. */
	other->result =
		syscall(SYS_setresuid, other->uid, other->uid, -1) < 0 ? -errno : open_as(other->path, O_RDONLY);
	return NULL;
}

static int as_uid(const char *uid, const char *path)
{
	struct other other = {.uid = (uid_t)strtoul(uid, NULL, 10), .path = path};
	pthread_t thread;

	(void)pthread_create(&thread, NULL, open_as_other, &other);
	(void)pthread_join(thread, NULL);
	(void)say(other.result);
	return open_as(path, O_RDONLY);
}

static int many(const char *path, unsigned long count)
{
	unsigned long granted = 0;

	for (unsigned long i = 0; i < count; i++)
		granted += open_as(path, O_RDONLY) == 0;
	(void)printf("%lu\n", granted);
	return 0;
}

static int act(char *argv[]);

static int wait_for_lines(char *argv[])
{
	char line[64];

	say(0);
	while (fgets(line, sizeof(line), stdin))
		(void)say(act(argv));
	return 0;
}

static int receive(int socket, char *argv[])
{
	char number[16];
	int fd = -1;
	int r = receive_descriptor(socket, &fd);
	char *mode[] = {argv[0], number, NULL};

	(void)snprintf(number, sizeof(number), "%d", fd);
	return r < 0 ? r : act(mode);
}

static int act(char *argv[])
{
	const char *mode = argv[0], *a = argv[1], *b = a ? argv[2] : NULL;

	if (!a)
		return -EINVAL;
	if (strcmp(mode, "open") == 0)
		return open_as(a, O_RDONLY);
	if (strcmp(mode, "write") == 0)
		return open_as(a, O_WRONLY);
	if (strcmp(mode, "path") == 0)
		return open_as(a, O_PATH);
	if (strcmp(mode, "handle") == 0)
		return open_by_handle(a);
	if (strcmp(mode, "uring") == 0)
		return open_by_uring(a);
	if (strcmp(mode, "create") == 0)
		return create(a);
	if (strcmp(mode, "new-directory") == 0)
		return create_in_new(a);
	if (strcmp(mode, "exec") == 0)
		return execl(a, a, NULL), -errno;
	if (strcmp(mode, "read") == 0)
		return read_descriptor((int)strtol(a, NULL, 10));
	if (strcmp(mode, "map") == 0)
		return map_descriptor((int)strtol(a, NULL, 10));
	if (strcmp(mode, "pass") == 0)
		return pass(argv + 1);
	if (strcmp(mode, "wait") == 0)
		return wait_for_lines(argv + 1);
	if (!b)
		return -EINVAL;
	if (strcmp(mode, "as") == 0)
		return as_uid(a, b);
	if (strcmp(mode, "many") == 0)
		return many(a, strtoul(b, NULL, 10));
	if (strcmp(mode, "receive") == 0)
		return receive((int)strtol(a, NULL, 10), argv + 2);
	return -EINVAL;
}

int main(int argc, char *argv[])
{
	return argc < 2 ? 2 : say(act(argv + 1));
}

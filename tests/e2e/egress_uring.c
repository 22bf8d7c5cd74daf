/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress_uring.c: one TCP connect through io_uring, as egress_test.py asks for it.
 *
 * usage: egress_uring inline|worker|poll ADDRESS PORT
 * inline: by the task that submits; worker: by a thread of the ring; poll: by the ring's polling thread. Prints the
 * name of the errno it got, "" for success, or "cannot ...".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#ifdef HAVE_LIBURING
#include <liburing.h>

static int cannot(const char *what, int error)
{
	(void)printf("cannot %s: %s\n", what, strerror(error));
	return 0;
}

static int connect_by_ring(unsigned int ring_flags, unsigned int request_flags, const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	int r = io_uring_queue_init(4, &ring, ring_flags);

	if (r < 0)
		return cannot("make a ring", -r);
	if (fd < 0)
		return cannot("make a socket", errno);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_connect(sqe, fd, (const struct sockaddr *)address, sizeof(*address));
	io_uring_sqe_set_flags(sqe, request_flags);
	r = io_uring_submit(&ring);
	if (r < 0)
		return cannot("submit", -r);
	r = io_uring_wait_cqe(&ring, &cqe);
	if (r < 0)
		return cannot("wait", -r);
	(void)printf("%s\n", cqe->res < 0 ? strerrorname_np(-cqe->res) : "");
	io_uring_queue_exit(&ring);
	return 0;
}
#endif

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};

	if (argc != 4 || inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
		return 2;
	address.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
#ifdef HAVE_LIBURING
	if (strcmp(argv[1], "poll") == 0)
		return connect_by_ring(IORING_SETUP_SQPOLL, 0, &address);
	return connect_by_ring(0, strcmp(argv[1], "worker") == 0 ? IOSQE_ASYNC : 0, &address);
#else
	(void)printf("cannot use io_uring: built without liburing\n");
	return 0;
#endif
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Row 7: opens, reads and descriptors that come and go through io_uring, without the system calls of old. */
#ifdef HAVE_LIBURING
#include <liburing.h>
#endif
#include <linux/openat2.h>
#include <sys/socket.h>

#include "trick.h"

#ifdef HAVE_LIBURING
#define ROUNDS              3

#define OP_FIXED_FD_INSTALL 54 /* IORING_OP_FIXED_FD_INSTALL, Linux 6.8 */
#define MSG_SEND_DESCRIPTOR 1  /* IORING_MSG_SEND_FD, Linux 6.0 */

static void ring_init(struct io_uring *ring, unsigned int flags)
{
	int r = io_uring_queue_init(16, ring, flags);

	if (r < 0)
		trick_cannot("io_uring: %s", strerror(-r));
}

static struct io_uring_sqe *ring_entry(struct io_uring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	errno = ENOSPC;
	if (!sqe)
		trick_fail("no free entry in the ring");
	return sqe;
}

static int ring_wait(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int result, r = io_uring_wait_cqe(ring, &cqe);

	errno = -r;
	if (r < 0)
		trick_fail("io_uring");
	result = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return result;
}

/* Submits what is queued, returns the result of one completion. */
static int ring_run(struct io_uring *ring)
{
	int r = io_uring_submit(ring);

	errno = -r;
	if (r < 0)
		trick_fail("io_uring");
	return ring_wait(ring);
}

static int ring_check(int result, const char *words)
{
	errno = -result;
	if (result == -EINVAL)
		trick_cannot("%s: not known to this kernel", words);
	if (result < 0)
		trick_fail("%s", words);
	return result;
}

static void open_often(const struct trick *trick, unsigned int ring_flags, unsigned int entry_flags, const char *words)
{
	struct io_uring ring;

	ring_init(&ring, ring_flags);
	for (int i = 0; i < ROUNDS; i++) {
		struct io_uring_sqe *sqe = ring_entry(&ring);
		int fd;

		io_uring_prep_openat(sqe, AT_FDCWD, trick->secret, O_RDONLY | O_CLOEXEC, 0);
		io_uring_sqe_set_flags(sqe, entry_flags);
		fd = ring_check(ring_run(&ring), "openat");
		trick_read(trick, fd);
		close(fd);
	}
	trick_did("opened it %d times by io_uring's openat%s", ROUNDS, words);
	trick_access(getpid(), "open", "io_uring", ROUNDS);
}

static void run_openat(const struct trick *trick)
{
	open_often(trick, 0, 0, "");
}

static void run_worker(const struct trick *trick)
{
	open_often(trick, 0, IOSQE_ASYNC, " on a worker thread");
}

static void run_sqpoll(const struct trick *trick)
{
	open_often(trick, IORING_SETUP_SQPOLL, 0, " from the kernel's polling thread");
}

static void run_openat2(const struct trick *trick)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};
	struct io_uring ring;

	ring_init(&ring, 0);
	for (int i = 0; i < ROUNDS; i++) {
		int fd;

		io_uring_prep_openat2(ring_entry(&ring), AT_FDCWD, trick->secret, &how);
		fd = ring_check(ring_run(&ring), "openat2");
		trick_read(trick, fd);
		close(fd);
	}
	trick_did("opened it %d times by io_uring's openat2", ROUNDS);
	trick_access(getpid(), "open", "io_uring", ROUNDS);
}

static void read_slot(struct io_uring *ring, int slot)
{
	struct io_uring_sqe *sqe = ring_entry(ring);
	char byte;

	io_uring_prep_read(sqe, slot, &byte, 1, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	errno = 0;
	if (ring_check(ring_run(ring), "read of a fixed file") != 1)
		trick_fail("nothing to read");
	trick_got();
}

static void open_direct(const struct trick *trick, struct io_uring *ring)
{
	int r = io_uring_register_files_sparse(ring, 4);

	if (r < 0)
		trick_cannot("no direct descriptors: %s", strerror(-r));
	io_uring_prep_openat_direct(ring_entry(ring), AT_FDCWD, trick->secret, O_RDONLY, 0, 0);
	ring_check(ring_run(ring), "openat to a direct descriptor");
}

static void run_direct(const struct trick *trick)
{
	struct io_uring ring;

	ring_init(&ring, 0);
	open_direct(trick, &ring);
	read_slot(&ring, 0);
	trick_did("opened it into a slot of the ring, without any descriptor, and read it there");
	trick_access(getpid(), "open", "io_uring", 1);
}

static void run_direct_sqpoll(const struct trick *trick)
{
	struct io_uring ring;

	ring_init(&ring, IORING_SETUP_SQPOLL);
	open_direct(trick, &ring);
	read_slot(&ring, 0);
	trick_did("let the kernel's polling thread open it into a slot of the ring and read it there");
	trick_access(getpid(), "open", "io_uring", 1);
}

/* Two submissions linked: the read runs on the slot that the open before it filled. */
static void run_linked(const struct trick *trick)
{
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	char byte;
	int r;

	ring_init(&ring, 0);
	r = io_uring_register_files_sparse(&ring, 4);
	if (r < 0)
		trick_cannot("no direct descriptors: %s", strerror(-r));
	sqe = ring_entry(&ring);
	io_uring_prep_openat_direct(sqe, AT_FDCWD, trick->secret, O_RDONLY, 0, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	sqe = ring_entry(&ring);
	io_uring_prep_read(sqe, 0, &byte, 1, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE | IOSQE_IO_LINK);
	io_uring_prep_close_direct(ring_entry(&ring), 0);
	ring_check(ring_run(&ring), "linked openat");
	if (ring_wait(&ring) == 1)
		trick_got();
	trick_did("linked open, read and close in one submission");
	trick_access(getpid(), "open", "io_uring", 1);
}

static void run_install(const struct trick *trick)
{
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	int fd;

	ring_init(&ring, 0);
	open_direct(trick, &ring);
	sqe = ring_entry(&ring);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = OP_FIXED_FD_INSTALL;
	sqe->flags = IOSQE_FIXED_FILE;
	fd = ring_check(ring_run(&ring), "installing a direct descriptor");
	trick_read(trick, fd);
	trick_did("opened it into a slot of the ring and made that an ordinary descriptor");
	trick_access(getpid(), "open", "io_uring", 1);
}

static void run_read_fixed(const struct trick *trick)
{
	struct io_uring ring;
	int r, fd;

	ring_init(&ring, 0);
	fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
	r = io_uring_register_files(&ring, &fd, 1);
	ring_check(r, "registering a file");
	close(fd);
	read_slot(&ring, 0);
	trick_did("opened it once with openat(2), registered it, closed it, read it by the ring");
	trick_access(getpid(), "open", "openat", 1);
}

/* The child inherits the ring, and with it the file in its slot; no descriptor of its own ever names the secret. */
static void run_inherited_ring(const struct trick *trick)
{
	struct io_uring ring;
	pid_t pid;

	ring_init(&ring, 0);
	trick_become_holder(trick);
	open_direct(trick, &ring);
	pid = trick_fork();
	if (pid == 0) {
		trick_become_thief(trick);
		read_slot(&ring, 0);
		_exit(0);
	}
	trick_wait(pid);
	trick_did("a child read it from a slot of the ring that it inherited");
	trick_access(getpid(), "open", "io_uring", 1);
	trick_access_least(pid, "receive", "*", 1);
}

static void child_takes_message(struct trick_turns *turns)
{
	struct io_uring ring;

	ring_init(&ring, 0);
	ring_check(io_uring_register_files_sparse(&ring, 4), "direct descriptors");
	trick_send(turns->to_parent, ring.ring_fd);
	(void)trick_receive(turns->to_child);
	ring_check(ring_wait(&ring), "the message");
	read_slot(&ring, 1);
	_exit(0);
}

/* One ring sends the file in its slot to a slot of another process's ring. */
static void run_message(const struct trick *trick)
{
	struct trick_turns turns;
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	int target, pidfd;
	pid_t pid;

	trick_turns_init(&turns);
	ring_init(&ring, 0);
	trick_become_holder(trick);
	open_direct(trick, &ring); /* before there is a child: says whether this can run at all */
	pid = trick_fork();
	if (pid == 0) {
		trick_become_thief(trick);
		child_takes_message(&turns);
	}
	target = trick_receive(turns.to_parent);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	target = (int)syscall(SYS_pidfd_getfd, pidfd, target, 0);
	if (target < 0)
		trick_cannot("pidfd_getfd: %s", strerror(errno));
	sqe = ring_entry(&ring);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_MSG_RING;
	sqe->fd = target;
	sqe->addr = MSG_SEND_DESCRIPTOR;
	sqe->addr3 = 0;      /* our slot */
	sqe->file_index = 2; /* its slot 1 */
	ring_check(ring_run(&ring), "sending a file from ring to ring");
	trick_send(turns.to_child, 1);
	trick_wait(pid);
	trick_did("sent it from a slot of our ring to a slot of another process's ring, which read it");
	trick_access(getpid(), "open", "io_uring", 1);
	trick_access_least(pid, "receive", "*", 1);
}

static void send_descriptor(int socket, int fd)
{
	char byte = 'x', room[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	if (sendmsg(socket, &message, 0) != 1)
		trick_fail("sendmsg");
}

static void child_receives(const struct trick *trick, int socket)
{
	char byte, room[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	struct io_uring ring;
	int fd;

	ring_init(&ring, 0);
	io_uring_prep_recvmsg(ring_entry(&ring), socket, &message, 0);
	ring_check(ring_run(&ring), "recvmsg");
	errno = 0;
	if (!CMSG_FIRSTHDR(&message))
		trick_fail("no descriptor came");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	trick_read(trick, fd);
	_exit(0);
}

static void run_recvmsg(const struct trick *trick)
{
	int sockets[2], fd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		trick_fail("socketpair");
	pid = trick_fork();
	if (pid == 0)
		child_receives(trick, sockets[1]);
	trick_become_holder(trick);
	fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
	send_descriptor(sockets[0], fd);
	trick_wait(pid);
	trick_did("a child received it in a message that it took by io_uring");
	trick_access(getpid(), "open", "openat", 1);
	trick_access_least(pid, "receive", "*", 1);
}
#else
static void run_without_liburing(const struct trick *trick)
{
	(void)trick;
	trick_cannot("built without liburing");
}
#define run_openat         run_without_liburing
#define run_openat2        run_without_liburing
#define run_worker         run_without_liburing
#define run_sqpoll         run_without_liburing
#define run_direct         run_without_liburing
#define run_direct_sqpoll  run_without_liburing
#define run_linked         run_without_liburing
#define run_install        run_without_liburing
#define run_read_fixed     run_without_liburing
#define run_inherited_ring run_without_liburing
#define run_message        run_without_liburing
#define run_recvmsg        run_without_liburing
#endif

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"openat", run_openat},
		{"openat2", run_openat2},
		{"worker", run_worker},
		{"sqpoll", run_sqpoll},
		{"direct", run_direct},
		{"direct-sqpoll", run_direct_sqpoll},
		{"linked", run_linked},
		{"install", run_install},
		{"read-fixed", run_read_fixed},
		{"inherited-ring", run_inherited_ring},
		{"message", run_message},
		{"recvmsg", run_recvmsg},
		{NULL, NULL},
	};

	return trick_main(argc, argv, variants);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Row 9: reading without opening. The process that is declared `receive` never opens the secret itself. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "trick.h"

static void run_fork(const struct trick *trick)
{
	pid_t pid;
	int fd;

	trick_become_holder(trick);
	fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
	pid = trick_fork();
	if (pid == 0) {
		trick_become_thief(trick);
		trick_read(trick, fd);
		_exit(0);
	}
	trick_wait(pid);
	trick_did("a child read it through the descriptor it was born with");
	trick_access(getpid(), "open", "openat", 1);
	trick_access(pid, "receive", "inherited", 1);
}

/* EXTRA of the second life is the descriptor. */
static void run_read_number(const struct trick *trick)
{
	trick_read(trick, (int)strtol(trick->extra, NULL, 10));
}

static void run_exec(const struct trick *trick)
{
	char copy[TRICK_PATH], number[16];
	int fd, to;
	pid_t pid;

	trick_path(copy, sizeof(copy), "%s/reader", trick->scratch);
	to = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	trick_copy_file("/proc/self/exe", to);
	close(to);
	pid = trick_fork();
	if (pid == 0) {
		trick_become_holder(trick);
		fd = (int)syscall(SYS_openat, AT_FDCWD, trick->secret, O_RDONLY, 0);
		trick_become_thief(trick);
		snprintf(number, sizeof(number), "%d", fd);
		execl(copy, copy, "_read-number", trick->secret, trick->scratch, number, NULL);
		trick_fail("exec");
	}
	trick_wait(pid);
	trick_did("opened it, then ran another program that read the descriptor it was left with");
	trick_access(pid, "open", "openat", 1);
	trick_access_least(pid, "receive", "inherited", 1);
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

static void child_receives(const struct trick *trick, int socket, bool with_recvmmsg)
{
	char byte, room[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {&byte, 1};
	struct mmsghdr message = {
		.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)}};
	long r = with_recvmmsg ? recvmmsg(socket, &message, 1, 0, NULL) : recvmsg(socket, &message.msg_hdr, 0);
	int fd;

	if (r != 1 || !CMSG_FIRSTHDR(&message.msg_hdr))
		trick_fail("receiving a descriptor");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message.msg_hdr)), sizeof(fd));
	trick_read(trick, fd);
	_exit(0);
}

static void run_rights(const struct trick *trick, bool with_recvmmsg)
{
	int sockets[2], fd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		trick_fail("socketpair");
	pid = trick_fork();
	if (pid == 0)
		child_receives(trick, sockets[1], with_recvmmsg);
	trick_become_holder(trick);
	fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
	send_descriptor(sockets[0], fd);
	trick_wait(pid);
	trick_did("sent it over a Unix socket to a process that took it with %s",
		  with_recvmmsg ? "recvmmsg" : "recvmsg");
	trick_access(getpid(), "open", "openat", 1);
	trick_access(pid, "receive", "scm_rights", 1);
}

static void run_recvmsg(const struct trick *trick)
{
	run_rights(trick, false);
}

static void run_recvmmsg(const struct trick *trick)
{
	run_rights(trick, true);
}

/* A child that opens the secret, tells the number, and stays until it is told to go. */
static pid_t start_holder(const struct trick *trick, struct trick_turns *turns)
{
	pid_t pid;

	trick_turns_init(turns);
	pid = trick_fork();
	if (pid == 0) {
		int fd;

		trick_become_holder(trick);
		fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
		trick_read(trick, fd);
		trick_send(turns->to_parent, fd);
		(void)trick_receive(turns->to_child);
		_exit(0);
	}
	return pid;
}

static void run_pidfd_getfd(const struct trick *trick)
{
	struct trick_turns turns;
	pid_t pid = start_holder(trick, &turns);
	int number = trick_receive(turns.to_parent);
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);

	if (fd < 0)
		trick_cannot("pidfd_getfd: %s", strerror(errno));
	trick_read(trick, fd);
	trick_send(turns.to_child, 1);
	trick_wait(pid);
	trick_did("took the descriptor out of another process with pidfd_getfd");
	trick_access(pid, "open", "openat", 1);
	trick_access(getpid(), "receive", "pidfd_getfd", 1);
}

static void run_proc_fd(const struct trick *trick)
{
	struct trick_turns turns;
	pid_t pid = start_holder(trick, &turns);
	char path[64];

	trick_path(path, sizeof(path), "/proc/%d/fd/%d", pid, trick_receive(turns.to_parent));
	trick_open_secret(trick, AT_FDCWD, path);
	trick_send(turns.to_child, 1);
	trick_wait(pid);
	trick_did("opened '%s' of a process that holds it", path);
	trick_access(pid, "open", "openat", 1);
	trick_access(getpid(), "open", "openat", 1);
}

static pid_t fork_sharing_files(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

	if (pid < 0)
		trick_fail("clone with CLONE_FILES");
	return pid;
}

/* The table is shared first; what the child opens is the parent's too. */
static void run_shared_before(const struct trick *trick)
{
	struct trick_turns turns;
	pid_t pid;
	int fd;

	trick_turns_init(&turns);
	pid = fork_sharing_files();
	if (pid == 0) {
		trick_become_holder(trick);
		trick_send(turns.to_parent, trick_openat(AT_FDCWD, trick->secret, O_RDONLY));
		(void)trick_receive(turns.to_child);
		_exit(0);
	}
	fd = trick_receive(turns.to_parent);
	trick_read(trick, fd);
	trick_send(turns.to_child, 1);
	trick_wait(pid);
	trick_did("read what another process opened, through a descriptor table that both had shared before");
	trick_access(pid, "open", "openat", 1);
	trick_access_least(getpid(), "receive", "*", 1);
}

static void run_shared_after(const struct trick *trick)
{
	pid_t pid;
	int fd;

	trick_become_holder(trick);
	fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
	pid = fork_sharing_files();
	if (pid == 0) {
		trick_become_thief(trick);
		trick_read(trick, fd);
		_exit(0);
	}
	trick_wait(pid);
	trick_did("a process that was made with a shared descriptor table read it");
	trick_access(getpid(), "open", "openat", 1);
	trick_access_least(pid, "receive", "*", 1);
}

/* The supervisor of a seccomp filter puts a descriptor into the process that it supervises. */
static void run_seccomp_add(const struct trick *trick)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	struct seccomp_notif request = {0};
	struct seccomp_notif_addfd add = {0};
	struct seccomp_notif_resp answer = {0};
	struct trick_turns turns;
	int listener;
	pid_t pid;

	trick_turns_init(&turns);
	pid = fork_sharing_files(); /* so that the listener is ours too */
	if (pid == 0) {
		int fd;

		if (unshare(0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			trick_fail("no_new_privs");
		listener =
			(int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
		if (listener < 0)
			trick_cannot("seccomp listener: %s", strerror(errno));
		trick_send(turns.to_parent, listener);
		(void)trick_receive(turns.to_child);
		if (unshare(CLONE_FILES) < 0)
			trick_fail("unshare the descriptors");
		fd = (int)syscall(SYS_getppid);
		trick_read(trick, fd);
		_exit(0);
	}
	listener = trick_receive(turns.to_parent);
	trick_send(turns.to_child, 1);
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
		trick_fail("no request came");
	trick_become_holder(trick);
	add.id = request.id;
	add.srcfd = (unsigned int)trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
	answer.id = request.id;
	answer.val = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	if (answer.val < 0)
		trick_cannot("SECCOMP_IOCTL_NOTIF_ADDFD: %s", strerror(errno));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0)
		trick_fail("answering");
	trick_wait(pid);
	trick_did("put it into another process as the supervisor of its seccomp filter");
	trick_access(getpid(), "open", "openat", 1);
	trick_access_least(pid, "receive", "*", 1);
}

/* A fanotify group gets a descriptor of each file that somebody else opens. */
static void run_fanotify(const struct trick *trick)
{
	struct fanotify_event_metadata event;
	int group = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC);
	pid_t pid;

	if (group < 0 || fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, trick->secret) < 0)
		trick_cannot("fanotify: %s", strerror(errno));
	pid = trick_fork();
	if (pid == 0) {
		trick_become_holder(trick);
		trick_open_secret(trick, AT_FDCWD, trick->secret);
		_exit(0);
	}
	if (read(group, &event, sizeof(event)) != sizeof(event))
		trick_fail("reading the group");
	trick_read(trick, event.fd);
	trick_wait(pid);
	trick_did("got it from a fanotify group when another process opened it");
	trick_access(pid, "open", "openat", 1);
	trick_access_least(getpid(), "open|receive", "*", 1);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"fork", run_fork},
		{"exec", run_exec},
		{"recvmsg", run_recvmsg},
		{"recvmmsg", run_recvmmsg},
		{"pidfd-getfd", run_pidfd_getfd},
		{"proc-fd", run_proc_fd},
		{"shared-before", run_shared_before},
		{"shared-after", run_shared_after},
		{"seccomp-add", run_seccomp_add},
		{"fanotify", run_fanotify},
		{"_read-number", run_read_number},
		{NULL, NULL},
	};

	return trick_main(argc, argv, variants);
}

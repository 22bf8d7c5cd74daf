/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/control_peer.h"

#define GROUP_BUFFER_MAX (1024 * 1024)

static int group_from_number(const char *text, gid_t *ret_group)
{
	unsigned long number;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (*end != '\0' || errno != 0 || number >= CONTROL_GROUP_NONE)
		return -EINVAL;
	*ret_group = (gid_t)number;
	return 0;
}

static int group_from_name(const char *name, gid_t *ret_group, struct error *error)
{
	struct group entry, *found = NULL;
	int r = ERANGE;

	if (name[0] == '\0') {
		*ret_group = CONTROL_GROUP_NONE;
		return 0;
	}
	if (group_from_number(name, ret_group) == 0)
		return 0;
	for (size_t size = 4096; r == ERANGE && size <= GROUP_BUFFER_MAX; size *= 4) {
		_cleanup_(freep) char *text = malloc(size);

		if (!text)
			return -ENOMEM;
		r = getgrnam_r(name, &entry, text, size, &found);
		if (r == 0 && found)
			*ret_group = entry.gr_gid;
	}
	if (r != 0 && r != ENOENT && r != ESRCH) /* these two also mean "not found", getgrnam(3) */
		return error_set(error, -r, NULL, 0, "looking up the group '%s': %s", name, strerror(r));
	if (!found)
		return error_set(
			error, -ESRCH, NULL, 0,
			"there is no group '%s'; create it with 'groupadd --system %s' or change control.group", name,
			name);
	return 0;
}

static int fill_address(const char *path, struct sockaddr_un *ret_address, struct error *error)
{
	size_t size = strlen(path);

	if (size == 0)
		return error_set(error, -EINVAL, NULL, 0,
				 "the path of the control socket is empty; set control.socket");
	if (size >= sizeof(ret_address->sun_path))
		return error_set(error, -ENAMETOOLONG, path, 0,
				 "%zu bytes are too long for a Unix socket, the most is %zu; set control.socket to a "
				 "shorter path",
				 size, sizeof(ret_address->sun_path) - 1);
	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret_address->sun_path, path, size + 1);
	return 0;
}

static int take_lock(const char *path, struct error *error)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_(freep) char *lock_path = NULL;

	if (asprintf(&lock_path, "%s.lock", path) < 0) {
		lock_path = NULL; /* undefined after a failure */
		return -ENOMEM;
	}
	fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return error_set(error, -errno, lock_path, 0, "creating the lock of the control socket: %s",
				 strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return error_set(error, -EADDRINUSE, path, 0,
					 "another sagentd is serving this socket; stop it or set control.socket");
		return error_set(error, -errno, lock_path, 0, "locking: %s", strerror(errno));
	}
	return TAKE_FD(fd);
}

/* Removes what a dead daemon left. Whatever answers, or is not a socket, stays and is an error. */
static int remove_stale(const struct sockaddr_un *address, struct error *error)
{
	_cleanup_(closep) int fd = -1;
	const char *path = address->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return error_set(error, -errno, path, 0, "looking for an old socket: %s", strerror(errno));
	}
	if (!S_ISSOCK(st.st_mode))
		return error_set(error, -EEXIST, path, 0,
				 "exists and is not a socket; remove it or set control.socket");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return error_set(error, -EADDRINUSE, path, 0,
				 "another program is serving this socket; stop it or set control.socket");
	if (errno != ECONNREFUSED && errno != ENOENT)
		return error_set(error, -errno, path, 0, "trying the old socket: %s", strerror(errno));
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set(error, -errno, path, 0, "removing the old socket: %s", strerror(errno));
	return 0;
}

/* What is bound at listener->path gets its group and mode, then listens. */
static int guard_and_listen(struct control_socket *listener, struct error *error)
{
	const char *path = listener->path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return error_set(error, -errno, path, 0, "the new socket is gone: %s", strerror(errno));
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	if (listener->group != CONTROL_GROUP_NONE && lchown(path, (uid_t)-1, listener->group) < 0)
		return error_set(error, -errno, path, 0, "giving the socket to group %u: %s", listener->group,
				 strerror(errno));
	if (chmod(path, 0660) < 0)
		return error_set(error, -errno, path, 0, "setting the mode of the socket: %s", strerror(errno));
	if (listen(listener->fd, SOMAXCONN) < 0)
		return error_set(error, -errno, path, 0, "listening: %s", strerror(errno));
	return 0;
}

static int bind_and_listen(struct control_socket *listener, const struct sockaddr_un *address, struct error *error)
{
	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return error_set(error, -errno, NULL, 0, "creating the control socket: %s", strerror(errno));
	/* On Linux the file gets the mode that the unbound socket has, minus the umask. */
	if (fchmod(listener->fd, 0600) < 0 ||
	    bind(listener->fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return error_set(error, -errno, listener->path, 0, "binding the control socket: %s", strerror(errno));
	return guard_and_listen(listener, error);
}

int control_socket_open(struct control_socket *listener, const char *path, const char *group, struct error *error)
{
	struct control_socket opened = CONTROL_SOCKET_INIT;
	struct sockaddr_un address;
	int r;

	r = fill_address(path, &address, error);
	if (r < 0)
		return r;
	r = group_from_name(group, &opened.group, error);
	if (r < 0)
		return r;
	opened.path = strdup(path);
	if (!opened.path)
		return -ENOMEM;
	r = take_lock(path, error);
	if (r >= 0) {
		opened.lock_fd = r;
		r = remove_stale(&address, error);
	}
	if (r >= 0)
		r = bind_and_listen(&opened, &address, error);
	if (r < 0) {
		control_socket_close(&opened);
		return r;
	}
	*listener = opened;
	return 0;
}

void control_socket_close(struct control_socket *listener)
{
	struct stat st;

	/* ino 0: nothing was bound. The lock is still held, so nobody can put another socket there in between. */
	if (listener->ino != 0 && lstat(listener->path, &st) == 0 && st.st_dev == listener->dev &&
	    st.st_ino == listener->ino)
		(void)unlink(listener->path); /* a socket that stays is replaced at the next start */
	closep(&listener->fd);
	closep(&listener->lock_fd);
	free(listener->path);
	*listener = CONTROL_SOCKET_INIT;
}

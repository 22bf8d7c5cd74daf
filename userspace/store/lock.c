/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define PID_TEXT_SIZE 16

static int lock_refused(int fd, const char *path, int code, struct error *error)
{
	char owner[PID_TEXT_SIZE + 1] = "";

	if (code != -EWOULDBLOCK)
		return error_set(error, code, path, 0, "cannot be locked: %s", strerror(-code));
	ssize_t size = pread(fd, owner, PID_TEXT_SIZE, 0);
	size_t digits = size > 0 ? strspn(owner, "0123456789") : 0;
	owner[digits] = '\0';
	return error_set(error, -EBUSY, path, 0,
			 "another daemon%s%s uses this state directory: stop it, or give this one another directory",
			 digits > 0 ? ", pid " : "", owner);
}

int store_lock(const char *path, int *ret_fd, struct error *error)
{
	_cleanup_(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0) {
		int code = -errno;
		return error_set(error, code, path, 0, "cannot be opened: %s", strerror(-code));
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return lock_refused(fd, path, -errno, error);

	/* The pid is for the message above only: on a full disk the lock still holds. */
	char owner[PID_TEXT_SIZE];
	int size = snprintf(owner, sizeof(owner), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, owner, (size_t)size, 0);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

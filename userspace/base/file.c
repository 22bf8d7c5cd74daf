/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"

#define CHUNK_SIZE 65536

static int set_errno(struct error *error, int code, const char *path, const char *what)
{
	char reason[128];

	return error_set(error, code, path, 0, "cannot %s: %s", what, strerror_r(-code, reason, sizeof(reason)));
}

static int check_regular(const char *path, const struct stat *st, struct error *error)
{
	if (S_ISDIR(st->st_mode))
		return error_set(error, -EISDIR, path, 0, "is a directory: name a file");
	if (!S_ISREG(st->st_mode))
		return error_set(error, -EINVAL, path, 0, "is a pipe, device or socket: name a regular file");
	return 0;
}

static int too_large(const char *path, size_t max, struct error *error)
{
	return error_set(error, -EFBIG, path, 0, "is larger than %zu bytes, the most that is read here", max);
}

static int read_all(int fd, const char *path, struct buffer *out, struct error *error)
{
	_cleanup_(freep) char *chunk = malloc(CHUNK_SIZE);

	if (!chunk)
		return set_errno(error, -ENOMEM, path, "read");
	for (;;) {
		ssize_t count = read(fd, chunk, CHUNK_SIZE);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return set_errno(error, -errno, path, "read");
		if (count == 0)
			return 0;
		if ((size_t)count > out->max - out->size)
			return too_large(path, out->max, error);
		buffer_append(out, chunk, (size_t)count);
		if (out->failed)
			return set_errno(error, -ENOMEM, path, "read");
	}
}

int file_read(const char *path, struct buffer *out, struct error *error)
{
	_cleanup_(closep) int fd = -1;
	size_t size_before = out->size;
	struct stat st;
	int r;

	/* Asked before the open too: to open a device can already have effects. */
	if (stat(path, &st) < 0)
		return set_errno(error, -errno, path, "open");
	r = check_regular(path, &st, error);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return set_errno(error, -errno, path, "open");
	if (fstat(fd, &st) < 0)
		return set_errno(error, -errno, path, "read");
	r = check_regular(path, &st, error);
	if (r < 0)
		return r;
	if (st.st_size > 0 && (uintmax_t)st.st_size > out->max - out->size)
		return too_large(path, out->max, error);
	r = read_all(fd, path, out, error);
	if (r < 0 && out->data) {
		out->size = size_before;
		out->data[size_before] = '\0';
	}
	return r;
}

int file_check_trusted(const char *path, struct error *error)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return set_errno(error, -errno, path, "open");
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return error_set(error, -EPERM, path, 0,
				 "belongs to user %u, who could change it: give it to root (chown root '%s')",
				 (unsigned int)st.st_uid, path);
	if (st.st_mode & S_IWOTH)
		return error_set(error, -EPERM, path, 0, "is writable by everybody: forbid it (chmod go-w '%s')", path);
	if (st.st_mode & S_IWGRP)
		return error_set(error, -EPERM, path, 0, "is writable by its group: forbid it (chmod g-w '%s')", path);
	return 0;
}

static int make_directory(const char *path, mode_t mode)
{
	struct stat st;
	int made;

	if (mkdir(path, mode) == 0)
		return 0;
	made = -errno;
	if (stat(path, &st) < 0)
		return made == -EEXIST ? -errno : made;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int file_make_directories(const char *path, mode_t mode)
{
	char copy[PATH_MAX];
	size_t length = strlen(path);

	if (length == 0)
		return -ENOENT;
	if (length >= sizeof(copy))
		return -ENAMETOOLONG;
	memcpy(copy, path, length + 1);
	for (char *at = copy + 1; *at != '\0'; at++) {
		int r;

		if (*at != '/' || at[-1] == '/')
			continue;
		*at = '\0';
		r = make_directory(copy, mode);
		*at = '/';
		if (r < 0)
			return r;
	}
	return make_directory(copy, mode);
}

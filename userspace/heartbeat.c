/* SPDX-License-Identifier: Apache-2.0 */
#include "heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MAGIC      0x3142544145485341ULL /* "ASHEATB1" */
#define PLACES     2
#define PLACE_SIZE 4096 /* a page each: a write is never part of both */

/* What is in a place. By the machine's byte order: the file never leaves its host. */
struct beat {
	uint64_t magic;
	uint64_t number; /* grows by one with each */
	struct heartbeat_state state;
	uint64_t checksum; /* of all before */
};

_Static_assert(sizeof(struct beat) <= PLACE_SIZE, "a beat fits its place");

struct heartbeat {
	int fd;
	uint64_t number;
	char path[PATH_MAX];
};

static uint64_t checksum_of(const struct beat *beat)
{
	const unsigned char *bytes = (const unsigned char *)beat;
	uint64_t sum = FNV_OFFSET;

	for (size_t i = 0; i < offsetof(struct beat, checksum); i++)
		sum = (sum ^ bytes[i]) * FNV_PRIME;
	return sum;
}

static bool is_terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool is_whole(const struct beat *beat)
{
	return beat->magic == MAGIC && beat->checksum == checksum_of(beat) &&
	       is_terminated(beat->state.boot_id, sizeof(beat->state.boot_id)) &&
	       is_terminated(beat->state.backend, sizeof(beat->state.backend));
}

/* The newest beat that is whole; false when there is none. */
static bool read_newest(int fd, struct beat *ret)
{
	bool is_found = false;

	for (int place = 0; place < PLACES; place++) {
		struct beat beat;
		ssize_t size = pread(fd, &beat, sizeof(beat), place * PLACE_SIZE);

		if (size != (ssize_t)sizeof(beat) || !is_whole(&beat) || (is_found && beat.number < ret->number))
			continue;
		*ret = beat;
		is_found = true;
	}
	return is_found;
}

/* Opens or makes the file, for one writer. */
static int open_file(const char *path, bool *ret_is_new)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	_cleanup_(closep) int fd = open(path, flags);
	struct stat st;

	*ret_is_new = fd < 0 && errno == ENOENT;
	if (*ret_is_new)
		fd = open(path, flags | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((st.st_mode & 07777) != 0600 && fchmod(fd, 0600) < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return TAKE_FD(fd);
}

int heartbeat_open(const char *directory, struct heartbeat **ret_heartbeat, enum heartbeat_found *ret_found,
		   struct heartbeat_state *ret_last)
{
	_cleanup_(freep) struct heartbeat *heartbeat = calloc(1, sizeof(*heartbeat));
	static const struct heartbeat_state never;
	struct beat beat;
	bool is_new;
	int r;

	if (!heartbeat)
		return -ENOMEM;
	r = snprintf(heartbeat->path, sizeof(heartbeat->path), "%s/%s", directory, HEARTBEAT_FILE_NAME);
	if (r < 0 || (size_t)r >= sizeof(heartbeat->path))
		return -ENAMETOOLONG;
	heartbeat->fd = open_file(heartbeat->path, &is_new);
	if (heartbeat->fd < 0)
		return heartbeat->fd;
	if (is_new)
		(void)heartbeat_write(heartbeat, &never); /* so that an empty file is one that somebody emptied */
	*ret_found = HEARTBEAT_DAMAGED;
	if (read_newest(heartbeat->fd, &beat)) {
		heartbeat->number = beat.number;
		*ret_found = beat.state.boot_ns ? HEARTBEAT_KNOWN : HEARTBEAT_NONE;
		if (*ret_found == HEARTBEAT_KNOWN)
			*ret_last = beat.state;
	}
	*ret_heartbeat = TAKE_PTR(heartbeat);
	return 0;
}

void heartbeat_free(struct heartbeat *heartbeat)
{
	if (!heartbeat)
		return;
	(void)close(heartbeat->fd);
	free(heartbeat);
}

int heartbeat_write(struct heartbeat *heartbeat, const struct heartbeat_state *state)
{
	struct beat beat;
	ssize_t size;

	memset(&beat, 0, sizeof(beat)); /* the padding too: it is part of the sum */
	beat.magic = MAGIC;
	beat.number = heartbeat->number + 1;
	beat.state = *state;
	beat.checksum = checksum_of(&beat);
	size = pwrite(heartbeat->fd, &beat, sizeof(beat), (off_t)(beat.number % PLACES) * PLACE_SIZE);
	if (size < 0)
		return -errno;
	if (size != (ssize_t)sizeof(beat))
		return -ENOSPC;
	heartbeat->number = beat.number;
	return 0;
}

int heartbeat_write_last(struct heartbeat *heartbeat, const struct heartbeat_state *state)
{
	int r = heartbeat_write(heartbeat, state);

	if (r < 0)
		return r;
	return fdatasync(heartbeat->fd) < 0 ? -errno : 0;
}

int heartbeat_fd(const struct heartbeat *heartbeat)
{
	return heartbeat->fd;
}

const char *heartbeat_path(const struct heartbeat *heartbeat)
{
	return heartbeat->path;
}

void heartbeat_read_boot_id(char ret_boot_id[HEARTBEAT_BOOT_ID_SIZE])
{
	_cleanup_(closep) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, ret_boot_id, HEARTBEAT_BOOT_ID_SIZE - 1);

	ret_boot_id[size > 0 ? size : 0] = '\0';
	ret_boot_id[strcspn(ret_boot_id, "\n")] = '\0';
}

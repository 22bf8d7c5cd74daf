/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/link_target.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"

#define ATOMIC_WRITER_LINK "..data"
#define ATOMIC_WRITER_GLOB "..[0-9]*"

/* Replaces a path in front of a `..` by the canonical one, as the kernel would walk it; what does not exist stays. */
static void canonicalize(char out[TREE_PATH_SIZE], size_t *size)
{
	_cleanup_(closep) int fd = open(out, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char link[64], path[TREE_PATH_SIZE];
	ssize_t read_size;

	if (fd < 0)
		return;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd); /* always fits */
	read_size = readlink(link, path, sizeof(path) - 1);
	if (read_size <= 0 || path[0] != '/')
		return;
	path[read_size] = '\0';
	*size = (size_t)read_size;
	memcpy(out, path, *size + 1);
	if (*size == 1)
		out[ *size = 0] = '\0';
}

static int append(char out[TREE_PATH_SIZE], size_t *size, size_t *canonical, const char *text)
{
	while (*text) {
		size_t length;

		text += strspn(text, "/");
		length = strcspn(text, "/");
		if (length == 0 || (length == 1 && text[0] == '.')) {
			text += length;
			continue;
		}
		if (length == 2 && text[0] == '.' && text[1] == '.') {
			char *slash;

			if (*size > *canonical)
				canonicalize(out, size);
			slash = strrchr(out, '/');
			*size = slash ? (size_t)(slash - out) : 0;
			out[*size] = '\0';
			*canonical = *size;
		} else {
			if (*size + 1 + length >= TREE_PATH_SIZE)
				return -ENAMETOOLONG;
			out[(*size)++] = '/';
			memcpy(out + *size, text, length);
			*size += length;
			out[*size] = '\0';
		}
		text += length;
	}
	return 0;
}

static bool is_atomic_writer(const char *name, const char *target)
{
	return strcmp(name, ATOMIC_WRITER_LINK) == 0 && strncmp(target, "..", 2) == 0 && target[2] >= '0' &&
	       target[2] <= '9' && !strchr(target, '/');
}

int link_target_read(int fd, const char *directory, const char *name, char out[TREE_PATH_SIZE], bool *ret_is_last_wild)
{
	char target[TREE_PATH_SIZE], path[TREE_PATH_SIZE];
	size_t size = 0, canonical;
	ssize_t read_size = readlinkat(fd, "", target, sizeof(target));
	bool is_wild;
	int r = 0;

	if (read_size < 0)
		return -errno;
	if (read_size == 0 || (size_t)read_size >= sizeof(target))
		return -ENAMETOOLONG;
	target[read_size] = '\0';
	is_wild = is_atomic_writer(name, target);
	path[0] = '\0';
	canonical = TREE_PATH_SIZE; /* the directory is canonical already */
	if (target[0] != '/')
		r = append(path, &size, &canonical, directory);
	canonical = size;
	if (r == 0)
		r = append(path, &size, &canonical, is_wild ? ATOMIC_WRITER_GLOB : target);
	if (r == 0 && size == 0)
		r = -EINVAL;
	if (r < 0)
		return r;
	memcpy(out, path, size + 1);
	*ret_is_last_wild = is_wild;
	return 0;
}

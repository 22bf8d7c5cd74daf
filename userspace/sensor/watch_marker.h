/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_marker.h: who has to mark files and directories by a descriptor, and not only know them by their identity: the
 * tier that stops accesses by fanotify.
 *
 * The watch list has a descriptor only while it looks: then it has marked what it found, perhaps for a set of patterns
 * that is not in force yet and may never be. Only set_file says what a file is. A number is the secret's, as in
 * watch_value; 0 for a secret that the kernel knows by none.
 */
#pragma once

#include <stdint.h>

#include "abi.h"

struct watch_marker {
	/* A file that is a secret, by an O_PATH descriptor. */
	void (*mark_file)(void *context, int fd, const struct file_id *id, uint32_t number);
	/*
	 * A directory of which every file that will ever be directly inside is of secret `inside` (0: not so), or every
	 * file anywhere below of secret `below`. `path` is its canonical one.
	 */
	void (*mark_directory)(void *context, int fd, const char *path, uint32_t inside, uint32_t below);
	/* The file is of that secret from now on. It need not have been marked: one that is only known from an access.
	 */
	void (*set_file)(void *context, const struct file_id *id, uint32_t number);
	void (*clear_file)(void *context, const struct file_id *id);
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exe_place.h: does a path mean the same file on the host as in the mount namespace of the process that runs it?
 *
 * Anyone who may make a namespace of their own (unshare -Um) can mount any file over /usr/bin/ssh there, so a path out
 * of a foreign namespace proves nothing. The host is the mount namespace of process 1.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

struct exe_place {
	uint32_t mnt_ns; /* the host's; 0 when it could not be told: then every namespace is foreign */
	int root_fd;     /* its root directory */
};

/* `proc_root` as in identity_config. Without a readable process 1 our own namespace is the host. 0 or -errno. */
int exe_place_init(struct exe_place *place, const char *proc_root);
void exe_place_release(struct exe_place *place);

/* Is `path` on the host the file of `exe`? Looks only at what the kernel has in its caches, where it can (5.12). */
bool exe_place_is_host(const struct exe_place *place, const char *path, const struct exe_id *exe);

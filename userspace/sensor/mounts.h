/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts.h: the mount table of our mount namespace (proc_pid_mountinfo(5)), kept up to date without polling.
 *
 * The kernel signals a change of the table on the file itself (POLLPRI); then the mount points that are new, gone or of
 * another mount are reported, each once. Also knows where the real files of an overlay mount are.
 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

struct event_base;
struct mounts;

typedef void (*mounts_changed_fn)(void *context, const char *mount_point);
typedef void (*mounts_done_fn)(void *context); /* after the last change of one look at the table */

#define MOUNTS_MAX 131072

/*
 * Reads the table; `base` may be NULL, and a file not in /proc is fine: then only mounts_update() looks again.
 * 0 or -errno.
 */
int mounts_new(struct event_base *base, const char *path, mounts_changed_fn changed, mounts_done_fn done, void *context,
	       struct mounts **ret);
void mounts_free(struct mounts *mounts);
DEFINE_FREEP(struct mounts, mounts_free)
int mounts_update(struct mounts *mounts);

/*
 * Calls `each` with the paths where the real file of `path` may be if the mount it is on is an overlay: in the upper
 * directory, then in each lower one. Stops at the first non-zero and returns it; else 0.
 */
int mounts_overlay_sources(const struct mounts *mounts, const char *path,
			   int (*each)(void *context, const char *real_path), void *context);

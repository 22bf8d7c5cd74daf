/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_watch.h: what happens to the names in directories: one inotify(7) instance on the event loop.
 *
 * Reports names that came, went, or now mean another file. Reading and writing of files is not watched, so a busy
 * directory costs only where names change. A directory is given by descriptor, so there is no race with its path.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

struct directory_watch;
struct event_base;

struct directory_watch_ops {
	/* `name` in the directory of `wd` changed. `is_directory`: what came or went is a directory. */
	void (*name)(void *context, int wd, const char *name, bool is_directory);
	/* The watch is gone: the directory was deleted or its file system unmounted. */
	void (*gone)(void *context, int wd);
	/* Events were lost: everything must be looked at again. */
	void (*overflow)(void *context);
	/* All events that were there have been given. */
	void (*drained)(void *context);
};

/* `base` may be NULL: then events come from directory_watch_drain() only. 0 or -errno (-EMFILE: too many instances). */
int directory_watch_new(struct event_base *base, const struct directory_watch_ops *ops, void *context,
			struct directory_watch **ret);
void directory_watch_free(struct directory_watch *watch);
DEFINE_FREEP(struct directory_watch, directory_watch_free)
/*
 * Watches the directory behind an O_PATH descriptor; the same directory twice is the same watch. The watch number or
 * -errno (-ENOSPC: fs.inotify.max_user_watches reached). `more`: events of inotify(7) besides that count as a changed
 * name, 0 for none.
 */
int directory_watch_add(struct directory_watch *watch, int directory_fd, uint32_t more);
void directory_watch_remove(struct directory_watch *watch, int wd);
/* Gives all events that are waiting, at once. Does nothing when called out of an event. */
void directory_watch_drain(struct directory_watch *watch);

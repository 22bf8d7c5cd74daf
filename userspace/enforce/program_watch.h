/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program_watch.h: the programs and scripts on disk that rules name: found before they are executed, and followed, so
 * that the first access of a process that has just started is judged by what it is.
 *
 * A watch list of its own (sensor/watchlist.h) finds them and hears of new ones, replaced ones and changed ones. A file
 * is what the host's own path leads to; what runs under that path elsewhere (a private mount namespace, a container) is
 * another file and no business of this. Globs with "**" are followed as far as a smaller limit goes, and those that
 * would mean the whole system not at all: the kernel is told that it knows nothing of files that they may name until
 * they are executed. Loop thread only.
 */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

struct error;
struct event_base;
struct kernel_policy;
struct learner;
struct program_watch;
struct watch_sink;

struct program_watch_config {
	struct event_base *base;
	/* Whose identify() tells what the kernel calls a file; nothing else of it is used. */
	const struct watch_sink *sink;
	void *sink_context;
	const char *passwd_path;
	const char *mountinfo_path;
	size_t max_files;
	size_t max_directories;
};

struct program_watch_stats {
	size_t files;       /* that are followed */
	size_t directories; /* that are watched for them */
	size_t unfollowed;  /* globs that are not followed, or only in part */
};

/* All is borrowed, with its strings. 0 or -ENOMEM. */
int program_watch_new(const struct program_watch_config *config, struct kernel_policy *policy, struct learner *learner,
		      struct program_watch **ret);
void program_watch_free(struct program_watch *watch); /* NULL is fine */
DEFINE_FREEP(struct program_watch, program_watch_free)

/*
 * Follows what the rules of both banks name, from now on; between kernel_policy_prepare() and the flip. -errno with
 * *error: what was followed before still is.
 */
int program_watch_load(struct program_watch *watch, struct error *error);

struct program_watch_stats program_watch_stats(const struct program_watch *watch);

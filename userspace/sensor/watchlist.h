/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watchlist.h: which files are secrets, now: turns the policy's path patterns into the tables that the kernel programs
 * read, and keeps them true without polling.
 *
 * Loop thread only. The kernel asks nothing of it in time: a new file in a known directory is a candidate there at
 * once, and watchlist_candidate() decides. Never opens a secret for reading (O_PATH only); never publishes "/".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "sensor/file_scan.h"
#include "sensor/pattern.h"
#include "sensor/watch_marker.h"
#include "sensor/watch_rules.h"
#include "sensor/watch_sink.h"

#include "abi.h"

struct error;
struct event_base;
struct watchlist;

struct watchlist_options {
	size_t max_files;           /* sensor.max_files */
	size_t max_directories;     /* sensor.max_directories */
	pattern_match_fn match;     /* glob_match() */
	const char *passwd_path;    /* "/etc/passwd"; strings are borrowed for the life of the list */
	const char *mountinfo_path; /* "/proc/self/mountinfo" */
	/* Files are identified again (watch_sink.identify) when they were written or got other attributes. */
	bool follows_changes;
	const struct watch_marker *marker; /* may be NULL */
	void *marker_context;
	void (*on_change)(void *context); /* may be NULL; the numbers of watchlist_statistics() may be others now */
	void *context;
};

struct watched_file {
	struct file_id id;
	size_t secret;
	const char *path;    /* canonical, as this host sees it; the last known of a file without a name */
	bool path_truncated; /* it is longer than TREE_PATH_SIZE: some of it is missing */
	uint32_t nlink;      /* when it was last looked at */
};

struct watchlist_stats {
	size_t files;       /* names of secret files; one below an overlay counts too */
	size_t departed;    /* still watched without a name */
	size_t directories; /* followed */
	size_t links;
	size_t garbage;              /* pattern nodes that wait for the next rebuild */
	uint64_t rebuilds;           /* whole new looks after the first, policy reloads included */
	uint64_t overflows;          /* of these for lost inotify events or new homes */
	uint64_t sink_failures;      /* table entries that the kernel did not take */
	uint64_t candidates;         /* asked */
	uint64_t ignored;            /* of these no secret */
	struct file_scan_stats scan; /* of the present view */
};

/* An empty list. `sink` and its context are borrowed. 0 or -errno. */
int watchlist_new(struct event_base *base, const struct watch_sink *sink, void *sink_context,
		  const struct watchlist_options *options, struct watchlist **ret);
/* Leaves the kernel's tables as they are. */
void watchlist_free(struct watchlist *list);
DEFINE_FREEP(struct watchlist, watchlist_free)

/*
 * The whole set of patterns, in place of the former one; copies them. What is watched before and after stays watched
 * all the while. On failure, -errno with *error, the former set stays whole.
 */
int watchlist_load(struct watchlist *list, const struct watch_pattern *patterns, size_t count, struct error *error);

/* NULL: no secret. Valid until the next call into the list. */
const struct watched_file *watchlist_find(struct watchlist *list, const struct file_id *id);

/*
 * Calls `each` for every name that the file has now among what is watched. Stops at the first non-zero and returns it.
 * Fit for watch_sink.set_file: the name that it is about is there.
 */
int watchlist_each_name(const struct watchlist *list, const struct file_id *id,
			int (*each)(void *context, const char *path), void *context);

/*
 * A file below a directory of ours that the kernel does not know yet. `components` as in an access record: each with
 * its NUL, leaf first, the last one directly inside `directory`; `truncated`: some before that are missing. 1: a
 * secret, published, in *ret; 0: no secret, published as ignored under this name; -ENOENT: the directory is not (any
 * more) ours; -EINVAL: malformed.
 */
int watchlist_candidate(struct watchlist *list, const struct file_id *file, const struct file_id *directory,
			const char *components, size_t size, bool truncated, unsigned int nlink,
			const struct watched_file **ret);

/*
 * Does the path that process `pid` passed to a refused open name a secret? `size` bytes of it, with or without its NUL;
 * `truncated`: there was more. 1, with its secret and canonical path (valid until the next call); 0; -errno: not to be
 * told, as process_path_open().
 */
int watchlist_refused(struct watchlist *list, uint32_t pid, int dirfd, const char *path, size_t size, bool truncated,
		      size_t *ret_secret, const char **ret_path);

/* Takes in all changes of the file system that the kernel has told of by now. */
void watchlist_catch_up(struct watchlist *list);
/* Looks at the mount table now; happens by itself when the kernel says that it changed. */
int watchlist_update_mounts(struct watchlist *list);
/* Looks at everything again, as after lost events. 0 or -errno: the present view stays. */
int watchlist_rebuild(struct watchlist *list);

void watchlist_statistics(const struct watchlist *list, struct watchlist_stats *ret);
/* Adds one to counts[secret] for each file of each secret below `secrets_count`. Looks at every file. */
void watchlist_count_files(const struct watchlist *list, size_t *counts, size_t secrets_count);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_view.h: one complete look at the file system under one set of rules and homes, kept true by inotify.
 *
 * A change of rules or homes, or lost events, make a new view that replaces the old one when it is whole. Its callbacks
 * run only once it is live: until then it is nobody's business but the builder's. A single look takes no inotify
 * instance and no watch, tells nobody anything and is only asked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "sensor/file_tree.h"
#include "sensor/homes.h"

struct directory_watch;
struct error;
struct event_base;
struct file_scan;
struct mounts;
struct pattern_set;
struct watch_rules;
struct watch_sink;

struct watch_view_ops {
	void (*file_added)(void *context, const struct tree_file *file);
	void (*file_leaves)(void *context, const struct tree_file *file);
	void (*settled)(void *context);        /* all events that were there are in the tree */
	void (*rebuild_needed)(void *context); /* events were lost, or the users' homes may have changed */
};

struct watch_view_options {
	struct event_base *base;
	const struct watch_rules *rules; /* borrowed, as all that follows */
	const struct mounts *mounts;
	const struct watch_sink *sink;
	void *sink_context;
	const char *passwd_path;
	size_t max_files;
	size_t max_directories;
	bool is_single_look; /* not followed: `base`, `mounts` and `ops` may be NULL, of the sink only identify is used
			      */
	const struct watch_view_ops *ops;
	void *context;
};

struct watch_view {
	struct watch_view_options options;
	struct homes homes;
	struct pattern_set *patterns;
	struct file_tree tree;
	struct file_scan *scan;
	struct directory_watch *watch;
	int passwd_wd;
	bool is_live;
	int error; /* of a look after it became live: something is missing in it */
};

/* Reads the homes, compiles the rules, looks at everything they name. 0 or -errno, with *error. */
int watch_view_new(const struct watch_view_options *options, struct watch_view **ret, struct error *error);
void watch_view_free(struct watch_view *view);
DEFINE_FREEP(struct watch_view, watch_view_free)

/* Takes in what inotify has waiting now. */
void watch_view_catch_up(struct watch_view *view);
/* Looks again at a path (a mount point that changed); then settles. */
void watch_view_look(struct watch_view *view, const char *path);
void watch_view_settle(struct watch_view *view);

/*
 * What the patterns say of the file `names` (count of them, top down) below a directory of the tree. With `lost`, an
 * unknown number of names between the directory and the first is missing. `path` gets the whole path (its end if it is
 * longer). True and *ret_secret if it is a secret.
 */
bool watch_view_match(struct watch_view *view, const struct tree_directory *directory, const char *const *names,
		      size_t count, bool lost, char path[TREE_PATH_SIZE], uint32_t *ret_secret);
/* The same for a whole absolute path. */
bool watch_view_match_path(struct watch_view *view, const char *path, uint32_t *ret_secret);

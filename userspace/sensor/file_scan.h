/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_scan.h: looks at the file system and brings a file tree up to date with it.
 *
 * Work is queued (a directory to list, a name to look at again) and done by file_scan_run(), which goes on until
 * nothing is left: what it finds queues more. Directories are watched before they are listed, so nothing falls between.
 * Files are opened with O_PATH only and identified in batches.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct directory_watch;
struct file_scan;
struct file_tree;
struct mounts;
struct pattern_set;
struct tree_directory;
struct tree_file;
struct watch_sink;

#define SCAN_LINKS_MAX 65536

struct file_scan_stats {
	uint64_t refused_files;       /* by max_files */
	uint64_t refused_directories; /* by max_directories */
	uint64_t refused_links;
	uint64_t unreadable;   /* directories that could not be opened or listed */
	uint64_t unwatched;    /* directories that inotify had no watch for */
	uint64_t unidentified; /* files that the kernel could say nothing of */
};

struct file_scan_options {
	struct pattern_set *patterns;
	struct file_tree *tree;
	struct directory_watch *watch; /* may be NULL: nothing is followed */
	const struct mounts *mounts;   /* may be NULL: no overlays */
	const struct watch_sink *sink;
	void *sink_context;
	size_t max_files;
	size_t max_directories;
	bool (*is_excluded)(void *context, uint32_t rule, const char *path);
	/* A file came into the tree or its secret changed. */
	void (*file_added)(void *context, const struct tree_file *file);
	void (*file_leaves)(void *context, const struct tree_file *file);
	void *context;
};

/* All that the options point to is borrowed. Looks at nothing yet, but identifies "/". 0 or -errno. */
int file_scan_new(const struct file_scan_options *options, struct file_scan **ret);
void file_scan_free(struct file_scan *scan);

void file_scan_directory(struct file_scan *scan, struct tree_directory *directory);
void file_scan_name(struct file_scan *scan, struct tree_directory *directory, const char *name);
/* The same for a name of which an event is all that is known: most are of no interest and cost no system call. */
void file_scan_event(struct file_scan *scan, struct tree_directory *directory, const char *name, bool is_directory);
/* Looks again along a path, at whatever of it is in the tree. */
void file_scan_path(struct file_scan *scan, const char *path, bool is_last_wild);
/* 0, or -ENOMEM: something was left out. */
int file_scan_run(struct file_scan *scan);
const struct file_scan_stats *file_scan_statistics(const struct file_scan *scan);

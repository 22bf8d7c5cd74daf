/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/program_watch.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/error.h"
#include "base/file_id.h"
#include "enforce/classes.h"
#include "enforce/image.h"
#include "enforce/kernel_policy.h"
#include "enforce/learner.h"
#include "enforce/members.h"
#include "policy/glob.h"
#include "sensor/watchlist.h"

/* A tree may be large, and most of what is in it is never executed. */
#define TREE_SHARE 8

/* A file as the kernel described it last. */
struct known_file {
	UT_hash_handle hh;
	struct exe_id exe;
	bool is_executable;
	bool is_followed; /* some glob names it */
};

enum list_kind { LIST_PLAIN, LIST_TREES, LIST_COUNT };

/* One watch list, and what it follows. */
struct followed {
	struct program_watch *watch;
	struct watchlist *list; /* NULL until there is something to follow */
	struct known_file *files;
	size_t max_files;
};

struct program_watch {
	struct program_watch_config config;
	struct kernel_policy *policy;
	struct learner *learner;
	struct followed lists[LIST_COUNT];
	size_t unfollowed;
};

int program_watch_new(const struct program_watch_config *config, struct kernel_policy *policy, struct learner *learner,
		      struct program_watch **ret)
{
	struct program_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->config = *config;
	watch->policy = policy;
	watch->learner = learner;
	for (size_t i = 0; i < LIST_COUNT; i++)
		watch->lists[i].watch = watch;
	watch->lists[LIST_PLAIN].max_files = config->max_files;
	watch->lists[LIST_TREES].max_files = config->max_files / TREE_SHARE;
	*ret = watch;
	return 0;
}

void program_watch_free(struct program_watch *watch)
{
	if (!watch)
		return;
	for (size_t i = 0; i < LIST_COUNT; i++) {
		struct known_file *file, *next;

		watchlist_free(watch->lists[i].list);
		HASH_ITER (hh, watch->lists[i].files, file, next) {
			HASH_DEL(watch->lists[i].files, file);
			free(file);
		}
	}
	free(watch);
}

/* ---------------------------------------------------------------- files */

struct naming {
	struct followed *followed;
	const struct known_file *file;
};

static int add_name(void *context, const char *path)
{
	const struct naming *naming = context;
	struct program_watch *watch = naming->followed->watch;
	const struct image_file image = image_file_of(&naming->file->exe);

	/* What does not get in is counted there; then the file has no classes until it is executed. */
	if (members_add_file(kernel_policy_members(watch->policy), &image, 0, path, true) == 0)
		learner_want_hash(watch->learner, &naming->file->exe, path);
	return 0;
}

static void tell(struct followed *followed, const struct known_file *file)
{
	struct naming naming = {.followed = followed, .file = file};

	if (file->is_executable)
		(void)watchlist_each_name(followed->list, &file->exe.file, add_name, &naming);
}

/* The kernel's tables keep what the file was under its former ctime: who runs it still runs that. */
static void let_go(struct followed *followed, const struct known_file *file)
{
	const struct image_file image = image_file_of(&file->exe);

	members_unfollow(kernel_policy_members(followed->watch->policy), &image);
}

static struct known_file *find(const struct followed *followed, const struct file_id *id)
{
	struct known_file *file;

	HASH_FIND(hh, followed->files, id, sizeof(*id), file);
	return file;
}

static struct exe_id exe_of(const struct file_record *record)
{
	struct exe_id exe = {
		.file = record->file,
		.ctime_sec = record->ctime_sec,
		.ctime_nsec = record->ctime_nsec,
		.nlink = record->nlink,
	};

	if (record->fs_magic == OVERLAYFS_SUPER_MAGIC)
		exe.flags |= EXE_FLAG_OVERLAY;
	if (record->fs_magic == TMPFS_MAGIC)
		exe.flags |= EXE_FLAG_TMPFS;
	return exe;
}

static void note(struct followed *followed, const struct file_record *record)
{
	const struct exe_id exe = exe_of(record);
	struct known_file *file = find(followed, &record->file);

	if (!file) {
		if (HASH_COUNT(followed->files) >= 2 * followed->max_files)
			return;
		file = calloc(1, sizeof(*file));
		if (!file)
			return; /* it has no classes until it is executed */
		file->exe = exe;
		HASH_ADD(hh, followed->files, exe.file, sizeof(file->exe.file), file);
		if (!file->hh.tbl) {
			free(file);
			return;
		}
	} else if (file->is_followed && memcmp(&file->exe, &exe, sizeof(exe)) != 0) {
		let_go(followed, file);
	}
	file->exe = exe;
	file->is_executable = record->mode & (S_IXUSR | S_IXGRP | S_IXOTH);
	if (file->is_followed)
		tell(followed, file);
}

/* ---------------------------------------------------------------- the sink of a watch list */

static int identify(void *context, const int *fds, size_t count, struct file_record *ret_records)
{
	struct followed *followed = context;
	const struct program_watch_config *config = &followed->watch->config;
	int r = config->sink->identify(config->sink_context, fds, count, ret_records);

	for (size_t i = 0; r == 0 && i < count; i++)
		if (S_ISREG(ret_records[i].mode))
			note(followed, &ret_records[i]);
	return r;
}

static int set_file(void *context, const struct file_id *id, const struct watch_value *value)
{
	struct followed *followed = context;
	struct known_file *file = find(followed, id);

	(void)value;
	if (!file)
		return -ENOENT;
	file->is_followed = true;
	tell(followed, file);
	return 0;
}

static int clear_file(void *context, const struct file_id *id)
{
	struct followed *followed = context;
	struct known_file *file = find(followed, id);

	if (!file)
		return 0;
	let_go(followed, file);
	HASH_DEL(followed->files, file);
	free(file);
	return 0;
}

static int set_directory(void *context, const struct file_id *id, const struct directory_value *value)
{
	(void)context;
	(void)id;
	(void)value;
	return 0;
}

static int clear_directory(void *context, const struct file_id *id)
{
	(void)context;
	(void)id;
	return 0;
}

static int set_name(void *context, const struct name_key *key, const struct name_value *value)
{
	(void)context;
	(void)key;
	(void)value;
	return 0;
}

static int clear_name(void *context, const struct name_key *key)
{
	(void)context;
	(void)key;
	return 0;
}

static int set_ignored(void *context, const struct file_id *id, const struct ignored_value *value)
{
	(void)context;
	(void)id;
	(void)value;
	return 0;
}

static int clear_ignored(void *context)
{
	(void)context;
	return 0;
}

static int set_name_filter(void *context, const uint64_t *hashes, size_t count)
{
	(void)context;
	(void)hashes;
	(void)count;
	return 0;
}

/* Only files matter: nothing is a candidate here. */
static const struct watch_sink followed_sink = {
	.set_file = set_file,
	.clear_file = clear_file,
	.set_directory = set_directory,
	.clear_directory = clear_directory,
	.set_name = set_name,
	.clear_name = clear_name,
	.set_ignored = set_ignored,
	.clear_ignored = clear_ignored,
	.set_name_filter = set_name_filter,
	.identify = identify,
};

/* ---------------------------------------------------------------- globs */

struct selection {
	struct program_watch *watch;
	struct pattern_set *probe; /* says which globs a watch list takes */
	struct watch_pattern *patterns[LIST_COUNT];
	size_t counts[LIST_COUNT];
	size_t capacities[LIST_COUNT];
};

static enum list_kind kind_of(const char *glob)
{
	return strstr(glob, "/**") ? LIST_TREES : LIST_PLAIN;
}

static int select_glob(void *context, const char *glob)
{
	struct selection *selection = context;
	enum list_kind kind = kind_of(glob);
	int r = pattern_set_add(selection->probe, glob, 0, 0);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		kernel_policy_follow_not(selection->watch->policy, glob);
		selection->watch->unfollowed++;
		return 0;
	}
	if (selection->counts[kind] == selection->capacities[kind]) {
		size_t capacity = selection->capacities[kind] ? selection->capacities[kind] * 2 : 64;
		struct watch_pattern *patterns = reallocarray(selection->patterns[kind], capacity, sizeof(*patterns));

		if (!patterns)
			return -ENOMEM;
		selection->patterns[kind] = patterns;
		selection->capacities[kind] = capacity;
	}
	selection->patterns[kind][selection->counts[kind]++] = (struct watch_pattern){.pattern = glob};
	return 0;
}

static int make_list(struct followed *followed)
{
	const struct program_watch_config *config = &followed->watch->config;
	const struct watchlist_options options = {
		.max_files = followed->max_files,
		.max_directories = config->max_directories * followed->max_files / config->max_files,
		.match = glob_match,
		.passwd_path = config->passwd_path,
		.mountinfo_path = config->mountinfo_path,
		.follows_changes = true,
	};

	return watchlist_new(config->base, &followed_sink, followed, &options, &followed->list);
}

static int load_list(struct selection *selection, enum list_kind kind, struct error *error)
{
	struct program_watch *watch = selection->watch;
	struct followed *followed = &watch->lists[kind];
	struct watchlist_stats stats;
	int r = 0;

	if (selection->counts[kind] == 0 && !followed->list)
		return 0;
	if (!followed->list)
		r = make_list(followed);
	if (r == 0)
		r = watchlist_load(followed->list, selection->patterns[kind], selection->counts[kind], error);
	if (r < 0)
		return r;
	watchlist_statistics(followed->list, &stats);
	/* Which files there was no room for is not known. */
	if (stats.scan.refused_files > 0 || stats.scan.refused_directories > 0) {
		watch->unfollowed += selection->counts[kind];
		for (size_t i = 0; i < selection->counts[kind]; i++)
			kernel_policy_follow_not(watch->policy, selection->patterns[kind][i].pattern);
	}
	return 0;
}

static int load(struct selection *selection, struct error *error)
{
	int r = pattern_set_new(glob_match, &selection->probe);

	for (unsigned int bank = 0; r == 0 && bank < VERDICT_BANKS; bank++)
		r = classes_each_glob(kernel_policy_classes(selection->watch->policy, bank), select_glob, selection);
	for (enum list_kind kind = LIST_PLAIN; r == 0 && kind < LIST_COUNT; kind++)
		r = load_list(selection, kind, error);
	return r;
}

int program_watch_load(struct program_watch *watch, struct error *error)
{
	struct selection selection = {.watch = watch};
	int r;

	watch->unfollowed = 0;
	kernel_policy_follow_all(watch->policy);
	r = load(&selection, error);
	if (r < 0)
		(void)error_set(error, r, NULL, 0, "following the programs that the rules name: %s", strerror(-r));
	for (size_t i = 0; i < LIST_COUNT; i++)
		free(selection.patterns[i]);
	pattern_set_free(selection.probe);
	return r;
}

struct program_watch_stats program_watch_stats(const struct program_watch *watch)
{
	struct program_watch_stats stats = {.unfollowed = watch->unfollowed};

	for (size_t i = 0; i < LIST_COUNT; i++) {
		struct watchlist_stats list;

		if (!watch->lists[i].list)
			continue;
		watchlist_statistics(watch->lists[i].list, &list);
		stats.files += list.files;
		stats.directories += list.directories;
	}
	return stats;
}

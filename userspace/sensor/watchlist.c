/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/watchlist.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file_id.h"
#include "base/log.h"
#include "sensor/departed.h"
#include "sensor/directory_table.h"
#include "sensor/directory_watch.h"
#include "sensor/file_tree.h"
#include "sensor/mounts.h"
#include "sensor/name_filter.h"
#include "sensor/name_hash.h"
#include "sensor/process_path.h"
#include "sensor/watch_view.h"

/* Whoever can make rebuilds needed must not make us do nothing else: they come after ten times what the last took. */
#define REBUILD_REST    10
#define GARBAGE_MAX     4096
#define CANDIDATE_NAMES (ABI_PATH_MAX / 2)

struct watchlist {
	struct event_base *base;
	struct watchlist_options options;
	struct watch_rules *rules;
	struct watch_view *view; /* NULL until the first load */
	struct mounts *mounts;
	struct departed departed;
	struct directory_table table;
	struct name_filter filter;
	struct event *rebuild_timer;
	uint64_t rebuild_not_before_ns;
	uint64_t failures_logged;
	struct watchlist_stats stats;
	struct watched_file answer;
	char answer_path[TREE_PATH_SIZE];
};

/* ---------------------------------------------------------------- publishing */

static uint32_t number_of(const struct watchlist *list, uint32_t secret)
{
	return watch_rules_number(list->view->options.rules, secret);
}

static void set_file(struct watchlist *list, const struct file_id *id, uint32_t secret)
{
	const struct watch_value value = {.secret = number_of(list, secret)};

	list->table.failures += list->table.sink->set_file(list->table.sink_context, id, &value) < 0;
	if (list->options.marker)
		list->options.marker->set_file(list->options.marker_context, id, value.secret);
}

static uint32_t settle(void *context, const struct tree_directory *place, const char *name, bool is_below)
{
	const struct watchlist *list = context;
	uint32_t secret;

	return watch_view_settles(list->view, place, name, is_below, &secret) ? number_of(list, secret) : 0;
}

static void clear_file(struct watchlist *list, const struct file_id *id)
{
	int r = list->table.sink->clear_file(list->table.sink_context, id);

	list->table.failures += r < 0 && r != -ENOENT; /* a full table never took it */
	if (list->options.marker)
		list->options.marker->clear_file(list->options.marker_context, id);
}

static void note_nameless(struct watchlist *list, const struct tree_file *file)
{
	/* Out of memory: refused opens of this name go unseen, its secret does not. */
	if (file->entry.is_nameless)
		(void)name_filter_add_name(&list->filter, file->name);
}

static void trim_departed(struct watchlist *list)
{
	while (list->departed.files.count > DEPARTED_MAX) {
		struct departed_file *file = TAILQ_FIRST(&list->departed.queue);

		if (!file_tree_file(&list->view->tree, &file->id))
			clear_file(list, &file->id);
		departed_remove(&list->departed, file);
	}
}

/* Brings all directories that changed to the kernel; those without a place end here. */
static void publish_dirty(struct watchlist *list)
{
	struct watch_view *view = list->view;
	struct tree_object *object;

	while ((object = STAILQ_FIRST(&view->tree.dirty))) {
		STAILQ_REMOVE_HEAD(&view->tree.dirty, dirty);
		object->is_dirty = false;
		if (directory_table_publish(&list->table, view->patterns, object) < 0)
			list->table.failures++;
		if (object->places)
			continue;
		if (object->wd >= 0 && object->wd != view->passwd_wd)
			directory_watch_remove(view->watch, object->wd);
		file_tree_drop_object(&view->tree, object);
	}
}

static void publish_filter(struct watchlist *list)
{
	if (!list->filter.is_changed)
		return;
	list->filter.is_changed = false;
	list->table.failures += list->table.sink->set_name_filter(list->table.sink_context, list->filter.hashes,
								  list->filter.count) < 0;
}

static void log_failures(struct watchlist *list)
{
	if (list->table.failures == list->failures_logged)
		return;
	(void)log_warning(0, "the kernel's tables did not take %llu entries of the watch list",
			  (unsigned long long)(list->table.failures - list->failures_logged));
	list->failures_logged = list->table.failures;
}

static void request_rebuild(struct watchlist *list)
{
	uint64_t now = clock_boot_ns(), wait = 0;
	struct timeval timeout;

	if (event_pending(list->rebuild_timer, EV_TIMEOUT, NULL))
		return;
	if (now < list->rebuild_not_before_ns)
		wait = list->rebuild_not_before_ns - now;
	timeout.tv_sec = (time_t)(wait / NS_PER_SEC);
	timeout.tv_usec = (suseconds_t)(wait % NS_PER_SEC / 1000);
	if (event_add(list->rebuild_timer, &timeout) < 0)
		(void)log_warning(-ENOMEM, "scheduling a new look at the watched files");
}

static void on_settled(void *context)
{
	struct watchlist *list = context;
	int r = list->view->error;

	publish_dirty(list);
	publish_filter(list);
	trim_departed(list);
	log_failures(list);
	list->view->error = 0;
	if (r < 0)
		(void)log_warning(r, "following changes of the watched files; looking at all of them again");
	if (r < 0 || pattern_set_garbage(list->view->patterns) > GARBAGE_MAX)
		request_rebuild(list);
	if (list->options.on_change)
		list->options.on_change(list->options.context);
}

/* ---------------------------------------------------------------- what the view tells */

static void on_file_added(void *context, const struct tree_file *file)
{
	struct watchlist *list = context;

	departed_remove(&list->departed, departed_find(&list->departed, &file->id));
	set_file(list, &file->id, file_tree_file(&list->view->tree, &file->id)->entry.secret);
	note_nameless(list, file);
}

/* The lowest secret that the file is under its other names; false if it has none. */
static bool has_other_name(const struct watchlist *list, const struct tree_file *file, uint32_t *ret_secret)
{
	struct table_link *link = link_table_first(&list->view->tree.files, file_id_hash(&file->id));
	bool found = false;

	for (; link; link = link->next) {
		struct tree_file *other = link_owner(link, struct tree_file, id_link);

		if (other == file || !file_id_equal(&other->id, &file->id))
			continue;
		if (!found || other->entry.secret < *ret_secret)
			*ret_secret = other->entry.secret;
		found = true;
	}
	return found;
}

static void on_file_leaves(void *context, const struct tree_file *file)
{
	struct watchlist *list = context;
	char path[TREE_PATH_SIZE];
	uint32_t secret = 0;

	if (has_other_name(list, file, &secret)) {
		if (secret != file->entry.secret)
			set_file(list, &file->id, secret);
		return;
	}
	bool is_cut = file_tree_path(file->entry.parent, file->name, path) < 0; /* then it is its end */

	if (departed_add(&list->departed, &file->id, file->entry.secret, file->nlink, path, is_cut) < 0)
		clear_file(list, &file->id);
}

static void on_rebuild_needed(void *context)
{
	struct watchlist *list = context;

	list->stats.overflows++;
	request_rebuild(list);
}

static const struct watch_view_ops view_ops = {.file_added = on_file_added,
					       .file_leaves = on_file_leaves,
					       .settled = on_settled,
					       .rebuild_needed = on_rebuild_needed};

/* ---------------------------------------------------------------- one view after another */

/* Steps through all of a table; the next link is taken before `each` runs. */
static void each_link(const struct link_table *table, void (*each)(struct watchlist *list, struct table_link *link),
		      struct watchlist *list)
{
	for (size_t i = 0; table->buckets && i <= table->mask; i++)
		for (struct table_link *link = table->buckets[i], *next; link; link = next) {
			next = link->next;
			each(list, link);
		}
}

static void publish_new_file(struct watchlist *list, struct table_link *link)
{
	on_file_added(list, link_owner(link, struct tree_file, id_link));
}

/* A file that the former view knew and the present one does not: still a secret by its last name, or none any more. */
static void retire_file(struct watchlist *list, struct table_link *link)
{
	const struct tree_file *file = link_owner(link, struct tree_file, id_link);
	char path[TREE_PATH_SIZE];
	uint32_t secret;

	if (file_tree_file(&list->view->tree, &file->id))
		return;
	if (file_tree_path(file->entry.parent, file->name, path) < 0 ||
	    !watch_view_match_path(list->view, path, &secret) ||
	    departed_add(&list->departed, &file->id, secret, file->nlink, path, false) < 0)
		clear_file(list, &file->id);
	else
		set_file(list, &file->id, secret);
}

static void retire_object(struct watchlist *list, struct table_link *link)
{
	const struct tree_object *object = link_owner(link, struct tree_object, id_link);

	directory_table_retire(&list->table, object, file_tree_object(&list->view->tree, &object->id));
}

static void review_departed(struct watchlist *list)
{
	struct departed_file *file = TAILQ_FIRST(&list->departed.queue), *next;

	for (; file; file = next) {
		next = TAILQ_NEXT(file, queue);
		bool is_secret = watch_view_match_path(list->view, file->path, &file->secret);
		bool has_name = file_tree_file(&list->view->tree, &file->id);

		if (is_secret && !has_name)
			set_file(list, &file->id, file->secret);
		else if (!is_secret && !has_name)
			clear_file(list, &file->id);
		if (!is_secret)
			departed_remove(&list->departed, file);
	}
}

static int add_filter_key(void *context, uint64_t hash)
{
	return name_filter_add(context, hash);
}

/* Puts the new view in place and brings the kernel's tables from the former to it, additions first. */
static void adopt(struct watchlist *list, struct watch_view *view)
{
	struct watch_view *former = list->view;

	name_filter_release(&list->filter);
	list->filter.is_changed = true;
	if (pattern_filter_keys(view->patterns, add_filter_key, &list->filter) < 0)
		(void)log_warning(-ENOMEM, "refused opens of some secrets will not be seen");
	list->view = view;
	view->is_live = true;
	each_link(&view->tree.files, publish_new_file, list);
	review_departed(list);
	publish_dirty(list);
	if (former) {
		former->is_live = false;
		each_link(&former->tree.files, retire_file, list);
		each_link(&former->tree.objects, retire_object, list);
		watch_view_free(former);
	}
	list->table.failures += list->table.sink->clear_ignored(list->table.sink_context) < 0;
	on_settled(list);
}

static int replace_view(struct watchlist *list, const struct watch_rules *rules, struct error *error)
{
	struct watch_view_options options = {
		.base = list->base,
		.rules = rules,
		.mounts = list->mounts,
		.sink = list->table.sink,
		.sink_context = list->table.sink_context,
		.marker = list->options.marker,
		.marker_context = list->options.marker_context,
		.passwd_path = list->options.passwd_path,
		.max_files = list->options.max_files,
		.max_directories = list->options.max_directories,
		.follows_changes = list->options.follows_changes,
		.ops = &view_ops,
		.context = list,
	};
	struct watch_view *view;
	uint64_t start = clock_boot_ns(), end;
	int r = watch_view_new(&options, &view, error);

	if (r < 0)
		return r;
	list->stats.rebuilds += list->view != NULL;
	adopt(list, view);
	end = clock_boot_ns();
	list->rebuild_not_before_ns = end + (end - start) * REBUILD_REST;
	if (event_pending(list->rebuild_timer, EV_TIMEOUT, NULL))
		(void)event_del(list->rebuild_timer); /* this was it */
	return 0;
}

int watchlist_load(struct watchlist *list, const struct watch_pattern *patterns, size_t count, struct error *error)
{
	_cleanup_(watch_rules_freep) struct watch_rules *rules = NULL;
	struct watch_rules *former = list->rules;
	int r = watch_rules_new(patterns, count, list->options.match, &rules);

	if (r < 0)
		return error_set(error, r, NULL, 0, "%zu path patterns: %s", count, strerror(-r));
	r = replace_view(list, rules, error);
	if (r < 0)
		return r;
	list->rules = TAKE_PTR(rules);
	watch_rules_free(former);
	return 0;
}

int watchlist_rebuild(struct watchlist *list)
{
	return list->rules ? replace_view(list, list->rules, NULL) : 0;
}

static void on_rebuild_timer(evutil_socket_t fd, short what, void *context)
{
	struct watchlist *list = context;
	int r = watchlist_rebuild(list);

	(void)fd;
	(void)what;
	if (r < 0) {
		list->rebuild_not_before_ns = clock_boot_ns() + REBUILD_REST * NS_PER_SEC;
		(void)log_warning(r, "looking at the watched files again; the next attempt is in %d s", REBUILD_REST);
		request_rebuild(list);
	}
}

/* ---------------------------------------------------------------- mounts */

static void on_mount_changed(void *context, const char *mount_point)
{
	struct watchlist *list = context;

	if (list->view)
		watch_view_look(list->view, mount_point);
}

static void on_mounts_done(void *context)
{
	struct watchlist *list = context;

	if (list->view)
		watch_view_settle(list->view);
}

int watchlist_update_mounts(struct watchlist *list)
{
	return mounts_update(list->mounts);
}

/* ---------------------------------------------------------------- life */

int watchlist_new(struct event_base *base, const struct watch_sink *sink, void *sink_context,
		  const struct watchlist_options *options, struct watchlist **ret)
{
	_cleanup_(watchlist_freep) struct watchlist *list = calloc(1, sizeof(*list));
	int r;

	if (!list)
		return -ENOMEM;
	list->base = base;
	list->options = *options;
	list->table = (struct directory_table){
		.sink = sink, .sink_context = sink_context, .settle = settle, .settle_context = list};
	r = departed_init(&list->departed);
	if (r < 0)
		return r;
	list->rebuild_timer = evtimer_new(base, on_rebuild_timer, list);
	if (!list->rebuild_timer)
		return -ENOMEM;
	r = mounts_new(base, options->mountinfo_path, on_mount_changed, on_mounts_done, list, &list->mounts);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(list);
	return 0;
}

void watchlist_free(struct watchlist *list)
{
	if (!list)
		return;
	if (list->rebuild_timer)
		event_free(list->rebuild_timer);
	mounts_free(list->mounts);
	watch_view_free(list->view);
	watch_rules_free(list->rules);
	departed_release(&list->departed);
	name_filter_release(&list->filter);
	free(list);
}

void watchlist_statistics(const struct watchlist *list, struct watchlist_stats *ret)
{
	*ret = list->stats;
	ret->departed = list->departed.files.count;
	ret->sink_failures = list->table.failures;
	if (!list->view)
		return;
	ret->files = list->view->tree.files_count;
	ret->directories = list->view->tree.directories_count;
	ret->links = list->view->tree.links_count;
	ret->garbage = pattern_set_garbage(list->view->patterns);
	ret->scan = *file_scan_statistics(list->view->scan);
}

void watchlist_count_files(const struct watchlist *list, size_t *counts, size_t secrets_count)
{
	const struct link_table *files = list->view ? &list->view->tree.files : NULL;

	for (size_t i = 0; files && files->buckets && i <= files->mask; i++) {
		for (struct table_link *link = files->buckets[i]; link; link = link->next) {
			const struct tree_file *file = link_owner(link, struct tree_file, id_link);

			if (file->entry.secret < secrets_count)
				counts[file->entry.secret]++;
		}
	}
}

void watchlist_catch_up(struct watchlist *list)
{
	if (list->view)
		watch_view_catch_up(list->view);
}

/* ---------------------------------------------------------------- questions */

const struct watched_file *watchlist_find(struct watchlist *list, const struct file_id *id)
{
	const struct tree_file *file = list->view ? file_tree_file(&list->view->tree, id) : NULL;
	const struct departed_file *departed = file ? NULL : departed_find(&list->departed, id);

	if (!file && !departed)
		return NULL;
	list->answer.id = *id;
	list->answer.path_truncated = departed && departed->path_truncated;
	if (file) /* its end, if too long */
		list->answer.path_truncated = file_tree_path(file->entry.parent, file->name, list->answer_path) < 0;
	else
		(void)snprintf(list->answer_path, sizeof(list->answer_path), "%s", departed->path);
	list->answer.path = list->answer_path;
	list->answer.secret = file ? file->entry.secret : departed->secret;
	list->answer.nlink = file ? file->nlink : departed->nlink;
	return &list->answer;
}

int watchlist_each_name(const struct watchlist *list, const struct file_id *id,
			int (*each)(void *context, const char *path), void *context)
{
	struct table_link *link = list->view ? link_table_first(&list->view->tree.files, file_id_hash(id)) : NULL;
	int r = 0;

	for (; link && r == 0; link = link->next) {
		const struct tree_file *file = link_owner(link, struct tree_file, id_link);
		char path[TREE_PATH_SIZE];

		if (file_id_equal(&file->id, id) && file_tree_path(file->entry.parent, file->name, path) >= 0)
			r = each(context, path);
	}
	return r;
}

/* Splits leaf-first components into names, top down. Their number, or -EINVAL. */
static int split(const char *components, size_t size, const char *names[CANDIDATE_NAMES])
{
	size_t count = 0;

	if (size == 0 || size > ABI_PATH_MAX + ABI_NAME_MAX || components[size - 1] != '\0')
		return -EINVAL;
	for (size_t at = 0; at < size; at += strlen(components + at) + 1) {
		if (components[at] == '\0' || strchr(components + at, '/') || count == CANDIDATE_NAMES)
			return -EINVAL;
		names[count++] = components + at;
	}
	for (size_t i = 0; i < count / 2; i++) {
		const char *name = names[i];

		names[i] = names[count - 1 - i];
		names[count - 1 - i] = name;
	}
	return (int)count;
}

/* 1: a place of the directory makes it a secret; 0: none does; -ENOENT: the directory is not ours. */
static int match_candidate(struct watchlist *list, const struct file_id *directory, const char *const *names,
			   size_t count, bool truncated, uint32_t *ret_secret)
{
	const struct tree_object *object = file_tree_object(&list->view->tree, directory);
	char path[TREE_PATH_SIZE];
	bool found = false;

	if (!object || !object->places)
		return -ENOENT;
	for (const struct tree_directory *place = object->places; place; place = place->same) {
		uint32_t secret;

		if (!watch_view_match(list->view, place, names, count, truncated, path, &secret) ||
		    (found && secret >= *ret_secret))
			continue;
		found = true;
		*ret_secret = secret;
		memcpy(list->answer_path, path, sizeof(path));
	}
	/* Of one that is no secret the first place tells where its parent is. */
	if (!found)
		(void)watch_view_match(list->view, object->places, names, count, truncated, list->answer_path,
				       ret_secret);
	return found;
}

/* The directory that holds the candidate: its own identity, not one by path, when it is the known one itself. */
static int parent_ino(struct watchlist *list, const struct file_id *directory, size_t count, __u64 *ret)
{
	_cleanup_(closep) int fd = -1;
	struct file_record record = {0};
	char *slash = strrchr(list->answer_path, '/');
	int r;

	if (count == 1) {
		*ret = directory->ino;
		return 0;
	}
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	fd = open(list->answer_path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	*slash = '/';
	if (fd < 0)
		return -errno;
	r = list->table.sink->identify(list->table.sink_context, &fd, 1, &record);
	if (r < 0)
		return r;
	*ret = record.file.ino;
	return record.mode ? 0 : -ENOENT;
}

static void ignore(struct watchlist *list, const struct file_id *file, const struct file_id *directory,
		   const char *leaf, size_t count)
{
	struct ignored_value value = {.name_hash = name_hash(leaf, strlen(leaf))};

	list->stats.ignored++;
	/* Not to be told: it stays a candidate and is asked about again. */
	if (parent_ino(list, directory, count, &value.parent_ino) < 0)
		return;
	list->table.failures += list->table.sink->set_ignored(list->table.sink_context, file, &value) < 0;
}

/* Does answer_path hold all of the directory's path and of the names below it? */
static bool is_whole(const struct watchlist *list, const struct file_id *directory, const char *const *names,
		     size_t count)
{
	const struct tree_object *object = file_tree_object(&list->view->tree, directory);
	char path[TREE_PATH_SIZE];
	ssize_t size = object && object->places ? file_tree_path(object->places, NULL, path) : -ENOENT;
	size_t total = size > 1 ? (size_t)size : 0;

	for (size_t i = 0; i < count; i++)
		total += 1 + strlen(names[i]);
	return size >= 0 && total == strlen(list->answer_path);
}

int watchlist_candidate(struct watchlist *list, const struct file_id *file, const struct file_id *directory,
			const char *components, size_t size, bool truncated, unsigned int nlink,
			const struct watched_file **ret)
{
	const char *names[CANDIDATE_NAMES];
	const struct watched_file *found = watchlist_find(list, file);
	uint32_t secret;
	int count, r;

	list->stats.candidates++;
	if (found) {
		*ret = found;
		return 1;
	}
	count = split(components, size, names);
	if (count < 0 || !list->view)
		return count < 0 ? count : -ENOENT;
	/* What changed until now is known after this, the file itself perhaps. */
	watchlist_catch_up(list);
	r = match_candidate(list, directory, names, (size_t)count, truncated, &secret);
	found = r < 0 ? NULL : file_tree_file(&list->view->tree, file) ? watchlist_find(list, file) : NULL;
	if (found) {
		*ret = found;
		return 1;
	}
	if (r == 0 && !truncated)
		ignore(list, file, directory, names[count - 1], (size_t)count);
	if (r <= 0)
		return r;
	r = departed_add(&list->departed, file, secret, nlink, list->answer_path,
			 truncated || !is_whole(list, directory, names, (size_t)count));
	if (r < 0)
		return r;
	set_file(list, file, secret);
	trim_departed(list);
	*ret = watchlist_find(list, file);
	return 1;
}

/* ---------------------------------------------------------------- refused opens */

/* The last `count` components of `path`, then those of `rest`; both are cut up. Their number. */
static size_t names_below(char *path, size_t count, char *rest, const char *names[CANDIDATE_NAMES])
{
	size_t total = count, at = strlen(path);
	char *save = NULL;

	for (size_t i = count; i > 0; i--) {
		while (at > 0 && path[at - 1] != '/')
			at--;
		names[i - 1] = path + at;
		if (at > 0)
			path[--at] = '\0';
	}
	for (char *name = strtok_r(rest, "/", &save); name && total < CANDIDATE_NAMES;
	     name = strtok_r(NULL, "/", &save))
		names[total++] = name;
	return total;
}

static size_t count_components(const char *path)
{
	size_t count = 0;

	for (; *path; path++)
		count += path[0] == '/' && path[1] != '\0' && path[1] != '/';
	return count;
}

/* Goes up from the nearest existing directory to the first that is ours; from there the names decide. */
static int refused_below(struct watchlist *list, struct process_path *path, size_t *ret_secret)
{
	struct file_record records[PROCESS_PATH_ANCESTORS] = {0};
	const char *names[CANDIDATE_NAMES];
	size_t components = count_components(path->directory);
	int r = list->table.sink->identify(list->table.sink_context, path->ancestor_fds, path->ancestors_count,
					   records);

	if (r < 0)
		return r;
	for (size_t up = 0; up < path->ancestors_count && up <= components; up++) {
		const struct tree_object *object = file_tree_object(&list->view->tree, &records[up].file);
		uint32_t secret;
		size_t count;

		if (!records[up].mode || !object || !object->places)
			continue;
		count = names_below(path->directory, up, path->rest, names);
		r = match_candidate(list, &records[up].file, names, count, false, &secret);
		if (r > 0)
			*ret_secret = secret;
		return r;
	}
	return 0;
}

int watchlist_refused(struct watchlist *list, uint32_t pid, int dirfd, const char *path, size_t size, bool truncated,
		      size_t *ret_secret, const char **ret_path)
{
	_cleanup_(process_path_release) struct process_path resolved = {.file_fd = -1};
	const struct watched_file *found;
	struct file_record record = {0};
	char copy[TREE_PATH_SIZE];
	int r;

	size = strnlen(path, size);
	if (!list->view || truncated || size == 0 || size >= sizeof(copy))
		return list->view && (truncated || size >= sizeof(copy)) ? -ENAMETOOLONG : 0;
	memcpy(copy, path, size);
	copy[size] = '\0';
	r = process_path_open(pid, dirfd, copy, &resolved);
	if (r < 0)
		return r;
	if (resolved.file_fd < 0) {
		r = refused_below(list, &resolved, ret_secret);
		if (r > 0)
			*ret_path = list->answer_path;
		return r;
	}
	r = list->table.sink->identify(list->table.sink_context, &resolved.file_fd, 1, &record);
	if (r < 0)
		return r;
	/* Every file that is there is in the tree by its identity, once the tree has caught up. */
	watchlist_catch_up(list);
	found = record.mode && S_ISREG(record.mode) ? watchlist_find(list, &record.file) : NULL;
	if (!found)
		return 0;
	*ret_secret = found->secret;
	*ret_path = found->path;
	return 1;
}

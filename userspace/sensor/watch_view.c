/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/watch_view.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "sensor/directory_watch.h"
#include "sensor/file_scan.h"
#include "sensor/pattern.h"
#include "sensor/watch_rules.h"

#define OWNER_NOBODY ((uid_t)-2)
#define NAMES_MAX    (TREE_PATH_SIZE / 2)

/* ---------------------------------------------------------------- events */

static void on_name(void *context, int wd, const char *name, bool is_directory)
{
	struct watch_view *view = context;
	struct tree_object *object = file_tree_watched(&view->tree, wd);
	const char *slash = strrchr(view->options.passwd_path, '/');

	if (wd == view->passwd_wd && slash && strcmp(slash + 1, name) == 0 && view->is_live)
		view->options.ops->rebuild_needed(view->options.context);
	for (struct tree_directory *place = object ? object->places : NULL; place; place = place->same)
		file_scan_event(view->scan, place, name, is_directory);
}

static void on_gone(void *context, int wd)
{
	struct watch_view *view = context;
	struct tree_object *object = file_tree_watched(&view->tree, wd);

	if (!object)
		return;
	file_tree_set_watch(&view->tree, object, -1);
	for (struct tree_directory *place = object->places; place; place = place->same)
		if (place->entry.parent)
			file_scan_name(view->scan, place->entry.parent, place->name);
}

static void on_overflow(void *context)
{
	struct watch_view *view = context;

	if (view->is_live)
		view->options.ops->rebuild_needed(view->options.context);
}

void watch_view_settle(struct watch_view *view)
{
	int r = file_scan_run(view->scan);

	if (r < 0)
		view->error = r;
	if (view->is_live)
		view->options.ops->settled(view->options.context);
}

static void on_drained(void *context)
{
	struct watch_view *view = context;

	/* A view under construction is looked at by its builder. */
	if (view->is_live)
		watch_view_settle(view);
}

static const struct directory_watch_ops watch_ops = {
	.name = on_name, .gone = on_gone, .overflow = on_overflow, .drained = on_drained};

void watch_view_catch_up(struct watch_view *view)
{
	directory_watch_drain(view->watch);
}

void watch_view_look(struct watch_view *view, const char *path)
{
	file_scan_path(view->scan, path, false);
}

/* ---------------------------------------------------------------- callbacks of the scan */

static bool is_excluded(void *context, uint32_t rule, const char *path)
{
	struct watch_view *view = context;

	return watch_rules_excludes(view->options.rules, &view->homes, rule, path);
}

static void file_added(void *context, const struct tree_file *file)
{
	struct watch_view *view = context;

	if (view->is_live)
		view->options.ops->file_added(view->options.context, file);
}

static void file_leaves(void *context, const struct tree_file *file)
{
	struct watch_view *view = context;

	if (view->is_live)
		view->options.ops->file_leaves(view->options.context, file);
}

/* ---------------------------------------------------------------- life */

static void watch_passwd(struct watch_view *view)
{
	_cleanup_(freep) char *directory = strdup(view->options.passwd_path);
	_cleanup_(closep) int fd = -1;
	char *slash = directory ? strrchr(directory, '/') : NULL;

	if (!slash)
		return;
	slash[slash == directory ? 1 : 0] = '\0';
	fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* Without it new users' homes are found at the next reload. */
	if (fd >= 0)
		view->passwd_wd = directory_watch_add(view->watch, fd, true);
}

static int scan_new(struct watch_view *view)
{
	struct file_scan_options options = {
		.patterns = view->patterns,
		.tree = &view->tree,
		.watch = view->watch,
		.mounts = view->options.mounts,
		.sink = view->options.sink,
		.sink_context = view->options.sink_context,
		.max_files = view->options.max_files,
		.max_directories = view->options.max_directories,
		.is_excluded = is_excluded,
		.file_added = file_added,
		.file_leaves = file_leaves,
		.context = view,
	};

	return file_scan_new(&options, &view->scan);
}

/* Before anything is read, lest a change be missed. */
static int start_following(struct watch_view *view, struct error *error)
{
	int r = directory_watch_new(view->options.base, &watch_ops, view, &view->watch);

	if (r < 0)
		return error_set(error, r, NULL, 0, "no inotify instance (%s): raise fs.inotify.max_user_instances",
				 strerror(-r));
	watch_passwd(view);
	return 0;
}

int watch_view_new(const struct watch_view_options *options, struct watch_view **ret, struct error *error)
{
	_cleanup_(watch_view_freep) struct watch_view *view = calloc(1, sizeof(*view));
	int r = 0;

	if (!view)
		return error_set(error, -ENOMEM, NULL, 0, "not enough memory for the watch list");
	view->options = *options;
	view->passwd_wd = -1;
	if (!options->is_single_look)
		r = start_following(view, error);
	if (r < 0)
		return r;
	r = homes_read(options->passwd_path, &view->homes);
	if (r < 0)
		return error_set(error, r, options->passwd_path, 0, "cannot be read for the home directories: %s",
				 strerror(-r));
	r = watch_rules_compile(options->rules, &view->homes, &view->patterns, error);
	if (r < 0)
		return r;
	r = file_tree_init(&view->tree, pattern_set_root(view->patterns));
	if (r == 0)
		r = scan_new(view);
	if (r == 0) {
		file_scan_directory(view->scan, view->tree.root);
		r = file_scan_run(view->scan);
	}
	if (r < 0)
		return error_set(error, r, NULL, 0, "looking for the files of the policy: %s", strerror(-r));
	*ret = TAKE_PTR(view);
	return 0;
}

void watch_view_free(struct watch_view *view)
{
	if (!view)
		return;
	file_scan_free(view->scan);
	file_tree_release(&view->tree);
	directory_watch_free(view->watch);
	pattern_set_free(view->patterns);
	homes_release(&view->homes);
	free(view);
}

/* ---------------------------------------------------------------- matching */

struct question {
	struct watch_view *view;
	const struct tree_directory *directory;
	const char *const *names;
	size_t count;
	bool lost;
	const char *path;
	size_t path_base; /* of the directory */
};

static bool question_excluded(void *context, uint32_t rule)
{
	struct question *question = context;

	return is_excluded(question->view, rule, question->path);
}

/* Who owns the file that the first `upto` names lead to. */
static uid_t owner_of(const struct question *question, size_t upto)
{
	char path[TREE_PATH_SIZE];
	size_t size = question->path_base;
	struct stat stat;

	for (size_t i = 0; i <= upto; i++)
		size += strlen(question->names[i]) + 1;
	if (size >= sizeof(path) || question->lost)
		return OWNER_NOBODY;
	memcpy(path, question->path, size);
	path[size] = '\0';
	return lstat(path, &stat) == 0 ? stat.st_uid : OWNER_NOBODY;
}

static struct pattern_state *walk(const struct question *question, bool ask_owners, bool *ret_owner_matters)
{
	struct pattern_set *patterns = question->view->patterns;
	struct pattern_state *state = NULL, *next;

	if (!question->lost)
		state = pattern_state_ref(question->directory->state);
	else if (pattern_step_lost(patterns, question->directory->state, &state) < 0)
		return NULL;
	for (size_t i = 0; i < question->count && state; i++) {
		uid_t owner = ask_owners ? owner_of(question, i) : PATTERN_OWNER_ANY;
		bool matters = false;

		if (pattern_step(patterns, state, question->names[i], owner, &matters, &next) < 0)
			next = NULL;
		*ret_owner_matters |= matters;
		pattern_state_unref(state);
		state = next;
	}
	return state;
}

static bool answer(struct question *question, uint32_t *ret_secret)
{
	bool owner_matters = false, found;
	struct pattern_state *state = walk(question, false, &owner_matters);

	if (owner_matters && pattern_state_accepts(state)) {
		pattern_state_unref(state);
		state = walk(question, true, &owner_matters);
	}
	found = pattern_accepts(state, question_excluded, question, ret_secret);
	pattern_state_unref(state);
	return found;
}

static size_t join(char path[TREE_PATH_SIZE], size_t size, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(names[i]);

		if (size + length + 2 > TREE_PATH_SIZE)
			return size;
		path[size++] = '/';
		memcpy(path + size, names[i], length + 1);
		size += length;
	}
	return size;
}

bool watch_view_match(struct watch_view *view, const struct tree_directory *directory, const char *const *names,
		      size_t count, bool lost, char path[TREE_PATH_SIZE], uint32_t *ret_secret)
{
	static const char *const lost_names[] = {"..."};
	struct question question = {.view = view, .directory = directory, .names = names, .count = count, .lost = lost};

	(void)file_tree_path(directory, NULL, path); /* its end, if too long */
	question.path_base = strcmp(path, "/") == 0 ? 0 : strlen(path);
	question.path = path;
	(void)join(path, lost ? join(path, question.path_base, lost_names, 1) : question.path_base, names, count);
	return answer(&question, ret_secret);
}

bool watch_view_match_path(struct watch_view *view, const char *path, uint32_t *ret_secret)
{
	char copy[TREE_PATH_SIZE], joined[TREE_PATH_SIZE], *save = NULL;
	const char *names[NAMES_MAX];
	size_t count = 0, size = strlen(path);

	if (size >= sizeof(copy))
		return false;
	memcpy(copy, path, size + 1);
	for (char *name = strtok_r(copy, "/", &save); name && count < NAMES_MAX; name = strtok_r(NULL, "/", &save))
		names[count++] = name;
	return watch_view_match(view, view->tree.root, names, count, false, joined, ret_secret);
}

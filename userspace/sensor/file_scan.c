/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/file_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/file_id.h"
#include "sensor/directory_watch.h"
#include "sensor/file_tree.h"
#include "sensor/link_target.h"
#include "sensor/mounts.h"
#include "sensor/pattern.h"
#include "sensor/watch_sink.h"

/* Links that lead in circles could change each other for ever: one of them changes no more often in one run. */
#define LINK_CHANGES_MAX 64

struct pending {
	struct tree_directory *parent;
	struct pattern_state *state;
	struct stat stat;
	int fd;
	uint32_t secret;
	bool is_backing;
	char name[ABI_NAME_MAX];
};

struct queued_name {
	STAILQ_ENTRY(queued_name) queue;
	struct tree_directory *directory;
	char name[];
};

struct file_scan {
	struct file_scan_options options;
	struct file_scan_stats stats;
	TAILQ_HEAD(, tree_directory) directories;
	STAILQ_HEAD(, queued_name) names;
	struct tree_directory *open_directory; /* kept open while names in it are looked at */
	int open_fd;
	uint64_t epoch;
	int error;
	size_t pending_count, pending_max;
	struct pending pending[WATCH_IDENTIFY_MAX];
	struct file_record records[WATCH_IDENTIFY_MAX];
};

static int open_path(int directory_fd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
	long fd = syscall(SYS_openat2, directory_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static void note_error(struct file_scan *scan, int r)
{
	if (r < 0 && scan->error == 0)
		scan->error = r;
}

/* ---------------------------------------------------------------- queues */

void file_scan_directory(struct file_scan *scan, struct tree_directory *directory)
{
	if (directory->is_queued || directory->is_dead)
		return;
	directory->is_queued = true;
	TAILQ_INSERT_TAIL(&scan->directories, directory, queue);
}

void file_scan_name(struct file_scan *scan, struct tree_directory *directory, const char *name)
{
	size_t size = strlen(name) + 1;
	struct queued_name *item;

	if (directory->is_queued || directory->is_dead || size > ABI_NAME_MAX)
		return; /* a queued directory is looked at whole */
	item = malloc(sizeof(*item) + size);
	if (!item) {
		note_error(scan, -ENOMEM);
		return;
	}
	item->directory = directory;
	memcpy(item->name, name, size);
	STAILQ_INSERT_TAIL(&scan->names, item, queue);
}

void file_scan_event(struct file_scan *scan, struct tree_directory *directory, const char *name, bool is_directory)
{
	struct pattern_state *state = NULL;
	bool matters;
	int r;

	if (file_tree_child(scan->options.tree, directory, name)) {
		file_scan_name(scan, directory, name);
		return;
	}
	r = pattern_step(scan->options.patterns, directory->state, name, PATTERN_OWNER_ANY, NULL, &state);
	note_error(scan, r);
	if (r < 0)
		return;
	matters = is_directory ? pattern_state_continues(state)
			       : pattern_state_accepts(state) || pattern_state_follows(state);
	pattern_state_unref(state);
	if (matters)
		file_scan_name(scan, directory, name);
}

/* Gives the directory the state that its parent's now leads to; true if it is another one. */
static bool restate(struct file_scan *scan, struct tree_directory *parent, struct tree_directory *directory)
{
	struct pattern_state *state = NULL;
	bool changed;
	int r = pattern_step(scan->options.patterns, parent->state, directory->name, directory->owner, NULL, &state);

	note_error(scan, r);
	if (r < 0)
		return false;
	changed = !pattern_state_equal(state, directory->state);
	if (changed) {
		pattern_state_unref(directory->state);
		directory->state = TAKE_PTR(state);
		file_scan_directory(scan, directory);
	}
	pattern_state_unref(state);
	return changed;
}

void file_scan_path(struct file_scan *scan, const char *path, bool is_last_wild)
{
	struct tree_directory *directory = scan->options.tree->root;
	char name[ABI_NAME_MAX];

	while (directory) {
		size_t size;
		struct tree_entry *child;

		path += strspn(path, "/");
		size = strcspn(path, "/");
		if (size == 0 || size >= sizeof(name))
			return;
		memcpy(name, path, size);
		name[size] = '\0';
		path += size;
		file_tree_mark_dirty(scan->options.tree, directory->object);
		if (*path == '\0' && is_last_wild) {
			file_scan_directory(scan, directory);
			return;
		}
		child = file_tree_child(scan->options.tree, directory, name);
		if (*path == '\0' || !child || child->kind != TREE_DIRECTORY) {
			file_scan_name(scan, directory, name);
			return;
		}
		if (restate(scan, directory, (void *)child))
			return; /* it is listed again, with all that is below */
		directory = (void *)child;
	}
}

/* ---------------------------------------------------------------- links */

static void link_leaves(void *context, struct tree_link *link)
{
	struct file_scan *scan = context;

	if (!link->pattern)
		return;
	pattern_link_free(scan->options.patterns, TAKE_PTR(link->pattern));
	file_scan_path(scan, link->target, link->is_last_wild);
}

static int link_add(struct file_scan *scan, struct tree_directory *parent, const char *name, const char *target,
		    bool is_last_wild, const struct pattern_state *state, uid_t owner, struct tree_link **ret)
{
	_cleanup_(freep) char *copy = strdup(target);
	struct tree_link *link;
	int r;

	if (!copy)
		return -ENOMEM;
	r = file_tree_add_link(scan->options.tree, parent, name, &link);
	if (r < 0)
		return r;
	r = pattern_link_new(scan->options.patterns, target, is_last_wild, state, owner, &link->pattern);
	if (r < 0) {
		file_tree_remove(scan->options.tree, &link->entry);
		return r;
	}
	link->target = TAKE_PTR(copy);
	link->is_last_wild = is_last_wild;
	*ret = link;
	return 0;
}

/* True if the link is one to follow and is in the tree now. */
static bool consider_link(struct file_scan *scan, struct tree_directory *parent, int fd, const char *name,
			  const struct pattern_state *state, uid_t owner)
{
	struct tree_entry *entry = file_tree_child(scan->options.tree, parent, name);
	struct tree_link *link = entry && entry->kind == TREE_LINK ? (void *)entry : NULL;
	char directory[TREE_PATH_SIZE], target[TREE_PATH_SIZE];
	bool is_last_wild = false;
	int r;

	if (!pattern_state_follows(state) || file_tree_path(parent, NULL, directory) < 0 ||
	    link_target_read(fd, directory, name, target, &is_last_wild) < 0)
		return false;
	if (link && strcmp(link->target, target) == 0) {
		entry->is_seen = true;
		if (pattern_link_has(scan->options.patterns, link->pattern, state, owner))
			return true;
		link->changes = link->epoch == scan->epoch ? link->changes + 1 : 0;
		link->epoch = scan->epoch;
		if (link->changes >= LINK_CHANGES_MAX)
			return true;
		note_error(scan, pattern_link_set(scan->options.patterns, link->pattern, state, owner));
	} else {
		if (entry)
			file_tree_remove(scan->options.tree, entry);
		if (scan->options.tree->links_count >= SCAN_LINKS_MAX) {
			scan->stats.refused_links++;
			return false;
		}
		r = link_add(scan, parent, name, target, is_last_wild, state, owner, &link);
		if (r == -ENOMEM)
			note_error(scan, r);
		if (r < 0)
			return false; /* too deep, or to "/": nothing to follow */
	}
	file_scan_path(scan, target, is_last_wild);
	return true;
}

/* ---------------------------------------------------------------- files and directories */

struct exclusion {
	struct file_scan *scan;
	const struct tree_directory *parent;
	const char *name;
	bool has_path;
	char path[TREE_PATH_SIZE];
};

static bool is_excluded(void *context, uint32_t rule)
{
	struct exclusion *exclusion = context;

	if (!exclusion->has_path)
		(void)file_tree_path(exclusion->parent, exclusion->name, exclusion->path); /* its end, if too long */
	exclusion->has_path = true;
	return exclusion->scan->options.is_excluded(exclusion->scan->options.context, rule, exclusion->path);
}

static bool accepts(struct file_scan *scan, const struct tree_directory *parent, const char *name,
		    const struct pattern_state *state, uint32_t *ret_secret)
{
	struct exclusion exclusion;

	exclusion.scan = scan;
	exclusion.parent = parent;
	exclusion.name = name;
	exclusion.has_path = false;
	return pattern_accepts(state, is_excluded, &exclusion, ret_secret);
}

/* Nothing to watch for in there; and the process behind a FUSE or automount could make us wait for it. */
static bool is_never_entered(uint32_t magic)
{
	switch (magic) {
	case FUSE_SUPER_MAGIC:
	case AUTOFS_SUPER_MAGIC:
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
	case DEVPTS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

static bool add_file(struct file_scan *scan, const struct pending *item, const struct file_record *record)
{
	struct tree_file *file;
	int r;

	if (scan->options.tree->files_count >= scan->options.max_files) {
		scan->stats.refused_files++;
		return false;
	}
	r = file_tree_add_file(scan->options.tree, item->parent, item->name, &record->file, &file);
	note_error(scan, r);
	if (r < 0)
		return false;
	file->entry.secret = item->secret;
	file->entry.is_backing = item->is_backing;
	file->entry.is_nameless = pattern_state_is_nameless(item->state);
	file->nlink = record->nlink;
	scan->options.file_added(scan->options.context, file);
	return true;
}

/* True if the file is in the tree now and was not before. */
static bool put_file(struct file_scan *scan, const struct pending *item, const struct file_record *record)
{
	struct tree_entry *entry = file_tree_child(scan->options.tree, item->parent, item->name);
	struct tree_file *file = entry && entry->kind == TREE_FILE ? (void *)entry : NULL;

	if (item->is_backing)
		return entry && add_file(scan, item, record);
	if (!file || !file_id_equal(&file->id, &record->file)) {
		if (entry)
			file_tree_remove(scan->options.tree, entry);
		return add_file(scan, item, record);
	}
	file->nlink = record->nlink;
	entry->is_seen = true;
	if (entry->secret != item->secret) {
		entry->secret = item->secret;
		scan->options.file_added(scan->options.context, file);
	}
	return false;
}

static void directory_update(struct file_scan *scan, struct tree_directory *directory, struct pending *item)
{
	directory->stat_dev = item->stat.st_dev;
	directory->stat_ino = item->stat.st_ino;
	directory->owner = item->stat.st_uid;
	directory->entry.is_seen = true;
	if (directory->state && pattern_state_equal(directory->state, item->state))
		return;
	pattern_state_unref(directory->state);
	directory->state = TAKE_PTR(item->state);
	file_tree_mark_dirty(scan->options.tree, directory->object);
	file_scan_directory(scan, directory);
}

static void put_directory(struct file_scan *scan, struct pending *item, const struct file_record *record)
{
	struct tree_entry *entry = file_tree_child(scan->options.tree, item->parent, item->name);
	struct tree_directory *directory = entry && entry->kind == TREE_DIRECTORY ? (void *)entry : NULL;
	int r;

	if (directory && file_id_equal(&directory->object->id, &record->file)) {
		directory_update(scan, directory, item);
		return;
	}
	if (entry)
		file_tree_remove(scan->options.tree, entry);
	if (is_never_entered(record->fs_magic))
		return;
	if (scan->options.tree->directories_count >= scan->options.max_directories) {
		scan->stats.refused_directories++;
		return;
	}
	r = file_tree_add_directory(scan->options.tree, item->parent, item->name, &record->file, &directory);
	note_error(scan, r);
	if (r == 0)
		directory_update(scan, directory, item);
}

/* ---------------------------------------------------------------- the batch */

static int open_backing(void *context, const char *real_path)
{
	struct stat stat;
	int fd = open_path(AT_FDCWD, real_path, O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);

	(void)context;
	if (fd >= 0 && (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode))) {
		(void)close(fd);
		return 0;
	}
	return fd > 0 ? fd : 0;
}

/* Turns the entry of the batch into one for the real file below the overlay; false if there is none to be seen. */
static bool to_backing(struct file_scan *scan, struct pending *item)
{
	char path[TREE_PATH_SIZE];
	int fd;

	if (!scan->options.mounts || item->is_backing || file_tree_path(item->parent, item->name, path) < 0)
		return false;
	fd = mounts_overlay_sources(scan->options.mounts, path, open_backing, NULL);
	if (fd <= 0)
		return false;
	(void)close(item->fd);
	item->fd = fd;
	item->is_backing = true;
	return true;
}

static void identify_pending(struct file_scan *scan)
{
	const struct file_scan_options *options = &scan->options;
	int fds[WATCH_IDENTIFY_MAX];

	for (size_t i = 0; i < scan->pending_count; i++)
		fds[i] = scan->pending[i].fd;
	memset(scan->records, 0, scan->pending_count * sizeof(scan->records[0]));
	if (options->sink->identify(options->sink_context, fds, scan->pending_count, scan->records) < 0)
		memset(scan->records, 0, scan->pending_count * sizeof(scan->records[0]));
}

static void flush(struct file_scan *scan)
{
	size_t count = scan->pending_count, kept = 0;

	if (count == 0)
		return;
	identify_pending(scan);
	for (size_t i = 0; i < count; i++) {
		struct pending *item = &scan->pending[i];
		const struct file_record *record = &scan->records[i];
		bool is_kept = false;

		if (record->mode == 0)
			scan->stats.unidentified++;
		else if (item->parent->is_dead)
			;
		else if (S_ISDIR(record->mode))
			put_directory(scan, item, record);
		else if (S_ISREG(record->mode) && put_file(scan, item, record))
			is_kept = record->fs_magic == OVERLAYFS_SUPER_MAGIC && to_backing(scan, item);
		if (is_kept && kept++ != i) {
			scan->pending[kept - 1] = *item;
		} else if (!is_kept) {
			(void)close(item->fd);
			pattern_state_unref(item->state);
		}
	}
	scan->pending_count = kept;
}

static void batch_add(struct file_scan *scan, struct tree_directory *parent, const char *name, int fd,
		      const struct stat *stat, struct pattern_state *state, uint32_t secret)
{
	struct pending *item = &scan->pending[scan->pending_count++];

	item->parent = parent;
	item->state = state;
	item->stat = *stat;
	item->fd = fd;
	item->secret = secret;
	item->is_backing = false;
	(void)snprintf(item->name, sizeof(item->name), "%s", name); /* always fits: see consider() */
	while (scan->pending_count >= scan->pending_max)
		flush(scan);
}

/* ---------------------------------------------------------------- looking */

static bool type_matters(const struct pattern_state *state, unsigned char type)
{
	switch (type) {
	case DT_UNKNOWN:
		return true;
	case DT_DIR:
		return pattern_state_continues(state);
	case DT_REG:
		return pattern_state_accepts(state);
	case DT_LNK:
		return pattern_state_follows(state);
	default:
		return false;
	}
}

static int open_name(struct file_scan *scan, int directory_fd, const char *name)
{
	int fd = openat(directory_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && scan->pending_count) {
		flush(scan);
		fd = openat(directory_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	}
	return fd;
}

/* What follows takes *state and the descriptor when it keeps them. */
static bool consider_open(struct file_scan *scan, struct tree_directory *parent, const char *name, int *fd,
			  struct pattern_state **state, bool owner_matters)
{
	struct pattern_state *stated = NULL;
	struct tree_entry *entry;
	struct stat stat;
	uint32_t secret = 0;
	int r;

	if (fstat(*fd, &stat) < 0)
		return false;
	if (owner_matters) {
		r = pattern_step(scan->options.patterns, parent->state, name, stat.st_uid, NULL, &stated);
		note_error(scan, r);
		pattern_state_unref(*state);
		*state = stated;
		if (!stated)
			return false;
	}
	if (S_ISLNK(stat.st_mode))
		return consider_link(scan, parent, *fd, name, *state, stat.st_uid);
	if (S_ISREG(stat.st_mode) ? !accepts(scan, parent, name, *state, &secret)
				  : !S_ISDIR(stat.st_mode) || !pattern_state_continues(*state))
		return false;
	entry = file_tree_child(scan->options.tree, parent, name);
	if (entry)
		entry->is_seen = true;
	batch_add(scan, parent, name, TAKE_FD(*fd), &stat, TAKE_PTR(*state), secret);
	return true;
}

/* True if the name is of interest: it is in the tree or in the batch. */
static bool consider(struct file_scan *scan, struct tree_directory *parent, int directory_fd, const char *name,
		     unsigned char type)
{
	struct pattern_state *state = NULL;
	bool owner_matters, is_seen = false;
	int r, fd;

	if (strlen(name) >= ABI_NAME_MAX)
		return false;
	r = pattern_step(scan->options.patterns, parent->state, name, PATTERN_OWNER_ANY, &owner_matters, &state);
	note_error(scan, r);
	if (r < 0 || !state)
		return false;
	if (type_matters(state, type)) {
		fd = open_name(scan, directory_fd, name);
		if (fd >= 0)
			is_seen = consider_open(scan, parent, name, &fd, &state, owner_matters);
		closep(&fd);
	}
	pattern_state_unref(state);
	return is_seen;
}

/* The directory itself by O_PATH, if its path still leads to it. */
static int open_directory(struct file_scan *scan, const struct tree_directory *directory)
{
	char path[TREE_PATH_SIZE];
	struct stat stat;
	int fd = (int)file_tree_path(directory, NULL, path);

	if (fd >= 0)
		fd = open_path(AT_FDCWD, path, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (fd == -EMFILE || fd == -ENFILE) {
		flush(scan);
		fd = open_path(AT_FDCWD, path, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, &stat) == 0 &&
	    (!directory->entry.parent || (stat.st_dev == directory->stat_dev && stat.st_ino == directory->stat_ino)))
		return fd;
	(void)close(fd);
	return -ESTALE;
}

static void watch_directory(struct file_scan *scan, struct tree_directory *directory, int fd)
{
	int wd;

	if (!scan->options.watch || directory->object->wd >= 0)
		return;
	wd = directory_watch_add(scan->options.watch, fd, false);
	if (wd < 0)
		scan->stats.unwatched++;
	else if (!file_tree_watched(scan->options.tree, wd))
		file_tree_set_watch(scan->options.tree, directory->object, wd);
}

static void list(struct file_scan *scan, struct tree_directory *directory, int path_fd)
{
	int fd = openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!stream) {
		closep(&fd);
		scan->stats.unreadable++;
		return;
	}
	while ((entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)consider(scan, directory, path_fd, entry->d_name, entry->d_type);
	(void)closedir(stream); /* read only */
}

struct literal_context {
	struct file_scan *scan;
	struct tree_directory *directory;
	int fd;
};

static int consider_literal(void *context, const char *name)
{
	const struct literal_context *literal = context;

	(void)consider(literal->scan, literal->directory, literal->fd, name, DT_UNKNOWN);
	return 0;
}

static void remove_unseen(struct file_scan *scan, struct tree_directory *directory)
{
	struct tree_entry *entry = LIST_FIRST(&directory->children), *next;

	for (; entry; entry = next) {
		/* The file below an overlay goes with the one above it, so it cannot be where to go on. */
		for (next = LIST_NEXT(entry, siblings); next && next->is_backing;)
			next = LIST_NEXT(next, siblings);
		if (!entry->is_seen && !entry->is_backing)
			file_tree_remove(scan->options.tree, entry);
	}
}

static void scan_directory(struct file_scan *scan, struct tree_directory *directory)
{
	_cleanup_(closep) int fd = open_directory(scan, directory);
	struct literal_context literal = {scan, directory, fd};
	struct pattern_state *state;
	struct tree_entry *entry;

	if (fd < 0) {
		/* Gone or another by now: the event that says so is on its way. */
		scan->stats.unreadable += fd != -ENOENT && fd != -ESTALE && fd != -ENOTDIR;
		return;
	}
	watch_directory(scan, directory, fd);
	LIST_FOREACH (entry, &directory->children, siblings)
		entry->is_seen = false;
	state = pattern_state_ref(directory->state); /* a link in here may lead back and change it */
	if (pattern_state_is_open(state))
		list(scan, directory, fd);
	else
		(void)pattern_literals(state, consider_literal, &literal);
	pattern_state_unref(state);
	remove_unseen(scan, directory);
}

static void scan_name(struct file_scan *scan, struct tree_directory *directory, const char *name)
{
	struct tree_entry *entry;

	if (scan->open_directory != directory) {
		closep(&scan->open_fd);
		scan->open_fd = open_directory(scan, directory);
		scan->open_directory = directory;
	}
	if (scan->open_fd >= 0 && consider(scan, directory, scan->open_fd, name, DT_UNKNOWN))
		return;
	entry = file_tree_child(scan->options.tree, directory, name);
	if (entry && scan->open_fd >= 0)
		file_tree_remove(scan->options.tree, entry);
}

static bool run_once(struct file_scan *scan)
{
	struct queued_name *item = STAILQ_FIRST(&scan->names);
	struct tree_directory *directory = TAILQ_FIRST(&scan->directories);

	if (item) {
		STAILQ_REMOVE_HEAD(&scan->names, queue);
		if (!item->directory->is_dead)
			scan_name(scan, item->directory, item->name);
		free(item);
		return true;
	}
	if (directory) {
		TAILQ_REMOVE(&scan->directories, directory, queue);
		directory->is_queued = false;
		if (directory->is_dead)
			TAILQ_INSERT_TAIL(&scan->options.tree->dead, directory, queue);
		else
			scan_directory(scan, directory);
		return true;
	}
	flush(scan);
	return scan->pending_count || !STAILQ_EMPTY(&scan->names) || !TAILQ_EMPTY(&scan->directories);
}

int file_scan_run(struct file_scan *scan)
{
	int r;

	scan->epoch++;
	while (run_once(scan))
		;
	closep(&scan->open_fd);
	scan->open_fd = -1;
	scan->open_directory = NULL;
	file_tree_bury(scan->options.tree);
	r = scan->error;
	scan->error = 0;
	return r;
}

/* ---------------------------------------------------------------- life */

static void file_leaves(void *context, const struct tree_file *file)
{
	struct file_scan *scan = context;

	scan->options.file_leaves(scan->options.context, file);
}

static int root_add(struct file_scan *scan)
{
	struct file_tree *tree = scan->options.tree;
	_cleanup_(closep) int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct tree_object *object;
	int r;

	if (fd < 0)
		return -errno;
	r = scan->options.sink->identify(scan->options.sink_context, &fd, 1, scan->records);
	if (r < 0)
		return r;
	object = file_tree_object_get(tree, &scan->records[0].file);
	if (!object)
		return -ENOMEM;
	tree->root->object = object;
	object->places = tree->root;
	return 0;
}

int file_scan_new(const struct file_scan_options *options, struct file_scan **ret)
{
	struct file_scan *scan = calloc(1, sizeof(*scan));
	struct rlimit limit;
	int r;

	if (!scan)
		return -ENOMEM;
	scan->options = *options;
	scan->open_fd = -1;
	TAILQ_INIT(&scan->directories);
	STAILQ_INIT(&scan->names);
	scan->pending_max = WATCH_IDENTIFY_MAX;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 < scan->pending_max)
		scan->pending_max = limit.rlim_cur / 4 ? limit.rlim_cur / 4 : 1;
	r = root_add(scan);
	if (r < 0) {
		free(scan);
		return r;
	}
	options->tree->file_leaves = file_leaves;
	options->tree->link_leaves = link_leaves;
	options->tree->context = scan;
	*ret = scan;
	return 0;
}

void file_scan_free(struct file_scan *scan)
{
	if (!scan)
		return;
	while (!STAILQ_EMPTY(&scan->names)) {
		struct queued_name *item = STAILQ_FIRST(&scan->names);

		STAILQ_REMOVE_HEAD(&scan->names, queue);
		free(item);
	}
	for (size_t i = 0; i < scan->pending_count; i++) {
		closep(&scan->pending[i].fd);
		pattern_state_unref(scan->pending[i].state);
	}
	scan->options.tree->link_leaves = NULL;
	scan->options.tree->file_leaves = NULL;
	free(scan);
}

const struct file_scan_stats *file_scan_statistics(const struct file_scan *scan)
{
	return &scan->stats;
}

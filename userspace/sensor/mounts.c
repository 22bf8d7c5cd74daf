/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mounts.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#define LINE_SIZE_MAX (1024 * 1024)

struct mount {
	unsigned long id;
	char *point;
	char *overlay; /* super options of an overlay; NULL for all else */
};

struct mount_table {
	struct mount *mounts; /* by id; a mount id that was reused has another point or shows as gone and new */
	size_t count, capacity;
};

struct mounts {
	struct mount_table table;
	mounts_changed_fn changed;
	mounts_done_fn done;
	void *context;
	FILE *file;
	struct event *event;
};

static void table_release(struct mount_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		free(table->mounts[i].point);
		free(table->mounts[i].overlay);
	}
	free(table->mounts);
	*table = (struct mount_table){0};
}

/* "\040" and its like, in place. */
static void unescape(char *text)
{
	char *out = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' && text[2] <= '7' &&
		    text[3] >= '0' && text[3] <= '7') {
			*out++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
			text += 3;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

/* id parent major:minor root POINT options [optional...] - TYPE source SUPER-OPTIONS */
static int parse_line(char *line, struct mount *ret)
{
	char *fields[6], *save = NULL, *field, *type = NULL, *super = NULL;
	size_t count = 0;

	line[strcspn(line, "\n")] = '\0';
	for (field = strtok_r(line, " ", &save); field && count < 6; field = strtok_r(NULL, " ", &save))
		fields[count++] = field;
	if (count < 6)
		return -EINVAL;
	while (field && strcmp(field, "-") != 0)
		field = strtok_r(NULL, " ", &save);
	if (field) {
		type = strtok_r(NULL, " ", &save);
		(void)strtok_r(NULL, " ", &save); /* the source */
		super = strtok_r(NULL, " ", &save);
	}
	*ret = (struct mount){.id = strtoul(fields[0], NULL, 10)};
	unescape(fields[4]);
	ret->point = strdup(fields[4]);
	if (type && super && strcmp(type, "overlay") == 0)
		ret->overlay = strdup(super);
	return ret->point ? 0 : -ENOMEM;
}

static int compare_mounts(const void *a, const void *b)
{
	const struct mount *left = a, *right = b;

	if (left->id != right->id)
		return left->id < right->id ? -1 : 1;
	return strcmp(left->point, right->point);
}

static int read_table(FILE *file, struct mount_table *ret)
{
	_cleanup_(table_release) struct mount_table table = {0};
	_cleanup_(freep) char *line = NULL;
	size_t line_capacity = 0;
	ssize_t size;

	rewind(file);
	while ((size = getline(&line, &line_capacity, file)) > 0 && table.count < MOUNTS_MAX) {
		int r;

		if (size > LINE_SIZE_MAX)
			continue;
		if (table.count == table.capacity) {
			size_t capacity = table.capacity ? table.capacity * 2 : 64;
			struct mount *grown = reallocarray(table.mounts, capacity, sizeof(*grown));

			if (!grown)
				return -ENOMEM;
			table.mounts = grown;
			table.capacity = capacity;
		}
		r = parse_line(line, &table.mounts[table.count]);
		if (r == -ENOMEM)
			return r;
		if (r == 0)
			table.count++;
	}
	if (ferror(file)) {
		clearerr(file);
		return -EIO;
	}
	if (table.count)
		qsort(table.mounts, table.count, sizeof(table.mounts[0]), compare_mounts);
	*ret = table;
	table = (struct mount_table){0};
	return 0;
}

int mounts_update(struct mounts *mounts)
{
	_cleanup_(table_release) struct mount_table old = mounts->table;
	struct mount_table table;
	size_t a = 0, b = 0;
	int r = read_table(mounts->file, &table);

	if (r < 0) {
		old = (struct mount_table){0};
		return r;
	}
	mounts->table = table;
	while (a < old.count || b < table.count) {
		int order = a == old.count     ? 1
			    : b == table.count ? -1
					       : compare_mounts(&old.mounts[a], &table.mounts[b]);

		if (order != 0)
			mounts->changed(mounts->context, order < 0 ? old.mounts[a].point : table.mounts[b].point);
		a += order <= 0;
		b += order >= 0;
	}
	mounts->done(mounts->context);
	return 0;
}

static void on_changed(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)mounts_update(context); /* out of memory: the old table stays, the next change looks again */
}

/* The file is always readable; what wakes an edge-triggered wait is a change of the table. */
static int wait_for_changes(struct event_base *base, struct mounts *mounts)
{
	struct statfs fs;

	if (!base || fstatfs(fileno(mounts->file), &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return 0;
	if (!(event_base_get_features(base) & EV_FEATURE_ET))
		return -EOPNOTSUPP;
	mounts->event = event_new(base, fileno(mounts->file), EV_READ | EV_ET | EV_PERSIST, on_changed, mounts);
	return mounts->event && event_add(mounts->event, NULL) == 0 ? 0 : -ENOMEM;
}

int mounts_new(struct event_base *base, const char *path, mounts_changed_fn changed, mounts_done_fn done, void *context,
	       struct mounts **ret)
{
	_cleanup_(mounts_freep) struct mounts *mounts = calloc(1, sizeof(*mounts));
	int r;

	if (!mounts)
		return -ENOMEM;
	mounts->changed = changed;
	mounts->done = done;
	mounts->context = context;
	mounts->file = fopen(path, "re");
	if (!mounts->file)
		return -errno;
	r = read_table(mounts->file, &mounts->table);
	if (r < 0)
		return r;
	r = wait_for_changes(base, mounts);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(mounts);
	return 0;
}

void mounts_free(struct mounts *mounts)
{
	if (!mounts)
		return;
	if (mounts->event)
		event_free(mounts->event);
	fclosep(&mounts->file);
	table_release(&mounts->table);
	free(mounts);
}

/* ---------------------------------------------------------------- overlays */

static const struct mount *find_mount(const struct mounts *mounts, const char *path)
{
	const struct mount *best = NULL;
	size_t best_size = 0;

	/* Of several on one point the last one mounted (highest id, mostly) is on top. */
	for (size_t i = 0; i < mounts->table.count; i++) {
		const struct mount *mount = &mounts->table.mounts[i];
		size_t size = strcmp(mount->point, "/") == 0 ? 0 : strlen(mount->point);

		if (size >= best_size && strncmp(path, mount->point, size) == 0 && (size == 0 || path[size] == '/')) {
			best = mount;
			best_size = size;
		}
	}
	return best;
}

/* One directory of "a:b", a colon in a name escaped by a backslash; moves *at on. False at the end. */
static bool next_directory(const char **at, char *out, size_t out_size)
{
	size_t size = 0;

	if (**at == '\0')
		return false;
	for (; **at && **at != ':'; (*at)++) {
		if (**at == '\\' && (*at)[1])
			(*at)++;
		if (size + 1 < out_size)
			out[size++] = **at;
	}
	out[size] = '\0';
	while (**at == ':')
		(*at)++;
	return true;
}

static int try_directories(const char *directories, const char *rest, int (*each)(void *context, const char *real_path),
			   void *context)
{
	char directory[PATH_MAX], path[PATH_MAX * 2];
	int r = 0;

	while (r == 0 && next_directory(&directories, directory, sizeof(directory))) {
		(void)snprintf(path, sizeof(path), "%s%s", directory, rest); /* always fits */
		r = each(context, path);
	}
	return r;
}

/* Commas inside a value are octal in the table, so they do not end it; backslashes are too. */
static int try_option(const char *options, const char *key, const char *rest,
		      int (*each)(void *context, const char *real_path), void *context)
{
	int r = 0;

	for (const char *at = options; at && r == 0;) {
		size_t size = strcspn(at, ","), key_size = strlen(key);

		if (strncmp(at, key, key_size) == 0) {
			_cleanup_(freep) char *value = strndup(at + key_size, size - key_size);

			if (!value)
				return 0; /* the file above the overlay is watched all the same */
			unescape(value);
			r = try_directories(value, rest, each, context);
		}
		at = at[size] ? at + size + 1 : NULL;
	}
	return r;
}

int mounts_overlay_sources(const struct mounts *mounts, const char *path,
			   int (*each)(void *context, const char *real_path), void *context)
{
	static const char *const keys[] = {"upperdir=", "lowerdir=", "lowerdir+="};
	const struct mount *mount = find_mount(mounts, path);
	const char *rest;
	int r = 0;

	if (!mount || !mount->overlay)
		return 0;
	rest = path + (strcmp(mount->point, "/") == 0 ? 0 : strlen(mount->point));
	for (size_t i = 0; r == 0 && i < sizeof(keys) / sizeof(keys[0]); i++)
		r = try_option(mount->overlay, keys[i], rest, each, context);
	return r;
}

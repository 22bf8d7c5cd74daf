/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_fixture.h: a watch list over a temporary directory, and a kernel of tables that decides as the programs do.
 *
 * access_to() is what happens at an open: only the tables are asked, with no chance for the list to catch up first, so
 * a test sees every gap.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <uthash.h>

#include "base/error.h"
#include "candidate.h"
#include "policy/glob.h"
#include "sensor/name_hash.h"
#include "sensor/watchlist.h"

#define NO_SECRET   (-1)
#define NOT_TRACKED (-2) /* no directory of the tables above it: the kernel would not even ask */

struct fake_entry {
	UT_hash_handle hh;
	struct name_key key; /* hash 0 but for names */
	struct directory_value directory;
	struct name_value name;
	struct ignored_value ignored;
	uint32_t secret; /* number of a file's */
};

struct fake_kernel {
	struct fake_entry *files, *directories, *names, *ignored;
	uint64_t *filter;
	size_t filter_count;
	size_t clears; /* of files */
	size_t identified;
	uint32_t magic; /* instead of the real one, unless 0 */
};

struct watch_fixture {
	char root[64];
	char passwd[128];
	char mountinfo[128];
	struct event_base *base;
	struct fake_kernel kernel;
	struct watchlist *list;
	struct watchlist_options options;
	struct error error;
	size_t changes;
};

static inline struct fake_entry *fake_find(struct fake_entry *table, const struct file_id *id, uint64_t hash)
{
	struct name_key key = {.directory = *id, .hash = hash};
	struct fake_entry *entry;

	HASH_FIND(hh, table, &key, sizeof(key), entry);
	return entry;
}

static inline struct fake_entry *fake_get(struct fake_entry **table, const struct file_id *id, uint64_t hash)
{
	struct fake_entry *entry = fake_find(*table, id, hash);

	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	assert_non_null(entry);
	entry->key = (struct name_key){.directory = *id, .hash = hash};
	HASH_ADD(hh, *table, key, sizeof(entry->key), entry);
	return entry;
}

static inline int fake_clear(struct fake_entry **table, const struct file_id *id, uint64_t hash)
{
	struct fake_entry *entry = fake_find(*table, id, hash);

	if (entry) {
		HASH_DEL(*table, entry);
		free(entry);
	}
	return 0;
}

static inline void fake_empty(struct fake_entry **table)
{
	while (*table)
		(void)fake_clear(table, &(*table)->key.directory, (*table)->key.hash);
}

static inline int fake_set_file(void *context, const struct file_id *id, const struct watch_value *value)
{
	struct fake_kernel *kernel = context;

	assert_int_equal(value->flags, 0);
	fake_get(&kernel->files, id, 0)->secret = value->secret;
	return 0;
}

static inline int fake_clear_file(void *context, const struct file_id *id)
{
	struct fake_kernel *kernel = context;

	kernel->clears++;
	return fake_clear(&kernel->files, id, 0);
}

static inline int fake_set_directory(void *context, const struct file_id *id, const struct directory_value *value)
{
	struct fake_kernel *kernel = context;

	fake_get(&kernel->directories, id, 0)->directory = *value;
	return 0;
}

static inline int fake_clear_directory(void *context, const struct file_id *id)
{
	struct fake_kernel *kernel = context;

	return fake_clear(&kernel->directories, id, 0);
}

static inline int fake_set_name(void *context, const struct name_key *key, const struct name_value *value)
{
	struct fake_kernel *kernel = context;

	fake_get(&kernel->names, &key->directory, key->hash)->name = *value;
	return 0;
}

static inline int fake_clear_name(void *context, const struct name_key *key)
{
	struct fake_kernel *kernel = context;

	return fake_clear(&kernel->names, &key->directory, key->hash);
}

static inline int fake_set_ignored(void *context, const struct file_id *id, const struct ignored_value *value)
{
	struct fake_kernel *kernel = context;

	fake_get(&kernel->ignored, id, 0)->ignored = *value;
	return 0;
}

static inline int fake_clear_ignored(void *context)
{
	struct fake_kernel *kernel = context;

	fake_empty(&kernel->ignored);
	return 0;
}

static inline int fake_set_name_filter(void *context, const uint64_t *hashes, size_t count)
{
	struct fake_kernel *kernel = context;

	free(kernel->filter);
	kernel->filter = calloc(count + 1, sizeof(*hashes));
	assert_non_null(kernel->filter);
	if (count)
		memcpy(kernel->filter, hashes, count * sizeof(*hashes));
	kernel->filter_count = count;
	return 0;
}

static inline struct file_id id_of(const struct stat *stat)
{
	return (struct file_id){.ino = stat->st_ino, .dev = major(stat->st_dev) << 20 | minor(stat->st_dev)};
}

static inline int fake_identify(void *context, const int *fds, size_t count, struct file_record *ret_records)
{
	struct fake_kernel *kernel = context;

	assert_in_range(count, 1, WATCH_IDENTIFY_MAX);
	for (size_t i = 0; i < count; i++) {
		struct stat stat;
		struct statfs fs = {0};

		if (fstat(fds[i], &stat) < 0)
			continue;
		(void)fstatfs(fds[i], &fs);
		/* O_PATH: never was a secret opened for reading. */
		assert_true(fcntl(fds[i], F_GETFL) & O_PATH);
		ret_records[i].file = id_of(&stat);
		ret_records[i].mode = stat.st_mode;
		ret_records[i].nlink = (uint32_t)stat.st_nlink;
		ret_records[i].fs_magic = kernel->magic ? kernel->magic : (uint32_t)fs.f_type;
		kernel->identified++;
	}
	return 0;
}

static const struct watch_sink fake_sink = {
	.set_file = fake_set_file,
	.clear_file = fake_clear_file,
	.set_directory = fake_set_directory,
	.clear_directory = fake_clear_directory,
	.set_name = fake_set_name,
	.clear_name = fake_clear_name,
	.set_ignored = fake_set_ignored,
	.clear_ignored = fake_clear_ignored,
	.set_name_filter = fake_set_name_filter,
	.identify = fake_identify,
};

/* ---------------------------------------------------------------- the file system */

/* `path` below the fixture's root; an absolute one is left as it is. Four answers live at a time. */
static inline const char *at(const struct watch_fixture *fixture, const char *path)
{
	static char answers[4][PATH_MAX * 2];
	static unsigned int next;
	char *answer = answers[next++ % 4];

	int size = snprintf(answer, sizeof(answers[0]), "%s%s%s", path[0] == '/' ? "" : fixture->root,
			    path[0] == '/' ? "" : "/", path);

	assert_in_range(size, 1, sizeof(answers[0]) - 1);
	return answer;
}

static inline void make_directory(const struct watch_fixture *fixture, const char *path)
{
	char copy[PATH_MAX * 2];

	(void)snprintf(copy, sizeof(copy), "%s", at(fixture, path));
	for (char *slash = strchr(copy + strlen(fixture->root), '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(copy, 0755);
		*slash = '/';
	}
	if (mkdir(copy, 0755) < 0)
		assert_int_equal(errno, EEXIST);
}

/* With its directories. */
static inline void make_file(const struct watch_fixture *fixture, const char *path)
{
	char copy[PATH_MAX * 2];
	int fd;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	if (strrchr(copy, '/')) {
		*strrchr(copy, '/') = '\0';
		make_directory(fixture, copy);
	}
	fd = open(at(fixture, path), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
}

static inline void make_link(const struct watch_fixture *fixture, const char *target, const char *path)
{
	assert_int_equal(symlink(target, at(fixture, path)), 0);
}

static inline void move(const struct watch_fixture *fixture, const char *from, const char *to)
{
	assert_int_equal(rename(at(fixture, from), at(fixture, to)), 0);
}

static inline void delete_file(const struct watch_fixture *fixture, const char *path)
{
	assert_int_equal(unlink(at(fixture, path)), 0);
}

static inline struct file_id identity(const struct watch_fixture *fixture, const char *path)
{
	struct stat stats;

	assert_int_equal(stat(at(fixture, path), &stats), 0);
	return id_of(&stats);
}

static inline void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* ---------------------------------------------------------------- the kernel's decision */

struct walk {
	struct file_id directory;
	char components[PATH_MAX]; /* leaf first */
	size_t size, count;
	bool found;
	uint32_t number; /* of the secret that the kernel takes it for at once; 0: it depends */
};

/* Secrets of the tests are numbered by their index, from 1 on. */
#define NUMBER(secret) ((uint32_t)(secret) + 1)

static inline bool depth_has(uint32_t depths, size_t depth)
{
	return depths & 1U << (depth > 31 ? 31 : depth);
}

static inline bool directory_wants(struct fake_kernel *kernel, const struct fake_entry *directory, const char *child,
				   size_t depth)
{
	struct fake_entry *name = fake_find(kernel->names, &directory->key.directory, name_hash(child, strlen(child)));

	if (directory->directory.flags & DIRECTORY_TREE)
		return true;
	if (depth == 1)
		return (directory->directory.flags & DIRECTORY_ANY_NAME) || (name && (name->name.flags & NAME_FILE));
	if ((directory->directory.flags & DIRECTORY_ANY_BRANCH) && depth_has(directory->directory.depths, depth))
		return true;
	return name && (name->name.flags & NAME_BRANCH) && depth_has(name->name.depths, depth);
}

/* The first known directory above, if it wants the file. */
static inline void walk_up(struct fake_kernel *kernel, const char *real, struct walk *walk)
{
	char path[PATH_MAX * 2];
	struct stat stats;

	(void)snprintf(path, sizeof(path), "%s", real);
	for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
		const char *name = slash + 1;
		struct fake_entry *directory;

		memcpy(walk->components + walk->size, name, strlen(name) + 1);
		walk->size += strlen(name) + 1;
		walk->count++;
		*slash = '\0';
		assert_int_equal(stat(path[0] ? path : "/", &stats), 0);
		walk->directory = id_of(&stats);
		directory = fake_find(kernel->directories, &walk->directory, 0);
		if (directory) {
			struct fake_entry *entry =
				fake_find(kernel->names, &walk->directory, name_hash(name, strlen(name)));

			walk->found = directory_wants(kernel, directory, name, walk->count);
			walk->number = candidate_secret(&directory->directory, entry ? &entry->name : NULL,
							(uint32_t)walk->count);
			return;
		}
	}
}

/* The number that the kernel judges a new file at this path by, before the daemon knows of it. */
static inline uint32_t number_at(struct watch_fixture *fixture, const char *path)
{
	struct walk walk = {.found = false};
	char *real = realpath(at(fixture, path), NULL);

	assert_non_null(real);
	walk_up(&fixture->kernel, real, &walk);
	free(real);
	return walk.found ? walk.number : 0;
}

/*
 * The secret that opening the path touches, NO_SECRET, or NOT_TRACKED. The kernel's number must be of the same secret,
 * if it has one.
 */
static inline int access_to(struct watch_fixture *fixture, const char *path)
{
	struct walk walk = {.found = false};
	struct file_id id = identity(fixture, path);
	char *real = realpath(at(fixture, path), NULL);
	const struct watched_file *file = NULL;
	int r;

	assert_non_null(real);
	if (fake_find(fixture->kernel.files, &id, 0)) {
		file = watchlist_find(fixture->list, &id);
		assert_non_null(file);
		assert_int_equal(fake_find(fixture->kernel.files, &id, 0)->secret, NUMBER(file->secret));
		free(real);
		return (int)file->secret;
	}
	walk_up(&fixture->kernel, real, &walk);
	free(real);
	if (!walk.found)
		return NOT_TRACKED;
	r = watchlist_candidate(fixture->list, &id, &walk.directory, walk.components, walk.size, false, 1, &file);
	if (r == 0) {
		assert_int_equal(walk.number, 0);
		return NO_SECRET;
	}
	assert_int_equal(r, 1);
	assert_non_null(fake_find(fixture->kernel.files, &id, 0));
	assert_int_equal(fake_find(fixture->kernel.files, &id, 0)->secret, NUMBER(file->secret));
	if (walk.number)
		assert_int_equal(walk.number, NUMBER(file->secret));
	return (int)file->secret;
}

/* ---------------------------------------------------------------- life */

static inline void note_change(void *context)
{
	struct watch_fixture *fixture = context;

	fixture->changes++;
}

static inline int watch_setup(void **state)
{
	struct watch_fixture *fixture = calloc(1, sizeof(*fixture));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(fixture);
	(void)snprintf(fixture->root, sizeof(fixture->root), "%s/watchXXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	assert_non_null(mkdtemp(fixture->root));
	(void)snprintf(fixture->passwd, sizeof(fixture->passwd), "%s/passwd", fixture->root);
	(void)snprintf(fixture->mountinfo, sizeof(fixture->mountinfo), "%s/mountinfo", fixture->root);
	write_text(fixture->passwd, "");
	write_text(fixture->mountinfo, "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n");
	fixture->base = event_base_new();
	assert_non_null(fixture->base);
	fixture->options = (struct watchlist_options){.max_files = 200000,
						      .max_directories = 65536,
						      .match = glob_match,
						      .passwd_path = fixture->passwd,
						      .mountinfo_path = fixture->mountinfo,
						      .on_change = note_change,
						      .context = fixture};
	assert_int_equal(watchlist_new(fixture->base, &fake_sink, &fixture->kernel, &fixture->options, &fixture->list),
			 0);
	*state = fixture;
	return 0;
}

static inline int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int watch_teardown(void **state)
{
	struct watch_fixture *fixture = *state;

	watchlist_free(fixture->list);
	fake_empty(&fixture->kernel.files);
	fake_empty(&fixture->kernel.directories);
	fake_empty(&fixture->kernel.names);
	fake_empty(&fixture->kernel.ignored);
	free(fixture->kernel.filter);
	event_base_free(fixture->base);
	(void)nftw(fixture->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(fixture);
	return 0;
}

/* Patterns below the root (or absolute, or with `~`), their index is their secret. */
static inline int try_load(struct watch_fixture *fixture, size_t count, const char *const *patterns)
{
	struct watch_pattern rules[16] = {0};
	char full[16][PATH_MAX];

	assert_in_range(count, 0, 16);
	for (size_t i = 0; i < count; i++) {
		bool is_whole = patterns[i][0] == '/' || patterns[i][0] == '~';

		(void)snprintf(full[i], sizeof(full[i]), "%s%s%s", is_whole ? "" : fixture->root, is_whole ? "" : "/",
			       patterns[i]);
		rules[i] = (struct watch_pattern){.pattern = full[i], .secret = i, .number = NUMBER(i)};
	}
	return watchlist_load(fixture->list, rules, count, &fixture->error);
}

#define load(fixture, ...)                                                                                      \
	assert_int_equal(try_load((fixture), sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), \
				  (const char *const[]){__VA_ARGS__}),                                          \
			 0)

static inline void settle(struct watch_fixture *fixture)
{
	assert_true(event_base_loop(fixture->base, EVLOOP_NONBLOCK) >= 0);
}

static inline struct watchlist_stats statistics(struct watch_fixture *fixture)
{
	struct watchlist_stats stats;

	watchlist_statistics(fixture->list, &stats);
	return stats;
}

static inline bool is_published(struct watch_fixture *fixture, const char *path)
{
	struct file_id id = identity(fixture, path);

	return fake_find(fixture->kernel.files, &id, 0) != NULL;
}

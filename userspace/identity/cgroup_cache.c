/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/cgroup_cache.h"

#define HASH_NONFATAL_OOM 1
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/queue.h>
#include <unistd.h>
#include <uthash.h>

#include "base/cleanup.h"
#include "identity/cgroup.h"

#define FILEID_KERNFS 0xfe /* include/linux/exportfs.h, since 5.10 */
#define LINE_MAX_SIZE 65536

struct entry {
	uint64_t id;
	UT_hash_handle hh;
	TAILQ_ENTRY(entry) recent;
	struct cgroup cgroup; /* points into text */
	char text[];
};

TAILQ_HEAD(entry_list, entry);

struct cgroup_cache {
	struct entry *entries;
	struct entry_list recent; /* used last at the tail */
	size_t max;
	int mount_fd; /* -1 for none */
	bool has_legacy;
	char mount_root[PATH_MAX]; /* what of the hierarchy is mounted there */
	char mount_point[PATH_MAX];
};

static const struct cgroup unknown = {.path = ""};

/* proc(5): space, tab, newline and backslash are written as \ooo. */
static bool copy_unescaped(char *out, size_t size, const char *from, size_t length)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned int value;

		if (used + 1 >= size)
			return false;
		if (from[i] == '\\' && i + 3 < length && sscanf(from + i + 1, "%3o", &value) == 1) {
			out[used++] = (char)value;
			i += 3;
		} else {
			out[used++] = from[i];
		}
	}
	out[used] = '\0';
	return true;
}

bool cgroup_mount_parse(const char *line, const char *type, char *ret_root, char *ret_point, size_t size)
{
	const char *separator = strstr(line, " - ");
	const char *fields[6];
	const char *at = line;
	size_t length = strlen(type);

	if (!separator || strncmp(separator + 3, type, length) != 0 || separator[3 + length] != ' ')
		return false;
	/* id, parent, major:minor, root, mount point, options */
	for (size_t i = 0; i < 6; i++) {
		fields[i] = at;
		at += strcspn(at, " ");
		if (*at != ' ')
			return false;
		at++;
	}
	return copy_unescaped(ret_root, size, fields[3], (size_t)(fields[4] - fields[3] - 1)) &&
	       copy_unescaped(ret_point, size, fields[4], (size_t)(fields[5] - fields[4] - 1));
}

static void find_mount(struct cgroup_cache *cache, const char *proc_root)
{
	char root[PATH_MAX];
	char point[PATH_MAX];
	char path[PATH_MAX];
	_cleanup_(fclosep) FILE *file = NULL;
	_cleanup_(freep) char *line = NULL;
	size_t capacity = 0;

	(void)snprintf(path, sizeof(path), "%s/self/mountinfo", proc_root); /* cut: then it is not found */
	file = fopen(path, "re");
	while (file && getline(&line, &capacity, file) > 0) {
		if (cgroup_mount_parse(line, "cgroup", root, point, sizeof(root)))
			cache->has_legacy = true;
		if (!cgroup_mount_parse(line, "cgroup2", root, point, sizeof(root)))
			continue;
		/* The widest view of the hierarchy is the best one. */
		if (cache->mount_fd >= 0 && strlen(root) >= strlen(cache->mount_root))
			continue;
		if (cache->mount_fd >= 0)
			(void)close(cache->mount_fd); /* a directory that was only opened */
		cache->mount_fd = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		memcpy(cache->mount_root, root, sizeof(root));
		memcpy(cache->mount_point, point, sizeof(point));
	}
}

int cgroup_cache_new(const char *proc_root, size_t max, struct cgroup_cache **ret)
{
	struct cgroup_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	cache->max = max > 0 ? max : 1;
	cache->mount_fd = -1;
	TAILQ_INIT(&cache->recent);
	find_mount(cache, proc_root);
	*ret = cache;
	return 0;
}

static void remove_entry(struct cgroup_cache *cache, struct entry *entry)
{
	HASH_DEL(cache->entries, entry);
	TAILQ_REMOVE(&cache->recent, entry, recent);
	free(entry);
}

void cgroup_cache_free(struct cgroup_cache *cache)
{
	struct entry *entry;

	if (!cache)
		return;
	while ((entry = TAILQ_FIRST(&cache->recent)))
		remove_entry(cache, entry);
	if (cache->mount_fd >= 0)
		(void)close(cache->mount_fd); /* a directory that was only opened */
	free(cache);
}

/* Copies a string into the entry's text; "" gives NULL. */
static const char *keep(char **cursor, const char *string)
{
	size_t size = strlen(string) + 1;
	char *at = *cursor;

	if (size == 1)
		return NULL;
	memcpy(at, string, size);
	*cursor += size;
	return at;
}

/* NULL when out of memory. */
static struct entry *insert(struct cgroup_cache *cache, uint64_t id, const char *path)
{
	struct cgroup_names names;
	struct entry *entry;
	struct entry *old;
	char *cursor;

	cgroup_parse(path, &names);
	entry = calloc(1, sizeof(*entry) + strlen(path) + strlen(names.unit) + strlen(names.container) +
				  strlen(names.pod) + 4);
	if (!entry)
		return NULL;
	entry->id = id;
	cursor = entry->text;
	entry->cgroup.path = keep(&cursor, path);
	if (!entry->cgroup.path)
		entry->cgroup.path = "";
	entry->cgroup.unit = keep(&cursor, names.unit);
	entry->cgroup.container = keep(&cursor, names.container);
	entry->cgroup.pod = keep(&cursor, names.pod);

	HASH_FIND(hh, cache->entries, &id, sizeof(id), old);
	if (old)
		remove_entry(cache, old);
	else if (HASH_COUNT(cache->entries) >= cache->max)
		remove_entry(cache, TAILQ_FIRST(&cache->recent));
	HASH_ADD(hh, cache->entries, id, sizeof(entry->id), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&cache->recent, entry, recent);
	return entry;
}

/* Makes the path under the mount point one under the root of the hierarchy. */
static int strip_mount(const struct cgroup_cache *cache, const char *found, char out[PATH_MAX])
{
	size_t point_size = strcmp(cache->mount_point, "/") == 0 ? 0 : strlen(cache->mount_point);
	/* "/.." is a root outside our cgroup namespace; it would say nothing. */
	const char *root = strcmp(cache->mount_root, "/") == 0 || strncmp(cache->mount_root, "/..", 3) == 0
				   ? ""
				   : cache->mount_root;
	const char *rest = found + point_size;

	if (strncmp(found, cache->mount_point, point_size) != 0 || (*rest != '/' && *rest != '\0'))
		return -ENOENT;
	if (*rest == '\0' && *root == '\0')
		rest = "/";
	return snprintf(out, PATH_MAX, "%s%s", root, rest) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int resolve(const struct cgroup_cache *cache, uint64_t id, char out[PATH_MAX])
{
	union {
		struct file_handle header;
		char bytes[sizeof(struct file_handle) + sizeof(uint64_t)];
	} handle = {.header = {.handle_bytes = sizeof(uint64_t), .handle_type = FILEID_KERNFS}};
	_cleanup_(closep) int fd = -1;
	char found[PATH_MAX];
	char link[64];
	ssize_t n;

	if (cache->mount_fd < 0)
		return -ENODEV;
	memcpy(handle.bytes + offsetof(struct file_handle, f_handle), &id, sizeof(id));
	fd = open_by_handle_at(cache->mount_fd, &handle.header, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd); /* fits */
	n = readlink(link, found, sizeof(found));
	if (n < 0)
		return -errno;
	if ((size_t)n >= sizeof(found))
		return -ENAMETOOLONG;
	found[n] = '\0';
	return strip_mount(cache, found, out);
}

const struct cgroup *cgroup_cache_find(struct cgroup_cache *cache, uint64_t id)
{
	struct entry *entry;
	char path[PATH_MAX];

	if (id == 0)
		return &unknown;
	HASH_FIND(hh, cache->entries, &id, sizeof(id), entry);
	if (entry) {
		TAILQ_REMOVE(&cache->recent, entry, recent);
		TAILQ_INSERT_TAIL(&cache->recent, entry, recent);
		return &entry->cgroup;
	}
	/* A group that is gone does not come back: that it is not known is kept too. */
	entry = insert(cache, id, resolve(cache, id, path) < 0 ? "" : path);
	return entry ? &entry->cgroup : &unknown;
}

int cgroup_cache_add(struct cgroup_cache *cache, uint64_t id, const char *path)
{
	char found[PATH_MAX];

	if (id == 0)
		return 0;
	/* Each v1 hierarchy counts its ids for itself: where the v2 one knows the id it is the one to believe. */
	if (resolve(cache, id, found) == 0)
		path = found;
	return insert(cache, id, path) ? 0 : -ENOMEM;
}

bool cgroup_cache_has_legacy(const struct cgroup_cache *cache)
{
	return cache->has_legacy;
}

size_t cgroup_cache_count(const struct cgroup_cache *cache)
{
	return HASH_COUNT(cache->entries);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/host_glob.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "policy/glob.h"

#define DEPTH_MAX 64 /* directories open at once */

struct walk {
	char path[PATH_MAX];
	size_t root_size; /* of the path, its first part */
	size_t depth;
	size_t *steps;
	host_glob_fn *found;
	void *context;
	int incomplete; /* 0, or why there may be more */
};

static void closedirp(DIR **directory)
{
	if (*directory)
		(void)closedir(*directory);
}

static bool take_step(struct walk *walk)
{
	if (*walk->steps == 0) {
		walk->incomplete = -ENOSPC;
		return false;
	}
	--*walk->steps;
	return true;
}

static void note(struct walk *walk, int code)
{
	if (code != ENOENT && code != ENOTDIR && code != ELOOP)
		walk->incomplete = code == EACCES || code == EPERM ? -EACCES : -ENOSPC;
}

/* False when the path gets too long, which no file of a pattern has. */
static bool append(struct walk *walk, const char *name, size_t size)
{
	size_t used = strlen(walk->path);

	if (used + 1 + size >= sizeof(walk->path))
		return false;
	walk->path[used] = '/';
	memcpy(walk->path + used + 1, name, size);
	walk->path[used + 1 + size] = '\0';
	return true;
}

static int report(struct walk *walk)
{
	struct stat info;

	if (!take_step(walk))
		return 0;
	if (stat(walk->path, &info) < 0) {
		note(walk, errno);
		return 0;
	}
	return walk->found(walk->context, walk->path + walk->root_size, S_ISDIR(info.st_mode));
}

static bool is_double_star(const char *component, size_t size)
{
	return size == 2 && component[0] == '*' && component[1] == '*';
}

static int walk_pattern(struct walk *walk, const char *pattern);

/* One entry of a directory under `pattern`, whose first component has wildcards. The path ends with the entry. */
static int walk_entry(struct walk *walk, const struct dirent *entry, const char *pattern, size_t size)
{
	const char *rest = pattern + 1 + size;
	struct stat info;

	if (!is_double_star(pattern + 1, size)) {
		if (!glob_match_name(pattern + 1, size, entry->d_name, strlen(entry->d_name)))
			return 0;
		return *rest ? walk_pattern(walk, rest) : report(walk);
	}
	if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)
		return *rest ? 0 : report(walk);
	if (!take_step(walk) || lstat(walk->path, &info) < 0)
		return 0;
	if (S_ISDIR(info.st_mode))
		return walk_pattern(walk, pattern);
	return *rest ? 0 : report(walk);
}

static int walk_directory(struct walk *walk, const char *pattern, size_t size)
{
	_cleanup_(closedirp) DIR *directory = opendir(walk->path[0] ? walk->path : "/");
	size_t used = strlen(walk->path);
	struct dirent *entry;
	int r = 0;

	if (!directory) {
		note(walk, errno);
		return 0;
	}
	while (r == 0 && take_step(walk) && (entry = readdir(directory))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    !append(walk, entry->d_name, strlen(entry->d_name)))
			continue;
		r = walk_entry(walk, entry, pattern, size);
		walk->path[used] = '\0';
	}
	return r;
}

/* Everything that `pattern` names below the path; the path is as it was afterwards. */
static int walk_pattern(struct walk *walk, const char *pattern)
{
	size_t used = strlen(walk->path), size = strcspn(pattern + 1, "/");
	int r = 0;

	while (glob_is_literal(pattern + 1, size)) {
		if (!append(walk, pattern + 1, size))
			goto out;
		pattern += 1 + size;
		if (!*pattern) {
			r = report(walk);
			goto out;
		}
		size = strcspn(pattern + 1, "/");
	}
	if (walk->depth == DEPTH_MAX) {
		walk->incomplete = -ENOSPC;
		goto out;
	}
	walk->depth++;
	if (is_double_star(pattern + 1, size) && pattern[1 + size])
		r = walk_pattern(walk, pattern + 1 + size);
	if (r == 0)
		r = walk_directory(walk, pattern, size);
	walk->depth--;
out:
	walk->path[used] = '\0';
	return r;
}

int host_glob(const char *root, const char *pattern, size_t *steps, host_glob_fn *found, void *context)
{
	struct walk walk = {.root_size = strlen(root), .steps = steps, .found = found, .context = context};
	int r;

	if (snprintf(walk.path, sizeof(walk.path), "%s", root) >= (int)sizeof(walk.path))
		return -ENOSPC;
	r = walk_pattern(&walk, pattern);
	return r ? r : walk.incomplete;
}

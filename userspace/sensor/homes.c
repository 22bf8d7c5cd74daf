/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/homes.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define LINE_MAX_SIZE 65536

static const char *const system_directories[] = {
	"/",          "/bin",     "/boot",     "/dev",       "/etc", "/home",      "/lib",     "/nonexistent",
	"/proc",      "/run",     "/sbin",     "/srv",       "/sys", "/tmp",       "/usr",     "/usr/bin",
	"/usr/games", "/usr/lib", "/usr/sbin", "/usr/share", "/var", "/var/empty", "/var/lib", "/var/run",
	"/var/spool", "/var/tmp",
};

static bool is_home(const char *path)
{
	if (path[0] != '/' || strlen(path) >= PATH_MAX || strstr(path, "/../") || strstr(path, "//"))
		return false;
	for (size_t i = 0; i < sizeof(system_directories) / sizeof(system_directories[0]); i++)
		if (strcmp(path, system_directories[i]) == 0)
			return false;
	return true;
}

static int add_home(struct homes *homes, char *path, size_t *capacity)
{
	size_t size = strlen(path);

	while (size > 1 && path[size - 1] == '/')
		path[--size] = '\0';
	if (!is_home(path) || homes->count == HOMES_MAX)
		return 0;
	if (homes->count == *capacity) {
		size_t grown = *capacity ? *capacity * 2 : 32;
		char **paths = reallocarray(homes->paths, grown, sizeof(*paths));

		if (!paths)
			return -ENOMEM;
		homes->paths = paths;
		*capacity = grown;
	}
	homes->paths[homes->count] = strdup(path);
	if (!homes->paths[homes->count])
		return -ENOMEM;
	homes->count++;
	return 0;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_unique(struct homes *homes)
{
	size_t kept = 0;

	if (homes->count == 0)
		return;
	qsort(homes->paths, homes->count, sizeof(homes->paths[0]), compare_paths);
	for (size_t i = 1; i < homes->count; i++) {
		if (strcmp(homes->paths[kept], homes->paths[i]) == 0)
			free(homes->paths[i]);
		else
			homes->paths[++kept] = homes->paths[i];
	}
	homes->count = kept + 1;
}

int homes_read(const char *passwd_path, struct homes *ret)
{
	_cleanup_(homes_release) struct homes homes = {0};
	_cleanup_(fclosep) FILE *file = fopen(passwd_path, "re");
	_cleanup_(freep) char *line = malloc(LINE_MAX_SIZE);
	size_t capacity = 0;
	int r = 0;

	if (!line)
		return -ENOMEM;
	if (!file && errno != ENOENT)
		return -errno;
	while (file && r == 0) {
		struct passwd entry, *found;

		/* ERANGE: a line longer than any entry; the rest of it is read as lines that are no entries. */
		r = fgetpwent_r(file, &entry, line, LINE_MAX_SIZE, &found);
		if (r == 0)
			r = -add_home(&homes, found->pw_dir, &capacity);
		else if (r == ERANGE || r == EINVAL)
			r = feof(file) ? ENOENT : 0;
	}
	if (r != 0 && r != ENOENT)
		return -r;
	sort_unique(&homes);
	*ret = homes;
	homes = (struct homes){0};
	return 0;
}

void homes_release(struct homes *homes)
{
	for (size_t i = 0; i < homes->count; i++)
		free(homes->paths[i]);
	free(homes->paths);
	*homes = (struct homes){0};
}

bool homes_equal(const struct homes *a, const struct homes *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->paths[i], b->paths[i]) != 0)
			return false;
	return true;
}

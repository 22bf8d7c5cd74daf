/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy_file.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "policy/document.h"
#include "policy/policy_compile.h"
#include "policy/policy_set.h"
#include "policy/policy_shape.h"

struct load {
	struct policy_set *set;
	const struct policy_limits *limits;
	size_t files;
	struct error *error;
};

/* Some editors write one in front of UTF-8 text; libyaml takes it for content when it is told the encoding. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static int add_text(struct load *load, const char *file, const char *text, size_t size)
{
	const size_t mark_size = strlen(BYTE_ORDER_MARK);
	_cleanup_(policy_shape_freep) struct shape_policy *shape = NULL;
	_cleanup_(document_freep) struct document *document = NULL;
	int r;

	if (size > POLICY_FILE_SIZE_MAX)
		return error_set(load->error, -EFBIG, file, 0, "larger than %d KiB; split the policy",
				 POLICY_FILE_SIZE_MAX / 1024);
	if (size >= mark_size && memcmp(text, BYTE_ORDER_MARK, mark_size) == 0) {
		text += mark_size;
		size -= mark_size;
	}
	r = document_new(file, text, size, &policy_schema, &document, load->error);
	if (r < 0)
		return r;
	r = policy_shape_load(file, text, size, &shape, load->error);
	if (r < 0)
		return r;
	return policy_compile(load->set, shape, document, load->limits->max_secrets, load->error);
}

static int add_file(struct load *load, const char *path)
{
	_cleanup_(buffer_release) struct buffer text = BUFFER_INIT(POLICY_FILE_SIZE_MAX);
	int r;

	if (load->files >= load->limits->max_files)
		return error_set(load->error, -E2BIG, path, 0,
				 "more than %zu policy files; raise policy.max_files, or put secrets into one file",
				 load->limits->max_files);
	load->files++;
	r = file_check_trusted(path, load->error);
	if (r < 0)
		return r;
	r = file_read(path, &text, load->error);
	if (r < 0)
		return r;
	return add_text(load, path, text.data ? text.data : "", text.size);
}

static int is_policy_name(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* By bytes, not by the locale: the order of secrets must not depend on who starts the daemon. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

struct listing {
	struct dirent **entries;
	int count;
};

static void listing_release(struct listing *listing)
{
	for (int i = 0; i < listing->count; i++)
		free(listing->entries[i]);
	free(listing->entries);
}

static int add_directory(struct load *load, const char *path)
{
	_cleanup_(listing_release) struct listing listing = {.entries = NULL};
	char file[PATH_MAX];
	int r = file_check_trusted(path, load->error);

	if (r < 0)
		return r;
	r = scandir(path, &listing.entries, is_policy_name, compare_names);
	if (r < 0)
		return error_set(load->error, -errno, path, 0, "the directory cannot be read: %s", strerror(errno));
	listing.count = r;
	for (int i = 0; i < listing.count; i++) {
		r = snprintf(file, sizeof(file), "%s/%s", path, listing.entries[i]->d_name);
		if (r < 0 || (size_t)r >= sizeof(file))
			return error_set(load->error, -ENAMETOOLONG, path, 0,
					 "the path of a file in it is too long; use a shorter directory");
		r = add_file(load, file);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_path(struct load *load, const char *path)
{
	struct stat info;

	if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
		return add_directory(load, path);
	return add_file(load, path); /* which says what is wrong with it */
}

static int finish(struct load *load, int result, struct policy_set **set, struct policy_set **ret_set)
{
	if (result < 0)
		return result;
	result = policy_set_index(*set);
	if (result < 0)
		return error_set(load->error, result, NULL, 0, "not enough memory for the policy");
	*ret_set = TAKE_PTR(*set);
	return 0;
}

int policy_set_load(const char *const *paths, size_t count, const struct policy_limits *limits,
		    struct policy_set **ret_set, struct error *error)
{
	_cleanup_(policy_set_freep) struct policy_set *set = policy_set_new();
	struct load load = {.set = set, .limits = limits, .error = error};
	int r = 0;

	if (!set)
		return error_set(error, -ENOMEM, NULL, 0, "not enough memory for the policy");
	for (size_t i = 0; r >= 0 && i < count; i++)
		r = add_path(&load, paths[i]);
	if (r >= 0 && load.files == 0)
		r = error_set(error, -EINVAL, count ? paths[0] : NULL, 0,
			      "no policy here; write one into a file whose name ends in \".yaml\"");
	return finish(&load, r, &set, ret_set);
}

int policy_set_load_text(const char *name, const char *text, size_t size, const struct policy_limits *limits,
			 struct policy_set **ret_set, struct error *error)
{
	_cleanup_(policy_set_freep) struct policy_set *set = policy_set_new();
	struct load load = {.set = set, .limits = limits, .error = error};

	if (!set)
		return error_set(error, -ENOMEM, NULL, 0, "not enough memory for the policy");
	return finish(&load, add_text(&load, name, text, size), &set, ret_set);
}

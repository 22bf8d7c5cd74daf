/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/guard_rights.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file_id.h"

#define PROGRAMS_MAX 256 /* as the kernel's table */

struct right {
	struct file_id id;
	uint32_t rights;
};

struct rights {
	struct right items[PROGRAMS_MAX];
	size_t count;
};

static int add(struct rights *rights, const struct file_id *id, uint32_t right)
{
	for (size_t i = 0; i < rights->count; i++) {
		if (file_id_equal(&rights->items[i].id, id)) {
			rights->items[i].rights |= right;
			return 0;
		}
	}
	if (rights->count == PROGRAMS_MAX)
		return -E2BIG;
	rights->items[rights->count++] = (struct right){*id, right};
	return 0;
}

static int add_program(const struct guard_rights_source *source, struct rights *rights, const char *path,
		       uint32_t right)
{
	_cleanup_(closep) int fd = open(path, O_PATH | O_CLOEXEC);
	struct file_record record;
	int r;

	if (fd < 0)
		return 0; /* gone since the glob named it */
	r = source->identify(source->context, &fd, 1, &record);
	if (r < 0)
		return r;
	return S_ISREG(record.mode) ? add(rights, &record.file, right) : 0;
}

static int add_glob(const struct guard_rights_source *source, struct rights *rights, const char *pattern,
		    uint32_t right)
{
	glob_t found = {0};
	int r = 0;

	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc && r == 0; i++)
			r = add_program(source, rights, found.gl_pathv[i], right);
	}
	globfree(&found);
	return r;
}

static int add_globs(const struct guard_rights_source *source, struct rights *rights, const char *globs, uint32_t right)
{
	_cleanup_(freep) char *copy = strdup(globs);
	char *save = NULL;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	for (char *glob = strtok_r(copy, ":", &save); glob && r == 0; glob = strtok_r(NULL, ":", &save))
		r = add_glob(source, rights, glob, right);
	return r;
}

static bool has(const struct rights *rights, const struct file_id *id)
{
	for (size_t i = 0; i < rights->count; i++) {
		if (file_id_equal(&rights->items[i].id, id))
			return true;
	}
	return false;
}

/* Takes out what no glob names any more. */
static void remove_others(int fd, const struct rights *rights)
{
	struct file_id key, next;
	bool has_next = bpf_map_get_next_key(fd, NULL, &next) == 0;

	for (size_t i = 0; has_next && i <= PROGRAMS_MAX; i++) {
		key = next;
		has_next = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (!has(rights, &key))
			(void)bpf_map_delete_elem(fd, &key);
	}
}

int guard_rights_fill(const struct guard_rights_source *source, const char *may_signal, const char *may_bpf)
{
	_cleanup_(freep) struct rights *rights = calloc(1, sizeof(*rights));
	int r;

	if (!rights)
		return -ENOMEM;
	r = add_globs(source, rights, may_signal, GUARD_MAY_SIGNAL);
	if (r == 0)
		r = add_globs(source, rights, may_bpf, GUARD_MAY_BPF);
	if (r < 0)
		return r;
	remove_others(source->rights_fd, rights);
	for (size_t i = 0; i < rights->count; i++) {
		if (bpf_map_update_elem(source->rights_fd, &rights->items[i].id, &rights->items[i].rights, BPF_ANY) < 0)
			return -errno;
	}
	return (int)rights->count;
}

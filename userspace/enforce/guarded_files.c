/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/guarded_files.h"

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->is_lost = true)
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct entry {
	struct guarded_file file;
	UT_hash_handle by_stat;
	UT_hash_handle by_id;
	bool is_lost; /* uthash had no memory for it */
};

struct guarded_files {
	struct entry *stats;
	struct entry *ids;
};

int stat_id_read(int fd, struct stat_id *ret)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO | STATX_BTIME, &stx) < 0)
		return -errno;
	memset(ret, 0, sizeof(*ret));
	ret->ino = stx.stx_ino;
	ret->dev_major = stx.stx_dev_major;
	ret->dev_minor = stx.stx_dev_minor;
	if (stx.stx_mask & STATX_BTIME) {
		ret->birth_sec = stx.stx_btime.tv_sec;
		ret->birth_nsec = stx.stx_btime.tv_nsec;
	}
	return 0;
}

int guarded_files_new(struct guarded_files **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

static void remove_entry(struct guarded_files *files, struct entry *entry)
{
	HASH_DELETE(by_stat, files->stats, entry);
	HASH_DELETE(by_id, files->ids, entry);
	free(entry);
}

void guarded_files_free(struct guarded_files *files)
{
	struct entry *entry, *next;

	if (!files)
		return;
	HASH_ITER (by_stat, files->stats, entry, next)
		remove_entry(files, entry);
	free(files);
}

static struct entry *find_by_stat(const struct guarded_files *files, const struct stat_id *stat)
{
	struct entry *entry;

	HASH_FIND(by_stat, files->stats, stat, sizeof(*stat), entry);
	return entry;
}

static struct entry *find_by_id(const struct guarded_files *files, const struct file_id *id)
{
	struct entry *entry;

	HASH_FIND(by_id, files->ids, id, sizeof(*id), entry);
	return entry;
}

static int insert(struct guarded_files *files, const struct stat_id *stat, const struct file_id *id)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	entry->file.stat = *stat;
	entry->file.id = *id;
	HASH_ADD(by_stat, files->stats, file.stat, sizeof(entry->file.stat), entry);
	if (entry->is_lost) {
		free(entry);
		return -ENOMEM;
	}
	HASH_ADD(by_id, files->ids, file.id, sizeof(entry->file.id), entry);
	if (entry->is_lost) {
		HASH_DELETE(by_stat, files->stats, entry);
		free(entry);
		return -ENOMEM;
	}
	return 0;
}

int guarded_files_add(struct guarded_files *files, const struct stat_id *stat, const struct file_id *id)
{
	struct entry *same = find_by_stat(files, stat), *other = find_by_id(files, id);

	if (same && same == other)
		return 0;
	/* Either name was another file's before: an inode number that is used again, on a filesystem without births. */
	if (same)
		remove_entry(files, same);
	if (other)
		remove_entry(files, other);
	return insert(files, stat, id);
}

void guarded_files_set(struct guarded_files *files, const struct file_id *id, uint32_t number)
{
	struct entry *entry = find_by_id(files, id);

	if (!entry)
		return;
	entry->file.number = number;
	if (number == 0)
		remove_entry(files, entry);
}

void guarded_files_drop_unset(struct guarded_files *files)
{
	struct entry *entry, *next;

	HASH_ITER (by_stat, files->stats, entry, next)
		if (entry->file.number == 0)
			remove_entry(files, entry);
}

const struct guarded_file *guarded_files_find(const struct guarded_files *files, const struct stat_id *stat)
{
	const struct entry *entry = find_by_stat(files, stat);

	return entry ? &entry->file : NULL;
}

size_t guarded_files_count(const struct guarded_files *files)
{
	return HASH_CNT(by_stat, files->stats);
}

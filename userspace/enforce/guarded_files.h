/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guarded_files.h: which files have a mark, and which secret each one is.
 *
 * A file has two names here: what stat says of it (an event has only its descriptor), and what the kernel calls it (the
 * watch list knows it by that); on overlayfs and btrfs they differ. A file is added when it is marked, which may be for
 * a policy that is not in force yet; only guarded_files_set() makes a secret of it. The caller locks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "abi.h"

struct guarded_files;

/* statx(2) of a descriptor; birth tells a new file from an old one whose inode number it got. */
struct stat_id {
	uint64_t ino;
	uint32_t dev_major, dev_minor;
	int64_t birth_sec;
	uint32_t birth_nsec; /* both 0 where the filesystem keeps none */
	uint32_t pad;
};

struct guarded_file {
	struct stat_id stat;
	struct file_id id;
	uint32_t number; /* of the secret; 0: none (yet) */
};

/* Asks no server and nothing of the disk. 0 or -errno. */
int stat_id_read(int fd, struct stat_id *ret);

int guarded_files_new(struct guarded_files **ret); /* 0 or -ENOMEM */
void guarded_files_free(struct guarded_files *files);

/* A file that is marked. One that is there stays as it is. 0 or -ENOMEM. */
int guarded_files_add(struct guarded_files *files, const struct stat_id *stat, const struct file_id *id);
/* What it is from now on; 0: no secret, it is forgotten. A file that was never added: nothing. */
void guarded_files_set(struct guarded_files *files, const struct file_id *id, uint32_t number);
/* Forgets what was added and never set. */
void guarded_files_drop_unset(struct guarded_files *files);

/* NULL when it is not here. Valid until the next change. */
const struct guarded_file *guarded_files_find(const struct guarded_files *files, const struct stat_id *stat);
size_t guarded_files_count(const struct guarded_files *files);

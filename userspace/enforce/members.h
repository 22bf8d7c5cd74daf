/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members.h: who is known by what, and so which classes each has; the daemon's side of the kernel's map `classes`.
 *
 * Files that are executed are known by the paths that lead to them, on the host or in one container; control groups by
 * what their path says; users by their names. Each is judged under the classes of both banks, and again when a bank
 * gets others. What the kernel's map does not take is not in it at all: abi.h says what that means there. Bounded:
 * whoever was told of longest ago goes, but no file that is followed on disk. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "base/cleanup.h"

struct classes;
struct members;
struct users;

struct members_stats {
	size_t count;      /* of all kinds */
	uint64_t evicted;  /* because there were too many */
	uint64_t failures; /* entries that the kernel's map did not take */
};

/*
 * `map_fd`, `class_generation` (shared with the programs) and `users` are borrowed. At most `max` members; the map
 * should have room for as many. 0 or -ENOMEM.
 */
int members_new(int map_fd, uint32_t *class_generation, const struct users *users, size_t max, struct members **ret);
void members_free(struct members *members); /* leaves the map as it is; NULL is fine */
DEFINE_FREEP(struct members, members_free)

/*
 * Judges everybody under these classes (borrowed until they are replaced; NULL: the bank is not used), as entries of
 * that epoch of the bank. 0, or -errno: some are missing.
 */
int members_set_bank(struct members *members, unsigned int bank, const struct classes *classes, uint32_t epoch);

/*
 * The file, under that ctime, is executed by this path too. `place` as in struct class_key. `is_followed`: stays until
 * members_unfollow(). 0 or -errno.
 */
int members_add_file(struct members *members, const struct image_file *file, uint64_t place, const char *path,
		     bool is_followed);
void members_unfollow(struct members *members, const struct image_file *file);
/* The file's content has that hash. 0, -ENOENT: nobody has told of such a file; -errno. */
int members_set_sha256(struct members *members, const struct image_file *file, uint64_t place, const char *sha256);
bool members_have_sha256(const struct members *members, const struct image_file *file, uint64_t place);

/*
 * `path` NULL: by its number it cannot be told what runs in it (a host with v1 hierarchies); `unit` and `container`
 * NULL: the path does not say. 0 or -errno.
 */
int members_add_cgroup(struct members *members, uint64_t id, const char *path, const char *unit, const char *container);
bool members_have_cgroup(const struct members *members, uint64_t id);
/* The names of the users may have changed. 0 or -errno. */
int members_update_users(struct members *members);

struct members_stats members_stats(const struct members *members);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * marks.h: where the kernel asks before it lets somebody at a file: fanotify marks on single files, on directories of
 * which every file is a secret, and on a tmpfs as a whole when all of it is.
 *
 * Never on anything else: everybody who opens a file at a mark waits for the daemon. Loop thread only, but for
 * marks_remove_file(). A mark goes with its group, or with its file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct marks;

struct marks_stats {
	size_t directories; /* marked now */
	size_t wholes;      /* tmpfs marked as a whole */
	uint64_t failures;  /* files and directories that the kernel did not mark */
};

/* `group` is borrowed. 0 or -ENOMEM. */
int marks_new(int group, struct marks **ret);
void marks_free(struct marks *marks); /* leaves the marks to the group; NULL is fine */

/* `fd` may be an O_PATH descriptor. 0 or -errno, counted. */
int marks_add_file(struct marks *marks, int fd);
/* From the descriptor of an event. Any thread. */
void marks_remove_file(int group, int fd);

/*
 * All files directly in the directory; if all below it are meant (`is_tree`) and it is the root of a tmpfs that is
 * mounted nowhere else, that tmpfs. 0 or -errno, counted. `path` is its canonical path.
 */
int marks_add_directory(struct marks *marks, int fd, const char *path, bool is_tree);
/* Before all directories are told anew, and once they are: those that were not are unmarked, if they still have their
 * path. */
void marks_begin(struct marks *marks);
void marks_end(struct marks *marks);

bool marks_has_directories(const struct marks *marks);
struct marks_stats marks_stats(const struct marks *marks);

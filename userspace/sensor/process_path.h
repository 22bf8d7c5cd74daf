/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_path.h: a path as a process passed it to the kernel, walked as far as it exists.
 *
 * From the process's own root, working directory or descriptor, one component at a time, links and `..` as the kernel
 * takes them for that process. Does not enter file systems that other processes or hosts serve (FUSE, autofs, NFS,
 * ...): a path must not be able to make us wait; what is in there counts as not existing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PROCESS_PATH_SIZE      4096
#define PROCESS_PATH_ANCESTORS 48

struct process_path {
	int file_fd;                              /* O_PATH of what the path leads to; -1: it does not exist */
	int ancestor_fds[PROCESS_PATH_ANCESTORS]; /* nearest existing directory first, then its parents; O_PATH */
	size_t ancestors_count;
	char directory[PROCESS_PATH_SIZE]; /* of the nearest, as we see it: its end names the ancestors */
	char rest[PROCESS_PATH_SIZE];      /* what does not exist below it, joined by '/' */
};

/*
 * 0, with either file_fd or ancestors; or -errno: -ESRCH (no such process or descriptor), -ENOENT (a `..` behind what
 * does not exist, or a file in the place of a directory), -ELOOP, -ENAMETOOLONG.
 */
int process_path_open(uint32_t pid, int dirfd, const char *path, struct process_path *ret);
void process_path_release(struct process_path *path);

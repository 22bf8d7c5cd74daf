/* SPDX-License-Identifier: Apache-2.0 */
/* file.h: whole files and folders that the daemon itself owns: config, policies, its state. Never a secret. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct buffer;
struct error;

/*
 * Appends the whole regular file to `out`, up to out->max. Errors, each also set in *error with the path: -ENOENT,
 * -EACCES, -EISDIR (a directory), -EINVAL (not a regular file: FIFO, device, socket; never opened blocking), -EFBIG
 * (larger than out->max), -ENAMETOOLONG, other errno of open and read. An empty file is fine here.
 */
int file_read(const char *path, struct buffer *out, struct error *error);

/*
 * Refuses (-EPERM, with *error saying what to chmod or chown) a file or directory that somebody other than root and our
 * own effective user could have written: wrong owner, group- or world-writable.
 */
int file_check_trusted(const char *path, struct error *error);

/* mkdir -p with `mode` for each directory made. 0 or -errno; an existing path that is no directory is -ENOTDIR. */
int file_make_directories(const char *path, mode_t mode);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_glob.h: which files on this host a pattern of policy/glob.h names.
 *
 * Only directories that the pattern can lead through are read, links among them are followed where the pattern names
 * them and not below a "**". The work is bounded by steps, which many calls may share.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* One file or directory; links are followed. Non-zero ends the walk, and the walk returns it. */
typedef int host_glob_fn(void *context, const char *path, bool is_directory);

/*
 * Calls `found` for what the pattern names, paths as the pattern has them. `root` is put in front of each path on disk
 * ("" for the host itself). Each look at the disk takes one of *steps. 0 when all was seen; -ENOSPC when the steps ran
 * out, or what is on disk is too deep; -EACCES when a directory could not be read: then there may be more.
 */
int host_glob(const char *root, const char *pattern, size_t *steps, host_glob_fn *found, void *context);

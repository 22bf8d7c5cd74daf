/* SPDX-License-Identifier: Apache-2.0 */
/* link_target.h: where a symbolic link points, as an absolute path without `.` and `..`. */
#pragma once

#include <stdbool.h>

#include "sensor/file_tree.h"

/*
 * Of the link `name` (open by O_PATH | O_NOFOLLOW as fd) in the canonical directory `directory`. Links further on in
 * the target are left as they are, except in front of a `..`.
 *
 * Kubernetes' AtomicWriter keeps a volume's files in "..<time stamp>" and swaps the link `..data` to a new one. Of such
 * a link the target is given as the glob of all these directories and *ret_is_last_wild set, so that a file in a new
 * one is known before the swap.
 *
 * 0, or -errno: -ENAMETOOLONG, -EINVAL (it leads to "/").
 */
int link_target_read(int fd, const char *directory, const char *name, char out[TREE_PATH_SIZE], bool *ret_is_last_wild);

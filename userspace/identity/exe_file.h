/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exe_file.h: the file behind an exe_id, found and proved to be that file.
 *
 * Any thread. What is opened here is an O_PATH descriptor first, which asks nothing of the filesystem. A filesystem may
 * be served by a hostile program (FUSE) or a dead host (NFS), and then everything else may hang: exe_file_may_hang says
 * so beforehand.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

struct procfs;

/*
 * Opens /proc/PID/exe of that very process if it is the file of `exe`. Never blocks, so it is fit for the loop. Returns
 * an O_PATH descriptor; -ESRCH the process is gone; -ESTALE another file or one that changed since; -errno.
 */
int exe_file_open_process(const struct procfs *procfs, const struct process_id *id, const struct exe_id *exe);

/* The same for a path. May block on a filesystem's server: for workers. */
int exe_file_open_path(const char *path, const struct exe_id *exe);

/*
 * Whether the descriptor is that inode. btrfs shows another device number and overlayfs another inode in stat(2); there
 * the rest must be equal: inode and ctime, or ctime alone. Asks no server.
 */
bool exe_file_is_same(int fd, const struct exe_id *exe);
/* is_same, and its ctime is still that of `exe`. */
bool exe_file_is_unchanged(int fd, const struct exe_id *exe);

/*
 * Whether reading it could wait for a program or host that need not answer: no filesystem of this kernel, judged by
 * its device, its flags, and the type in the mount tables of the process or ourselves. Unknown counts as yes. Reads
 * mountinfo: for workers.
 */
bool exe_file_may_hang(const struct procfs *procfs, uint32_t pid, const struct exe_id *exe);

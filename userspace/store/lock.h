/* SPDX-License-Identifier: Apache-2.0 */
/* lock.h: one process at a time in a state directory. */
#pragma once

struct error;

/*
 * Locks the file (made with mode 0600 where it is missing) until the descriptor is closed, with flock(2), so that the
 * lock ends with the process however it ends. The file holds the pid of its owner. -EBUSY, with that pid in *error,
 * when another has it.
 */
int store_lock(const char *path, int *ret_fd, struct error *error);

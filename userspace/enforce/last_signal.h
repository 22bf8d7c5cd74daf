/* SPDX-License-Identifier: Apache-2.0 */
/*
 * last_signal.h: who ended the agent: a one-entry map that the kernel programs write (struct last_signal), pinned so
 * that it outlives a daemon that is killed, and read by the next one.
 */
#pragma once

#include <stdbool.h>

#include "abi.h"

#define LAST_SIGNAL_NAME "last_signal"

/* What the map has. -ENODATA: no signal yet; -errno of bpf(2). */
int last_signal_read(int map_fd, struct last_signal *ret);

/*
 * Takes the pin of an earlier daemon out of `directory` and reads it. -ENOENT: there is none; -ENODATA as above;
 * -EINVAL: a map of another shape; -errno of bpf(2).
 */
int last_signal_take(const char *directory, struct last_signal *ret);
/*
 * Pins the map in `directory`, in place of any other; makes the directory, for root alone. -EPERM: no BPF file system
 * is there; -errno of mkdir(2), bpf(2).
 */
int last_signal_pin(const char *directory, int map_fd);
/* Removes the pin, and the directory if nothing else is in it. */
void last_signal_unpin(const char *directory);

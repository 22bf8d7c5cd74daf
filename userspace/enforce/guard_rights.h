/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard_rights.h: which executables may do to the agent what others may not, as globs of the configuration; told to the
 * kernel programs by the identity of the files that are there. Loop thread only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct guard_rights_source {
	int rights_fd; /* the kernel's table; borrowed */
	/* As watch_sink's: what the kernel says of descriptors. */
	int (*identify)(void *context, const int *fds, size_t count, struct file_record *ret_records);
	void *context;
};

/*
 * Makes the table what the globs, separated by ':', name now. A program that was replaced has another identity: call it
 * again from time to time. Returns how many executables there are; -E2BIG: more than the table takes; -errno of bpf(2).
 */
int guard_rights_fill(const struct guard_rights_source *source, const char *may_signal, const char *may_bpf);

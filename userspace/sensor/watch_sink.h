/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_sink.h: the kernel's tables as the watch list sees them: a fake one in tests, the BPF maps in the daemon.
 *
 * Setters replace and are called again for what is already there; clearing what is not there is no error. Each returns
 * 0 or -errno. A failure is counted by the watch list and tried again when the entry changes or the list is rebuilt.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct watch_sink {
	int (*set_file)(void *context, const struct file_id *id, const struct watch_value *value);
	int (*clear_file)(void *context, const struct file_id *id);
	int (*set_directory)(void *context, const struct file_id *id, const struct directory_value *value);
	int (*clear_directory)(void *context, const struct file_id *id);
	int (*set_name)(void *context, const struct name_key *key, const struct name_value *value);
	int (*clear_name)(void *context, const struct name_key *key);
	int (*set_ignored)(void *context, const struct file_id *id, const struct ignored_value *value);
	/* Forgets all ignored files: the patterns changed. */
	int (*clear_ignored)(void *context);
	/* What refused opens are looked at: name_filter_hash() of name_hash.h, sorted, replaces the former set. */
	int (*set_name_filter)(void *context, const uint64_t *hashes, size_t count);
	/*
	 * What the kernel says of open descriptors (O_PATH too), in their order: id, mode, nlink and fs_magic of each;
	 * a record with mode 0 for one that it could say nothing of. At most WATCH_IDENTIFY_MAX.
	 */
	int (*identify)(void *context, const int *fds, size_t count, struct file_record *ret_records);
};

#define WATCH_IDENTIFY_MAX 256

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * departed.h: secret files that have no name in the tree: removed, renamed away, mounted over, or known only from an
 * access. They may still be open or have another link, so they stay watched; only so many, the oldest goes first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "sensor/link_table.h"

#include "abi.h"

#define DEPARTED_MAX 4096

struct departed_file {
	struct table_link id_link;
	TAILQ_ENTRY(departed_file) queue;
	struct file_id id;
	uint32_t secret;
	uint32_t nlink;
	bool path_truncated; /* some of it is missing */
	char path[];         /* the last known */
};

struct departed {
	struct link_table files;
	TAILQ_HEAD(departed_queue, departed_file) queue; /* oldest first */
};

int departed_init(struct departed *departed); /* 0 or -ENOMEM */
void departed_release(struct departed *departed);
/* As the newest; replaces what is there of the same id. 0 or -ENOMEM. */
int departed_add(struct departed *departed, const struct file_id *id, uint32_t secret, uint32_t nlink, const char *path,
		 bool path_truncated);
struct departed_file *departed_find(const struct departed *departed, const struct file_id *id);
void departed_remove(struct departed *departed, struct departed_file *file); /* NULL is fine */

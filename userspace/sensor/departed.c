/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/departed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_id.h"
#include "sensor/file_tree.h"

static uint64_t hash_departed(const struct table_link *link)
{
	return file_id_hash(&link_owner(link, struct departed_file, id_link)->id);
}

int departed_init(struct departed *departed)
{
	TAILQ_INIT(&departed->queue);
	return link_table_init(&departed->files, hash_departed);
}

void departed_release(struct departed *departed)
{
	while (departed->files.buckets && !TAILQ_EMPTY(&departed->queue))
		departed_remove(departed, TAILQ_FIRST(&departed->queue));
	link_table_release(&departed->files);
}

struct departed_file *departed_find(const struct departed *departed, const struct file_id *id)
{
	struct table_link *link = link_table_first(&departed->files, file_id_hash(id));

	while (link && !file_id_equal(&link_owner(link, struct departed_file, id_link)->id, id))
		link = link->next;
	return link_owner(link, struct departed_file, id_link);
}

int departed_add(struct departed *departed, const struct file_id *id, uint32_t secret, uint32_t nlink, const char *path,
		 bool path_truncated)
{
	size_t size = strlen(path) + 1;
	struct departed_file *file = malloc(sizeof(*file) + size);

	if (!file)
		return -ENOMEM;
	file->id = *id;
	file->secret = secret;
	file->nlink = nlink;
	file->path_truncated = path_truncated;
	memcpy(file->path, path, size); /* before the old one goes: it may be the old one's */
	departed_remove(departed, departed_find(departed, id));
	link_table_add(&departed->files, &file->id_link);
	TAILQ_INSERT_TAIL(&departed->queue, file, queue);
	return 0;
}

void departed_remove(struct departed *departed, struct departed_file *file)
{
	if (!file)
		return;
	link_table_remove(&departed->files, &file->id_link);
	TAILQ_REMOVE(&departed->queue, file, queue);
	free(file);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/passage.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static size_t set_of(const struct task_snapshot *task, const struct file_id *file)
{
	uint64_t hash = (task->id.start_ns ^ file->ino * FNV_PRIME ^ (uint64_t)task->id.pid << 32) * FNV_PRIME;

	return (size_t)(hash >> 40) & (PASSAGE_SETS - 1);
}

static bool is_same(const struct passage *entry, const struct task_snapshot *task, const struct file_id *file)
{
	return entry->kind && memcmp(&entry->process, &task->id, sizeof(entry->process)) == 0 &&
	       memcmp(&entry->exe, &task->exe.file, sizeof(entry->exe)) == 0 &&
	       memcmp(&entry->file, file, sizeof(entry->file)) == 0;
}

void passage_note(struct passage_table *table, const struct task_snapshot *task, const struct file_id *file,
		  enum access_kind kind)
{
	size_t set = set_of(task, file), way = 0;

	while (way < PASSAGE_WAYS && !is_same(&table->entries[set][way], task, file))
		way++;
	if (way == PASSAGE_WAYS) {
		way = table->next[set];
		table->next[set] = (uint8_t)((way + 1) % PASSAGE_WAYS);
	}
	table->entries[set][way] =
		(struct passage){.process = task->id, .exe = task->exe.file, .file = *file, .kind = (uint8_t)kind};
}

enum access_kind passage_find(const struct passage_table *table, const struct task_snapshot *task,
			      const struct file_id *file)
{
	size_t set = set_of(task, file);

	for (size_t way = 0; way < PASSAGE_WAYS; way++)
		if (is_same(&table->entries[set][way], task, file))
			return (enum access_kind)table->entries[set][way].kind;
	return ACCESS_RECEIVE;
}

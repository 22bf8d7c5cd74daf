/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the processes ring, each led by its size in two bytes, fed to an identity that is then asked about each
 * process it was told of. Nothing of the input may be read past its end, and no table may outgrow its bound.
 */
#include <stdint.h>

#include "base/access.h"
#include "identity/identity.h"

#define MAX_PROCESSES 16
#define RECORD_MAX    (sizeof(struct process_record) + ABI_PATH_MAX + ABI_NAME_MAX + ABI_ARGS_MAX)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct identity *identity, const struct task_snapshot *task)
{
	struct access_process process;
	size_t length = 0;

	identity_describe(identity, task, &process);
	length += strlen(process.exe) + strlen(process.comm) + strlen(process.cgroup);
	length += process.script ? strlen(process.script) : 0;
	for (size_t i = 0; i < process.args_count; i++)
		length += strlen(process.args[i]);
	for (size_t i = 0; i < process.ancestors_count; i++)
		length += strlen(process.ancestors[i].exe);
	if (length > (size_t)ACCESS_ANCESTORS_MAX * ABI_PATH_MAX * 2 || process.ancestors_count > ACCESS_ANCESTORS_MAX)
		abort();
}

static void feed(struct identity *identity, const struct record_header *header, size_t size)
{
	const struct process_record *record = (const struct process_record *)header;

	if (size >= sizeof(*header) && header->type == RECORD_EXIT)
		identity_exit(identity, (const struct exit_record *)header, size);
	else if (size >= sizeof(*header) && header->type == RECORD_CGROUP)
		identity_cgroup(identity, (const struct cgroup_record *)header, size);
	else
		identity_process(identity, record, size);
	if (size >= sizeof(*record))
		ask(identity, &record->task);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct identity_config config = {
		.max_processes = MAX_PROCESSES,
		.args = true,
		.proc_root = "/nonexistent",
		.passwd_path = "/nonexistent",
	};
	struct identity *identity;

	if (identity_new(NULL, NULL, &config, &identity) < 0)
		return 0;
	while (size >= 2) {
		size_t record_size = data[0] | (size_t)data[1] << 8;
		void *copy;

		data += 2;
		size -= 2;
		if (record_size > size)
			record_size = size;
		if (record_size > RECORD_MAX)
			record_size = RECORD_MAX;
		copy = malloc(record_size > 0 ? record_size : 1); /* exact, for the sanitizer */
		if (!copy)
			break;
		if (record_size > 0)
			memcpy(copy, data, record_size);
		feed(identity, copy, record_size);
		free(copy);
		data += record_size;
		size -= record_size;
	}
	identity_tick(identity, UINT64_MAX);
	if (identity_stats(identity).processes > MAX_PROCESSES)
		abort();
	identity_free(identity);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/process_record.h"

#include <errno.h>
#include <string.h>

#define PID_LIMIT (4U << 20) /* PID_MAX_LIMIT of include/linux/threads.h */

bool process_id_is_valid(const struct process_id *id)
{
	return id->pid > 0 && id->pid <= PID_LIMIT;
}

bool process_id_equal(const struct process_id *a, const struct process_id *b)
{
	return a->pid == b->pid && a->start_ns == b->start_ns;
}

bool file_id_is_zero(const struct file_id *id)
{
	return id->ino == 0 && id->dev == 0;
}

static int check_header(const struct record_header *header, size_t size, size_t least)
{
	return size >= least && header->size >= least && header->size <= size ? 0 : -EBADMSG;
}

/* Puts one component before `at`; returns the new start, or NULL when there is no room. */
static char *prepend(const char *begin, char *at, const char *component, size_t length)
{
	if ((size_t)(at - begin) < length + 1)
		return NULL;
	at -= length;
	memcpy(at, component, length);
	for (char *slash = memchr(at, '/', length); slash; slash = memchr(slash, '/', (size_t)(at + length - slash)))
		*slash = '!';
	*--at = '/';
	return at;
}

static bool is_root_component(const char *component, size_t length)
{
	return length == 0 || (length == 1 && component[0] == '/');
}

/* A memfd is never attached anywhere: its single component says enough. */
static const char *prefix_of(__u32 flags, bool is_memfd, const char *path, size_t size)
{
	if (flags & PATH_FLAG_TRUNCATED)
		return "(truncated)";
	if (!(flags & PATH_FLAG_UNREACHABLE) || (is_memfd && !memchr(path + 1, '/', size - 1)))
		return "";
	return "(unreachable)";
}

/* Turns "cat\0bin\0usr\0" into "/usr/bin/cat". */
static size_t join_walk(const char *walk, size_t size, __u32 flags, bool is_memfd, char out[PROCESS_EXE_SIZE])
{
	char joined[PROCESS_EXE_SIZE];
	char *end = joined + sizeof(joined);
	char *at = end;
	const char *prefix;
	size_t prefix_size;
	size_t offset = 0;

	while (offset < size) {
		const char *component = walk + offset;
		size_t length = strnlen(component, size - offset);

		if (offset + length == size)
			flags |= PATH_FLAG_TRUNCATED; /* no terminator: the walk was cut inside this one */
		offset += length + 1;
		if (!is_root_component(component, length)) {
			/* Room for the prefix stays free in front. */
			char *next = prepend(joined + 16, at, component, length);

			if (!next) {
				flags |= PATH_FLAG_TRUNCATED;
				break;
			}
			at = next;
		}
	}
	if (at == end)
		return 0;
	prefix = prefix_of(flags, is_memfd, at, (size_t)(end - at));
	prefix_size = strlen(prefix);
	memcpy(out, prefix, prefix_size);
	memcpy(out + prefix_size, at, (size_t)(end - at));
	out[prefix_size + (size_t)(end - at)] = '\0';
	return prefix_size + (size_t)(end - at);
}

static size_t copy_passed(const char *path, size_t size, char out[PROCESS_EXE_SIZE])
{
	static const char prefix[] = "(unresolved)";
	size_t length = strnlen(path, size);

	memcpy(out, prefix, sizeof(prefix) - 1);
	memcpy(out + sizeof(prefix) - 1, path, length);
	out[sizeof(prefix) - 1 + length] = '\0';
	return sizeof(prefix) - 1 + length;
}

int process_record_parse(const struct process_record *record, size_t size, struct process_facts *ret)
{
	bool is_memfd;
	size_t room;

	if (check_header(&record->header, size, sizeof(*record)) < 0)
		return -EBADMSG;
	if (record->header.type != RECORD_EXEC && record->header.type != RECORD_FORK &&
	    record->header.type != RECORD_SNAPSHOT)
		return -EBADMSG;
	room = record->header.size - sizeof(*record);
	if (record->path_size > PROCESS_WALK_MAX || record->script_size > PROCESS_WALK_MAX ||
	    record->args_size > ABI_ARGS_MAX || record->path_size > room ||
	    record->script_size > room - record->path_size ||
	    record->args_size > room - record->path_size - record->script_size ||
	    !process_id_is_valid(&record->task.id))
		return -EBADMSG;

	ret->record = record;
	ret->task = &record->task;
	ret->type = (enum record_type)record->header.type;
	ret->time_ns = record->header.time_ns;
	ret->args = record->data + record->path_size + record->script_size;
	ret->args_size = record->args_size;
	ret->args_truncated = record->args_truncated != 0;
	is_memfd = (record->task.exe.flags & EXE_FLAG_MEMFD) != 0;
	ret->exe[0] = '\0';
	ret->exe_size = record->flags & PATH_FLAG_USER
				? copy_passed(record->data, record->path_size, ret->exe)
				: join_walk(record->data, record->path_size, record->flags, is_memfd, ret->exe);
	ret->is_script_known = !(record->image_flags & IMAGE_SCRIPT_UNKNOWN);
	ret->script[0] = '\0';
	ret->script_size = join_walk(record->data + record->path_size, record->script_size, record->script_flags,
				     (record->script.flags & EXE_FLAG_MEMFD) != 0, ret->script);
	return 0;
}

int exit_record_check(const struct exit_record *record, size_t size)
{
	if (check_header(&record->header, size, sizeof(*record)) < 0 || record->header.type != RECORD_EXIT)
		return -EBADMSG;
	return process_id_is_valid(&record->id) ? 0 : -EBADMSG;
}

int cgroup_record_check(const struct cgroup_record *record, size_t size)
{
	if (check_header(&record->header, size, sizeof(*record)) < 0 || record->header.type != RECORD_CGROUP)
		return -EBADMSG;
	if (record->path_size < 2 || record->path_size > ABI_PATH_MAX ||
	    record->path_size > record->header.size - sizeof(*record) || record->path[0] != '/')
		return -EBADMSG;
	return memchr(record->path, '\0', record->path_size) ? 0 : -EBADMSG;
}

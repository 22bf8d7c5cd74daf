/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/guard.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define FDINFO_MAX 4096

/* What the kernel says of an object; what does not apply is 0. */
struct facts {
	uint32_t id;
	uint32_t type;
	uint32_t max_entries;
	uint32_t flags;
	uint32_t program; /* of a link */
	uint8_t tag[BPF_TAG_SIZE];
	bool is_frozen;
};

struct item {
	enum guard_object object;
	char name[GUARD_NAME_SIZE];
	size_t number;
	int fd;
	bool must_be_frozen;
	bool is_wrong;
	struct facts facts;
	TAILQ_ENTRY(item) link;
};

struct guard {
	int objects_fd;
	TAILQ_HEAD(, item) items;
};

int guard_new(int objects_fd, struct guard **ret_guard)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	if (!guard)
		return -ENOMEM;
	guard->objects_fd = objects_fd;
	TAILQ_INIT(&guard->items);
	*ret_guard = guard;
	return 0;
}

void guard_free(struct guard *guard)
{
	struct item *item;

	if (!guard)
		return;
	while ((item = TAILQ_FIRST(&guard->items))) {
		TAILQ_REMOVE(&guard->items, item, link);
		free(item);
	}
	free(guard);
}

/* ---------------------------------------------------------------- what the kernel says */

/* Whether a map is frozen is told by /proc alone. */
static int read_frozen(int fd, bool *ret_is_frozen)
{
	char path[64], text[FDINFO_MAX];
	_cleanup_(closep) int info = -1;
	const char *line;
	ssize_t size;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return -errno;
	size = read(info, text, sizeof(text) - 1);
	if (size < 0)
		return -errno;
	text[size] = '\0';
	line = strstr(text, "\nfrozen:");
	*ret_is_frozen = line && strtoul(line + strlen("\nfrozen:"), NULL, 10) != 0;
	return 0;
}

static int read_map(int fd, struct facts *ret)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return -errno;
	ret->id = info.id;
	ret->type = info.type;
	ret->max_entries = info.max_entries;
	ret->flags = info.map_flags;
	return read_frozen(fd, &ret->is_frozen);
}

static int read_program(int fd, struct facts *ret)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return -errno;
	ret->id = info.id;
	ret->type = info.type;
	memcpy(ret->tag, info.tag, sizeof(ret->tag));
	return 0;
}

static int read_link(int fd, struct facts *ret)
{
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return -errno;
	ret->id = info.id;
	ret->type = info.type;
	ret->program = info.prog_id;
	return 0;
}

static int read_facts(enum guard_object object, int fd, struct facts *ret)
{
	*ret = (struct facts){0};
	switch (object) {
	case GUARD_MAP:
		return read_map(fd, ret);
	case GUARD_PROGRAM:
		return read_program(fd, ret);
	case GUARD_LINK:
		return read_link(fd, ret);
	case GUARD_OBJECT_COUNT:
		break;
	}
	return -EINVAL;
}

/* ---------------------------------------------------------------- what is ours */

static int tell_kernel(const struct guard *guard, const struct item *item)
{
	const struct guard_key key = {.object = item->object, .id = item->facts.id};
	const __u32 one = 1;

	return bpf_map_update_elem(guard->objects_fd, &key, &one, BPF_ANY) < 0 ? -errno : 0;
}

int guard_add(struct guard *guard, enum guard_object object, const char *name, size_t number, int fd,
	      bool must_be_frozen)
{
	_cleanup_(freep) struct item *item = calloc(1, sizeof(*item));
	int r;

	if (!item)
		return -ENOMEM;
	item->object = object;
	item->number = number;
	item->fd = fd;
	item->must_be_frozen = must_be_frozen;
	(void)snprintf(item->name, sizeof(item->name), "%s", name);
	r = read_facts(object, fd, &item->facts);
	if (r == 0)
		r = tell_kernel(guard, item);
	if (r < 0)
		return r == -E2BIG ? -ENOSPC : r;
	TAILQ_INSERT_TAIL(&guard->items, item, link);
	(void)TAKE_PTR(item);
	return 0;
}

int guard_replace_link(struct guard *guard, size_t number, int fd)
{
	struct item *item;
	struct facts facts;
	int r;

	TAILQ_FOREACH (item, &guard->items, link) {
		const struct guard_key old = {.object = GUARD_LINK, .id = item->facts.id};

		if (item->object != GUARD_LINK || item->number != number)
			continue;
		r = read_facts(GUARD_LINK, fd, &facts);
		if (r < 0)
			return r;
		(void)bpf_map_delete_elem(guard->objects_fd, &old); /* its number may become somebody else's */
		item->fd = fd;
		item->facts = facts;
		item->is_wrong = false;
		return tell_kernel(guard, item);
	}
	return -ENOENT;
}

const char *guard_name(const struct guard *guard, enum guard_object object, uint32_t id)
{
	const struct item *item;

	TAILQ_FOREACH (item, &guard->items, link) {
		if (item->object == object && item->facts.id == id)
			return item->name;
	}
	return NULL;
}

/* ---------------------------------------------------------------- the check */

/* "" when all is as it was. */
static void find_fault(const struct item *item, char detail[GUARD_DETAIL_SIZE])
{
	const struct facts *was = &item->facts;
	struct facts now;
	int r = read_facts(item->object, item->fd, &now);

	detail[0] = '\0';
	if (r < 0)
		(void)snprintf(detail, GUARD_DETAIL_SIZE, "its descriptor is no %s any more: %s",
			       item->object == GUARD_MAP    ? "map"
			       : item->object == GUARD_LINK ? "link"
							    : "program",
			       strerror(-r));
	else if (now.id != was->id || now.type != was->type || memcmp(now.tag, was->tag, sizeof(now.tag)) != 0)
		(void)snprintf(detail, GUARD_DETAIL_SIZE, "it is another one: number %u, loaded as %u", now.id,
			       was->id);
	else if (now.program != was->program)
		(void)snprintf(detail, GUARD_DETAIL_SIZE, "it runs program %u instead of %u", now.program,
			       was->program);
	else if (now.max_entries != was->max_entries || now.flags != was->flags)
		(void)snprintf(detail, GUARD_DETAIL_SIZE, "its size or flags changed");
	else if (item->must_be_frozen && !now.is_frozen)
		(void)snprintf(detail, GUARD_DETAIL_SIZE, "it is not frozen: settings could be changed");
	else if (!item->must_be_frozen && now.is_frozen)
		(void)snprintf(detail, GUARD_DETAIL_SIZE, "it was frozen: the agent cannot write it any more");
}

size_t guard_check(struct guard *guard, void (*report)(void *context, const struct guard_fault *fault), void *context)
{
	struct item *item, *next;
	size_t wrong = 0;

	for (item = TAILQ_FIRST(&guard->items); item; item = next) {
		struct guard_fault fault = {
			.object = item->object, .name = item->name, .id = item->facts.id, .number = item->number};
		bool was_wrong = item->is_wrong;

		next = TAILQ_NEXT(item, link);
		find_fault(item, fault.detail);
		item->is_wrong = fault.detail[0] != '\0';
		if (item->is_wrong && !was_wrong)
			report(context, &fault);
		wrong += item->is_wrong;
	}
	return wrong;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/directory_watch.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <sys/inotify.h>

#include "base/cleanup.h"

#define READ_SIZE 65536
/* A flood of names must not keep the loop from its other work: the rest is read on the next turn. */
#define READS_AT_ONCE 16

#define WATCH_MASK                                                                                            \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_EXCL_UNLINK | IN_ONLYDIR | \
	 IN_MASK_ADD)

struct directory_watch {
	const struct directory_watch_ops *ops;
	void *context;
	struct event *event;
	int fd;
	bool is_draining;
	char data[READ_SIZE] __attribute__((aligned(8)));
};

static void dispatch(struct directory_watch *watch, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		watch->ops->overflow(watch->context);
	else if (event->mask & IN_IGNORED)
		watch->ops->gone(watch->context, event->wd);
	else if (event->len > 0)
		watch->ops->name(watch->context, event->wd, event->name, event->mask & IN_ISDIR);
}

static void drain(struct directory_watch *watch, int reads)
{
	ssize_t size = 0;

	if (watch->is_draining)
		return;
	watch->is_draining = true;
	while (reads-- > 0 && (size = read(watch->fd, watch->data, sizeof(watch->data))) > 0)
		for (ssize_t at = 0; at < size;) {
			const struct inotify_event *event = (const void *)(watch->data + at);

			dispatch(watch, event);
			at += (ssize_t)sizeof(*event) + event->len;
		}
	watch->ops->drained(watch->context);
	watch->is_draining = false;
}

void directory_watch_drain(struct directory_watch *watch)
{
	drain(watch, READS_AT_ONCE);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	drain(context, READS_AT_ONCE);
}

int directory_watch_new(struct event_base *base, const struct directory_watch_ops *ops, void *context,
			struct directory_watch **ret)
{
	_cleanup_(directory_watch_freep) struct directory_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->ops = ops;
	watch->context = context;
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0)
		return -errno;
	if (base) {
		watch->event = event_new(base, watch->fd, EV_READ | EV_PERSIST, on_readable, watch);
		if (!watch->event || event_add(watch->event, NULL) < 0)
			return -ENOMEM;
	}
	*ret = TAKE_PTR(watch);
	return 0;
}

void directory_watch_free(struct directory_watch *watch)
{
	if (!watch)
		return;
	if (watch->event)
		event_free(watch->event);
	closep(&watch->fd);
	free(watch);
}

int directory_watch_add(struct directory_watch *watch, int directory_fd, uint32_t more)
{
	char path[64];
	int wd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", directory_fd); /* always fits */
	wd = inotify_add_watch(watch->fd, path, WATCH_MASK | more);
	return wd < 0 ? -errno : wd;
}

void directory_watch_remove(struct directory_watch *watch, int wd)
{
	(void)inotify_rm_watch(watch->fd, wd); /* fails only when the kernel dropped it already */
}

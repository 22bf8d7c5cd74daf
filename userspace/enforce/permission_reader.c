/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "enforce/fanotify_abi.h"
#include "enforce/permission_state.h"
#include "policy/policy.h"

#define EVENTS_SIZE 8192

/* Is it a thread of ours? Signal 0 only asks; nothing is opened. */
static bool is_own(uint32_t tid)
{
	return tid != 0 && syscall(SYS_tgkill, getpid(), (pid_t)tid, 0) == 0;
}

void permission_hurry(void)
{
	const struct sched_param least = {.sched_priority = 1};

	if (pthread_setschedparam(pthread_self(), SCHED_RR | SCHED_RESET_ON_FORK, &least) != 0)
		(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), -20); /* refused too: as all others */
}

static void answer(int group, int fd, bool is_allowed)
{
	const struct fanotify_response response = {.fd = fd, .response = is_allowed ? FAN_ALLOW : FAN_DENY};

	/* -ENOENT: whoever waited was killed. FAN_DENY_ERRNO() would leave the opener hanging on kernels before 6.13.
	 */
	(void)!write(group, &response, sizeof(response));
	(void)close(fd);
}

void permission_respond(struct permission *permission, struct pending *item, bool is_allowed)
{
	if (item->state == PENDING_QUEUED)
		STAILQ_REMOVE(&permission->queued, item, pending, queue);
	TAILQ_REMOVE(&permission->pending, item, age);
	answer(permission->group, item->fd, is_allowed);
	item->serial = 0;
	TAILQ_INSERT_TAIL(&permission->free, item, age);
}

/* Keeps the access waiting. When too many do, the one that came first gets the answer of those who are late. */
static struct pending *pend(struct permission *permission, const struct fanotify_event_metadata *event,
			    const struct stat_id *stat)
{
	struct pending *item = TAILQ_FIRST(&permission->free);

	if (!item)
		return NULL;
	TAILQ_REMOVE(&permission->free, item, age);
	*item = (struct pending){
		.fd = event->fd,
		.tid = (uint32_t)event->pid,
		.serial = ++permission->serial,
		.mask = event->mask,
		.deadline_ns = clock_boot_ns() + permission->config.deadline_ms * NS_PER_MS,
		.stat = *stat,
	};
	TAILQ_INSERT_TAIL(&permission->pending, item, age);
	return item;
}

static void expire_one(struct permission *permission, struct pending *item)
{
	const struct policy_secret *secret =
		item->state == PENDING_CANDIDATE ? NULL : permission_secret(permission, item->number);
	struct judgement judgement;

	permission->stats.late++;
	if (secret) {
		judgement_on_error(secret, &judgement);
		permission_settle(permission, item, secret, &judgement);
		return;
	}
	permission->stats.undecided++;
	permission_respond(permission, item, item->state != PENDING_CANDIDATE || !permission->candidate_is_denied);
}

/* Milliseconds until the next deadline, -1 for none. */
static int expire(struct permission *permission)
{
	uint64_t now = clock_boot_ns();
	struct pending *item;

	while ((item = TAILQ_FIRST(&permission->pending)) && item->deadline_ns <= now)
		expire_one(permission, item);
	return item ? (int)((item->deadline_ns - now) / NS_PER_MS) + 1 : -1;
}

static void take(struct permission *permission, const struct fanotify_event_metadata *event, const struct stat_id *stat)
{
	const struct guarded_file *file = guarded_files_find(permission->files, stat);
	bool is_secret = file && permission_secret(permission, file->number);
	/* One that is marked and not told of yet may just be on its way into a directory of secrets. */
	bool is_candidate = permission->has_directories && !(file && file->number);
	struct pending *item;

	if (!is_secret && !is_candidate) {
		if (!file)
			marks_remove_file(permission->group, event->fd); /* no secret any more */
		answer(permission->group, event->fd, true);
		return;
	}
	if (TAILQ_EMPTY(&permission->free))
		expire_one(permission, TAILQ_FIRST(&permission->pending));
	item = pend(permission, event, stat);
	if (is_secret) {
		item->file = file->id;
		item->number = file->number;
		item->state = PENDING_QUEUED;
		STAILQ_INSERT_TAIL(&permission->queued, item, queue);
		(void)pthread_cond_signal(&permission->judge_wakes);
	} else {
		item->state = PENDING_CANDIDATE;
		permission_wake_loop(permission);
	}
}

static void on_event(struct permission *permission, const struct fanotify_event_metadata *event)
{
	struct stat_id stat;

	if ((event->mask & FAN_Q_OVERFLOW) || event->fd < 0) {
		(void)pthread_mutex_lock(&permission->lock);
		permission->stats.overflows += (event->mask & FAN_Q_OVERFLOW) != 0;
		(void)pthread_mutex_unlock(&permission->lock);
		return;
	}
	if (is_own((uint32_t)event->pid) || stat_id_read(event->fd, &stat) < 0) {
		answer(permission->group, event->fd, true);
		return;
	}
	(void)pthread_mutex_lock(&permission->lock);
	permission->stats.events++;
	take(permission, event, &stat);
	(void)pthread_mutex_unlock(&permission->lock);
}

static void read_events(struct permission *permission)
{
	char bytes[EVENTS_SIZE] __attribute__((aligned(8)));
	const struct fanotify_event_metadata *event = (const void *)bytes;
	/* The kernel itself refuses an access whose descriptor it cannot give us; then read fails, and goes on. */
	ssize_t size = read(permission->group, bytes, sizeof(bytes));

	for (; size > 0 && FAN_EVENT_OK(event, size); event = FAN_EVENT_NEXT(event, size))
		on_event(permission, event);
}

void *permission_reader_run(void *context)
{
	struct permission *permission = context;
	struct pollfd fds[] = {{.fd = permission->group, .events = POLLIN},
			       {.fd = permission->wake_fd, .events = POLLIN}};
	int timeout = -1;

	permission_hurry();
	while (!(fds[1].revents & POLLIN)) {
		if (poll(fds, 2, timeout) > 0 && (fds[0].revents & POLLIN))
			read_events(permission);
		(void)pthread_mutex_lock(&permission->lock);
		timeout = expire(permission);
		(void)pthread_mutex_unlock(&permission->lock);
	}
	return NULL;
}

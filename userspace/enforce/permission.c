/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/permission.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "enforce/fanotify_abi.h"
#include "enforce/permission_state.h"
#include "identity/resolver.h"
#include "identity/users.h"
#include "policy/policy.h"

static void lock(struct permission *permission)
{
	(void)pthread_mutex_lock(&permission->lock);
}

static void unlock(struct permission *permission)
{
	(void)pthread_mutex_unlock(&permission->lock);
}

/* ---------------------------------------------------------------- life */

static int open_descriptors(struct permission *permission, struct error *error)
{
	permission->group = fanotify_init(FAN_CLASS_PRE_CONTENT | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS |
						  FAN_REPORT_TID | FAN_CLOEXEC | FAN_NONBLOCK,
					  O_RDONLY | O_CLOEXEC | O_NOATIME);
	if (permission->group < 0)
		return error_set(error, -errno, NULL, 0, "no fanotify group for permission events: %s",
				 strerror(errno));
	permission->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	permission->loop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return permission->wake_fd < 0 || permission->loop_fd < 0 ? -errno : 0;
}

static int create_parts(struct permission *permission, struct error *error)
{
	int r = open_descriptors(permission, error);

	permission->denials = calloc(1, sizeof(*permission->denials));
	permission->collected = calloc(1, sizeof(*permission->collected));
	if (r == 0 && (!permission->denials || !permission->collected))
		r = -ENOMEM;
	if (r == 0)
		r = marks_new(permission->group, &permission->marks);
	if (r == 0)
		r = guarded_files_new(&permission->files);
	if (r == 0)
		r = users_new("/etc/passwd", &permission->users);
	return r < 0 ? r : resolver_new(NULL, &permission->resolver);
}

static int start_threads(struct permission *permission)
{
	int r = -pthread_create(&permission->judge, NULL, permission_judge_run, permission);

	if (r < 0)
		return r;
	permission->has_judge = true;
	r = -pthread_create(&permission->reader, NULL, permission_reader_run, permission);
	permission->has_reader = r == 0;
	return r;
}

/* Who has it is as much in a hurry as who waits for it. */
static void init_lock(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attributes;

	(void)pthread_mutexattr_init(&attributes);
	(void)pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	(void)pthread_mutex_init(mutex, &attributes);
	(void)pthread_mutexattr_destroy(&attributes);
}

int permission_new(const struct permission_config *config, struct permission **ret, struct error *error)
{
	_cleanup_(permission_freep) struct permission *permission = calloc(1, sizeof(*permission));
	int r;

	if (!permission)
		return -ENOMEM;
	permission->config = *config;
	permission->group = permission->wake_fd = permission->loop_fd = -1;
	TAILQ_INIT(&permission->pending);
	TAILQ_INIT(&permission->free);
	STAILQ_INIT(&permission->queued);
	STAILQ_INIT(&permission->questions);
	for (size_t i = 0; i < PENDING_MAX; i++)
		TAILQ_INSERT_TAIL(&permission->free, &permission->items[i], age);
	init_lock(&permission->lock);
	(void)pthread_cond_init(&permission->judge_wakes, NULL);
	r = create_parts(permission, error);
	if (r == 0)
		r = start_threads(permission);
	if (r < 0)
		return error_set(error, r, NULL, 0, "the fanotify tier cannot be started: %s", strerror(-r));
	*ret = TAKE_PTR(permission);
	return 0;
}

static void close_at(int *fd)
{
	closep(fd);
	*fd = -1;
}

void permission_stop(struct permission *permission)
{
	const uint64_t one = 1;

	lock(permission);
	permission->is_stopping = true;
	(void)pthread_cond_signal(&permission->judge_wakes);
	unlock(permission);
	if (permission->wake_fd >= 0)
		(void)!write(permission->wake_fd, &one, sizeof(one)); /* cannot fail: it is read by nobody */
	if (permission->has_reader)
		(void)pthread_join(permission->reader, NULL);
	if (permission->has_judge)
		(void)pthread_join(permission->judge, NULL);
	permission->has_reader = permission->has_judge = false;
	/* The kernel lets pass whoever waits. */
	close_at(&permission->group);
	while (!TAILQ_EMPTY(&permission->pending))
		permission_respond(permission, TAILQ_FIRST(&permission->pending), true);
}

void permission_free(struct permission *permission)
{
	struct question *question;

	if (!permission)
		return;
	permission_stop(permission);
	while ((question = STAILQ_FIRST(&permission->questions))) {
		STAILQ_REMOVE_HEAD(&permission->questions, queue);
		free(question);
	}
	close_at(&permission->wake_fd);
	close_at(&permission->loop_fd);
	marks_free(permission->marks);
	resolver_free(permission->resolver);
	users_free(permission->users);
	guarded_files_free(permission->files);
	free(permission->denials);
	free(permission->collected);
	(void)pthread_cond_destroy(&permission->judge_wakes);
	(void)pthread_mutex_destroy(&permission->lock);
	free(permission);
}

/* ---------------------------------------------------------------- what is marked */

const struct policy_secret *permission_secret(const struct permission *permission, uint32_t number)
{
	return number < VERDICT_SECRETS_MAX ? permission->secrets[number] : NULL;
}

void permission_mark_file(struct permission *permission, int fd, const struct file_id *id, uint32_t number)
{
	struct stat_id stat;

	if (stat_id_read(fd, &stat) < 0)
		return;
	lock(permission);
	/* Known before it is marked, and both at once for the reader, which takes a mark away where nothing is known.
	 */
	if (permission_secret(permission, number) && guarded_files_add(permission->files, &stat, id) == 0)
		(void)marks_add_file(permission->marks, fd); /* a failure is counted, and told by the loop's tick */
	unlock(permission);
}

void permission_mark_directory(struct permission *permission, int fd, const char *path, uint32_t inside, uint32_t below)
{
	lock(permission);
	if (permission_secret(permission, below))
		(void)marks_add_directory(permission->marks, fd, path, true);
	else if (permission_secret(permission, inside))
		(void)marks_add_directory(permission->marks, fd, path, false);
	permission->has_directories = marks_has_directories(permission->marks);
	unlock(permission);
}

void permission_set_file(struct permission *permission, const struct file_id *id, uint32_t number)
{
	lock(permission);
	guarded_files_set(permission->files, id, permission_secret(permission, number) ? number : 0);
	unlock(permission);
}

/* ---------------------------------------------------------------- policies */

static void use(struct permission *permission, permission_secrets secrets)
{
	memcpy(permission->secrets, secrets, sizeof(permission->secrets));
	permission->candidate_is_denied = false;
	for (size_t i = 0; i < VERDICT_SECRETS_MAX; i++)
		if (secrets[i] && secrets[i]->on_error == POLICY_ON_ERROR_DENY)
			permission->candidate_is_denied = true;
}

void permission_begin(struct permission *permission, permission_secrets secrets)
{
	lock(permission);
	use(permission, secrets);
	unlock(permission);
	marks_begin(permission->marks);
}

void permission_end(struct permission *permission, permission_secrets secrets)
{
	lock(permission);
	use(permission, secrets);
	guarded_files_drop_unset(permission->files);
	unlock(permission);
	marks_end(permission->marks); /* looks at the file system: not with the lock */
	lock(permission);
	permission->has_directories = marks_has_directories(permission->marks);
	unlock(permission);
}

void permission_abandon(struct permission *permission, permission_secrets secrets)
{
	lock(permission);
	use(permission, secrets);
	guarded_files_drop_unset(permission->files);
	unlock(permission);
}

/* ---------------------------------------------------------------- the loop's part */

void permission_wake_loop(const struct permission *permission)
{
	const uint64_t one = 1;

	(void)!write(permission->loop_fd, &one, sizeof(one)); /* full is awake */
}

int permission_fd(const struct permission *permission)
{
	return permission->loop_fd;
}

struct pending *permission_find(struct permission *permission, uint64_t serial)
{
	struct pending *item;

	TAILQ_FOREACH (item, &permission->pending, age)
		if (item->serial == serial)
			return item;
	return NULL;
}

/* The serial of the newest access that waits for the watch list; 0: none does. */
static uint64_t newest_candidate(struct permission *permission)
{
	uint64_t newest = 0;
	struct pending *item;

	TAILQ_FOREACH (item, &permission->pending, age)
		if (item->state == PENDING_CANDIDATE)
			newest = item->serial;
	return newest;
}

/* The watch list has told of all that there was when the access of that serial began to wait. */
static void place_candidates(struct permission *permission, uint64_t newest)
{
	struct pending *item, *next;

	for (item = TAILQ_FIRST(&permission->pending); item && item->serial <= newest; item = next) {
		const struct guarded_file *file;

		next = TAILQ_NEXT(item, age);
		if (item->state != PENDING_CANDIDATE)
			continue;
		file = guarded_files_find(permission->files, &item->stat);
		if (!file || !permission_secret(permission, file->number)) {
			if (!file)
				marks_remove_file(permission->group, item->fd);
			permission_respond(permission, item, true);
			continue;
		}
		item->file = file->id;
		item->number = file->number;
		item->state = PENDING_QUEUED;
		STAILQ_INSERT_TAIL(&permission->queued, item, queue);
		(void)pthread_cond_signal(&permission->judge_wakes);
	}
}

void permission_dispatch(struct permission *permission)
{
	struct question_queue questions = STAILQ_HEAD_INITIALIZER(questions);
	struct question *question;
	uint64_t count, newest;

	(void)!read(permission->loop_fd, &count, sizeof(count)); /* empty is fine */
	lock(permission);
	newest = newest_candidate(permission);
	STAILQ_CONCAT(&questions, &permission->questions);
	unlock(permission);
	if (newest) {
		permission->config.catch_up(permission->config.context);
		lock(permission);
		place_candidates(permission, newest);
		unlock(permission);
	}
	while ((question = STAILQ_FIRST(&questions))) {
		STAILQ_REMOVE_HEAD(&questions, queue);
		permission->config.ask(permission->config.context, &question->question);
	}
}

void permission_answer(struct permission *permission, struct permission_question *asked,
		       const struct access_process *process, uint32_t unknown)
{
	struct question *question = (struct question *)asked;
	struct access access = {.kind = asked->kind, .process = *process};

	permission_settle_asked(permission, question->serial, &access, unknown);
	free(question);
}

void permission_refresh(struct permission *permission)
{
	struct users *users, *former;

	if (!users_is_stale(permission->users))
		return;
	/* Read without the lock: the file may be one that is marked. */
	if (users_new("/etc/passwd", &users) < 0)
		return;
	lock(permission);
	former = permission->users;
	permission->users = users;
	unlock(permission);
	users_free(former);
}

void permission_collect(struct permission *permission, void (*fn)(void *context, const struct denial *denial),
			void *context)
{
	struct denial_table *taken = permission->denials;

	lock(permission);
	permission->denials = permission->collected;
	permission->collected = taken;
	permission->stats.untold += taken->lost;
	taken->lost = 0;
	unlock(permission);
	for (size_t i = 0; i < taken->count; i++)
		fn(context, &taken->items[i]);
	denial_table_clear(taken);
}

struct permission_stats permission_stats(struct permission *permission)
{
	struct permission_stats stats;

	lock(permission);
	stats = permission->stats;
	stats.files = guarded_files_count(permission->files);
	unlock(permission);
	stats.marks = marks_stats(permission->marks);
	return stats;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/users.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"

#define USERS_MAX     65536
#define NAME_LENGTH   255
#define FILE_SIZE_MAX (16 << 20)

struct user {
	uint32_t uid;
	uint32_t order; /* of its line */
	char *name;     /* owned */
};

struct user_list {
	struct user *users; /* by uid, then by line */
	size_t count;
	size_t capacity;
};

struct users {
	struct user_list list;
	struct stat seen; /* of the file that was read; zero for none */
	char path[];
};

static void list_release(struct user_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->users[i].name);
	free(list->users);
	*list = (struct user_list){0};
}

static int compare(const void *a, const void *b)
{
	const struct user *x = a;
	const struct user *y = b;

	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int list_add(struct user_list *list, const struct passwd *entry)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity > 0 ? list->capacity * 2 : 64;
		struct user *users = reallocarray(list->users, capacity, sizeof(*users));

		if (!users)
			return -ENOMEM;
		list->users = users;
		list->capacity = capacity;
	}
	list->users[list->count] = (struct user){
		.uid = entry->pw_uid,
		.order = (uint32_t)list->count,
		.name = strdup(entry->pw_name),
	};
	if (!list->users[list->count].name)
		return -ENOMEM;
	list->count++;
	return 0;
}

/* "+" and "-" are orders to NIS, no users. */
static bool is_user(const struct passwd *entry)
{
	return entry->pw_name[0] != '\0' && entry->pw_name[0] != '+' && entry->pw_name[0] != '-' &&
	       strlen(entry->pw_name) <= NAME_LENGTH;
}

static int read_list(FILE *file, struct user_list *ret)
{
	struct user_list list = {0};
	const struct passwd *entry;
	int r = 0;

	/* Not fgetpwent_r: it needs a guess how long a line may be. Only the loop calls this. */
	while (r == 0 && list.count < USERS_MAX && (entry = fgetpwent(file)))
		if (is_user(entry))
			r = list_add(&list, entry);
	if (r < 0) {
		list_release(&list);
		return r;
	}
	if (list.count > 0)
		qsort(list.users, list.count, sizeof(*list.users), compare);
	*ret = list;
	return 0;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool users_is_stale(const struct users *users)
{
	struct stat st;

	return stat(users->path, &st) == 0 && !is_same_file(&st, &users->seen);
}

bool users_refresh(struct users *users)
{
	_cleanup_(fclosep) FILE *file = NULL;
	struct user_list list;
	struct stat st;
	int fd;
	int r;

	if (!users_is_stale(users))
		return false;
	fd = open(users->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_SIZE_MAX || !(file = fdopen(fd, "r"))) {
		(void)close(fd); /* nothing was written */
		return false;
	}
	r = read_list(file, &list);
	if (r < 0) {
		(void)log_warning(r, "reading the users in '%s'", users->path); /* the names that were known stay */
		return false;
	}
	list_release(&users->list);
	users->list = list;
	users->seen = st;
	return true;
}

int users_new(const char *path, struct users **ret)
{
	size_t size = strlen(path) + 1;
	struct users *users = calloc(1, sizeof(*users) + size);

	if (!users)
		return -ENOMEM;
	memcpy(users->path, path, size);
	(void)users_refresh(users);
	*ret = users;
	return 0;
}

void users_free(struct users *users)
{
	if (!users)
		return;
	list_release(&users->list);
	free(users);
}

const char *users_name(const struct users *users, uint32_t uid)
{
	size_t low = 0;
	size_t high = users->list.count;

	/* The first of that uid. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (users->list.users[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < users->list.count && users->list.users[low].uid == uid ? users->list.users[low].name : NULL;
}

int users_each(const struct users *users, int (*each)(void *context, uint32_t uid, const char *name), void *context)
{
	const struct user *list = users->list.users;
	int r = 0;

	for (size_t i = 0; r == 0 && i < users->list.count; i++)
		if (i == 0 || list[i].uid != list[i - 1].uid)
			r = each(context, list[i].uid, list[i].name);
	return r;
}

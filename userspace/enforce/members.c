/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/members.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/access.h"
#include "enforce/classes.h"
#include "identity/users.h"

/* A file gets another ctime with a new link or name, so a file of one ctime has few paths; bind mounts may add some. */
#define PATHS_MAX 32

struct path {
	SLIST_ENTRY(path) link;
	char text[];
};

struct member {
	struct class_key key;
	UT_hash_handle hh;
	TAILQ_ENTRY(member) recent; /* unless is_kept */
	SLIST_HEAD(, path) paths;   /* file */
	size_t paths_count;
	char *cgroup, *unit, *container; /* cgroup */
	char *user;                      /* uid */
	struct class_value value;        /* as in the map, if is_published */
	bool is_published;
	bool is_kept;
	char sha256[SHA256_HEX_SIZE]; /* "" while unknown */
};

struct bank {
	const struct classes *classes; /* borrowed */
	uint32_t epoch;
};

struct members {
	int map_fd;
	uint32_t *class_generation;
	const struct users *users;
	size_t max;
	struct member *table;
	TAILQ_HEAD(, member) recent; /* told of last at the tail */
	struct bank banks[VERDICT_BANKS];
	struct members_stats stats;
};

int members_new(int map_fd, uint32_t *class_generation, const struct users *users, size_t max, struct members **ret)
{
	struct members *members = calloc(1, sizeof(*members));

	if (!members)
		return -ENOMEM;
	members->map_fd = map_fd;
	members->class_generation = class_generation;
	members->users = users;
	members->max = max;
	TAILQ_INIT(&members->recent);
	*ret = members;
	return 0;
}

static void member_free(struct member *member)
{
	while (!SLIST_EMPTY(&member->paths)) {
		struct path *path = SLIST_FIRST(&member->paths);

		SLIST_REMOVE_HEAD(&member->paths, link);
		free(path);
	}
	free(member->cgroup);
	free(member->unit);
	free(member->container);
	free(member->user);
	free(member);
}

void members_free(struct members *members)
{
	struct member *member, *next;

	if (!members)
		return;
	HASH_ITER (hh, members->table, member, next) {
		HASH_DEL(members->table, member);
		member_free(member);
	}
	free(members);
}

struct members_stats members_stats(const struct members *members)
{
	struct members_stats stats = members->stats;

	stats.count = HASH_COUNT(members->table);
	return stats;
}

/* ---------------------------------------------------------------- the kernel's map */

static void judge(const struct classes *classes, const struct member *member, uint64_t bits[CLASS_WORDS])
{
	struct class_subject subject = {
		.member = (enum class_member)member->key.member,
		.sha256 = member->sha256[0] ? member->sha256 : NULL,
		.cgroup = member->cgroup,
		.unit = member->unit,
		.container = member->container,
		.number = (uint32_t)member->key.id,
		.user = member->user,
	};
	const struct path *path;

	memset(bits, 0, CLASS_WORDS * sizeof(*bits));
	if (subject.member != MEMBER_FILE) {
		classes_match(classes, &subject, bits);
		return;
	}
	SLIST_FOREACH (path, &member->paths, link) {
		subject.path = path->text;
		classes_match(classes, &subject, bits);
	}
}

/* Without an entry a file that is followed nowhere has no class, nor has a user; a group that of the one above. */
static bool is_first_news(const struct member *member, const struct class_value *now)
{
	static const struct class_value none;

	return member->key.member == MEMBER_CGROUP || member->key.place != 0 ||
	       memcmp(now->bits, none.bits, sizeof(now->bits)) != 0;
}

/* Would a decision that was made under `before` be another one now? */
static bool is_change(const struct class_value *before, const struct class_value *now)
{
	if (before->flags != now->flags)
		return true;
	for (size_t bank = 0; bank < VERDICT_BANKS; bank++)
		if (before->epochs[bank] == now->epochs[bank] &&
		    memcmp(before->bits[bank], now->bits[bank], sizeof(now->bits[bank])) != 0)
			return true;
	return false;
}

static void bump_generation(struct members *members)
{
	__atomic_fetch_add(members->class_generation, 1, __ATOMIC_ACQ_REL);
}

static void forget(struct members *members, struct member *member)
{
	if (member->is_published)
		(void)bpf_map_delete_elem(members->map_fd, &member->key); /* it is there */
	member->is_published = false;
}

/* Rather unknown than with classes that it had; but without an entry a user or a group has none, and keeps those. */
static void withdraw(struct members *members, struct member *member)
{
	if (!member->is_published || member->key.member == MEMBER_UID || member->key.member == MEMBER_GID)
		return;
	forget(members, member);
	bump_generation(members);
}

static void judge_in_banks(const struct members *members, const struct member *member, struct class_value *ret)
{
	bool is_cgroup = member->key.member == MEMBER_CGROUP;

	memset(ret, 0, sizeof(*ret));
	if (is_cgroup && (member->container || !member->cgroup))
		ret->flags |= CLASS_CONTAINER;
	if (is_cgroup && (member->container || member->unit))
		ret->flags |= CLASS_SETTLED;
	for (size_t bank = 0; bank < VERDICT_BANKS; bank++) {
		uint64_t bits[CLASS_WORDS];

		if (!members->banks[bank].classes || (is_cgroup && !member->cgroup))
			continue;
		judge(members->banks[bank].classes, member, bits);
		memcpy(ret->bits[bank], bits, sizeof(bits));
		ret->epochs[bank] = members->banks[bank].epoch;
	}
}

/* Brings what the member is now to the kernel. The map first, then the generation that makes old decisions void. */
static int publish(struct members *members, struct member *member)
{
	struct class_value value;
	bool was_published = member->is_published;

	judge_in_banks(members, member, &value);
	if (was_published && memcmp(&member->value, &value, sizeof(value)) == 0)
		return 0;
	if (bpf_map_update_elem(members->map_fd, &member->key, &value, BPF_ANY) < 0) {
		int r = -errno;

		members->stats.failures++;
		withdraw(members, member);
		return r;
	}
	if (was_published ? is_change(&member->value, &value) : is_first_news(member, &value))
		bump_generation(members);
	member->value = value;
	member->is_published = true;
	return 0;
}

/* ---------------------------------------------------------------- members */

static struct member *find(const struct members *members, const struct class_key *key)
{
	struct member *member;

	HASH_FIND(hh, members->table, key, sizeof(*key), member);
	return member;
}

static void evict(struct members *members)
{
	struct member *oldest = TAILQ_FIRST(&members->recent);

	if (!oldest || HASH_COUNT(members->table) < members->max)
		return;
	members->stats.evicted++;
	TAILQ_REMOVE(&members->recent, oldest, recent);
	forget(members, oldest); /* what was decided stays true */
	HASH_DEL(members->table, oldest);
	member_free(oldest);
}

static void keep(struct members *members, struct member *member)
{
	if (member->is_kept)
		return;
	TAILQ_REMOVE(&members->recent, member, recent);
	member->is_kept = true;
}

/* The one that is there, as the one told of last, or a new one. NULL: no memory, or all that there is room for is kept.
 */
static struct member *get(struct members *members, const struct class_key *key)
{
	struct member *member = find(members, key);

	if (member) {
		if (!member->is_kept) {
			TAILQ_REMOVE(&members->recent, member, recent);
			TAILQ_INSERT_TAIL(&members->recent, member, recent);
		}
		return member;
	}
	evict(members);
	if (HASH_COUNT(members->table) >= members->max)
		return NULL;
	member = calloc(1, sizeof(*member));
	if (!member)
		return NULL;
	member->key = *key;
	HASH_ADD(hh, members->table, key, sizeof(member->key), member);
	if (!member->hh.tbl) {
		free(member);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&members->recent, member, recent);
	return member;
}

static struct class_key key_of_file(const struct image_file *file, uint64_t place)
{
	return (struct class_key){
		.id = file->file.ino,
		.place = place,
		.ctime_sec = file->ctime_sec,
		.ctime_nsec = file->ctime_nsec,
		.dev = file->file.dev,
		.generation = file->file.generation,
		.member = MEMBER_FILE,
	};
}

static int add_path(struct member *member, const char *path)
{
	size_t size = strlen(path) + 1;
	struct path *item;

	SLIST_FOREACH (item, &member->paths, link)
		if (strcmp(item->text, path) == 0)
			return 0;
	if (member->paths_count >= PATHS_MAX)
		return -E2BIG;
	item = malloc(sizeof(*item) + size);
	if (!item)
		return -ENOMEM;
	memcpy(item->text, path, size);
	SLIST_INSERT_HEAD(&member->paths, item, link);
	member->paths_count++;
	return 0;
}

int members_add_file(struct members *members, const struct image_file *file, uint64_t place, const char *path,
		     bool is_followed)
{
	const struct class_key key = key_of_file(file, place);
	struct member *member = get(members, &key);
	int r;

	if (!member)
		return -ENOMEM;
	r = add_path(member, path);
	if (r < 0) {
		withdraw(members, member); /* some of what it is called is not known */
		return r;
	}
	if (is_followed)
		keep(members, member);
	return publish(members, member);
}

void members_unfollow(struct members *members, const struct image_file *file)
{
	const struct class_key key = key_of_file(file, 0);
	struct member *member = find(members, &key);

	if (!member || !member->is_kept)
		return;
	member->is_kept = false;
	TAILQ_INSERT_TAIL(&members->recent, member, recent);
}

int members_set_sha256(struct members *members, const struct image_file *file, uint64_t place, const char *sha256)
{
	const struct class_key key = key_of_file(file, place);
	struct member *member = find(members, &key);

	if (!member)
		return -ENOENT;
	if (strlen(sha256) >= sizeof(member->sha256))
		return -EINVAL;
	memcpy(member->sha256, sha256, strlen(sha256) + 1);
	return publish(members, member);
}

bool members_have_sha256(const struct members *members, const struct image_file *file, uint64_t place)
{
	const struct class_key key = key_of_file(file, place);
	const struct member *member = find(members, &key);

	return member && member->sha256[0];
}

static struct class_key key_of_number(enum class_member member, uint64_t number)
{
	return (struct class_key){.id = number, .member = member};
}

/* Puts a copy in place of *string. `value` may be NULL. */
static int replace_string(char **string, const char *value)
{
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return -ENOMEM;
	free(*string);
	*string = copy;
	return 0;
}

int members_add_cgroup(struct members *members, uint64_t id, const char *path, const char *unit, const char *container)
{
	const struct class_key key = key_of_number(MEMBER_CGROUP, id);
	struct member *member = get(members, &key);

	if (!member)
		return -ENOMEM;
	if (replace_string(&member->cgroup, path) < 0 || replace_string(&member->unit, unit) < 0 ||
	    replace_string(&member->container, container) < 0) {
		withdraw(members, member);
		return -ENOMEM;
	}
	return publish(members, member);
}

bool members_have_cgroup(const struct members *members, uint64_t id)
{
	const struct class_key key = key_of_number(MEMBER_CGROUP, id);
	const struct member *member = find(members, &key);

	return member && member->is_published;
}

/* ---------------------------------------------------------------- users and groups */

static bool is_in_any_class(const struct members *members, const struct member *member)
{
	struct class_value value;

	judge_in_banks(members, member, &value);
	for (size_t bank = 0; bank < VERDICT_BANKS; bank++)
		for (size_t word = 0; word < CLASS_WORDS; word++)
			if (value.bits[bank][word])
				return true;
	return false;
}

/* Only who belongs to some class needs an entry. */
static int add_number(struct members *members, enum class_member kind, uint32_t number, const char *user)
{
	const struct class_key key = key_of_number(kind, number);
	struct member candidate = {.key = key, .user = (char *)(uintptr_t)user}; /* only read */
	struct member *member = find(members, &key);
	int r;

	if (!member && !is_in_any_class(members, &candidate))
		return 0;
	member = get(members, &key);
	if (!member)
		return -ENOMEM;
	keep(members, member);
	r = replace_string(&member->user, user);
	if (r < 0) {
		withdraw(members, member);
		return r;
	}
	return publish(members, member);
}

static int add_user(void *context, uint32_t uid, const char *name)
{
	return add_number(context, MEMBER_UID, uid, name);
}

static int add_listed(struct members *members, const struct classes *classes)
{
	int r = 0;

	for (size_t i = 1; classes && i < classes->counts[MEMBER_UID]; i++) {
		const struct rule_numbers *uid = &classes->definitions[MEMBER_UID][i]->uid;

		for (size_t j = 0; r == 0 && j < uid->count; j++)
			r = add_number(members, MEMBER_UID, uid->values[j], users_name(members->users, uid->values[j]));
	}
	for (size_t i = 1; classes && i < classes->counts[MEMBER_GID]; i++) {
		const struct rule_numbers *gid = &classes->definitions[MEMBER_GID][i]->gid;

		for (size_t j = 0; r == 0 && j < gid->count; j++)
			r = add_number(members, MEMBER_GID, gid->values[j], NULL);
	}
	return r;
}

int members_update_users(struct members *members)
{
	struct member *member, *next;
	int r = 0;

	/* Who has an entry may have lost the name. */
	HASH_ITER (hh, members->table, member, next)
		if (member->key.member == MEMBER_UID && r == 0)
			r = add_number(members, MEMBER_UID, (uint32_t)member->key.id,
				       users_name(members->users, (uint32_t)member->key.id));
	for (size_t bank = 0; r == 0 && bank < VERDICT_BANKS; bank++)
		r = add_listed(members, members->banks[bank].classes);
	return r < 0 ? r : users_each(members->users, add_user, members);
}

/* ---------------------------------------------------------------- banks */

int members_set_bank(struct members *members, unsigned int bank, const struct classes *classes, uint32_t epoch)
{
	struct member *member, *next;
	int result = 0, r;

	members->banks[bank] = (struct bank){.classes = classes, .epoch = epoch};
	if (!classes)
		return 0;
	HASH_ITER (hh, members->table, member, next) {
		r = publish(members, member);
		if (result == 0)
			result = r;
	}
	r = members_update_users(members);
	return result < 0 ? result : r;
}

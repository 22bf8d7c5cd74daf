/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy_advice.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cli/advice.h"
#include "policy/policy.h"

#define QUOTE_SIZE     80
#define USERS_FIRST    64
#define ABSENCES_FIRST 32

void advice_list_add(struct advice_list *list, const char *name)
{
	char quote[QUOTE_SIZE];
	size_t used = strlen(list->text), size = strlen(escape_line(name, quote, sizeof(quote))) + 4;

	list->count++;
	if (list->shown + 1 < list->count || used + size + sizeof(" and 4294967295 more") > sizeof(list->text))
		return;
	list->shown++;
	(void)snprintf(list->text + used, sizeof(list->text) - used, "%s\"%s\"", used ? ", " : "", quote); /* fits */
}

const char *advice_list_text(struct advice_list *list)
{
	size_t used = strlen(list->text);

	if (list->shown < list->count)
		(void)snprintf(list->text + used, sizeof(list->text) - used, " and %zu more",
			       list->count - list->shown); /* room was left for it */
	list->shown = list->count;
	return list->text;
}

/* ---------------------------------------------------------------- users */

static int compare_users(const void *a, const void *b)
{
	return strcmp(((const struct advice_user *)a)->name, ((const struct advice_user *)b)->name);
}

static int add_user(struct advice *advice, const struct passwd *entry, size_t *size)
{
	if (advice->users_count == *size) {
		size_t larger = *size ? 2 * *size : USERS_FIRST;
		struct advice_user *users = reallocarray(advice->users, larger, sizeof(*users));

		if (!users)
			return -ENOMEM;
		advice->users = users;
		*size = larger;
	}
	advice->users[advice->users_count].name = strdup(entry->pw_name);
	if (!advice->users[advice->users_count].name)
		return -ENOMEM;
	advice->users[advice->users_count++].uid = entry->pw_uid;
	return 0;
}

/* Without the file nothing is known of users, and nothing is said. */
static int read_users(struct advice *advice)
{
	_cleanup_(fclosep) FILE *file = NULL;
	char path[PATH_MAX];
	struct passwd *entry;
	size_t size = 0;
	int r;

	if (snprintf(path, sizeof(path), "%s/etc/passwd", advice->host->root) >= (int)sizeof(path))
		return 0;
	r = homes_read(path, &advice->homes);
	if (r == -ENOMEM)
		return r;
	file = fopen(path, "re");
	if (!file)
		return 0;
	while ((entry = fgetpwent(file))) {
		r = add_user(advice, entry, &size);
		if (r < 0)
			return r;
	}
	advice->has_users = true;
	if (advice->users_count > 0)
		qsort(advice->users, advice->users_count, sizeof(*advice->users), compare_users);
	return 0;
}

/* ---------------------------------------------------------------- what is not there */

static int grow_absences(struct advice *advice)
{
	size_t size = advice->absences_size ? 2 * advice->absences_size : ABSENCES_FIRST;
	struct advice_absence *absences = reallocarray(advice->absences, size, sizeof(*absences));

	if (!absences)
		return -ENOMEM;
	advice->absences = absences;
	advice->absences_size = size;
	return 0;
}

int advice_tell_absent(struct advice *advice, const char *file, int line, const char *format, ...)
{
	struct advice_absence absence = {.file = file, .line = line};
	va_list arguments;
	int r;

	if (advice->absences_count == advice->absences_size && grow_absences(advice) < 0)
		return -ENOMEM;
	va_start(arguments, format);
	r = vasprintf(&absence.text, format, arguments);
	va_end(arguments);
	if (r < 0)
		return -ENOMEM;
	advice->absences[advice->absences_count++] = absence;
	return 0;
}

static void forget_absences(struct advice *advice)
{
	for (size_t i = 0; i < advice->absences_count; i++)
		free(advice->absences[i].text);
	advice->absences_count = 0;
}

/* All that was told of one file, or that it was much. */
static int flush_absences(struct advice *advice)
{
	int r = 0;

	if (advice->absences_count > advice->host->absent_max)
		r = policy_set_warn(
			advice->set, advice->absences[0].file, advice->absences[0].line,
			"from here on %zu secrets and rules name files, programs, users or units that are not "
			"on this host; \"sagent policy check --json\" lists them",
			advice->absences_count);
	for (size_t i = 0; r >= 0 && i < advice->absences_count && advice->absences_count <= advice->host->absent_max;
	     i++)
		r = policy_set_warn(advice->set, advice->absences[i].file, advice->absences[i].line, "%s",
				    advice->absences[i].text);
	forget_absences(advice);
	return r;
}

/* ---------------------------------------------------------------- all of it */

static void advice_release(struct advice *advice)
{
	for (size_t i = 0; i < advice->users_count; i++)
		free(advice->users[i].name);
	free(advice->users);
	forget_absences(advice);
	free(advice->absences);
	homes_release(&advice->homes);
}

/* The secrets of one file lie together. */
static int advise_file(struct advice *advice, size_t *index)
{
	const struct policy_secret *first = policy_set_secret(advice->set, *index), *secret = first;
	int r = 0;

	for (; r >= 0 && secret && secret->file == first->file; secret = policy_set_secret(advice->set, ++*index)) {
		r = advise_rules(advice, secret);
		if (r >= 0)
			r = advise_files(advice, secret);
	}
	return r < 0 ? r : flush_absences(advice);
}

int policy_advise(struct policy_set *set, const struct policy_host *host)
{
	_cleanup_(advice_release) struct advice advice = {.set = set, .host = host, .steps = host->steps};
	size_t count = policy_set_secret_count(set), index = 0;
	int r = read_users(&advice);

	advice.has_units = host->absent_max > 0 && advice_has_units(&advice);
	/* What would stop the host comes first. */
	for (size_t i = 0; r >= 0 && i < count; i++)
		r = advise_lockout(&advice, policy_set_secret(set, i));
	while (r >= 0 && index < count)
		r = advise_file(&advice, &index);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cli/advice.h"
#include "cli/host_glob.h"
#include "cli/policy_advice.h"
#include "policy/glob.h"
#include "policy/policy.h"

#define QUOTE_SIZE 80

struct advised_rule {
	struct advice *advice;
	const struct policy_secret *secret;
	const struct rule *rule;
};

/* ---------------------------------------------------------------- programs and scripts */

struct program_search {
	const char *root;
	const struct rule_strings *globs; /* the matcher's */
	bool is_there;                    /* under a name that the kernel gives it, which the matcher has */
	char link[PATH_MAX];              /* else under this one, which is another's */
	char target[PATH_MAX];
};

static bool is_named(const struct rule_strings *globs, const char *path)
{
	for (size_t i = 0; i < globs->count; i++)
		if (glob_match(globs->values[i], path))
			return true;
	return false;
}

static int on_program(void *context, const char *path, bool is_directory)
{
	struct program_search *search = context;
	_cleanup_(freep) char *real = NULL;
	char on_disk[PATH_MAX];
	size_t root_size = strlen(search->root);

	if (is_directory || snprintf(on_disk, sizeof(on_disk), "%s%s", search->root, path) >= (int)sizeof(on_disk))
		return 0;
	real = realpath(on_disk, NULL);
	if (!real || strncmp(real, search->root, root_size) != 0 || is_named(search->globs, real + root_size)) {
		search->is_there = true; /* or nobody can say */
		return 1;
	}
	if (!search->link[0]) {
		(void)snprintf(search->link, sizeof(search->link), "%s", path); /* fits, as PATH_MAX */
		(void)snprintf(search->target, sizeof(search->target), "%s",
			       real + root_size); /* so does realpath(3) */
	}
	return 0;
}

/* -1: cannot be known. Reads two bytes of a regular file and waits for nothing. */
static int starts_with_mark(const char *root, const char *path)
{
	char on_disk[PATH_MAX], mark[2];
	struct stat info;
	int result = -1, fd;

	if (snprintf(on_disk, sizeof(on_disk), "%s%s", root, path) >= (int)sizeof(on_disk) ||
	    stat(on_disk, &info) < 0 || !S_ISREG(info.st_mode))
		return -1;
	fd = open(on_disk, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	if (read(fd, mark, sizeof(mark)) == (ssize_t)sizeof(mark))
		result = mark[0] == '#' && mark[1] == '!';
	(void)close(fd); /* was only read */
	return result;
}

static int say_never(const struct advised_rule *at, const char *key, const char *glob, const char *why)
{
	char quote[QUOTE_SIZE];

	return policy_set_warn(at->advice->set, at->secret->file, at->rule->line,
			       "rule \"%s\": %s \"%s\" never matches: %s", at->rule->title, key,
			       escape_line(glob, quote, sizeof(quote)), why);
}

/* A program that is there, under one name: is it what the matcher is about? */
static int advise_kind(const struct advised_rule *at, const char *key, const char *glob)
{
	bool wants_script = strcmp(key, "script") == 0;
	int is_script;

	if (!glob_is_literal(glob, strlen(glob)) || at->advice->steps == 0)
		return 0;
	at->advice->steps--;
	is_script = starts_with_mark(at->advice->host->root, glob);
	if (is_script == 1 && !wants_script)
		return say_never(
			at, key, glob,
			"it is a script, and the program that runs is its interpreter; write it under \"script\"");
	if (is_script == 0 && wants_script)
		return say_never(at, key, glob, "it does not start with \"#!\"; write a program under \"exe\"");
	return 0;
}

/* 1 when nothing has the name, 0, -ENOMEM. */
static int advise_program(const struct advised_rule *at, const char *key, const struct rule_strings *globs,
			  const char *glob)
{
	struct program_search search = {.root = at->advice->host->root, .globs = globs};
	char text[2 * QUOTE_SIZE + 192], link[QUOTE_SIZE], target[QUOTE_SIZE];
	int r = host_glob(search.root, glob, &at->advice->steps, on_program, &search);

	if (search.is_there)
		return advise_kind(at, key, glob);
	if (r < 0)
		return 0;
	if (!search.link[0])
		return 1;
	(void)snprintf(
		text, sizeof(text),
		strcmp(key, "script") != 0 && starts_with_mark(search.root, search.target) == 1
			? "%s is a link to the script %s, and the program that runs is its interpreter; write the "
			  "script's path under \"script\""
			: "%s is a link, and the kernel has it as %s; write that",
		escape_line(search.link, link, sizeof(link)),
		escape_line(search.target, target, sizeof(target))); /* fits */
	return say_never(at, key, glob, text);
}

static int advise_programs(const struct advised_rule *at, const char *key, const struct rule_strings *globs)
{
	struct advice_list absent = {.count = 0};

	for (size_t i = 0; i < globs->count; i++) {
		int r = advise_program(at, key, globs, globs->values[i]);

		if (r < 0)
			return r;
		if (r > 0)
			advice_list_add(&absent, globs->values[i]);
	}
	if (absent.count == 0 || at->advice->host->absent_max == 0)
		return 0;
	return advice_tell_absent(
		at->advice, at->secret->file, at->rule->line,
		"rule \"%s\": nothing on this host for %zu of %zu under \"%s\": %s; check the spelling, "
		"unless it comes later",
		at->rule->title, absent.count, globs->count, key, advice_list_text(&absent));
}

/* ---------------------------------------------------------------- users */

static int compare_user(const void *name, const void *user)
{
	return strcmp(name, ((const struct advice_user *)user)->name);
}

static bool holds_uid(const struct rule_numbers *uids, uint32_t uid)
{
	for (size_t i = 0; i < uids->count; i++)
		if (uids->values[i] == uid)
			return true;
	return false;
}

static int advise_users(const struct advised_rule *at)
{
	struct advice *advice = at->advice;
	struct advice_list absent = {.count = 0};
	bool can_match = at->rule->uid.count == 0;

	if (!advice->has_users)
		return 0;
	for (size_t i = 0; i < at->rule->user.count; i++) {
		const struct advice_user *user = NULL;

		if (advice->users_count > 0)
			user = bsearch(at->rule->user.values[i], advice->users, advice->users_count,
				       sizeof(*advice->users), compare_user);
		if (!user)
			advice_list_add(&absent, at->rule->user.values[i]);
		can_match = can_match || (user && holds_uid(&at->rule->uid, user->uid));
	}
	if (at->rule->user.count > absent.count && !can_match)
		return policy_set_warn(advice->set, at->secret->file, at->rule->line,
				       "rule \"%s\" never matches: no name under \"user\" belongs to a number under "
				       "\"uid\"; drop one of the two",
				       at->rule->title);
	if (absent.count == 0 || advice->host->absent_max == 0)
		return 0;
	return advice_tell_absent(advice, at->secret->file, at->rule->line,
				  "rule \"%s\": no such user in /etc/passwd: %s; check the spelling, or write \"uid\"",
				  at->rule->title, advice_list_text(&absent));
}

/* ---------------------------------------------------------------- units */

/* Where systemd looks for units of the system, systemd.unit(5). */
static const char *const unit_folders[] = {
	"/etc/systemd/system.control",   "/run/systemd/system.control",  "/run/systemd/transient",
	"/run/systemd/generator.early",  "/etc/systemd/system",          "/etc/systemd/system.attached",
	"/run/systemd/system",           "/run/systemd/system.attached", "/run/systemd/generator",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system",      "/lib/systemd/system",
	"/run/systemd/generator.late",
};

static int on_unit(void *context, const char *path, bool is_directory)
{
	(void)context;
	(void)path;
	return !is_directory;
}

static int on_folder(void *context, const char *path, bool is_directory)
{
	(void)context;
	(void)path;
	return is_directory;
}

bool advice_has_units(struct advice *advice)
{
	for (size_t i = 0; i < sizeof(unit_folders) / sizeof(*unit_folders); i++)
		if (host_glob(advice->host->root, unit_folders[i], &advice->steps, on_folder, NULL) > 0)
			return true;
	return false;
}

/* 1 when a folder of units holds a file of that name, 0 when none does, negative when it cannot be known. */
static int find_unit(struct advice *advice, const char *name)
{
	int result = 0;

	for (size_t i = 0; i < sizeof(unit_folders) / sizeof(*unit_folders) && result <= 0; i++) {
		char pattern[PATH_MAX];
		int r;

		if (snprintf(pattern, sizeof(pattern), "%s/%s", unit_folders[i], name) >= (int)sizeof(pattern))
			continue;
		r = host_glob(advice->host->root, pattern, &advice->steps, on_unit, NULL);
		result = r != 0 ? r : result;
	}
	return result;
}

/* "getty@tty1.service" comes of the file "getty@.service". */
static int find_template(struct advice *advice, const char *unit)
{
	const char *at = strchr(unit, '@'), *type = strrchr(unit, '.');
	char name[NAME_MAX + 1];

	if (!at || !type || type < at ||
	    snprintf(name, sizeof(name), "%.*s%s", (int)(at + 1 - unit), unit, type) >= (int)sizeof(name))
		return 0;
	return find_unit(advice, name);
}

/* Scopes are made by programs and have no file; a wildcard at the end may stand for one. */
static bool has_file(const char *unit)
{
	const char *type = strrchr(unit, '.');

	return type && (strcmp(type, ".service") == 0 || strcmp(type, ".socket") == 0 || strcmp(type, ".mount") == 0 ||
			strcmp(type, ".swap") == 0);
}

static int advise_units(const struct advised_rule *at)
{
	struct advice_list absent = {.count = 0};

	if (at->advice->host->absent_max == 0 || !at->advice->has_units)
		return 0;
	for (size_t i = 0; i < at->rule->unit.count; i++) {
		const char *unit = at->rule->unit.values[i];

		if (has_file(unit) && find_unit(at->advice, unit) == 0 && find_template(at->advice, unit) == 0)
			advice_list_add(&absent, unit);
	}
	if (absent.count == 0)
		return 0;
	return advice_tell_absent(
		at->advice, at->secret->file, at->rule->line,
		"rule \"%s\": systemd has no file for the unit %s; check the spelling with \"systemctl "
		"list-unit-files\", unless it comes later",
		at->rule->title, advice_list_text(&absent));
}

/* ---------------------------------------------------------------- all of it */

/* Programs, users and units inside a container are not this host's. */
static bool is_about_containers(const struct rule *rule)
{
	for (size_t i = 0; i < rule->container.count; i++)
		if (strcmp(rule->container.values[i], RULE_CONTAINER_NONE) != 0)
			return true;
	return false;
}

static int advise_rule(const struct advised_rule *at)
{
	int r = 0;

	if (is_about_containers(at->rule))
		return 0;
	r = advise_programs(at, "exe", &at->rule->exe);
	if (r >= 0)
		r = advise_programs(at, "script", &at->rule->script);
	if (r >= 0)
		r = advise_programs(at, "ancestor", &at->rule->ancestor);
	if (r >= 0)
		r = advise_users(at);
	return r < 0 ? r : advise_units(at);
}

int advise_rules(struct advice *advice, const struct policy_secret *secret)
{
	const struct policy_rules *const lists[] = {&secret->deny, &secret->allow};
	int r = 0;

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		for (size_t j = 0; r >= 0 && j < lists[i]->count; j++) {
			struct advised_rule at = {.advice = advice, .secret = secret, .rule = &lists[i]->rules[j]};

			r = advise_rule(&at);
		}
	}
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who stops working when an enforcing policy denies it: systemd, container runtimes, the agent itself. Each is tried
 * against the rules as it runs on a host, for the secrets that lie where it keeps its own.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/escape.h"
#include "cli/advice.h"
#include "cli/policy_advice.h"
#include "policy/glob.h"
#include "policy/glob_cover.h"
#include "policy/policy.h"

#define QUOTE_SIZE 80
#define NAMES_MAX  6
#define PLACES_MAX 10

struct actor {
	const char *name;
	const char *exes[NAMES_MAX]; /* where distributions put it */
	const char *unit;            /* of the host; its cgroup follows from it */
	const char *places[PLACES_MAX];
};

static const struct actor actors[] = {
	{"systemd",
	 {"/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/usr/lib/systemd/systemd-executor",
	  "/lib/systemd/systemd-executor"},
	 "init.scope",
	 {"/run/credentials", "/run/credstore", "/run/credstore.encrypted", "/etc/credstore",
	  "/etc/credstore.encrypted", "/usr/lib/credstore", "/var/lib/systemd", "/etc/systemd", "/run/systemd"}},
	{"the kubelet",
	 {"/usr/bin/kubelet", "/usr/local/bin/kubelet", "/opt/bin/kubelet"},
	 "kubelet.service",
	 {"/var/lib/kubelet", "/etc/kubernetes", "/run/secrets"}},
	{"containerd",
	 {"/usr/bin/containerd", "/usr/local/bin/containerd", "/usr/bin/containerd-shim-runc-v2",
	  "/usr/local/bin/containerd-shim-runc-v2"},
	 "containerd.service",
	 {"/etc/containerd", "/run/containerd", "/var/lib/containerd", "/var/lib/kubelet", "/run/secrets"}},
	{"dockerd",
	 {"/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd"},
	 "docker.service",
	 {"/etc/docker", "/run/docker", "/var/lib/docker", "/run/secrets"}},
	{"CRI-O",
	 {"/usr/bin/crio", "/usr/local/bin/crio", "/usr/bin/conmon", "/usr/libexec/crio/conmon"},
	 "crio.service",
	 {"/etc/crio", "/etc/containers", "/run/containers", "/run/crio", "/var/lib/containers", "/var/lib/kubelet",
	  "/run/secrets"}},
	{"Podman",
	 {"/usr/bin/podman", "/usr/local/bin/podman"},
	 "podman.service",
	 {"/etc/containers", "/run/containers", "/var/lib/containers", "/run/secrets"}},
	{"runc",
	 {"/usr/bin/runc", "/usr/sbin/runc", "/usr/local/sbin/runc", "/usr/local/bin/runc", "/usr/bin/crun"},
	 "containerd.service",
	 {"/run/runc", "/run/containerd", "/run/containers", "/run/docker", "/var/lib/containerd",
	  "/var/lib/containers", "/var/lib/docker", "/var/lib/kubelet", "/run/secrets"}},
	{"sagentd",
	 {"/usr/sbin/sagentd", "/usr/local/sbin/sagentd", "/usr/bin/sagentd", "/usr/local/bin/sagentd"},
	 "sagentd.service",
	 {"/etc/secrets-agent", "/var/lib/secrets-agent", "/run/secrets-agent", "/etc/passwd"}},
	{"sagent",
	 {"/usr/bin/sagent", "/usr/local/bin/sagent"},
	 "session-1.scope",
	 {"/etc/secrets-agent", "/var/lib/secrets-agent", "/run/secrets-agent"}},
};

/* ---------------------------------------------------------------- places */

/* A pattern's path without the links that every host has: "/var/run" is "/run". */
static const char *without_links(const char *pattern)
{
	return strncmp(pattern, "/var/run/", strlen("/var/run/")) == 0 ? pattern + strlen("/var") : pattern;
}

/* Whether a file that the pattern names can be the place or be in it. */
static bool reaches(const char *pattern, const char *place)
{
	while (*pattern && *place) {
		size_t size = strcspn(pattern + 1, "/"), place_size = strcspn(place + 1, "/");

		if (size == 2 && strncmp(pattern + 1, "**", 2) == 0)
			return true;
		if (!glob_match_name(pattern + 1, size, place + 1, place_size))
			return false;
		pattern += 1 + size;
		place += 1 + place_size;
	}
	return !*place;
}

static bool is_excluded(const struct policy_secret *secret, const char *place)
{
	char below[PATH_MAX];

	(void)snprintf(below, sizeof(below), "%s/**", place); /* our own places are short */
	for (size_t i = 0; i < secret->excludes_count; i++)
		if (glob_covers(without_links(secret->excludes[i]), below))
			return true;
	return false;
}

/* The first place of the actor that the secret reaches, or NULL. */
static const char *place_of(const struct actor *actor, const struct policy_secret *secret)
{
	for (size_t i = 0; i < PLACES_MAX && actor->places[i]; i++)
		for (size_t j = 0; j < secret->patterns_count; j++)
			if (reaches(without_links(secret->patterns[j]), actor->places[i]) &&
			    !is_excluded(secret, actor->places[i]))
				return actor->places[i];
	return NULL;
}

/* ---------------------------------------------------------------- verdicts */

/* In favour of the actor: a hash that is asked for is right when it allows and wrong when it denies. */
static const struct rule *first_match(const struct policy_rules *rules, const struct access *access, bool are_denials)
{
	for (size_t i = 0; i < rules->count; i++) {
		struct rule rule = rules->rules[i];

		if (rule.sha256.count > 0 && are_denials)
			continue;
		rule.sha256.count = 0;
		if (rule_matches(&rule, access))
			return &rules->rules[i];
	}
	return NULL;
}

/* Whether the program as it is on a normal day is denied, and by which rule; NULL is the default. */
static bool is_denied(const struct policy_secret *secret, const struct actor *actor, const char *exe,
		      const struct rule **ret_rule)
{
	const struct rule *allowing;
	char cgroup[NAME_MAX + 32];
	struct access access = {
		.kind = ACCESS_OPEN,
		.process = {.exe = exe,
			    .user = "root",
			    .unit = actor->unit,
			    .cgroup = cgroup,
			    .ancestors = {{1, "/usr/lib/systemd/systemd"}},
			    .ancestors_count = strcmp(actor->name, "systemd") != 0},
	};

	(void)snprintf(cgroup, sizeof(cgroup), "%s/%s", strcmp(actor->unit, "init.scope") == 0 ? "" : "/system.slice",
		       actor->unit); /* our own units are short */
	*ret_rule = first_match(&secret->deny, &access, true);
	if (*ret_rule)
		return true;
	allowing = first_match(&secret->allow, &access, false);
	return !allowing && secret->default_action == VERDICT_DENY;
}

/* The program as the kernel names it, or false when this host does not have it. */
static bool find_program(struct advice *advice, const char *exe, char ret_path[PATH_MAX])
{
	_cleanup_(freep) char *real = NULL;
	size_t root_size = strlen(advice->host->root);
	char on_disk[PATH_MAX];

	if (advice->steps == 0 ||
	    snprintf(on_disk, sizeof(on_disk), "%s%s", advice->host->root, exe) >= (int)sizeof(on_disk))
		return false;
	advice->steps--;
	real = realpath(on_disk, NULL);
	if (!real || strncmp(real, advice->host->root, root_size) != 0)
		return false;
	(void)snprintf(ret_path, PATH_MAX, "%s", real + root_size); /* as long as realpath(3) makes it */
	return true;
}

static int say_denied(struct advice *advice, const struct policy_secret *secret, const struct actor *actor,
		      const char *exe, const char *place, const struct rule *rule)
{
	char quote[QUOTE_SIZE];

	(void)escape_line(exe, quote, sizeof(quote));
	if (rule)
		return policy_set_warn(
			advice->set, secret->file, rule->line,
			"rule \"%s\" would deny %s (%s) secret \"%s\", which holds what it needs in %s; narrow "
			"the rule, or exclude \"%s/**\"",
			rule->title, actor->name, quote, secret->name, place, place);
	return policy_set_warn(
		advice->set, secret->file, secret->line,
		"\"default: deny\" would deny %s (%s) secret \"%s\", which holds what it needs in %s; add a "
		"rule to \"allow\" with \"exe: [%s]\", or exclude \"%s/**\"",
		actor->name, quote, secret->name, place, quote, place);
}

static int advise_actor(struct advice *advice, const struct policy_secret *secret, const struct actor *actor)
{
	const char *place = place_of(actor, secret);
	char exe[PATH_MAX], last[PATH_MAX] = "";
	int r = 0;

	for (size_t i = 0; r >= 0 && place && i < NAMES_MAX && actor->exes[i]; i++) {
		const struct rule *rule;

		if (!find_program(advice, actor->exes[i], exe) || strcmp(exe, last) == 0 ||
		    !is_denied(secret, actor, exe, &rule))
			continue;
		r = say_denied(advice, secret, actor, exe, place, rule);
		(void)snprintf(last, sizeof(last), "%s", exe); /* both PATH_MAX */
	}
	return r;
}

int advise_lockout(struct advice *advice, const struct policy_secret *secret)
{
	int r = 0;

	if (secret->mode != POLICY_MODE_ENFORCE || !secret->can_deny)
		return 0;
	for (size_t i = 0; r >= 0 && i < sizeof(actors) / sizeof(*actors); i++)
		r = advise_actor(advice, secret, &actors[i]);
	return r;
}

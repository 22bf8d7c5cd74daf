/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule.h: one rule of a policy: which accesses it is about.
 *
 * A rule is made of matchers. A matcher with an empty list is not given and holds always; a given one holds when any of
 * its values does; the rule matches when all hold. What is not known about a process (no hash yet, no cgroup, no
 * name for its uid) matches no value. Lists are borrowed from the policy set that the rule belongs to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct access;

struct rule_strings {
	const char *const *values;
	size_t count;
};

struct rule_numbers {
	const uint32_t *values;
	size_t count;
};

struct rule {
	const char *title;             /* as a verdict names it: "allow/sshd", "deny/interpreters" */
	int line;                      /* of the policy's file */
	uint32_t kinds;                /* bit per enum access_kind; 0: not given */
	struct rule_numbers uid;       /* real uid, as events show it */
	struct rule_numbers gid;       /* real gid */
	struct rule_strings exe;       /* globs, glob.h */
	struct rule_strings script;    /* globs, of the script that an interpreter was started for */
	struct rule_strings sha256;    /* 64 lower-case hex digits */
	struct rule_strings user;      /* names */
	struct rule_strings unit;      /* names with wildcards */
	struct rule_strings cgroup;    /* globs */
	struct rule_strings container; /* ids with wildcards, or RULE_CONTAINER_NONE */
	struct rule_strings ancestor;  /* globs, of any ancestor's executable */
};

/* As a value of `container`: a process whose cgroup is known and that is in no container. */
#define RULE_CONTAINER_NONE "none"

/* Reads the kind and process of the access; allocates nothing. */
bool rule_matches(const struct rule *rule, const struct access *access);

/*
 * Whether `whole` matches every access that `part` matches. True is certain; false may be wrong where it cannot be told
 * value by value. Each comparison of two values is taken from *steps, a longer one counts for several; when none is
 * left the answer is false.
 */
bool rule_covers(const struct rule *whole, const struct rule *part, size_t *steps);

/* ---------------------------------------------------------------- one matcher at a time, to explain a verdict */

/* In the order in which they are asked: cheap ones first. */
enum rule_matcher {
	RULE_KINDS,
	RULE_UID,
	RULE_GID,
	RULE_EXE,
	RULE_SCRIPT,
	RULE_SHA256,
	RULE_USER,
	RULE_UNIT,
	RULE_CONTAINER,
	RULE_CGROUP,
	RULE_ANCESTOR,
	RULE_MATCHER_COUNT,
};

/* Whether the rule has this matcher. */
bool rule_asks(const struct rule *rule, enum rule_matcher matcher);
/* Whether it holds; one that is not given does. A rule matches when all hold. */
bool rule_holds(const struct rule *rule, enum rule_matcher matcher, const struct access *access);

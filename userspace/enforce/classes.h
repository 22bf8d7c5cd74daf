/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classes.h: what the rules of a policy ask of a process, each different question once.
 *
 * A class is one question of one kind of member: "a program that is one of these globs with one of these hashes", "a
 * user of these names". It has a number from 1 on, by which the kernel's tables know it. Whether a member belongs to a
 * class is asked of the very matchers that policy_decide() uses (policy/rule.h), so a glob means the same everywhere.
 * Copies what it keeps. Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "policy/arena.h"
#include "policy/rule.h"

struct classes {
	struct arena arena;
	/* By kind of member and number: a rule that asks for this alone. The first is not used. */
	const struct rule *definitions[MEMBER_COUNT][CLASS_MAX];
	size_t counts[MEMBER_COUNT]; /* the next number */
};

/* Who may belong to a class. Only what the kind of member has is read. */
struct class_subject {
	enum class_member member;
	const char *path;   /* file: as it is executed, "(elsewhere)..." and the like included */
	const char *sha256; /* file: NULL while unknown, then it belongs to no class that asks for it */
	const char *cgroup; /* cgroup: the path, and what it says; NULL for none */
	const char *unit;
	const char *container;
	uint32_t number;  /* uid, gid */
	const char *user; /* uid: its name or NULL */
};

void classes_init(struct classes *classes);
void classes_release(struct classes *classes);

/* Which kind of member a rule's question of this sort is about. */
enum class_member class_member_of(enum class_sort sort);

/* The number of what `rule` asks of that sort; 0: nothing. -ENOSPC: more than CLASS_MAX questions; -ENOMEM. */
int classes_number(struct classes *classes, enum class_sort sort, const struct rule *rule, uint16_t *ret);
/* The same for a question that other classes have under `number`. */
int classes_copy(struct classes *classes, enum class_sort sort, const struct classes *from, uint16_t number,
		 uint16_t *ret);

/* Adds the bits of all classes that the subject belongs to. */
void classes_match(const struct classes *classes, const struct class_subject *subject, uint64_t bits[CLASS_WORDS]);
/* Would the hash of that file make it belong to more classes? */
bool classes_want_sha256(const struct classes *classes, const char *path);
/* Calls `each` for the globs of all classes of files, with repeats. Stops at the first non-zero and returns it. */
int classes_each_glob(const struct classes *classes, int (*each)(void *context, const char *glob), void *context);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.h: all path patterns of a policy compiled into one automaton over path components.
 *
 * A state says how far every pattern has come after the components of some path; pattern_step() takes it one component
 * further. So a directory keeps one state, and what is interesting inside it follows from that state alone, without
 * ever matching a whole path again. `**` stands for any number of components, other components are literal or are given
 * to the match function as "/component" against "/name".
 *
 * A symbolic link is followed by a pattern_link: the state at the link is entered again wherever the link points. `**`
 * itself does not pass through a link (a link in a watched tree does not make a tree of its target), but the file that
 * such a link names does count.
 *
 * States are immutable and counted; NULL is the empty state ("nothing below can match"). Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi.h"
#include "base/cleanup.h"

struct pattern_set;
struct pattern_state;
struct pattern_link;

/* Does the absolute path match the absolute glob? */
typedef bool (*pattern_match_fn)(const char *pattern, const char *path);

#define PATTERN_DEPTH_MAX 128
#define PATTERN_OWNER_ANY ((uid_t)-1)

int pattern_set_new(pattern_match_fn match, struct pattern_set **ret);
void pattern_set_free(struct pattern_set *set); /* states still held must not be used afterwards, only unreferenced */

DEFINE_FREEP(struct pattern_set, pattern_set_free)

/*
 * Adds an absolute pattern. `secret` is what it names (lower wins), `rule` the caller's number for it, given back by
 * pattern_accepts(). -EINVAL: not absolute, empty, a component `.` or `..`, or `**` with nothing but wildcards before
 * it (it would watch the whole system); -E2BIG: more than PATTERN_DEPTH_MAX components; -ENOMEM.
 */
int pattern_set_add(struct pattern_set *set, const char *pattern, uint32_t secret, uint32_t rule);

/* The state of "/". Borrowed: the set's. */
struct pattern_state *pattern_set_root(struct pattern_set *set);

/*
 * The state after one more component. `owner` is who owns the file of that name: links of other users than root are
 * followed only to what the same user owns, else anybody could make a secret of /lib. With PATTERN_OWNER_ANY all links
 * are followed, and *ret_owner_matters (may be NULL) says whether the owner could change the result. Takes a reference
 * for the caller in *ret (NULL: nothing matches). 0 or -ENOMEM.
 */
int pattern_step(struct pattern_set *set, const struct pattern_state *state, const char *name, uid_t owner,
		 bool *ret_owner_matters, struct pattern_state **ret);
/* What may follow when an unknown number of components was lost: only what `**` allows. As pattern_step() otherwise. */
int pattern_step_lost(struct pattern_set *set, const struct pattern_state *state, struct pattern_state **ret);

struct pattern_state *pattern_state_ref(struct pattern_state *state);
void pattern_state_unref(struct pattern_state *state); /* NULL is fine */
bool pattern_state_equal(const struct pattern_state *a, const struct pattern_state *b);

/* True if a file of this state is named by a pattern; asks `is_excluded` for each, lowest secret first. */
bool pattern_accepts(const struct pattern_state *state, bool (*is_excluded)(void *context, uint32_t rule),
		     void *context, uint32_t *ret_secret);
/* Quick claims about a state: some file here is named; a directory here may hold one; a listing is needed to know. */
bool pattern_state_accepts(const struct pattern_state *state);
bool pattern_state_continues(const struct pattern_state *state);
bool pattern_state_is_open(const struct pattern_state *state);
/* A symbolic link here leads somewhere that matters (not merely: something in a tree). */
bool pattern_state_follows(const struct pattern_state *state);
/* The file's name says nothing: some accepting pattern here ends in a wildcard without a literal start or end. */
bool pattern_state_is_nameless(const struct pattern_state *state);
/* Calls `each` for the literal names that matter inside (a name may come twice). Stops at the first non-zero. */
int pattern_literals(const struct pattern_state *state, int (*each)(void *context, const char *name), void *context);

/*
 * What the kernel has to know of a directory of this state, but for the secrets' numbers: the value, and `each` for the
 * names (not called for a tree). A zero value and no names: nothing. Stops at the first non-zero and returns it.
 */
int pattern_describe(struct pattern_set *set, const struct pattern_state *state, struct directory_value *value,
		     int (*each)(void *context, const char *name, uint32_t flags, uint32_t depths), void *context);
/*
 * Is every file in a directory of this state the same secret, whatever it will be called? With `is_tree` every file
 * below, at any depth; else every file directly inside, but for names that pattern_describe() tells. Patterns of rules
 * for which `may_exclude` is true promise nothing. False: it depends on the name.
 */
bool pattern_settles(struct pattern_set *set, const struct pattern_state *state, bool is_tree,
		     bool (*may_exclude)(void *context, uint32_t rule), void *context, uint32_t *ret_secret);

/* Filter keys (name_hash.h) of all patterns. Those without a literal start or end give none. Stops at non-zero. */
int pattern_filter_keys(const struct pattern_set *set, int (*each)(void *context, uint64_t hash), void *context);

/*
 * Follows a link: from now on a path that is `target` (absolute, normal) also has `state`. With `is_last_wild` the last
 * component is a glob. The link keeps its own reference. 0, -ENOMEM, -E2BIG, -EINVAL.
 */
int pattern_link_new(struct pattern_set *set, const char *target, bool is_last_wild, const struct pattern_state *state,
		     uid_t owner, struct pattern_link **ret);
/* True if it already has just this state (as far as links carry it). */
bool pattern_link_has(struct pattern_set *set, const struct pattern_link *link, const struct pattern_state *state,
		      uid_t owner);
int pattern_link_set(struct pattern_set *set, struct pattern_link *link, const struct pattern_state *state,
		     uid_t owner);
void pattern_link_free(struct pattern_set *set, struct pattern_link *link);

/* Nodes that only removed links needed: they go when the set goes. */
size_t pattern_set_garbage(const struct pattern_set *set);

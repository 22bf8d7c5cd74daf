/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.h: the accesses of the past judged by a policy that is not in force: what would change.
 *
 * Accesses whose verdict changes are added up in groups of (secret, program, user, unit, container, kind, verdicts and
 * rules before and after). At most REPLAY_GROUPS_MAX groups are kept; what has no room is still in the sums. An access
 * that the system itself refused (its permissions, or no such file) breaks nothing when a policy denies it too: such a
 * group is shown, and not counted as newly denied.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/access.h"
#include "base/cleanup.h"

struct error;
struct past_range;
struct policy_set;
struct replay;

#define REPLAY_GROUPS_MAX 16384

/* From what nobody notices to what nobody can miss. */
enum replay_verdict {
	REPLAY_UNWATCHED, /* the candidate has no secret with this file */
	REPLAY_ALLOW,
	REPLAY_ALERT,
	REPLAY_WOULD_DENY, /* deny, in a policy that observes or on a host that could not */
	REPLAY_DENY,
	REPLAY_VERDICT_COUNT,
};

/* "unwatched", "allow", "alert", "would deny", "deny". */
const char *replay_verdict_name(enum replay_verdict verdict);

struct replay_group {
	const char *secret;     /* as stored */
	const char *new_secret; /* of the candidate, or NULL */
	const char *exe;
	const char *user;      /* or NULL */
	const char *unit;      /* or NULL; "session-*.scope" for all sessions, as generalise.h has it */
	const char *container; /* or NULL */
	uint32_t uid;
	enum access_kind kind;
	enum replay_verdict before, after;
	const char *rule_before;
	const char *rule_after; /* "" when unwatched */
	/*
	 * A rule of the candidate asks for something that the history does not hold of this process ("sha256",
	 * "script"), and with it the verdict could be another; or NULL.
	 */
	const char *unknown;
	bool is_refused;      /* by the system */
	bool is_newly_denied; /* not denied before, denied now, and not refused anyway */
	uint64_t count;       /* accesses */
	uint64_t first_real_ns, last_real_ns;
};

struct replay_sums {
	uint64_t rows;
	uint64_t accesses;
	uint64_t changed; /* of the accesses, as the next four */
	uint64_t newly_denied;
	uint64_t unwatched;
	uint64_t uncertain;                   /* with something unknown */
	uint64_t ungrouped;                   /* changed, and in no group for want of room */
	uint64_t first_real_ns, last_real_ns; /* 0: no access */
};

/*
 * Reads the history and judges all of it. `set` is borrowed for the life of the result. 0, or -errno with *error as
 * candidate_new() and past_each().
 */
int replay_run(const struct policy_set *set, const struct past_range *range, const char *passwd_path,
	       struct replay **ret, struct error *error);
void replay_free(struct replay *replay); /* NULL is fine */
DEFINE_FREEP(struct replay, replay_free)

struct replay_sums replay_sums(const struct replay *replay);
/* Newly denied ones first, then by count; NULL when index is not below the count. */
size_t replay_group_count(const struct replay *replay);
const struct replay_group *replay_group(const struct replay *replay, size_t index);
/* Whether the secret of this index of the set had any access. */
bool replay_has_seen(const struct replay *replay, size_t secret_index);

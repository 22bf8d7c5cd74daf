/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->is_in_table = false)
#include <uthash.h>

#include "base/buffer.h"
#include "base/error.h"
#include "policy/policy.h"
#include "policy/rule.h"
#include "rollout/candidate.h"
#include "rollout/generalise.h"
#include "rollout/packed.h"
#include "rollout/past.h"

#define KEY_MAX (64 * 1024)

struct group {
	struct replay_group shown;
	bool is_in_table;
	UT_hash_handle hh;
	char key[]; /* all that tells two groups apart; the strings point into it */
};

struct replay {
	const struct policy_set *set;
	struct candidate *candidate;
	struct group *groups;
	const struct group **sorted;
	bool *has_seen; /* by the secret's index */
	struct replay_sums sums;
	struct buffer key;
	char unit[GENERALISED_SIZE];
};

const char *replay_verdict_name(enum replay_verdict verdict)
{
	static const char *const names[REPLAY_VERDICT_COUNT] = {"unwatched", "allow", "alert", "would deny", "deny"};

	return (unsigned int)verdict < REPLAY_VERDICT_COUNT ? names[verdict] : "unknown";
}

/* ---------------------------------------------------------------- before and after */

static enum replay_verdict verdict_before(const struct verdict *verdict)
{
	switch (verdict->action) {
	case VERDICT_ALLOW:
		return REPLAY_ALLOW;
	case VERDICT_DENY:
		return verdict->is_enforced ? REPLAY_DENY : REPLAY_WOULD_DENY;
	default:
		return REPLAY_ALERT;
	}
}

static enum replay_verdict verdict_after(const struct policy_secret *secret, const struct verdict *verdict)
{
	if (verdict->action == VERDICT_DENY)
		return secret->mode == POLICY_MODE_ENFORCE ? REPLAY_DENY : REPLAY_WOULD_DENY;
	return verdict->action == VERDICT_ALLOW ? REPLAY_ALLOW : REPLAY_ALERT;
}

/* The one thing that is not known and without which the rule would match; NULL: it matches, or cannot. */
static const char *missing_for(const struct rule *rule, const struct access *access)
{
	const char *missing = NULL;

	for (int i = 0; i < RULE_MATCHER_COUNT; i++) {
		enum rule_matcher matcher = (enum rule_matcher)i;

		if (rule_holds(rule, matcher, access))
			continue;
		if (matcher == RULE_SHA256 && !access->process.exe_sha256)
			missing = "sha256";
		else if (matcher == RULE_SCRIPT && !access->process.script)
			missing = "script";
		else
			return NULL;
	}
	return missing;
}

static const char *first_missing(const struct policy_rules *rules, const struct access *access)
{
	const char *missing = NULL;

	for (size_t i = 0; i < rules->count && !missing; i++)
		missing = missing_for(&rules->rules[i], access);
	return missing;
}

/* What could make the verdict another one, were it known. */
static const char *find_unknown(const struct policy_secret *secret, const struct verdict *verdict,
				const struct access *access)
{
	const char *missing = NULL;

	if (verdict->action != VERDICT_DENY)
		missing = first_missing(&secret->deny, access);
	if (!missing && strcmp(verdict->rule, "default") == 0 && verdict->action != VERDICT_ALLOW)
		missing = first_missing(&secret->allow, access);
	return missing;
}

/* ---------------------------------------------------------------- groups */

static void write_key(struct buffer *key, const struct replay_group *wanted)
{
	const uint32_t numbers[] = {wanted->uid, (uint32_t)wanted->kind, (uint32_t)wanted->before,
				    (uint32_t)wanted->after, wanted->is_refused};

	buffer_reset(key);
	packed_append(key, wanted->secret);
	packed_append(key, wanted->new_secret);
	packed_append(key, wanted->exe);
	packed_append(key, wanted->user);
	packed_append(key, wanted->unit);
	packed_append(key, wanted->container);
	packed_append(key, wanted->rule_before);
	packed_append(key, wanted->rule_after);
	packed_append(key, wanted->unknown);
	buffer_append(key, numbers, sizeof(numbers));
}

static struct group *add_group(struct replay *replay, const struct replay_group *wanted)
{
	const struct buffer *key = &replay->key;
	struct group *group;
	const char *at;

	if (key->failed || HASH_COUNT(replay->groups) >= REPLAY_GROUPS_MAX)
		return NULL;
	group = calloc(1, sizeof(*group) + key->size);
	if (!group)
		return NULL;
	memcpy(group->key, key->data, key->size);
	at = group->key;
	group->shown = *wanted;
	group->shown.secret = packed_take(&at);
	group->shown.new_secret = packed_take(&at);
	group->shown.exe = packed_take(&at);
	group->shown.user = packed_take(&at);
	group->shown.unit = packed_take(&at);
	group->shown.container = packed_take(&at);
	group->shown.rule_before = packed_take(&at);
	group->shown.rule_after = packed_take(&at);
	group->shown.unknown = packed_take(&at);
	group->is_in_table = true;
	HASH_ADD_KEYPTR(hh, replay->groups, group->key, (unsigned int)key->size, group);
	if (group->is_in_table)
		return group;
	free(group);
	return NULL;
}

static void count_in_group(struct replay *replay, const struct replay_group *wanted, const struct access *access)
{
	struct group *group = NULL;

	write_key(&replay->key, wanted);
	if (!replay->key.failed)
		HASH_FIND(hh, replay->groups, replay->key.data, (unsigned int)replay->key.size, group);
	if (!group)
		group = add_group(replay, wanted);
	if (!group) {
		replay->sums.ungrouped += access->count;
		return;
	}
	group->shown.count += access->count;
	if (group->shown.first_real_ns == 0 || access->first_real_ns < group->shown.first_real_ns)
		group->shown.first_real_ns = access->first_real_ns;
	if (access->last_real_ns > group->shown.last_real_ns)
		group->shown.last_real_ns = access->last_real_ns;
}

/* ---------------------------------------------------------------- the history */

static void count_sums(struct replay_sums *sums, const struct replay_group *group, const struct access *access)
{
	sums->rows++;
	sums->accesses += access->count;
	if (sums->first_real_ns == 0 || access->first_real_ns < sums->first_real_ns)
		sums->first_real_ns = access->first_real_ns;
	if (access->last_real_ns > sums->last_real_ns)
		sums->last_real_ns = access->last_real_ns;
	if (group->before != group->after)
		sums->changed += access->count;
	if (group->is_newly_denied)
		sums->newly_denied += access->count;
	if (group->after == REPLAY_UNWATCHED)
		sums->unwatched += access->count;
	if (group->unknown)
		sums->uncertain += access->count;
}

/* Session by session the same change would be told again and again. */
static const char *unit_of(struct replay *replay, const struct access_process *process)
{
	if (!process->unit || !generalise_unit(process->unit, replay->unit))
		return process->unit;
	return replay->unit;
}

static int on_access(void *context, const struct access *access)
{
	struct replay *replay = context;
	const struct policy_secret *secret = candidate_find(replay->candidate, access);
	struct verdict verdict = {.rule = ""};
	struct replay_group group = {
		.secret = access->secret_name,
		.new_secret = secret ? secret->name : NULL,
		.exe = access->process.exe,
		.user = access->process.user,
		.unit = unit_of(replay, &access->process),
		.container = access->process.container,
		.uid = access->process.cred.uid,
		.kind = access->kind,
		.before = verdict_before(&access->verdict),
		.after = REPLAY_UNWATCHED,
		.rule_before = access->verdict.rule,
		.is_refused = access->result < 0 && !access->verdict.is_enforced,
	};

	if (secret) {
		policy_decide(replay->set, secret->index, access, &verdict);
		group.after = verdict_after(secret, &verdict);
		group.unknown = find_unknown(secret, &verdict, access);
		replay->has_seen[secret->index] = true;
	}
	group.rule_after = verdict.rule;
	group.is_newly_denied = group.after >= REPLAY_WOULD_DENY && group.after > group.before && !group.is_refused;
	count_sums(&replay->sums, &group, access);
	if (group.before != group.after)
		count_in_group(replay, &group, access);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct group *left = *(const struct group *const *)a, *right = *(const struct group *const *)b;

	if (left->shown.is_newly_denied != right->shown.is_newly_denied)
		return left->shown.is_newly_denied ? -1 : 1;
	if (left->shown.count != right->shown.count)
		return left->shown.count > right->shown.count ? -1 : 1;
	return memcmp(left->key, right->key, left->hh.keylen < right->hh.keylen ? left->hh.keylen : right->hh.keylen);
}

static int sort_groups(struct replay *replay)
{
	const struct group *group;
	size_t count = 0;

	replay->sorted = calloc(HASH_COUNT(replay->groups) + 1, sizeof(const struct group *));
	if (!replay->sorted)
		return -ENOMEM;
	for (group = replay->groups; group; group = group->hh.next)
		replay->sorted[count++] = group;
	qsort((void *)replay->sorted, count, sizeof(replay->sorted[0]), compare);
	return 0;
}

int replay_run(const struct policy_set *set, const struct past_range *range, const char *passwd_path,
	       struct replay **ret, struct error *error)
{
	_cleanup_(replay_freep) struct replay *replay = calloc(1, sizeof(*replay));
	int r;

	if (replay) {
		replay->set = set;
		replay->key = BUFFER_INIT(KEY_MAX);
		replay->has_seen = calloc(policy_set_secret_count(set) + 1, sizeof(*replay->has_seen));
	}
	if (!replay || !replay->has_seen)
		return error_set(error, -ENOMEM, NULL, 0, "not enough memory to replay the history");
	r = candidate_new(set, passwd_path, &replay->candidate, error);
	if (r == 0)
		r = past_each(range, on_access, replay, error);
	if (r < 0)
		return r;
	if (sort_groups(replay) < 0)
		return error_set(error, -ENOMEM, NULL, 0, "not enough memory to replay the history");
	*ret = TAKE_PTR(replay);
	return 0;
}

void replay_free(struct replay *replay)
{
	struct group *group, *next;

	if (!replay)
		return;
	HASH_ITER (hh, replay->groups, group, next) {
		HASH_DEL(replay->groups, group);
		free(group);
	}
	candidate_free(replay->candidate);
	buffer_release(&replay->key);
	free((void *)replay->sorted);
	free(replay->has_seen);
	free(replay);
}

struct replay_sums replay_sums(const struct replay *replay)
{
	return replay->sums;
}

size_t replay_group_count(const struct replay *replay)
{
	return HASH_COUNT(replay->groups);
}

const struct replay_group *replay_group(const struct replay *replay, size_t index)
{
	return index < HASH_COUNT(replay->groups) ? &replay->sorted[index]->shown : NULL;
}

bool replay_has_seen(const struct replay *replay, size_t secret_index)
{
	return secret_index < policy_set_secret_count(replay->set) && replay->has_seen[secret_index];
}

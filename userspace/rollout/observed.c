/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/observed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->is_in_table = false)
#include <uthash.h>

#include "base/access.h"
#include "base/buffer.h"
#include "base/error.h"
#include "policy/policy.h"
#include "policy/policy_value.h"
#include "policy/rule.h"
#include "rollout/candidate.h"
#include "rollout/generalise.h"
#include "rollout/packed.h"
#include "rollout/past.h"

#define KEY_MAX (64 * 1024)

struct identity {
	struct observed_identity shown;
	bool is_in_table;
	UT_hash_handle hh;
	char key[]; /* the strings point into it */
};

struct path {
	bool is_in_table;
	UT_hash_handle hh;
	char name[];
};

struct secret {
	struct observed_secret shown;
	struct identity *identities;
	struct path *paths;
	const struct identity **sorted_identities;
	const struct path **sorted_paths;
	bool is_in_table;
	UT_hash_handle hh;
	char name[]; /* with the class behind it */
};

struct observed {
	const struct policy_set *policy;
	struct candidate *candidate; /* NULL without a policy */
	struct secret *secrets;
	const struct secret **sorted;
	size_t identities_count, paths_count;
	struct observed_sums sums;
	struct buffer key;
	/* Where an access is generalised. */
	char exe[GENERALISED_SIZE], script[GENERALISED_SIZE], place[GENERALISED_SIZE];
};

/* ---------------------------------------------------------------- secrets */

static struct secret *find_secret(struct observed *observed, const char *name)
{
	struct secret *secret;

	HASH_FIND(hh, observed->secrets, name, (unsigned int)strlen(name), secret);
	return secret;
}

static struct secret *add_secret(struct observed *observed, const char *name, const char *class_name,
				 const struct policy_secret *policy)
{
	size_t name_size = strlen(name) + 1, class_size = strlen(class_name) + 1;
	struct secret *secret = calloc(1, sizeof(*secret) + name_size + class_size);

	if (!secret)
		return NULL;
	memcpy(secret->name, name, name_size);
	memcpy(secret->name + name_size, class_name, class_size);
	secret->shown.name = secret->name;
	secret->shown.class_name = secret->name + name_size;
	secret->shown.policy = policy;
	secret->is_in_table = true;
	HASH_ADD_KEYPTR(hh, observed->secrets, secret->name, (unsigned int)name_size - 1, secret);
	if (secret->is_in_table)
		return secret;
	free(secret);
	return NULL;
}

/* A database is a file: what it calls a secret need not be a name. */
static bool is_name(const char *text)
{
	char why[POLICY_WHY_SIZE];

	return policy_check_name(text, why) == 0;
}

/* The secret that an access counts for. 0 with NULL: none; -ENOMEM. */
static int secret_of(struct observed *observed, const struct access *access, struct secret **ret)
{
	const struct policy_secret *policy = observed->candidate ? candidate_find(observed->candidate, access) : NULL;
	struct secret *secret = find_secret(observed, policy ? policy->name : access->secret_name);

	*ret = secret;
	if (policy)
		return 0;
	if (secret && secret->shown.policy)
		*ret = NULL; /* by name it is a secret of the policy, by its path it is not any more */
	if (secret || !is_name(access->secret_name) || !is_name(access->secret_class) ||
	    HASH_COUNT(observed->secrets) >= OBSERVED_SECRETS_MAX)
		return 0;
	*ret = add_secret(observed, access->secret_name, access->secret_class, NULL);
	return *ret ? 0 : -ENOMEM;
}

static int add_policy_secrets(struct observed *observed)
{
	for (size_t i = 0; observed->policy && i < policy_set_secret_count(observed->policy); i++) {
		const struct policy_secret *secret = policy_set_secret(observed->policy, i);

		if (!add_secret(observed, secret->name, secret->class_name, secret))
			return -ENOMEM;
	}
	return 0;
}

/* ---------------------------------------------------------------- paths */

static void count_path(struct observed *observed, struct secret *secret, const struct access *access)
{
	size_t size = strlen(access->path);
	struct path *path;

	if (secret->shown.policy || access->path[0] != '/' || access->path_truncated)
		return;
	HASH_FIND(hh, secret->paths, access->path, (unsigned int)size, path);
	if (path)
		return;
	path = observed->paths_count < OBSERVED_PATHS_MAX ? calloc(1, sizeof(*path) + size + 1) : NULL;
	if (path) {
		memcpy(path->name, access->path, size + 1);
		path->is_in_table = true;
		HASH_ADD_KEYPTR(hh, secret->paths, path->name, (unsigned int)size, path);
		if (path->is_in_table) {
			observed->paths_count++;
			return;
		}
		free(path);
	}
	secret->shown.is_incomplete = true;
}

/* ---------------------------------------------------------------- identities */

/* Unit, or else cgroup; of a container its cgroup. What is not known stays open. */
static void describe_place(struct observed *observed, const struct access_process *process,
			   struct observed_identity *wanted)
{
	bool is_known = process->cgroup && process->cgroup[0];

	if (process->container)
		wanted->container = "*";
	else if (is_known)
		wanted->container = RULE_CONTAINER_NONE;
	if (!process->container && process->unit && generalise_unit(process->unit, observed->place))
		wanted->unit = observed->place;
	else if (is_known && generalise_cgroup(process->cgroup, observed->place))
		wanted->cgroup = observed->place;
}

static bool is_user(const char *name)
{
	char why[POLICY_WHY_SIZE];

	if (!name || !name[0] || policy_check_user(name, why) < 0)
		return false;
	for (; *name; name++)
		if (*name <= ' ' || *name >= 0x7f)
			return false;
	return true;
}

static enum observed_outcome outcome_of(const struct access *access)
{
	if (access->verdict.action == VERDICT_DENY)
		return OBSERVED_DENIED;
	return access->result < 0 ? OBSERVED_REFUSED : OBSERVED_PASSED;
}

static void describe(struct observed *observed, const struct access *access, struct observed_identity *wanted)
{
	const struct access_process *process = &access->process;

	*wanted = (struct observed_identity){
		.outcome = outcome_of(access),
		.user = is_user(process->user) ? process->user : NULL,
	};
	if (!wanted->user)
		wanted->uid = process->cred.uid;
	wanted->is_nameless = !generalise_program(process->exe, observed->exe);
	wanted->exe = wanted->is_nameless ? process->exe : observed->exe;
	if (process->script && generalise_program(process->script, observed->script))
		wanted->script = observed->script;
	describe_place(observed, process, wanted);
}

static void write_key(struct buffer *key, const struct observed_identity *wanted)
{
	const uint32_t numbers[] = {(uint32_t)wanted->outcome, wanted->uid, wanted->is_nameless};

	buffer_reset(key);
	packed_append(key, wanted->exe);
	packed_append(key, wanted->script);
	packed_append(key, wanted->user);
	packed_append(key, wanted->unit);
	packed_append(key, wanted->cgroup);
	packed_append(key, wanted->container);
	buffer_append(key, numbers, sizeof(numbers));
}

static struct identity *identity_new(const struct buffer *key, const struct observed_identity *wanted,
				     const char *example)
{
	struct identity *identity = calloc(1, sizeof(*identity) + key->size);
	const char *at;

	if (!identity)
		return NULL;
	memcpy(identity->key, key->data, key->size);
	at = identity->key;
	identity->shown = *wanted;
	identity->shown.exe = packed_take(&at);
	identity->shown.script = packed_take(&at);
	identity->shown.user = packed_take(&at);
	identity->shown.unit = packed_take(&at);
	identity->shown.cgroup = packed_take(&at);
	identity->shown.container = packed_take(&at);
	identity->shown.example = strdup(example);
	identity->is_in_table = identity->shown.example != NULL;
	return identity;
}

static void identity_free(struct identity *identity)
{
	if (!identity)
		return;
	free(identity->shown.example);
	free(identity);
}

/* NULL: there is no room. */
static struct identity *add_identity(struct observed *observed, struct secret *secret,
				     const struct observed_identity *wanted, const char *example)
{
	struct identity *identity;

	if (observed->key.failed || observed->identities_count >= OBSERVED_IDENTITIES_MAX)
		return NULL;
	identity = identity_new(&observed->key, wanted, example);
	if (identity && identity->is_in_table)
		HASH_ADD_KEYPTR(hh, secret->identities, identity->key, (unsigned int)observed->key.size, identity);
	if (identity && !identity->is_in_table) {
		identity_free(identity);
		identity = NULL;
	}
	observed->identities_count += identity != NULL;
	return identity;
}

static void widen(uint64_t *first, uint64_t *last, const struct access *access)
{
	if (*first == 0 || access->first_real_ns < *first)
		*first = access->first_real_ns;
	if (access->last_real_ns > *last)
		*last = access->last_real_ns;
}

static void count_identity(struct observed *observed, struct secret *secret, const struct access *access)
{
	struct observed_identity wanted;
	struct identity *identity = NULL;

	describe(observed, access, &wanted);
	write_key(&observed->key, &wanted);
	if (!observed->key.failed)
		HASH_FIND(hh, secret->identities, observed->key.data, (unsigned int)observed->key.size, identity);
	if (!identity)
		identity = add_identity(observed, secret, &wanted, access->process.exe);
	secret->shown.accesses[wanted.outcome] += access->count;
	widen(&secret->shown.first_real_ns, &secret->shown.last_real_ns, access);
	if (!identity) {
		secret->shown.is_incomplete = true;
		return;
	}
	identity->shown.kinds |= 1U << access->kind;
	identity->shown.accesses += access->count;
	if (access->verdict.action == VERDICT_ALERT)
		identity->shown.alerts += access->count;
	widen(&identity->shown.first_real_ns, &identity->shown.last_real_ns, access);
}

static int on_access(void *context, const struct access *access)
{
	struct observed *observed = context;
	struct secret *secret;
	int r = secret_of(observed, access, &secret);

	if (r < 0)
		return r;
	observed->sums.rows++;
	observed->sums.accesses += access->count;
	widen(&observed->sums.first_real_ns, &observed->sums.last_real_ns, access);
	if (!secret) {
		observed->sums.left_out += access->count;
		return 0;
	}
	count_path(observed, secret, access);
	count_identity(observed, secret, access);
	return 0;
}

/* ---------------------------------------------------------------- in order */

static int compare_identities(const void *a, const void *b)
{
	const struct identity *left = *(const struct identity *const *)a, *right = *(const struct identity *const *)b;
	unsigned int size = left->hh.keylen < right->hh.keylen ? left->hh.keylen : right->hh.keylen;

	if (left->shown.outcome != right->shown.outcome)
		return left->shown.outcome < right->shown.outcome ? -1 : 1;
	if (left->shown.accesses != right->shown.accesses)
		return left->shown.accesses > right->shown.accesses ? -1 : 1;
	return memcmp(left->key, right->key, size);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp((*(const struct path *const *)a)->name, (*(const struct path *const *)b)->name);
}

static int compare_secrets(const void *a, const void *b)
{
	const struct secret *left = *(const struct secret *const *)a, *right = *(const struct secret *const *)b;

	if (left->shown.policy && right->shown.policy)
		return left->shown.policy->index < right->shown.policy->index ? -1 : 1;
	if (left->shown.policy || right->shown.policy)
		return left->shown.policy ? -1 : 1;
	return strcmp(left->name, right->name);
}

static int sort_secret(struct secret *secret)
{
	size_t count = 0;

	secret->sorted_identities = calloc(HASH_COUNT(secret->identities) + 1, sizeof(const struct identity *));
	secret->sorted_paths = calloc(HASH_COUNT(secret->paths) + 1, sizeof(const struct path *));
	if (!secret->sorted_identities || !secret->sorted_paths)
		return -ENOMEM;
	for (const struct identity *identity = secret->identities; identity; identity = identity->hh.next)
		secret->sorted_identities[count++] = identity;
	qsort((void *)secret->sorted_identities, count, sizeof(secret->sorted_identities[0]), compare_identities);
	secret->shown.identities_count = count;
	count = 0;
	for (const struct path *path = secret->paths; path; path = path->hh.next)
		secret->sorted_paths[count++] = path;
	qsort((void *)secret->sorted_paths, count, sizeof(secret->sorted_paths[0]), compare_paths);
	secret->shown.paths_count = count;
	return 0;
}

static int sort_all(struct observed *observed)
{
	size_t count = 0;

	observed->sorted = calloc(HASH_COUNT(observed->secrets) + 1, sizeof(const struct secret *));
	if (!observed->sorted)
		return -ENOMEM;
	for (struct secret *secret = observed->secrets; secret; secret = secret->hh.next) {
		int r = sort_secret(secret);

		if (r < 0)
			return r;
		observed->sorted[count++] = secret;
	}
	qsort((void *)observed->sorted, count, sizeof(observed->sorted[0]), compare_secrets);
	return 0;
}

/* ---------------------------------------------------------------- life */

int observed_read(const struct policy_set *policy, const struct past_range *range, const char *passwd_path,
		  struct observed **ret, struct error *error)
{
	_cleanup_(observed_freep) struct observed *observed = calloc(1, sizeof(*observed));
	int r = 0;

	if (!observed)
		return error_set(error, -ENOMEM, NULL, 0, "not enough memory to read the history");
	observed->policy = policy;
	observed->key = BUFFER_INIT(KEY_MAX);
	if (policy)
		r = candidate_new(policy, passwd_path, &observed->candidate, error);
	if (r == 0)
		r = add_policy_secrets(observed);
	if (r == 0)
		r = past_each(range, on_access, observed, error);
	if (r == 0)
		r = sort_all(observed);
	if (r < 0)
		return error_set(error, r, NULL, 0, "%s", strerror(-r)); /* keeps what is there */
	*ret = TAKE_PTR(observed);
	return 0;
}

static void secret_free(struct secret *secret)
{
	struct identity *identity, *next_identity;
	struct path *path, *next_path;

	HASH_ITER (hh, secret->identities, identity, next_identity) {
		HASH_DEL(secret->identities, identity);
		identity_free(identity);
	}
	HASH_ITER (hh, secret->paths, path, next_path) {
		HASH_DEL(secret->paths, path);
		free(path);
	}
	free((void *)secret->sorted_identities);
	free((void *)secret->sorted_paths);
	free(secret);
}

void observed_free(struct observed *observed)
{
	struct secret *secret, *next;

	if (!observed)
		return;
	HASH_ITER (hh, observed->secrets, secret, next) {
		HASH_DEL(observed->secrets, secret);
		secret_free(secret);
	}
	candidate_free(observed->candidate);
	buffer_release(&observed->key);
	free((void *)observed->sorted);
	free(observed);
}

struct observed_sums observed_sums(const struct observed *observed)
{
	return observed->sums;
}

size_t observed_secret_count(const struct observed *observed)
{
	return HASH_COUNT(observed->secrets);
}

static const struct secret *at(const struct observed *observed, size_t secret)
{
	return secret < HASH_COUNT(observed->secrets) ? observed->sorted[secret] : NULL;
}

const struct observed_secret *observed_secret(const struct observed *observed, size_t secret)
{
	return at(observed, secret) ? &at(observed, secret)->shown : NULL;
}

const struct observed_identity *observed_identity(const struct observed *observed, size_t secret, size_t index)
{
	const struct secret *found = at(observed, secret);

	return found && index < found->shown.identities_count ? &found->sorted_identities[index]->shown : NULL;
}

const char *observed_path(const struct observed *observed, size_t secret, size_t index)
{
	const struct secret *found = at(observed, secret);

	return found && index < found->shown.paths_count ? found->sorted_paths[index]->name : NULL;
}

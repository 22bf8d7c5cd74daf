/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/identity_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM            1
#define uthash_nonfatal_oom(element) ((element)->is_in_table = false)
#include <uthash.h>

#include "base/access.h"
#include "policy/policy_value.h"
#include "policy/rule.h"
#include "rollout/packed.h"

#define KEY_MAX (64 * 1024)

struct identity {
	struct observed_identity shown;
	bool is_in_table;
	UT_hash_handle hh;
	char key[]; /* the strings point into it */
};

/* Unit, or else cgroup; of a container its cgroup. What is not known stays open. */
static void describe_place(struct identity_scratch *scratch, const struct access_process *process,
			   struct observed_identity *wanted)
{
	bool is_known = process->cgroup && process->cgroup[0];

	if (process->container)
		wanted->container = "*";
	else if (is_known)
		wanted->container = RULE_CONTAINER_NONE;
	if (!process->container && process->unit && generalise_unit(process->unit, scratch->place))
		wanted->unit = scratch->place;
	else if (is_known && generalise_cgroup(process->cgroup, scratch->place))
		wanted->cgroup = scratch->place;
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

enum observed_outcome identity_outcome(const struct access *access)
{
	if (access->verdict.action == VERDICT_DENY)
		return OBSERVED_DENIED;
	return access->result < 0 ? OBSERVED_REFUSED : OBSERVED_PASSED;
}

static void describe(struct identity_scratch *scratch, const struct access *access, struct observed_identity *wanted)
{
	const struct access_process *process = &access->process;

	*wanted = (struct observed_identity){
		.outcome = identity_outcome(access),
		.user = is_user(process->user) ? process->user : NULL,
	};
	if (!wanted->user)
		wanted->uid = process->cred.uid;
	wanted->is_nameless = !generalise_program(process->exe, scratch->exe);
	wanted->exe = wanted->is_nameless ? process->exe : scratch->exe;
	if (process->script && generalise_program(process->script, scratch->script))
		wanted->script = scratch->script;
	describe_place(scratch, process, wanted);
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

/* NULL: there is no memory. */
static struct identity *add_identity(struct identity_set *set, const struct buffer *key,
				     const struct observed_identity *wanted, const char *example)
{
	struct identity *identity = identity_new(key, wanted, example);

	if (identity && identity->is_in_table)
		HASH_ADD_KEYPTR(hh, set->table, identity->key, (unsigned int)key->size, identity);
	if (!identity || identity->is_in_table)
		return identity;
	identity_free(identity);
	return NULL;
}

void identity_widen(uint64_t *first_real_ns, uint64_t *last_real_ns, const struct access *access)
{
	if (*first_real_ns == 0 || access->first_real_ns < *first_real_ns)
		*first_real_ns = access->first_real_ns;
	if (access->last_real_ns > *last_real_ns)
		*last_real_ns = access->last_real_ns;
}

int identity_set_count(struct identity_set *set, struct identity_scratch *scratch, const struct access *access,
		       bool may_grow, bool *ret_is_new)
{
	const struct buffer *key = &scratch->key;
	struct observed_identity wanted;
	struct identity *identity;

	*ret_is_new = false;
	describe(scratch, access, &wanted);
	write_key(&scratch->key, &wanted);
	if (key->failed)
		return -ENOBUFS;
	HASH_FIND(hh, set->table, key->data, (unsigned int)key->size, identity);
	if (!identity && may_grow) {
		identity = add_identity(set, key, &wanted, access->process.exe);
		*ret_is_new = identity != NULL;
	}
	if (!identity)
		return -ENOBUFS;
	identity->shown.kinds |= 1U << access->kind;
	identity->shown.accesses += access->count;
	if (access->verdict.action == VERDICT_ALERT)
		identity->shown.alerts += access->count;
	identity_widen(&identity->shown.first_real_ns, &identity->shown.last_real_ns, access);
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

size_t identity_set_size(const struct identity_set *set)
{
	return HASH_COUNT(set->table);
}

int identity_set_sort(struct identity_set *set)
{
	size_t count = 0;

	set->sorted = calloc(HASH_COUNT(set->table) + 1, sizeof(const struct identity *));
	if (!set->sorted)
		return -ENOMEM;
	for (const struct identity *identity = set->table; identity; identity = identity->hh.next)
		set->sorted[count++] = identity;
	qsort((void *)set->sorted, count, sizeof(set->sorted[0]), compare_identities);
	return 0;
}

const struct observed_identity *identity_set_at(const struct identity_set *set, size_t index)
{
	return &set->sorted[index]->shown;
}

void identity_set_release(struct identity_set *set)
{
	struct identity *identity, *next;

	HASH_ITER (hh, set->table, identity, next) {
		HASH_DEL(set->table, identity);
		identity_free(identity);
	}
	free((void *)set->sorted);
	set->sorted = NULL;
}

void identity_scratch_init(struct identity_scratch *scratch)
{
	scratch->key = BUFFER_INIT(KEY_MAX);
}

void identity_scratch_release(struct identity_scratch *scratch)
{
	buffer_release(&scratch->key);
}

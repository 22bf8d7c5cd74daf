/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/kernel_policy.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "enforce/bank.h"
#include "enforce/classes.h"
#include "enforce/facts.h"
#include "enforce/members.h"
#include "identity/users.h"
#include "policy/policy.h"
#include "verdict.h"

struct kernel_policy {
	struct kernel_policy_tables tables;
	struct members *members;
	struct users *users;
	uint32_t last_epoch;
	uint32_t in_force_since[VERDICT_BANKS]; /* a generation; 0: never */
	struct bank banks[VERDICT_BANKS];
};

/* Of process 1, as identity/exe_place.h has it; 0 when it cannot be told: then no namespace is the host's. */
static uint32_t find_host_mnt_ns(void)
{
	struct stat stat_buffer;

	if (stat("/proc/1/ns/mnt", &stat_buffer) < 0 && stat("/proc/self/ns/mnt", &stat_buffer) < 0)
		return 0;
	return (uint32_t)stat_buffer.st_ino;
}

int kernel_policy_new(const struct kernel_policy_tables *tables, const char *passwd_path, size_t max_members,
		      struct kernel_policy **ret)
{
	_cleanup_(kernel_policy_freep) struct kernel_policy *policy = calloc(1, sizeof(*policy));
	int r;

	if (!policy)
		return -ENOMEM;
	policy->tables = *tables;
	*tables->host_mnt_ns = find_host_mnt_ns();
	for (size_t i = 0; i < VERDICT_BANKS; i++)
		bank_init(&policy->banks[i], tables->entries + i * VERDICT_SECRETS_MAX,
			  tables->rules + i * VERDICT_RULES_MAX);
	r = users_new(passwd_path, &policy->users);
	if (r == 0)
		r = members_new(tables->classes_fd, tables->class_generation, policy->users, max_members,
				&policy->members);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(policy);
	return 0;
}

void kernel_policy_free(struct kernel_policy *policy)
{
	if (!policy)
		return;
	members_free(policy->members);
	users_free(policy->users);
	for (size_t i = 0; i < VERDICT_BANKS; i++)
		bank_release(&policy->banks[i]);
	free(policy);
}

uint32_t kernel_policy_generation(const struct kernel_policy *policy)
{
	return __atomic_load_n(policy->tables.policy_generation, __ATOMIC_ACQUIRE);
}

static unsigned int bank_in_force(const struct kernel_policy *policy)
{
	return kernel_policy_generation(policy) & 1;
}

static unsigned int bank_to_fill(const struct kernel_policy *policy)
{
	return !bank_in_force(policy);
}

/* ---------------------------------------------------------------- filling */

/* No program may be deciding by a bank that was in force a moment ago. (Where it is not supported, nohz_full, that
 * would take two reloads within one decision.) */
static void wait_for_readers(void)
{
	(void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

static bool is_enforced(const struct policy_secret *secret)
{
	return secret->mode == POLICY_MODE_ENFORCE && secret->can_deny;
}

static int add_secrets(struct bank *bank, const struct policy_set *set, const uint32_t *numbers, struct error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < policy_set_secret_count(set); i++) {
		const struct policy_secret *secret = policy_set_secret(set, i);

		if (is_enforced(secret) && numbers[i] > 0 && numbers[i] < VERDICT_SECRETS_MAX)
			r = bank_add(bank, secret, numbers[i], error);
	}
	return r;
}

/* The rules of those whose number no secret of the set has; once, then their files are let go of. */
static int carry_over(struct bank *bank, const struct bank *former, const struct policy_set *set,
		      const uint32_t *numbers, struct error *error)
{
	bool is_present[VERDICT_SECRETS_MAX] = {false};
	int r = 0;

	for (size_t i = 0; i < policy_set_secret_count(set); i++)
		if (numbers[i] < VERDICT_SECRETS_MAX)
			is_present[numbers[i]] = true;
	for (uint32_t number = 1; r == 0 && number < VERDICT_SECRETS_MAX; number++)
		if (!is_present[number] && bank_has(former, number) && !former->is_carried[number])
			r = bank_carry_over(bank, former, number, error);
	return r;
}

/* From here on the kernel remembers of processes what the rules ask for. */
static void track(struct kernel_policy *policy, unsigned int sorts)
{
	uint32_t tracking = 0;

	if (sorts & (1U << CLASS_EXE | 1U << CLASS_SCRIPT | 1U << CLASS_ANCESTOR))
		tracking |= TRACK_IMAGES;
	if (sorts & 1U << CLASS_ANCESTOR)
		tracking |= TRACK_LINEAGE;
	/* What was not noted for a while would be wrong: it is never taken back. */
	__atomic_fetch_or(policy->tables.tracking, tracking, __ATOMIC_ACQ_REL);
}

static void empty_bank(struct kernel_policy *policy, unsigned int number)
{
	(void)members_set_bank(policy->members, number, NULL, 0); /* it touches no map */
	bank_clear(&policy->banks[number]);
	policy->in_force_since[number] = 0;
	memset(policy->tables.unfollowed[number], 0xff, sizeof(policy->tables.unfollowed[number]));
}

int kernel_policy_prepare(struct kernel_policy *policy, const struct policy_set *set, const uint32_t *numbers,
			  struct error *error)
{
	unsigned int number = bank_to_fill(policy);
	struct bank *bank = &policy->banks[number];
	int r;

	wait_for_readers();
	empty_bank(policy, number);
	__atomic_store_n(&policy->tables.epochs[number], ++policy->last_epoch, __ATOMIC_RELEASE);
	r = add_secrets(bank, set, numbers, error);
	if (r == 0)
		r = carry_over(bank, &policy->banks[!number], set, numbers, error);
	if (r == 0) {
		track(policy, bank->sorts);
		r = members_set_bank(policy->members, number, &bank->classes, policy->last_epoch);
		if (r < 0)
			(void)error_set(error, r, NULL, 0, "the kernel's table of classes did not take all entries: %s",
					strerror(-r));
	}
	if (r < 0)
		empty_bank(policy, number);
	return r;
}

static void set_generation(struct kernel_policy *policy, uint32_t generation)
{
	if (policy->in_force_since[generation & 1] == 0)
		policy->in_force_since[generation & 1] = generation;
	__atomic_store_n(policy->tables.policy_generation, generation, __ATOMIC_RELEASE);
}

void kernel_policy_flip(struct kernel_policy *policy)
{
	set_generation(policy, kernel_policy_generation(policy) + 1);
}

void kernel_policy_roll_back(struct kernel_policy *policy)
{
	kernel_policy_flip(policy); /* the other one is as it was */
}

int kernel_policy_update_users(struct kernel_policy *policy)
{
	return users_refresh(policy->users) ? members_update_users(policy->members) : 0;
}

/* ---------------------------------------------------------------- what is followed on disk */

void kernel_policy_follow_all(struct kernel_policy *policy)
{
	unsigned int number = bank_to_fill(policy);
	const struct classes *classes = &policy->banks[number].classes;
	uint64_t *unfollowed = policy->tables.unfollowed[number];

	memset(unfollowed, 0, CLASS_WORDS * sizeof(*unfollowed));
	/* Any file may have a hash. */
	for (size_t i = 1; i < classes->counts[MEMBER_FILE]; i++) {
		const struct rule *definition = classes->definitions[MEMBER_FILE][i];

		if (definition->sha256.count > 0 && definition->exe.count == 0)
			unfollowed[i / 64] |= 1ULL << (i & 63);
	}
}

static bool has_glob(const struct rule *definition, const char *glob)
{
	const struct rule_strings *const lists[] = {&definition->exe, &definition->script, &definition->ancestor};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (size_t j = 0; j < lists[i]->count; j++)
			if (strcmp(lists[i]->values[j], glob) == 0)
				return true;
	return false;
}

void kernel_policy_follow_not(struct kernel_policy *policy, const char *glob)
{
	unsigned int number = bank_to_fill(policy);
	const struct classes *classes = &policy->banks[number].classes;

	for (size_t i = 1; i < classes->counts[MEMBER_FILE]; i++)
		if (has_glob(classes->definitions[MEMBER_FILE][i], glob))
			policy->tables.unfollowed[number][i / 64] |= 1ULL << (i & 63);
}

void kernel_policy_follow_none(struct kernel_policy *policy)
{
	for (size_t i = 0; i < VERDICT_BANKS; i++)
		memset(policy->tables.unfollowed[i], 0xff, sizeof(policy->tables.unfollowed[i]));
}

/* ---------------------------------------------------------------- questions */

struct members *kernel_policy_members(struct kernel_policy *policy)
{
	return policy->members;
}

const struct classes *kernel_policy_classes(const struct kernel_policy *policy, unsigned int bank)
{
	return &policy->banks[bank].classes;
}

unsigned int kernel_policy_sorts(const struct kernel_policy *policy)
{
	return policy->banks[0].sorts | policy->banks[1].sorts;
}

uint32_t kernel_policy_epoch(const struct kernel_policy *policy, unsigned int bank)
{
	return policy->tables.epochs[bank];
}

bool kernel_policy_wants_sha256(const struct kernel_policy *policy, const char *path)
{
	return classes_want_sha256(&policy->banks[0].classes, path) ||
	       classes_want_sha256(&policy->banks[1].classes, path);
}

bool kernel_policy_explain(const struct kernel_policy *policy, uint32_t generation, uint32_t number,
			   const struct decided *decided, struct verdict *ret_verdict)
{
	const struct bank *bank = &policy->banks[generation & 1];

	if (generation == 0 || policy->in_force_since[generation & 1] == 0 || !bank_has(bank, number) ||
	    generation < policy->in_force_since[generation & 1]) {
		*ret_verdict = (struct verdict){.action = (enum verdict_action)decided->action};
		return false;
	}
	bank_explain(bank, number, decided, ret_verdict);
	return true;
}

struct decided kernel_policy_decide(const struct kernel_policy *policy, uint32_t number, enum access_kind kind,
				    const struct access_process *process)
{
	const struct bank *bank = &policy->banks[bank_in_force(policy)];
	struct verdict_facts facts;

	if (!bank_has(bank, number))
		return (struct decided){.action = DECIDED_NOTHING};
	facts_of_process(&bank->classes, process, &facts);
	facts.kind = kind;
	return verdict_decide(&bank->entries[number], bank->rules, &facts);
}

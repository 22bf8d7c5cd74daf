/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_tier.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "enforce/kernel_policy.h"
#include "enforce/learner.h"
#include "enforce/program_watch.h"
#include "policy/policy.h"
#include "secret_numbers.h"
#include "sensor/sensor.h"

#define PASSWD_PATH     "/etc/passwd"
#define MOUNTINFO_PATH  "/proc/self/mountinfo"
#define PROGRAMS_MAX    32768 /* followed on disk */
#define DIRECTORIES_MAX 8192  /* watched for them */

struct kernel_tier {
	struct kernel_tier_config config;
	struct sensor_verdict_tables tables;
	struct kernel_policy *policy;
	struct learner *learner;
	struct program_watch *programs;
	uint32_t unknown_denied; /* before the policy that was prepared last */
};

int kernel_tier_new(const struct kernel_tier_config *config, struct kernel_tier **ret)
{
	_cleanup_(kernel_tier_freep) struct kernel_tier *kernel = calloc(1, sizeof(*kernel));
	struct program_watch_config watch = {
		.base = config->base,
		.passwd_path = PASSWD_PATH,
		.mountinfo_path = MOUNTINFO_PATH,
		.max_files = PROGRAMS_MAX,
		.max_directories = DIRECTORIES_MAX,
	};
	const struct sensor_verdict_tables *from;
	struct kernel_policy_tables tables;
	int r;

	if (!kernel)
		return -ENOMEM;
	kernel->config = *config;
	kernel->tables = sensor_verdict_tables(config->sensor);
	from = &kernel->tables;
	tables = (struct kernel_policy_tables){
		.entries = from->entries,
		.rules = from->rules,
		.unfollowed = from->unfollowed,
		.epochs = from->epochs,
		.policy_generation = from->policy_generation,
		.class_generation = from->class_generation,
		.tracking = from->tracking,
		.host_mnt_ns = from->host_mnt_ns,
		.classes_fd = from->classes_fd,
	};
	watch.sink = sensor_sink(config->sensor, &watch.sink_context);
	r = kernel_policy_new(&tables, PASSWD_PATH, from->max_classes, &kernel->policy);
	if (r == 0)
		r = learner_new(kernel->policy, config->identity, from->images_fd, from->lineage_fd, &kernel->learner);
	if (r == 0)
		r = program_watch_new(&watch, kernel->policy, kernel->learner, &kernel->programs);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(kernel);
	return 0;
}

void kernel_tier_free(struct kernel_tier *kernel)
{
	if (!kernel)
		return;
	program_watch_free(kernel->programs);
	learner_free(kernel->learner);
	kernel_policy_free(kernel->policy);
	free(kernel);
}

/* ---------------------------------------------------------------- policies */

static void adopt(void *context, const struct process_record *record, size_t size)
{
	struct kernel_tier *kernel = context;

	if (size >= sizeof(*record))
		learner_adopt(kernel->learner, record);
}

/* Someone who holds more secrets than the kernel remembers is looked into: any of them may be one that onError denies.
 */
static bool denies_unknown(const struct policy_set *policy)
{
	for (size_t i = 0; i < policy_set_secret_count(policy); i++) {
		const struct policy_secret *secret = policy_set_secret(policy, i);

		if (secret->mode == POLICY_MODE_ENFORCE && secret->can_deny && secret->on_error == POLICY_ON_ERROR_DENY)
			return true;
	}
	return false;
}

static int prepare(struct kernel_tier *kernel, const struct policy_set *next, const uint32_t *numbers,
		   struct error *error)
{
	uint32_t tracked = *kernel->tables.tracking;
	int r = kernel_policy_prepare(kernel->policy, next, numbers, error);

	if (r < 0)
		return r;
	r = program_watch_load(kernel->programs, error);
	if (r < 0)
		return r;
	/* What the kernel begins to remember of processes it does not know of those that run already. */
	if (*kernel->tables.tracking & ~tracked) {
		r = sensor_each_process(kernel->config.sensor, adopt, kernel);
		if (r < 0)
			return error_set(error, r, NULL, 0, "the processes that run cannot be listed: %s",
					 strerror(-r));
	}
	learner_prepare(kernel->learner);
	return 0;
}

int kernel_tier_prepare(struct kernel_tier *kernel, const struct policy_set *next, struct error *error)
{
	size_t count = policy_set_secret_count(next);
	_cleanup_(freep) uint32_t *numbers = calloc(count + 1, sizeof(*numbers));
	int r;

	if (!numbers)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		numbers[i] = secret_numbers_find(kernel->config.numbers, policy_set_secret(next, i)->name);
	r = prepare(kernel, next, numbers, error);
	if (r < 0)
		return r;
	kernel->unknown_denied = *kernel->tables.unknown_denies;
	*kernel->tables.unknown_denies = denies_unknown(next);
	kernel_policy_flip(kernel->policy);
	return 0;
}

void kernel_tier_rollback(struct kernel_tier *kernel)
{
	kernel_policy_roll_back(kernel->policy);
	*kernel->tables.unknown_denies = kernel->unknown_denied;
}

/* ---------------------------------------------------------------- what is seen */

void kernel_tier_process(struct kernel_tier *kernel, const struct process_record *record)
{
	learner_process(kernel->learner, record);
}

void kernel_tier_doubt(struct kernel_tier *kernel, const struct task_snapshot *task)
{
	learner_doubt(kernel->learner, task);
}

void kernel_tier_cgroup(struct kernel_tier *kernel, uint64_t cgroup_id)
{
	learner_cgroup(kernel->learner, cgroup_id);
}

void kernel_tier_tick(struct kernel_tier *kernel)
{
	int r = kernel_policy_update_users(kernel->policy);

	if (r < 0)
		(void)log_warning(r, "the kernel did not take the names of all users; it decides by their old ones");
	learner_tick(kernel->learner);
}

bool kernel_tier_explain(const struct kernel_tier *kernel, const struct access_value *value,
			 struct verdict *ret_verdict)
{
	bool is_explained = kernel_policy_explain(kernel->policy, value->policy_generation, value->secret,
						  &value->decided, ret_verdict);

	ret_verdict->tier = kernel->config.tier;
	ret_verdict->is_enforced = value->decided.flags & DECIDED_ENFORCED;
	return is_explained;
}

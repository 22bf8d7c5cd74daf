/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon_state.h"
#include "enforce/egress.h"
#include "enforcement.h"
#include "observer.h"
#include "policy/policy.h"
#include "sensor/sensor.h"

const char *daemon_egress_reason(const struct config *config)
{
	return config->egress_cgroup[0] ? NULL : "no control group is configured; set egress.cgroup";
}

int daemon_open_egress(struct daemon *daemon)
{
	struct sensor_egress kernel;
	int r;

	daemon->egress_reason = daemon_egress_reason(daemon->config);
	if (daemon->egress_reason)
		return 0;
	if (sensor_egress(daemon->sensor, &kernel) < 0) {
		daemon->egress_reason = "this kernel refuses the programs";
		return 0;
	}
	r = egress_new(daemon->config->egress_cgroup, &kernel, &daemon->egress);
	if (r == 0)
		observer_set_egress(daemon->observer, daemon->egress);
	return r;
}

void daemon_log_unguarded(const struct policy_set *policy, const char *reason)
{
	for (size_t i = 0; reason && i < policy_set_secret_count(policy); i++) {
		const struct policy_secret *secret = policy_set_secret(policy, i);

		if (secret->egress)
			(void)log_warning(0, "%s:%d: the \"egress\" list of secret \"%s\" is not guarded: %s",
					  secret->file, secret->line, secret->name, reason);
	}
}

static uint32_t number_of(void *context, const char *secret)
{
	return enforcement_number(context, secret);
}

int daemon_load_egress(struct daemon *daemon, const struct policy_set *policy, struct error *error)
{
	int r = egress_check_policy(policy, daemon->egress_reason, error);

	return r < 0 || !daemon->egress ? r
					: egress_load(daemon->egress, policy, number_of, daemon->enforcement, error);
}

void daemon_settle_egress(struct daemon *daemon, const struct policy_set *policy)
{
	daemon_log_unguarded(policy, daemon->egress_reason);
	if (!daemon->egress)
		return;
	egress_settle(daemon->egress);
	for (size_t i = 0; i < policy_set_secret_count(policy); i++) {
		const struct policy_secret *secret = policy_set_secret(policy, i);

		if (secret->egress && egress_is_new(daemon->egress, secret->name))
			observer_taint_holders(daemon->observer, secret->name);
	}
}

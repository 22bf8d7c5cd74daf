/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/worker.h"
#include "cli/policy_advice.h"
#include "daemon_state.h"
#include "notify.h"
#include "observer.h"
#include "policy/policy.h"
#include "policy/policy_file.h"
#include "sensor/sensor.h"
#include "sensor/watchlist.h"

static struct policy_limits limits_of(const struct config *config)
{
	return (struct policy_limits){.max_files = config->policy_max_files, .max_secrets = config->policy_max_secrets};
}

/* This build has no tier that could deny. */
static int apply_tier(struct policy_set *policy, struct error *error)
{
	for (size_t i = 0; i < policy_set_secret_count(policy); i++) {
		const struct policy_secret *secret = policy_set_secret(policy, i);
		bool denies_egress = secret->egress && secret->egress->action == VERDICT_DENY;

		if (secret->mode != POLICY_MODE_ENFORCE || (!secret->can_deny && !denies_egress))
			continue;
		if (secret->on_unsupported == POLICY_UNSUPPORTED_REFUSE)
			return error_set(
				error, -EINVAL, secret->file, secret->mode_line,
				"this build observes only and cannot deny; write \"mode: observe\", or add "
				"\"onUnsupported: observe\" to keep the policy and only see what it would deny");
		policy_set_observe(policy, i);
	}
	return 0;
}

int daemon_load_policies(const struct config *config, const struct policy_host *host, struct policy_set **ret_policy,
			 struct error *error)
{
	_cleanup_(policy_set_freep) struct policy_set *policy = NULL;
	const struct policy_limits limits = limits_of(config);
	int r = policy_set_load(config->policies, config->policies_count, &limits, &policy, error);

	if (r >= 0)
		r = apply_tier(policy, error);
	if (r >= 0 && policy_advise(policy, host) < 0)
		r = error_set(error, -ENOMEM, NULL, 0, "not enough memory for the policy");
	if (r < 0)
		return r;
	*ret_policy = TAKE_PTR(policy);
	return 0;
}

void daemon_log_warnings(const struct policy_set *policy)
{
	char text[ERROR_FILE_SIZE + ERROR_TEXT_SIZE + 32];

	for (size_t i = 0; i < policy_set_warning_count(policy); i++)
		(void)log_warning(0, "%s", error_format(policy_set_warning(policy, i), text, sizeof(text)));
}

int daemon_check_policies(const struct config *config, const struct policy_host *host, size_t *ret_policies,
			  size_t *ret_secrets, struct error *error)
{
	_cleanup_(policy_set_freep) struct policy_set *policy = NULL;
	int r = daemon_load_policies(config, host, &policy, error);

	if (r < 0)
		return r;
	daemon_log_warnings(policy);
	*ret_policies = policy_set_policy_count(policy);
	*ret_secrets = policy_set_secret_count(policy);
	return 0;
}

/* Gives the policy's patterns to the watch list. On failure the former ones stay. */
static int watch_policy(struct daemon *daemon, const struct policy_set *policy, struct error *error)
{
	_cleanup_(freep) struct watch_pattern *patterns = NULL;
	size_t count;
	int r = watch_patterns_of(policy, &patterns, &count);

	if (r < 0)
		return r;
	return watchlist_load(daemon->watchlist, patterns, count, error);
}

static void publish_loaded(struct daemon *daemon, bool is_reload)
{
	struct event_policy_loaded loaded = {
		.paths = daemon->config->policies,
		.paths_count = daemon->config->policies_count,
		.policies = policy_set_policy_count(daemon->policy),
		.secrets = policy_set_secret_count(daemon->policy),
		.is_reload = is_reload,
	};
	struct bus_event event = {.type = EVENT_POLICY_LOADED, .policy_loaded = &loaded};

	daemon_publish(daemon, &event);
}

/* Puts a loaded policy in force; takes it on success. Secrets are numbered anew, so nothing may come between. */
int daemon_enforce_policy(struct daemon *daemon, struct policy_set *policy, struct error *error)
{
	int r = watch_policy(daemon, policy, error);

	if (r < 0)
		return r;
	observer_set_policy(daemon->observer, policy);
	policy_set_free(daemon->policy);
	daemon->policy = policy;
	return 0;
}

struct reload {
	struct worker_job job; /* first: a job is its reload */
	struct daemon *daemon;
	struct policy_set *policy;
	struct error error;
	int result;
};

static void reload_run(struct worker_job *job)
{
	struct reload *reload = (struct reload *)job;
	const struct policy_host host = POLICY_HOST_LOAD;

	reload->result = daemon_load_policies(reload->daemon->config, &host, &reload->policy, &reload->error);
}

static void refuse_reload(struct daemon *daemon, const struct error *error, int result)
{
	struct event_policy_refused refused = {.error = error, .is_reload = true};
	struct bus_event event = {.type = EVENT_POLICY_REFUSED, .policy_refused = &refused};

	(void)error_format(error, daemon->policy_error, sizeof(daemon->policy_error));
	if (!daemon->policy_error[0])
		(void)snprintf(daemon->policy_error, sizeof(daemon->policy_error), "%s", strerror(-result));
	(void)log_error(0, "%s", daemon->policy_error);
	(void)log_error(0, "the policy was not reloaded, the former one stays in force");
	daemon_publish(daemon, &event);
}

static void reload_done(struct worker_job *job)
{
	struct reload *reload = (struct reload *)job;
	struct daemon *daemon = reload->daemon;
	int r = reload->result;

	daemon->is_reloading = false;
	if (r == 0) {
		/* What was counted so far belongs to the former policy. */
		(void)sensor_flush(daemon->sensor);
		r = daemon_enforce_policy(daemon, reload->policy, &reload->error);
		if (r < 0)
			policy_set_free(reload->policy);
	}
	if (r < 0) {
		refuse_reload(daemon, &reload->error, r);
	} else {
		struct watchlist_stats stats;

		daemon->policy_error[0] = '\0';
		daemon_guard_refresh_rights(daemon);
		daemon_log_warnings(daemon->policy);
		watchlist_statistics(daemon->watchlist, &stats);
		log_info("policy reloaded: policies=%zu secrets=%zu files=%zu", policy_set_policy_count(daemon->policy),
			 policy_set_secret_count(daemon->policy), stats.files);
		publish_loaded(daemon, true);
	}
	notify_send("READY=1");
	free(reload);
	if (daemon->reload_again) {
		daemon->reload_again = false;
		daemon_start_reload(daemon);
	}
}

void daemon_start_reload(struct daemon *daemon)
{
	struct reload *reload;

	if (daemon->is_reloading) {
		daemon->reload_again = true; /* the files may have changed since that one read them */
		return;
	}
	reload = calloc(1, sizeof(*reload));
	if (!reload) {
		(void)log_error(-ENOMEM, "reloading the policy");
		return;
	}
	reload->job = (struct worker_job){.run = reload_run, .done = reload_done};
	reload->daemon = daemon;
	reload->result = -ECANCELED;
	if (worker_submit(daemon->pool, &reload->job) < 0) {
		(void)log_error(-EBUSY, "reloading the policy");
		free(reload);
		return;
	}
	daemon->is_reloading = true;
	notify_reloading();
}

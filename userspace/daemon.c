/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_state.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/version.h"
#include "base/worker.h"
#include "cli/policy_advice.h"
#include "export/output.h"
#include "identity/identity.h"
#include "notify.h"
#include "observer.h"
#include "policy/glob.h"
#include "policy/policy.h"
#include "sensor/sensor.h"
#include "sensor/watchlist.h"
#include "store/store.h"

#define WORKERS         2
#define WORKER_QUEUE    1024
#define DESCRIPTORS_MIN 4096

/* ---------------------------------------------------------------- callbacks */

static void on_output_lost(void *context, uint64_t count, uint64_t total)
{
	daemon_publish_loss(context, LOSS_OUTPUT, count, total);
}

static void on_output_ended(void *context)
{
	struct daemon *daemon = context;

	/* In the foreground the view is the purpose; without it there is nothing left to run for. */
	daemon->end_reason = "output closed";
	(void)event_base_loopbreak(daemon->base);
}

static void on_flush(evutil_socket_t fd, short what, void *context)
{
	struct daemon *daemon = context;
	uint64_t began_ns = clock_boot_ns();
	int r = sensor_flush(daemon->sensor);

	(void)fd;
	(void)what;
	if (r < 0)
		(void)log_error(r, "reading the kernel's counters");
	observer_tick(daemon->observer);
	daemon_check_losses(daemon);
	if (r >= 0)
		daemon_heartbeat_beat(daemon, began_ns);
}

static void on_watchdog(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	notify_send("WATCHDOG=1"); /* the loop came to us */
}

/* ---------------------------------------------------------------- signals */

static void on_signal(evutil_socket_t number, short what, void *context)
{
	struct daemon *daemon = context;

	(void)what;
	if (number == SIGHUP) {
		if (daemon->output)
			output_reopen(daemon->output);
		daemon_start_reload(daemon);
		return;
	}
	daemon->end_reason = number == SIGTERM ? "SIGTERM" : "SIGINT";
	(void)event_base_loopbreak(daemon->base);
}

static int open_signals(struct daemon *daemon)
{
	static const int numbers[] = {SIGHUP, SIGTERM, SIGINT};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		daemon->signal_events[i] = evsignal_new(daemon->base, numbers[i], on_signal, daemon);
		if (!daemon->signal_events[i] || evsignal_add(daemon->signal_events[i], NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---------------------------------------------------------------- opening it all */

static int open_sensor(struct daemon *daemon, struct error *error)
{
	const struct config *config = daemon->config;
	struct sensor_handler handler = observer_handler(daemon->observer);
	const struct sensor_config sensor_config = {
		.support = &daemon->support,
		.backend = daemon->backend,
		.max_counters = config->sensor_max_counters,
		.max_files = config->sensor_max_files,
		.max_directories = config->sensor_max_directories,
		.max_holders = config->sensor_max_holders,
		.access_ring_bytes = config->sensor_access_ring_kib * 1024,
		.process_ring_bytes = config->sensor_process_ring_kib * 1024,
		.keep_args = config->identity_args,
		.guard_denies = daemon_denies_tampering(daemon),
	};

	return sensor_new(daemon->base, &sensor_config, &handler, &daemon->sensor, error);
}

static int open_watchlist(struct daemon *daemon, struct error *error)
{
	const struct watchlist_options options = {
		.max_files = daemon->config->sensor_max_files,
		.max_directories = daemon->config->sensor_max_directories,
		.match = glob_match,
		.passwd_path = "/etc/passwd",
		.mountinfo_path = "/proc/self/mountinfo",
	};
	void *sink_context;
	const struct watch_sink *sink = sensor_sink(daemon->sensor, &sink_context);
	int r = watchlist_new(daemon->base, sink, sink_context, &options, &daemon->watchlist);

	if (r < 0)
		return error_set(error, r, NULL, 0, "the watch list cannot be made: %s", strerror(-r));
	observer_set_watchlist(daemon->observer, daemon->watchlist);
	return 0;
}

static int open_identity(struct daemon *daemon)
{
	const struct config *config = daemon->config;
	const struct identity_config identity_config = {
		.max_processes = config->identity_max_processes,
		.args = config->identity_args,
		.hash = config->identity_hash,
		.hash_max_bytes = config->identity_hash_max_mib << 20,
		/* A flush reports what the dead did since the one before. */
		.exit_grace_ns = (2000 + 2 * config->sensor_flush_interval_ms) * NS_PER_MS,
	};
	struct observer_config observer_config = {
		.base = daemon->base,
		.max_holders = config->sensor_max_holders,
		.hash_wait_ms = config->identity_hash_wait_ms,
		.publish = daemon_publish,
		.tampered = daemon_tampered,
		.context = daemon,
	};
	int r = worker_pool_new(daemon->base, WORKERS, WORKER_QUEUE, &daemon->pool);

	if (r == 0)
		r = identity_new(daemon->base, daemon->pool, &identity_config, &daemon->identity);
	observer_config.identity = daemon->identity;
	return r < 0 ? r : observer_new(&observer_config, &daemon->observer);
}

static int open_output(struct daemon *daemon, struct error *error)
{
	static const char *const names[] = {
		[CONFIG_OUTPUT_TABLE] = "table",
		[CONFIG_OUTPUT_JSON] = "json",
		[CONFIG_OUTPUT_NONE] = "none",
	};
	const struct output_config output_config = {
		.path = daemon->config->output_file,
		.buffer_size = daemon->config->output_buffer_kib * 1024,
		.callbacks = {.lost = on_output_lost, .ended = on_output_ended, .context = daemon},
	};

	return output_open(names[daemon->config->output_format], daemon->base, &output_config, &daemon->output, error);
}

static int open_store(struct daemon *daemon, struct error *error)
{
	const struct config *config = daemon->config;
	const struct store_config store_config = {
		.state_dir = config->state_dir,
		.commit_interval_ms = (unsigned int)config->store_commit_interval_ms,
		.max_mib = (unsigned int)config->store_max_mib,
		.max_age_hours = (unsigned int)config->store_max_age_hours,
		.queue_max = config->store_queue_max,
	};

	return config->store_enabled ? store_open(&store_config, &daemon->store, error) : 0;
}

static int open_control(struct daemon *daemon, struct error *error)
{
	const struct config *config = daemon->config;
	const struct control_config control_config = {
		.socket_path = daemon->socket_path,
		.group = config->control_group,
		.max_clients = config->control_max_clients,
	};
	int r;

	if (!config->control_enabled)
		return 0;
	if (config->control_socket[0])
		r = snprintf(daemon->socket_path, sizeof(daemon->socket_path), "%s", config->control_socket);
	else
		r = snprintf(daemon->socket_path, sizeof(daemon->socket_path), "%s/sagentd.sock", config->run_dir);
	if (r < 0 || (size_t)r >= sizeof(daemon->socket_path))
		return error_set(error, -ENAMETOOLONG, NULL, 0,
				 "the path of the control socket is too long: set control.socket");
	r = file_make_directories(config->run_dir, 0755);
	if (r < 0)
		return error_set(error, r, config->run_dir, 0, "the run directory cannot be made: %s", strerror(-r));
	return control_new(daemon->base, &control_config, daemon_commands, daemon, &daemon->control, error);
}

static int choose_backend(struct daemon *daemon, struct error *error)
{
	static const enum sensor_backend backends[] = {
		[CONFIG_BACKEND_LSM] = SENSOR_BACKEND_LSM,
		[CONFIG_BACKEND_FENTRY] = SENSOR_BACKEND_FENTRY,
		[CONFIG_BACKEND_TRACEPOINT] = SENSOR_BACKEND_TRACEPOINT,
	};
	int r = kernel_support_probe(&daemon->support, error);

	if (r < 0)
		return r;
	if (daemon->config->backend == CONFIG_BACKEND_AUTO) {
		r = kernel_support_best(&daemon->support, &daemon->backend);
		return r < 0 ? error_set(error, r, NULL, 0, "no backend works on this kernel: %s",
					 daemon->support.backends[SENSOR_BACKEND_TRACEPOINT].reason)
			     : 0;
	}
	daemon->backend = backends[daemon->config->backend];
	if (daemon->support.backends[daemon->backend].works)
		return 0;
	return error_set(error, -ENOTSUP, NULL, 0, "backend '%s' does not work on this host: %s",
			 sensor_backend_name(daemon->backend), daemon->support.backends[daemon->backend].reason);
}

static int start_timer(struct daemon *daemon)
{
	const uint64_t ms = daemon->config->sensor_flush_interval_ms;
	const struct timeval interval = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	daemon->flush_timer = event_new(daemon->base, -1, EV_PERSIST, on_flush, daemon);
	return daemon->flush_timer && event_add(daemon->flush_timer, &interval) == 0 ? 0 : -ENOMEM;
}

/* Twice as often as the service manager wants to hear of us: sd_watchdog_enabled(3). */
static int start_watchdog(struct daemon *daemon)
{
	const uint64_t us = notify_watchdog_us() / 2;
	const struct timeval interval = {.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};

	if (us == 0)
		return 0;
	daemon->watchdog_timer = event_new(daemon->base, -1, EV_PERSIST, on_watchdog, daemon);
	return daemon->watchdog_timer && event_add(daemon->watchdog_timer, &interval) == 0 ? 0 : -ENOMEM;
}

/* The watch list opens many files at once, a few hundred at a time. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS_MIN)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MIN ? limit.rlim_max : DESCRIPTORS_MIN;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* batches shrink to what there is */
}

static int open_base(struct daemon *daemon)
{
	daemon->line = BUFFER_INIT(2 * EVENT_SIZE_MAX);
	daemon->started_boot_ns = clock_boot_ns();
	daemon->started_real_ns = clock_real_ns();
	if (gethostname(daemon->host, sizeof(daemon->host) - 1) < 0 || !daemon->host[0])
		(void)snprintf(daemon->host, sizeof(daemon->host), "localhost");
	raise_descriptor_limit();
	if (evthread_use_pthreads() < 0)
		return -ENOMEM;
	daemon->base = event_base_new();
	return daemon->base ? open_signals(daemon) : -ENOMEM;
}

static void say_ready(struct daemon *daemon)
{
	struct watchlist_stats stats;
	struct event_started started = {
		.version = SAGENT_VERSION,
		.kernel = daemon->support.release,
		.backend = sensor_backend_name(daemon->backend),
		.tier = TIER_OBSERVE,
		.policies = policy_set_policy_count(daemon->policy),
		.secrets = policy_set_secret_count(daemon->policy),
	};
	struct bus_event event = {.type = EVENT_STARTED, .started = &started};

	watchlist_statistics(daemon->watchlist, &stats);
	started.files = stats.files;
	started.blind_spots = sensor_blind_spots(daemon->sensor, &started.blind_spots_count);
	daemon->is_started = true;
	daemon_publish(daemon, &event);
	daemon_heartbeat_begin(daemon);
	/* The table shows them itself. */
	for (size_t i = 0; i < started.blind_spots_count && daemon->config->output_format != CONFIG_OUTPUT_TABLE; i++)
		log_info("not seen on this host: %s", started.blind_spots[i]);
	(void)fprintf(stderr, "ready: backend=%s tier=%s policies=%" PRIu64 " secrets=%" PRIu64 " files=%" PRIu64 "\n",
		      started.backend, tier_name(started.tier), started.policies, started.secrets, started.files);
	notify_send("READY=1");
}

static int open_all(struct daemon *daemon, struct error *error)
{
	_cleanup_(policy_set_freep) struct policy_set *policy = NULL;
	const struct policy_host host = POLICY_HOST_LOAD;
	int r = daemon_load_policies(daemon->config, &host, &policy, error);

	if (r == 0)
		r = choose_backend(daemon, error);
	if (r == 0)
		r = open_base(daemon);
	if (r == 0)
		r = open_output(daemon, error);
	if (r == 0)
		r = open_store(daemon, error);
	if (r == 0)
		r = open_identity(daemon);
	if (r == 0)
		r = open_sensor(daemon, error);
	if (r == 0)
		r = open_watchlist(daemon, error);
	if (r == 0)
		r = open_control(daemon, error);
	if (r < 0)
		return r;
	r = daemon_enforce_policy(daemon, policy, error);
	if (r < 0)
		return r;
	(void)TAKE_PTR(policy);
	daemon_heartbeat_open(daemon);
	r = sensor_start(daemon->sensor, error);
	if (r == 0)
		r = daemon_guard_start(daemon);
	if (r == 0)
		r = start_watchdog(daemon);
	return r < 0 ? r : start_timer(daemon);
}

int daemon_new(const struct config *config, struct daemon **ret_daemon, struct error *error)
{
	_cleanup_(daemon_freep) struct daemon *daemon = calloc(1, sizeof(*daemon));
	int r;

	if (!daemon)
		return -ENOMEM;
	daemon->config = config;
	r = open_all(daemon, error);
	if (r < 0)
		return r;
	say_ready(daemon);
	*ret_daemon = TAKE_PTR(daemon);
	return 0;
}

int daemon_run(struct daemon *daemon)
{
	int r = event_base_dispatch(daemon->base);

	return r < 0 ? -EIO : 0;
}

/* ---------------------------------------------------------------- closing it all */

static void say_stopped(struct daemon *daemon)
{
	struct observer_stats stats = observer_stats(daemon->observer);
	struct event_stopped stopped = {
		.reason = daemon->end_reason ? daemon->end_reason : "error",
		.running_ns = clock_boot_ns() - daemon->started_boot_ns,
		.accesses = stats.accesses,
		.events = stats.events,
		.alerts = stats.alerts,
		.denies = stats.denies,
		.losses = stats.losses + daemon->store_lost + (daemon->output ? output_dropped(daemon->output) : 0),
	};
	struct bus_event event = {.type = EVENT_STOPPED, .stopped = &stopped};

	daemon_publish(daemon, &event);
}

/* All counts out, while everything that takes them still stands. */
static void flush_all(struct daemon *daemon)
{
	notify_send("STOPPING=1");
	(void)sensor_flush(daemon->sensor);
	observer_flush(daemon->observer);
	daemon_check_losses(daemon);
	if (daemon->output)
		output_drain(daemon->output);
	say_stopped(daemon);
	daemon_heartbeat_end(daemon);
}

static void on_alarm(int number)
{
	(void)number;
	_exit(0);
}

/*
 * Everything has been written. What is left is to join the workers, and one may hang in a file system that does not
 * answer: then the process leaves without it.
 */
static void leave_by_force_in(unsigned int seconds)
{
	(void)signal(SIGALRM, on_alarm);
	(void)alarm(seconds);
}

void daemon_free(struct daemon *daemon)
{
	if (!daemon)
		return;
	if (daemon->is_started)
		flush_all(daemon);
	daemon_heartbeat_free(daemon);
	daemon_guard_free(daemon);
	sensor_free(daemon->sensor);
	output_free(daemon->output);
	store_close(daemon->store);
	daemon->output = NULL;
	daemon->store = NULL;
	if (daemon->is_started)
		leave_by_force_in(1);
	if (daemon->identity)
		identity_free(daemon->identity);
	worker_pool_free(daemon->pool);
	observer_free(daemon->observer);
	watchlist_free(daemon->watchlist);
	control_free(daemon->control);
	policy_set_free(daemon->policy);
	for (size_t i = 0; i < sizeof(daemon->signal_events) / sizeof(daemon->signal_events[0]); i++) {
		if (daemon->signal_events[i])
			event_free(daemon->signal_events[i]);
	}
	if (daemon->flush_timer)
		event_free(daemon->flush_timer);
	if (daemon->watchdog_timer)
		event_free(daemon->watchdog_timer);
	if (daemon->base)
		event_base_free(daemon->base);
	buffer_release(&daemon->line);
	(void)alarm(0);
	free(daemon);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/version.h"
#include "base/worker.h"
#include "bus/event.h"
#include "cli/control.h"
#include "config.h"
#include "export/output.h"
#include "history.h"
#include "identity/identity.h"
#include "notify.h"
#include "observer.h"
#include "policy/glob.h"
#include "policy/policy.h"
#include "policy/policy_file.h"
#include "sensor/sensor.h"
#include "sensor/watchlist.h"
#include "store/store.h"

#define WORKERS         2
#define WORKER_QUEUE    1024
#define STATUS_MAX      65536
#define LIMIT_MAX       10000
#define SINCE_MAX       (100ULL * 366 * 24 * 3600)
#define DESCRIPTORS_MIN 4096

struct daemon {
	const struct config *config;
	char host[HOST_NAME_MAX + 1];
	char socket_path[PATH_MAX];
	struct event_base *base;
	struct event *signal_events[3];
	struct event *flush_timer;
	struct worker_pool *pool;
	struct identity *identity;
	struct observer *observer;
	struct sensor *sensor;
	struct watchlist *watchlist;
	struct policy_set *policy;
	struct store *store;
	struct output *output;
	struct control *control;
	struct kernel_support support;
	enum sensor_backend backend;
	struct buffer line;
	uint64_t started_boot_ns, started_real_ns;
	uint64_t store_lost; /* of the store, published */
	uint64_t unfollowed; /* by the watch list, published: the most at one time */
	bool is_reloading, reload_again, is_started;
	char policy_error[ERROR_FILE_SIZE + ERROR_TEXT_SIZE + 32]; /* of the last reload, "" when it was good */
	const char *end_reason;
};

/* ---------------------------------------------------------------- events out */

static void publish(void *context, const struct bus_event *event)
{
	struct daemon *daemon = context;
	const struct event_source source = {.host = daemon->host, .program = "sagentd"};
	bool is_watched = daemon->control && control_is_watched(daemon->control);
	bool needs_line = is_watched || (daemon->output && output_needs_lines(daemon->output));

	if (needs_line) {
		buffer_reset(&daemon->line);
		event_write(&daemon->line, &source, event);
		if (daemon->line.failed) {
			log_error(0, "an event could not be written as JSON: no memory");
			return;
		}
	}
	if (daemon->output)
		output_event(daemon->output, event, needs_line ? daemon->line.data : NULL,
			     needs_line ? daemon->line.size : 0);
	if (is_watched)
		control_broadcast(daemon->control, daemon->line.data, daemon->line.size);
	if (event->type == EVENT_ACCESS && daemon->store)
		(void)store_append(daemon->store,
				   event->access); /* a refusal is counted there, and published by the next tick */
}

static void publish_loss(struct daemon *daemon, enum loss_place place, uint64_t count, uint64_t total)
{
	struct event_loss loss = {.place = place, .count = count, .total = total};
	struct bus_event event = {.type = EVENT_LOSS, .loss = &loss};

	publish(daemon, &event);
}

static void on_output_lost(void *context, uint64_t count, uint64_t total)
{
	publish_loss(context, LOSS_OUTPUT, count, total);
}

static void on_output_ended(void *context)
{
	struct daemon *daemon = context;

	/* In the foreground the view is the purpose; without it there is nothing left to run for. */
	daemon->end_reason = "output closed";
	(void)event_base_loopbreak(daemon->base);
}

static void check_store(struct daemon *daemon)
{
	struct store_stats stats;
	uint64_t lost;

	if (!daemon->store)
		return;
	store_get_stats(daemon->store, &stats);
	lost = stats.refused + stats.unwritable;
	if (lost > daemon->store_lost) {
		publish_loss(daemon, LOSS_STORE, lost - daemon->store_lost, lost);
		daemon->store_lost = lost;
	}
}

/* What the watch list had to leave out. Its numbers are those of the present view, so only a new high is news. */
static void check_watchlist(struct daemon *daemon)
{
	struct watchlist_stats stats;
	uint64_t unfollowed;

	watchlist_statistics(daemon->watchlist, &stats);
	unfollowed = stats.scan.refused_files + stats.scan.refused_directories + stats.scan.refused_links +
		     stats.scan.unreadable + stats.scan.unwatched + stats.scan.unidentified + stats.sink_failures;
	if (unfollowed <= daemon->unfollowed)
		return;
	publish_loss(daemon, LOSS_WATCHLIST, unfollowed - daemon->unfollowed, unfollowed);
	daemon->unfollowed = unfollowed;
}

static void on_flush(evutil_socket_t fd, short what, void *context)
{
	struct daemon *daemon = context;
	int r = sensor_flush(daemon->sensor);

	(void)fd;
	(void)what;
	if (r < 0)
		(void)log_error(r, "reading the kernel's counters");
	observer_tick(daemon->observer);
	check_store(daemon);
	check_watchlist(daemon);
}

/* ---------------------------------------------------------------- policies */

static struct policy_limits limits_of(const struct config *config)
{
	return (struct policy_limits){.max_files = config->policy_max_files, .max_secrets = config->policy_max_secrets};
}

static int load_policies(const struct config *config, struct policy_set **ret_policy, struct error *error)
{
	const struct policy_limits limits = limits_of(config);

	return policy_set_load(config->policies, config->policies_count, &limits, ret_policy, error);
}

static void log_warnings(const struct policy_set *policy)
{
	char text[ERROR_FILE_SIZE + ERROR_TEXT_SIZE + 32];

	for (size_t i = 0; i < policy_set_warning_count(policy); i++)
		(void)log_warning(0, "%s", error_format(policy_set_warning(policy, i), text, sizeof(text)));
}

int daemon_check_policies(const struct config *config, size_t *ret_policies, size_t *ret_secrets, struct error *error)
{
	_cleanup_(policy_set_freep) struct policy_set *policy = NULL;
	int r = load_policies(config, &policy, error);

	if (r < 0)
		return r;
	log_warnings(policy);
	*ret_policies = policy_set_policy_count(policy);
	*ret_secrets = policy_set_secret_count(policy);
	return 0;
}

/* Gives the policy's patterns to the watch list. On failure the former ones stay. */
static int watch_policy(struct daemon *daemon, const struct policy_set *policy, struct error *error)
{
	_cleanup_(freep) struct watch_pattern *patterns = NULL;
	size_t count = 0, filled = 0;

	for (size_t i = 0; i < policy_set_secret_count(policy); i++)
		count += policy_set_secret(policy, i)->patterns_count;
	patterns = calloc(count + 1, sizeof(*patterns));
	if (!patterns)
		return -ENOMEM;
	for (size_t i = 0; i < policy_set_secret_count(policy); i++) {
		const struct policy_secret *secret = policy_set_secret(policy, i);

		for (size_t j = 0; j < secret->patterns_count; j++)
			patterns[filled++] = (struct watch_pattern){
				.pattern = secret->patterns[j],
				.excludes = secret->excludes,
				.excludes_count = secret->excludes_count,
				.secret = i,
			};
	}
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

	publish(daemon, &event);
}

/* Puts a loaded policy in force; takes it on success. Secrets are numbered anew, so nothing may come between. */
static int enforce_policy(struct daemon *daemon, struct policy_set *policy, struct error *error)
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

	reload->result = load_policies(reload->daemon->config, &reload->policy, &reload->error);
}

static void start_reload(struct daemon *daemon);

static void refuse_reload(struct daemon *daemon, const struct error *error, int result)
{
	struct event_policy_refused refused = {.error = error, .is_reload = true};
	struct bus_event event = {.type = EVENT_POLICY_REFUSED, .policy_refused = &refused};

	(void)error_format(error, daemon->policy_error, sizeof(daemon->policy_error));
	if (!daemon->policy_error[0])
		(void)snprintf(daemon->policy_error, sizeof(daemon->policy_error), "%s", strerror(-result));
	(void)log_error(0, "%s", daemon->policy_error);
	(void)log_error(0, "the policy was not reloaded, the former one stays in force");
	publish(daemon, &event);
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
		r = enforce_policy(daemon, reload->policy, &reload->error);
		if (r < 0)
			policy_set_free(reload->policy);
	}
	if (r < 0) {
		refuse_reload(daemon, &reload->error, r);
	} else {
		struct watchlist_stats stats;

		daemon->policy_error[0] = '\0';
		log_warnings(daemon->policy);
		watchlist_statistics(daemon->watchlist, &stats);
		log_info("policy reloaded: policies=%zu secrets=%zu files=%zu", policy_set_policy_count(daemon->policy),
			 policy_set_secret_count(daemon->policy), stats.files);
		publish_loaded(daemon, true);
	}
	notify_send("READY=1");
	free(reload);
	if (daemon->reload_again) {
		daemon->reload_again = false;
		start_reload(daemon);
	}
}

static void start_reload(struct daemon *daemon)
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

/* ---------------------------------------------------------------- signals */

static void on_signal(evutil_socket_t number, short what, void *context)
{
	struct daemon *daemon = context;

	(void)what;
	if (number == SIGHUP) {
		if (daemon->output)
			output_reopen(daemon->output);
		start_reload(daemon);
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

/* ---------------------------------------------------------------- commands of the control socket */

static void write_losses(struct json_writer *w, const struct daemon *daemon, const struct sensor_stats *sensor)
{
	json_array_begin(w, "losses");
	for (size_t place = 0; place < LOSS_PLACE_COUNT; place++) {
		uint64_t count = sensor->losses[place];

		if (place == LOSS_STORE)
			count = daemon->store_lost;
		if (place == LOSS_WATCHLIST)
			count = daemon->unfollowed;
		if (place == LOSS_OUTPUT && daemon->output)
			count = output_dropped(daemon->output);
		if (count == 0)
			continue;
		json_object_begin(w, NULL);
		json_string(w, "place", loss_place_name((enum loss_place)place));
		json_uint(w, "count", count);
		json_object_end(w);
	}
	json_array_end(w);
}

/* Bytes on disk: the database and its log. */
static uint64_t store_size(const struct daemon *daemon)
{
	static const char *const names[] = {STORE_FILE_NAME, STORE_FILE_NAME "-wal"};
	char path[PATH_MAX + sizeof(STORE_FILE_NAME "-wal")];
	uint64_t size = 0;
	struct stat st;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", daemon->config->state_dir, names[i]);
		if (stat(path, &st) == 0)
			size += (uint64_t)st.st_size;
	}
	return size;
}

static void write_store(struct json_writer *w, const struct daemon *daemon)
{
	struct store_stats stats = {0};

	if (daemon->store)
		store_get_stats(daemon->store, &stats);
	json_object_begin(w, "store");
	json_bool(w, "enabled", daemon->store != NULL);
	json_uint(w, "rows", stats.written);
	json_uint(w, "queued", stats.queued);
	json_uint(w, "bytes", store_size(daemon));
	json_uint(w, "dropped", stats.refused + stats.unwritable);
	json_string(w, "error", stats.is_failing ? strerror(-stats.last_error) : NULL);
	json_object_end(w);
}

static void write_blind_spots(struct json_writer *w, const struct daemon *daemon)
{
	size_t count;
	const char *const *spots = sensor_blind_spots(daemon->sensor, &count);

	json_array_begin(w, "blind_spots");
	for (size_t i = 0; i < count; i++)
		json_string(w, NULL, spots[i]);
	json_array_end(w);
}

static void write_numbers(struct json_writer *w, const struct daemon *daemon)
{
	struct observer_stats observed = observer_stats(daemon->observer);
	struct sensor_stats sensor = sensor_stats(daemon->sensor);
	struct watchlist_stats watched;

	watchlist_statistics(daemon->watchlist, &watched);
	json_uint(w, "policies", policy_set_policy_count(daemon->policy));
	json_uint(w, "secrets", policy_set_secret_count(daemon->policy));
	json_uint(w, "files", watched.files);
	json_uint(w, "directories", watched.directories);
	json_uint(w, "accesses", observed.accesses);
	json_uint(w, "events", observed.events);
	json_uint(w, "alerts", observed.alerts);
	json_uint(w, "denies", observed.denies);
	json_uint(w, "unnamed", observed.unnamed);
	json_uint(w, "unresolved", observed.unresolved + sensor.counters.unresolved);
	json_uint(w, "processes", identity_stats(daemon->identity).processes);
	json_uint(w, "counters", sensor.counters.live);
	json_uint(w, "record_gaps", sensor.access_gaps + sensor.process_gaps);
	write_losses(w, daemon, &sensor);
}

static int command_status(void *context, struct control_request *request)
{
	struct daemon *daemon = context;
	_cleanup_(buffer_release) struct buffer buffer = BUFFER_INIT(STATUS_MAX);
	char started[CLOCK_RFC3339_SIZE];
	struct json_writer w;

	json_writer_init(&w, &buffer);
	json_object_begin(&w, NULL);
	json_string(&w, "version", SAGENT_VERSION);
	json_string(&w, "host", daemon->host);
	json_int(&w, "pid", getpid());
	json_string(&w, "started", clock_format_rfc3339(daemon->started_real_ns, started));
	json_uint(&w, "uptime_s", (clock_boot_ns() - daemon->started_boot_ns) / NS_PER_SEC);
	json_string(&w, "kernel", daemon->support.release);
	json_string(&w, "backend", sensor_backend_name(daemon->backend));
	json_string(&w, "tier", tier_name(TIER_OBSERVE));
	write_blind_spots(&w, daemon);
	write_numbers(&w, daemon);
	write_store(&w, daemon);
	json_uint(&w, "watchers", control_stats(daemon->control).watchers);
	json_string(&w, "policy_error", daemon->policy_error[0] ? daemon->policy_error : NULL);
	json_object_end(&w);
	if (buffer.failed)
		return -EMSGSIZE;
	control_reply(request, buffer.data, buffer.size);
	return 0;
}

static int command_version(void *context, struct control_request *request)
{
	static const char answer[] = "{\"version\":\"" SAGENT_VERSION "\"}";

	(void)context;
	control_reply(request, answer, sizeof(answer) - 1);
	return 0;
}

static int command_watch(void *context, struct control_request *request)
{
	(void)context;
	control_reply_watch(request);
	return 0;
}

static int refuse_without_store(struct control_request *request)
{
	control_reply_error(request, "no-history", "the history is off: set store.enabled to true");
	return 0;
}

static int read_range(struct control_request *request, uint64_t *ret_since, uint64_t *ret_limit)
{
	int r = control_request_uint(request, "since_s", 0, SINCE_MAX, 24 * 3600, ret_since);

	return r < 0 ? r : control_request_uint(request, "limit", 1, LIMIT_MAX, 20, ret_limit);
}

static int command_top(void *context, struct control_request *request)
{
	static const char *const groups[] = {"exe", "process", NULL};
	struct daemon *daemon = context;
	uint64_t since, limit;
	const char *by;
	int r = read_range(request, &since, &limit);

	if (r == 0)
		r = control_request_choice(request, "by", groups, groups[0], &by);
	if (r < 0)
		return r;
	if (!daemon->store)
		return refuse_without_store(request);
	return history_top(daemon->pool, daemon->config->state_dir, request, since, (uint32_t)limit, by == groups[1]);
}

static struct history_secret *list_secrets(const struct daemon *daemon, size_t *ret_count)
{
	size_t count = policy_set_secret_count(daemon->policy);
	struct history_secret *secrets = calloc(count + 1, sizeof(*secrets));
	_cleanup_(freep) size_t *files = calloc(count + 1, sizeof(*files));

	if (files)
		watchlist_count_files(daemon->watchlist, files, count);
	for (size_t i = 0; secrets && i < count; i++) {
		const struct policy_secret *secret = policy_set_secret(daemon->policy, i);

		secrets[i].name = strdup(secret->name);
		secrets[i].class_name = strdup(secret->class_name);
		secrets[i].policy_name = strdup(secret->policy_name);
		secrets[i].files = files ? files[i] : 0;
	}
	*ret_count = count;
	return secrets;
}

static int command_secrets(void *context, struct control_request *request)
{
	struct daemon *daemon = context;
	struct history_secret *secrets;
	uint64_t since, limit;
	size_t count;
	int r = read_range(request, &since, &limit);

	if (r < 0)
		return r;
	if (!daemon->store)
		return refuse_without_store(request);
	secrets = list_secrets(daemon, &count);
	if (!secrets)
		return -ENOMEM;
	return history_secrets(daemon->pool, daemon->config->state_dir, request, since, (uint32_t)limit, secrets,
			       count);
}

static const char *const top_arguments[] = {"since_s", "limit", "by", NULL};
static const char *const secrets_arguments[] = {"since_s", "limit", NULL};
static const struct control_command commands[] = {
	{"status", command_status, NULL},
	{"top", command_top, top_arguments},
	{"secrets", command_secrets, secrets_arguments},
	{"watch", command_watch, NULL},
	{"version", command_version, NULL},
	{NULL, NULL, NULL},
};

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
		.publish = publish,
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
	return control_new(daemon->base, &control_config, commands, daemon, &daemon->control, error);
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
	publish(daemon, &event);
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
	int r = load_policies(daemon->config, &policy, error);

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
	r = enforce_policy(daemon, policy, error);
	if (r < 0)
		return r;
	(void)TAKE_PTR(policy);
	r = sensor_start(daemon->sensor, error);
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

	publish(daemon, &event);
}

/* All counts out, while everything that takes them still stands. */
static void flush_all(struct daemon *daemon)
{
	notify_send("STOPPING=1");
	(void)sensor_flush(daemon->sensor);
	observer_flush(daemon->observer);
	check_store(daemon);
	say_stopped(daemon);
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
	if (daemon->base)
		event_base_free(daemon->base);
	buffer_release(&daemon->line);
	(void)alarm(0);
	free(daemon);
}

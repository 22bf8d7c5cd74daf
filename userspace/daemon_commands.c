/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/version.h"
#include "daemon_state.h"
#include "export/output.h"
#include "history.h"
#include "identity/identity.h"
#include "observer.h"
#include "policy/policy.h"
#include "sensor/sensor.h"
#include "sensor/watchlist.h"
#include "store/store.h"

#define STATUS_MAX 65536
#define LIMIT_MAX  10000
#define SINCE_MAX  (100ULL * 366 * 24 * 3600)

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
	daemon_heartbeat_write_status(daemon, &w);
	daemon_guard_write_status(daemon, &w);
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
static const char *const explain_arguments[] = {"pid", "secret", "kind", NULL};
static const char *const secrets_arguments[] = {"since_s", "limit", NULL};
const struct control_command daemon_commands[] = {
	{"status", command_status, NULL},
	{"top", command_top, top_arguments},
	{"secrets", command_secrets, secrets_arguments},
	{"explain", daemon_explain, explain_arguments},
	{"watch", command_watch, NULL},
	{"version", command_version, NULL},
	{NULL, NULL, NULL},
};

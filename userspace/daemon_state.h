/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon_state.h: the daemon from inside, for the files that it is made of: its life (daemon.c), its policies
 * (daemon_policy.c), what it answers (daemon_commands.c, daemon_explain.c) and what it publishes (daemon_events.c).
 * Loop thread only.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "bus/event.h"
#include "cli/control.h"
#include "config.h"
#include "daemon.h"
#include "sensor/kernel_support.h"

struct policy_host;
struct counted;
struct daemon_guard;
struct daemon_heartbeat;
struct json_writer;
struct last_signal;
struct policy_set;

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
	struct daemon_guard *guard;
	struct daemon_heartbeat *heartbeat;
	struct event *watchdog_timer;
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

/* Gives an event to the output, the watchers and the store; the context is the daemon. */
void daemon_publish(void *context, const struct bus_event *event);
void daemon_publish_loss(struct daemon *daemon, enum loss_place place, uint64_t count, uint64_t total);
/* Publishes what the store and the watch list have lost since the last call. */
void daemon_check_losses(struct daemon *daemon);

/* The policies of the config, with advice for the host; blocks on the disk. Errors as policy_set_load(). */
int daemon_load_policies(const struct config *config, const struct policy_host *host, struct policy_set **ret_policy,
			 struct error *error);
void daemon_log_warnings(const struct policy_set *policy);
/* Puts a loaded policy in force; takes it on success. On failure the former one stays. */
int daemon_enforce_policy(struct daemon *daemon, struct policy_set *policy, struct error *error);
/* Reads the policies again on a worker, then puts them in force or says why not. */
void daemon_start_reload(struct daemon *daemon);

/* A command of daemon_explain.c. */
int daemon_explain(void *context, struct control_request *request);
/*
 * What the agent before left (daemon_heartbeat.c). `begin` tells of the gap, once everything is seen; from then on each
 * `beat` says that all until `boot_ns` has been told. What fails here is logged, and stops nothing.
 */
void daemon_heartbeat_open(struct daemon *daemon);
void daemon_heartbeat_begin(struct daemon *daemon);
void daemon_heartbeat_beat(struct daemon *daemon, uint64_t boot_ns);
/* The agent ends in order. */
void daemon_heartbeat_end(struct daemon *daemon);
void daemon_heartbeat_free(struct daemon *daemon);
void daemon_heartbeat_write_status(const struct daemon *daemon, struct json_writer *w);
/* A file of the agent's own that it may open as often as it likes; NULL when there is none. */
const char *daemon_heartbeat_path(const struct daemon *daemon);
int daemon_heartbeat_fd(const struct daemon *daemon);

/* The agent's own maps, programs and tables (daemon_guard.c): whoever touches them is told of, what is wrong repaired.
 */
int daemon_guard_start(struct daemon *daemon);
void daemon_guard_free(struct daemon *daemon);
/* The programs that the config allows more to, as they are now. */
void daemon_guard_refresh_rights(struct daemon *daemon);
void daemon_guard_write_status(const struct daemon *daemon, struct json_writer *w);
/* As observer_config's; the context is the daemon. */
void daemon_tampered(void *context, const struct counted *counted);
bool daemon_denies_tampering(const struct daemon *daemon);

/* What the control socket takes; their context is the daemon. */
extern const struct control_command daemon_commands[];

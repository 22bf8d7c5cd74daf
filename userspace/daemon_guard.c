/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/tamper.h"
#include "daemon_state.h"
#include "enforce/guard.h"
#include "enforce/guard_rights.h"
#include "identity/identity.h"
#include "sensor/sensor.h"

/* Entries that one look compares: all of them on most hosts, and half a millisecond of work. */
#define TABLE_BUDGET 8192
/* Programs that the config names are looked up anew: an update gives them another identity. */
#define RIGHTS_EVERY_NS (60 * NS_PER_SEC)
/* A loop that stood still for so long was stopped, frozen, or starved. */
#define PAUSE_NS (10 * NS_PER_SEC)

struct daemon_guard {
	struct guard *guard;
	struct event *timer;
	bool has_canary, is_canary_dead;
	bool distrusts;            /* others wrote into our maps since the last look */
	int tables_error;          /* of the last look */
	uint64_t looked_at_ns;     /* CLOCK_MONOTONIC: it stands still while the host sleeps */
	uint64_t rights_filled_ns; /* the same */
	uint64_t tampers;          /* counted, all kinds */
	size_t wrong;              /* objects that are wrong now */
};

bool daemon_denies_tampering(const struct daemon *daemon)
{
	return daemon->config->protect_deny && daemon->backend == SENSOR_BACKEND_LSM;
}

/* ---------------------------------------------------------------- what others did */

static void publish(struct daemon *daemon, const struct event_tamper *tamper)
{
	struct bus_event event = {.type = EVENT_TAMPER, .tamper = tamper};

	if (daemon->guard)
		daemon->guard->tampers += tamper->count;
	daemon_publish(daemon, &event);
}

void daemon_tampered(void *context, const struct counted *counted)
{
	struct daemon *daemon = context;
	const struct access_key *key = counted->key;
	struct access_process process;
	struct event_tamper tamper = {
		.kind = (enum tamper_kind)key->via,
		.way = tamper_way_name((enum tamper_kind)key->via, key->mode),
		.object = (enum guard_object)key->file.dev,
		.object_id = (uint32_t)key->file.ino,
		.result = -(int)key->result,
		.is_denied = key->result == EPERM && daemon_denies_tampering(daemon),
		.count = counted->count,
		.last_real_ns = clock_real_from_boot(counted->last_ns),
		.process = &process,
	};

	tamper.first_real_ns = tamper.last_real_ns - (counted->last_ns - counted->first_ns);
	if (daemon->guard && tamper.object_id)
		tamper.object_name = guard_name(daemon->guard->guard, tamper.object, tamper.object_id);
	if (daemon->guard && tamper.kind == TAMPER_BPF && tamper.result == 0)
		daemon->guard->distrusts = true;
	identity_describe(daemon->identity, &counted->value->task, &process);
	publish(daemon, &tamper);
}

/* ---------------------------------------------------------------- what a look finds */

static void publish_finding(struct daemon *daemon, const char *way, enum guard_object object, const char *name,
			    uint32_t id, const char *detail, enum tamper_repair repair)
{
	const uint64_t now = clock_real_ns();
	const struct event_tamper tamper = {
		.kind = TAMPER_SELF_CHECK,
		.way = way,
		.object = object,
		.object_name = name,
		.object_id = id,
		.detail = detail,
		.repair = repair,
		.count = 1,
		.first_real_ns = now,
		.last_real_ns = now,
	};

	(void)log_warning(0, "self-check: %s%s%s%s%s", object ? guard_object_name(object) : "", object ? " '" : "",
			  object ? name : "", object ? "': " : "", detail);
	publish(daemon, &tamper);
}

static void on_fault(void *context, const struct guard_fault *fault)
{
	struct daemon *daemon = context;
	enum tamper_repair repair = REPAIR_FAILED;
	int fd;

	if (fault->object == GUARD_LINK && sensor_reattach(daemon->sensor, fault->number, &fd) == 0 &&
	    guard_replace_link(daemon->guard->guard, fault->number, fd) == 0)
		repair = REPAIR_DONE;
	publish_finding(daemon, "object", fault->object, fault->name, fault->id, fault->detail, repair);
}

static void check_tables(struct daemon *daemon)
{
	struct table_faults faults;
	char detail[GUARD_DETAIL_SIZE];
	int r = sensor_check_tables(daemon->sensor, TABLE_BUDGET, &faults);

	if (r < 0 && r != daemon->guard->tables_error) {
		(void)snprintf(detail, sizeof(detail), "the tables of what is watched cannot be read: %s",
			       strerror(-r));
		publish_finding(daemon, "table", 0, NULL, 0, detail, REPAIR_FAILED);
	}
	daemon->guard->tables_error = r < 0 ? r : 0;
	if (r < 0 || faults.missing + faults.changed + faults.foreign + faults.hidden == 0)
		return;
	(void)snprintf(detail, sizeof(detail),
		       "tables of what is watched: %zu entries were missing, %zu changed, %zu foreign, %zu hidden",
		       faults.missing, faults.changed, faults.foreign, faults.hidden);
	daemon->guard->distrusts = true;
	publish_finding(daemon, "table", 0, NULL, 0, detail, faults.unrepaired ? REPAIR_FAILED : REPAIR_DONE);
}

/* Opens a file of our own that is watched, and looks whether the open was seen. */
static bool is_canary_seen(struct daemon *daemon)
{
	uint64_t before = sensor_canary_opens(daemon->sensor);
	int fd = open(daemon_heartbeat_path(daemon), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return false;
	(void)close(fd);
	return sensor_canary_opens(daemon->sensor) != before;
}

static void reattach(void *context, const struct sensor_object *object)
{
	struct daemon *daemon = context;
	int fd;

	if (object->kind == GUARD_LINK && sensor_reattach(daemon->sensor, object->number, &fd) == 0)
		(void)guard_replace_link(daemon->guard->guard, object->number, fd);
}

static void check_canary(struct daemon *daemon)
{
	struct daemon_guard *guard = daemon->guard;
	bool was_dead = guard->is_canary_dead;

	if (!guard->has_canary)
		return;
	guard->is_canary_dead = !is_canary_seen(daemon);
	if (!guard->is_canary_dead || was_dead)
		return;
	/* Its table entry may be gone; or the programs do not run: then no access can be counted twice meanwhile. */
	check_tables(daemon);
	(void)sensor_set_canary(daemon->sensor, daemon_heartbeat_fd(daemon));
	guard->is_canary_dead = !is_canary_seen(daemon);
	if (guard->is_canary_dead) {
		sensor_each_object(daemon->sensor, reattach, daemon);
		guard->is_canary_dead = !is_canary_seen(daemon);
	}
	publish_finding(daemon, "canary", 0, NULL, 0,
			"an open of the agent's own watched file was not seen: programs do not run, or their tables "
			"were emptied",
			guard->is_canary_dead ? REPAIR_FAILED : REPAIR_DONE);
}

static uint64_t awake_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

/* Nothing is lost by a pause: the kernel went on counting. But somebody may have wanted it. */
static void check_pause(struct daemon *daemon, uint64_t now)
{
	uint64_t since = now - daemon->guard->looked_at_ns;
	char detail[GUARD_DETAIL_SIZE];

	daemon->guard->looked_at_ns = now;
	if (since < PAUSE_NS + daemon->config->protect_self_check_ms * NS_PER_MS)
		return;
	(void)snprintf(detail, sizeof(detail), "the agent did not run for %llu seconds: stopped, frozen or starved",
		       (unsigned long long)(since / NS_PER_SEC));
	publish_finding(daemon, "paused", 0, NULL, 0, detail, REPAIR_NOT_NEEDED);
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
	struct daemon *daemon = context;
	uint64_t now = awake_ns();

	(void)fd;
	(void)what;
	check_pause(daemon, now);
	daemon->guard->wrong = guard_check(daemon->guard->guard, on_fault, daemon);
	check_tables(daemon);
	check_canary(daemon);
	if (daemon->guard->distrusts) {
		daemon->guard->distrusts = false;
		sensor_distrust(daemon->sensor);
	}
	if (now - daemon->guard->rights_filled_ns >= RIGHTS_EVERY_NS)
		daemon_guard_refresh_rights(daemon);
}

/* ---------------------------------------------------------------- life */

static int identify(void *context, const int *fds, size_t count, struct file_record *ret_records)
{
	return sensor_identify(context, fds, count, ret_records);
}

void daemon_guard_refresh_rights(struct daemon *daemon)
{
	const struct guard_rights_source source = {
		.rights_fd = sensor_guard_maps(daemon->sensor).rights_fd,
		.identify = identify,
		.context = daemon->sensor,
	};
	int r = guard_rights_fill(&source, daemon->config->protect_allow_signals_from,
				  daemon->config->protect_allow_bpf_from);

	if (r < 0)
		(void)log_warning(r,
				  "looking up the programs of protect.allow_signals_from and protect.allow_bpf_from");
	if (daemon->guard)
		daemon->guard->rights_filled_ns = awake_ns();
}

static void add_object(void *context, const struct sensor_object *object)
{
	struct daemon *daemon = context;
	int r = guard_add(daemon->guard->guard, object->kind, object->name, object->number, object->fd,
			  object->must_be_frozen);

	if (r < 0)
		(void)log_warning(r, "looking after the %s '%s'", guard_object_name(object->kind), object->name);
}

static void set_canary(struct daemon *daemon)
{
	int r = daemon_heartbeat_path(daemon) ? sensor_set_canary(daemon->sensor, daemon_heartbeat_fd(daemon))
					      : -ENOENT;

	if (r < 0)
		(void)log_warning(r, "watching a file of our own: whether opens are seen is not checked");
	daemon->guard->has_canary = r == 0;
}

int daemon_guard_start(struct daemon *daemon)
{
	const uint64_t ms = daemon->config->protect_self_check_ms;
	const struct timeval interval = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000};
	struct daemon_guard *guard = calloc(1, sizeof(*guard));
	int r;

	if (!guard)
		return -ENOMEM;
	daemon->guard = guard;
	r = guard_new(sensor_guard_maps(daemon->sensor).objects_fd, &guard->guard);
	if (r < 0)
		return r;
	sensor_each_object(daemon->sensor, add_object, daemon);
	daemon_guard_refresh_rights(daemon);
	if (ms == 0)
		return 0;
	set_canary(daemon);
	guard->looked_at_ns = awake_ns();
	guard->timer = event_new(daemon->base, -1, EV_PERSIST, on_look, daemon);
	return guard->timer && event_add(guard->timer, &interval) == 0 ? 0 : -ENOMEM;
}

void daemon_guard_free(struct daemon *daemon)
{
	if (!daemon->guard)
		return;
	if (daemon->guard->timer)
		event_free(daemon->guard->timer);
	guard_free(daemon->guard->guard);
	free(daemon->guard);
	daemon->guard = NULL;
}

void daemon_guard_write_status(const struct daemon *daemon, struct json_writer *w)
{
	const struct daemon_guard *guard = daemon->guard;
	const char *state = "ok";

	if (guard->wrong || guard->is_canary_dead || guard->tables_error)
		state = "failing";
	else if (!guard->timer)
		state = "off";
	json_string(w, "self_check", state);
	json_uint(w, "tampers", guard->tampers);
}

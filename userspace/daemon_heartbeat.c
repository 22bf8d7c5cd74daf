/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/tamper.h"
#include "daemon_state.h"
#include "enforce/last_signal.h"
#include "export/output.h"
#include "gap.h"
#include "heartbeat.h"
#include "identity/identity.h"
#include "observer.h"
#include "sensor/sensor.h"

struct daemon_heartbeat {
	struct heartbeat *file; /* NULL: it could not be opened */
	enum heartbeat_found found;
	struct heartbeat_state last; /* of the agent before */
	struct heartbeat_state now;
	bool is_pinned, is_failing;
	/* The gap before this run, for `sagent status`. */
	bool has_gap;
	enum gap_cause cause;
	uint64_t from_real_ns, to_real_ns, duration_ns;
};

void daemon_heartbeat_open(struct daemon *daemon)
{
	const char *directory = daemon->config->state_dir;
	struct daemon_heartbeat *heartbeat = calloc(1, sizeof(*heartbeat));
	int r = heartbeat ? file_make_directories(directory, 0700) : -ENOMEM;

	if (r == 0)
		r = heartbeat_open(directory, &heartbeat->file, &heartbeat->found, &heartbeat->last);
	daemon->heartbeat = heartbeat;
	if (r == -EBUSY)
		(void)log_warning(0, "another sagentd uses '%s': the next start will not know until when this one ran",
				  directory);
	else if (r < 0)
		(void)log_warning(r,
				  "opening the heartbeat in '%s': the next start will not know until when this one ran",
				  directory);
	else if (heartbeat->found == HEARTBEAT_DAMAGED)
		(void)log_warning(0, "the heartbeat '%s' is damaged: how long no agent ran is not known",
				  heartbeat_path(heartbeat->file));
	if (!heartbeat)
		return;
	heartbeat_read_boot_id(heartbeat->now.boot_id);
	heartbeat->now.tier = TIER_OBSERVE;
	(void)snprintf(heartbeat->now.backend, sizeof(heartbeat->now.backend), "%s",
		       sensor_backend_name(daemon->backend));
}

void daemon_heartbeat_free(struct daemon *daemon)
{
	if (!daemon->heartbeat)
		return;
	heartbeat_free(daemon->heartbeat->file);
	free(daemon->heartbeat);
	daemon->heartbeat = NULL;
}

const char *daemon_heartbeat_path(const struct daemon *daemon)
{
	return daemon->heartbeat && daemon->heartbeat->file ? heartbeat_path(daemon->heartbeat->file) : NULL;
}

int daemon_heartbeat_fd(const struct daemon *daemon)
{
	return heartbeat_fd(daemon->heartbeat->file);
}

/* ---------------------------------------------------------------- who ended the agent before */

/*
 * The signal that ended it, if that is known: an agent that ended in order wrote it down, one that was killed has left
 * it in the kernel. An older signal, after which it beat again, did not end it.
 */
static bool find_last_signal(const struct daemon *daemon, struct last_signal *ret)
{
	const struct daemon_heartbeat *heartbeat = daemon->heartbeat;
	const char *directory = daemon->config->enforcement_pin_dir;
	int r = directory[0] ? last_signal_take(directory, ret) : -ENOENT;

	if (heartbeat->found != HEARTBEAT_KNOWN)
		return false;
	if (heartbeat->last.is_clean) {
		*ret = heartbeat->last.ended_by;
		return ret->number != 0;
	}
	return r == 0 && strcmp(heartbeat->last.boot_id, heartbeat->now.boot_id) == 0 &&
	       ret->time_ns >= heartbeat->last.boot_ns;
}

/* Tells identity of a process that is most likely gone, as it was when it sent the signal. */
static void tell_sender(struct identity *identity, const struct last_signal *last)
{
	_cleanup_(freep) struct process_record *record = calloc(1, sizeof(*record) + sizeof(last->path));
	size_t size;

	if (!record)
		return;
	record->task = last->task;
	record->path_size = last->path_size <= sizeof(last->path) ? last->path_size : 0;
	record->flags = last->path_flags;
	memcpy(record->data, last->path, record->path_size);
	size = sizeof(*record) + record->path_size;
	record->header =
		(struct record_header){.type = RECORD_SNAPSHOT, .size = (uint32_t)size, .time_ns = last->time_ns};
	identity_process(identity, record, size);
}

static void forget_sender(struct identity *identity, const struct last_signal *last)
{
	const struct exit_record record = {
		.header = {.type = RECORD_EXIT, .size = sizeof(record), .time_ns = last->time_ns},
		.id = last->task.id,
	};

	identity_exit(identity, &record, sizeof(record));
}

static void publish_gap(struct daemon *daemon, struct event_gap *gap)
{
	struct bus_event event = {.type = EVENT_GAP, .gap = gap};
	struct access_process process;
	struct last_signal last;
	bool is_new = false;

	if (find_last_signal(daemon, &last)) {
		gap->signal = signal_name((int)last.number);
		if (!(last.flags & LAST_SIGNAL_KERNEL)) {
			is_new = *identity_exe_of_pid(daemon->identity, last.task.id.pid) == '\0';
			if (is_new)
				tell_sender(daemon->identity, &last);
			identity_describe(daemon->identity, &last.task, &process);
			gap->process = &process;
		}
	}
	daemon_publish(daemon, &event);
	if (is_new)
		forget_sender(daemon->identity, &last);
}

/* ---------------------------------------------------------------- the life of this one */

/* Programs and links go with the daemon that made them, so nothing denied while none ran. */
static bool denial_went_on(const struct daemon *daemon)
{
	(void)daemon;
	return false;
}

static void pin_last_signal(struct daemon *daemon)
{
	const char *directory = daemon->config->enforcement_pin_dir;
	int r;

	if (!directory[0])
		return;
	r = last_signal_pin(directory, sensor_guard_maps(daemon->sensor).last_signal_fd);
	daemon->heartbeat->is_pinned = r == 0;
	if (r < 0)
		log_info("who kills sagentd will not be known: nothing can be pinned in '%s': %s", directory,
			 strerror(-r));
}

void daemon_heartbeat_begin(struct daemon *daemon)
{
	struct daemon_heartbeat *heartbeat = daemon->heartbeat;
	struct gap_now now = {.boot_ns = clock_boot_ns(), .real_ns = clock_real_ns()};
	struct event_gap gap;

	if (!heartbeat)
		return;
	now.boot_id = heartbeat->now.boot_id;
	if (heartbeat->file && gap_between(heartbeat->found, &heartbeat->last, &now, &gap)) {
		gap.was_denying = denial_went_on(daemon);
		heartbeat->has_gap = true;
		heartbeat->cause = gap.cause;
		heartbeat->from_real_ns = gap.from_real_ns;
		heartbeat->to_real_ns = gap.to_real_ns;
		heartbeat->duration_ns = gap.duration_ns;
		publish_gap(daemon, &gap);
		/* Before the file forgets the agent before. */
		if (daemon->output)
			output_flush(daemon->output);
	}
	pin_last_signal(daemon);
	daemon_heartbeat_beat(daemon, now.boot_ns);
}

static void fill_now(struct daemon *daemon, uint64_t boot_ns)
{
	struct observer_stats stats = observer_stats(daemon->observer);
	struct heartbeat_state *now = &daemon->heartbeat->now;

	now->boot_ns = boot_ns;
	now->real_ns = clock_real_from_boot(boot_ns);
	now->accesses = stats.accesses;
	now->denied = stats.denies;
}

static void note_result(struct daemon_heartbeat *heartbeat, int r)
{
	if (r < 0 && !heartbeat->is_failing)
		(void)log_warning(r, "writing the heartbeat '%s'", heartbeat_path(heartbeat->file));
	heartbeat->is_failing = r < 0;
}

void daemon_heartbeat_beat(struct daemon *daemon, uint64_t boot_ns)
{
	struct daemon_heartbeat *heartbeat = daemon->heartbeat;

	if (!heartbeat || !heartbeat->file)
		return;
	fill_now(daemon, boot_ns);
	note_result(heartbeat, heartbeat_write(heartbeat->file, &heartbeat->now));
}

void daemon_heartbeat_end(struct daemon *daemon)
{
	struct daemon_heartbeat *heartbeat = daemon->heartbeat;

	if (!heartbeat || !heartbeat->file)
		return;
	fill_now(daemon, clock_boot_ns());
	heartbeat->now.is_clean = 1;
	if (last_signal_read(sensor_guard_maps(daemon->sensor).last_signal_fd, &heartbeat->now.ended_by) < 0)
		heartbeat->now.ended_by.number = 0;
	note_result(heartbeat, heartbeat_write_last(heartbeat->file, &heartbeat->now));
	if (heartbeat->is_pinned)
		last_signal_unpin(daemon->config->enforcement_pin_dir);
}

void daemon_heartbeat_write_status(const struct daemon *daemon, struct json_writer *w)
{
	const struct daemon_heartbeat *heartbeat = daemon->heartbeat;
	char time[CLOCK_RFC3339_SIZE];

	if (!heartbeat || !heartbeat->has_gap) {
		json_null(w, "gap");
		return;
	}
	json_object_begin(w, "gap");
	json_string(w, "cause", gap_cause_name(heartbeat->cause));
	json_string(w, "from", heartbeat->from_real_ns ? clock_format_rfc3339(heartbeat->from_real_ns, time) : NULL);
	json_string(w, "to", clock_format_rfc3339(heartbeat->to_real_ns, time));
	if (heartbeat->from_real_ns)
		json_double(w, "seconds", (double)heartbeat->duration_ns / (double)NS_PER_SEC);
	else
		json_null(w, "seconds");
	json_object_end(w);
}

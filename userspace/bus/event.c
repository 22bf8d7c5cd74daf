/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/event.h"

#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/destination.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "base/tamper.h"
#include "base/uuid.h"

#define SOURCE_SIZE 512
#define UNSET_ID    UINT32_MAX /* the kernel's "no login", "no session" */

static const char *const type_names[EVENT_TYPE_COUNT] = {
	[EVENT_ACCESS] = "secretsagent.secret.access.v1",
	[EVENT_EGRESS] = "secretsagent.egress.v1",
	[EVENT_LOSS] = "secretsagent.sensor.loss.v1",
	[EVENT_STARTED] = "secretsagent.sensor.started.v1",
	[EVENT_STOPPED] = "secretsagent.sensor.stopped.v1",
	[EVENT_POLICY_LOADED] = "secretsagent.policy.loaded.v1",
	[EVENT_POLICY_REFUSED] = "secretsagent.policy.refused.v1",
	[EVENT_GAP] = "secretsagent.agent.gap.v1",
	[EVENT_TAMPER] = "secretsagent.agent.tamper.v1",
};

/* Losses of detail only: the counter of the access, or a record of its own, still holds it. */
static const bool loss_keeps_counts[LOSS_PLACE_COUNT] = {
	[LOSS_ACCESS_RING] = true, [LOSS_PROCESS_RING] = true, [LOSS_COUNTERS_FULL] = true, /* what was lost besides is
											       under LOSS_UNCOUNTED */
	[LOSS_ARGS_READ] = true,   [LOSS_IMAGES_FULL] = true,  [LOSS_UNDECIDED] = true,     [LOSS_UNGUARDED] = true,
};

const char *event_type_name(enum event_type type)
{
	return (unsigned int)type < EVENT_TYPE_COUNT ? type_names[type] : "unknown";
}

const char *gap_cause_name(enum gap_cause cause)
{
	static const char *const names[GAP_CAUSE_COUNT] = {
		[GAP_KILLED] = "killed",
		[GAP_STOPPED] = "stopped",
		[GAP_HOST_RESTART] = "host-restart",
		[GAP_UNKNOWN] = "unknown",
	};

	return (unsigned int)cause < GAP_CAUSE_COUNT ? names[cause] : "unknown";
}

bool event_loss_keeps_counts(enum loss_place place)
{
	return (unsigned int)place < LOSS_PLACE_COUNT && loss_keeps_counts[place];
}

/* Where to cut so that no UTF-8 character is split: a split one would show as U+FFFD at the end of a valid name. */
static size_t cut_between_characters(const char *text, size_t max)
{
	size_t cut = max;

	for (unsigned int i = 0; i < 3 && cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80; i++)
		cut--;
	return ((unsigned char)text[cut] & 0xc0) == 0x80 ? max : cut; /* no UTF-8 at all: anywhere is as good */
}

/* Writes a string of at most `max` bytes and returns whether it had to be cut. NULL writes null. */
static bool write_cut(struct json_writer *w, const char *key, const char *value, size_t max)
{
	size_t size;

	if (!value) {
		json_null(w, key);
		return false;
	}
	size = strnlen(value, max + 1);
	if (size <= max) {
		json_string_sized(w, key, value, size);
		return false;
	}
	json_string_sized(w, key, value, cut_between_characters(value, max));
	return true;
}

static void write_bounded(struct json_writer *w, const char *key, const char *value, size_t max)
{
	char truncated_key[64];

	if (!write_cut(w, key, value, max))
		return;
	(void)snprintf(truncated_key, sizeof(truncated_key), "%s_truncated", key);
	json_bool(w, truncated_key, true);
}

static const char *or_empty(const char *value)
{
	return value ? value : "";
}

static void write_name(struct json_writer *w, const char *key, const char *value)
{
	write_bounded(w, key, value, EVENT_NAME_MAX);
}

static void write_time(struct json_writer *w, const char *key, uint64_t real_ns)
{
	char text[CLOCK_RFC3339_SIZE];

	json_string(w, key, clock_format_rfc3339(real_ns, text));
}

static void write_strings(struct json_writer *w, const char *key, const char *const *strings, size_t count)
{
	json_array_begin(w, key);
	for (size_t i = 0; i < count && i < EVENT_LIST_MAX; i++)
		(void)write_cut(w, NULL, or_empty(strings[i]), EVENT_NAME_MAX);
	json_array_end(w);
}

/* ---------------------------------------------------------------- the envelope */

static size_t append_uri_segment(char *out, size_t size, size_t used, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *text && used + 4 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
		    c == '.' || c == '_' || c == '~') {
			out[used++] = (char)c;
		} else {
			out[used++] = '%';
			out[used++] = hex[c >> 4];
			out[used++] = hex[c & 15];
		}
	}
	out[used] = '\0';
	return used;
}

static const char *or_unknown(const char *value)
{
	return value && *value ? value : "unknown";
}

static void write_source(struct json_writer *w, const struct event_source *source)
{
	char text[SOURCE_SIZE] = "/hosts/";
	size_t used = strlen(text);

	/* Leaves room for the program behind the longest host. */
	used = append_uri_segment(text, sizeof(text) - 128, used, or_unknown(source->host));
	text[used++] = '/';
	used = append_uri_segment(text, sizeof(text), used, or_unknown(source->program));
	json_string_sized(w, "source", text, used);
}

static void envelope_begin(struct json_writer *w, const struct event_source *source, enum event_type type,
			   const char *subject, uint64_t real_ns)
{
	char id[UUID_TEXT_SIZE];
	uint64_t now_ns = clock_real_ns();

	json_object_begin(w, NULL);
	json_string(w, "specversion", "1.0");
	json_string(w, "id", uuid7(now_ns, id));
	write_source(w, source);
	json_string(w, "type", event_type_name(type));
	if (subject && *subject) /* CloudEvents: absent or not empty */
		(void)write_cut(w, "subject", subject, EVENT_NAME_MAX);
	write_time(w, "time", real_ns ? real_ns : now_ns);
	json_string(w, "datacontenttype", "application/json");
	json_object_begin(w, "data");
}

static void envelope_end(struct json_writer *w)
{
	json_object_end(w);
	json_object_end(w);
}

/* ---------------------------------------------------------------- an access */

/* "8:1": the kernel's dev_t of abi.h, not the C library's. */
static void write_dev(struct json_writer *w, const char *key, uint32_t dev)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%u:%u", dev >> 20, dev & 0xfffff);
	json_string(w, key, text);
}

static bool file_is_known(const struct file_id *file)
{
	return file->dev || file->ino || file->generation;
}

static void write_secret(struct json_writer *w, const struct access *access)
{
	const char *path = or_empty(access->path);
	bool is_cut;

	json_object_begin(w, "secret");
	write_name(w, "name", or_empty(access->secret_name));
	write_name(w, "class", or_empty(access->secret_class));
	is_cut = write_cut(w, "path", path, EVENT_PATH_MAX);
	json_bool(w, "path_truncated", access->path_truncated || is_cut);
	if (file_is_known(&access->file)) {
		write_dev(w, "dev", access->file.dev);
		json_uint(w, "ino", access->file.ino);
		json_uint(w, "generation", access->file.generation);
	} else {
		json_null(w, "dev");
		json_null(w, "ino");
		json_null(w, "generation");
	}
	json_object_end(w);
}

static void write_error_name(struct json_writer *w, int result)
{
	const char *name = result < 0 && result > INT32_MIN ? strerrorname_np(-result) : NULL;
	char number[16];

	if (result >= 0) {
		json_null(w, "error");
	} else if (name) {
		json_string(w, "error", name);
	} else {
		(void)snprintf(number, sizeof(number), "E%u", 0U - (unsigned int)result);
		json_string(w, "error", number);
	}
}

static void write_target(struct json_writer *w, const struct access *access)
{
	if (!access->target_pid) {
		json_null(w, "target");
		return;
	}
	json_object_begin(w, "target");
	json_uint(w, "pid", access->target_pid);
	write_bounded(w, "exe", access->target_exe, EVENT_PATH_MAX);
	json_object_end(w);
}

static void write_way(struct json_writer *w, const struct access *access)
{
	json_object_begin(w, "access");
	json_string(w, "kind", access_kind_name(access->kind));
	json_string(w, "mode", access_mode_name(access->mode));
	json_string(w, "via", access_via_name(access->via));
	json_bool(w, "compat", access->mode & MODE_COMPAT);
	json_int(w, "result", access->result);
	write_error_name(w, access->result);
	json_uint(w, "count", access->count);
	write_time(w, "first", access->first_real_ns);
	write_time(w, "last", access->last_real_ns);
	write_target(w, access);
	json_object_end(w);
}

static void write_exe(struct json_writer *w, const struct access_process *process)
{
	const struct exe_id *exe = &process->exe_id;

	write_bounded(w, "exe", or_empty(process->exe), EVENT_PATH_MAX);
	(void)write_cut(w, "exe_sha256", process->exe_sha256, SHA256_HEX_SIZE - 1);
	if (file_is_known(&exe->file)) {
		write_dev(w, "exe_dev", exe->file.dev);
		json_uint(w, "exe_ino", exe->file.ino);
		write_time(w, "exe_ctime",
			   exe->ctime_sec < 0 ? 0 : (uint64_t)exe->ctime_sec * NS_PER_SEC + exe->ctime_nsec);
	} else {
		json_null(w, "exe_dev");
		json_null(w, "exe_ino");
		json_null(w, "exe_ctime");
	}
	json_bool(w, "exe_deleted", exe->flags & EXE_FLAG_DELETED);
	json_bool(w, "exe_memfd", exe->flags & EXE_FLAG_MEMFD);
	json_bool(w, "exe_tmpfs", exe->flags & EXE_FLAG_TMPFS);
}

static void write_args(struct json_writer *w, const struct access_process *process)
{
	size_t left = EVENT_ARGS_MAX;
	bool is_cut = process->args_truncated;

	json_array_begin(w, "args");
	for (size_t i = 0; i < process->args_count; i++) {
		const char *arg = or_empty(process->args[i]);

		if (!left) {
			is_cut = true;
			break;
		}
		if (write_cut(w, NULL, arg, left - 1)) {
			is_cut = true;
			break;
		}
		left -= strlen(arg) + 1;
	}
	json_array_end(w);
	json_bool(w, "args_truncated", is_cut);
}

static void write_id_or_null(struct json_writer *w, const char *key, uint32_t id)
{
	if (id == UNSET_ID)
		json_null(w, key);
	else
		json_uint(w, key, id);
}

static void write_credentials(struct json_writer *w, const struct access_process *process)
{
	const struct credentials *cred = &process->cred;
	char capabilities[17];

	json_uint(w, "uid", cred->uid);
	json_uint(w, "gid", cred->gid);
	json_uint(w, "euid", cred->euid);
	json_uint(w, "egid", cred->egid);
	write_id_or_null(w, "login_uid", cred->login_uid);
	write_id_or_null(w, "session_id", cred->session_id);
	write_name(w, "user", process->user);
	(void)snprintf(capabilities, sizeof(capabilities), "%016llx", (unsigned long long)cred->cap_effective);
	json_string(w, "capabilities", capabilities);
}

static void write_ancestors(struct json_writer *w, const struct access_process *process)
{
	json_array_begin(w, "ancestors");
	for (size_t i = 0; i < process->ancestors_count && i < ACCESS_ANCESTORS_MAX; i++) {
		json_object_begin(w, NULL);
		json_uint(w, "pid", process->ancestors[i].pid);
		write_bounded(w, "exe", or_empty(process->ancestors[i].exe), EVENT_ANCESTOR_EXE_MAX);
		json_object_end(w);
	}
	json_array_end(w);
	json_bool(w, "ancestors_truncated",
		  process->ancestors_truncated || process->ancestors_count > ACCESS_ANCESTORS_MAX);
}

static void write_process(struct json_writer *w, const struct access_process *process)
{
	char key[40];

	json_object_begin(w, "process");
	(void)snprintf(key, sizeof(key), "%u-%llu", process->id.pid, (unsigned long long)process->id.start_ns);
	json_string(w, "key", key);
	json_uint(w, "pid", process->id.pid);
	json_uint(w, "tid", process->tid);
	write_time(w, "start", process->start_real_ns);
	write_exe(w, process);
	(void)write_cut(w, "comm", or_empty(process->comm), ABI_COMM_SIZE - 1);
	write_args(w, process);
	write_credentials(w, process);
	write_bounded(w, "cgroup", or_empty(process->cgroup), EVENT_PATH_MAX);
	write_name(w, "container", process->container);
	write_name(w, "pod", process->pod);
	write_name(w, "unit", process->unit);
	write_ancestors(w, process);
	json_object_end(w);
}

static void write_verdict(struct json_writer *w, const struct verdict *verdict)
{
	json_object_begin(w, "verdict");
	json_string(w, "action", verdict_action_name(verdict->action));
	write_name(w, "rule", or_empty(verdict->rule));
	write_name(w, "policy", or_empty(verdict->policy));
	json_string(w, "tier", tier_name(verdict->tier));
	json_bool(w, "enforced", verdict->is_enforced);
	json_bool(w, "would_deny", verdict->would_deny);
	json_object_end(w);
}

void event_write_access(struct buffer *buffer, const struct event_source *source, const struct access *access)
{
	struct json_writer w;

	json_writer_init(&w, buffer);
	envelope_begin(&w, source, EVENT_ACCESS, or_unknown(access->secret_name), access->last_real_ns);
	write_secret(&w, access);
	write_way(&w, access);
	write_process(&w, &access->process);
	write_verdict(&w, &access->verdict);
	envelope_end(&w);
}

/* ---------------------------------------------------------------- an attempt to send elsewhere */

static void write_connection(struct json_writer *w, const struct event_egress *egress)
{
	char address[DESTINATION_ADDRESS_SIZE], protocol[DESTINATION_PROTOCOL_SIZE];

	json_object_begin(w, "connection");
	json_string(w, "address", destination_address(&egress->address, address));
	if (egress->port)
		json_uint(w, "port", egress->port);
	else
		json_null(w, "port");
	json_string(w, "protocol", destination_protocol(egress->protocol, protocol));
	json_int(w, "result", egress->result);
	write_error_name(w, egress->result);
	json_uint(w, "count", egress->count);
	write_time(w, "first", egress->first_real_ns);
	write_time(w, "last", egress->last_real_ns);
	json_object_end(w);
}

static void write_egress(struct json_writer *w, const struct event_egress *egress)
{
	json_object_begin(w, "secret");
	write_name(w, "name", or_empty(egress->secret_name));
	write_name(w, "class", or_empty(egress->secret_class));
	json_uint(w, "age_ms", egress->age_ns / NS_PER_MS);
	json_object_end(w);
	write_connection(w, egress);
	write_process(w, &egress->process);
	json_object_begin(w, "verdict");
	json_string(w, "action", verdict_action_name(egress->verdict.action));
	write_name(w, "policy", or_empty(egress->verdict.policy));
	json_bool(w, "enforced", egress->verdict.is_enforced);
	json_bool(w, "would_deny", egress->verdict.would_deny);
	json_object_end(w);
}

/* ---------------------------------------------------------------- the others */

static void write_loss(struct json_writer *w, const struct event_loss *loss)
{
	json_string(w, "place", loss_place_name(loss->place));
	json_bool(w, "counts_exact", event_loss_keeps_counts(loss->place));
	json_uint(w, "count", loss->count);
	json_uint(w, "total", loss->total);
}

static void write_started(struct json_writer *w, const struct event_started *started)
{
	write_name(w, "version", or_empty(started->version));
	write_name(w, "kernel", started->kernel);
	write_name(w, "backend", or_empty(started->backend));
	json_string(w, "tier", tier_name(started->tier));
	json_uint(w, "policies", started->policies);
	json_uint(w, "secrets", started->secrets);
	json_uint(w, "files", started->files);
	write_strings(w, "blind_spots", started->blind_spots, started->blind_spots_count);
}

static void write_stopped(struct json_writer *w, const struct event_stopped *stopped)
{
	write_name(w, "reason", or_empty(stopped->reason));
	json_double(w, "seconds", (double)stopped->running_ns / (double)NS_PER_SEC);
	json_uint(w, "accesses", stopped->accesses);
	json_uint(w, "events", stopped->events);
	json_uint(w, "alerts", stopped->alerts);
	json_uint(w, "denies", stopped->denies);
	json_uint(w, "losses", stopped->losses);
}

static void write_policy_loaded(struct json_writer *w, const struct event_policy_loaded *loaded)
{
	write_strings(w, "paths", loaded->paths, loaded->paths_count);
	json_uint(w, "policies", loaded->policies);
	json_uint(w, "secrets", loaded->secrets);
	json_bool(w, "reload", loaded->is_reload);
}

static void write_process_or_null(struct json_writer *w, const struct access_process *process)
{
	if (process)
		write_process(w, process);
	else
		json_null(w, "process");
}

static void write_count_or_null(struct json_writer *w, const char *key, bool is_known, uint64_t count)
{
	if (is_known)
		json_uint(w, key, count);
	else
		json_null(w, key);
}

/* Text of our own, far shorter than any bound. */
static void write_short(struct json_writer *w, const char *key, const char *value)
{
	(void)write_cut(w, key, value, EVENT_NAME_MAX);
}

static void write_gap(struct json_writer *w, const struct event_gap *gap)
{
	json_string(w, "cause", gap_cause_name(gap->cause));
	if (gap->from_real_ns) {
		write_time(w, "from", gap->from_real_ns);
		write_time(w, "to", gap->to_real_ns);
		json_double(w, "seconds", (double)gap->duration_ns / (double)NS_PER_SEC);
	} else {
		json_null(w, "from");
		write_time(w, "to", gap->to_real_ns);
		json_null(w, "seconds");
	}
	write_time(w, "host_started", gap->host_started_real_ns);
	write_short(w, "backend", gap->backend);
	json_string(w, "tier", gap->tier_is_known ? tier_name(gap->tier) : NULL);
	json_bool(w, "denied_meanwhile", gap->was_denying);
	write_count_or_null(w, "accesses", gap->counts_are_known, gap->accesses);
	write_count_or_null(w, "denied", gap->counts_are_known, gap->denied);
	write_short(w, "signal", gap->signal);
	write_process_or_null(w, gap->process);
}

static void write_tamper(struct json_writer *w, const struct event_tamper *tamper)
{
	json_string(w, "kind", tamper_kind_name(tamper->kind));
	write_short(w, "way", or_empty(tamper->way));
	json_object_begin(w, "target");
	json_string(w, "type", tamper->object ? guard_object_name(tamper->object) : "agent");
	write_short(w, "name", tamper->object_name);
	write_count_or_null(w, "id", tamper->object_id != 0, tamper->object_id);
	json_object_end(w);
	write_short(w, "detail", tamper->detail);
	json_int(w, "result", tamper->result);
	write_error_name(w, tamper->result);
	json_bool(w, "denied", tamper->is_denied);
	if (tamper->repair == REPAIR_NOT_NEEDED)
		json_null(w, "repaired");
	else
		json_bool(w, "repaired", tamper->repair == REPAIR_DONE);
	json_uint(w, "count", tamper->count);
	write_time(w, "first", tamper->first_real_ns);
	write_time(w, "last", tamper->last_real_ns);
	write_process_or_null(w, tamper->process);
}

static void write_policy_refused(struct json_writer *w, const struct event_policy_refused *refused)
{
	const struct error *error = refused->error;

	json_string(w, "file", error && *error->file ? error->file : NULL);
	if (error && error->line > 0)
		json_int(w, "line", error->line);
	else
		json_null(w, "line");
	json_string(w, "reason", error ? error->text : "");
	json_bool(w, "reload", refused->is_reload);
}

static const char *subject_of(const struct bus_event *event)
{
	if (event->type == EVENT_EGRESS)
		return or_unknown(event->egress->secret_name);
	if (event->type == EVENT_LOSS)
		return loss_place_name(event->loss->place);
	return event->type == EVENT_TAMPER ? tamper_kind_name(event->tamper->kind) : NULL;
}

static uint64_t time_of(const struct bus_event *event)
{
	if (event->type == EVENT_EGRESS)
		return event->egress->last_real_ns;
	return event->type == EVENT_TAMPER ? event->tamper->last_real_ns : 0;
}

void event_write(struct buffer *buffer, const struct event_source *source, const struct bus_event *event)
{
	struct json_writer w;

	if (event->type == EVENT_ACCESS) {
		event_write_access(buffer, source, event->access);
		return;
	}
	json_writer_init(&w, buffer);
	envelope_begin(&w, source, event->type, subject_of(event), time_of(event));
	switch (event->type) {
	case EVENT_EGRESS:
		write_egress(&w, event->egress);
		break;
	case EVENT_LOSS:
		write_loss(&w, event->loss);
		break;
	case EVENT_STARTED:
		write_started(&w, event->started);
		break;
	case EVENT_STOPPED:
		write_stopped(&w, event->stopped);
		break;
	case EVENT_POLICY_LOADED:
		write_policy_loaded(&w, event->policy_loaded);
		break;
	case EVENT_POLICY_REFUSED:
		write_policy_refused(&w, event->policy_refused);
		break;
	case EVENT_GAP:
		write_gap(&w, event->gap);
		break;
	case EVENT_TAMPER:
		write_tamper(&w, event->tamper);
		break;
	case EVENT_ACCESS:
	case EVENT_TYPE_COUNT:
		break;
	}
	envelope_end(&w);
}

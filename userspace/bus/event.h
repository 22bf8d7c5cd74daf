/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h: what sagentd tells the world, and how it is written: one CloudEvents 1.0 JSON object on one line.
 *
 * An event is a type and a borrowed record that lives for the call it is passed to. Each type has a JSON Schema in
 * schemas/events/ named after it (secretsagent.secret.access.v1.schema.json) and a section in docs/events.md; the three
 * change together. Fields are only ever added to a v1.
 *
 * Every string may hold any bytes (json_writer escapes) and is bounded: a longer one is cut between characters, and a
 * "<field>_truncated" beside it says so. No event is larger than EVENT_SIZE_MAX, whatever goes in. Any thread.
 *
 * `time` is when it happened (for an access the last one counted), as CloudEvents 1.0 wants; `id` is a UUIDv7 made when
 * the event is written, so ids sort by emission.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/access.h"

struct buffer;
struct error;

#define EVENT_SIZE_MAX         (512 * 1024)
#define EVENT_PATH_MAX         4096 /* bytes of a path or other long string, before escaping */
#define EVENT_ANCESTOR_EXE_MAX 1024
#define EVENT_NAME_MAX         1024
#define EVENT_ARGS_MAX         ABI_ARGS_MAX /* bytes of all arguments, each counted with its NUL */
#define EVENT_LIST_MAX         64           /* elements of a list that is not the kernel's */

enum event_type {
	EVENT_ACCESS,
	EVENT_LOSS,
	EVENT_STARTED,
	EVENT_STOPPED,
	EVENT_POLICY_LOADED,
	EVENT_POLICY_REFUSED,
	EVENT_GAP,
	EVENT_TAMPER,
	EVENT_TYPE_COUNT,
};

/* Where events come from: "/hosts/<host>/<program>". Bytes that a URI path does not take are percent-encoded. */
struct event_source {
	const char *host;
	const char *program;
};

struct event_loss {
	enum loss_place place;
	uint64_t count; /* new since the last event of this place */
	uint64_t total; /* since the start of the daemon */
};

struct event_started {
	const char *version;
	const char *kernel; /* uname's release, or NULL */
	const char *backend;
	enum tier tier;
	uint64_t policies;
	uint64_t secrets;
	uint64_t files;
	const char *const *blind_spots; /* one sentence each: what this host cannot see */
	size_t blind_spots_count;
};

struct event_stopped {
	const char *reason; /* "SIGTERM", or what went wrong */
	uint64_t running_ns;
	uint64_t accesses; /* sum of the counts of all access events */
	uint64_t events;   /* access events */
	uint64_t alerts;   /* accesses of verdict alert */
	uint64_t denies;   /* accesses of verdict deny */
	uint64_t losses;   /* sum of the counts of all loss events */
};

struct event_policy_loaded {
	const char *const *paths; /* files and directories they came from */
	size_t paths_count;
	uint64_t policies;
	uint64_t secrets;
	bool is_reload;
};

struct event_policy_refused {
	const struct error *error;
	bool is_reload; /* the policy before it stays in force */
};

enum gap_cause {
	GAP_KILLED,       /* it ended without saying so: killed, or crashed */
	GAP_STOPPED,      /* it ended in order, and the host went on */
	GAP_HOST_RESTART, /* the host was started anew in between */
	GAP_UNKNOWN,
	GAP_CAUSE_COUNT,
};

/* A time in which no agent ran on this host. */
struct event_gap {
	enum gap_cause cause;
	uint64_t from_real_ns; /* until then all was told; 0: not known */
	uint64_t to_real_ns;
	uint64_t duration_ns; /* of no meaning when `from` is not known */
	uint64_t host_started_real_ns;
	const char *signal;                   /* that ended it, or NULL */
	const struct access_process *process; /* who sent the signal, or NULL */
	const char *backend;                  /* of the agent before, or NULL */
	bool tier_is_known;
	enum tier tier;
	bool was_denying; /* denials went on in between */
	bool counts_are_known;
	uint64_t accesses, denied; /* in between */
};

enum tamper_repair { REPAIR_NOT_NEEDED, REPAIR_DONE, REPAIR_FAILED };

/* Something was done to the agent itself, or is found to have been done. */
struct event_tamper {
	enum tamper_kind kind;
	const char *way;          /* "update", "SIGKILL", "ptrace", "table", ... */
	enum guard_object object; /* 0: the process of the agent */
	const char *object_name;  /* or NULL */
	uint32_t object_id;       /* 0: none, or any */
	const char *detail;       /* what the self-check found, a sentence; or NULL */
	int result;               /* 0 or a negative errno */
	bool is_denied;           /* by us */
	enum tamper_repair repair;
	uint64_t count;
	uint64_t first_real_ns, last_real_ns;
	const struct access_process *process; /* NULL: nobody was seen */
};

/* Not `struct event`: that is libevent's. */
struct bus_event {
	enum event_type type;
	union {
		const struct access *access;
		const struct event_loss *loss;
		const struct event_started *started;
		const struct event_stopped *stopped;
		const struct event_policy_loaded *policy_loaded;
		const struct event_policy_refused *policy_refused;
		const struct event_gap *gap;
		const struct event_tamper *tamper;
	};
};

const char *gap_cause_name(enum gap_cause cause); /* "unknown" when out of range */

/* "secretsagent.secret.access.v1"; out of range gives "unknown". */
const char *event_type_name(enum event_type type);

/* Whether sums of access.count are the exact totals in spite of a loss there (abi.h says what each place is). */
bool event_loss_keeps_counts(enum loss_place place);

/*
 * Appends the event as JSON, without a newline. The buffer wants a max of at least EVENT_SIZE_MAX beyond what it holds;
 * buffer->failed afterwards means that it did not have it or that memory ran out, and that the text is incomplete.
 */
void event_write(struct buffer *buffer, const struct event_source *source, const struct bus_event *event);

/* event_write() of an EVENT_ACCESS. */
void event_write_access(struct buffer *buffer, const struct event_source *source, const struct access *access);

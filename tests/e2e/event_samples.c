/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_samples.c: writes one event of every type, kind, way, verdict and loss, and the nastiest that each field can be
 * given, as JSON lines to stdout. event_schema_test.py holds them against schemas/events/.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/tamper.h"
#include "base/version.h"
#include "bus/event.h"

#define SAMPLE_NS 1767323045123456789ULL /* 2026-01-02T03:04:05.123456789Z */
#define HUGE_SIZE 20000

static struct buffer line = BUFFER_INIT(EVENT_SIZE_MAX);
static struct event_source source = {"db-7.example.com", "sagentd"};
static int status;

static void put(const struct bus_event *event)
{
	buffer_reset(&line);
	event_write(&line, &source, event);
	if (line.failed) {
		(void)fprintf(stderr, "an event of type %s was too large\n", event_type_name(event->type));
		status = 1;
		return;
	}
	(void)fwrite(line.data, 1, line.size, stdout);
	(void)fputc('\n', stdout);
}

static void put_access(const struct access *access)
{
	put(&(struct bus_event){.type = EVENT_ACCESS, .access = access});
}

static const char *const plain_args[] = {"cat", "/etc/shadow"};

static struct access plain_access(void)
{
	return (struct access){
		.secret_name = "shadow",
		.secret_class = "os-credential",
		.path = "/etc/shadow",
		.file = {.ino = 1311768, .dev = 8U << 20 | 1, .generation = 77},
		.kind = ACCESS_OPEN,
		.via = VIA_OPENAT,
		.mode = MODE_READ,
		.count = 1,
		.first_real_ns = SAMPLE_NS,
		.last_real_ns = SAMPLE_NS,
		.process = {.id = {.pid = 4242, .start_ns = 81234567890},
			    .tid = 4242,
			    .start_real_ns = SAMPLE_NS - 5000000,
			    .exe = "/usr/bin/cat",
			    .exe_id = {.file = {.ino = 655, .dev = 8U << 20 | 1}, .ctime_sec = 1750000000, .nlink = 1},
			    .exe_sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
			    .comm = "cat",
			    .args = plain_args,
			    .args_count = 2,
			    .cred = {.login_uid = 1000, .session_id = 3, .cap_effective = 0x1ffffffffff},
			    .user = "root",
			    .cgroup = "/user.slice/user-1000.slice/session-3.scope",
			    .unit = "session-3.scope",
			    .ancestors = {{4241, "/usr/bin/sudo"},
					  {4100, "/usr/bin/bash"},
					  {1, "/usr/lib/systemd/systemd"}},
			    .ancestors_count = 3},
		.verdict = {VERDICT_ALERT, "default", "host", TIER_OBSERVE, false},
	};
}

static void put_each_way(void)
{
	static const int results[] = {0, -EACCES, -EPERM, -ENOENT, -255, INT32_MIN};
	struct access access = plain_access();

	put_access(&access);
	for (int kind = ACCESS_OPEN; kind < ACCESS_KIND_COUNT; kind++) {
		access.kind = (enum access_kind)kind;
		put_access(&access);
	}
	for (int via = 0; via < VIA_COUNT; via++) {
		access.via = (enum access_via)via;
		put_access(&access);
	}
	for (unsigned int mode = 0; mode < 2 * MODE_COMPAT; mode++) {
		access.mode = mode;
		put_access(&access);
	}
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		access.result = results[i];
		put_access(&access);
	}
	for (int i = 0; i < (int)VERDICT_COUNT * (int)TIER_COUNT; i++) {
		access.verdict.action = (enum verdict_action)(i % VERDICT_COUNT);
		access.verdict.tier = (enum tier)(i / VERDICT_COUNT);
		access.verdict.is_enforced = i % 2;
		access.verdict.would_deny = access.verdict.action == VERDICT_DENY && !access.verdict.is_enforced;
		put_access(&access);
	}
}

/* Everything that may be unknown is, everything that may be NULL is, even what must not be. */
static void put_empty(void)
{
	struct access access = {.kind = ACCESS_OPEN,
				.process.cred = {.login_uid = UINT32_MAX, .session_id = UINT32_MAX}};

	put_access(&access);
	access.process.exe_id.ctime_sec = INT64_MIN;
	access.process.exe_id.file.ino = 1;
	put_access(&access);
}

static void put_largest_numbers(void)
{
	struct access access = plain_access();

	access.file = (struct file_id){.ino = UINT64_MAX, .dev = UINT32_MAX, .generation = UINT32_MAX};
	access.count = UINT64_MAX;
	access.first_real_ns = access.last_real_ns = access.process.start_real_ns = UINT64_MAX;
	access.target_pid = UINT32_MAX;
	access.process.id = (struct process_id){.pid = UINT32_MAX, .start_ns = UINT64_MAX};
	access.process.tid = UINT32_MAX;
	access.process.exe_id = (struct exe_id){.file = access.file, .ctime_sec = 9000000000, .flags = UINT32_MAX};
	access.process.cred = (struct credentials){.uid = UINT32_MAX,
						   .gid = UINT32_MAX,
						   .euid = UINT32_MAX,
						   .egid = UINT32_MAX,
						   .login_uid = UINT32_MAX - 1,
						   .session_id = UINT32_MAX - 1,
						   .cap_effective = UINT64_MAX};
	put_access(&access);
}

/* The same text in every place that takes one. */
static void put_text_everywhere(const char *text)
{
	static const char *args[3000];
	struct access access = plain_access();
	struct access_process *process = &access.process;

	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
		args[i] = text;
	access.secret_name = access.secret_class = access.path = access.target_exe = text;
	access.verdict.rule = access.verdict.policy = text;
	access.kind = ACCESS_PTRACE;
	access.target_pid = 7;
	process->exe = process->comm = process->user = process->cgroup = text;
	process->container = process->pod = process->unit = text;
	process->args = args;
	process->args_count = sizeof(args) / sizeof(args[0]);
	process->ancestors_count = ACCESS_ANCESTORS_MAX;
	for (size_t i = 0; i < ACCESS_ANCESTORS_MAX; i++)
		process->ancestors[i] = (struct access_ancestor){UINT32_MAX, text};
	source = (struct event_source){text, text};
	put_access(&access);
	source = (struct event_source){"db-7.example.com", "sagentd"};
}

static void put_nasty_texts(void)
{
	static const char *const texts[] = {
		"line\nfeed\r\ttab\"quote\\backslash\b\f\v\033[2J\177",
		"\x01\x02\x03\x04\x1f",
		"\xff\xfe\x80\xc0\xaf\xed\xa0\x80\xf5\x80\x80\x80\xe2\x82", /* no UTF-8: overlong, surrogate, cut */
		"\xc2\x85\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xae\xef\xbf\xbf\xf4\x8f\xbf\xbf",
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e \xf0\x9f\x94\x91",
		"",
	};
	static const char fills[] = {'a', '\n', '\x01', '\x80', '"', '/'};
	static char huge[HUGE_SIZE];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		put_text_everywhere(texts[i]);
	for (size_t i = 0; i < sizeof(fills); i++) {
		memset(huge, fills[i], sizeof(huge) - 1);
		put_text_everywhere(huge);
	}
	for (size_t i = 0; i + 1 < sizeof(huge); i++) /* a bound that falls inside a character */
		huge[i] = "\xe2\x82\xac"[i % 3];
	put_text_everywhere(huge);
	put_text_everywhere(huge + 1);
	memset(huge, 'p', sizeof(huge) - 1);
	huge[0] = '/';
	huge[EVENT_PATH_MAX] = '\0';
	put_text_everywhere(huge);
}

static void put_losses(void)
{
	for (int place = 0; place < LOSS_PLACE_COUNT; place++) {
		struct event_loss loss = {(enum loss_place)place, (uint64_t)place, UINT64_MAX};

		put(&(struct bus_event){.type = EVENT_LOSS, .loss = &loss});
	}
}

static void put_lifecycle(const char *text)
{
	static const char *texts[200];
	static const char *const backends[] = {"lsm", "fentry", "tracepoint"};
	struct event_started started = {.version = text, .kernel = text, .blind_spots = texts, .policies = UINT64_MAX};
	struct event_stopped stopped = {.reason = text, .running_ns = UINT64_MAX, .accesses = UINT64_MAX};
	struct event_policy_loaded loaded = {.paths = texts, .policies = 1, .secrets = 24, .is_reload = true};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		texts[i] = text;
	started.blind_spots_count = loaded.paths_count = sizeof(texts) / sizeof(texts[0]);
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		started.backend = backends[i];
		started.tier = (enum tier)i;
		put(&(struct bus_event){.type = EVENT_STARTED, .started = &started});
	}
	put(&(struct bus_event){.type = EVENT_STOPPED, .stopped = &stopped});
	put(&(struct bus_event){.type = EVENT_POLICY_LOADED, .policy_loaded = &loaded});
}

static void put_refusals(void)
{
	struct event_policy_refused refused = {.is_reload = true};
	struct error error = {.text = ""};

	put(&(struct bus_event){.type = EVENT_POLICY_REFUSED, .policy_refused = &refused});
	(void)error_set(&error, -EINVAL, "/etc/secrets-agent/policies/\n\xff.yaml", 12, "no such key '%s'",
			"\033\xff\n");
	refused.error = &error;
	put(&(struct bus_event){.type = EVENT_POLICY_REFUSED, .policy_refused = &refused});
}

static void put_gaps(const char *text)
{
	struct access access = plain_access();
	struct event_gap gap = {.to_real_ns = SAMPLE_NS, .host_started_real_ns = SAMPLE_NS - 5000000};

	put(&(struct bus_event){.type = EVENT_GAP, .gap = &gap});
	gap.from_real_ns = SAMPLE_NS - 1500000000;
	gap.duration_ns = 1500000000;
	gap.signal = text;
	gap.process = &access.process;
	gap.tier_is_known = gap.counts_are_known = true;
	gap.accesses = gap.denied = UINT64_MAX;
	access.process.exe = access.process.cgroup = access.process.user = text;
	access.process.container = access.process.pod = access.process.unit = text;
	access.process.ancestors[0].exe = text;
	for (int i = 0; i < (int)GAP_CAUSE_COUNT; i++) {
		static const char *const backends[] = {"lsm", "fentry", "tracepoint", NULL};

		gap.cause = (enum gap_cause)i;
		gap.tier = (enum tier)i;
		gap.backend = backends[i];
		put(&(struct bus_event){.type = EVENT_GAP, .gap = &gap});
	}
}

static void put_tampers(const char *text)
{
	struct access access = plain_access();
	struct event_tamper tamper = {.way = "update", .last_real_ns = SAMPLE_NS, .first_real_ns = SAMPLE_NS};

	access.process.exe = access.process.cgroup = access.process.user = text;
	access.process.container = access.process.pod = access.process.unit = text;
	access.process.ancestors[0].exe = text;
	for (int i = TAMPER_BPF; i < TAMPER_KIND_COUNT; i++) {
		for (int way = 0; way <= UINT8_MAX; way++) {
			tamper.kind = (enum tamper_kind)i;
			tamper.way = tamper_way_name(tamper.kind, (uint8_t)way);
			tamper.object = (enum guard_object)(way % GUARD_OBJECT_COUNT);
			tamper.object_id = way % 3 ? UINT32_MAX : 0;
			tamper.object_name = way % 2 ? text : NULL;
			tamper.detail = i == TAMPER_SELF_CHECK ? text : NULL;
			tamper.repair = (enum tamper_repair)(way % 3);
			tamper.result = way % 2 ? -EPERM : 0;
			tamper.is_denied = way % 2;
			tamper.count = way % 2 ? UINT64_MAX : 1;
			tamper.process = way % 2 ? &access.process : NULL;
			if (way < 3 || way == GUARD_OPEN || (way % 16 == 1 && *tamper.way))
				put(&(struct bus_event){.type = EVENT_TAMPER, .tamper = &tamper});
		}
	}
}

int main(void)
{
	static char huge[HUGE_SIZE];

	put_each_way();
	put_empty();
	put_largest_numbers();
	put_nasty_texts();
	put_losses();
	put_lifecycle(SAGENT_VERSION);
	put_lifecycle("\n\xff\"");
	put_lifecycle(NULL);
	memset(huge, '\x01', sizeof(huge) - 1);
	put_lifecycle(huge);
	put_gaps("SIGKILL");
	put_gaps(huge);
	put_tampers("watched");
	put_tampers(huge);
	put_refusals();
	buffer_release(&line);
	return fflush(stdout) == 0 ? status : 1;
}

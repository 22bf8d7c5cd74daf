/* SPDX-License-Identifier: Apache-2.0 */
#include "watch_fixture.h"

#include <sys/wait.h>

#include "base/worker.h"
#include "bus/event.h"
#include "identity/identity.h"
#include "observer.h"
#include "policy/policy.h"
#include "policy/policy_file.h"
#include "sensor/watchlist.h"

#define EVENTS_MAX 64
#define HEAD       "apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: test}\nspec:\n  secrets:\n"
#define HASH       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* What was published, its strings copied. */
struct event_copy {
	enum event_type type;
	char secret[64], path[256], rule[64], exe[64], target_exe[64];
	enum verdict_action action;
	struct access access; /* strings are not its own */
	struct event_loss loss;
};

struct fixture {
	struct watch_fixture *watch;
	struct worker_pool *pool;
	struct identity *identity;
	struct policy_set *policy;
	struct observer *observer;
	struct sensor_handler handler;
	struct event_copy events[EVENTS_MAX];
	size_t count;
	char proc[300];
	void *cookie;
};

static void copy(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text ? text : "(null)");
}

static void on_publish(void *context, const struct bus_event *event)
{
	struct fixture *f = context;
	struct event_copy *seen = &f->events[f->count];

	assert_true(f->count < EVENTS_MAX);
	f->count++;
	seen->type = event->type;
	if (event->type == EVENT_LOSS) {
		seen->loss = *event->loss;
		return;
	}
	assert_int_equal(event->type, EVENT_ACCESS);
	seen->access = *event->access;
	seen->action = event->access->verdict.action;
	copy(seen->secret, sizeof(seen->secret), event->access->secret_name);
	copy(seen->path, sizeof(seen->path), event->access->path);
	copy(seen->rule, sizeof(seen->rule), event->access->verdict.rule);
	copy(seen->exe, sizeof(seen->exe), event->access->process.exe);
	copy(seen->target_exe, sizeof(seen->target_exe), event->access->target_exe);
}

/* ---------------------------------------------------------------- life */

static void load_policy(struct fixture *f, const char *secrets)
{
	const struct policy_limits limits = POLICY_LIMITS_DEFAULT;
	struct watch_pattern patterns[8] = {0};
	struct policy_set *former = f->policy;
	struct error error = {0};
	char text[4096], expanded[8192];
	size_t used = 0, count = 0;

	/* ROOT stands for the fixture's directory. */
	(void)snprintf(text, sizeof(text), "%s%s", HEAD, secrets);
	for (const char *from = text; *from;) {
		if (strncmp(from, "ROOT", 4) == 0) {
			used += (size_t)snprintf(expanded + used, sizeof(expanded) - used, "%s", f->watch->root);
			from += 4;
		} else {
			expanded[used++] = *from++;
		}
		assert_true(used < sizeof(expanded));
	}
	if (policy_set_load_text("test", expanded, used, &limits, &f->policy, &error) < 0)
		fail_msg("%s", error.text);
	for (size_t i = 0; i < policy_set_secret_count(f->policy); i++)
		patterns[count++] =
			(struct watch_pattern){.pattern = policy_set_secret(f->policy, i)->patterns[0], .secret = i};
	assert_int_equal(watchlist_load(f->watch->list, patterns, count, &error), 0);
	observer_set_policy(f->observer, f->policy);
	policy_set_free(former);
}

#define TWO_SECRETS                                                                      \
	"  - {name: db, class: database-password, paths: [ROOT/db/*], default: alert,\n" \
	"     allow: [{name: app, exe: [/usr/bin/app]}]}\n"                              \
	"  - {name: tls, class: tls-private-key, paths: [ROOT/tls/key], default: alert}\n"

static void make_observer(struct fixture *f, uint64_t hash_wait_ms)
{
	const struct identity_config identity = {.max_processes = 64,
						 .args = true,
						 .hash = hash_wait_ms > 0,
						 .hash_max_bytes = 1 << 20,
						 .proc_root = f->proc,
						 .passwd_path = f->watch->passwd};
	struct observer_config config = {.base = f->watch->base,
					 .max_holders = 16,
					 .hash_wait_ms = hash_wait_ms,
					 .publish = on_publish,
					 .context = f};

	assert_int_equal(identity_new(f->watch->base, f->pool, &identity, &f->identity), 0);
	config.identity = f->identity;
	assert_int_equal(observer_new(&config, &f->observer), 0);
	observer_set_watchlist(f->observer, f->watch->list);
	f->handler = observer_handler(f->observer);
}

static int set_up_with(void **state, uint64_t hash_wait_ms)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(watch_setup((void **)&f->watch), 0);
	(void)snprintf(f->proc, sizeof(f->proc), "%s/proc", f->watch->root);
	make_directory(f->watch, "proc");
	make_file(f->watch, "db/password");
	make_file(f->watch, "tls/key");
	assert_int_equal(worker_pool_new(f->watch->base, 1, 16, &f->pool), 0);
	make_observer(f, hash_wait_ms);
	load_policy(f, TWO_SECRETS);
	*state = f;
	return 0;
}

static int set_up(void **state)
{
	return set_up_with(state, 0);
}

static int set_up_waiting(void **state)
{
	return set_up_with(state, 1000000);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	if (f->cookie)
		f->handler.forget(f->handler.context, f->cookie);
	observer_free(f->observer);
	identity_free(f->identity);
	worker_pool_free(f->pool);
	policy_set_free(f->policy);
	(void)watch_teardown((void **)&f->watch);
	free(f);
	return 0;
}

/* ---------------------------------------------------------------- what the sensor would say */

static struct process_id process_of(uint32_t pid)
{
	return (struct process_id){.pid = pid, .start_ns = pid * 1000ULL};
}

static struct task_snapshot task_of(uint32_t pid)
{
	return (struct task_snapshot){.id = process_of(pid),
				      .tid = pid,
				      .exe = {.file = {.ino = pid, .dev = 8U << 20 | 1}},
				      .comm = "reader"};
}

struct sighting {
	struct access_key key;
	struct access_value value;
	struct counted counted;
};

static struct sighting sighting_of(struct fixture *f, uint32_t pid, const char *file)
{
	struct sighting s = {
		.key = {.process = process_of(pid), .kind = ACCESS_OPEN, .via = VIA_OPENAT, .mode = MODE_READ},
		.value = {.task = task_of(pid), .file_nlink = 1},
		.counted = {.count = 1, .first_ns = 1000, .last_ns = 2000, .is_first = true, .dirfd = -1},
	};

	if (file)
		s.key.file = identity(f->watch, file);
	return s;
}

static bool tell(struct fixture *f, struct sighting *s)
{
	s->counted.key = &s->key;
	s->counted.value = &s->value;
	s->counted.cookie = &f->cookie;
	return f->handler.access(f->handler.context, &s->counted);
}

static void tell_process(struct fixture *f, enum record_type type, uint32_t pid, uint32_t parent)
{
	struct {
		struct process_record record;
		char data[32];
	} space = {.record = {.header = {.type = type}, .task = task_of(pid)}};
	size_t size = sizeof(space.record);

	space.record.task.parent = process_of(parent);
	if (type == RECORD_EXEC) {
		memcpy(space.record.data, "app\0bin\0usr", 12);
		space.record.path_size = 12;
		size += 12;
	}
	space.record.header.size = (__u32)size;
	f->handler.process(f->handler.context, &space.record, size);
}

static bool look_at(struct fixture *f, uint32_t pid, uint32_t target)
{
	struct sighting s = sighting_of(f, pid, NULL);

	s.key.kind = ACCESS_PTRACE;
	s.key.target = target;
	return tell(f, &s);
}

/* ---------------------------------------------------------------- which secret */

static void publishes_an_access_with_its_secret_and_verdict(void **state)
{
	struct fixture *f = *state;
	struct sighting s = sighting_of(f, 10, "db/password");

	s.counted.count = 7;
	assert_true(tell(f, &s));
	assert_int_equal(f->count, 1);
	assert_string_equal(f->events[0].secret, "db");
	assert_string_equal(f->events[0].path, at(f->watch, "db/password"));
	assert_string_equal(f->events[0].rule, "default");
	assert_int_equal(f->events[0].action, VERDICT_ALERT);
	assert_int_equal(f->events[0].access.count, 7);
	assert_int_equal(f->events[0].access.kind, ACCESS_OPEN);
	assert_int_equal(f->events[0].access.via, VIA_OPENAT);
	assert_int_equal(f->events[0].access.process.id.pid, 10);
	assert_true(f->events[0].access.first_real_ns + 1000 == f->events[0].access.last_real_ns ||
		    f->events[0].access.first_real_ns < f->events[0].access.last_real_ns);
	assert_int_equal(observer_stats(f->observer).accesses, 7);
	assert_int_equal(observer_stats(f->observer).alerts, 7);
	assert_int_equal(observer_stats(f->observer).events, 1);
}

static void decides_by_what_identity_knows(void **state)
{
	struct fixture *f = *state;
	struct sighting s = sighting_of(f, 10, "db/password");

	tell_process(f, RECORD_EXEC, 10, 1);
	assert_true(tell(f, &s));
	assert_string_equal(f->events[0].exe, "/usr/bin/app");
	assert_string_equal(f->events[0].rule, "allow/app");
	assert_int_equal(f->events[0].action, VERDICT_ALLOW);
	assert_int_equal(observer_stats(f->observer).alerts, 0);
}

static void drops_what_is_no_secret(void **state)
{
	struct fixture *f = *state;
	struct sighting s;

	make_file(f->watch, "other/file");
	s = sighting_of(f, 10, "other/file");
	assert_false(tell(f, &s));
	assert_null(f->cookie);
	assert_int_equal(f->count, 0);
}

static void asks_the_watch_list_about_a_candidate(void **state)
{
	struct fixture *f = *state;
	struct sighting s;

	make_file(f->watch, "db/new");
	s = sighting_of(f, 10, "db/new");
	s.value.flags = ACCESS_CANDIDATE;
	s.value.watched_dir = identity(f->watch, "db");
	s.counted.path = "new";
	s.counted.path_size = 4;
	assert_true(tell(f, &s));
	assert_string_equal(f->events[0].secret, "db");
	assert_string_equal(f->events[0].path, at(f->watch, "db/new"));
}

/* By then the file may be watched no more: what was found out first still holds. */
static void remembers_what_a_counter_counts(void **state)
{
	struct fixture *f = *state;
	struct sighting s = sighting_of(f, 10, "db/password");

	assert_true(tell(f, &s));
	assert_non_null(f->cookie);
	s.key.file.ino += 1000000; /* as if the list had forgotten it */
	s.counted.count = 3;
	assert_true(tell(f, &s));
	assert_string_equal(f->events[1].secret, "db");
	assert_string_equal(f->events[1].path, at(f->watch, "db/password"));
	assert_int_equal(f->events[1].access.count, 3);
}

static void knows_a_secret_by_name_after_a_reload(void **state)
{
	struct fixture *f = *state;
	struct sighting s = sighting_of(f, 10, "tls/key");

	assert_true(tell(f, &s));
	load_policy(f, "  - {name: first, class: test, paths: [ROOT/first], default: alert}\n"
		       "  - {name: tls, class: tls-private-key, paths: [ROOT/tls/key], default: allow}\n");
	assert_true(tell(f, &s));
	assert_string_equal(f->events[1].secret, "tls");
	assert_int_equal(f->events[1].action, VERDICT_ALLOW);
}

static void takes_nothing_for_a_secret_before_it_has_a_policy(void **state)
{
	struct fixture *f = *state;
	struct sighting s = sighting_of(f, 10, "db/password");

	observer_set_policy(f->observer, NULL);
	assert_false(tell(f, &s));
	observer_set_policy(f->observer, f->policy);
	observer_set_watchlist(f->observer, NULL);
	assert_false(tell(f, &s));
	assert_int_equal(f->count, 0);
}

/* The path is followed as the process would: it is this one. */
static void follows_the_path_of_a_refused_open(void **state)
{
	struct fixture *f = *state;
	struct sighting s = sighting_of(f, (uint32_t)getpid(), NULL);
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/tls/../db/password", f->watch->root);
	s.value.flags = ACCESS_BY_PATH;
	s.key.result = EACCES;
	s.key.file.ino = 12345;
	s.counted.path = path;
	s.counted.path_size = strlen(path) + 1;
	s.counted.path_flags = PATH_FLAG_USER;
	s.counted.dirfd = AT_FDCWD;
	assert_true(tell(f, &s));
	assert_string_equal(f->events[0].secret, "db");
	assert_string_equal(f->events[0].path, at(f->watch, "db/password"));
	assert_int_equal(f->events[0].access.result, -EACCES);
	assert_int_equal(f->events[0].access.file.ino, 0);
	s.counted.path = NULL; /* a repeat */
	s.counted.path_size = 0;
	assert_true(tell(f, &s));
	assert_string_equal(f->events[1].secret, "db");
	assert_true(look_at(f, 11, (uint32_t)getpid()));
	assert_int_equal(f->count, 2); /* it got nothing, so there is nothing to look for in its memory */
	assert_int_equal(observer_stats(f->observer).unnamed, 1);
}

static void drops_a_refused_path_that_leads_nowhere(void **state)
{
	struct fixture *f = *state;
	struct sighting s = sighting_of(f, (uint32_t)getpid(), NULL);

	s.value.flags = ACCESS_BY_PATH;
	s.key.result = ENOENT;
	assert_false(tell(f, &s)); /* its record was lost */
	s.counted.path = "/nonexistent/password";
	s.counted.path_size = 22;
	s.counted.dirfd = AT_FDCWD;
	assert_false(tell(f, &s));
	assert_int_equal(f->count, 0);
	assert_null(f->cookie);
}

/* ---------------------------------------------------------------- looks into memory */

static void names_the_secrets_of_a_target(void **state)
{
	struct fixture *f = *state;
	struct sighting db = sighting_of(f, 10, "db/password"), tls = sighting_of(f, 10, "tls/key");

	tell_process(f, RECORD_EXEC, 10, 1);
	assert_true(tell(f, &db));
	f->handler.forget(f->handler.context, f->cookie);
	f->cookie = NULL;
	assert_true(tell(f, &tls));
	tell_process(f, RECORD_FORK, 12, 10);
	assert_true(look_at(f, 11, 12));
	assert_int_equal(f->count, 4);
	assert_string_equal(f->events[2].secret, "db");
	assert_string_equal(f->events[3].secret, "tls");
	assert_int_equal(f->events[3].access.kind, ACCESS_PTRACE);
	assert_int_equal(f->events[3].access.target_pid, 12);
	assert_int_equal(f->events[3].access.process.id.pid, 11);
	tell_process(f, RECORD_EXEC, 10, 1);
	assert_true(look_at(f, 11, 10));
	assert_int_equal(f->count, 4);
	assert_int_equal(observer_stats(f->observer).unnamed, 1);
}

static void remembers_the_secrets_of_the_dead_for_a_moment(void **state)
{
	struct fixture *f = *state;
	struct sighting s = sighting_of(f, 10, "db/password");
	const struct exit_record end = {.header = {.type = RECORD_EXIT, .size = sizeof(end)}, .id = process_of(10)};

	assert_true(tell(f, &s));
	f->handler.exit(f->handler.context, &end, sizeof(end));
	assert_true(look_at(f, 11, 10));
	assert_int_equal(f->count, 2);
	for (int i = 0; i < 5; i++)
		observer_tick(f->observer);
	assert_true(look_at(f, 11, 10));
	assert_int_equal(f->count, 2);
}

static void reads_no_record_past_its_end(void **state)
{
	struct fixture *f = *state;

	for (size_t size = 0; size < sizeof(struct process_record); size += 8) {
		void *record = calloc(1, size ? size : 1); /* exact, for the sanitizer */

		assert_non_null(record);
		f->handler.process(f->handler.context, record, size);
		f->handler.cgroup(f->handler.context, record, size);
		if (size >= sizeof(struct record_header))
			f->handler.exit(f->handler.context, record, size);
		free(record);
	}
	assert_int_equal(f->count, 0);
}

static void tells_who_had_a_secret_open_before(void **state)
{
	struct fixture *f = *state;
	struct file_record record = {.process = process_of(10),
				     .task = task_of(10),
				     .file = identity(f->watch, "tls/key"),
				     .fmode = MODE_READ};

	f->handler.held(f->handler.context, &record);
	assert_int_equal(f->count, 1);
	assert_string_equal(f->events[0].secret, "tls");
	assert_int_equal(f->events[0].access.kind, ACCESS_RECEIVE);
	assert_int_equal(f->events[0].access.via, VIA_INHERITED);
	assert_int_equal(f->events[0].access.count, 1);
	assert_true(look_at(f, 11, 10));
	assert_string_equal(f->events[1].secret, "tls");
	record.file.ino += 1000000;
	f->handler.held(f->handler.context, &record);
	assert_int_equal(f->count, 2);
}

static void passes_on_losses(void **state)
{
	struct fixture *f = *state;

	f->handler.loss(f->handler.context, LOSS_ACCESS_RING, 3, 8);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->events[0].type, EVENT_LOSS);
	assert_int_equal(f->events[0].loss.place, LOSS_ACCESS_RING);
	assert_int_equal(f->events[0].loss.count, 3);
	assert_int_equal(f->events[0].loss.total, 8);
	assert_int_equal(observer_stats(f->observer).losses, 3);
}

/* ---------------------------------------------------------------- waiting for a hash */

static void waits_for_the_hash_and_loses_nothing(void **state)
{
	struct fixture *f = *state;
	struct sighting s = sighting_of(f, 10, "db/password");

	tell_process(f, RECORD_EXEC, 10, 1);
	assert_true(tell(f, &s));
	assert_int_equal(f->count, 0);
	while (f->count == 0) /* the worker finds no such executable */
		assert_int_equal(event_base_loop(f->watch->base, EVLOOP_ONCE), 0);
	assert_int_equal(f->count, 1);
	assert_string_equal(f->events[0].secret, "db");
	assert_true(tell(f, &s)); /* now it is known that there is none */
	assert_int_equal(f->count, 2);
}

static void publishes_what_waits_when_told_to(void **state)
{
	struct fixture *f = *state;
	struct sighting s = sighting_of(f, 10, "db/password");

	tell_process(f, RECORD_EXEC, 10, 1);
	assert_true(tell(f, &s));
	assert_int_equal(f->count, 0);
	observer_flush(f->observer);
	assert_int_equal(f->count, 1);
	observer_flush(f->observer);
	observer_free(f->observer);
	f->observer = NULL;
	identity_free(f->identity); /* calls back for the hash that never came */
	f->identity = NULL;
	assert_int_equal(f->count, 1);
	f->handler.forget(NULL, f->cookie);
	f->cookie = NULL;
}

static void decides_what_waited_by_the_policy_of_then(void **state)
{
	struct fixture *f = *state;
	struct sighting s = sighting_of(f, 10, "db/password");

	tell_process(f, RECORD_EXEC, 10, 1);
	assert_true(tell(f, &s));
	load_policy(f, "  - {name: db, class: test, paths: [ROOT/db/*], default: allow,\n"
		       "     allow: [{name: hashed, sha256: [" HASH "]}]}\n");
	observer_flush(f->observer);
	assert_int_equal(f->count, 1);
	assert_string_equal(f->events[0].rule, "default");
	assert_int_equal(f->events[0].action, VERDICT_ALLOW);
}

#define TEST(name)         cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_WAITING(name) cmocka_unit_test_setup_teardown(name, set_up_waiting, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(publishes_an_access_with_its_secret_and_verdict),
		TEST(decides_by_what_identity_knows),
		TEST(drops_what_is_no_secret),
		TEST(asks_the_watch_list_about_a_candidate),
		TEST(remembers_what_a_counter_counts),
		TEST(knows_a_secret_by_name_after_a_reload),
		TEST(takes_nothing_for_a_secret_before_it_has_a_policy),
		TEST(follows_the_path_of_a_refused_open),
		TEST(drops_a_refused_path_that_leads_nowhere),
		TEST(names_the_secrets_of_a_target),
		TEST(remembers_the_secrets_of_the_dead_for_a_moment),
		TEST(reads_no_record_past_its_end),
		TEST(tells_who_had_a_secret_open_before),
		TEST(passes_on_losses),
		TEST_WAITING(waits_for_the_hash_and_loses_nothing),
		TEST_WAITING(publishes_what_waits_when_told_to),
		TEST_WAITING(decides_what_waited_by_the_policy_of_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

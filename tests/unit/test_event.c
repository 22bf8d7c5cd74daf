/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "base/buffer.h"
#include "base/error.h"
#include "bus/event.h"

/* What the schemas say of every field is tested by tests/e2e/event_schema_test.py. */

static const struct event_source source = {"a host/1", "sagentd"};

static struct access plain_access(void)
{
	return (struct access){
		.secret_name = "shadow",
		.secret_class = "os-credential",
		.path = "/etc/shadow",
		.file = {.ino = UINT64_MAX, .dev = 259U << 20 | 3},
		.kind = ACCESS_OPEN,
		.via = VIA_OPENAT,
		.mode = MODE_READ,
		.count = 3,
		.first_real_ns = 1000000000,
		.last_real_ns = 2000000001,
		.process = {.id = {.pid = 7, .start_ns = 99}, .tid = 8, .exe = "/bin/cat", .comm = "cat"},
		.verdict = {VERDICT_ALERT, "default", "host", TIER_OBSERVE, false},
	};
}

/* Parsed by json-c, which is not what wrote it; the caller puts it. */
static struct json_object *written(const struct bus_event *event)
{
	struct buffer buffer = BUFFER_INIT(EVENT_SIZE_MAX);
	struct json_object *object;

	event_write(&buffer, &source, event);
	assert_false(buffer.failed);
	assert_null(memchr(buffer.data, '\n', buffer.size));
	object = json_tokener_parse(buffer.data);
	assert_non_null(object);
	buffer_release(&buffer);
	return object;
}

static struct json_object *written_access(const struct access *access)
{
	return written(&(struct bus_event){.type = EVENT_ACCESS, .access = access});
}

/* The member at "data/secret/name"; NULL is JSON's null. Fails the test when there is none. */
static struct json_object *at(struct json_object *object, const char *path)
{
	while (*path) {
		size_t size = strcspn(path, "/");
		char key[64];

		assert_true(size < sizeof(key));
		memcpy(key, path, size);
		key[size] = '\0';
		assert_true(json_object_object_get_ex(object, key, &object));
		path += size + (path[size] == '/');
	}
	return object;
}

static const char *text_at(struct json_object *object, const char *path)
{
	return json_object_get_string(at(object, path));
}

static void puts_an_access_into_a_cloudevents_envelope(void **state)
{
	struct access access = plain_access();
	struct json_object *event = written_access(&access);

	(void)state;
	assert_string_equal(text_at(event, "specversion"), "1.0");
	assert_string_equal(text_at(event, "type"), "secretsagent.secret.access.v1");
	assert_string_equal(text_at(event, "source"), "/hosts/a%20host%2F1/sagentd");
	assert_string_equal(text_at(event, "subject"), "shadow");
	assert_string_equal(text_at(event, "time"), "1970-01-01T00:00:02.000000001Z");
	assert_string_equal(text_at(event, "data/access/first"), "1970-01-01T00:00:01.000000000Z");
	assert_string_equal(text_at(event, "data/secret/dev"), "259:3");
	assert_true(json_object_get_uint64(at(event, "data/secret/ino")) == UINT64_MAX);
	assert_string_equal(text_at(event, "data/process/key"), "7-99");
	json_object_put(event);
}

static void gives_ids_that_grow(void **state)
{
	struct access access = plain_access();
	struct json_object *first = written_access(&access), *second = written_access(&access);

	(void)state;
	assert_true(strcmp(text_at(first, "id"), text_at(second, "id")) < 0);
	json_object_put(first);
	json_object_put(second);
}

static void says_null_of_what_is_not_known(void **state)
{
	static const char *const nulls[] = {
		"data/secret/dev",         "data/secret/ino",        "data/access/error", "data/access/target",
		"data/process/exe_sha256", "data/process/exe_dev",   "data/process/user", "data/process/unit",
		"data/process/container",  "data/process/login_uid", "data/process/pod"};
	struct access access = plain_access();
	struct json_object *event;

	(void)state;
	access.file = (struct file_id){0};
	access.process.cred.login_uid = UINT32_MAX;
	event = written_access(&access);
	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
		assert_null(at(event, nulls[i]));
	json_object_put(event);
}

static void names_the_errno_of_a_refused_access(void **state)
{
	struct access access = plain_access();
	struct json_object *event;

	(void)state;
	access.result = -EACCES;
	event = written_access(&access);
	assert_int_equal(json_object_get_int(at(event, "data/access/result")), -EACCES);
	assert_string_equal(text_at(event, "data/access/error"), "EACCES");
	json_object_put(event);
}

static void names_the_target_of_a_memory_access(void **state)
{
	struct access access = plain_access();
	struct json_object *event;

	(void)state;
	access.kind = ACCESS_PROC_MEM;
	access.target_pid = 812;
	event = written_access(&access);
	assert_int_equal(json_object_get_int(at(event, "data/access/target/pid")), 812);
	assert_null(at(event, "data/access/target/exe"));
	json_object_put(event);
}

static void keeps_no_more_arguments_than_the_bound_and_says_so(void **state)
{
	static char half[EVENT_ARGS_MAX / 2], rest[EVENT_ARGS_MAX / 2 + 1];
	const char *const exact[] = {half, half}, *const more[] = {half, rest};
	struct access access = plain_access();
	struct json_object *event;

	(void)state;
	memset(half, 'x', sizeof(half) - 1);
	memset(rest, 'x', sizeof(rest) - 1);
	access.process.args = exact;
	access.process.args_count = 2;
	event = written_access(&access);
	assert_int_equal(json_object_array_length(at(event, "data/process/args")), 2);
	assert_false(json_object_get_boolean(at(event, "data/process/args_truncated")));
	json_object_put(event);
	access.process.args = more;
	event = written_access(&access);
	assert_true(json_object_get_boolean(at(event, "data/process/args_truncated")));
	json_object_put(event);
}

static void marks_a_path_that_it_cut(void **state)
{
	static char path[EVENT_PATH_MAX + 2];
	struct access access = plain_access();
	struct json_object *event;

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	access.path = path;
	event = written_access(&access);
	assert_int_equal(json_object_get_string_len(at(event, "data/secret/path")), EVENT_PATH_MAX);
	assert_true(json_object_get_boolean(at(event, "data/secret/path_truncated")));
	json_object_put(event);
	path[EVENT_PATH_MAX] = '\0';
	event = written_access(&access);
	assert_int_equal(json_object_get_string_len(at(event, "data/secret/path")), EVENT_PATH_MAX);
	assert_false(json_object_get_boolean(at(event, "data/secret/path_truncated")));
	json_object_put(event);
}

static void marks_the_buffer_failed_when_there_is_no_room(void **state)
{
	struct access access = plain_access();

	(void)state;
	for (size_t max = 0; max < 1000; max += 37) {
		struct buffer buffer = BUFFER_INIT(max);

		event_write_access(&buffer, &source, &access);
		assert_true(buffer.failed);
		assert_true(buffer.size <= max);
		buffer_release(&buffer);
	}
}

static void tells_which_losses_leave_counts_exact(void **state)
{
	(void)state;
	assert_true(event_loss_keeps_counts(LOSS_ACCESS_RING));
	assert_false(event_loss_keeps_counts(LOSS_UNCOUNTED));
	assert_false(event_loss_keeps_counts(LOSS_OUTPUT));
	assert_false(event_loss_keeps_counts(LOSS_PLACE_COUNT));
}

static void writes_where_a_process_wanted_to_send(void **state)
{
	struct event_egress egress = {
		.secret_name = "db",
		.secret_class = "database-password",
		.age_ns = 1999999,
		.address = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 5}},
		.port = 5432,
		.protocol = 6,
		.result = -EPERM,
		.count = 3,
		.process = {.id = {.pid = 7}, .exe = "/usr/bin/curl"},
		.verdict = {.action = VERDICT_DENY, .policy = "test", .is_enforced = true},
	};
	const struct bus_event event = {.type = EVENT_EGRESS, .egress = &egress};
	struct json_object *object = written(&event);

	(void)state;
	assert_string_equal(text_at(object, "subject"), "db");
	assert_int_equal(json_object_get_int(at(object, "data/secret/age_ms")), 1);
	assert_string_equal(text_at(object, "data/connection/address"), "10.0.0.5");
	assert_int_equal(json_object_get_int(at(object, "data/connection/port")), 5432);
	assert_string_equal(text_at(object, "data/connection/protocol"), "tcp");
	assert_string_equal(text_at(object, "data/connection/error"), "EPERM");
	assert_int_equal(json_object_get_int(at(object, "data/connection/count")), 3);
	assert_string_equal(text_at(object, "data/process/exe"), "/usr/bin/curl");
	assert_true(json_object_get_boolean(at(object, "data/verdict/enforced")));
	json_object_put(object);
	egress.port = 0;
	object = written(&event);
	assert_null(at(object, "data/connection/port"));
	json_object_put(object);
}

static void writes_a_loss_with_its_place_as_subject(void **state)
{
	const struct event_loss loss = {LOSS_FD_GONE, 2, 9};
	struct json_object *event = written(&(struct bus_event){.type = EVENT_LOSS, .loss = &loss});

	(void)state;
	assert_string_equal(text_at(event, "subject"), "fd-gone");
	assert_int_equal(json_object_get_int(at(event, "data/count")), 2);
	assert_int_equal(json_object_get_int(at(event, "data/total")), 9);
	json_object_put(event);
}

static void writes_where_a_refused_policy_is_wrong(void **state)
{
	struct error error = {.text = ""};
	const struct event_policy_refused refused = {&error, true};
	struct json_object *event;

	(void)state;
	(void)error_set(&error, -EINVAL, "/p.yaml", 12, "unknown key");
	event = written(&(struct bus_event){.type = EVENT_POLICY_REFUSED, .policy_refused = &refused});
	assert_string_equal(text_at(event, "data/file"), "/p.yaml");
	assert_int_equal(json_object_get_int(at(event, "data/line")), 12);
	assert_string_equal(text_at(event, "data/reason"), "unknown key");
	json_object_put(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(puts_an_access_into_a_cloudevents_envelope),
		cmocka_unit_test(gives_ids_that_grow),
		cmocka_unit_test(says_null_of_what_is_not_known),
		cmocka_unit_test(names_the_errno_of_a_refused_access),
		cmocka_unit_test(names_the_target_of_a_memory_access),
		cmocka_unit_test(keeps_no_more_arguments_than_the_bound_and_says_so),
		cmocka_unit_test(marks_a_path_that_it_cut),
		cmocka_unit_test(marks_the_buffer_failed_when_there_is_no_room),
		cmocka_unit_test(tells_which_losses_leave_counts_exact),
		cmocka_unit_test(writes_where_a_process_wanted_to_send),
		cmocka_unit_test(writes_a_loss_with_its_place_as_subject),
		cmocka_unit_test(writes_where_a_refused_policy_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

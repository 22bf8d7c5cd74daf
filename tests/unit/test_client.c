/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/error.h"
#include "cli/client.h"
#include "cli/control_message.h"
#include "cli/json_field.h"
#include "fake_daemon.h"

static void connects_or_says_what_to_check(void **state)
{
	struct fake_daemon daemon;
	struct client *client = NULL;
	struct error error = {0};
	char path[200];

	(void)state;
	fake_daemon_start(&daemon, "");
	(void)snprintf(path, sizeof(path), "%s/none", daemon.folder);
	assert_int_equal(client_connect(path, &client, &error), -ENOENT);
	assert_non_null(strstr(error.text, "is sagentd running"));

	error.text[0] = '\0';
	memset(path, 'a', 150);
	path[150] = '\0';
	assert_int_equal(client_connect(path, &client, &error), -ENAMETOOLONG);
	assert_non_null(strstr(error.text, "--socket"));
	assert_int_equal(client_connect("", &client, NULL), -ENAMETOOLONG);

	error.text[0] = '\0';
	(void)shutdown(daemon.listen_fd, SHUT_RDWR);
	assert_int_equal(client_connect(daemon.path, &client, &error), -ECONNREFUSED);
	assert_non_null(strstr(error.text, "not running"));
	assert_null(client);
	fake_daemon_stop(&daemon);
}

static void gives_the_result_of_a_call(void **state)
{
	struct fake_daemon daemon;
	struct client *client;
	struct json_object *result = NULL, *arguments = json_tokener_parse("{\"limit\":3}");

	(void)state;
	fake_daemon_start(&daemon, "{\"id\":1,\"ok\":true,\"result\":{\"version\":\"9\"}}\n");
	assert_int_equal(client_connect(daemon.path, &client, NULL), 0);
	assert_int_equal(client_call(client, "top", arguments, &result, NULL), 0);
	assert_string_equal(json_field_string(result, "version", ""), "9");
	assert_string_equal(daemon.request, "{\"id\":1,\"command\":\"top\",\"arguments\":{\"limit\":3}}");
	json_object_put(result);
	json_object_put(arguments);
	client_free(client);
	fake_daemon_stop(&daemon);
}

static void tells_errors_apart(void **state)
{
	static const struct {
		const char *answer;
		int r;
		const char *says;
	} rows[] = {
		{"{\"id\":1,\"ok\":false,\"error\":{\"code\":\"failed\",\"message\":\"the disk is full\"}}\n",
		 -EREMOTEIO, "the disk is full"},
		{"{\"id\":1,\"ok\":false,\"error\":{\"code\":\"bad-argument\",\"message\":\"no\"}}\n", -EINVAL, "no"},
		{"{\"id\":null,\"ok\":false,\"error\":{\"code\":\"forbidden\",\"message\":\"no\"}}\n", -EACCES, "no"},
		{"{\"id\":null,\"ok\":false,\"error\":{\"code\":\"too-many-clients\",\"message\":\"no\"}}\n", -EUSERS,
		 "no"},
		{"{\"id\":2,\"ok\":true,\"result\":1}\n", -EPROTO, "another request"},
		{"HTTP/1.0 400 Bad Request\n", -EPROTO, "no answer of sagentd"},
		{"{\"id\":1,\"ok\":true", -ECONNRESET, "closed"},
		{"", -ECONNRESET, "closed"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake_daemon daemon;
		struct json_object *result = (struct json_object *)&daemon; /* must stay */
		struct client *client;
		struct error error = {0};

		fake_daemon_start(&daemon, rows[i].answer);
		assert_int_equal(client_connect(daemon.path, &client, NULL), 0);
		assert_int_equal(client_call(client, "status", NULL, &result, &error), rows[i].r);
		assert_non_null(strstr(error.text, rows[i].says));
		assert_ptr_equal(result, &daemon);
		client_free(client);
		fake_daemon_stop(&daemon);
	}
}

static void gives_up_on_a_silent_daemon(void **state)
{
	struct fake_daemon daemon;
	struct client *client;
	struct json_object *result;
	struct error error = {0};

	(void)state;
	fake_daemon_start(&daemon, NULL);
	assert_int_equal(client_connect(daemon.path, &client, NULL), 0);
	client_set_timeout(client, 1);
	assert_int_equal(client_call(client, "status", NULL, &result, &error), -ETIMEDOUT);
	assert_non_null(strstr(error.text, "did not answer"));
	client_free(client);
	fake_daemon_stop(&daemon);
}

static void gives_up_on_an_endless_line(void **state)
{
	size_t size = CONTROL_ANSWER_MAX + 1024 * 1024;
	char *endless = malloc(size + 1);
	struct fake_daemon daemon;
	struct client *client;
	struct json_object *result;

	(void)state;
	assert_non_null(endless);
	memset(endless, 'x', size);
	endless[size] = '\0';
	fake_daemon_start(&daemon, endless);
	assert_int_equal(client_connect(daemon.path, &client, NULL), 0);
	assert_int_equal(client_call(client, "status", NULL, &result, NULL), -EPROTO);
	client_free(client);
	fake_daemon_stop(&daemon);
	free(endless);
}

static void reads_line_after_line(void **state)
{
	struct fake_daemon daemon;
	struct client *client;
	struct json_object *result = NULL;
	struct error error = {0};
	const char *line;
	size_t size;

	(void)state;
	fake_daemon_start(&daemon, "{\"id\":1,\"ok\":true,\"result\":{\"watching\":true}}\none\n\nthree\nhalf");
	assert_int_equal(client_connect(daemon.path, &client, NULL), 0);
	assert_int_equal(client_call(client, "watch", NULL, &result, NULL), 0);
	json_object_put(result);
	assert_int_equal(client_read_line(client, &line, &size, NULL), 0);
	assert_string_equal(line, "one");
	assert_int_equal(client_read_line(client, &line, &size, NULL), 0);
	assert_int_equal(size, 0);
	assert_int_equal(client_read_line(client, &line, &size, NULL), 0);
	assert_string_equal(line, "three");
	assert_int_equal(client_read_line(client, &line, &size, &error), -ECONNRESET);
	client_free(client);
	fake_daemon_stop(&daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connects_or_says_what_to_check),
		cmocka_unit_test(gives_the_result_of_a_call),
		cmocka_unit_test(tells_errors_apart),
		cmocka_unit_test(gives_up_on_a_silent_daemon),
		cmocka_unit_test(gives_up_on_an_endless_line),
		cmocka_unit_test(reads_line_after_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

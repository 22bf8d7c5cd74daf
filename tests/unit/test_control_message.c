/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/control_message.h"
#include "cli/control_writer.h"

#define SIZED(text) text, sizeof(text) - 1

static void reads_a_whole_request(void **state)
{
	struct control_message message;
	struct json_object *limit;

	(void)state;
	assert_int_equal(control_message_parse(SIZED("{\"id\":7,\"command\":\"top\",\"arguments\":{\"limit\":10}}"),
					       &message, NULL),
			 0);
	assert_int_equal(message.id, 7);
	assert_string_equal(message.command, "top");
	assert_true(json_object_object_get_ex(message.arguments, "limit", &limit));
	assert_int_equal(json_object_get_int64(limit), 10);
	control_message_release(&message);
}

static void reads_a_request_with_a_command_only(void **state)
{
	struct control_message message;

	(void)state;
	assert_int_equal(control_message_parse(SIZED("{\"command\":\"status\"}  \t\r"), &message, NULL), 0);
	assert_int_equal(message.id, CONTROL_ID_NONE);
	assert_null(message.arguments);
	control_message_release(&message);
}

static void takes_the_largest_id_and_no_larger(void **state)
{
	struct control_message message;

	(void)state;
	assert_int_equal(control_message_parse(SIZED("{\"id\":9007199254740991,\"command\":\"x\"}"), &message, NULL),
			 0);
	assert_int_equal(message.id, CONTROL_ID_MAX);
	control_message_release(&message);
	assert_int_equal(control_message_parse(SIZED("{\"id\":9007199254740992,\"command\":\"x\"}"), &message, NULL),
			 -EINVAL);
}

struct bad_line {
	const char *line;
	size_t size;
	const char *says; /* part of the error */
};

static const struct bad_line bad_lines[] = {
	{SIZED(""), "empty"},
	{SIZED("   "), "empty"},
	{SIZED("garbage"), "not JSON"},
	{SIZED("\xff\xfe"), "not JSON"},
	{SIZED("{\"command\":\"status\""), "not JSON"},
	{SIZED("{\"command\":\"status\"} x"), "not JSON"},
	{SIZED("{\"command\":\"status\"}\0{}"), "not JSON"},
	{SIZED("{\"command\":\"sta\xfftus\"}"), "not JSON"},
	{SIZED("[]"), "object"},
	{SIZED("null"), "object"},
	{SIZED("1"), ""},
	{SIZED("{}"), "command"},
	{SIZED("{\"command\":1}"), "command"},
	{SIZED("{\"command\":\"\"}"), "command"},
	{SIZED("{\"command\":null}"), "command"},
	{SIZED("{\"command\":\"Status\"}"), "a-z"},
	{SIZED("{\"command\":\"a\\u0000b\"}"), "a-z"},
	{SIZED("{\"command\":\"abcdefghijklmnopqrstuvwxyzabcdef\"}"), "31"},
	{SIZED("{\"command\":\"x\",\"id\":-1}"), "id"},
	{SIZED("{\"command\":\"x\",\"id\":1.5}"), "id"},
	{SIZED("{\"command\":\"x\",\"id\":\"1\"}"), "id"},
	{SIZED("{\"command\":\"x\",\"arguments\":[]}"), "arguments"},
	{SIZED("{\"command\":\"x\",\"arguments\":null}"), "arguments"},
	{SIZED("{\"command\":\"x\",\"argument\":{}}"), "unknown key \"argument\""},
	{SIZED("{\"command\":\"x\",\"arguments\":{\"a\":[[[[[[[[[[1]]]]]]]]]]}}"), "not JSON"},
};

static void refuses_what_is_no_request_and_says_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++) {
		struct control_message message = {.id = 99};
		struct error error = {0};

		assert_int_equal(control_message_parse(bad_lines[i].line, bad_lines[i].size, &message, &error),
				 -EINVAL);
		assert_non_null(strstr(error.text, bad_lines[i].says));
		assert_int_equal(message.id, 99);
	}
}

static void keeps_an_answer_to_the_error_on_one_line(void **state)
{
	struct buffer line = BUFFER_INIT(4096);
	struct control_answer answer;

	(void)state;
	control_writer_error(&line, 3, "failed", "two\nlines \"and\" \x1b[31m and \xff");
	assert_false(line.failed);
	assert_ptr_equal(memchr(line.data, '\n', line.size), line.data + line.size - 1);
	assert_int_equal(control_answer_parse(line.data, line.size - 1, &answer, NULL), 0);
	assert_false(answer.is_ok);
	assert_int_equal(answer.id, 3);
	assert_string_equal(answer.code, "failed");
	assert_string_equal(answer.message, "two\nlines \"and\" \x1b[31m and \xef\xbf\xbd");
	control_answer_release(&answer);
	buffer_release(&line);
}

static void writes_what_it_reads(void **state)
{
	struct buffer line = BUFFER_INIT(4096);
	struct json_object *arguments = json_tokener_parse("{\"by\":\"exe\"}");
	struct control_message message;
	struct control_answer answer;

	(void)state;
	control_message_write(&line, 5, "top", arguments);
	assert_string_equal(line.data, "{\"id\":5,\"command\":\"top\",\"arguments\":{\"by\":\"exe\"}}\n");
	assert_int_equal(control_message_parse(line.data, line.size - 1, &message, NULL), 0);
	control_message_release(&message);
	buffer_reset(&line);
	control_message_write(&line, CONTROL_ID_NONE, "status", NULL);
	assert_string_equal(line.data, "{\"command\":\"status\"}\n");
	buffer_reset(&line);
	control_writer_answer(&line, CONTROL_ID_NONE, SIZED("{\"a\":1}"));
	assert_string_equal(line.data, "{\"id\":null,\"ok\":true,\"result\":{\"a\":1}}\n");
	assert_int_equal(control_answer_parse(line.data, line.size - 1, &answer, NULL), 0);
	assert_true(answer.is_ok);
	assert_int_equal(answer.id, CONTROL_ID_NONE);
	control_answer_release(&answer);
	json_object_put(arguments);
	buffer_release(&line);
}

static const struct bad_line bad_answers[] = {
	{SIZED("{}"), "id"},
	{SIZED("{\"id\":1}"), "ok"},
	{SIZED("{\"id\":1,\"ok\":1}"), "ok"},
	{SIZED("{\"id\":1,\"ok\":true}"), "result"},
	{SIZED("{\"id\":1,\"ok\":false}"), "code"},
	{SIZED("{\"id\":1,\"ok\":false,\"error\":\"x\"}"), "code"},
	{SIZED("{\"id\":1,\"ok\":false,\"error\":{\"code\":\"x\"}}"), "code"},
	{SIZED("{\"id\":1,\"ok\":false,\"error\":{\"code\":\"X Y\",\"message\":\"m\"}}"), "code"},
	{SIZED("{\"id\":1,\"ok\":false,\"error\":{\"code\":\"x\",\"message\":null}}"), "code"},
};

static void refuses_what_is_no_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_answers) / sizeof(bad_answers[0]); i++) {
		struct control_answer answer;
		struct error error = {0};

		assert_int_equal(control_answer_parse(bad_answers[i].line, bad_answers[i].size, &answer, &error),
				 -EINVAL);
		assert_non_null(strstr(error.text, bad_answers[i].says));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_whole_request),
		cmocka_unit_test(reads_a_request_with_a_command_only),
		cmocka_unit_test(takes_the_largest_id_and_no_larger),
		cmocka_unit_test(refuses_what_is_no_request_and_says_why),
		cmocka_unit_test(keeps_an_answer_to_the_error_on_one_line),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(refuses_what_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

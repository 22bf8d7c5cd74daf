/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <yaml.h>

#include "base/buffer.h"
#include "rollout/yaml_text.h"

static void check(void (*append)(struct buffer *out, const char *text), const char *text, const char *expected)
{
	struct buffer out = BUFFER_INIT(65536);

	append(&out, text);
	buffer_append_char(&out, '\n');
	out.data[out.size - 1] = '\0';
	assert_string_equal(out.data, expected);
	buffer_release(&out);
}

static void quotes_what_could_be_something_else(void **state)
{
	static const struct {
		const char *value, *text;
	} rows[] = {
		{"/usr/bin/cat", "/usr/bin/cat"},
		{"payments.service", "payments.service"},
		{"a-b_c@d.e+f", "a-b_c@d.e+f"},
		{"", "\"\""},
		{"12", "\"12\""},
		{"-", "\"-\""},
		{"~", "\"~\""},
		{"~/.aws", "\"~/.aws\""},
		{"*", "\"*\""},
		{"/a/*", "\"/a/*\""},
		{"yes", "\"yes\""},
		{"NO", "\"NO\""},
		{"y", "\"y\""},
		{"null", "\"null\""},
		{"nullable", "nullable"},
		{"a: b", "\"a: b\""},
		{"a #b", "\"a #b\""},
		{"a,b]", "\"a,b]\""},
		{"it's \"x\" \\", "\"it's \\\"x\\\" \\\\\""},
		{"\n\t\x7f", "\"\\u000a\\u0009\\u007f\""},
		{"/\xc3\xa9", "\"/\\u00e9\""},
		{"/\xf0\x9f\x94\x91", "\"/\\U0001f511\""},
		{"/\xff", "\"/\\ufffd\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(yaml_append_value, rows[i].value, rows[i].text);
}

static void keeps_a_comment_on_its_line(void **state)
{
	(void)state;
	check(yaml_append_comment, "plain # \\ text", "plain # \\ text");
	check(yaml_append_comment, "a\nb\r\x1b[2J\x7f\xc2\x85\xe2\x80\xa8\xff",
	      "a\\x0ab\\x0d\\x1b[2J\\x7f\\xc2\\x85\\xe2\\x80\\xa8\\xff");
}

/* The only scalar of [ value ], as YAML's own parser reads it. */
static void reads_back(const char *value)
{
	struct buffer out = BUFFER_INIT(65536);
	yaml_document_t document;
	yaml_parser_t parser;
	yaml_node_t *node;

	buffer_append_string(&out, "[a, ");
	yaml_append_value(&out, value);
	buffer_append_string(&out, "] # ");
	yaml_append_comment(&out, value);
	buffer_append_char(&out, '\n');
	assert_true(yaml_parser_initialize(&parser));
	yaml_parser_set_input_string(&parser, (const unsigned char *)out.data, out.size);
	assert_true(yaml_parser_load(&parser, &document));
	node = yaml_document_get_root_node(&document);
	assert_int_equal(node->type, YAML_SEQUENCE_NODE);
	assert_int_equal(node->data.sequence.items.top - node->data.sequence.items.start, 2);
	node = yaml_document_get_node(&document, node->data.sequence.items.start[1]);
	assert_int_equal(node->type, YAML_SCALAR_NODE);
	assert_int_equal(node->data.scalar.length, strlen(value));
	assert_memory_equal(node->data.scalar.value, value, strlen(value));
	yaml_document_delete(&document);
	yaml_parser_delete(&parser);
	buffer_release(&out);
}

static void is_read_back_as_it_was(void **state)
{
	static const char *const pieces[] = {"a",
					     "/",
					     "'",
					     "\"",
					     "\\",
					     "\n",
					     " ",
					     "#",
					     ":",
					     "]",
					     "}",
					     ",",
					     "&",
					     "*",
					     "!",
					     "\xc2\x85",
					     "\xe2\x80\xa8",
					     "\xef\xbb\xbf",
					     "\xef\xbf\xbf",
					     "\xf4\x8f\xbf\xbf"};
	uint32_t random = 7;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct buffer value = BUFFER_INIT(1024);

		buffer_append_string(&value, "");
		for (int piece = i % 12; piece > 0; piece--) {
			random = random * 1664525 + 1013904223;
			buffer_append_string(&value, pieces[(random >> 16) % (sizeof(pieces) / sizeof(pieces[0]))]);
		}
		reads_back(value.data);
		buffer_release(&value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotes_what_could_be_something_else),
		cmocka_unit_test(keeps_a_comment_on_its_line),
		cmocka_unit_test(is_read_back_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

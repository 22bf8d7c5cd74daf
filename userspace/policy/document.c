/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/document.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "policy/document_check.h"

struct document {
	const char *file;
	bool is_loaded;
	yaml_document_t yaml;
};

static int line_of_offset(const char *text, size_t size, size_t offset)
{
	int line = 1;

	for (size_t i = 0; i < size && i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static bool indents_with_tab(const char *text, size_t size, int line)
{
	size_t at = 0;

	for (; line > 1 && at < size; at++)
		line -= text[at] == '\n';
	while (at < size && text[at] == ' ')
		at++;
	return at < size && text[at] == '\t';
}

static int parser_error(const yaml_parser_t *parser, const char *file, const char *text, size_t size,
			struct error *error)
{
	int line = (int)parser->problem_mark.line + 1;
	const char *problem = parser->problem ? parser->problem : "unknown error";

	/* libyaml 0.2.5 fails without naming an error where its document loader runs out of memory. */
	if (parser->error == YAML_MEMORY_ERROR || parser->error == YAML_NO_ERROR)
		return error_set(error, -ENOMEM, file, 0, "not enough memory to read the file");
	if (parser->error == YAML_READER_ERROR)
		return error_set(error, -EINVAL, file, line_of_offset(text, size, parser->problem_offset),
				 "not YAML text: %s; write plain UTF-8", problem);
	if (indents_with_tab(text, size, line))
		return error_set(error, -EINVAL, file, line, "a tab in the indentation; indent with spaces");
	return error_set(error, -EINVAL, file, line, "not YAML: %s%s%s; check indentation, quotes and brackets here",
			 parser->context ? parser->context : "", parser->context ? ", " : "", problem);
}

/* What one parser event does to the counts that bound a document. */
struct guard {
	const char *file;
	size_t documents;
	size_t depth;
	size_t nodes;
};

static int guard_node(struct guard *guard, const yaml_char_t *anchor, const yaml_char_t *tag, int line,
		      struct error *error)
{
	if (anchor)
		return error_set(error, -EINVAL, guard->file, line,
				 "an anchor (\"&\"); write the value out in each place");
	if (tag)
		return error_set(error, -EINVAL, guard->file, line, "a tag (\"!\"); write the value without it");
	if (++guard->nodes > DOCUMENT_NODES_MAX)
		return error_set(error, -EINVAL, guard->file, line, "more than %d values; split the file",
				 DOCUMENT_NODES_MAX);
	return 0;
}

static int guard_enter(struct guard *guard, const yaml_char_t *anchor, const yaml_char_t *tag, int line,
		       struct error *error)
{
	if (++guard->depth > DOCUMENT_DEPTH_MAX)
		return error_set(error, -EINVAL, guard->file, line,
				 "nested more than %d levels deep; nothing here needs so many", DOCUMENT_DEPTH_MAX);
	return guard_node(guard, anchor, tag, line, error);
}

static int guard_event(struct guard *guard, const yaml_event_t *event, struct error *error)
{
	int line = (int)event->start_mark.line + 1;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++guard->documents > 1)
			return error_set(error, -EINVAL, guard->file, line,
					 "a second YAML document (\"---\"); write each policy into a file of its own");
		return 0;
	case YAML_ALIAS_EVENT:
		return error_set(error, -EINVAL, guard->file, line,
				 "an alias (\"*\"); write the value out, or quote it");
	case YAML_SCALAR_EVENT:
		return guard_node(guard, event->data.scalar.anchor, event->data.scalar.tag, line, error);
	case YAML_SEQUENCE_START_EVENT:
		return guard_enter(guard, event->data.sequence_start.anchor, event->data.sequence_start.tag, line,
				   error);
	case YAML_MAPPING_START_EVENT:
		return guard_enter(guard, event->data.mapping_start.anchor, event->data.mapping_start.tag, line, error);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		guard->depth--;
		return 0;
	default:
		return 0;
	}
}

static void set_input(yaml_parser_t *parser, const char *text, size_t size)
{
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, (const unsigned char *)text, size);
}

/* Runs over the events alone, which take no memory, before anything is built of them. */
static int guard_text(const char *file, const char *text, size_t size, struct error *error)
{
	_cleanup_(yaml_parser_delete) yaml_parser_t parser = {0};
	struct guard guard = {.file = file};
	yaml_event_type_t type = YAML_NO_EVENT;

	if (!yaml_parser_initialize(&parser))
		return error_set(error, -ENOMEM, file, 0, "not enough memory to read the file");
	set_input(&parser, text, size);
	while (type != YAML_STREAM_END_EVENT) {
		yaml_event_t event;
		int r;

		if (!yaml_parser_parse(&parser, &event))
			return parser_error(&parser, file, text, size, error);
		type = event.type;
		r = guard_event(&guard, &event, error);
		yaml_event_delete(&event);
		if (r < 0)
			return r;
	}
	if (guard.nodes == 0)
		return error_set(error, -EINVAL, file, 1, "the file is empty; start it with \"apiVersion: ...\"");
	return 0;
}

static int load_text(struct document *document, const char *text, size_t size, struct error *error)
{
	_cleanup_(yaml_parser_delete) yaml_parser_t parser = {0};

	if (!yaml_parser_initialize(&parser))
		return error_set(error, -ENOMEM, document->file, 0, "not enough memory to read the file");
	set_input(&parser, text, size);
	if (!yaml_parser_load(&parser, &document->yaml))
		return parser_error(&parser, document->file, text, size, error);
	document->is_loaded = true;
	return 0;
}

int document_new(const char *file, const char *text, size_t size, const cyaml_schema_value_t *schema,
		 struct document **ret_document, struct error *error)
{
	_cleanup_(document_freep) struct document *document = NULL;
	const char *nul = size ? memchr(text, '\0', size) : NULL;
	int r;

	if (nul)
		return error_set(error, -EINVAL, file, line_of_offset(text, size, (size_t)(nul - text)),
				 "a NUL byte: this is no text file; write plain UTF-8");
	r = guard_text(file, text, size, error);
	if (r < 0)
		return r;
	document = calloc(1, sizeof(*document));
	if (!document)
		return error_set(error, -ENOMEM, file, 0, "not enough memory to read the file");
	document->file = file;
	r = load_text(document, text, size, error);
	if (r < 0)
		return r;
	r = document_check(document, schema, error);
	if (r < 0)
		return r;
	*ret_document = TAKE_PTR(document);
	return 0;
}

void document_free(struct document *document)
{
	if (document && document->is_loaded)
		yaml_document_delete(&document->yaml);
	free(document);
}

const char *document_file(const struct document *document)
{
	return document->file;
}

yaml_node_t *document_root(struct document *document)
{
	return yaml_document_get_root_node(&document->yaml);
}

yaml_node_t *document_node(struct document *document, int index)
{
	return yaml_document_get_node(&document->yaml, index);
}

yaml_node_t *document_member(struct document *document, const yaml_node_t *mapping, const char *key)
{
	size_t size = strlen(key);

	if (!mapping || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top;
	     pair++) {
		const yaml_node_t *node = document_node(document, pair->key);

		if (node && node->type == YAML_SCALAR_NODE && node->data.scalar.length == size &&
		    memcmp(node->data.scalar.value, key, size) == 0)
			return document_node(document, pair->value);
	}
	return NULL;
}

yaml_node_t *document_item(struct document *document, const yaml_node_t *sequence, size_t index)
{
	if (!sequence || sequence->type != YAML_SEQUENCE_NODE ||
	    index >= (size_t)(sequence->data.sequence.items.top - sequence->data.sequence.items.start))
		return NULL;
	return document_node(document, sequence->data.sequence.items.start[index]);
}

int document_line(const yaml_node_t *node)
{
	return node ? (int)node->start_mark.line + 1 : 0;
}

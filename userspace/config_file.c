/* SPDX-License-Identifier: Apache-2.0 */
/* The YAML side of config.h: libyaml's document, walked key by key. Aliases cost nothing: the walk is two deep. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "config.h"
#include "config_key.h"

#define NAME_MAX_SIZE 128

struct loading {
	struct config draft; /* policies_owned is NULL until this file sets it */
	const char *file;    /* may be NULL */
	struct error *error;
	yaml_document_t *document;
	unsigned char seen[CONFIG_KEYS_MAX];        /* by index in config_keys */
	unsigned char seen_groups[CONFIG_KEYS_MAX]; /* by index of the group's first key */
};

static int line_of(const yaml_node_t *node)
{
	return (int)node->start_mark.line + 1;
}

/* The text of a scalar; NULL for other nodes and for text with a NUL in it. */
static const char *text_of(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	if (node->type != YAML_SCALAR_NODE || memchr(text, '\0', node->data.scalar.length))
		return NULL;
	return text;
}

static bool is_null(const yaml_node_t *node, const char *text)
{
	return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static int refuse_type(const struct loading *loading, const struct config_key *key, const yaml_node_t *node)
{
	struct buffer allowed = BUFFER_INIT(256);
	int r;

	config_key_describe(key, &allowed);
	r = error_set(loading->error, -EINVAL, loading->file, line_of(node), "%s takes %s", key->name,
		      allowed.data ? allowed.data : "another value");
	buffer_release(&allowed);
	return r;
}

static int set_paths(struct loading *loading, const struct config_key *key, const yaml_node_t *node)
{
	const char *paths[CONFIG_POLICIES_MAX];
	size_t count = 0;

	if (node->type != YAML_SEQUENCE_NODE)
		return refuse_type(loading, key, node);
	for (const yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top;
	     item++) {
		const yaml_node_t *child = yaml_document_get_node(loading->document, *item);
		const char *text = text_of(child);
		char why[256];

		if (count == CONFIG_POLICIES_MAX || !text)
			return refuse_type(loading, key, child);
		if (config_key_check_path(text, why, sizeof(why)) < 0)
			return error_set(loading->error, -EINVAL, loading->file, line_of(child), "%s %s", key->name,
					 why);
		paths[count++] = text;
	}
	if (count == 0)
		return error_set(loading->error, -EINVAL, loading->file, line_of(node),
				 "%s is empty: write at least one path, or leave the key out", key->name);
	return config_set_policies(&loading->draft, paths, count, loading->error);
}

static int set_value(struct loading *loading, const struct config_key *key, const yaml_node_t *node)
{
	const char *text;
	char why[256];

	if (loading->seen[key - config_keys]++)
		return error_set(loading->error, -EINVAL, loading->file, line_of(node),
				 "%s is written twice: leave one of them out", key->name);
	if (key->type == CONFIG_PATHS)
		return set_paths(loading, key, node);
	text = text_of(node);
	if (!text)
		return refuse_type(loading, key, node);
	if (is_null(node, text))
		return error_set(loading->error, -EINVAL, loading->file, line_of(node),
				 "%s has no value: write one, or leave the key out", key->name);
	if (key->type != CONFIG_STRING && key->type != CONFIG_PATH && key->type != CONFIG_NAME &&
	    node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return error_set(loading->error, -EINVAL, loading->file, line_of(node),
				 "%s: write %.100s without quotes", key->name, text);
	if (config_key_set(key, &loading->draft, text, why, sizeof(why)) < 0)
		return error_set(loading->error, -EINVAL, loading->file, line_of(node), "%s %s", key->name, why);
	return 0;
}

static int load_mapping(struct loading *loading, const char *group, const yaml_node_t *node);

static int load_group(struct loading *loading, const char *name, const yaml_node_t *key_node, const yaml_node_t *node)
{
	const struct config_key *first = config_key_in_group(name);

	if (!first) {
		const struct config_key *nearest = config_key_nearest(name);

		return error_set(loading->error, -EINVAL, loading->file, line_of(key_node), "'%.100s' is no key: %s%s",
				 name, nearest ? "did you mean " : "",
				 nearest ? nearest->name : "sagentd --dump-config lists them");
	}
	if (node->type != YAML_MAPPING_NODE)
		return error_set(loading->error, -EINVAL, loading->file, line_of(node),
				 "'%s' is a group of keys: write them below it, as in '%s: {%s: %s}'", name, name,
				 first->name + strlen(name) + 1, first->initial);
	if (loading->seen_groups[first - config_keys]++)
		return error_set(loading->error, -EINVAL, loading->file, line_of(key_node),
				 "'%s' is written twice: put its keys together", name);
	return load_mapping(loading, name, node);
}

/* Groups do not nest, so neither does this. */
static int load_mapping(struct loading *loading, const char *group, const yaml_node_t *node)
{
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
	     pair++) {
		const yaml_node_t *key_node = yaml_document_get_node(loading->document, pair->key);
		const yaml_node_t *value_node = yaml_document_get_node(loading->document, pair->value);
		const char *text = text_of(key_node);
		const struct config_key *key;
		char name[NAME_MAX_SIZE];
		int r;

		if (!text)
			return error_set(loading->error, -EINVAL, loading->file, line_of(key_node),
					 "a key must be a name: sagentd --dump-config lists them");
		(void)snprintf(name, sizeof(name), "%s%s%s", group, group[0] != '\0' ? "." : "", text);
		key = config_key_find(name);
		r = key ? set_value(loading, key, value_node) : load_group(loading, name, key_node, value_node);
		if (r < 0)
			return r;
	}
	return 0;
}

static int refuse_syntax(const struct loading *loading, const yaml_parser_t *parser)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return error_set(loading->error, -ENOMEM, loading->file, 0, "out of memory");
	/* A reader error (bytes that are no text) has an offset but no mark. */
	if (parser->error == YAML_READER_ERROR)
		return error_set(loading->error, -EINVAL, loading->file, (int)parser->mark.line + 1,
				 "is not YAML text: %s (byte %zu)", parser->problem, parser->problem_offset);
	return error_set(loading->error, -EINVAL, loading->file, (int)parser->problem_mark.line + 1,
			 "is not YAML: %s%s%s", parser->problem, parser->context ? " " : "",
			 parser->context ? parser->context : "");
}

static int load_document(struct loading *loading, yaml_document_t *document)
{
	const yaml_node_t *root = yaml_document_get_root_node(document);

	if (!root)
		return error_set(loading->error, -EINVAL, loading->file, 0,
				 "is empty: write keys such as 'log: {level: info}', or remove it");
	if (root->type != YAML_MAPPING_NODE)
		return error_set(loading->error, -EINVAL, loading->file, line_of(root),
				 "must be 'key: value' lines: sagentd --dump-config shows one");
	loading->document = document;
	return load_mapping(loading, "", root);
}

static int refuse_second(struct loading *loading, yaml_parser_t *parser)
{
	yaml_document_t second;
	const yaml_node_t *root;
	int r = 0;

	if (!yaml_parser_load(parser, &second))
		return refuse_syntax(loading, parser);
	root = yaml_document_get_root_node(&second);
	if (root)
		r = error_set(loading->error, -EINVAL, loading->file, (int)second.start_mark.line + 1,
			      "holds a second YAML document: put all keys into the first");
	yaml_document_delete(&second);
	return r;
}

static int parse(struct loading *loading, const char *text, size_t size)
{
	yaml_document_t document;
	yaml_parser_t parser;
	int r;

	if (!yaml_parser_initialize(&parser))
		return error_set(loading->error, -ENOMEM, loading->file, 0, "out of memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	if (yaml_parser_load(&parser, &document)) {
		r = load_document(loading, &document);
		yaml_document_delete(&document);
		if (r == 0)
			r = refuse_second(loading, &parser);
	} else {
		r = refuse_syntax(loading, &parser);
	}
	yaml_parser_delete(&parser);
	return r;
}

int config_load_text(struct config *config, const char *name, const char *text, size_t size, struct error *error)
{
	_cleanup_(freep) struct loading *loading = calloc(1, sizeof(*loading));
	struct error unwanted = {.text = ""};
	int r;

	if (!loading)
		return error_set(error, -ENOMEM, name, 0, "out of memory");
	loading->draft = *config;
	loading->draft.policies_owned = NULL;
	loading->file = name;
	loading->error = error ? error : &unwanted;
	r = parse(loading, text, size);
	if (loading->draft.policies_owned) {
		struct config loser = {0};

		/* Whichever of the two lists does not stay goes with the loser. */
		loser.policies_owned = r < 0 ? loading->draft.policies_owned : config->policies_owned;
		loser.policies_count = r < 0 ? loading->draft.policies_count : config->policies_count;
		config_release(&loser);
	} else {
		loading->draft.policies_owned = config->policies_owned;
	}
	if (r == 0)
		*config = loading->draft;
	return r;
}

int config_load(struct config *config, const char *path, struct error *error)
{
	struct buffer text = BUFFER_INIT(CONFIG_FILE_MAX);
	int r;

	r = file_read(path, &text, error);
	if (r == 0)
		r = file_check_trusted(path, error);
	if (r == 0)
		r = config_load_text(config, path, text.data ? text.data : "", text.size, error);
	buffer_release(&text);
	return r;
}

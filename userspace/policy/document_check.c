/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/document_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/spelling.h"
#include "policy/document.h"

#define KEY_SIZE_MAX   32 /* the longest key that an error quotes whole */
#define LIST_TEXT_SIZE 256
#define UINT_VALUE_MAX 4294967294ULL

struct check {
	struct document *document;
	struct error *error;
};

static __attribute__((format(printf, 3, 4))) int refuse(struct check *check, const yaml_node_t *node,
							const char *format, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments); /* a cut sentence is fine */
	va_end(arguments);
	return error_set(check->error, -EINVAL, document_file(check->document), document_line(node), "%s", text);
}

static const char *scalar_text(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

static void append_word(char out[LIST_TEXT_SIZE], const char *word)
{
	size_t used = strlen(out);

	(void)snprintf(out + used, LIST_TEXT_SIZE - used, "%s%s", used ? ", " : "", word); /* a cut list is fine */
}

static int refuse_key(struct check *check, const yaml_node_t *key, const char *where,
		      const cyaml_schema_field_t *fields)
{
	char quote[DOCUMENT_QUOTE_SIZE], known[LIST_TEXT_SIZE] = "";
	const char *nearest = NULL;
	size_t nearest_distance = 3;

	for (const cyaml_schema_field_t *field = fields; field->key; field++) {
		size_t distance = spelling_distance(scalar_text(key), field->key);

		append_word(known, field->key);
		if (distance < nearest_distance && distance < strlen(field->key)) {
			nearest_distance = distance;
			nearest = field->key;
		}
	}
	(void)escape_line(scalar_text(key), quote, sizeof(quote));
	if (nearest)
		return refuse(check, key, "unknown key \"%s\" in %s; did you mean \"%s\"?", quote, where, nearest);
	return refuse(check, key, "unknown key \"%s\" in %s; the keys here are: %s", quote, where, known);
}

static int check_text(struct check *check, const yaml_node_t *node, const char *where)
{
	size_t size = node->data.scalar.length;

	if (size > DOCUMENT_VALUE_MAX)
		return refuse(check, node, "a value of %zu bytes for %s; write at most %d", size, where,
			      DOCUMENT_VALUE_MAX);
	for (size_t i = 0; i < size; i++)
		if (node->data.scalar.value[i] < ' ' || node->data.scalar.value[i] == 0x7f)
			return refuse(
				check, node,
				"a control character (newline, tab, ...) in %s; write the value on one line without it",
				where);
	return 0;
}

/* What YAML readers take for no string when it is not quoted: null, booleans, numbers, dates. An IPv4 address is one.
 */
static bool is_ambiguous(const yaml_node_t *node)
{
	static const char *const words[] = {"~", "null", "yes", "no", "true", "false", "on", "off"};
	const char *text = scalar_text(node);

	if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	if (strspn(text, "0123456789.") >= 7 && strchr(text, '.') != strrchr(text, '.'))
		return false;
	return strspn(text, "0123456789+-.") > 0 && text[strspn(text, "0123456789+-._:eExXoO")] == '\0';
}

static int check_string(struct check *check, const yaml_node_t *node, const char *where)
{
	char quote[DOCUMENT_QUOTE_SIZE];

	if (node->data.scalar.length == 0)
		return refuse(check, node, "no value for %s; write one, or drop the key", where);
	if (is_ambiguous(node))
		return refuse(check, node, "%s takes text, and YAML reads %s as something else; write \"%s\" in quotes",
			      where, escape_line(scalar_text(node), quote, sizeof(quote)), quote);
	return 0;
}

static int check_enum(struct check *check, const cyaml_schema_value_t *schema, const yaml_node_t *node,
		      const char *where)
{
	char quote[DOCUMENT_QUOTE_SIZE], known[LIST_TEXT_SIZE] = "";

	for (uint32_t i = 0; i < schema->enumeration.count; i++) {
		if (strcmp(scalar_text(node), schema->enumeration.strings[i].str) == 0)
			return 0;
		append_word(known, schema->enumeration.strings[i].str);
	}
	return refuse(check, node, "\"%s\" is no value for %s; write %s%s",
		      escape_line(scalar_text(node), quote, sizeof(quote)), where,
		      schema->enumeration.count > 1 ? "one of: " : "", known);
}

static int check_uint(struct check *check, const yaml_node_t *node, const char *where)
{
	const char *text = scalar_text(node);
	size_t digits = strspn(text, "0123456789");
	char quote[DOCUMENT_QUOTE_SIZE];

	(void)escape_line(text, quote, sizeof(quote));
	if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return refuse(check, node, "%s takes numbers; write %s without quotes", where, quote);
	if (digits == 0 || text[digits] || (digits > 1 && text[0] == '0'))
		return refuse(check, node,
			      "\"%s\" is no value for %s; write a decimal number from 0 to %llu, without leading zeros",
			      quote, where, UINT_VALUE_MAX);
	if (digits > 10 || strtoull(text, NULL, 10) > UINT_VALUE_MAX)
		return refuse(check, node, "%s is too large for %s; write a number from 0 to %llu", quote, where,
			      UINT_VALUE_MAX);
	return 0;
}

static int check_value(struct check *check, const cyaml_schema_value_t *schema, const yaml_node_t *node,
		       const char *where);

static const cyaml_schema_field_t *find_field(const cyaml_schema_field_t *fields, const char *key)
{
	for (; fields->key; fields++)
		if (strcmp(fields->key, key) == 0)
			return fields;
	return NULL;
}

static int check_pair(struct check *check, const cyaml_schema_value_t *schema, const yaml_node_t *mapping,
		      const yaml_node_pair_t *pair, const char *where)
{
	const yaml_node_t *key = document_node(check->document, pair->key);
	const yaml_node_t *value = document_node(check->document, pair->value);
	const cyaml_schema_field_t *field;
	char quoted_key[KEY_SIZE_MAX + 3];
	int r;

	if (key->type != YAML_SCALAR_NODE)
		return refuse(check, key, "a list or mapping as a key in %s; write a single word", where);
	r = check_text(check, key, "a key");
	if (r < 0)
		return r;
	field = find_field(schema->mapping.fields, scalar_text(key));
	if (!field)
		return refuse_key(check, key, where, schema->mapping.fields);
	for (const yaml_node_pair_t *other = mapping->data.mapping.pairs.start; other < pair; other++)
		if (strcmp(scalar_text(document_node(check->document, other->key)), field->key) == 0)
			return refuse(check, key, "\"%s\" is given twice in %s; keep one", field->key, where);
	(void)snprintf(quoted_key, sizeof(quoted_key), "\"%s\"", field->key); /* our own keys are short */
	return check_value(check, &field->value, value, quoted_key);
}

static int check_mapping(struct check *check, const cyaml_schema_value_t *schema, const yaml_node_t *node,
			 const char *where)
{
	const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	int r;

	for (; pair < node->data.mapping.pairs.top; pair++) {
		r = check_pair(check, schema, node, pair, where);
		if (r < 0)
			return r;
	}
	for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key; field++)
		if (!(field->value.flags & CYAML_FLAG_OPTIONAL) && !document_member(check->document, node, field->key))
			return refuse(check, node, "\"%s\" is missing in %s; write \"%s: ...\"", field->key, where,
				      field->key);
	return 0;
}

static int check_sequence(struct check *check, const cyaml_schema_value_t *schema, const yaml_node_t *node,
			  const char *where)
{
	size_t count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	int r;

	if (count < schema->sequence.min)
		return refuse(check, node, "an empty list for %s; write at least one value, or drop the key", where);
	if (count > schema->sequence.max)
		return refuse(check, node, "%zu values for %s; write at most %u", count, where, schema->sequence.max);
	for (size_t i = 0; i < count; i++) {
		r = check_value(check, schema->sequence.entry, document_item(check->document, node, i), where);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_value(struct check *check, const cyaml_schema_value_t *schema, const yaml_node_t *node,
		       const char *where)
{
	int r;

	if (schema->type == CYAML_MAPPING) {
		if (node->type != YAML_MAPPING_NODE)
			return refuse(check, node, "%s must hold keys; write \"%s: ...\"", where,
				      schema->mapping.fields[0].key);
		return check_mapping(check, schema, node, where);
	}
	if (schema->type == CYAML_SEQUENCE) {
		if (node->type != YAML_SEQUENCE_NODE)
			return refuse(check, node, "%s must be a list; write [...], or \"- ...\" on lines of their own",
				      where);
		return check_sequence(check, schema, node, where);
	}
	if (node->type != YAML_SCALAR_NODE)
		return refuse(check, node, "a list or mapping where %s takes a single value; write one value", where);
	r = check_text(check, node, where);
	if (r < 0)
		return r;
	if (schema->type == CYAML_ENUM)
		return check_enum(check, schema, node, where);
	if (schema->type == CYAML_UINT)
		return check_uint(check, node, where);
	return check_string(check, node, where);
}

int document_check(struct document *document, const cyaml_schema_value_t *schema, struct error *error)
{
	struct check check = {.document = document, .error = error};

	return check_value(&check, schema, document_root(document), "the file");
}

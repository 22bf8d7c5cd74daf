/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document.h: one YAML document that a person wrote, checked against a libcyaml schema, with the line of every value.
 *
 * libcyaml fills structs but reports lines only to its log, so everything it could refuse is refused here first, with a
 * sentence that says what to write instead. The subset of YAML is small on purpose: one document, no anchors, aliases
 * or tags, keys that are plain words, at most DOCUMENT_DEPTH_MAX levels and DOCUMENT_NODES_MAX values, no control
 * bytes in any value, text in UTF-8.
 */
#pragma once

#include <stddef.h>

#include <cyaml/cyaml.h>
#include <yaml.h>

#include "base/cleanup.h"

#define DOCUMENT_DEPTH_MAX 16
#define DOCUMENT_NODES_MAX 262144
#define DOCUMENT_VALUE_MAX 4095 /* bytes of one value */

struct error;
struct document;

/*
 * Reads and checks `text`. `file` is the name that errors carry and is borrowed for the life of the document, `text`
 * is not kept. -EINVAL or -ENOMEM with *error set. Of the schema's types mappings, sequences, strict enums, strings
 * and unsigned integers (decimal, up to 4294967294) may be used.
 */
int document_new(const char *file, const char *text, size_t size, const cyaml_schema_value_t *schema,
		 struct document **ret_document, struct error *error);
void document_free(struct document *document); /* NULL is fine */
DEFINE_FREEP(struct document, document_free)

const char *document_file(const struct document *document);
/* The nodes belong to the document. NULL in, or nothing there: NULL out. */
yaml_node_t *document_root(struct document *document);
yaml_node_t *document_member(struct document *document, const yaml_node_t *mapping, const char *key);
yaml_node_t *document_item(struct document *document, const yaml_node_t *sequence, size_t index);
/* From 1; 0 for NULL. */
int document_line(const yaml_node_t *node);

#define DOCUMENT_QUOTE_SIZE 80 /* of a value shown in an error, escaped by escape_line() */

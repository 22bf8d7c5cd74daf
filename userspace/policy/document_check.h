/* SPDX-License-Identifier: Apache-2.0 */
/* document_check.h: a read document against a libcyaml schema; part of document.c, which is what others use. */
#pragma once

#include <cyaml/cyaml.h>
#include <yaml.h>

struct document;
struct error;

/* 0, or -EINVAL with *error set: file, line, and what to write instead. The document's depth is bounded already. */
int document_check(struct document *document, const cyaml_schema_value_t *schema, struct error *error);

/* By libyaml's own index, as mappings and sequences hold it. */
yaml_node_t *document_node(struct document *document, int index);

/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy_compile.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "base/escape.h"
#include "policy/document.h"
#include "policy/policy_destination.h"
#include "policy/policy_review.h"
#include "policy/policy_set.h"
#include "policy/policy_shape.h"
#include "policy/policy_value.h"

typedef int check_fn(const char *value, char why[POLICY_WHY_SIZE]);

struct compile {
	struct policy_set *set;
	struct document *document;
	struct error *error;
	size_t max_secrets;
	const char *file; /* in the set's arena */
	const char *policy_name;
	const struct shape_spec *spec;
	int mode_line;
};

static __attribute__((format(printf, 4, 5))) int refuse(struct compile *compile, int code, const yaml_node_t *node,
							const char *format, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments); /* a cut sentence is fine */
	va_end(arguments);
	return error_set(compile->error, code, compile->file, document_line(node), "%s", text);
}

static int no_memory(struct compile *compile)
{
	return error_set(compile->error, -ENOMEM, document_file(compile->document), 0,
			 "not enough memory for the policy");
}

static __attribute__((format(printf, 3, 4))) int warn(struct compile *compile, const yaml_node_t *node,
						      const char *format, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments); /* a cut sentence is fine */
	va_end(arguments);
	if (policy_set_warn(compile->set, compile->file, document_line(node), "%s", text) < 0)
		return no_memory(compile);
	return 0;
}

static int check(struct compile *compile, const yaml_node_t *node, const char *what, const char *value,
		 check_fn *check_value)
{
	char why[POLICY_WHY_SIZE], quote[DOCUMENT_QUOTE_SIZE];

	if (check_value(value, why) < 0)
		return refuse(compile, -EINVAL, node, "%s \"%s\": %s", what, escape_line(value, quote, sizeof(quote)),
			      why);
	return 0;
}

/* Checks each value of a list and copies them all. */
static int compile_strings(struct compile *compile, const yaml_node_t *list, const char *what,
			   const struct shape_strings *strings, check_fn *check_value, struct rule_strings *ret)
{
	const char **values = arena_alloc(&compile->set->arena, strings->count, sizeof(*values));
	int r;

	if (!values)
		return no_memory(compile);
	for (size_t i = 0; i < strings->count; i++) {
		r = check(compile, document_item(compile->document, list, i), what, strings->values[i], check_value);
		if (r < 0)
			return r;
		values[i] = arena_strdup(&compile->set->arena, strings->values[i]);
		if (!values[i])
			return no_memory(compile);
	}
	*ret = (struct rule_strings){.values = values, .count = strings->count};
	return 0;
}

static int compile_numbers(struct compile *compile, const struct shape_numbers *numbers, struct rule_numbers *ret)
{
	uint32_t *values = arena_alloc(&compile->set->arena, numbers->count, sizeof(*values));

	if (!values)
		return no_memory(compile);
	for (size_t i = 0; i < numbers->count; i++)
		values[i] = numbers->values[i];
	*ret = (struct rule_numbers){.values = values, .count = numbers->count};
	return 0;
}

static const struct matcher {
	const char *key;
	check_fn *check_value;
	size_t shape_offset;
	size_t rule_offset;
} matchers[] = {
#define MATCHER(key, check_value)                                                               \
	{                                                                                       \
#key, check_value, offsetof(struct shape_rule, key), offsetof(struct rule, key) \
	}
	MATCHER(exe, policy_check_glob),      MATCHER(script, policy_check_glob),
	MATCHER(sha256, policy_check_sha256), MATCHER(user, policy_check_user),
	MATCHER(unit, policy_check_unit),     MATCHER(cgroup, policy_check_cgroup),
	MATCHER(ancestor, policy_check_glob), MATCHER(container, policy_check_container),
#undef MATCHER
};

static int compile_matchers(struct compile *compile, const struct shape_rule *shape, const yaml_node_t *node,
			    struct rule *rule)
{
	size_t given = shape->uid.count + shape->gid.count + shape->kinds.count;
	int r;

	for (size_t i = 0; i < sizeof(matchers) / sizeof(*matchers); i++) {
		const struct matcher *matcher = &matchers[i];
		const struct shape_strings *strings = (const void *)((const char *)shape + matcher->shape_offset);

		r = compile_strings(compile, document_member(compile->document, node, matcher->key), matcher->key,
				    strings, matcher->check_value, (void *)((char *)rule + matcher->rule_offset));
		if (r < 0)
			return r;
		given += strings->count;
	}
	if (given == 0)
		return refuse(compile, -EINVAL, node,
			      "rule \"%s\" says nothing about who; add a matcher (exe, uid, unit, ...)", shape->name);
	for (size_t i = 0; i < shape->kinds.count; i++)
		rule->kinds |= 1U << shape->kinds.values[i];
	r = compile_numbers(compile, &shape->uid, &rule->uid);
	return r < 0 ? r : compile_numbers(compile, &shape->gid, &rule->gid);
}

/* Which rules one list of a secret holds, "allow" or "deny". */
static int compile_rules(struct compile *compile, const struct shape_rules *shapes, const char *list_name,
			 const yaml_node_t *list, struct policy_entry *entry, struct policy_rules *ret)
{
	struct rule *rules = arena_alloc(&compile->set->arena, shapes->count, sizeof(*rules));
	int r;

	if (!rules)
		return no_memory(compile);
	for (size_t i = 0; i < shapes->count; i++) {
		const struct shape_rule *shape = &shapes->values[i];
		const yaml_node_t *node = document_item(compile->document, list, i);
		const yaml_node_t *name = document_member(compile->document, node, "name");

		r = check(compile, name, "rule", shape->name, policy_check_name);
		if (r < 0)
			return r;
		for (size_t j = 0; j < i; j++)
			if (strcmp(shapes->values[j].name, shape->name) == 0)
				return refuse(compile, -EINVAL, name,
					      "a second rule \"%s\" in \"%s\" of secret \"%s\"; give it another name",
					      shape->name, list_name, entry->secret.name);
		rules[i].line = document_line(node);
		r = compile_matchers(compile, shape, node, &rules[i]);
		if (r < 0)
			return r;
		rules[i].title = arena_printf(&compile->set->arena, "%s/%s", list_name, shape->name);
		if (!rules[i].title)
			return no_memory(compile);
		entry->secret.needs_sha256 = entry->secret.needs_sha256 || rules[i].sha256.count > 0;
	}
	*ret = (struct policy_rules){.rules = rules, .count = shapes->count};
	return 0;
}

static int name_entry(struct compile *compile, const yaml_node_t *node, const char *name, struct policy_entry *entry)
{
	entry->secret.name = arena_strdup(&compile->set->arena, name);
	entry->secret.file = compile->file;
	entry->secret.line = document_line(node);
	return entry->secret.name ? 0 : no_memory(compile);
}

static int refuse_second(struct compile *compile, const yaml_node_t *node, const char *what, const char *name, int code,
			 const struct policy_entry *earlier)
{
	if (code != -EEXIST)
		return no_memory(compile);
	return refuse(compile, -EINVAL, node, "a second %s \"%s\", the first is in %s:%d; give one another name", what,
		      name, earlier->secret.file, earlier->secret.line);
}

static int compile_files(struct compile *compile, const struct shape_secret *shape, const yaml_node_t *node,
			 struct policy_secret *secret)
{
	const yaml_node_t *list = document_member(compile->document, node, "paths");
	int *lines = arena_alloc(&compile->set->arena, shape->paths.count, sizeof(*lines));
	struct rule_strings patterns, excludes;
	int r = compile_strings(compile, list, "path", &shape->paths, policy_check_path, &patterns);

	if (r < 0)
		return r;
	r = compile_strings(compile, document_member(compile->document, node, "exclude"), "exclude", &shape->exclude,
			    policy_check_path, &excludes);
	if (r < 0)
		return r;
	if (!lines)
		return no_memory(compile);
	for (size_t i = 0; i < patterns.count; i++)
		lines[i] = document_line(document_item(compile->document, list, i));
	secret->patterns = patterns.values;
	secret->pattern_lines = lines;
	secret->patterns_count = patterns.count;
	secret->excludes = excludes.values;
	secret->excludes_count = excludes.count;
	return 0;
}

/* Destinations are short: they passed the parser. */
static int check_earlier_destinations(struct compile *compile, const yaml_node_t *item,
				      const struct shape_egress *shape, const struct policy_destination *to,
				      size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (policy_destination_covers(&to[i], &to[index]))
			return warn(compile, item, "destination \"%s\" is in \"%s\" already; drop it",
				    shape->to.values[index], shape->to.values[i]);
	return 0;
}

static int compile_egress(struct compile *compile, const struct shape_egress *shape, const yaml_node_t *node,
			  struct policy_secret *secret)
{
	const yaml_node_t *list = document_member(compile->document, node, "to");
	struct policy_destination *to = arena_alloc(&compile->set->arena, shape->to.count, sizeof(*to));
	struct policy_egress *egress = arena_alloc(&compile->set->arena, 1, sizeof(*egress));
	char why[POLICY_WHY_SIZE], quote[DOCUMENT_QUOTE_SIZE];

	if (!to || !egress)
		return no_memory(compile);
	for (size_t i = 0; i < shape->to.count; i++) {
		const yaml_node_t *item = document_item(compile->document, list, i);
		int r;

		if (policy_destination_parse(shape->to.values[i], &to[i], why) < 0)
			return refuse(compile, -EINVAL, item, "destination \"%s\": %s",
				      escape_line(shape->to.values[i], quote, sizeof(quote)), why);
		r = check_earlier_destinations(compile, item, shape, to, i);
		if (r < 0)
			return r;
	}
	*egress = (struct policy_egress){
		.action = shape->action ? *shape->action : VERDICT_ALERT,
		.to = to,
		.to_count = shape->to.count,
	};
	secret->egress = egress;
	return 0;
}

static void fill_settings(const struct compile *compile, const struct shape_secret *shape, struct policy_secret *secret)
{
	secret->policy_name = compile->policy_name;
	secret->mode_line = compile->mode_line;
	secret->mode = compile->spec->mode;
	secret->on_unsupported = compile->spec->on_unsupported;
	secret->on_error = compile->spec->on_error;
	secret->action = compile->spec->action;
	secret->default_action = shape->default_action ? *shape->default_action : VERDICT_ALERT;
}

/* Without a rule nothing is looked up that could fail. */
static bool can_deny(const struct policy_secret *secret)
{
	return secret->deny.count > 0 || secret->default_action == VERDICT_DENY ||
	       (secret->on_error == POLICY_ON_ERROR_DENY && secret->allow.count > 0);
}

static int compile_secret(struct compile *compile, const struct shape_secret *shape, const yaml_node_t *node)
{
	struct policy_entry *entry = arena_alloc(&compile->set->arena, 1, sizeof(*entry));
	const yaml_node_t *name = document_member(compile->document, node, "name");
	const struct policy_entry *earlier = NULL;
	int r;

	if (!entry)
		return no_memory(compile);
	if (compile->set->secrets_count >= compile->max_secrets)
		return refuse(compile, -E2BIG, node,
			      "more than %zu secrets in all policies; raise policy.max_secrets, or use wildcards",
			      compile->max_secrets);
	r = check(compile, name, "secret", shape->name, policy_check_name);
	if (r >= 0)
		r = check(compile, document_member(compile->document, node, "class"), "class", shape->class_name,
			  policy_check_name);
	if (r >= 0)
		r = name_entry(compile, name, shape->name, entry);
	if (r < 0)
		return r;
	entry->secret.class_name = arena_strdup(&compile->set->arena, shape->class_name);
	if (!entry->secret.class_name)
		return no_memory(compile);
	fill_settings(compile, shape, &entry->secret);
	r = policy_set_add_secret(compile->set, entry, &earlier);
	if (r < 0)
		return refuse_second(compile, name, "secret", shape->name, r, earlier);
	r = compile_files(compile, shape, node, &entry->secret);
	if (r >= 0)
		r = compile_rules(compile, &shape->deny, "deny", document_member(compile->document, node, "deny"),
				  entry, &entry->secret.deny);
	if (r >= 0)
		r = compile_rules(compile, &shape->allow, "allow", document_member(compile->document, node, "allow"),
				  entry, &entry->secret.allow);
	if (r >= 0 && shape->egress)
		r = compile_egress(compile, shape->egress, document_member(compile->document, node, "egress"),
				   &entry->secret);
	entry->secret.can_deny = can_deny(&entry->secret);
	if (r < 0)
		return r;
	r = policy_review(compile->set, &entry->secret, compile->error);
	return r == -ENOMEM ? no_memory(compile) : r;
}

/* `action` says how to deny, which only an enforcing policy does. */
static int check_action(struct compile *compile, const yaml_node_t *spec)
{
	if (compile->spec->action != POLICY_ACTION_KILL || compile->spec->mode == POLICY_MODE_ENFORCE)
		return 0;
	return warn(compile, document_member(compile->document, spec, "action"),
		    "\"action: kill\" does nothing in \"mode: observe\"; write \"mode: enforce\", or drop it");
}

int policy_compile(struct policy_set *set, const struct shape_policy *shape, struct document *document,
		   size_t max_secrets, struct error *error)
{
	struct compile compile = {.set = set, .document = document, .error = error, .max_secrets = max_secrets};
	yaml_node_t *root = document_root(document), *spec = document_member(document, root, "spec");
	yaml_node_t *name = document_member(document, document_member(document, root, "metadata"), "name");
	yaml_node_t *secrets = document_member(document, spec, "secrets");
	struct policy_entry *entry = arena_alloc(&set->arena, 1, sizeof(*entry));
	const struct policy_entry *earlier = NULL;
	int r;

	compile.file = arena_strdup(&set->arena, document_file(document));
	if (!entry || !compile.file)
		return no_memory(&compile);
	r = check(&compile, name, "policy", shape->metadata.name, policy_check_name);
	if (r >= 0)
		r = name_entry(&compile, name, shape->metadata.name, entry);
	if (r < 0)
		return r;
	compile.policy_name = entry->secret.name;
	r = policy_set_add_policy(set, entry, &earlier);
	if (r < 0)
		return refuse_second(&compile, name, "policy", shape->metadata.name, r, earlier);
	compile.spec = &shape->spec;
	compile.mode_line = document_line(document_member(document, spec, "mode"));
	if (compile.mode_line == 0)
		compile.mode_line = document_line(spec);
	r = check_action(&compile, spec);
	for (size_t i = 0; r >= 0 && i < shape->spec.secrets_count; i++)
		r = compile_secret(&compile, &shape->spec.secrets[i], document_item(document, secrets, i));
	return r;
}

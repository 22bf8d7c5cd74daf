/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <json-c/json.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/escape.h"
#include "cli/sagent_command.h"
#include "cli/sagent_output.h"
#include "cli/sagent_policy.h"
#include "policy/policy.h"
#include "rollout/policy_difference.h"

#define VALUE_SIZE 16384

static void append_escaped(struct buffer *out, const char *before, const char *value)
{
	char escaped[VALUE_SIZE];

	buffer_printf(out, "%s%s", before, escape_line(value, escaped, sizeof(escaped)));
}

/* "~ secret shadow: rule allow/sshd: exe: /usr/bin/sshd" */
static void append_line(void *context, const struct difference *difference)
{
	static const char *const signs[] = {"-", "+", "~"};
	struct buffer *out = context;

	buffer_printf(out, "%s %s %s", signs[difference->sign], difference->secret ? "secret" : "policy",
		      difference->secret ? difference->secret : difference->policy);
	if (difference->rule)
		buffer_printf(out, ": rule %s", difference->rule);
	if (difference->field)
		buffer_printf(out, ": %s", difference->field);
	if (difference->before)
		append_escaped(out, ": ", difference->before);
	if (difference->after)
		append_escaped(out, difference->before ? " -> " : ": ", difference->after);
	buffer_append_char(out, '\n');
}

static void add_object(void *context, const struct difference *difference)
{
	static const char *const signs[] = {"removed", "added", "changed"};
	struct json_object *array = context, *object = json_object_new_object();

	sagent_add_string(object, "change", signs[difference->sign]);
	sagent_add_string(object, "policy", difference->policy);
	sagent_add_string(object, "secret", difference->secret);
	sagent_add_string(object, "rule", difference->rule);
	sagent_add_string(object, "field", difference->field);
	sagent_add_string(object, "before", difference->before);
	sagent_add_string(object, "after", difference->after);
	(void)json_object_array_add(array, object);
}

static int print_text(struct sagent *sagent, const struct policy_set *before, const struct policy_set *after,
		      int *ret_count)
{
	struct buffer text = BUFFER_INIT(SAGENT_SCREEN_MAX);
	int r;

	*ret_count = policy_difference_each(before, after, append_line, &text);
	if (*ret_count < 0)
		text.failed = true;
	r = sagent_print(sagent, &text);
	buffer_release(&text);
	return r;
}

static int print_json(struct sagent *sagent, const struct policy_set *before, const struct policy_set *after,
		      int *ret_count)
{
	struct json_object *object = json_object_new_object(), *array = json_object_new_array();
	int r = SAGENT_FAILED;

	*ret_count = policy_difference_each(before, after, add_object, array);
	json_object_object_add(object, "same", json_object_new_boolean(*ret_count == 0));
	json_object_object_add(object, "differences", array);
	if (*ret_count >= 0)
		r = sagent_print_json(sagent, object);
	else
		(void)fputs("sagent: out of memory\n", sagent->err);
	json_object_put(object);
	return r;
}

/* Exit codes as diff(1): 0 and 1 say what was found, all that went wrong is 2. */
int sagent_policy_diff(struct sagent *sagent)
{
	const char *const *operands = (const char *const *)sagent->options.operands;
	_cleanup_(policy_set_freep) struct policy_set *before = NULL, *after = NULL;
	int count = 0, r;

	if (sagent_load_policies(sagent, operands, 1, &before) != SAGENT_OK ||
	    sagent_load_policies(sagent, operands + 1, 1, &after) != SAGENT_OK)
		return SAGENT_TROUBLE;
	r = sagent->options.given & SAGENT_OPTION_JSON ? print_json(sagent, before, after, &count)
						       : print_text(sagent, before, after, &count);
	if (r != SAGENT_OK)
		return SAGENT_TROUBLE;
	return count > 0 ? SAGENT_DIFFERENT : SAGENT_SAME;
}

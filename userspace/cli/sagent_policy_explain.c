/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "cli/candidate_explanation.h"
#include "cli/explanation_text.h"
#include "cli/json_field.h"
#include "cli/sagent_command.h"
#include "cli/sagent_output.h"
#include "cli/sagent_policy.h"
#include "policy/policy.h"

#define HASH_TRIES   20
#define HASH_WAIT_MS 100

/* With --policy the daemon is only asked who the process is. */
static struct json_object *make_arguments(const struct sagent_options *options)
{
	struct json_object *arguments = json_object_new_object();

	json_object_object_add(arguments, "pid", json_object_new_uint64(options->pid));
	if (!options->policy) {
		json_object_object_add(arguments, "secret", json_object_new_string(options->secret));
		json_object_object_add(arguments, "kind", json_object_new_string(options->kind));
	}
	return arguments;
}

/* Again until the program has been hashed, where the verdict may depend on it. */
static int ask(struct sagent *sagent, bool needs_hash, struct json_object **ret_result)
{
	const struct timespec wait = {.tv_nsec = HASH_WAIT_MS * 1000000L};
	struct json_object *arguments = make_arguments(&sagent->options), *result = NULL;
	int r = sagent_ask(sagent, "explain", arguments, &result);

	for (int i = 0;
	     r == SAGENT_OK && i < HASH_TRIES && needs_hash && json_field_bool(result, "hash_pending", false); i++) {
		json_object_put(result);
		result = NULL;
		(void)nanosleep(&wait, NULL); /* a signal may cut it short */
		r = sagent_ask(sagent, "explain", arguments, &result);
	}
	json_object_put(arguments);
	if (r == SAGENT_OK)
		*ret_result = result;
	return r;
}

static int find_secret(struct sagent *sagent, const struct policy_set *set, const struct policy_secret **ret)
{
	struct error error = {0};

	*ret = policy_set_find(set, sagent->options.secret);
	if (*ret)
		return SAGENT_OK;
	(void)error_set(&error, -EREMOTEIO, sagent->options.policy, 0, "has no secret \"%s\"", sagent->options.secret);
	return sagent_report(sagent, -EREMOTEIO, &error);
}

static int explain(struct sagent *sagent, const struct policy_set *set, const struct policy_secret *secret,
		   struct json_object **ret_result)
{
	int r = ask(sagent, !secret || secret->needs_sha256, ret_result);

	if (r != SAGENT_OK || !secret)
		return r;
	if (candidate_explanation_add(*ret_result, set, secret, sagent->options.kind) == 0)
		return SAGENT_OK;
	(void)fputs("sagent: out of memory\n", sagent->err);
	return SAGENT_FAILED;
}

int sagent_policy_explain(struct sagent *sagent)
{
	const struct sagent_options *options = &sagent->options;
	_cleanup_(policy_set_freep) struct policy_set *set = NULL;
	const struct policy_secret *secret = NULL;
	struct buffer text = BUFFER_INIT(SAGENT_SCREEN_MAX);
	struct json_object *result = NULL;
	int r = SAGENT_OK;

	if (options->policy)
		r = sagent_load_policies(sagent, &options->policy, 1, &set);
	if (r == SAGENT_OK && set)
		r = find_secret(sagent, set, &secret);
	if (r == SAGENT_OK)
		r = explain(sagent, set, secret, &result);
	if (r == SAGENT_OK && (options->given & SAGENT_OPTION_JSON)) {
		r = sagent_print_json(sagent, result);
	} else if (r == SAGENT_OK) {
		explanation_text_append(&text, result);
		r = sagent_print(sagent, &text);
	}
	json_object_put(result);
	buffer_release(&text);
	return r;
}

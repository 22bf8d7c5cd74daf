/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <json-c/json.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/policy_advice.h"
#include "cli/sagent_command.h"
#include "cli/sagent_output.h"
#include "cli/sagent_policy.h"
#include "policy/policy.h"

static struct json_object *error_to_json(const struct error *error)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "file", error->file[0] ? json_object_new_string(error->file) : NULL);
	json_object_object_add(object, "line", error->line > 0 ? json_object_new_int(error->line) : NULL);
	json_object_object_add(object, "message", json_object_new_string(error->text));
	return object;
}

static int print_json(struct sagent *sagent, const struct policy_set *set, const struct error *error)
{
	struct json_object *object = json_object_new_object(), *warnings = json_object_new_array();
	int r;

	json_object_object_add(object, "ok", json_object_new_boolean(set != NULL));
	if (set) {
		json_object_object_add(object, "policies", json_object_new_uint64(policy_set_policy_count(set)));
		json_object_object_add(object, "secrets", json_object_new_uint64(policy_set_secret_count(set)));
		for (size_t i = 0; i < policy_set_warning_count(set); i++)
			(void)json_object_array_add(warnings, error_to_json(policy_set_warning(set, i)));
	} else {
		json_object_object_add(object, "error", error_to_json(error));
	}
	json_object_object_add(object, "warnings", warnings);
	r = sagent_print_json(sagent, object);
	json_object_put(object);
	return r;
}

static int print_text(struct sagent *sagent, const struct policy_set *set, const struct error *error)
{
	struct buffer good = BUFFER_INIT(SAGENT_SCREEN_MAX), bad = BUFFER_INIT(SAGENT_SCREEN_MAX);
	int r;

	for (size_t i = 0; set && i < policy_set_warning_count(set); i++)
		sagent_append_problem(&bad, "warning: ", policy_set_warning(set, i));
	if (set)
		buffer_printf(&good, "ok: %zu policies, %zu secrets\n", policy_set_policy_count(set),
			      policy_set_secret_count(set));
	else
		sagent_append_problem(&bad, "", error);
	if (bad.size > 0)
		(void)fwrite(bad.data, bad.size, 1, sagent->err); /* the exit code tells it too */
	r = sagent_print(sagent, &good);
	buffer_release(&good);
	buffer_release(&bad);
	return r;
}

/* A set that cannot be advised on for want of memory is no set. */
static int load(const struct sagent_options *options, const struct policy_host *host, struct policy_set **ret_set,
		struct error *error)
{
	_cleanup_(policy_set_freep) struct policy_set *set = NULL;
	int r = sagent_read_policies((const char *const *)options->operands, options->operands_count, &set, error);

	if (r >= 0)
		r = policy_advise(set, host);
	if (r < 0)
		return error_set(error, r, NULL, 0, "%s", strerror(-r)); /* keeps what is there */
	*ret_set = TAKE_PTR(set);
	return 0;
}

int sagent_policy_check(struct sagent *sagent)
{
	const struct sagent_options *options = &sagent->options;
	_cleanup_(policy_set_freep) struct policy_set *set = NULL;
	bool as_json = options->given & SAGENT_OPTION_JSON;
	const struct policy_host host = as_json ? POLICY_HOST_ALL : POLICY_HOST_CHECK;
	struct error error = {0};
	int loaded, printed;

	loaded = load(options, &host, &set, &error);
	printed = as_json ? print_json(sagent, set, &error) : print_text(sagent, set, &error);
	if (loaded == -ENOMEM)
		return SAGENT_FAILED;
	return loaded < 0 ? SAGENT_USAGE : printed;
}

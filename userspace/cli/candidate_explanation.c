/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/candidate_explanation.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "base/access.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "cli/json_field.h"
#include "policy/policy.h"
#include "rollout/explanation.h"

#define EXPLANATION_MAX (8 * 1024 * 1024)

static enum tier tier_from_name(const char *name)
{
	for (int i = 0; i < TIER_COUNT; i++)
		if (strcmp(tier_name((enum tier)i), name) == 0)
			return (enum tier)i;
	return TIER_OBSERVE;
}

static void read_ancestors(struct json_object *result, struct access_process *process)
{
	struct json_object *array = json_field_array(result, "process.ancestors");
	size_t count = array ? json_object_array_length(array) : 0;

	for (size_t i = 0; i < count && i < ACCESS_ANCESTORS_MAX; i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		const char *exe = json_object_is_type(item, json_type_string) ? json_object_get_string(item) : "";

		process->ancestors[process->ancestors_count++].exe = exe;
	}
}

/* Strings are borrowed from the answer. What is absent or of another type is not known. */
static void read_process(struct json_object *result, enum access_kind kind, struct access *ret)
{
	*ret = (struct access){
		.kind = kind,
		.process =
			{
				.id = {.pid = (uint32_t)json_field_uint(result, "process.pid", 0)},
				.exe = json_field_string(result, "process.exe", ""),
				.script = json_field_string(result, "process.script", NULL),
				.exe_sha256 = json_field_string(result, "process.exe_sha256", NULL),
				.cred = {.uid = (uint32_t)json_field_uint(result, "process.uid", UINT32_MAX),
					 .gid = (uint32_t)json_field_uint(result, "process.gid", UINT32_MAX)},
				.user = json_field_string(result, "process.user", NULL),
				.unit = json_field_string(result, "process.unit", NULL),
				.container = json_field_string(result, "process.container", NULL),
				.cgroup = json_field_string(result, "process.cgroup", ""),
				.ancestors_truncated = json_field_bool(result, "process.ancestors_truncated", false),
			},
	};
	read_ancestors(result, &ret->process);
}

int candidate_explanation_add(struct json_object *result, const struct policy_set *set,
			      const struct policy_secret *secret, const char *kind_name)
{
	_cleanup_(buffer_release) struct buffer buffer = BUFFER_INIT(EXPLANATION_MAX);
	enum access_kind kind = ACCESS_OPEN;
	struct json_object *written, *explanation = NULL;
	struct access access;

	if (!json_object_is_type(result, json_type_object))
		return -EINVAL;
	(void)access_kind_from_name(kind_name, &kind); /* checked when it was given */
	read_process(result, kind, &access);
	explanation_append(&buffer, set, secret->index, &access, tier_from_name(json_field_string(result, "tier", "")));
	written = buffer.failed ? NULL : json_tokener_parse(buffer.data);
	if (!written || !json_object_object_get_ex(written, "explanation", &explanation)) {
		json_object_put(written);
		return -ENOMEM;
	}
	json_object_object_add(result, "explanation", json_object_get(explanation));
	json_object_put(written);
	return 0;
}

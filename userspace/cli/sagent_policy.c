/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sagent_policy.h"

#include <errno.h>
#include <json-c/json.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/escape.h"
#include "cli/sagent_command.h"
#include "cli/sagent_output.h"
#include "policy/policy.h"
#include "policy/policy_file.h"

int sagent_read_policies(const char *const *paths, size_t count, struct policy_set **ret_set, struct error *error)
{
	const struct policy_limits limits = POLICY_LIMITS_DEFAULT;
	int r = policy_set_load(paths, count, &limits, ret_set, error);

	if (r < 0)
		(void)error_set(error, r, NULL, 0, "%s", strerror(-r)); /* keeps what is there */
	return r;
}

int sagent_load_policies(struct sagent *sagent, const char *const *paths, size_t count, struct policy_set **ret_set)
{
	struct buffer text = BUFFER_INIT(SAGENT_SCREEN_MAX);
	struct error error = {0};
	int r = sagent_read_policies(paths, count, ret_set, &error);

	if (r < 0)
		sagent_append_problem(&text, "", &error);
	if (text.size > 0)
		(void)fwrite(text.data, text.size, 1, sagent->err); /* the exit code tells it too */
	buffer_release(&text);
	if (r == -ENOMEM)
		return SAGENT_FAILED;
	return r < 0 ? SAGENT_USAGE : SAGENT_OK;
}

void sagent_append_problem(struct buffer *out, const char *prefix, const struct error *error)
{
	char text[ERROR_FILE_SIZE + ERROR_TEXT_SIZE + 32], escaped[2 * sizeof(text)];

	buffer_printf(out, "%s%s\n", prefix,
		      escape_line(error_format(error, text, sizeof(text)), escaped, sizeof(escaped)));
}

void sagent_add_string(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, value ? json_object_new_string(value) : NULL);
}

void sagent_add_time(struct json_object *object, const char *key, uint64_t real_ns)
{
	char text[CLOCK_RFC3339_SIZE];

	sagent_add_string(object, key, real_ns ? clock_format_rfc3339(real_ns, text) : NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "cli/sagent_command.h"
#include "cli/sagent_output.h"
#include "cli/sagent_policy.h"
#include "policy/policy.h"
#include "policy/policy_file.h"
#include "rollout/learned_policy.h"
#include "rollout/observed.h"
#include "rollout/past.h"
#include "sensor/homes.h"

#define DEADLINE_MS     300000
#define SINCE_DEFAULT_S (7ULL * 24 * 3600)

/* What is printed can be loaded, or is not printed. */
static int check(const struct buffer *text, struct error *error)
{
	const struct policy_limits limits = POLICY_LIMITS_DEFAULT;
	_cleanup_(policy_set_freep) struct policy_set *set = NULL;
	struct error why = {0};
	char reason[ERROR_FILE_SIZE + ERROR_TEXT_SIZE + 32];
	int r = policy_set_load_text("learned policy", text->data, text->size, &limits, &set, &why);

	return r < 0 ? error_set(error, r, NULL, 0, "what was learned cannot be loaded: %s",
				 error_format(&why, reason, sizeof(reason)))
		     : 0;
}

static int learn(const struct sagent_options *options, const struct policy_set *policy, struct buffer *out,
		 struct error *error)
{
	uint64_t since_s = options->given & SAGENT_OPTION_SINCE ? options->since_s : SINCE_DEFAULT_S;
	const struct past_range range = past_range_of(options->state_dir, since_s, DEADLINE_MS);
	_cleanup_(observed_freep) struct observed *observed = NULL;
	_cleanup_(homes_release) struct homes homes = {0};
	const struct learned_policy_options how = {
		.name = options->policy_name,
		.mode = options->mode,
		.is_denied_included = options->given & SAGENT_OPTION_INCLUDE_DENIED,
		.homes = &homes,
	};
	int r = homes_read(SAGENT_PASSWD_PATH, &homes);

	if (r < 0)
		return error_set(error, r, SAGENT_PASSWD_PATH, 0, "cannot be read: %s", strerror(-r));
	r = observed_read(policy, &range, SAGENT_PASSWD_PATH, &observed, error);
	if (r == 0)
		r = learned_policy_write(observed, &how, out, error);
	return r < 0 ? r : check(out, error);
}

int sagent_policy_learn(struct sagent *sagent)
{
	const struct sagent_options *options = &sagent->options;
	_cleanup_(policy_set_freep) struct policy_set *policy = NULL;
	struct buffer text = BUFFER_INIT(SAGENT_SCREEN_MAX);
	struct error error = {0};
	int r = SAGENT_OK;

	if (options->policy)
		r = sagent_load_policies(sagent, &options->policy, 1, &policy);
	if (r != SAGENT_OK)
		return r;
	if (learn(options, policy, &text, &error) < 0)
		r = sagent_report(sagent, -EREMOTEIO, &error);
	else
		r = sagent_print(sagent, &text);
	buffer_release(&text);
	return r;
}

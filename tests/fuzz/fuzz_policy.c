/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a policy file; one that loads must then be able to decide on accesses of strange processes. */
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "policy/glob.h"
#include "policy/policy.h"
#include "policy/policy_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decide_all(const struct policy_set *set, const struct access *access)
{
	for (size_t i = 0; i < policy_set_secret_count(set); i++) {
		const struct policy_secret *secret = policy_set_secret(set, i);
		struct verdict verdict;

		policy_decide(set, i, access, &verdict);
		if (!verdict.rule || !verdict.policy || verdict.action >= VERDICT_COUNT || verdict.is_enforced)
			abort();
		if (verdict.would_deny != (verdict.action == VERDICT_DENY && secret->mode == POLICY_MODE_OBSERVE) ||
		    (verdict.action == VERDICT_DENY && !secret->can_deny))
			abort();
		if (policy_set_find(set, secret->name) != secret)
			abort();
		for (size_t j = 0; j < secret->patterns_count; j++)
			if (glob_check(secret->patterns[j] + (secret->patterns[j][0] == '~'), NULL, 0) < 0)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct access accesses[] = {
		{.kind = ACCESS_OPEN, .process = {.exe = "", .cgroup = ""}},
		{.kind = ACCESS_KIND_COUNT,
		 .process = {.exe = "/usr/bin/python3",
			     .exe_sha256 = "",
			     .script = "/usr/bin/x",
			     .user = "root",
			     .cgroup = "/",
			     .unit = "a.service",
			     .container = "none",
			     .ancestors = {{1, "/usr/bin/bash"}, {2, ""}},
			     .ancestors_count = 2}},
	};
	_cleanup_(policy_set_freep) struct policy_set *set = NULL;
	struct error error = {.line = 0};

	if (policy_set_load_text("fuzz.yaml", (const char *)data, size, &POLICY_LIMITS_DEFAULT, &set, &error) < 0) {
		if (!error.text[0] || strchr(error.text, '\n'))
			abort();
		return 0;
	}
	for (size_t i = 0; i < sizeof(accesses) / sizeof(*accesses); i++)
		decide_all(set, &accesses[i]);
	return 0;
}

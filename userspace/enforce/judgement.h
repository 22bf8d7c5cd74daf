/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judgement.h: the verdict on an access of which not everything may be known.
 *
 * As policy_decide() decides when all is known. Where a rule asks for something that is not, it may match or not; the
 * outcome stands if it is the same either way, else the policy's onError is the answer. Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/access.h"

struct policy_secret;

enum fact {
	FACT_EXE = 1 << 0,
	FACT_CGROUP = 1 << 1, /* with it unit and container */
	FACT_SHA256 = 1 << 2,
	FACT_ANCESTORS = 1 << 3,
	FACT_SCRIPT = 1 << 4,
};

struct judgement {
	enum verdict_action action;
	const char *rule;   /* as in struct verdict; the policy's */
	bool is_error;      /* it is the policy's onError */
	uint32_t undecided; /* then: the facts that were missing, enum fact */
};

/* Reads kind and process of the access. `unknown`: what is not known of the process, enum fact. */
void judgement_make(const struct policy_secret *secret, const struct access *access, uint32_t unknown,
		    struct judgement *ret);
/* The answer when nothing is known in time. */
void judgement_on_error(const struct policy_secret *secret, struct judgement *ret);

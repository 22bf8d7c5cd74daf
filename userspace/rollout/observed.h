/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observed.h: who was seen to access which secret, in the words of a policy: what a policy is learned from.
 *
 * Accesses are added up by identity: program, script, user, unit or container, generalised (generalise.h), so that the
 * next version of a program or the next session is the same identity. What a policy denied and what the system refused
 * is kept apart from what went through. Bounded: past OBSERVED_IDENTITIES_MAX identities or OBSERVED_PATHS_MAX paths a
 * secret is marked incomplete.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct error;
struct homes;
struct observed;
struct past_range;
struct policy_secret;
struct policy_set;

#define OBSERVED_SECRETS_MAX    4096
#define OBSERVED_IDENTITIES_MAX 16384
#define OBSERVED_PATHS_MAX      32768

enum observed_outcome {
	OBSERVED_PASSED,  /* allowed, alerted, or denied by nobody who could */
	OBSERVED_DENIED,  /* by a policy, carried out or not */
	OBSERVED_REFUSED, /* by the system: permissions, or no such file */
	OBSERVED_OUTCOME_COUNT,
};

struct observed_identity {
	enum observed_outcome outcome;
	const char *exe;       /* a pattern; when is_nameless as it was seen */
	const char *script;    /* a pattern, or NULL as what follows */
	const char *user;      /* NULL: uid says who */
	const char *unit;      /* a pattern */
	const char *cgroup;    /* a pattern; where no unit can say it */
	const char *container; /* "none", "*" for any; NULL: not known */
	uint32_t uid;
	uint32_t kinds;   /* bit per enum access_kind */
	bool is_nameless; /* no rule can name this program: unknown, of the kernel, at no path of the host */
	char *example;    /* exe as first seen */
	uint64_t accesses;
	uint64_t alerts; /* of these */
	uint64_t first_real_ns, last_real_ns;
};

struct observed_secret {
	const char *name;
	const char *class_name;
	const struct policy_secret *policy; /* what the given policy says of it; NULL: it has none of this name */
	bool is_incomplete;
	size_t identities_count;
	size_t paths_count; /* seen; 0 with a policy, whose patterns count then */
	uint64_t accesses[OBSERVED_OUTCOME_COUNT];
	uint64_t first_real_ns, last_real_ns; /* 0: none */
};

struct observed_sums {
	uint64_t rows;
	uint64_t accesses;
	uint64_t left_out; /* accesses of what no secret here stands for: a name of the policy, files that it does not
			      name */
	uint64_t first_real_ns, last_real_ns;
};

/*
 * Reads the history. With `policy`, which may be NULL and is borrowed for the life of the result, an access belongs to
 * the secret that the policy says, else to the one that it was stored for. 0, or -errno with *error as replay_run().
 */
int observed_read(const struct policy_set *policy, const struct past_range *range, const char *passwd_path,
		  struct observed **ret, struct error *error);
void observed_free(struct observed *observed); /* NULL is fine */
DEFINE_FREEP(struct observed, observed_free)

struct observed_sums observed_sums(const struct observed *observed);
/* The policy's secrets in its order, then the others by name. NULL when an index is not below its count. */
size_t observed_secret_count(const struct observed *observed);
const struct observed_secret *observed_secret(const struct observed *observed, size_t secret);
/* By outcome, then most accesses first. */
const struct observed_identity *observed_identity(const struct observed *observed, size_t secret, size_t index);
/* As seen, sorted. */
const char *observed_path(const struct observed *observed, size_t secret, size_t index);

/* SPDX-License-Identifier: Apache-2.0 */
/* rollout_fixture.h: a history made by the store itself, and policies to ask about it. */
#pragma once

#include "store_fixture.h"

#include "base/buffer.h"
#include "policy/policy.h"
#include "policy/policy_file.h"
#include "rollout/past.h"

#define POLICY_HEAD "apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: candidate}\nspec:\n"

static inline struct policy_set *policy_of(const char *text)
{
	struct policy_set *set = NULL;
	struct error error = {0};

	if (policy_set_load_text("candidate.yaml", text, strlen(text), &POLICY_LIMITS_DEFAULT, &set, &error) < 0)
		print_error("line %d: %s\n%s\n", error.line, error.text, text);
	assert_non_null(set);
	return set;
}

/* An access that was allowed, once, by root on the host, a minute ago. */
static inline struct access seen(const char *secret, const char *path, const char *exe)
{
	struct access access = fixture_access();

	access.secret_name = secret;
	access.secret_class = "test";
	access.path = path;
	access.path_truncated = false;
	access.kind = ACCESS_OPEN;
	access.via = VIA_OPENAT;
	access.result = 0;
	access.count = 1;
	access.first_real_ns -= 60 * NS_PER_SEC;
	access.last_real_ns -= 60 * NS_PER_SEC;
	access.target_pid = 0;
	access.target_exe = NULL;
	access.process.exe = exe;
	access.process.script = NULL;
	access.process.cred.uid = 0;
	access.process.cred.gid = 0;
	access.process.user = "root";
	access.process.container = NULL;
	access.process.pod = NULL;
	access.process.unit = "app.service";
	access.process.cgroup = "/system.slice/app.service";
	access.verdict = (struct verdict){.action = VERDICT_ALLOW, .rule = "allow/old", .policy = "old"};
	return access;
}

/* With all that is queued, however long that takes. */
static inline void close_store(struct store *store)
{
	assert_int_equal(store_flush(store), 0);
	store_close(store);
}

static inline void remember(const struct fixture *fixture, const struct access *accesses, size_t count)
{
	struct store *store = fixture_open(fixture);

	for (size_t i = 0; i < count; i++)
		assert_int_equal(store_append(store, &accesses[i]), 0);
	close_store(store);
}

/* The last hour, with users as this file has them. */
static inline struct past_range last_hour(const struct fixture *fixture)
{
	return past_range_of(fixture->directory, 3600, 60000);
}

static inline const char *passwd_of(const struct fixture *fixture)
{
	static char path[PATH_MAX];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/passwd", fixture->directory);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs("root:x:0:0::/root:/bin/sh\nana:x:1000:1000::/home/ana:/bin/sh\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	return path;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict_cases.h: generated policies and processes, to hold the three ways to a verdict together: policy_decide() over
 * strings, bpf/verdict.h over classes here, and the same in the kernel.
 *
 * Values come out of small pools, so that rules and processes meet often. What a run generated follows from its seed.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "base/access.h"
#include "base/error.h"
#include "enforce/classes.h"
#include "enforce/facts.h"
#include "enforce/kernel_policy.h"
#include "policy/policy.h"
#include "policy/policy_file.h"
#include "verdict.h"

#define CASE_SECRETS 12
#define ID_A         "4f5d6a7b8c9d0e1f2a3b4c5d6e7f80910a1b2c3d4e5f60718293a4b5c6d7e8f9"
#define ID_B         "aaaa6a7b8c9d0e1f2a3b4c5d6e7f80910a1b2c3d4e5f60718293a4b5c6d7e8f9"
#define HASH_A       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HASH_B       "ffff456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define COUNT_OF(a)  (sizeof(a) / sizeof((a)[0]))

static uint64_t case_state;

static inline void case_seed(uint64_t seed)
{
	case_state = seed * 0x9e3779b97f4a7c15ULL + 1;
}

/* Below `limit`. */
static inline uint32_t draw(uint32_t limit)
{
	case_state ^= case_state << 13;
	case_state ^= case_state >> 7;
	case_state ^= case_state << 17;
	return (uint32_t)((case_state >> 24) % limit);
}

#define PICK(pool) ((pool)[draw(COUNT_OF(pool))])

/* ---------------------------------------------------------------- policies */

struct case_matcher {
	const char *name;
	const char *values[6];
};

static const struct case_matcher case_matchers[] = {
	{"exe", {"/usr/bin/cat", "/usr/bin/*", "/opt/**", "/usr/bin/[ab]*", "/opt/app/server", "/usr/bin/python3*"}},
	{"script", {"/opt/backup.sh", "/opt/*.sh", "/srv/**", "/opt/deploy.sh", "/bin/x", "/opt/**"}},
	{"sha256", {HASH_A, HASH_B, HASH_A, HASH_B, HASH_A, HASH_B}},
	{"uid", {"0", "1000", "1001", "4242", "1000", "7"}},
	{"gid", {"0", "1000", "100", "4242", "5", "7"}},
	{"user", {"root", "alice", "bob", "root", "alice", "bob"}},
	{"unit", {"ssh.service", "'nginx*.service'", "cron.service", "'*.scope'", "'*'", "ssh.service"}},
	{"cgroup", {"/system.slice/**", "/system.slice/ssh.service", "/user.slice/**", "/*", "/kubepods/**", "/a"}},
	{"container", {"none", "'*'", ID_A, "'4f5d*'", ID_B, "none"}},
	{"ancestor", {"/usr/sbin/sshd", "/usr/bin/*", "/sbin/init", "/opt/**", "/usr/lib/systemd/systemd", "/bin/x"}},
	{"kinds", {"open", "exec", "map", "receive", "ptrace", "link"}},
};

static inline size_t write_rule(char *out, size_t size, const char *name)
{
	size_t used = (size_t)snprintf(out, size, "    - {name: %s", name);
	bool has_any = false;

	for (size_t i = 0; i < COUNT_OF(case_matchers); i++) {
		size_t count = 1 + draw(3);

		/* Few at a time, or no process would meet them all; and at least one. */
		if (draw(6) != 0 && !(i == COUNT_OF(case_matchers) - 1 && !has_any))
			continue;
		has_any = true;
		used += (size_t)snprintf(out + used, size - used, ", %s: [", case_matchers[i].name);
		for (size_t j = 0; j < count; j++)
			used += (size_t)snprintf(out + used, size - used, "%s%s", j ? ", " : "",
						 PICK(case_matchers[i].values));
		used += (size_t)snprintf(out + used, size - used, "]");
	}
	return used + (size_t)snprintf(out + used, size - used, "}\n");
}

static inline size_t write_rules(char *out, size_t size, const char *list, size_t count)
{
	size_t used = count ? (size_t)snprintf(out, size, "    %s:\n", list) : 0;

	for (size_t i = 0; i < count; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "r%zu", i);
		used += write_rule(out + used, size - used, name);
	}
	return used;
}

/* A policy of CASE_SECRETS secrets that all can deny. NULL: the loader refuses it, because rules contradict. */
static inline struct policy_set *case_policy(void)
{
	static char text[1 << 17];
	static const char *const actions[] = {"allow", "alert", "deny", "deny"};
	const struct policy_limits limits = POLICY_LIMITS_DEFAULT;
	struct policy_set *set = NULL;
	struct error error = {0};
	size_t used =
		(size_t)snprintf(text, sizeof(text),
				 "apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: generated}\n"
				 "spec:\n  mode: enforce\n  onError: %s\n  action: %s\n  secrets:\n",
				 draw(2) ? "allow" : "deny", draw(3) ? "deny" : "kill");

	for (size_t i = 0; i < CASE_SECRETS; i++) {
		size_t deny = draw(6), allow = draw(6);
		const char *by_default = deny ? PICK(actions) : "deny";

		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "  - name: s%zu\n    class: test\n    paths: [/s/%zu]\n    default: %s\n", i,
					 i, by_default);
		used += write_rules(text + used, sizeof(text) - used, "deny", deny);
		used += write_rules(text + used, sizeof(text) - used, "allow", allow);
	}
	if (policy_set_load_text("generated.yaml", text, used, &limits, &set, &error) < 0)
		return NULL;
	return set;
}

/* ---------------------------------------------------------------- processes */

/* All that a policy can ask for is known. */
static inline void case_access(struct access *access)
{
	static const char *const exes[] = {
		"/usr/bin/cat", "/usr/bin/awk", "/opt/app/server", "/usr/bin/python3.11", "(elsewhere)/usr/bin/cat",
		"[kthreadd]",   "/bin/x"};
	static const char *const scripts[] = {NULL, NULL, "/opt/backup.sh", "/srv/www/x",
					      "(unreachable)/opt/backup.sh"};
	static const char *const hashes[] = {NULL, HASH_A, HASH_B};
	static const uint32_t ids[] = {0, 1000, 1001, 4242, 100, 65534};
	static const char *const groups[] = {"/", "/system.slice/ssh.service", "/user.slice/user-1000.slice", "/a",
					     "/kubepods/pod1/x"};
	static const char *const units[] = {NULL, "ssh.service", "nginx-1.service", "session-1.scope"};
	static const char *const containers[] = {NULL, NULL, ID_A, ID_B};
	static const char *const ancestors[] = {"/usr/sbin/sshd", "/usr/bin/bash", "/sbin/init", "[kthreadd]",
						"/opt/app/server"};
	struct access_process *process = &access->process;

	*access = (struct access){.kind = (enum access_kind)(1 + draw(ACCESS_KIND_COUNT - 1))};
	process->exe = PICK(exes);
	process->script = PICK(scripts);
	process->exe_sha256 = PICK(hashes);
	process->cred.uid = PICK(ids);
	process->cred.gid = PICK(ids);
	process->user = process->cred.uid == 0      ? "root"
			: process->cred.uid == 1000 ? "alice"
			: process->cred.uid == 1001 ? "bob"
						    : NULL;
	process->cgroup = PICK(groups);
	process->unit = PICK(units);
	process->container = PICK(containers);
	process->ancestors_count = draw(4);
	for (size_t i = 0; i < process->ancestors_count; i++)
		process->ancestors[i] = (struct access_ancestor){.pid = 1, .exe = PICK(ancestors)};
}

/* Makes some of what is known unknown: a whole sort, or some classes of it. */
static inline void case_forget(struct verdict_facts *facts)
{
	for (size_t sort = 0; sort < CLASS_SORT_COUNT; sort++) {
		uint64_t mask;

		if (draw(3) == 0)
			continue;
		mask = draw(2) ? ~0ULL : (uint64_t)draw(UINT32_MAX) << 32 | draw(UINT32_MAX);
		for (size_t word = 0; word < CLASS_WORDS; word++) {
			facts->open[sort][word] = mask;
			facts->bits[sort][word] &= ~mask;
		}
		facts->bits[sort][0] |= 1;
	}
}

/* ---------------------------------------------------------------- brute force */

#define OPEN_MAX 12

struct possible {
	bool denies, passes;
};

static inline void add_possible(struct possible *possible, unsigned int action)
{
	if (action == DECIDED_DENY)
		possible->denies = true;
	else
		possible->passes = true;
}

/* The verdicts under every truth of the classes that are open. False: too many to try. */
static inline bool try_all_facts(const struct verdict_entry *entry, const struct verdict_rule *rules,
				 const struct verdict_facts *facts, struct possible *ret)
{
	struct {
		uint32_t sort, number;
	} open[OPEN_MAX];
	size_t count = 0;

	for (uint32_t i = 0; i < (uint32_t)entry->deny_count + entry->allow_count; i++)
		for (uint32_t sort = 0; sort < CLASS_SORT_COUNT; sort++) {
			uint32_t number = rules[entry->first + i].classes[sort];
			bool is_new = number && (facts->open[sort][number / 64] >> (number & 63) & 1);

			for (size_t j = 0; is_new && j < count; j++)
				is_new = open[j].sort != sort || open[j].number != number;
			if (is_new && count == OPEN_MAX)
				return false;
			if (is_new) {
				open[count].sort = sort;
				open[count++].number = number;
			}
		}
	*ret = (struct possible){0};
	for (uint32_t truth = 0; truth < 1U << count; truth++) {
		struct verdict_facts completed = *facts;

		memset(completed.open, 0, sizeof(completed.open));
		for (size_t i = 0; i < count; i++)
			if (truth >> i & 1)
				completed.bits[open[i].sort][open[i].number / 64] |= 1ULL << (open[i].number & 63);
		add_possible(ret, verdict_decide(entry, rules, &completed).action);
	}
	return true;
}

/* The same under every truth of the rules that may hold, each by itself. */
static inline bool try_all_rules(const struct verdict_entry *entry, const struct verdict_facts *facts,
				 struct possible *ret)
{
	uint64_t doubtful = facts->maybe & ~facts->sure;
	uint64_t deny = entry->deny_count < 64 ? (1ULL << entry->deny_count) - 1 : ~0ULL;
	uint64_t truth = 0;

	if (__builtin_popcountll(doubtful) > OPEN_MAX)
		return false;
	*ret = (struct possible){0};
	do {
		uint64_t holds = facts->sure | truth;

		add_possible(ret, holds & deny ? DECIDED_DENY : holds ? DECIDED_ALLOW : entry->default_action);
		truth = (truth - doubtful) & doubtful; /* the next subset */
	} while (truth);
	return true;
}

static inline void assert_decided_equal(struct decided a, struct decided b)
{
	assert_int_equal(a.action, b.action);
	assert_int_equal(a.flags, b.flags);
	assert_int_equal(a.rule, b.rule);
}

/* What is known decides it, or onError does: neither more nor less. */
static inline void assert_three_valued(const struct verdict_entry *entry, const struct verdict_rule *rules,
				       const struct verdict_facts *facts, struct decided decided)
{
	bool is_open = decided.flags & DECIDED_ERROR;
	struct possible possible;

	if (try_all_rules(entry, facts, &possible))
		assert_int_equal(is_open, possible.denies && possible.passes);
	if (is_open)
		assert_int_equal(decided.action, entry->on_error);
	else if (try_all_facts(entry, rules, facts, &possible))
		assert_int_equal(decided.action == DECIDED_DENY ? possible.passes : possible.denies, false);
}

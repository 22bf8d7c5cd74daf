/* SPDX-License-Identifier: Apache-2.0 */
/* enforce_fixture.h: a kernel policy over memory and fake maps (fake_maps.h, which is included first). */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "abi.h"
#include "base/error.h"
#include "enforce/kernel_policy.h"
#include "policy/policy.h"
#include "policy/policy_file.h"

enum { CLASSES_MAP, IMAGES_MAP, LINEAGE_MAP };

#define MEMBERS_MAX 64
#define SECRET      1

struct enforce_fixture {
	struct verdict_entry entries[VERDICT_BANKS * VERDICT_SECRETS_MAX];
	struct verdict_rule rules[VERDICT_BANKS * VERDICT_RULES_MAX];
	uint64_t unfollowed[VERDICT_BANKS][CLASS_WORDS];
	uint32_t epochs[VERDICT_BANKS];
	uint32_t policy_generation, class_generation, tracking, host_mnt_ns;
	struct kernel_policy *policy;
};

static inline void enforce_open(struct enforce_fixture *f)
{
	const struct kernel_policy_tables tables = {
		.entries = f->entries,
		.rules = f->rules,
		.unfollowed = f->unfollowed,
		.epochs = f->epochs,
		.policy_generation = &f->policy_generation,
		.class_generation = &f->class_generation,
		.tracking = &f->tracking,
		.host_mnt_ns = &f->host_mnt_ns,
		.classes_fd = CLASSES_MAP,
	};

	memset(f, 0, sizeof(*f));
	fake_map_new(CLASSES_MAP, sizeof(struct class_key), sizeof(struct class_value), MEMBERS_MAX);
	fake_map_new(IMAGES_MAP, sizeof(__u32), sizeof(struct image_value), MEMBERS_MAX);
	fake_map_new(LINEAGE_MAP, sizeof(__u32), sizeof(struct lineage_value), MEMBERS_MAX);
	assert_int_equal(kernel_policy_new(&tables, "/nonexistent", MEMBERS_MAX, &f->policy), 0);
}

static inline void enforce_close(struct enforce_fixture *f)
{
	kernel_policy_free(f->policy);
	fake_maps_free();
}

/* A policy of one secret with these allow rules is prepared: "- {name: a, exe: [/bin/x]}", one a line. */
static inline void enforce_prepare(struct enforce_fixture *f, const char *allow)
{
	const struct policy_limits limits = POLICY_LIMITS_DEFAULT;
	const uint32_t numbers[] = {SECRET};
	struct policy_set *set = NULL;
	struct error error = {0};
	char text[16384];
	int size =
		snprintf(text, sizeof(text),
			 "apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: p}\nspec:\n"
			 "  mode: enforce\n  secrets:\n  - name: s\n    class: t\n    paths: [/s]\n    default: deny\n"
			 "    allow:\n%s\n",
			 allow);

	if (policy_set_load_text("test.yaml", text, (size_t)size, &limits, &set, &error) < 0)
		fail_msg("%d: %s", error.line, error.text);
	assert_int_equal(kernel_policy_prepare(f->policy, set, numbers, &error), 0);
	policy_set_free(set);
}

static inline unsigned int enforce_bank(const struct enforce_fixture *f)
{
	return f->policy_generation & 1;
}

/* What the kernel knows of the file; NULL: nothing. */
static inline const struct class_value *enforce_file(const struct exe_id *exe, uint64_t place)
{
	const struct class_key key = {.id = exe->file.ino,
				      .place = place,
				      .ctime_sec = exe->ctime_sec,
				      .ctime_nsec = exe->ctime_nsec,
				      .dev = exe->file.dev,
				      .generation = exe->file.generation,
				      .member = MEMBER_FILE};

	return fake_value(CLASSES_MAP, &key);
}

/* The classes of the file in the bank in force, as bits; -1: not known. */
static inline int enforce_bits(const struct enforce_fixture *f, const struct exe_id *exe, uint64_t place)
{
	const struct class_value *value = enforce_file(exe, place);
	unsigned int bank = enforce_bank(f);

	return value && value->epochs[bank] == f->epochs[bank] ? (int)value->bits[bank][0] : -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "enforce/classes.h"

#define STRINGS(...)                                                                  \
	{                                                                             \
		.values = (const char *const[]){__VA_ARGS__},                         \
		.count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), \
	}
#define NUMBERS(...)                                                                 \
	{                                                                            \
		.values = (const uint32_t[]){__VA_ARGS__},                           \
		.count = sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), \
	}
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct classes classes;

static int set_up(void **state)
{
	(void)state;
	classes_init(&classes);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	classes_release(&classes);
	return 0;
}

static uint16_t number_of(enum class_sort sort, const struct rule *rule)
{
	uint16_t number = 0xffff;

	assert_int_equal(classes_number(&classes, sort, rule, &number), 0);
	return number;
}

static bool belongs(const struct class_subject *subject, uint16_t number)
{
	uint64_t bits[CLASS_WORDS] = {0};

	classes_match(&classes, subject, bits);
	return bits[number / 64] >> (number & 63) & 1;
}

static void asks_each_different_question_once(void **state)
{
	const struct rule a = {.title = "a", .exe = STRINGS("/bin/x", "/bin/y"), .uid = NUMBERS(0)};
	const struct rule b = {.title = "b", .kinds = 4, .exe = STRINGS("/bin/x", "/bin/y"), .uid = NUMBERS(0, 1)};
	const struct rule hashed = {.exe = STRINGS("/bin/x", "/bin/y"), .sha256 = STRINGS(HASH)};

	(void)state;
	assert_int_equal(number_of(CLASS_EXE, &a), 1);
	assert_int_equal(number_of(CLASS_EXE, &b), 1);
	assert_int_equal(number_of(CLASS_UID, &a), 1);
	assert_int_equal(number_of(CLASS_UID, &b), 2);
	assert_int_equal(number_of(CLASS_EXE, &hashed), 2);
	assert_int_equal(number_of(CLASS_GID, &a), 0);
	assert_int_equal(number_of(CLASS_SCRIPT, &a), 0);
	assert_int_equal(number_of(CLASS_CGROUP, &a), 0);
}

/* A program is in the classes of files as program, as script and as ancestor, each by its own number. */
static void tells_programs_scripts_and_ancestors_apart(void **state)
{
	const struct rule exe = {.exe = STRINGS("/opt/*")}, script = {.script = STRINGS("/opt/*")},
			  ancestor = {.ancestor = STRINGS("/opt/*")};
	const struct class_subject file = {.member = MEMBER_FILE, .path = "/opt/x"},
				   other = {.member = MEMBER_FILE, .path = "(elsewhere)/opt/x"};

	(void)state;
	assert_int_equal(number_of(CLASS_EXE, &exe), 1);
	assert_int_equal(number_of(CLASS_SCRIPT, &script), 2);
	assert_int_equal(number_of(CLASS_ANCESTOR, &ancestor), 3);
	for (uint16_t number = 1; number <= 3; number++) {
		assert_true(belongs(&file, number));
		assert_false(belongs(&other, number));
	}
}

static void a_hash_that_is_asked_for_and_not_known_holds_for_nobody(void **state)
{
	const struct rule both = {.exe = STRINGS("/bin/x"), .sha256 = STRINGS(HASH)}, alone = {.sha256 = STRINGS(HASH)};
	struct class_subject file = {.member = MEMBER_FILE, .path = "/bin/x"};
	uint16_t of_both, of_alone;

	(void)state;
	of_both = number_of(CLASS_EXE, &both);
	assert_true(classes_want_sha256(&classes, "/bin/x"));
	assert_false(classes_want_sha256(&classes, "/bin/y"));
	of_alone = number_of(CLASS_EXE, &alone);
	assert_true(classes_want_sha256(&classes, "/bin/y"));
	assert_false(belongs(&file, of_both));
	assert_false(belongs(&file, of_alone));
	file.sha256 = HASH;
	assert_true(belongs(&file, of_both));
	assert_true(belongs(&file, of_alone));
	file.path = "/bin/y";
	assert_false(belongs(&file, of_both));
	assert_true(belongs(&file, of_alone));
}

static void judges_groups_and_users_as_rules_do(void **state)
{
	const struct rule host = {.container = STRINGS("none")}, unit = {.unit = STRINGS("a@*.service")},
			  user = {.user = STRINGS("ann"), .uid = NUMBERS(7, 8)}, gid = {.gid = NUMBERS(5)};
	uint16_t of_host, of_unit, of_user, of_gid;

	(void)state;
	of_host = number_of(CLASS_CGROUP, &host);
	of_unit = number_of(CLASS_CGROUP, &unit);
	of_user = number_of(CLASS_UID, &user);
	of_gid = number_of(CLASS_GID, &gid);
	assert_true(belongs(&(struct class_subject){.member = MEMBER_CGROUP, .cgroup = "/x"}, of_host));
	assert_false(
		belongs(&(struct class_subject){.member = MEMBER_CGROUP, .cgroup = "/x", .container = "c"}, of_host));
	assert_false(belongs(&(struct class_subject){.member = MEMBER_CGROUP, .cgroup = "/x", .unit = "b@1.service"},
			     of_unit));
	assert_true(belongs(&(struct class_subject){.member = MEMBER_CGROUP, .cgroup = "/x", .unit = "a@1.service"},
			    of_unit));
	assert_true(belongs(&(struct class_subject){.member = MEMBER_UID, .number = 7, .user = "ann"}, of_user));
	assert_false(belongs(&(struct class_subject){.member = MEMBER_UID, .number = 7, .user = "bob"}, of_user));
	assert_false(belongs(&(struct class_subject){.member = MEMBER_UID, .number = 9, .user = "ann"}, of_user));
	assert_true(belongs(&(struct class_subject){.member = MEMBER_GID, .number = 5}, of_gid));
	assert_false(belongs(&(struct class_subject){.member = MEMBER_GID, .number = 6}, of_gid));
}

static void copies_what_it_keeps(void **state)
{
	char path[] = "/bin/x";
	uint32_t id = 7;
	const char *paths[] = {path};
	struct rule rule = {.exe = {.values = paths, .count = 1}, .uid = {.values = &id, .count = 1}};
	struct classes other;
	uint16_t copied;

	(void)state;
	assert_int_equal(number_of(CLASS_EXE, &rule), 1);
	assert_int_equal(number_of(CLASS_UID, &rule), 1);
	path[5] = 'y';
	id = 8;
	assert_true(belongs(&(struct class_subject){.member = MEMBER_FILE, .path = "/bin/x"}, 1));
	assert_true(belongs(&(struct class_subject){.member = MEMBER_UID, .number = 7}, 1));
	classes_init(&other);
	assert_int_equal(classes_copy(&other, CLASS_EXE, &classes, 1, &copied), 0);
	assert_int_equal(copied, 1);
	assert_int_equal(classes_copy(&other, CLASS_EXE, &classes, 0, &copied), 0);
	assert_int_equal(copied, 0);
	classes_release(&classes);
	assert_string_equal(other.definitions[MEMBER_FILE][1]->exe.values[0], "/bin/x");
	classes_release(&other);
}

static void refuses_more_questions_than_there_are_bits(void **state)
{
	char path[32];
	const char *paths[] = {path};
	const struct rule rule = {.exe = {.values = paths, .count = 1}}, gid = {.gid = NUMBERS(1)};
	uint16_t number = 0;

	(void)state;
	for (int i = 1; i < CLASS_MAX; i++) {
		(void)snprintf(path, sizeof(path), "/bin/%d", i);
		assert_int_equal(number_of(CLASS_EXE, &rule), i);
	}
	(void)snprintf(path, sizeof(path), "/bin/one-more");
	assert_int_equal(classes_number(&classes, CLASS_EXE, &rule, &number), -ENOSPC);
	assert_int_equal(number, 0);
	(void)snprintf(path, sizeof(path), "/bin/5");
	assert_int_equal(number_of(CLASS_EXE, &rule), 5);
	assert_int_equal(number_of(CLASS_GID, &gid), 1); /* every kind of member has its own */
}

struct seen {
	char text[256];
	size_t used;
};

static int join_glob(void *context, const char *glob)
{
	struct seen *seen = context;

	seen->used += (size_t)snprintf(seen->text + seen->used, sizeof(seen->text) - seen->used, "%s ", glob);
	return strcmp(glob, "/stop") == 0 ? 9 : 0;
}

static void names_the_globs_of_files(void **state)
{
	const struct rule rules[] = {{.exe = STRINGS("/a", "/b"), .unit = STRINGS("u"), .cgroup = STRINGS("/c")},
				     {.ancestor = STRINGS("/d")},
				     {.script = STRINGS("/stop")},
				     {.exe = STRINGS("/e")}};
	struct seen seen = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		for (enum class_sort sort = 0; sort < CLASS_SORT_COUNT; sort++)
			(void)number_of(sort, &rules[i]);
	assert_int_equal(classes_each_glob(&classes, join_glob, &seen), 9);
	assert_string_equal(seen.text, "/a /b /d /stop ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(asks_each_different_question_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tells_programs_scripts_and_ancestors_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_hash_that_is_asked_for_and_not_known_holds_for_nobody, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(judges_groups_and_users_as_rules_do, set_up, tear_down),
		cmocka_unit_test_setup_teardown(copies_what_it_keeps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_more_questions_than_there_are_bits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_the_globs_of_files, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("classes", tests, NULL, NULL);
}

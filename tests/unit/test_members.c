/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_maps.h"

#include "abi.h"
#include "enforce/classes.h"
#include "enforce/members.h"
#include "identity/users.h"

#define MAP   0
#define ROOM  8
#define HASH  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PLACE 77

static const char *const program[] = {"/bin/x"}, *const scripts[] = {"/opt/*"}, *const names[] = {"ann"},
			 *const units[] = {"u.service"}, *const hashes[] = {HASH};
static const uint32_t gids[] = {5};

/* The questions of the tests; their numbers. */
static const struct rule is_program = {.exe = {program, 1}}, is_below_opt = {.exe = {scripts, 1}},
			 is_hashed = {.exe = {program, 1}, .sha256 = {hashes, 1}}, is_ann = {.user = {names, 1}},
			 is_unit = {.unit = {units, 1}}, is_group = {.gid = {gids, 1}};
enum { PROGRAM = 1, BELOW_OPT = 2, HASHED = 3, ANN = 1, UNIT = 1, GROUP = 1 };

static struct members *members;
static struct users *users;
static struct classes classes, other_classes;
static uint32_t generation;
static char passwd[64];

static void write_users(const char *text)
{
	FILE *file = fopen(passwd, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
	uint16_t number;
	int fd;

	(void)state;
	(void)snprintf(passwd, sizeof(passwd), "/tmp/members-XXXXXX");
	fd = mkstemp(passwd);
	assert_true(fd >= 0);
	(void)close(fd);
	write_users("root:x:0:0::/:\nann:x:1000:1000::/:\n");
	assert_int_equal(users_new(passwd, &users), 0);
	fake_map_new(MAP, sizeof(struct class_key), sizeof(struct class_value), ROOM);
	generation = 0;
	classes_init(&classes);
	classes_init(&other_classes);
	(void)classes_number(&classes, CLASS_EXE, &is_program, &number);
	(void)classes_number(&classes, CLASS_EXE, &is_below_opt, &number);
	(void)classes_number(&classes, CLASS_EXE, &is_hashed, &number);
	(void)classes_number(&classes, CLASS_UID, &is_ann, &number);
	(void)classes_number(&classes, CLASS_CGROUP, &is_unit, &number);
	(void)classes_number(&classes, CLASS_GID, &is_group, &number);
	(void)classes_number(&other_classes, CLASS_EXE, &is_below_opt, &number); /* 1 there */
	assert_int_equal(members_new(MAP, &generation, users, ROOM, &members), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	members_free(members);
	users_free(users);
	classes_release(&classes);
	classes_release(&other_classes);
	fake_maps_free();
	(void)unlink(passwd);
	return 0;
}

static struct image_file file_of(uint64_t ino)
{
	return (struct image_file){.file = {.ino = ino, .dev = 3, .generation = 4}, .ctime_sec = 5, .ctime_nsec = 6};
}

static const struct class_value *value_of_file(uint64_t ino, uint64_t place)
{
	const struct class_key key = {.id = ino,
				      .place = place,
				      .ctime_sec = 5,
				      .ctime_nsec = 6,
				      .dev = 3,
				      .generation = 4,
				      .member = MEMBER_FILE};

	return fake_value(MAP, &key);
}

static const struct class_value *value_of(enum class_member member, uint64_t number)
{
	const struct class_key key = {.id = number, .member = member};

	return fake_value(MAP, &key);
}

static int add(uint64_t ino, uint64_t place, const char *path, bool is_followed)
{
	const struct image_file file = file_of(ino);

	return members_add_file(members, &file, place, path, is_followed);
}

static void judges_a_file_in_both_banks_and_by_all_its_paths(void **state)
{
	const struct class_value *value;

	(void)state;
	assert_int_equal(members_set_bank(members, 1, &classes, 9), 0);
	assert_int_equal(add(1, 0, "/bin/x", false), 0);
	value = value_of_file(1, 0);
	assert_non_null(value);
	assert_int_equal(value->bits[1][0], 1 << PROGRAM);
	assert_int_equal(value->epochs[1], 9);
	assert_int_equal(value->epochs[0], 0);
	assert_int_equal(add(1, 0, "/opt/y", false), 0);
	value = value_of_file(1, 0);
	assert_int_equal(value->bits[1][0], 1 << PROGRAM | 1 << BELOW_OPT);
	assert_int_equal(members_set_bank(members, 0, &other_classes, 10), 0);
	value = value_of_file(1, 0);
	assert_int_equal(value->bits[0][0], 1 << 1);
	assert_int_equal(value->epochs[0], 10);
	assert_int_equal(value->bits[1][0], 1 << PROGRAM | 1 << BELOW_OPT);
	assert_int_equal(value->epochs[1], 9);
	assert_int_equal(members_set_bank(members, 1, NULL, 0), 0);
	assert_int_equal(add(2, 0, "/opt/z", false), 0);
	assert_int_equal(value_of_file(2, 0)->bits[0][0], 1 << 1);
	assert_int_equal(value_of_file(2, 0)->epochs[1], 0);
}

/* What was decided before must not stand when somebody's classes are others. */
static void makes_old_decisions_void_when_classes_change(void **state)
{
	const struct image_file file = file_of(1);
	uint32_t before;

	(void)state;
	assert_int_equal(members_set_bank(members, 1, &classes, 9), 0);
	before = generation;
	assert_int_equal(add(1, 0, "/somewhere", false), 0); /* no class, as without an entry */
	assert_int_equal(generation, before);
	assert_int_equal(add(1, 0, "/opt/y", false), 0);
	assert_int_equal(generation, ++before);
	assert_int_equal(add(1, 0, "/opt/y", false), 0); /* no news */
	assert_int_equal(generation, before);
	assert_int_equal(add(2, 0, "/bin/x", false), 0); /* a new one with a class */
	assert_int_equal(generation, ++before);
	assert_int_equal(add(2, PLACE, "/somewhere", false), 0); /* hides what the host says of it */
	assert_int_equal(generation, ++before);
	assert_int_equal(members_set_sha256(members, &file, 0, HASH), 0);
	assert_int_equal(generation, before); /* not a program that anybody wants the hash of */
	assert_int_equal(members_add_cgroup(members, 4, "/u", "u.service", NULL), 0);
	assert_int_equal(generation, ++before);
	assert_int_equal(members_set_bank(members, 0, &other_classes, 10), 0); /* a bank that is not in force */
	assert_int_equal(generation, before);
}

static void a_hash_counts_from_when_it_is_known(void **state)
{
	const struct image_file file = file_of(1), stranger = file_of(2);

	(void)state;
	assert_int_equal(members_set_bank(members, 1, &classes, 9), 0);
	assert_int_equal(add(1, 0, "/bin/x", false), 0);
	assert_int_equal(value_of_file(1, 0)->bits[1][0], 1 << PROGRAM);
	assert_false(members_have_sha256(members, &file, 0));
	assert_int_equal(members_set_sha256(members, &file, 0, HASH), 0);
	assert_int_equal(value_of_file(1, 0)->bits[1][0], 1 << PROGRAM | 1 << HASHED);
	assert_true(members_have_sha256(members, &file, 0));
	assert_false(members_have_sha256(members, &file, PLACE));
	assert_int_equal(members_set_sha256(members, &stranger, 0, HASH), -ENOENT);
	assert_int_equal(members_set_sha256(members, &file, 0, HASH "0"), -EINVAL);
}

static void says_of_a_control_group_what_its_path_says(void **state)
{
	(void)state;
	assert_int_equal(members_set_bank(members, 1, &classes, 9), 0);
	assert_false(members_have_cgroup(members, 4));
	assert_int_equal(members_add_cgroup(members, 4, "/u", "u.service", NULL), 0);
	assert_true(members_have_cgroup(members, 4));
	assert_int_equal(value_of(MEMBER_CGROUP, 4)->bits[1][0], 1 << UNIT);
	assert_int_equal(value_of(MEMBER_CGROUP, 4)->flags, CLASS_SETTLED);
	assert_int_equal(members_add_cgroup(members, 5, "/c", NULL, "id"), 0);
	assert_int_equal(value_of(MEMBER_CGROUP, 5)->bits[1][0], 0);
	assert_int_equal(value_of(MEMBER_CGROUP, 5)->epochs[1], 9);
	assert_int_equal(value_of(MEMBER_CGROUP, 5)->flags, CLASS_SETTLED | CLASS_CONTAINER);
	assert_int_equal(members_add_cgroup(members, 6, "/a.slice", NULL, NULL), 0);
	assert_int_equal(value_of(MEMBER_CGROUP, 6)->flags, 0);
	/* By its number it cannot be told: in no bank known. */
	assert_int_equal(members_add_cgroup(members, 7, NULL, NULL, NULL), 0);
	assert_int_equal(value_of(MEMBER_CGROUP, 7)->epochs[1], 0);
	assert_int_equal(value_of(MEMBER_CGROUP, 7)->flags, CLASS_CONTAINER);
}

static void follows_who_has_which_name(void **state)
{
	(void)state;
	assert_int_equal(members_set_bank(members, 1, &classes, 9), 0);
	assert_int_equal(value_of(MEMBER_UID, 1000)->bits[1][0], 1 << ANN);
	assert_null(value_of(MEMBER_UID, 0)); /* nobody asks for root */
	assert_int_equal(value_of(MEMBER_GID, 5)->bits[1][0], 1 << GROUP);
	write_users("root:x:0:0::/:\nbob:x:1000:1000::/:\nann:x:1001:1000::/longer:\n");
	assert_true(users_refresh(users));
	assert_int_equal(members_update_users(members), 0);
	assert_int_equal(value_of(MEMBER_UID, 1000)->bits[1][0], 0);
	assert_int_equal(value_of(MEMBER_UID, 1001)->bits[1][0], 1 << ANN);
}

static void forgets_whoever_was_told_of_longest_ago_but_nobody_it_follows(void **state)
{
	const struct image_file followed = file_of(1);

	(void)state;
	assert_int_equal(add(1, 0, "/bin/x", true), 0);
	for (uint64_t ino = 2; ino <= ROOM; ino++)
		assert_int_equal(add(ino, 0, "/bin/x", false), 0);
	assert_int_equal(add(2, 0, "/bin/x", false), 0); /* again: now 3 is the oldest */
	assert_int_equal(add(100, 0, "/bin/x", false), 0);
	assert_non_null(value_of_file(1, 0));
	assert_non_null(value_of_file(2, 0));
	assert_null(value_of_file(3, 0));
	assert_non_null(value_of_file(100, 0));
	assert_int_equal(members_stats(members).count, ROOM);
	assert_int_equal(members_stats(members).evicted, 1);
	members_unfollow(members, &followed);
	for (uint64_t ino = 200; ino < 200 + ROOM; ino++)
		assert_int_equal(add(ino, 0, "/bin/x", true), 0);
	assert_null(value_of_file(1, 0));
	assert_int_equal(add(300, 0, "/bin/x", false), -ENOMEM); /* all the room is taken by what is followed */
	assert_null(value_of_file(300, 0));
}

/* What the map does not take is unknown there, not what it was. */
static void takes_out_what_the_map_does_not_take(void **state)
{
	uint32_t before;

	(void)state;
	assert_int_equal(members_set_bank(members, 1, &classes, 9), 0);
	assert_int_equal(add(1, 0, "/bin/x", false), 0);
	before = generation;
	fake_maps[MAP].failure = -ENOMEM;
	fake_maps[MAP].calls_until_failure = 1;
	assert_int_equal(add(1, 0, "/opt/y", false), -ENOMEM);
	assert_null(value_of_file(1, 0));
	assert_int_equal(generation, before + 1);
	assert_int_equal(members_stats(members).failures, 1);
	assert_int_equal(add(1, 0, "/opt/y", false), 0); /* the next one tells of all */
	assert_int_equal(value_of_file(1, 0)->bits[1][0], 1 << PROGRAM | 1 << BELOW_OPT);
	fake_maps[MAP].calls_until_failure = 1;
	assert_int_equal(members_set_bank(members, 0, &other_classes, 10), -ENOMEM);
}

/* A user without an entry has no class: better the one that was there. */
static void keeps_a_user_when_the_map_takes_no_change(void **state)
{
	(void)state;
	assert_int_equal(members_set_bank(members, 1, &classes, 9), 0);
	fake_maps[MAP].failure = -ENOMEM;
	write_users("root:x:0:0::/:\nbob:x:1000:1000::/longer:\n");
	assert_true(users_refresh(users));
	fake_maps[MAP].calls_until_failure = 1;
	assert_int_equal(members_update_users(members), -ENOMEM);
	assert_int_equal(value_of(MEMBER_UID, 1000)->bits[1][0], 1 << ANN);
	assert_int_equal(members_update_users(members), 0);
	assert_int_equal(value_of(MEMBER_UID, 1000)->bits[1][0], 0);
}

static void takes_out_a_file_with_more_paths_than_it_keeps(void **state)
{
	char path[32];

	(void)state;
	assert_int_equal(members_set_bank(members, 1, &classes, 9), 0);
	for (int i = 0; i < 32; i++) {
		(void)snprintf(path, sizeof(path), "/opt/%d", i);
		assert_int_equal(add(1, 0, path, false), 0);
	}
	assert_int_equal(add(1, 0, "/bin/x", false), -E2BIG);
	assert_null(value_of_file(1, 0));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(judges_a_file_in_both_banks_and_by_all_its_paths),
		TEST(makes_old_decisions_void_when_classes_change),
		TEST(a_hash_counts_from_when_it_is_known),
		TEST(says_of_a_control_group_what_its_path_says),
		TEST(follows_who_has_which_name),
		TEST(forgets_whoever_was_told_of_longest_ago_but_nobody_it_follows),
		TEST(takes_out_what_the_map_does_not_take),
		TEST(keeps_a_user_when_the_map_takes_no_change),
		TEST(takes_out_a_file_with_more_paths_than_it_keeps),
	};

	return cmocka_run_group_tests_name("members", tests, NULL, NULL);
}

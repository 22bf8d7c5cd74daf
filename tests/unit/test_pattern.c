/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "policy/glob.h"
#include "sensor/name_hash.h"
#include "sensor/pattern.h"

static struct pattern_set *new_set(const char *const *patterns)
{
	struct pattern_set *set;

	assert_int_equal(pattern_set_new(glob_match, &set), 0);
	for (uint32_t i = 0; patterns[i]; i++)
		assert_int_equal(pattern_set_add(set, patterns[i], i, i), 0);
	return set;
}

/* The state after a path, a reference. */
static struct pattern_state *walk(struct pattern_set *set, const char *path, uid_t owner)
{
	struct pattern_state *state = pattern_state_ref(pattern_set_root(set));
	char copy[1024], *save = NULL;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	for (char *name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		struct pattern_state *next;

		assert_int_equal(pattern_step(set, state, name, owner, NULL, &next), 0);
		pattern_state_unref(state);
		state = next;
	}
	return state;
}

static int secret_of(struct pattern_set *set, const char *path)
{
	struct pattern_state *state = walk(set, path, PATTERN_OWNER_ANY);
	uint32_t secret = 0;
	int found = pattern_accepts(state, NULL, NULL, &secret) ? (int)secret : -1;

	assert_int_equal(found >= 0, pattern_state_accepts(state));
	pattern_state_unref(state);
	return found;
}

static void matches_what_the_globs_match(void **state)
{
	static const char *const patterns[] = {"/etc/shadow", "/home/*/.ssh/id_*", "/run/**",     "/a/**/b/*.key",
					       "/a/**/**/c",  "/x/[ab]?/f",        "/odd/\\/[*]", NULL};
	static const char *const paths[] = {
		"/etc/shadow",
		"/etc/shadow-",
		"/etc",
		"/home/u/.ssh/id_rsa",
		"/home/u/x/.ssh/id_rsa",
		"/run",
		"/run/a",
		"/run/a/b/c",
		"/a/b/x.key",
		"/a/1/2/b/x.key",
		"/a/1/2/b/y/x.key",
		"/a/c",
		"/a/1/c",
		"/a/c/c",
		"/x/a1/f",
		"/x/c1/f",
		"/x/a/f",
		"/odd/\\/*",
		"/odd/\\/x",
		"/home/.x/.ssh/id_",
		"/a/b/b/.key",
	};
	struct pattern_set *set = new_set(patterns);

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int expected = -1;

		for (int j = 0; patterns[j] && expected < 0; j++)
			if (glob_match(j == 4 ? "/a/**/c" : patterns[j], paths[i]))
				expected = j;
		if (secret_of(set, paths[i]) != expected)
			fail_msg("%s: %d, expected %d", paths[i], secret_of(set, paths[i]), expected);
	}
	pattern_set_free(set);
}

static void refuses_what_cannot_be_watched(void **state)
{
	static const char *const none[] = {NULL};
	struct pattern_set *set = new_set(none);
	char deep[401];

	(void)state;
	assert_int_equal(pattern_set_add(set, "relative", 0, 0), -EINVAL);
	assert_int_equal(pattern_set_add(set, "", 0, 0), -EINVAL);
	assert_int_equal(pattern_set_add(set, "/", 0, 0), -EINVAL);
	assert_int_equal(pattern_set_add(set, "/a/../b", 0, 0), -EINVAL);
	assert_int_equal(pattern_set_add(set, "/**", 0, 0), -EINVAL);
	assert_int_equal(pattern_set_add(set, "/*/**/x", 0, 0), -EINVAL);
	for (size_t i = 0; i < sizeof(deep); i++)
		deep[i] = i & 1 ? 'd' : '/';
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(pattern_set_add(set, deep, 0, 0), -E2BIG);
	pattern_set_free(set);
}

struct described {
	size_t names;
	uint32_t flags, depths;
	uint64_t wanted;
};

static int note_name(void *context, const char *name, uint32_t flags, uint32_t depths)
{
	struct described *described = context;

	described->names++;
	if (name_hash(name, strlen(name)) == described->wanted) {
		described->flags |= flags;
		described->depths |= depths;
	}
	return 0;
}

static struct directory_value describe(struct pattern_set *set, const char *path, const char *name,
				       struct described *described)
{
	struct pattern_state *at = walk(set, path, PATTERN_OWNER_ANY);
	struct directory_value value;

	*described = (struct described){.wanted = name_hash(name, strlen(name))};
	assert_int_equal(pattern_describe(set, at, &value, note_name, described), 0);
	pattern_state_unref(at);
	return value;
}

static void describes_directories_to_the_kernel(void **state)
{
	static const char *const patterns[] = {
		"/etc/shadow", "/etc/ssl/private/*", "/home/*/.ssh/id_*", "/home/*/.netrc", "/run/**/key", "/b/c/**",
		NULL};
	struct pattern_set *set = new_set(patterns);
	struct directory_value value;
	struct described described;

	(void)state;
	value = describe(set, "/etc", "shadow", &described);
	assert_int_equal(value.flags, 0);
	assert_int_equal(described.names, 2);
	assert_int_equal(described.flags, NAME_FILE);
	(void)describe(set, "/etc", "ssl", &described);
	assert_int_equal(described.flags, NAME_BRANCH);
	assert_int_equal(described.depths, 1 << 3);
	value = describe(set, "/home", "x", &described);
	assert_int_equal(value.flags, DIRECTORY_ANY_BRANCH);
	assert_int_equal(value.depths, 1 << 2 | 1 << 3);
	value = describe(set, "/home/u/.ssh", "x", &described);
	assert_int_equal(value.flags, DIRECTORY_ANY_NAME);
	value = describe(set, "/run/any/where", "x", &described);
	assert_int_equal(value.flags, DIRECTORY_TREE);
	assert_int_equal(described.names, 0);
	(void)describe(set, "/b", "c", &described);
	assert_int_equal(described.flags, NAME_BRANCH);
	assert_int_equal(described.depths & 1 << 2, 1 << 2);
	assert_true(described.depths & 1U << 31);
	pattern_set_free(set);
}

static void carries_states_through_links(void **state)
{
	static const char *const patterns[] = {"/var/run/db/*", NULL};
	struct pattern_set *set = new_set(patterns);
	struct pattern_state *at = walk(set, "/var/run", PATTERN_OWNER_ANY);
	struct pattern_link *link;
	struct described described;

	(void)state;
	assert_int_equal(secret_of(set, "/run/db/x"), -1);
	assert_int_equal(pattern_link_new(set, "/run", false, at, 0, &link), 0);
	assert_true(pattern_link_has(set, link, at, 0));
	assert_int_equal(secret_of(set, "/run/db/x"), 0);
	(void)describe(set, "/run", "db", &described);
	assert_int_equal(described.flags, NAME_BRANCH);
	pattern_link_free(set, link);
	assert_int_equal(secret_of(set, "/run/db/x"), -1);
	assert_int_equal(pattern_set_garbage(set), 1);
	assert_int_equal(pattern_link_new(set, "/", false, at, 0, &link), -EINVAL);
	pattern_state_unref(at);
	pattern_set_free(set);
}

static void does_not_carry_a_tree_through_a_link(void **state)
{
	static const char *const patterns[] = {"/t/**", NULL};
	struct pattern_set *set = new_set(patterns);
	struct pattern_state *at = walk(set, "/t/link", PATTERN_OWNER_ANY);
	struct pattern_link *link;

	(void)state;
	assert_int_equal(pattern_link_new(set, "/lib", false, at, 0, &link), 0);
	assert_int_equal(secret_of(set, "/lib"), 0);
	assert_int_equal(secret_of(set, "/lib/x"), -1);
	pattern_state_unref(at);
	pattern_set_free(set);
}

static void asks_who_owns_what_a_users_link_leads_to(void **state)
{
	static const char *const patterns[] = {"/home/*/key", NULL};
	struct pattern_set *set = new_set(patterns);
	struct pattern_state *at = walk(set, "/home/eve/key", PATTERN_OWNER_ANY), *step;
	struct pattern_link *link;
	bool matters = false;

	(void)state;
	assert_int_equal(pattern_link_new(set, "/lib", false, at, 1000, &link), 0);
	pattern_state_unref(at);
	assert_int_equal(pattern_step(set, pattern_set_root(set), "lib", 0, &matters, &step), 0);
	assert_true(matters);
	assert_false(pattern_state_accepts(step));
	pattern_state_unref(step);
	assert_int_equal(pattern_step(set, pattern_set_root(set), "lib", 1000, NULL, &step), 0);
	assert_true(pattern_state_accepts(step));
	pattern_state_unref(step);
	pattern_set_free(set);
}

static void survives_links_that_lead_to_each_other(void **state)
{
	static const char *const patterns[] = {"/a/x/*/key", "/b/y", NULL};
	struct pattern_set *set = new_set(patterns);
	struct pattern_state *a = walk(set, "/a/x", PATTERN_OWNER_ANY), *b = walk(set, "/b", PATTERN_OWNER_ANY);
	struct pattern_link *links[3];
	struct described described;

	(void)state;
	assert_int_equal(pattern_link_new(set, "/b", false, a, 0, &links[0]), 0);
	assert_int_equal(pattern_link_new(set, "/a/x", false, b, 0, &links[1]), 0);
	assert_int_equal(pattern_link_new(set, "/a/x/b/b/b", false, a, 0, &links[2]), 0);
	assert_int_equal(secret_of(set, "/b/any/key"), 0);
	assert_int_equal(secret_of(set, "/a/x/y"), 1);
	(void)describe(set, "/a", "x", &described);
	assert_int_equal(described.flags, NAME_BRANCH);
	pattern_state_unref(a);
	pattern_state_unref(b);
	pattern_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_what_the_globs_match),
		cmocka_unit_test(refuses_what_cannot_be_watched),
		cmocka_unit_test(describes_directories_to_the_kernel),
		cmocka_unit_test(carries_states_through_links),
		cmocka_unit_test(does_not_carry_a_tree_through_a_link),
		cmocka_unit_test(asks_who_owns_what_a_users_link_leads_to),
		cmocka_unit_test(survives_links_that_lead_to_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "policy/glob.h"

static void assert_match(const char *pattern, const char *path, bool expected)
{
	if (glob_match(pattern, path) != expected)
		fail_msg("'%s' %s '%s'", pattern, expected ? "must match" : "must not match", path);
}

static void takes_literal_paths_byte_by_byte(void **state)
{
	(void)state;
	assert_match("/etc/shadow", "/etc/shadow", true);
	assert_match("/etc/shadow", "/etc/shadow-", false);
	assert_match("/etc/shadow", "/etc/shado", false);
	assert_match("/etc/shadow", "/etc", false);
	assert_match("/etc", "/etc/shadow", false);
	assert_match("/etc/shadow", "etc/shadow", false);
	assert_match("/etc/shadow", "", false);
	assert_match("/a\\x2db", "/a\\x2db", true);
	assert_match("/\xff\xfe", "/\xff\xfe", true);
	assert_match("/a\nb", "/a\nb", true);
}

static void a_star_stays_inside_its_component(void **state)
{
	(void)state;
	assert_match("/home/*/.ssh/id_*", "/home/ann/.ssh/id_rsa", true);
	assert_match("/home/*/.ssh/id_*", "/home/ann/.ssh/id_", true);
	assert_match("/home/*/.ssh/id_*", "/home/ann/x/.ssh/id_rsa", false);
	assert_match("/home/*/.ssh/id_*", "/home/ann/.ssh/id_rsa/x", false);
	assert_match("/a/*b*c", "/a/xbxbxc", true);
	assert_match("/a/*b*c", "/a/xbxbxcd", false);
	assert_match("/a/*", "/a/.hidden", true);
	assert_match("/*", "/", true);
}

static void a_question_mark_takes_one_byte(void **state)
{
	(void)state;
	assert_match("/a?c", "/abc", true);
	assert_match("/a?c", "/ac", false);
	assert_match("/a?c", "/a/c", false);
	assert_match("/a?", "/a", false);
}

static void a_bracket_takes_one_byte_of_its_set(void **state)
{
	(void)state;
	assert_match("/k[0-9a]", "/k7", true);
	assert_match("/k[0-9a]", "/ka", true);
	assert_match("/k[0-9a]", "/kb", false);
	assert_match("/k[!0-9]", "/kb", true);
	assert_match("/k[^0-9]", "/k3", false);
	assert_match("/k[]]", "/k]", true);
	assert_match("/k[!]]", "/k]", false);
	assert_match("/k[a-]", "/k-", true);
	assert_match("/k[*]", "/k*", true);
	assert_match("/k[*]", "/kx", false);
	assert_match("/k[\x80-\xff]", "/k\xc3", true);
	assert_match("/k[!x]", "/k", false);
}

static void a_double_star_takes_any_number_of_components(void **state)
{
	(void)state;
	assert_match("/a/**/z", "/a/z", true);
	assert_match("/a/**/z", "/a/b/z", true);
	assert_match("/a/**/z", "/a/b/c/z", true);
	assert_match("/a/**/z", "/a/b/c", false);
	assert_match("/a/**/z", "/az", false);
	assert_match("/**/z", "/z", true);
	assert_match("/**/b/*/d/**/f", "/a/b/c/d/e/f", true);
	assert_match("/**/b/*/d/**/f", "/b/b/b/c/d/f", true);
	assert_match("/**/b/*/d/**/f", "/a/b/d/e/f", false);
}

static void a_double_star_at_the_end_means_all_below(void **state)
{
	(void)state;
	assert_match("/a/**", "/a/b", true);
	assert_match("/a/**", "/a/b/c", true);
	assert_match("/a/**", "/a", false);
	assert_match("/a/**", "/ab", false);
	assert_match("/a/**/b/**", "/a/b/c", true);
	assert_match("/a/**/b/**", "/a/b", false);
	assert_match("/a/**/b/**", "/a/b/b", true);
}

static void a_name_is_matched_without_its_path(void **state)
{
	(void)state;
	assert_true(glob_match_name("ssh*.service", 12, "sshd.service", 12));
	assert_false(glob_match_name("ssh*.service", 12, "sshd.socket", 11));
	assert_true(glob_match_name("*", 1, "", 0));
	assert_false(glob_match_name("", 0, "a", 1));
	assert_true(glob_match_name("", 0, "", 0));
}

static void knows_what_is_literal(void **state)
{
	(void)state;
	assert_true(glob_is_literal("/etc/shadow", 11));
	assert_false(glob_is_literal("/etc/*", 6));
	assert_true(glob_is_literal("/etc/*", 5));
	assert_false(glob_is_literal("/a?", 3));
	assert_false(glob_is_literal("/[a]", 4));
}

static void never_goes_back_more_than_once(void **state)
{
	char pattern[GLOB_SIZE_MAX + 1] = "/", path[GLOB_SIZE_MAX + 1] = "/";
	clock_t start = clock();

	(void)state;
	for (size_t i = 1; i + 3 < 256; i += 2) {
		pattern[i] = '*';
		pattern[i + 1] = 'a';
	}
	pattern[253] = 'b';
	memset(path + 1, 'a', sizeof(path) - 2);
	assert_match(pattern, path, false);
	memset(pattern, 0, sizeof(pattern));
	for (size_t i = 0; i + 5 < GLOB_SIZE_MAX; i += 5)
		memcpy(pattern + i, "/**/a", 5);
	for (size_t i = 0; i + 2 < GLOB_SIZE_MAX; i += 2)
		memcpy(path + i, "/a", 2);
	path[GLOB_SIZE_MAX - 1] = 'b';
	assert_match(pattern, path, false);
	/* An exponential matcher would not come back before the sun burns out; the bound is only against that. */
	assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
}

struct bad_pattern {
	const char *name;
	const char *pattern;
	const char *advice;
};

static char too_long[GLOB_SIZE_MAX + 2];

static const struct bad_pattern bad_patterns[] = {
	{"refuses_a_relative_pattern", "etc/shadow", "start it with \"/\""},
	{"refuses_an_empty_pattern", "", "start it with \"/\""},
	{"refuses_a_tilde", "~/x", "start it with \"/\""},
	{"refuses_the_root", "/", "names no file"},
	{"refuses_an_empty_component", "/a//b", "two slashes"},
	{"refuses_a_slash_at_the_end", "/a/", "\"/**\""},
	{"refuses_a_dot", "/a/./b", "\".\" as a component"},
	{"refuses_two_dots", "/a/../b", "\"..\" as a component"},
	{"refuses_two_dots_at_the_end", "/a/..", "\"..\" as a component"},
	{"refuses_a_double_star_after_text", "/a**", "whole component"},
	{"refuses_a_double_star_before_text", "/**a", "whole component"},
	{"refuses_three_stars", "/***", "whole component"},
	{"refuses_a_repeated_double_star", "/a/**/**/b", "write it once"},
	{"refuses_an_open_bracket", "/a[b", "no \"]\""},
	{"refuses_an_empty_bracket", "/a[]", "no \"]\""},
	{"refuses_an_empty_negated_bracket", "/a[!]", "no \"]\""},
	{"refuses_a_bracket_over_a_slash", "/a[b/c]", "no \"]\""},
	{"refuses_a_backward_range", "/a[z-a]", "backwards"},
	{"refuses_a_path_of_4096_bytes", too_long, "longer than 4095"},
};

static void refuses_a_bad_pattern(void **state)
{
	const struct bad_pattern *bad = *state;
	char why[256] = "";

	assert_int_equal(glob_check(bad->pattern, why, sizeof(why)), -EINVAL);
	if (!strstr(why, bad->advice))
		fail_msg("'%s' does not say '%s'", why, bad->advice);
	assert_int_equal(glob_check(bad->pattern, NULL, 0), -EINVAL);
}

static void accepts_what_it_can_match(void **state)
{
	static const char *const good[] = {
		"/a",    "/a/**",   "/**",    "/**/a", "/*",    "/a*b*",   "/[]]",
		"/[!]]", "/[*][*]", "/a/...", "/a/.b", "/\xff", "/a\\x2d", "/[**]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		char why[256] = "";

		if (glob_check(good[i], why, sizeof(why)) != 0)
			fail_msg("'%s': %s", good[i], why);
	}
	too_long[GLOB_SIZE_MAX] = '\0';
	assert_int_equal(glob_check(too_long, NULL, 0), 0);
	too_long[GLOB_SIZE_MAX] = 'a';
}

int main(void)
{
	struct CMUnitTest bad[sizeof(bad_patterns) / sizeof(*bad_patterns)] = {{.name = NULL}};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_literal_paths_byte_by_byte),
		cmocka_unit_test(a_star_stays_inside_its_component),
		cmocka_unit_test(a_question_mark_takes_one_byte),
		cmocka_unit_test(a_bracket_takes_one_byte_of_its_set),
		cmocka_unit_test(a_double_star_takes_any_number_of_components),
		cmocka_unit_test(a_double_star_at_the_end_means_all_below),
		cmocka_unit_test(a_name_is_matched_without_its_path),
		cmocka_unit_test(knows_what_is_literal),
		cmocka_unit_test(never_goes_back_more_than_once),
		cmocka_unit_test(accepts_what_it_can_match),
	};

	memset(too_long, 'a', sizeof(too_long) - 1);
	too_long[0] = '/';
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		bad[i] = (struct CMUnitTest){.name = bad_patterns[i].name,
					     .test_func = refuses_a_bad_pattern,
					     .initial_state = (void *)(uintptr_t)&bad_patterns[i]};
	return cmocka_run_group_tests_name("glob", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("glob: bad patterns", bad, NULL, NULL);
}

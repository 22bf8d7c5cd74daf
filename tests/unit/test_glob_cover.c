/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/glob.h"
#include "policy/glob_cover.h"

static void a_pattern_covers_itself_and_what_it_matches(void **state)
{
	static const char *const covered[][2] = {
		{"/a", "/a"},           {"/a/*", "/a/b"},       {"/a/*", "/a/b*"},         {"/a/*", "/a/[bc]?*"},
		{"/a/*", "/a/*"},       {"/a/b*", "/a/b*c"},    {"/a/*c", "/a/b*c"},       {"/a/b*d*", "/a/b*c*d?"},
		{"/a/?", "/a/b"},       {"/a/?", "/a/?"},       {"/a/?", "/a/[bc]"},       {"/a/[bc]", "/a/[bc]"},
		{"/a/[bc]", "/a/b"},    {"/a/**", "/a/**"},     {"/a/**", "/a/b"},         {"/a/**", "/a/*/c/**"},
		{"/a/**", "/a/**/c"},   {"/a/**/c", "/a/c"},    {"/a/**/c", "/a/b/**/c"},  {"/**/c", "/a/**/c"},
		{"/a/[]]", "/a/]"},     {"/a/[[]b", "/a/[[]b"}, {"/a/**/b/*", "/a/x/b/c"}, {"/*/b", "/a*/b"},
		{"/a/*/**", "/a/b/**"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(covered) / sizeof(*covered); i++)
		if (!glob_covers(covered[i][0], covered[i][1]))
			fail_msg("%s does not cover %s", covered[i][0], covered[i][1]);
}

static void a_pattern_does_not_cover_what_it_may_not_match(void **state)
{
	static const char *const others[][2] = {
		{"/a", "/b"},           {"/a", "/a*"},         {"/a/b", "/a/?"},
		{"/a/?", "/a/*"},       {"/a/[bc]", "/a/?"},   {"/a/b*", "/a/*"},
		{"/a/*", "/a/**"},      {"/a/*", "/a/b/c"},    {"/a/**", "/a"},
		{"/a/**", "/**"},       {"/a/**/c", "/a/**"},  {"/a/*/c", "/a/c"},
		{"/a/b*c", "/a/b*"},    {"/a/*/c", "/a/**/c"}, {"a", "/a"},
		{"/a/*b", "/a/*"},      {"/a/**", "/ab/c"},    {"/a/[!b]", "/a/b"},
		{"/a/*/**", "/a/**/c"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (glob_covers(others[i][0], others[i][1]))
			fail_msg("%s covers %s", others[i][0], others[i][1]);
}

static void names_are_covered_by_the_same_rules(void **state)
{
	(void)state;
	assert_true(glob_name_covers("*.service", "getty@*.service"));
	assert_true(glob_name_covers("*", "*"));
	assert_false(glob_name_covers("getty@*.service", "*.service"));
	assert_false(glob_name_covers("a", ""));
	assert_true(glob_name_covers("*", ""));
}

/* Texts of a small alphabet, so that many patterns match many paths. */
static void generate(char *out, size_t size, bool is_pattern)
{
	static const char *const pieces[] = {"a", "b", "/", "/", "*", "?", "[ab]", "/**", "[!a]"};
	size_t count = (size_t)(random() % 7) + 1;

	(void)snprintf(out, size, "/");
	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(out);

		(void)snprintf(out + used, size - used, "%s", pieces[random() % (is_pattern ? 9 : 4)]);
	}
}

static void what_is_covered_is_matched(void **state)
{
	enum { PATHS = 400, PAIRS = 20000 };
	static char paths[PATHS][64];
	unsigned long covered = 0;

	(void)state;
	srandom(7);
	for (size_t i = 0; i < PATHS; i++)
		generate(paths[i], sizeof(paths[i]), false);
	for (int i = 0; i < PAIRS; i++) {
		char whole[64], part[64];

		do
			generate(whole, sizeof(whole), true);
		while (glob_check(whole, NULL, 0) < 0);
		do
			generate(part, sizeof(part), true);
		while (glob_check(part, NULL, 0) < 0);
		if (!glob_covers(whole, part))
			continue;
		covered++;
		for (size_t j = 0; j < PATHS; j++)
			if (glob_match(part, paths[j]) && !glob_match(whole, paths[j]))
				fail_msg("%s is said to cover %s, but %s", whole, part, paths[j]);
	}
	assert_true(covered > 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pattern_covers_itself_and_what_it_matches),
		cmocka_unit_test(a_pattern_does_not_cover_what_it_may_not_match),
		cmocka_unit_test(names_are_covered_by_the_same_rules),
		cmocka_unit_test(what_is_covered_is_matched),
	};

	return cmocka_run_group_tests_name("glob_cover", tests, NULL, NULL);
}

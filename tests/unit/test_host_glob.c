/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/host_glob.h"
#include "host_fixture.h"

struct found {
	char text[1024];
	size_t stop_after;
};

static int on_found(void *context, const char *path, bool is_directory)
{
	struct found *found = context;
	size_t used = strlen(found->text);

	(void)snprintf(found->text + used, sizeof(found->text) - used, "%s%s ", path, is_directory ? "/" : "");
	return found->stop_after && --found->stop_after == 0;
}

static int setup(void **state)
{
	int r = host_setup(state);

	host_file("/etc/a", "");
	host_file("/etc/deep/one/key", "");
	host_folder("/etc/empty");
	host_link("/etc/link", "deep");
	host_link("/etc/dangling", "nowhere");
	host_link("/etc/deep/one/up", "..");
	return r;
}

static void assert_finds(const char *pattern, const char *expected)
{
	struct found found = {.stop_after = 0};
	size_t steps = 1000;

	assert_int_equal(host_glob(host_root, pattern, &steps, on_found, &found), 0);
	assert_string_equal(found.text, expected);
	assert_true(steps < 1000);
}

static void finds_what_each_pattern_names(void **state)
{
	(void)state;
	assert_finds("/etc/a", "/etc/a ");
	assert_finds("/etc/b", "");
	assert_finds("/etc/a/b", "");
	assert_finds("/etc/empty", "/etc/empty/ ");
	assert_finds("/etc/[a]", "/etc/a ");
	assert_finds("/etc/dangling", "");
	assert_finds("/etc/*k/one/*y", "/etc/link/one/key ");
	assert_finds("/etc/link/one/k*", "/etc/link/one/key ");
	assert_finds("/etc/empty/**", "");
	assert_finds("/nowhere/**/a", "");
}

static void two_stars_go_down_and_through_no_link(void **state)
{
	(void)state;
	assert_finds("/etc/**/key", "/etc/deep/one/key ");
	assert_finds("/**/one/**/key", "/etc/deep/one/key ");
	assert_finds("/etc/deep/one/**", "/etc/deep/one/key /etc/deep/one/up/ ");
}

static void ends_when_told_to(void **state)
{
	struct found found = {.stop_after = 1};
	size_t steps = 1000;

	(void)state;
	assert_int_equal(host_glob(host_root, "/etc/**", &steps, on_found, &found), 1);
	assert_null(strchr(strchr(found.text, ' ') + 1, ' '));
}

static void says_that_it_did_not_see_all(void **state)
{
	struct found found = {.stop_after = 0};
	size_t steps = 3;

	(void)state;
	assert_int_equal(host_glob(host_root, "/etc/**/nothing", &steps, on_found, &found), -ENOSPC);
	assert_int_equal(steps, 0);
	assert_int_equal(host_glob(host_root, "/etc/a", &steps, on_found, &found), -ENOSPC);
	assert_string_equal(found.text, "");
}

static void says_that_it_may_not_look(void **state)
{
	struct found found = {.stop_after = 0};
	size_t steps = 1000;
	int r;

	(void)state;
	assert_int_equal(chmod(host_root, 0755), 0);
	assert_int_equal(chmod(host_path("/etc/empty"), 0), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0); /* root may look anywhere */
	r = host_glob(host_root, "/etc/empty/*", &steps, on_found, &found);
	assert_int_equal(seteuid(getuid()), 0);
	assert_int_equal(r, -EACCES);
	assert_int_equal(chmod(host_path("/etc/empty"), 0755), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_each_pattern_names),
		cmocka_unit_test(two_stars_go_down_and_through_no_link),
		cmocka_unit_test(ends_when_told_to),
		cmocka_unit_test(says_that_it_did_not_see_all),
		cmocka_unit_test(says_that_it_may_not_look),
	};

	return cmocka_run_group_tests_name("host_glob", tests, setup, host_teardown);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/cgroup_cache.h"

#include <fcntl.h>
#include <limits.h>

#include "identity_fixture.h"

static struct test_directory proc; /* without any mount */

static int setup(void **state)
{
	(void)state;
	test_directory_make(&proc);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_directory_remove(&proc);
	return 0;
}

static void knows_what_it_was_told(void **state)
{
	struct cgroup_cache *cache;
	const struct cgroup *cgroup;

	(void)state;
	assert_int_equal(cgroup_cache_new(proc.path, 8, &cache), 0);
	assert_int_equal(cgroup_cache_add(cache, 5, "/system.slice/ssh.service"), 0);
	cgroup = cgroup_cache_find(cache, 5);
	assert_string_equal(cgroup->path, "/system.slice/ssh.service");
	assert_string_equal(cgroup->unit, "ssh.service");
	assert_null(cgroup->container);
	assert_null(cgroup->pod);
	cgroup_cache_free(cache);
}

static void says_nothing_of_a_group_it_does_not_know(void **state)
{
	struct cgroup_cache *cache;

	(void)state;
	assert_int_equal(cgroup_cache_new(proc.path, 8, &cache), 0);
	assert_string_equal(cgroup_cache_find(cache, 0)->path, "");
	assert_string_equal(cgroup_cache_find(cache, 77)->path, "");
	assert_null(cgroup_cache_find(cache, 77)->unit);
	assert_int_equal(cgroup_cache_add(cache, 77, "/init.scope"), 0);
	assert_string_equal(cgroup_cache_find(cache, 77)->unit, "init.scope");
	cgroup_cache_free(cache);
}

static void forgets_the_group_asked_for_longest_ago(void **state)
{
	struct cgroup_cache *cache;
	char path[32];

	(void)state;
	assert_int_equal(cgroup_cache_new(proc.path, 4, &cache), 0);
	for (uint64_t id = 1; id <= 5; id++) {
		(void)snprintf(path, sizeof(path), "/%" PRIu64, id);
		assert_int_equal(cgroup_cache_add(cache, id, path), 0);
		assert_string_equal(cgroup_cache_find(cache, 1)->path, "/1");
	}
	assert_int_equal(cgroup_cache_count(cache), 4);
	assert_string_equal(cgroup_cache_find(cache, 5)->path, "/5");
	assert_string_equal(cgroup_cache_find(cache, 2)->path, "");
	cgroup_cache_free(cache);
}

static void parses_mount_lines(void **state)
{
	char root[64];
	char point[64];

	(void)state;
	assert_true(cgroup_mount_parse("31 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n",
				       "cgroup2", root, point, sizeof(root)));
	assert_string_equal(root, "/");
	assert_string_equal(point, "/sys/fs/cgroup");
	assert_true(cgroup_mount_parse("31 24 0:26 /a\\040b /x\\134y rw - cgroup2 none rw", "cgroup2", root, point,
				       sizeof(root)));
	assert_string_equal(root, "/a b");
	assert_string_equal(point, "/x\\y");
	assert_false(cgroup_mount_parse("31 24 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu", "cgroup2", root,
					point, sizeof(root)));
	assert_false(
		cgroup_mount_parse("31 24 0:26 / /c rw - cgroup2x cgroup2 rw", "cgroup2", root, point, sizeof(root)));
	assert_false(cgroup_mount_parse("31 - cgroup2 x", "cgroup2", root, point, sizeof(root)));
	assert_false(cgroup_mount_parse("", "cgroup2", root, point, sizeof(root)));
	assert_false(cgroup_mount_parse("31 24 0:26 / /too/long/for/eight rw - cgroup2 cgroup2 rw", "cgroup2", root,
					point, 8));
}

/* The mount point of cgroup2 here, or false. */
static bool find_cgroup2(char point[PATH_MAX])
{
	char root[PATH_MAX];
	char *line = NULL;
	size_t capacity = 0;
	bool is_found = false;
	FILE *file = fopen("/proc/self/mountinfo", "re");

	while (file && !is_found && getline(&line, &capacity, file) > 0)
		is_found = cgroup_mount_parse(line, "cgroup2", root, point, PATH_MAX) && strcmp(root, "/") == 0;
	free(line);
	if (file)
		assert_int_equal(fclose(file), 0);
	return is_found;
}

static void finds_an_older_group_by_its_id(void **state)
{
	char point[PATH_MAX];
	char path[PATH_MAX + 64];
	struct cgroup_cache *cache;
	const struct cgroup *cgroup;
	struct stat st;
	char expected[64];

	(void)state;
	if (geteuid() != 0 || !find_cgroup2(point))
		skip();
	(void)snprintf(expected, sizeof(expected), "/identity-test-%d.service", getpid());
	(void)snprintf(path, sizeof(path), "%s%s", point, expected);
	if (mkdir(path, 0755) < 0)
		skip();
	assert_int_equal(stat(path, &st), 0); /* the inode number is the id where inodes have 64 bits */
	assert_int_equal(cgroup_cache_new("/proc", 8, &cache), 0);
	/* Another hierarchy may have a group of that id. */
	assert_int_equal(cgroup_cache_add(cache, st.st_ino, "/docker/other"), 0);
	cgroup = cgroup_cache_find(cache, st.st_ino);
	assert_int_equal(rmdir(path), 0);
	assert_string_equal(cgroup->path, expected);
	assert_string_equal(cgroup->unit, expected + 1);
	/* Still known when it is gone. */
	assert_string_equal(cgroup_cache_find(cache, st.st_ino)->path, expected);
	assert_int_equal(stat(point, &st), 0);
	assert_string_equal(cgroup_cache_find(cache, st.st_ino)->path, "/");
	assert_string_equal(cgroup_cache_find(cache, UINT64_MAX)->path, "");
	cgroup_cache_free(cache);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(knows_what_it_was_told),
		CASE(says_nothing_of_a_group_it_does_not_know),
		CASE(forgets_the_group_asked_for_longest_ago),
		CASE(parses_mount_lines),
		CASE(finds_an_older_group_by_its_id),
	};

	return cmocka_run_group_tests_name("cgroup_cache", tests, NULL, NULL);
}

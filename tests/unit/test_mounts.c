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

#include "sensor/mounts.h"

struct seen {
	char path[32];
	char points[512]; /* each followed by a newline */
	int done;
	struct mounts *mounts;
};

static void on_changed(void *context, const char *mount_point)
{
	struct seen *seen = context;
	size_t size = strlen(seen->points);

	(void)snprintf(seen->points + size, sizeof(seen->points) - size, "%s\n", mount_point);
}

static void on_done(void *context)
{
	struct seen *seen = context;

	seen->done++;
}

static void write_table(const struct seen *seen, const char *text)
{
	FILE *file = fopen(seen->path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

#define ROOT "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"

static int setup(void **state)
{
	struct seen *seen = calloc(1, sizeof(*seen));
	int fd;

	assert_non_null(seen);
	(void)snprintf(seen->path, sizeof(seen->path), "/tmp/mountsXXXXXX");
	fd = mkstemp(seen->path);
	assert_true(fd >= 0);
	(void)close(fd);
	write_table(seen, ROOT);
	assert_int_equal(mounts_new(NULL, seen->path, on_changed, on_done, seen, &seen->mounts), 0);
	*state = seen;
	return 0;
}

static int teardown(void **state)
{
	struct seen *seen = *state;

	mounts_free(seen->mounts);
	(void)unlink(seen->path);
	free(seen);
	return 0;
}

static void reports_mounts_that_come_and_go(void **state)
{
	struct seen *seen = *state;

	write_table(seen, ROOT "40 27 0:9 / /mnt/a rw shared:1 master:2 - tmpfs tmpfs rw\n"
			       "41 27 0:10 / /mnt/b rw - tmpfs tmpfs rw\n");
	assert_int_equal(mounts_update(seen->mounts), 0);
	assert_string_equal(seen->points, "/mnt/a\n/mnt/b\n");
	seen->points[0] = '\0';
	assert_int_equal(mounts_update(seen->mounts), 0);
	assert_string_equal(seen->points, "");
	write_table(seen, ROOT "42 27 0:9 / /mnt/a rw - tmpfs tmpfs rw\n");
	assert_int_equal(mounts_update(seen->mounts), 0);
	assert_string_equal(seen->points, "/mnt/a\n/mnt/b\n/mnt/a\n");
	assert_int_equal(seen->done, 3);
}

static void reads_escaped_names(void **state)
{
	struct seen *seen = *state;

	write_table(seen, ROOT "40 27 0:9 / /mnt/a\\040b\\012c\\134d\\9 rw - tmpfs tmpfs rw\n");
	assert_int_equal(mounts_update(seen->mounts), 0);
	assert_string_equal(seen->points, "/mnt/a b\nc\\d\\9\n");
}

static void skips_lines_that_are_none(void **state)
{
	struct seen *seen = *state;

	write_table(seen, "\n40\n40 27 0:9 /\nx y z a b\n" ROOT "40 27 0:9 / /mnt rw\n41 27 0:9 / /m2 rw - overlay\n");
	assert_int_equal(mounts_update(seen->mounts), 0);
	assert_string_equal(seen->points, "/mnt\n/m2\n");
}

static void refuses_a_table_that_is_not_there(void **state)
{
	struct mounts *mounts = NULL;

	assert_int_equal(mounts_new(NULL, "/nonexistent/mountinfo", on_changed, on_done, *state, &mounts), -ENOENT);
	assert_null(mounts);
}

static int collect(void *context, const char *real_path)
{
	on_changed(context, real_path);
	return 0;
}

static int stop(void *context, const char *real_path)
{
	on_changed(context, real_path);
	return 7;
}

static void knows_where_the_files_of_an_overlay_are(void **state)
{
	struct seen *seen = *state;

	write_table(seen,
		    ROOT "50 27 0:50 / /m rw - overlay overlay rw,lowerdir=/l1:/l\\134:2,upperdir=/u\\0541,workdir=/w\n"
			 "51 50 0:51 / /m/plain rw - tmpfs tmpfs rw\n");
	assert_int_equal(mounts_update(seen->mounts), 0);
	seen->points[0] = '\0';
	assert_int_equal(mounts_overlay_sources(seen->mounts, "/m/etc/key", collect, seen), 0);
	assert_string_equal(seen->points, "/u,1/etc/key\n/l1/etc/key\n/l:2/etc/key\n");
	seen->points[0] = '\0';
	assert_int_equal(mounts_overlay_sources(seen->mounts, "/m/plain/key", collect, seen), 0);
	assert_int_equal(mounts_overlay_sources(seen->mounts, "/mm/key", collect, seen), 0);
	assert_string_equal(seen->points, "");
	assert_int_equal(mounts_overlay_sources(seen->mounts, "/m/key", stop, seen), 7);
	assert_string_equal(seen->points, "/u,1/key\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reports_mounts_that_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_escaped_names, setup, teardown),
		cmocka_unit_test_setup_teardown(skips_lines_that_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_a_table_that_is_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(knows_where_the_files_of_an_overlay_are, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

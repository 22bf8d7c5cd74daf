/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "cli/grid.h"

static const struct grid_column columns[] = {
	{.title = "N", .is_number = true},
	{.title = "NAME", .shrinks = true},
	{.title = "EXE", .is_path = true, .shrinks = true},
};

static void expect(size_t width, size_t rows_max, const char *const *cells, const char *expected)
{
	struct buffer out = BUFFER_INIT(65536);
	struct grid *grid;

	assert_int_equal(grid_new(columns, 3, &grid), 0);
	for (; *cells; cells++)
		assert_int_equal(grid_cell(grid, *cells), 0);
	grid_write(grid, width, rows_max, &out);
	assert_false(out.failed);
	assert_string_equal(out.data, expected);
	grid_free(grid);
	buffer_release(&out);
}

static const char *const two_rows[] = {"1", "short", "/bin/a", "234", "a-longer-name", "/usr/lib/systemd/systemd",
				       NULL};

static void is_as_wide_as_its_cells(void **state)
{
	(void)state;
	expect(0, 10, two_rows,
	       "  N  NAME           EXE\n"
	       "  1  short          /bin/a\n"
	       "234  a-longer-name  /usr/lib/systemd/systemd\n");
	expect(0, 1, two_rows,
	       "  N  NAME           EXE\n"
	       "  1  short          /bin/a\n");
}

static void cuts_the_front_of_paths_and_the_end_of_names(void **state)
{
	(void)state;
	expect(28, 10, two_rows,
	       "  N  NAME        EXE\n"
	       "  1  short       /bin/a\n"
	       "234  a-longe...  .../systemd\n");
}

static void never_shrinks_below_what_is_readable(void **state)
{
	(void)state;
	expect(1, 10, two_rows,
	       "  N  NAME      EXE\n"
	       "  1  short     /bin/a\n"
	       "234  a-lon...  ...stemd\n");
}

static void escapes_and_leaves_out_a_row_that_is_not_full(void **state)
{
	static const char *const cells[] = {"1", "a\nb\x1b[2J", "\xff", "2", "lost", NULL};

	(void)state;
	expect(0, 10, cells,
	       "N  NAME         EXE\n"
	       "1  a\\nb\\x1b[2J  \\xff\n");
}

static void takes_only_so_many_columns(void **state)
{
	static const struct grid_column many[GRID_COLUMNS_MAX + 1];
	struct grid *grid = NULL;

	(void)state;
	assert_int_equal(grid_new(many, GRID_COLUMNS_MAX + 1, &grid), -EINVAL);
	assert_int_equal(grid_new(many, 0, &grid), -EINVAL);
	assert_null(grid);
	grid_free(NULL);
}

static void knows_wide_and_combining_characters(void **state)
{
	static const char *const cells[] = {"1", "\xe6\xbc\xa2\xe5\xad\x97", "x", "2", "e\xcc\x81", "y", NULL};

	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	expect(0, 10, cells,
	       "N  NAME  EXE\n"
	       "1  \xe6\xbc\xa2\xe5\xad\x97  x\n"
	       "2  e\xcc\x81     y\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_as_wide_as_its_cells),
		cmocka_unit_test(cuts_the_front_of_paths_and_the_end_of_names),
		cmocka_unit_test(never_shrinks_below_what_is_readable),
		cmocka_unit_test(escapes_and_leaves_out_a_row_that_is_not_full),
		cmocka_unit_test(takes_only_so_many_columns),
		cmocka_unit_test(knows_wide_and_combining_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

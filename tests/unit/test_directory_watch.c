/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sensor/directory_watch.h"

struct seen {
	char root[32];
	char text[1024]; /* "+name " a file, "/name " a directory, "! " gone */
	int drained, overflows, wd;
	struct event_base *base;
	struct directory_watch *watch;
};

static void on_name(void *context, int wd, const char *name, bool is_directory)
{
	struct seen *seen = context;
	size_t size = strlen(seen->text);

	assert_int_equal(wd, seen->wd);
	(void)snprintf(seen->text + size, sizeof(seen->text) - size, "%c%s ", is_directory ? '/' : '+', name);
}

static void on_gone(void *context, int wd)
{
	struct seen *seen = context;
	size_t size = strlen(seen->text);

	assert_int_equal(wd, seen->wd);
	(void)snprintf(seen->text + size, sizeof(seen->text) - size, "! ");
}

static void on_overflow(void *context)
{
	((struct seen *)context)->overflows++;
}

static void on_drained(void *context)
{
	struct seen *seen = context;

	seen->drained++;
	directory_watch_drain(seen->watch); /* does nothing */
}

static const struct directory_watch_ops ops = {
	.name = on_name, .gone = on_gone, .overflow = on_overflow, .drained = on_drained};

static void make(const struct seen *seen, const char *name)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", seen->root, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
}

static void remove_name(const struct seen *seen, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", seen->root, name);
	assert_int_equal(remove(path), 0);
}

static int watch_root(struct seen *seen, bool with_writes)
{
	int fd = open(seen->root, O_PATH | O_DIRECTORY | O_CLOEXEC), wd;

	assert_true(fd >= 0);
	wd = directory_watch_add(seen->watch, fd, with_writes ? IN_CLOSE_WRITE : 0);
	(void)close(fd);
	assert_true(wd >= 0);
	return wd;
}

static int setup(void **state)
{
	struct seen *seen = calloc(1, sizeof(*seen));

	assert_non_null(seen);
	(void)snprintf(seen->root, sizeof(seen->root), "/tmp/dirwatchXXXXXX");
	assert_non_null(mkdtemp(seen->root));
	seen->base = event_base_new();
	assert_non_null(seen->base);
	assert_int_equal(directory_watch_new(seen->base, &ops, seen, &seen->watch), 0);
	seen->wd = watch_root(seen, false);
	*state = seen;
	return 0;
}

static int teardown(void **state)
{
	struct seen *seen = *state;

	directory_watch_free(seen->watch);
	event_base_free(seen->base);
	(void)rmdir(seen->root);
	free(seen);
	return 0;
}

static void tells_of_names_through_the_loop(void **state)
{
	struct seen *seen = *state;
	char from[128], to[128];

	make(seen, "a");
	(void)snprintf(from, sizeof(from), "%s/a", seen->root);
	(void)snprintf(to, sizeof(to), "%s/d", seen->root);
	assert_int_equal(mkdir(to, 0700), 0);
	(void)snprintf(to, sizeof(to), "%s/b", seen->root);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(event_base_loop(seen->base, EVLOOP_ONCE), 0);
	assert_string_equal(seen->text, "+a /d +a +b ");
	assert_int_equal(seen->drained, 1);
	remove_name(seen, "b");
	remove_name(seen, "d");
	directory_watch_drain(seen->watch);
	assert_string_equal(seen->text, "+a /d +a +b +b /d ");
}

static void tells_of_writes_only_where_asked(void **state)
{
	struct seen *seen = *state;

	make(seen, "a");
	directory_watch_drain(seen->watch);
	assert_string_equal(seen->text, "+a ");
	/* The same directory is the same watch, and now tells more. */
	assert_int_equal(watch_root(seen, true), seen->wd);
	assert_int_equal(watch_root(seen, false), seen->wd);
	make(seen, "a");
	directory_watch_drain(seen->watch);
	assert_string_equal(seen->text, "+a +a ");
	remove_name(seen, "a");
}

static void tells_when_the_directory_is_gone(void **state)
{
	struct seen *seen = *state;

	assert_int_equal(rmdir(seen->root), 0);
	directory_watch_drain(seen->watch);
	assert_string_equal(seen->text, "! ");
}

static void tells_nothing_of_a_directory_that_is_no_longer_watched(void **state)
{
	struct seen *seen = *state;

	directory_watch_remove(seen->watch, seen->wd);
	make(seen, "a");
	directory_watch_drain(seen->watch);
	assert_string_equal(seen->text, "! ");
	remove_name(seen, "a");
}

static void tells_of_lost_events(void **state)
{
	struct seen *seen = *state;
	unsigned int limit = 16384;
	FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");

	if (file && fscanf(file, "%u", &limit) != 1)
		limit = 16384;
	if (file)
		(void)fclose(file);
	if (limit > 100000)
		skip();
	for (unsigned int i = 0; i <= limit / 2; i++) {
		make(seen, "a");
		remove_name(seen, "a");
	}
	for (int i = 0; i < 64 && seen->overflows == 0; i++)
		directory_watch_drain(seen->watch);
	assert_int_equal(seen->overflows, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tells_of_names_through_the_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_of_writes_only_where_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_when_the_directory_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_nothing_of_a_directory_that_is_no_longer_watched, setup,
						teardown),
		cmocka_unit_test_setup_teardown(tells_of_lost_events, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

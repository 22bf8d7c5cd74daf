/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"

static char directory[PATH_MAX];
static char path[PATH_MAX + 64];

static const char *in_directory(const char *name)
{
	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static const char *make_file(const char *name, const char *content, mode_t mode)
{
	int fd = open(in_directory(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
	return path;
}

static int make_directory(void **state)
{
	const char *parent = getenv("TMPDIR");

	(void)state;
	(void)snprintf(directory, sizeof(directory), "%s/test_file.XXXXXX", parent ? parent : "/tmp");
	return mkdtemp(directory) ? 0 : -1;
}

/* Takes away what a test made: a chain of "a" directories, or one entry. */
static int remove_directory(void **state)
{
	static const char *const names[] = {"a/b/c", "a/b", "a", "file", "link"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)remove(in_directory(names[i]));
	return rmdir(directory);
}

static void reads_a_whole_file_after_what_is_there(void **state)
{
	struct buffer out = BUFFER_INIT(100);

	(void)state;
	buffer_append_string(&out, "before ");
	assert_int_equal(file_read(make_file("file", "content", 0600), &out, NULL), 0);
	assert_string_equal(out.data, "before content");
	buffer_release(&out);
}

static void reads_an_empty_file(void **state)
{
	struct buffer out = BUFFER_INIT(100);

	(void)state;
	assert_int_equal(file_read(make_file("file", "", 0600), &out, NULL), 0);
	assert_int_equal(out.size, 0);
	buffer_release(&out);
}

static void reads_files_that_state_no_size(void **state)
{
	struct buffer out = BUFFER_INIT(1 << 20);

	(void)state;
	assert_int_equal(file_read("/proc/self/status", &out, NULL), 0);
	assert_non_null(strstr(out.data, "Name:"));
	buffer_release(&out);
}

static void expect_refused(const char *name, int code, const char *text)
{
	struct buffer out = BUFFER_INIT(8);
	struct error error = {.text = ""};

	buffer_append_string(&out, "kept");
	assert_int_equal(file_read(name, &out, &error), code);
	assert_non_null(strstr(error.text, text));
	assert_int_not_equal(strlen(error.file), 0);
	assert_string_equal(out.data, "kept");
	buffer_release(&out);
}

static void refuses_what_is_not_there(void **state)
{
	(void)state;
	expect_refused(in_directory("nothing"), -ENOENT, "No such file");
}

static void refuses_a_directory(void **state)
{
	(void)state;
	expect_refused(directory, -EISDIR, "directory");
}

static void refuses_a_pipe_without_blocking(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(in_directory("file"), 0600), 0);
	expect_refused(path, -EINVAL, "regular file");
}

static void refuses_devices_and_sockets(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	expect_refused("/dev/zero", -EINVAL, "regular file");
	assert_true(strlen(in_directory("file")) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	expect_refused(path, -EINVAL, "regular file");
	(void)close(fd);
}

static void refuses_a_file_larger_than_the_maximum(void **state)
{
	(void)state;
	expect_refused(make_file("file", "12345", 0600), -EFBIG, "larger than 8 bytes");
}

static void refuses_an_endless_file_at_the_maximum(void **state)
{
	(void)state;
	expect_refused("/proc/self/status", -EFBIG, "larger than 8 bytes");
}

static void refuses_a_name_that_is_too_long(void **state)
{
	char name[5000];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	expect_refused(name, -ENAMETOOLONG, "too long");
}

static void trusts_a_file_only_we_can_write(void **state)
{
	(void)state;
	assert_int_equal(file_check_trusted(make_file("file", "", 0644), NULL), 0);
	assert_int_equal(file_check_trusted(directory, NULL), 0);
}

static void distrusts_what_others_can_write(void **state)
{
	struct error error = {.text = ""};

	(void)state;
	assert_int_equal(file_check_trusted(make_file("file", "", 0620), &error), -EPERM);
	assert_non_null(strstr(error.text, "chmod g-w"));
	error.text[0] = '\0';
	assert_int_equal(file_check_trusted(make_file("file", "", 0606), &error), -EPERM);
	assert_non_null(strstr(error.text, "chmod go-w"));
	error.text[0] = '\0';
	assert_int_equal(file_check_trusted(in_directory("nothing"), &error), -ENOENT);
}

static void distrusts_a_stranger_s_file(void **state)
{
	struct error error = {.text = ""};

	(void)state;
	if (geteuid() != 0) {
		print_message("# skip: only root can give a file away\n");
		skip();
	}
	assert_int_equal(chown(make_file("file", "", 0600), 12345, 0), 0);
	assert_int_equal(file_check_trusted(path, &error), -EPERM);
	assert_non_null(strstr(error.text, "12345"));
}

static void looks_through_a_link_when_it_checks_trust(void **state)
{
	char target[PATH_MAX + 64];

	(void)state;
	(void)snprintf(target, sizeof(target), "%s", make_file("file", "", 0666));
	assert_int_equal(symlink(target, in_directory("link")), 0);
	assert_int_equal(file_check_trusted(path, NULL), -EPERM);
}

static void makes_directories_with_the_mode_asked_for(void **state)
{
	struct stat st;
	mode_t mask = umask(0);

	(void)state;
	assert_int_equal(file_make_directories(in_directory("a//b/c/"), 0710), 0);
	(void)umask(mask);
	assert_int_equal(stat(in_directory("a/b"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0710);
	assert_int_equal(stat(in_directory("a/b/c"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(file_make_directories(path, 0710), 0);
	assert_int_equal(file_make_directories("/", 0700), 0);
}

static void refuses_to_make_a_directory_of_a_file(void **state)
{
	char name[5000];

	(void)state;
	assert_int_equal(file_make_directories(make_file("file", "", 0600), 0700), -ENOTDIR);
	assert_int_equal(file_make_directories(in_directory("file/below"), 0700), -ENOTDIR);
	assert_int_equal(file_make_directories("", 0700), -ENOENT);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(file_make_directories(name, 0700), -ENAMETOOLONG);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_a_whole_file_after_what_is_there),
		TEST(reads_an_empty_file),
		TEST(reads_files_that_state_no_size),
		TEST(refuses_what_is_not_there),
		TEST(refuses_a_directory),
		TEST(refuses_a_pipe_without_blocking),
		TEST(refuses_devices_and_sockets),
		TEST(refuses_a_file_larger_than_the_maximum),
		TEST(refuses_an_endless_file_at_the_maximum),
		TEST(refuses_a_name_that_is_too_long),
		TEST(trusts_a_file_only_we_can_write),
		TEST(distrusts_what_others_can_write),
		TEST(distrusts_a_stranger_s_file),
		TEST(looks_through_a_link_when_it_checks_trust),
		TEST(makes_directories_with_the_mode_asked_for),
		TEST(refuses_to_make_a_directory_of_a_file),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}

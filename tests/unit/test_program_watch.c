/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_maps.h"

#include "enforce_fixture.h"

#include <event2/event.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "enforce/learner.h"
#include "enforce/members.h"
#include "enforce/program_watch.h"
#include "sensor/watch_sink.h"

static struct enforce_fixture f;
static struct event_base *base;
static struct learner *learner;
static struct program_watch *watch;
static char root[PATH_MAX];

/* ---------------------------------------------------------------- what the kernel says of descriptors */

static struct file_record record_of(int fd)
{
	struct file_record record = {0};
	struct statfs filesystem;
	struct stat stat;

	assert_int_equal(fstat(fd, &stat), 0);
	assert_int_equal(fstatfs(fd, &filesystem), 0);
	record.file = (struct file_id){.ino = stat.st_ino, .dev = (__u32)stat.st_dev, .generation = 1};
	record.mode = stat.st_mode;
	record.nlink = (__u32)stat.st_nlink;
	record.fs_magic = (__u32)filesystem.f_type;
	record.ctime_sec = stat.st_ctim.tv_sec;
	record.ctime_nsec = (__u32)stat.st_ctim.tv_nsec;
	return record;
}

static int identify(void *context, const int *fds, size_t count, struct file_record *ret_records)
{
	(void)context;
	for (size_t i = 0; i < count; i++)
		ret_records[i] = record_of(fds[i]);
	return 0;
}

static const struct watch_sink sink = {.identify = identify};

/* ---------------------------------------------------------------- files */

/* Four answers live at a time. */
static const char *at(const char *name)
{
	static char answers[4][PATH_MAX];
	static unsigned int next;
	char *answer = answers[next++ % 4];

	assert_true((size_t)snprintf(answer, PATH_MAX, "%.200s/%s", root, name) < PATH_MAX);
	return answer;
}

static void make(const char *name, mode_t mode)
{
	int fd = open(at(name), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static struct exe_id exe_of(const char *name)
{
	int fd = open(at(name), O_PATH | O_CLOEXEC);
	struct file_record record;

	assert_true(fd >= 0);
	record = record_of(fd);
	(void)close(fd);
	return (struct exe_id){.file = record.file, .ctime_sec = record.ctime_sec, .ctime_nsec = record.ctime_nsec};
}

static int bits_of(const char *name)
{
	const struct exe_id exe = exe_of(name);

	return enforce_bits(&f, &exe, 0);
}

/* Lets the events come in until the file has these classes. */
static void await_bits(const char *name, int bits)
{
	for (int i = 0; i < 2000 && bits_of(name) != bits; i++) {
		const struct timeval wait = {.tv_usec = 5000};

		(void)event_base_loopexit(base, &wait);
		(void)event_base_dispatch(base);
	}
	assert_int_equal(bits_of(name), bits);
}

/* The globs that the rules name, below the directory of the test, in force and followed. */
static void follow(const char *first, const char *second)
{
	struct error error = {0};
	char rules[2048];

	(void)snprintf(rules, sizeof(rules), "    - {name: a, exe: [%.200s%s]}\n    - {name: b, exe: [%.200s%s]}", root,
		       first, root, second);
	enforce_prepare(&f, rules);
	if (program_watch_load(watch, &error) < 0)
		fail_msg("%s", error.text);
	kernel_policy_flip(f.policy);
}

enum { A = 1 << 1, B = 1 << 2 };

/* ---------------------------------------------------------------- life */

static int set_up(void **state)
{
	const struct program_watch_config config = {
		.base = event_base_new(),
		.sink = &sink,
		.passwd_path = "/nonexistent",
		.mountinfo_path = "/proc/self/mountinfo",
		.max_files = 40,
		.max_directories = 40,
	};
	char name[] = "/tmp/programsXXXXXX";

	(void)state;
	base = config.base;
	assert_non_null(base);
	assert_non_null(mkdtemp(name));
	assert_non_null(realpath(name, root));
	assert_int_equal(mkdir(at("bin"), 0755), 0);
	enforce_open(&f);
	assert_int_equal(learner_new(f.policy, NULL, IMAGES_MAP, LINEAGE_MAP, &learner), 0);
	assert_int_equal(program_watch_new(&config, f.policy, learner, &watch), 0);
	return 0;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	program_watch_free(watch);
	learner_free(learner);
	enforce_close(&f);
	event_base_free(base);
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---------------------------------------------------------------- tests */

static void knows_programs_before_they_are_executed(void **state)
{
	(void)state;
	make("bin/x", 0755);
	make("bin/data", 0644);
	make("other", 0755);
	follow("/bin/*", "/bin/x");
	assert_int_equal(bits_of("bin/x"), A | B);
	assert_int_equal(bits_of("bin/data"), -1); /* nobody can execute it */
	assert_int_equal(bits_of("other"), -1);
	assert_int_equal(f.unfollowed[enforce_bank(&f)][0], 0);
	assert_int_equal(program_watch_stats(watch).unfollowed, 0);
	assert_true(program_watch_stats(watch).files >= 2);
}

/* A rule names what the kernel calls the program; a link is only a way to it. */
static void judges_by_the_path_without_links(void **state)
{
	(void)state;
	make("bin/x3", 0755);
	assert_int_equal(symlink("x3", at("bin/x")), 0);
	follow("/bin/x", "/bin/x3");
	assert_int_equal(bits_of("bin/x3"), B);
}

static void a_file_of_two_names_has_the_classes_of_both(void **state)
{
	(void)state;
	make("bin/x", 0755);
	assert_int_equal(link(at("bin/x"), at("bin/y")), 0);
	follow("/bin/x", "/bin/y");
	assert_int_equal(bits_of("bin/x"), A | B);
}

static void hears_of_new_replaced_and_changed_programs(void **state)
{
	struct exe_id former;

	(void)state;
	follow("/bin/x", "/bin/y");
	make("bin/x", 0755);
	await_bits("bin/x", A);
	former = exe_of("bin/x");
	make("new", 0755);
	assert_int_equal(rename(at("new"), at("bin/x")), 0); /* another file of that name */
	await_bits("bin/x", A);
	assert_int_equal(enforce_bits(&f, &former, 0), A); /* who runs the former one still does */
	make("bin/x", 0755);                               /* written over in place */
	await_bits("bin/x", A);
	assert_int_equal(chmod(at("bin/x"), 0711), 0);
	await_bits("bin/x", A);
	assert_int_equal(rename(at("bin/x"), at("bin/y")), 0);
	await_bits("bin/y", B);
	make("bin/x", 0644);
	assert_int_equal(chmod(at("bin/x"), 0755), 0);
	await_bits("bin/x", A);
}

static void follows_the_rules_of_both_banks(void **state)
{
	struct error error = {0};
	char rules[1024];

	(void)state;
	make("bin/x", 0755);
	make("bin/y", 0755);
	follow("/bin/x", "/bin/nothing");
	(void)snprintf(rules, sizeof(rules),
		       "    - {name: a, exe: [%.200s/bin/nothing]}\n    - {name: b, exe: [%.200s/bin/y]}", root, root);
	enforce_prepare(&f, rules);
	assert_int_equal(program_watch_load(watch, &error), 0);
	assert_int_equal(bits_of("bin/x"), A); /* the policy in force has lost nothing */
	kernel_policy_flip(f.policy);
	assert_int_equal(bits_of("bin/x"), 0);
	assert_int_equal(bits_of("bin/y"), B);
	kernel_policy_roll_back(f.policy);
	assert_int_equal(bits_of("bin/x"), A);
	assert_int_equal(bits_of("bin/y"), 0);
}

static void says_which_globs_it_does_not_follow(void **state)
{
	struct error error = {0};
	char name[32];

	(void)state;
	enforce_prepare(&f, "    - {name: a, exe: [/**/x]}\n    - {name: b, exe: [/bin/none]}");
	assert_int_equal(program_watch_load(watch, &error), 0);
	kernel_policy_flip(f.policy);
	assert_int_equal(f.unfollowed[enforce_bank(&f)][0], A);
	assert_int_equal(program_watch_stats(watch).unfollowed, 1);

	assert_int_equal(mkdir(at("tree"), 0755), 0);
	for (int i = 0; i < 4; i++) {
		(void)snprintf(name, sizeof(name), "tree/%d", i);
		make(name, 0755);
	}
	follow("/tree/**", "/bin/none");
	assert_int_equal(f.unfollowed[enforce_bank(&f)][0], 0);
	assert_int_equal(bits_of("tree/3"), A);
	for (int i = 4; i < 8; i++) { /* an eighth of what may be followed is for trees */
		(void)snprintf(name, sizeof(name), "tree/%d", i);
		make(name, 0755);
	}
	follow("/tree/**", "/bin/none");
	assert_int_equal(f.unfollowed[enforce_bank(&f)][0], A);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(knows_programs_before_they_are_executed),
		TEST(judges_by_the_path_without_links),
		TEST(a_file_of_two_names_has_the_classes_of_both),
		TEST(hears_of_new_replaced_and_changed_programs),
		TEST(follows_the_rules_of_both_banks),
		TEST(says_which_globs_it_does_not_follow),
	};

	return cmocka_run_group_tests_name("program_watch", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_maps.h"

#include "enforce_fixture.h"
#include "identity_fixture.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/worker.h"
#include "enforce/learner.h"
#include "enforce/members.h"
#include "identity/identity.h"

#define SHELL   10 /* inode numbers */
#define CAT     11
#define SCRIPT  77 /* as test_record_script() has it */
#define UNIT    500
#define DOCKER  501
#define NOWHERE 502
#define ID      "4f5d6a7b8c9d0e1f2a3b4c5d6e7f80910a1b2c3d4e5f60718293a4b5c6d7e8f9"

enum { A = 1 << 1, B = 1 << 2, C = 1 << 3 };

static struct enforce_fixture f;
static struct test_directory proc;
static struct event_base *base;
static struct worker_pool *pool;
static struct identity *identity;
static struct learner *learner;
static union record_space space;

static void open_all(const char *mounts, bool is_real)
{
	struct identity_config config = {.max_processes = 64,
					 .args = true,
					 .hash = true,
					 .hash_max_bytes = 1 << 28,
					 .passwd_path = "/nonexistent"};

	test_directory_make(&proc);
	if (mounts) {
		test_make_directory(&proc, "self");
		test_write_file(&proc, "self/mountinfo", mounts, strlen(mounts));
	}
	config.proc_root = is_real ? "/proc" : proc.path;
	enforce_open(&f);
	base = event_base_new();
	assert_non_null(base);
	assert_int_equal(worker_pool_new(base, 1, 16, &pool), 0);
	assert_int_equal(identity_new(base, pool, &config, &identity), 0);
	assert_int_equal(learner_new(f.policy, identity, IMAGES_MAP, LINEAGE_MAP, &learner), 0);
	identity_cgroup(identity, &space.cgroup, test_cgroup_record(&space, UNIT, "/system.slice/good.service"));
	identity_cgroup(identity, &space.cgroup,
			test_cgroup_record(&space, DOCKER, "/system.slice/docker-" ID ".scope"));
}

static int set_up(void **state)
{
	(void)state;
	open_all(NULL, false);
	return 0;
}

static int set_up_with_v1(void **state)
{
	(void)state;
	open_all("40 31 0:37 / /none rw - cgroup cgroup rw,name=systemd\n", false);
	return 0;
}

static int set_up_with_real_proc(void **state)
{
	(void)state;
	open_all(NULL, true);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	identity_free(identity);
	worker_pool_free(pool);
	event_base_free(base);
	learner_free(learner);
	enforce_close(&f);
	test_directory_remove(&proc);
	return 0;
}

static void enforce(const char *allow)
{
	enforce_prepare(&f, allow);
	learner_prepare(learner);
	kernel_policy_flip(f.policy);
}

/* A record as the kernel sends it, to identity and then to the learner. */
static void tell(enum record_type type, const struct task_snapshot *task, const char *path, const char *script)
{
	size_t size = test_process_record(&space, type, task, path, NULL, 0, task->id.pid);

	if (script)
		size = test_record_script(&space, script);
	identity_process(identity, &space.process, size);
	if (type == RECORD_SNAPSHOT)
		learner_adopt(learner, &space.process);
	else
		learner_process(learner, &space.process);
}

static struct task_snapshot task_in(uint32_t pid, uint32_t parent, uint64_t ino, uint64_t cgroup_id)
{
	struct task_snapshot task = test_task(pid, parent, ino, "x");

	task.cgroup_id = cgroup_id;
	task.exe.ctime_sec = 9;
	return task;
}

static struct exe_id script_id(void)
{
	return (struct exe_id){.file = {.ino = SCRIPT, .dev = 1}};
}

static void tells_of_a_program_and_its_script_when_they_are_executed(void **state)
{
	struct task_snapshot task = task_in(5, 1, SHELL, UNIT);
	const struct exe_id script = script_id();

	(void)state;
	enforce("    - {name: a, exe: [/bin/sh]}\n    - {name: b, exe: [/bin/sh], script: [/opt/*.sh]}");
	tell(RECORD_EXEC, &task, "/bin/sh", "/opt/backup.sh");
	assert_int_equal(enforce_bits(&f, &task.exe, 0), A);
	assert_int_equal(enforce_bits(&f, &script, 0), B);
	task = task_in(6, 1, CAT, UNIT);
	tell(RECORD_EXEC, &task, "/elsewhere/bin/sh", NULL);
	assert_int_equal(enforce_bits(&f, &task.exe, 0), 0);
	task = task_in(7, 1, CAT + 1, UNIT);
	tell(RECORD_FORK, &task, NULL, NULL);
	assert_int_equal(enforce_bits(&f, &task.exe, 0), -1); /* a fork executes nothing */
}

static void does_nothing_while_nothing_is_enforced(void **state)
{
	struct task_snapshot task = task_in(5, 1, SHELL, UNIT);

	(void)state;
	tell(RECORD_EXEC, &task, "/bin/sh", NULL);
	tell(RECORD_SNAPSHOT, &task, "/bin/sh", NULL);
	learner_cgroup(learner, UNIT);
	learner_doubt(learner, &task);
	assert_int_equal(fake_maps[CLASSES_MAP].count + fake_maps[IMAGES_MAP].count + fake_maps[LINEAGE_MAP].count, 0);
}

/* The paths of a container are its own: what is /bin/sh there is /bin/sh in it and nowhere else. */
static void keeps_the_programs_of_a_container_to_it(void **state)
{
	struct task_snapshot task = task_in(5, 1, SHELL, DOCKER);
	const struct class_key group = {.id = DOCKER, .member = MEMBER_CGROUP};
	const struct class_value *value;

	(void)state;
	enforce("    - {name: a, exe: [/bin/sh], container: ['*']}");
	tell(RECORD_EXEC, &task, "/bin/sh", NULL);
	assert_int_equal(enforce_bits(&f, &task.exe, DOCKER), A);
	assert_int_equal(enforce_bits(&f, &task.exe, 0), -1);
	value = fake_value(CLASSES_MAP, &group);
	assert_non_null(value);
	assert_int_equal(value->flags, CLASS_CONTAINER | CLASS_SETTLED);
	assert_int_equal(value->bits[enforce_bank(&f)][0], 1 << 1);
}

/* On a host with v1 hierarchies the root of the v2 one says nothing; the container's paths can be told of by no place.
 */
static void says_nothing_of_a_container_that_its_number_does_not_tell(void **state)
{
	struct task_snapshot task = task_in(5, 1, SHELL, NOWHERE);
	static const char group[] = "1:name=systemd:/docker/" ID "\n0::/\n";
	const struct class_key key = {.id = NOWHERE, .member = MEMBER_CGROUP};
	const struct class_value *value;

	(void)state;
	test_add_process(&proc, 5, 1, "/bin/sh");
	test_write_file(&proc, "5/cgroup", group, sizeof(group) - 1);
	identity_cgroup(identity, &space.cgroup, test_cgroup_record(&space, NOWHERE, "/"));
	enforce("    - {name: a, exe: [/bin/sh], container: ['*']}");
	tell(RECORD_EXEC, &task, "/bin/sh", NULL);
	assert_int_equal(enforce_bits(&f, &task.exe, NOWHERE), -1);
	assert_int_equal(enforce_bits(&f, &task.exe, 0), -1);
	value = fake_value(CLASSES_MAP, &key);
	assert_non_null(value);
	assert_int_equal(value->flags, CLASS_CONTAINER);
	assert_int_equal(value->epochs[enforce_bank(&f)], 0);
}

static void tells_of_a_group_that_was_made(void **state)
{
	const struct class_key key = {.id = UNIT, .member = MEMBER_CGROUP};
	const struct class_value *value;

	(void)state;
	enforce("    - {name: a, unit: [good.service]}");
	learner_cgroup(learner, UNIT);
	value = fake_value(CLASSES_MAP, &key);
	assert_non_null(value);
	assert_int_equal(value->bits[enforce_bank(&f)][0], A);
	assert_int_equal(value->flags, CLASS_SETTLED);
}

/* A process may replace what the kernel calls its program; the exec is what counts. */
static void learns_the_program_as_it_was_executed(void **state)
{
	struct task_snapshot task = task_in(5, 1, SHELL, UNIT), now;
	struct image_value image = {.start_ns = task.id.start_ns,
				    .exe = {.file = task.exe.file, .ctime_sec = 9},
				    .script = {.file = {.ino = SCRIPT, .dev = 1}}};
	const struct exe_id script = script_id();
	__u32 pid = 5;

	(void)state;
	tell(RECORD_EXEC, &task, "/tmp/evil", "/opt/backup.sh");
	enforce("    - {name: a, exe: [/usr/bin/cat]}\n    - {name: b, exe: [/tmp/evil]}\n    - {name: c, script: "
		"[/opt/*]}");
	assert_int_equal(bpf_map_update_elem(IMAGES_MAP, &pid, &image, BPF_ANY), 0);
	now = task_in(5, 1, CAT, UNIT);
	now.exe.ctime_sec = 70;
	learner_doubt(learner, &now);
	assert_int_equal(enforce_bits(&f, &now.exe, 0), -1);
	assert_int_equal(enforce_bits(&f, &task.exe, 0), B);
	assert_int_equal(enforce_bits(&f, &script, 0), C);
	/* An upgrade gave the file another ctime: the kernel asks by the one of the exec. */
	now = task;
	now.exe.ctime_sec = 71;
	learner_doubt(learner, &now);
	assert_int_equal(enforce_bits(&f, &now.exe, 0), -1);
}

static pid_t gone(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void adopts_who_was_there_before_and_lives(void **state)
{
	struct task_snapshot task = task_in((uint32_t)getpid(), 1, SHELL, UNIT),
			     dead = task_in((uint32_t)gone(), 1, CAT, UNIT);
	const struct image_value *image;
	__u32 pid = task.id.pid, dead_pid = dead.id.pid;
	struct image_value noted = {.start_ns = task.id.start_ns, .exe = {.file = {.ino = 1}}};

	(void)state;
	enforce("    - {name: a, exe: [/bin/sh]}\n    - {name: b, exe: [/bin/cat]}");
	tell(RECORD_SNAPSHOT, &task, "/bin/sh", NULL);
	image = fake_value(IMAGES_MAP, &pid);
	assert_non_null(image);
	assert_int_equal(image->start_ns, task.id.start_ns);
	assert_int_equal(image->exe.file.ino, SHELL);
	assert_int_equal(image->exe.ctime_sec, 9);
	assert_int_equal(image->flags, IMAGE_SCRIPT_UNKNOWN);
	assert_int_equal(enforce_bits(&f, &task.exe, 0), A);
	/* What the kernel noted in the meantime stands. */
	assert_int_equal(bpf_map_update_elem(IMAGES_MAP, &pid, &noted, BPF_ANY), 0);
	tell(RECORD_SNAPSHOT, &task, "/bin/sh", NULL);
	image = fake_value(IMAGES_MAP, &pid);
	assert_int_equal(image->exe.file.ino, 1);
	tell(RECORD_SNAPSHOT, &dead, "/bin/cat", NULL);
	assert_null(fake_value(IMAGES_MAP, &dead_pid));
	assert_int_equal(enforce_bits(&f, &dead.exe, 0), B);
}

static void tells_the_ancestors_in_both_banks(void **state)
{
	uint32_t self = (uint32_t)getpid();
	struct task_snapshot init = task_in(1, 0, 1, UNIT), shell = task_in(3, 1, SHELL, UNIT),
			     task = task_in(self, 3, CAT, UNIT), orphan = task_in((uint32_t)getppid(), 4321, CAT, UNIT);
	const struct lineage_value *value;
	__u32 pid = self;
	unsigned int bank;

	(void)state;
	enforce("    - {name: a, ancestor: [/sbin/init]}\n    - {name: b, ancestor: [/bin/sh]}\n"
		"    - {name: c, ancestor: [/bin/cat]}");
	assert_int_equal(f.tracking, TRACK_IMAGES | TRACK_LINEAGE);
	tell(RECORD_EXEC, &init, "/sbin/init", NULL);
	tell(RECORD_EXEC, &shell, "/bin/sh", NULL);
	tell(RECORD_EXEC, &task, "/bin/cat", NULL);
	value = fake_value(LINEAGE_MAP, &pid);
	bank = enforce_bank(&f);
	assert_non_null(value);
	assert_int_equal(value->start_ns, task.id.start_ns);
	assert_int_equal(value->epochs[bank], f.epochs[bank]);
	assert_int_equal(value->bits[bank][0] & (A | B | C), A | B); /* the process itself does not count */

	/* The other bank is filled before it is in force, and this one keeps what it has. */
	enforce_prepare(&f, "    - {name: a, ancestor: [/bin/none]}\n    - {name: b, ancestor: [/sbin/init]}");
	assert_int_not_equal(((const struct lineage_value *)fake_value(LINEAGE_MAP, &pid))->epochs[!bank],
			     f.epochs[!bank]);
	learner_prepare(learner);
	value = fake_value(LINEAGE_MAP, &pid);
	assert_int_equal(value->epochs[!bank], f.epochs[!bank]);
	assert_int_equal(value->bits[!bank][0] & (A | B | C), B);
	assert_int_equal(value->epochs[bank], f.epochs[bank]);
	assert_int_equal(value->bits[bank][0] & (A | B | C), A | B);

	/* Of whom the ancestors are not known, nothing is said. */
	pid = orphan.id.pid;
	tell(RECORD_EXEC, &orphan, "/bin/cat", NULL);
	assert_null(fake_value(LINEAGE_MAP, &pid));
}

static void hash_self(char ret_hex[crypto_hash_sha256_BYTES * 2 + 1])
{
	unsigned char data[65536], digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state hash;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ssize_t size;

	assert_true(fd >= 0);
	(void)crypto_hash_sha256_init(&hash);
	while ((size = read(fd, data, sizeof(data))) > 0)
		(void)crypto_hash_sha256_update(&hash, data, (unsigned long long)size);
	(void)close(fd);
	(void)crypto_hash_sha256_final(&hash, digest);
	(void)sodium_bin2hex(ret_hex, sizeof(digest) * 2 + 1, digest, sizeof(digest));
}

/* Of a program that nobody runs as far as identity was told. */
static void asks_for_the_hash_that_a_rule_wants(void **state)
{
	char path[PATH_MAX], rules[3 * PATH_MAX + 512], sha256[crypto_hash_sha256_BYTES * 2 + 1];
	struct image_file image;
	struct exe_id exe = {0};
	struct stat stat;

	(void)state;
	assert_non_null(realpath("/proc/self/exe", path));
	assert_int_equal(lstat(path, &stat), 0);
	hash_self(sha256);
	exe.file.ino = stat.st_ino;
	exe.file.dev = (__u32)(major(stat.st_dev) << 20 | minor(stat.st_dev));
	exe.ctime_sec = stat.st_ctim.tv_sec;
	exe.ctime_nsec = (__u32)stat.st_ctim.tv_nsec;
	image = (struct image_file){.file = exe.file, .ctime_sec = exe.ctime_sec, .ctime_nsec = exe.ctime_nsec};
	(void)snprintf(rules, sizeof(rules),
		       "    - {name: a, exe: [%s]}\n    - {name: b, exe: [%s], sha256: [%s]}\n"
		       "    - {name: c, exe: [%s], sha256: [" ID "]}",
		       path, path, sha256, path);
	enforce(rules);
	assert_int_equal(members_add_file(kernel_policy_members(f.policy), &image, 0, path, true), 0);
	assert_int_equal(enforce_bits(&f, &exe, 0), A);
	learner_want_hash(learner, &exe, "/bin/another"); /* nobody asks for its hash */
	assert_int_equal(identity_stats(identity).hashed, 0);
	learner_want_hash(learner, &exe, path);
	learner_want_hash(learner, &exe, path); /* once is enough */
	while (identity_stats(identity).hashed + identity_stats(identity).hash_failed == 0)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_int_equal(identity_stats(identity).hashed, 1);
	assert_int_equal(enforce_bits(&f, &exe, 0), A | B);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(tells_of_a_program_and_its_script_when_they_are_executed),
		TEST(does_nothing_while_nothing_is_enforced),
		TEST(keeps_the_programs_of_a_container_to_it),
		cmocka_unit_test_setup_teardown(says_nothing_of_a_container_that_its_number_does_not_tell,
						set_up_with_v1, tear_down),
		TEST(tells_of_a_group_that_was_made),
		TEST(learns_the_program_as_it_was_executed),
		TEST(adopts_who_was_there_before_and_lives),
		TEST(tells_the_ancestors_in_both_banks),
		cmocka_unit_test_setup_teardown(asks_for_the_hash_that_a_rule_wants, set_up_with_real_proc, tear_down),
	};

	return cmocka_run_group_tests_name("learner", tests, NULL, NULL);
}

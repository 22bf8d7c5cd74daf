/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are not known yet, below watched directories: who is asked about, by which directory, under which path. */
#include "bpf_fixture.h"

#include <sched.h>

#include "sensor.skel.h"
#include "sensor/kernel_tables.h"

#define DEPTH(n) (1U << (n))

/* The path of the record's candidate from the watched directory down, as "a/b/key". */
static const char *candidate_path(const struct access_record *record)
{
	static char path[ABI_PATH_MAX * 2];
	size_t size = record->path_size, used = 0;

	path[0] = '\0';
	while (size > 0) {
		size_t begin = size - 1;

		assert_int_equal(record->path[size - 1], '\0');
		while (begin > 0 && record->path[begin - 1] != '\0')
			begin--;
		used += (size_t)snprintf(path + used, sizeof(path) - used, "%s%s", used ? "/" : "",
					 record->path + begin);
		size = begin;
	}
	return path;
}

/* Is a child's open of the file a candidate of the directory, under that path below it? NULL: it must be none. */
static void expect(struct bpf_fixture *f, const char *file, const struct file_id *directory, const char *path)
{
	pid_t pid = child_run(open_once, at(f, file));
	size_t count = accesses_by(f, pid);
	const struct access_record *record;
	struct file_id id;

	if (count != (path != NULL))
		fail_msg("%s: %zu records", file, count);
	if (!path)
		return;
	record = access_at(f, 0);
	id = identity_of(f, at(f, file));
	assert_int_equal(f->accesses.at[0].size, sizeof(*record) + record->path_size);
	assert_int_equal(record->value.flags, ACCESS_CANDIDATE);
	assert_int_equal(record->path_flags, 0);
	assert_id_equal(&record->key.file, &id);
	assert_id_equal(&record->value.watched_dir, directory);
	assert_string_equal(candidate_path(record), path);
	assert_int_equal(counter_of(f, &record->key).count, 1);
	forget_records(&f->accesses);
}

/* ---------------------------------------------------------------- which files a directory wants */

static void wants_all_files_of_a_tree(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;

	(void)make_file(f, "d/key");
	(void)make_file(f, "d/a/b/c/key");
	(void)make_file(f, "other");
	START(f, open_program(f));
	id = watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	expect(f, "d/key", &id, "key");
	expect(f, "d/a/b/c/key", &id, "a/b/c/key");
	expect(f, "other", NULL, NULL);
}

static void wants_all_files_directly_inside(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;

	(void)make_file(f, "d/key");
	(void)make_file(f, "d/a/key");
	START(f, open_program(f));
	id = watch_directory(f, at(f, "d"), DIRECTORY_ANY_NAME, DEPTH(1));
	expect(f, "d/key", &id, "key");
	expect(f, "d/a/key", NULL, NULL);
}

static void wants_files_of_any_branch_at_its_depths(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;

	(void)make_file(f, "d/key");
	(void)make_file(f, "d/a/key");
	(void)make_file(f, "d/a/b/key");
	(void)make_file(f, "d/a/b/c/key");
	START(f, open_program(f));
	id = watch_directory(f, at(f, "d"), DIRECTORY_ANY_BRANCH, DEPTH(2) | DEPTH(4));
	expect(f, "d/key", NULL, NULL);
	expect(f, "d/a/key", &id, "a/key");
	expect(f, "d/a/b/key", NULL, NULL);
	expect(f, "d/a/b/c/key", &id, "a/b/c/key");
}

static void wants_files_by_name(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;

	(void)make_file(f, "d/key");
	(void)make_file(f, "d/keys");
	(void)make_file(f, "d/branch/other");
	(void)make_file(f, "d/branch/b/other");
	(void)make_file(f, "d/stranger/other");
	(void)make_file(f, "d/file/key"); /* a directory under a name of a file */
	START(f, open_program(f));
	id = watch_directory(f, at(f, "d"), 0, DEPTH(1) | DEPTH(2));
	watch_name(f, &id, "key", NAME_FILE, 0);
	watch_name(f, &id, "file", NAME_FILE, 0);
	watch_name(f, &id, "branch", NAME_BRANCH, DEPTH(2));
	expect(f, "d/key", &id, "key");
	expect(f, "d/keys", NULL, NULL);
	expect(f, "d/branch/other", &id, "branch/other");
	expect(f, "d/branch/b/other", NULL, NULL);
	expect(f, "d/stranger/other", NULL, NULL);
	expect(f, "d/file/key", NULL, NULL);
}

static void wants_a_branch_at_each_of_its_depths(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;

	(void)make_file(f, "d/a/key");
	(void)make_file(f, "d/a/b/key");
	(void)make_file(f, "d/a/b/c/key");
	START(f, open_program(f));
	id = watch_directory(f, at(f, "d"), 0, DEPTH(2) | DEPTH(3) | DEPTH(4));
	watch_name(f, &id, "a", NAME_BRANCH, DEPTH(3));
	expect(f, "d/a/key", NULL, NULL);
	expect(f, "d/a/b/key", &id, "a/b/key");
	expect(f, "d/a/b/c/key", NULL, NULL);
}

static void knows_names_of_every_length(void **state)
{
	struct bpf_fixture *f = *state;
	char name[NAME_MAX + 1], path[NAME_MAX + 3];
	struct file_id id;

	(void)make_file(f, "d/x");
	START(f, open_program(f));
	id = watch_directory(f, at(f, "d"), 0, DEPTH(1));
	for (size_t size = 1; size <= NAME_MAX; size = size < 40 ? size + 1 : size + 43) {
		memset(name, 'n', size);
		name[size - 1] = (char)('a' + size % 26);
		name[size] = '\0';
		(void)snprintf(path, sizeof(path), "d/%s", name);
		(void)make_file(f, path);
		expect(f, path, NULL, NULL);
		watch_name(f, &id, name, NAME_FILE, 0);
		expect(f, path, &id, name);
	}
	(void)make_file(f, "d/\xff \n\t\x01");
	watch_name(f, &id, "\xff \n\t\x01", NAME_FILE, 0);
	expect(f, "d/\xff \n\t\x01", &id, "\xff \n\t\x01");
}

static void lets_the_innermost_directory_decide(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id outer, inner;

	(void)make_file(f, "d/key");
	(void)make_file(f, "d/inner/key");
	(void)make_file(f, "d/inner/other");
	(void)make_file(f, "d/inner/a/key");
	START(f, open_program(f));
	outer = watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	inner = watch_directory(f, at(f, "d/inner"), 0, DEPTH(1));
	watch_name(f, &inner, "key", NAME_FILE, 0);
	expect(f, "d/key", &outer, "key");
	expect(f, "d/inner/key", &inner, "key");
	expect(f, "d/inner/other", NULL, NULL);
	expect(f, "d/inner/a/key", NULL, NULL);
}

static void prefers_what_is_known(void **state)
{
	struct bpf_fixture *f = *state;
	const struct access_record *record;
	pid_t pid;

	(void)make_file(f, "d/key");
	START(f, open_program(f));
	(void)watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	(void)watch(f, at(f, "d/key"));
	pid = child_run(open_once, at(f, "d/key"));
	assert_int_equal(accesses_by(f, pid), 1);
	record = access_at(f, 0);
	assert_int_equal(record->value.flags, 0);
	assert_int_equal(record->path_size, 0);
}

static int open_directory(const void *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0 ? errno : 0;
}

static void asks_about_regular_files_only(void **state)
{
	struct bpf_fixture *f = *state;
	pid_t pid;

	(void)make_file(f, "d/directory/file");
	START(f, open_program(f));
	(void)watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	pid = child_run(open_directory, at(f, "d/directory"));
	assert_int_equal(accesses_by(f, pid), 0);
}

/* Sees a file that nobody could have looked at before it was opened. */
static int create_and_open(const void *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? errno : (close(fd), 0);
}

static void sees_a_file_that_the_open_itself_makes(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;
	pid_t pid;

	assert_int_equal(mkdir(at(f, "d"), 0755), 0);
	START(f, open_program(f));
	id = watch_directory(f, at(f, "d"), DIRECTORY_ANY_NAME, 0);
	pid = child_run(create_and_open, at(f, "d/new"));
	assert_int_equal(accesses_by(f, pid), 1);
	assert_id_equal(&access_at(f, 0)->value.watched_dir, &id);
	assert_string_equal(candidate_path(access_at(f, 0)), "new");
	assert_int_equal(access_at(f, 0)->key.mode, MODE_READ | MODE_WRITE);
}

/* ---------------------------------------------------------------- what was decided to be no secret */

static void ignore(struct bpf_fixture *f, const char *file, const struct file_id *parent, const char *name)
{
	const struct ignored_value value = {.parent_ino = parent->ino, .name_hash = name_hash(name, strlen(name))};
	struct file_id id = identity_of(f, at(f, file));

	assert_int_equal(kernel_tables_sink.set_ignored(&f->tables, &id, &value), 0);
}

static void asks_no_more_about_what_is_ignored(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;

	(void)make_file(f, "d/key");
	START(f, open_program(f));
	id = watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	ignore(f, "d/key", &id, "key");
	expect(f, "d/key", NULL, NULL);
	assert_int_equal(kernel_tables_sink.clear_ignored(&f->tables), 0);
	expect(f, "d/key", &id, "key");
}

static void asks_again_when_an_ignored_file_is_renamed(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;

	(void)make_file(f, "d/key");
	(void)make_file(f, "d/a/x");
	START(f, open_program(f));
	id = watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	ignore(f, "d/key", &id, "key");
	assert_int_equal(rename(at(f, "d/key"), at(f, "d/kez")), 0);
	expect(f, "d/kez", &id, "kez");
	assert_int_equal(rename(at(f, "d/kez"), at(f, "d/a/key")), 0); /* its name, elsewhere */
	expect(f, "d/a/key", &id, "a/key");
	assert_int_equal(rename(at(f, "d/a/key"), at(f, "d/key")), 0); /* as it was decided */
	expect(f, "d/key", NULL, NULL);
}

/* ---------------------------------------------------------------- mounts */

static const struct bpf_fixture *mounting;

static int mount_inside(const void *file)
{
	int fd;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", at(mounting, "d/mnt"), "tmpfs", 0, NULL) < 0 || mkdir(at(mounting, "d/mnt/a"), 0755) < 0)
		return errno;
	fd = open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? errno : (close(fd), 0);
}

static void walks_up_through_mounts(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;
	pid_t pid;

	(void)make_file(f, "d/mnt/x");
	START(f, open_program(f));
	id = watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	mounting = f;
	pid = child_run(mount_inside, at(f, "d/mnt/a/key"));
	assert_int_equal(accesses_by(f, pid), 1);
	assert_id_equal(&access_at(f, 0)->value.watched_dir, &id);
	assert_string_equal(candidate_path(access_at(f, 0)), "mnt/a/key");
	assert_int_equal(access_at(f, 0)->path_flags, 0);
}

static int bind_and_open(const void *file)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(at(mounting, "d/a"), at(mounting, "elsewhere"), NULL, MS_BIND, NULL) < 0)
		return errno;
	return open_once(file);
}

static void is_not_fooled_by_a_bind_mount_of_a_folder(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;
	pid_t pid;

	(void)make_file(f, "d/a/key");
	assert_int_equal(mkdir(at(f, "elsewhere"), 0755), 0);
	START(f, open_program(f));
	id = watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	mounting = f;
	pid = child_run(bind_and_open, at(f, "elsewhere/key"));
	assert_int_equal(accesses_by(f, pid), 1);
	assert_id_equal(&access_at(f, 0)->value.watched_dir, &id);
	assert_string_equal(candidate_path(access_at(f, 0)), "a/key");
}

static int bind_root_and_open(const void *file)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("/", at(mounting, "d/root"), NULL, MS_BIND, NULL) < 0)
		return errno;
	return open_once(file);
}

/* The shortcut for walks that end at the host's root must not hide what is above a mount of that root. */
static void walks_up_through_a_mount_of_the_root(void **state)
{
	struct bpf_fixture *f = *state;
	const char *file = at(f, "d/root/etc/passwd");
	struct file_id id;
	pid_t pid;

	(void)make_file(f, "d/root/x");
	START(f, open_program(f));
	(void)identity_of(f, "/"); /* now the programs know the root */
	id = watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	mounting = f;
	pid = child_run(bind_root_and_open, file);
	assert_int_equal(accesses_by(f, pid), 1);
	assert_id_equal(&access_at(f, 0)->value.watched_dir, &id);
	assert_string_equal(candidate_path(access_at(f, 0)), "root/etc/passwd");
}

/* ---------------------------------------------------------------- depth */

#define DEPTH_MAX 80

/* "d/0/0/.../key" with so many directories below d. */
static const char *deep_name(size_t depth)
{
	static char names[2][DEPTH_MAX * 2 + 16];
	static unsigned int next;
	char *name = names[next++ % 2];
	size_t used = (size_t)snprintf(name, sizeof(names[0]), "d");

	for (size_t i = 0; i < depth; i++)
		used += (size_t)snprintf(name + used, sizeof(names[0]) - used, "/0");
	(void)snprintf(name + used, sizeof(names[0]) - used, "/key");
	return name;
}

static void finds_the_directory_above_deep_trees(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;

	(void)make_file(f, deep_name(ABI_PATH_DEPTH - 1));
	START(f, open_program(f));
	id = watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	for (size_t depth = 0; depth < ABI_PATH_DEPTH; depth += depth < 40 ? 13 : 1) {
		const char *name = deep_name(depth);

		(void)make_file(f, name);
		expect(f, name, &id, name + 2);
	}
	assert_int_equal(all_cpus(f).losses[LOSS_PARENT_WALK], 0);
}

static void counts_walks_that_are_too_deep_as_losses(void **state)
{
	struct bpf_fixture *f = *state;
	uint64_t before;
	pid_t pid;

	(void)make_file(f, deep_name(DEPTH_MAX));
	START(f, open_program(f));
	(void)watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	before = all_cpus(f).losses[LOSS_PARENT_WALK];
	pid = child_run(open_once, at(f, deep_name(DEPTH_MAX)));
	assert_int_equal(accesses_by(f, pid), 0);
	assert_true(all_cpus(f).losses[LOSS_PARENT_WALK] > before);
}

/* Depths of 31 and more share one bit. */
static void takes_all_great_depths_as_one(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;

	(void)make_file(f, deep_name(40));
	(void)make_file(f, deep_name(28));
	START(f, open_program(f));
	id = watch_directory(f, at(f, "d"), DIRECTORY_ANY_BRANCH, DEPTH(31));
	expect(f, deep_name(40), &id, deep_name(40) + 2);
	expect(f, deep_name(28), NULL, NULL);
}

/* Components of the greatest length: more than there is room for, and the record says so. */
static void marks_a_path_that_is_too_long(void **state)
{
	struct bpf_fixture *f = *state;
	char name[NAME_MAX + 1];
	const struct access_record *record;
	pid_t pid;
	int fd;

	memset(name, 'n', NAME_MAX);
	name[NAME_MAX] = '\0';
	assert_int_equal(mkdir(at(f, "d"), 0755), 0);
	START(f, open_program(f));
	(void)watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	fd = open(at(f, "d"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 20; i++) {
		int below;

		assert_true(fd >= 0);
		assert_int_equal(mkdirat(fd, name, 0755), 0);
		below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)close(fd);
		fd = below;
	}
	assert_int_equal(fchdir(fd), 0);
	(void)close(fd);
	(void)close(open("key", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	pid = child_run(open_once, "key");
	assert_int_equal(unlink("key"), 0);
	for (int i = 0; i < 20; i++) /* too deep for the one who cleans up */
		assert_int_equal(chdir("..") | rmdir(name), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(accesses_by(f, pid), 1);
	record = access_at(f, 0);
	assert_true(record->path_flags & PATH_FLAG_TRUNCATED);
	assert_in_range(record->path_size, ABI_PATH_MAX - ABI_NAME_MAX, ABI_PATH_MAX + ABI_NAME_MAX);
	assert_int_equal(f->accesses.at[0].size, sizeof(*record) + record->path_size);
	assert_string_equal(record->path, "key");
	assert_int_equal(record->path[record->path_size - 1], '\0');
}

int main(void)
{
	static const struct bpf_case cases[] = {
		CASE(wants_all_files_of_a_tree),
		CASE(wants_all_files_directly_inside),
		CASE(wants_files_of_any_branch_at_its_depths),
		CASE(wants_files_by_name),
		CASE(wants_a_branch_at_each_of_its_depths),
		CASE(knows_names_of_every_length),
		CASE(lets_the_innermost_directory_decide),
		CASE(prefers_what_is_known),
		CASE(asks_about_regular_files_only),
		CASE(sees_a_file_that_the_open_itself_makes),
		CASE(asks_no_more_about_what_is_ignored),
		CASE(asks_again_when_an_ignored_file_is_renamed),
		CASE(walks_up_through_mounts),
		CASE(is_not_fooled_by_a_bind_mount_of_a_folder),
		CASE(walks_up_through_a_mount_of_the_root),
		CASE(finds_the_directory_above_deep_trees),
		CASE(counts_walks_that_are_too_deep_as_losses),
		CASE(takes_all_great_depths_as_one),
		CASE(marks_a_path_that_is_too_long),
	};

	return RUN_CASES(cases);
}

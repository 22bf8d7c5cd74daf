/* SPDX-License-Identifier: Apache-2.0 */
/* Opens that the kernel refuses: which are told, and what of them. */
#include "bpf_fixture.h"

#include <sys/fsuid.h>
#include <sys/syscall.h>

#include "sensor.skel.h"
#include "sensor/kernel_tables.h"

#define NOBODY 65534
#define ROUNDS 100

static void start_refused(struct bpf_fixture *f)
{
	START(f, open_program(f), refused_program(f));
}

/* The filter as the watch list sets it: one key each. */
static void filter_names(struct bpf_fixture *f, const uint64_t *hashes, size_t count)
{
	assert_int_equal(kernel_tables_sink.set_name_filter(&f->tables, hashes, count), 0);
}

static uint64_t key_of(enum name_filter_kind kind, const char *bytes)
{
	return name_filter_hash(kind, bytes, strlen(bytes));
}

struct attempt {
	const char *path;
	int dirfd, flags;
	int expected; /* errno */
	uid_t uid;
};

static int attempt(const void *argument)
{
	const struct attempt *a = argument;

	if (a->uid && setresuid(a->uid, a->uid, a->uid) < 0)
		return errno;
	if (openat(a->dirfd ? a->dirfd : AT_FDCWD, a->path, a->flags | O_CLOEXEC, 0600) >= 0)
		return EEXIST;
	return errno == a->expected ? 0 : errno;
}

/* Where a relative path begins, leaf first: "dir\0tmp\0". Returns its size. */
static size_t base_of(const struct bpf_fixture *f, const struct attempt *a, char base[PATH_MAX])
{
	char path[PATH_MAX];
	size_t size = 0;

	if (a->dirfd)
		(void)snprintf(path, sizeof(path), "%s", f->directory);
	else
		assert_non_null(getcwd(path, sizeof(path)));
	for (char *slash = strrchr(path, '/'); a->path[0] != '/' && slash && slash[1]; slash = strrchr(path, '/')) {
		size += (size_t)snprintf(base + size, PATH_MAX - size, "%s", slash + 1) + 1;
		*slash = '\0';
	}
	return size;
}

/* The record of a refused open, NULL when there is none. */
static const struct access_record *refused(struct bpf_fixture *f, const struct attempt *a)
{
	pid_t pid = child_run(attempt, a);
	const struct access_record *record;
	size_t size = strlen(a->path) + 1, base_size;
	char base[PATH_MAX];

	if (accesses_by(f, pid) == 0)
		return NULL;
	assert_int_equal(f->accesses.count, 1);
	record = access_at(f, 0);
	assert_int_equal(record->header.size, f->accesses.at[0].size);
	assert_int_equal(record->header.size, sizeof(*record) + record->path_size);
	assert_int_equal(record->key.kind, ACCESS_OPEN);
	assert_int_equal(record->key.file.dev, 0);
	assert_int_equal(record->key.result, a->expected);
	assert_int_equal(record->value.flags, ACCESS_BY_PATH);
	assert_int_equal(record->path_flags & ~(uint32_t)PATH_FLAG_TRUNCATED, PATH_FLAG_USER);
	base_size = base_of(f, a, base);
	assert_int_equal(record->path_size, size + base_size);
	assert_memory_equal(record->path, a->path, size);
	assert_memory_equal(record->path + size, base, base_size);
	assert_int_equal(record->dirfd, a->dirfd ? a->dirfd : AT_FDCWD);
	return record;
}

static bool is_told(struct bpf_fixture *f, const char *path)
{
	const struct attempt a = {.path = path, .expected = ENOENT};
	bool is_there = refused(f, &a) != NULL;

	forget_records(&f->accesses);
	return is_there;
}

static void tells_missing_files_only_under_watched_names(void **state)
{
	struct bpf_fixture *f = *state;
	uint64_t hashes[3];

	start_refused(f);
	hashes[0] = key_of(NAME_FILTER_NAME, "shadow");
	hashes[1] = key_of(NAME_FILTER_PREFIX, "id_");
	hashes[2] = key_of(NAME_FILTER_SUFFIX, "pem");
	filter_names(f, hashes, 3);
	assert_true(is_told(f, at(f, "shadow")));
	assert_true(is_told(f, "shadow"));
	assert_true(is_told(f, at(f, "no/such/directory/shadow")));
	assert_true(is_told(f, at(f, "id_rsa")));
	assert_true(is_told(f, at(f, "id_")));
	assert_true(is_told(f, at(f, "server.pem")));
	assert_true(is_told(f, at(f, "pem")));
	assert_false(is_told(f, at(f, "shadow-")));
	assert_false(is_told(f, at(f, "xshadow")));
	assert_false(is_told(f, at(f, "id-rsa")));
	assert_false(is_told(f, at(f, "server.pe")));
	assert_false(is_told(f, at(f, "shadow/other")));
	assert_false(is_told(f, at(f, "s")));
}

static void knows_affixes_of_each_length_and_names_of_any(void **state)
{
	struct bpf_fixture *f = *state;
	char name[NAME_MAX + 1];
	uint64_t hash;

	start_refused(f);
	for (size_t size = 1; size <= NAME_FILTER_AFFIX_MAX; size++) {
		hash = name_filter_hash(NAME_FILTER_PREFIX, "qzx", size);
		filter_names(f, &hash, 1);
		(void)snprintf(name, sizeof(name), "%.*s_rest", (int)size, "qzx");
		assert_true(is_told(f, at(f, name)));
		hash = name_filter_hash(NAME_FILTER_SUFFIX, "qzx" + 3 - size, size);
		filter_names(f, &hash, 1);
		(void)snprintf(name, sizeof(name), "rest_%s", "qzx" + 3 - size);
		assert_true(is_told(f, at(f, name)));
	}
	for (size_t size = 1; size <= NAME_MAX; size = size < 10 ? size + 1 : size + 49) {
		memset(name, 'w', size);
		name[size] = '\0';
		hash = name_filter_hash(NAME_FILTER_NAME, name, size);
		filter_names(f, &hash, 1);
		assert_true(is_told(f, at(f, name)));
		name[size - 1] = 'v';
		assert_false(is_told(f, at(f, name)));
	}
}

static void tells_nothing_without_watched_names(void **state)
{
	struct bpf_fixture *f = *state;
	const char *secret = make_file(f, "secret");
	const struct attempt denied = {.path = secret, .expected = EACCES, .uid = NOBODY};

	assert_int_equal(chmod(secret, 0600), 0);
	start_refused(f);
	filter_names(f, NULL, 0);
	assert_false(is_told(f, at(f, "shadow")));
	assert_null(refused(f, &denied));
}

static void tells_denied_opens_under_any_name(void **state)
{
	struct bpf_fixture *f = *state;
	const char *secret = make_file(f, "secret");
	const uint64_t hash = key_of(NAME_FILTER_NAME, "no-such-name");
	struct attempt denied = {.path = secret, .expected = EACCES, .uid = NOBODY};
	const struct access_record *record;

	assert_int_equal(chmod(secret, 0600), 0);
	start_refused(f);
	filter_names(f, &hash, 1);
	record = refused(f, &denied);
	assert_non_null(record);
	assert_int_equal(record->key.mode, MODE_READ);
	assert_int_equal(record->key.via, VIA_OPENAT);
	assert_int_equal(record->value.task.cred.uid, NOBODY);
	assert_int_equal(counter_of(f, &record->key).count, 1);
	forget_records(&f->accesses);
	denied.flags = O_RDWR;
	record = refused(f, &denied);
	assert_non_null(record);
	assert_int_equal(record->key.mode, MODE_READ | MODE_WRITE);
	forget_records(&f->accesses);
	denied.flags = O_WRONLY | O_CREAT;
	record = refused(f, &denied);
	assert_non_null(record);
	assert_int_equal(record->key.mode, MODE_WRITE);
}

static void tells_the_directory_that_a_path_begins_at(void **state)
{
	struct bpf_fixture *f = *state;
	const uint64_t hash = key_of(NAME_FILTER_NAME, "shadow");
	struct attempt missing = {.path = "shadow", .expected = ENOENT};
	const struct access_record *record;
	int fd = open(f->directory, O_RDONLY | O_DIRECTORY); /* for the children too */

	start_refused(f);
	filter_names(f, &hash, 1);
	missing.dirfd = fd;
	record = refused(f, &missing);
	(void)close(fd);
	assert_non_null(record);
}

static int fail_otherwise(const void *path)
{
	char longer[PATH_MAX + 16];

	if (open(path, O_RDONLY | O_DIRECTORY) >= 0 || errno != ENOTDIR)
		return EINVAL;
	if (syscall(SYS_openat, AT_FDCWD, 1, O_RDONLY) >= 0 || errno != EFAULT)
		return EINVAL;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	return open(longer, O_RDONLY) < 0 && errno == ENAMETOOLONG ? 0 : EINVAL;
}

static void tells_no_other_failures(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = make_file(f, "shadow");
	const uint64_t hash = key_of(NAME_FILTER_NAME, "shadow");
	pid_t pid;

	start_refused(f);
	filter_names(f, &hash, 1);
	pid = child_run(fail_otherwise, path);
	assert_int_equal(accesses_by(f, pid), 0);
}

static int try_often(const void *path)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (open(path, O_RDONLY | O_CLOEXEC) >= 0 || errno != ENOENT)
			return EEXIST;
	}
	return 0;
}

static void counts_repeats_of_the_same_path(void **state)
{
	struct bpf_fixture *f = *state;
	const uint64_t hash = key_of(NAME_FILTER_NAME, "shadow");
	const struct access_record *record;
	pid_t pid;

	start_refused(f);
	filter_names(f, &hash, 1);
	pid = child_run(try_often, at(f, "shadow"));
	assert_int_equal(accesses_by(f, pid), 1);
	record = access_at(f, 0);
	assert_int_equal(counter_of(f, &record->key).count, ROUNDS);
}

/* The longest path that a process can pass is told whole. */
static void tells_the_longest_path(void **state)
{
	struct bpf_fixture *f = *state;
	const uint64_t hash = key_of(NAME_FILTER_NAME, "shadow");
	static char path[PATH_MAX];
	const struct attempt missing = {.path = path, .expected = ENOENT};
	const struct access_record *record;

	for (size_t i = 0; i < sizeof(path) - 1; i++)
		path[i] = i % 2 ? 'x' : '/';
	memcpy(path + sizeof(path) - 8, "/shadow", 8);
	start_refused(f);
	filter_names(f, &hash, 1);
	record = refused(f, &missing);
	assert_non_null(record);
	assert_int_equal(record->path_flags, PATH_FLAG_USER);
}

int main(void)
{
	static const struct bpf_case cases[] = {
		CASE(tells_missing_files_only_under_watched_names),
		CASE(knows_affixes_of_each_length_and_names_of_any),
		CASE(tells_nothing_without_watched_names),
		CASE(tells_denied_opens_under_any_name),
		CASE(tells_the_directory_that_a_path_begins_at),
		CASE(tells_no_other_failures),
		CASE(counts_repeats_of_the_same_path),
		CASE(tells_the_longest_path),
	};

	return RUN_CASES(cases);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Opens of files that are known secrets: one record, one counter, every field of both. */
#include "bpf_fixture.h"

#include <linux/openat2.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "base/clock.h"
#include "sensor.skel.h"
#include "sensor/kernel_tables.h"

#define NOBODY  65534
#define THREADS 4
#define ROUNDS  2000

static const char *path_opened;

/* The start of a process in clock ticks, as /proc has it. */
static uint64_t start_ticks(pid_t pid)
{
	char path[64], text[1024] = "";
	const char *field;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	(void)fclose(file);
	field = strrchr(text, ')');
	for (int i = 0; i < 20; i++) {
		assert_non_null(field);
		field = strchr(field + 1, ' ');
	}
	assert_non_null(field);
	return strtoull(field, NULL, 10);
}

static uint32_t namespace_of(pid_t pid, const char *name)
{
	char path[64];
	struct stat status;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	assert_int_equal(stat(path, &status), 0);
	return (uint32_t)status.st_ino;
}

static void check_task(struct bpf_fixture *f, const struct task_snapshot *task, pid_t pid)
{
	struct file_id exe = identity_of(f, "/proc/self/exe"); /* the child runs the same */
	struct stat status;

	assert_int_equal(task->id.pid, pid);
	assert_int_equal(task->id.start_ns / (NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK)), start_ticks(pid));
	assert_int_equal(task->parent.pid, getpid());
	assert_int_equal(task->parent.start_ns / (NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK)), start_ticks(getpid()));
	assert_int_equal(task->tid, pid);
	assert_int_equal(task->cred.uid, getuid());
	assert_int_equal(task->cred.euid, geteuid());
	assert_int_equal(task->cred.gid, getgid());
	assert_int_equal(task->cred.egid, getegid());
	assert_id_equal(&task->exe.file, &exe);
	assert_int_equal(stat("/proc/self/exe", &status), 0);
	if (!(task->exe.flags & EXE_FLAG_OVERLAY)) {
		assert_int_equal(task->exe.ctime_sec, status.st_ctim.tv_sec);
		assert_int_equal(task->exe.ctime_nsec, status.st_ctim.tv_nsec);
		assert_int_equal(task->exe.nlink, status.st_nlink);
	}
	assert_int_equal(task->mnt_ns, namespace_of(pid, "mnt"));
	assert_int_equal(task->pid_ns, namespace_of(pid, "pid"));
	assert_string_equal(task->comm, "opens");
}

static void gives_one_record_and_one_counter(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = make_file(f, "secret");
	uint64_t before = clock_boot_ns();
	const struct access_record *record;
	struct access_value value;
	struct child child;
	struct file_id id;
	size_t counters;

	START(f, open_program(f));
	id = watch(f, path);
	child = child_start(open_once, path);
	assert_int_equal(accesses_by(f, child.pid), 1);
	record = access_at(f, 0);
	assert_int_equal(f->accesses.at[0].size, sizeof(*record));
	assert_int_equal(record->header.type, RECORD_ACCESS);
	assert_int_equal(record->header.size, sizeof(*record));
	assert_true(record->header.seq >= 1);
	assert_in_range(record->header.time_ns, before, clock_boot_ns());
	assert_int_equal(record->key.process.pid, child.pid);
	assert_id_equal(&record->key.file, &id);
	assert_int_equal(record->key.kind, ACCESS_OPEN);
	assert_int_equal(record->key.via, VIA_OPENAT);
	assert_int_equal(record->key.mode, MODE_READ);
	assert_int_equal(record->key.result, 0);
	assert_int_equal(record->key.target, 0);
	assert_int_equal(record->value.count, 1);
	assert_int_equal(record->value.first_ns, record->header.time_ns);
	assert_int_equal(record->value.last_ns, record->header.time_ns);
	assert_int_equal(record->value.flags, 0);
	assert_int_equal(record->value.file_nlink, 1);
	assert_int_equal(record->path_size, 0);
	check_task(f, &record->value.task, child.pid);
	value = counter_of(f, &record->key);
	assert_int_equal(value.count, 1);
	assert_int_equal(value.announced, 1);
	assert_memory_equal(&value.task, &record->value.task, sizeof(value.task));
	assert_int_equal(counted(f, &counters), 1);
	assert_int_equal(counters, 1);
	assert_int_equal(f->bpf->bss->has_repeats, 0);
	child_end(&child);
}

static int open_often(const void *path)
{
	for (int i = 0; i < ROUNDS; i++) {
		int r = open_once(path);

		if (r)
			return r;
	}
	return 0;
}

static void counts_repeats_without_another_record(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = make_file(f, "secret");
	struct access_value value;
	uint64_t first;
	pid_t pid;

	START(f, open_program(f));
	(void)watch(f, path);
	pid = child_run(open_often, path);
	assert_int_equal(accesses_by(f, pid), 1);
	value = counter_of(f, &access_at(f, 0)->key);
	first = value.first_ns;
	assert_int_equal(value.count, ROUNDS);
	assert_true(value.last_ns > first);
	assert_int_equal(f->bpf->bss->has_repeats, 1);
}

static int open_in_two_epochs(const void *context)
{
	const struct bpf_fixture *f = context;
	int r = open_once(path_opened);

	f->bpf->bss->epoch++;
	return r ? r : open_once(path_opened);
}

static void notes_the_first_time_of_each_epoch(void **state)
{
	struct bpf_fixture *f = *state;
	const struct access_record *record;
	struct access_value value;
	pid_t pid;

	path_opened = make_file(f, "secret");
	START(f, open_program(f));
	(void)watch(f, path_opened);
	pid = child_run(open_in_two_epochs, f);
	assert_int_equal(accesses_by(f, pid), 1);
	record = access_at(f, 0);
	value = counter_of(f, &record->key);
	assert_int_equal(value.epoch, 1);
	assert_true(value.first_ns > record->value.first_ns);
	assert_int_equal(value.first_ns, value.last_ns);
}

/* ---------------------------------------------------------------- each way */

struct way {
	const char *name;
	int (*open)(const char *path);
	uint8_t via, mode;
};

static int by_open(const char *path)
{
#ifdef SYS_open
	return (int)syscall(SYS_open, path, O_RDWR);
#else
	return openat(AT_FDCWD, path, O_RDWR);
#endif
}

static int by_openat(const char *path)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY);
}

static int by_openat2(const char *path)
{
	struct open_how how = {.flags = O_RDONLY};

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

static int by_creat(const char *path)
{
#ifdef SYS_creat
	return (int)syscall(SYS_creat, path, 0600);
#else
	return openat(AT_FDCWD, path, O_WRONLY | O_TRUNC);
#endif
}

static int by_handle(const char *path)
{
	struct {
		struct file_handle handle;
		unsigned char bytes[MAX_HANDLE_SZ];
	} space = {.handle.handle_bytes = MAX_HANDLE_SZ};
	int mount_id, mount_fd = open(path, O_PATH | O_CLOEXEC);
	int fd;

	if (mount_fd < 0 || name_to_handle_at(AT_FDCWD, path, &space.handle, &mount_id, 0) < 0)
		return -1;
	(void)close(mount_fd);
	mount_fd = open(path_opened, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = open_by_handle_at(mount_fd, &space.handle, O_RDONLY);
	(void)close(mount_fd);
	return fd;
}

static int by_symlink(const char *path)
{
	char link[PATH_MAX];
	int fd;

	(void)snprintf(link, sizeof(link), "%s.link", path);
	if (symlink(path, link) < 0)
		return -1;
	fd = open(link, O_RDONLY | O_CLOEXEC);
	(void)unlink(link);
	return fd;
}

static int by_descriptor(const char *path)
{
	char again[64];
	int fd = open(path, O_PATH | O_CLOEXEC);

	(void)snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	return fd < 0 ? -1 : open(again, O_RDONLY | O_CLOEXEC);
}

#if defined(SYS_open) && defined(SYS_creat)
#define VIA_OF_OPEN  VIA_OPEN
#define VIA_OF_CREAT VIA_CREAT
#else
#define VIA_OF_OPEN  VIA_OPENAT
#define VIA_OF_CREAT VIA_OPENAT
#endif

static const struct way ways[] = {
	{"open", by_open, VIA_OF_OPEN, MODE_READ | MODE_WRITE},
	{"openat", by_openat, VIA_OPENAT, MODE_WRITE},
	{"openat2", by_openat2, VIA_OPENAT2, MODE_READ},
	{"creat", by_creat, VIA_OF_CREAT, MODE_WRITE},
	{"open_by_handle_at", by_handle, VIA_OPEN_BY_HANDLE_AT, MODE_READ},
	{"a symbolic link", by_symlink, VIA_OPENAT, MODE_READ},
	{"/proc/self/fd", by_descriptor, VIA_OPENAT, MODE_READ},
};

struct task {
	const struct way *way;
	const char *path;
};

static int go_way(const void *argument)
{
	const struct task *task = argument;
	int fd = task->way->open(task->path);

	return fd < 0 ? errno : 0;
}

static void sees_every_way_of_opening(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = make_file(f, "secret");

	START(f, open_program(f));
	(void)watch(f, path);
	path_opened = f->directory;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const struct task task = {.way = &ways[i], .path = path};
		pid_t pid = child_run(go_way, &task);

		(void)printf("# by %s\n", ways[i].name);
		assert_int_equal(accesses_by(f, pid), 1);
		assert_int_equal(access_at(f, 0)->key.via, ways[i].via);
		assert_int_equal(access_at(f, 0)->key.mode, ways[i].mode);
		forget_records(&f->accesses);
	}
}

static void sees_a_hard_link_as_the_same_file(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = make_file(f, "secret"), *other = at(f, "other");
	struct file_id id;
	pid_t pid;

	START(f, open_program(f));
	id = watch(f, path);
	assert_int_equal(link(path, other), 0);
	pid = child_run(open_once, other);
	assert_int_equal(accesses_by(f, pid), 1);
	assert_id_equal(&access_at(f, 0)->key.file, &id);
	assert_int_equal(access_at(f, 0)->value.file_nlink, 2);
}

static int open_path_only(const void *path)
{
	return open(path, O_PATH | O_CLOEXEC) < 0 ? errno : 0;
}

static void ignores_what_reads_nothing_or_is_no_secret(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = make_file(f, "secret"), *other = make_file(f, "other");
	struct file_id id;
	size_t counters;
	pid_t pid;

	START(f, open_program(f));
	id = watch(f, path);
	pid = child_run(open_path_only, path);
	assert_int_equal(accesses_by(f, pid), 0);
	pid = child_run(open_once, other);
	assert_int_equal(accesses_by(f, pid), 0);
	assert_int_equal(open_once(path), 0); /* the daemon's own */
	assert_int_equal(kernel_tables_sink.clear_file(&f->tables, &id), 0);
	pid = child_run(open_once, path);
	assert_int_equal(accesses_by(f, pid), 0);
	assert_int_equal(counted(f, &counters), 0);
}

/* ---------------------------------------------------------------- who */

static int open_as_two(const void *path)
{
	int r = open_once(path);

	if (r == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0)
		r = errno;
	return r ? r : open_once(path);
}

static void counts_apart_after_a_change_of_credentials(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = make_file(f, "secret");
	pid_t pid;

	START(f, open_program(f));
	(void)watch(f, path);
	pid = child_run(open_as_two, path);
	assert_int_equal(accesses_by(f, pid), 2);
	assert_int_equal(access_at(f, 0)->value.task.cred.uid, 0);
	assert_int_equal(access_at(f, 1)->value.task.cred.uid, NOBODY);
	assert_int_equal(access_at(f, 1)->value.task.cred.cap_effective, 0);
	assert_true(access_at(f, 0)->key.identity != access_at(f, 1)->key.identity);
	assert_int_equal(counter_of(f, &access_at(f, 0)->key).count, 1);
	assert_int_equal(counter_of(f, &access_at(f, 1)->key).count, 1);
}

static void *open_in_thread(void *path)
{
	return (void *)(intptr_t)open_often(path);
}

static int open_in_threads(const void *path)
{
	pthread_t threads[THREADS];
	int r = 0;

	for (size_t i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, open_in_thread, (void *)path))
			return EAGAIN;
	}
	for (size_t i = 0; i < THREADS; i++) {
		void *result;

		if (pthread_join(threads[i], &result) || result)
			r = EIO;
	}
	return r;
}

static void counts_every_open_of_all_threads(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = make_file(f, "secret");
	uint64_t sum = 0;
	size_t counters;
	pid_t pid;

	START(f, open_program(f));
	(void)watch(f, path);
	for (int round = 0; round < 5; round++) {
		pid = child_run(open_in_threads, path);
		assert_in_range(accesses_by(f, pid), 1, THREADS);
		assert_int_equal(counter_of(f, &access_at(f, 0)->key).count, THREADS * ROUNDS);
		sum += THREADS * ROUNDS;
		assert_int_equal(counted(f, &counters), sum);
		assert_int_equal(counters, round + 1);
	}
	assert_int_equal(all_cpus(f).losses[LOSS_FD_GONE], 0);
}

int main(void)
{
	static const struct bpf_case cases[] = {
		CASE(gives_one_record_and_one_counter),           CASE(counts_repeats_without_another_record),
		CASE(notes_the_first_time_of_each_epoch),         CASE(sees_every_way_of_opening),
		CASE(sees_a_hard_link_as_the_same_file),          CASE(ignores_what_reads_nothing_or_is_no_secret),
		CASE(counts_apart_after_a_change_of_credentials), CASE(counts_every_open_of_all_threads),
	};

	return RUN_CASES(cases);
}

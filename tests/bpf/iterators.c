/* SPDX-License-Identifier: Apache-2.0 */
/* What the iterators tell of processes and open files, compared with what the kernel tells of them elsewhere. */
#include "bpf_fixture.h"

#include <sched.h>
#include <sys/vfs.h>

#include "base/clock.h"
#include "sensor.skel.h"
#include "sensor/kernel_tables.h"
#include "sensor/process_snapshot.h"

#define OVERLAYFS_MAGIC 0x794c7630

/* Bytes of a walked path turned around: "cat\0bin\0" gives "/bin/cat". */
static const char *path_of(const char *walked, size_t size)
{
	static char path[ABI_PATH_MAX * 2];
	size_t used = 0;

	while (size > 0) {
		size_t begin = size - 1;

		while (begin > 0 && walked[begin - 1] != '\0')
			begin--;
		used += (size_t)snprintf(path + used, sizeof(path) - used, "/%s", walked + begin);
		size = begin;
	}
	return path;
}

/* ---------------------------------------------------------------- processes */

struct search {
	pid_t pid;
	size_t seen, all;
	size_t size;
	union {
		struct process_record record;
		char bytes[sizeof(struct process_record) + ABI_PATH_MAX + ABI_NAME_MAX + ABI_ARGS_MAX];
	} found;
};

static void on_process_found(void *context, const struct process_record *record, size_t size)
{
	struct search *search = context;

	search->all++;
	assert_int_equal(record->header.type, RECORD_SNAPSHOT);
	assert_int_equal(record->header.size, size);
	assert_int_equal(size, sizeof(*record) + record->path_size + record->args_size);
	if (record->task.id.pid != (uint32_t)search->pid)
		return;
	search->seen++;
	search->size = size;
	memcpy(&search->found, record, size);
}

static uint64_t start_ticks_of_self(void)
{
	char text[1024] = "";
	const char *field;
	FILE *file = fopen("/proc/self/stat", "re");

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

static void tells_this_process_as_proc_does(void **state)
{
	struct bpf_fixture *f = *state;
	static struct search search;
	const struct task_snapshot *task = &search.found.record.task;
	char exe[PATH_MAX] = "", arguments[ABI_ARGS_MAX];
	struct file_id id;
	ssize_t size;
	int fd;

	search = (struct search){.pid = getpid()};
	START(f, "process_snapshot");
	assert_int_equal(process_snapshot_read(f->bpf->progs.process_snapshot, 0, on_process_found, &search), 0);
	assert_int_equal(search.seen, 1);
	assert_true(search.all > 2);
	assert_int_equal(task->id.start_ns / (NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK)), start_ticks_of_self());
	assert_int_equal(task->parent.pid, getppid());
	assert_int_equal(task->tid, getpid());
	assert_int_equal(task->cred.uid, getuid());
	assert_int_equal(task->cred.egid, getegid());
	assert_string_equal(task->comm, "iterators");
	id = identity_of(f, "/proc/self/exe");
	assert_id_equal(&task->exe.file, &id);
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_string_equal(path_of(search.found.record.data, search.found.record.path_size), exe);
	assert_int_equal(search.found.record.flags, 0);
	fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	size = read(fd, arguments, sizeof(arguments));
	(void)close(fd);
	assert_int_equal(search.found.record.args_size, size);
	assert_memory_equal(search.found.record.data + search.found.record.path_size, arguments, size);
}

static int make_pid_namespace(const void *argument)
{
	(void)argument;
	return unshare(CLONE_NEWPID) < 0 ? errno : 0;
}

static pid_t inner_pid;

static int fork_in_namespace(const void *argument)
{
	int r = make_pid_namespace(argument);

	if (r)
		return r;
	inner_pid = fork();
	if (inner_pid == 0)
		for (;;)
			(void)pause(); /* ends with its namespace's parent, who kills it */
	return inner_pid < 0 ? errno : 0;
}

static void find_inner(void *context, const struct process_record *record, size_t size)
{
	struct search *search = context;

	if (record->task.parent.pid == (uint32_t)search->pid) {
		search->seen++;
		memcpy(&search->found, record, size);
	}
}

static void tells_the_pid_in_its_own_namespace(void **state)
{
	struct bpf_fixture *f = *state;
	static struct search search;
	struct child child;
	int killed;

	START(f, "process_snapshot");
	child = child_start(fork_in_namespace, NULL);
	search = (struct search){.pid = child.pid};
	assert_int_equal(process_snapshot_read(f->bpf->progs.process_snapshot, 0, find_inner, &search), 0);
	killed = search.seen == 1 ? kill((pid_t)search.found.record.task.id.pid, SIGKILL) : -1;
	child_end(&child);
	assert_int_equal(killed, 0);
	assert_int_equal(search.found.record.task.ns_pid, 1);
	assert_true(search.found.record.task.pid_ns != 0);
	assert_string_equal(search.found.record.task.comm, "iterators");
}

/* ---------------------------------------------------------------- our files */

static void check_identity(struct bpf_fixture *f, int fd)
{
	struct file_record record = identify_fd(f, fd);
	struct statfs fs;
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(fstatfs(fd, &fs), 0);
	assert_int_equal(record.header.type, RECORD_FILE);
	assert_int_equal(record.header.size, sizeof(record));
	assert_int_equal(record.process.pid, getpid());
	assert_int_equal(record.file.ino, status.st_ino);
	assert_int_equal(record.file.dev, major(status.st_dev) << 20 | minor(status.st_dev));
	assert_int_equal(record.mode, status.st_mode);
	assert_int_equal(record.nlink, status.st_nlink);
	assert_int_equal(record.fs_magic, (uint32_t)fs.f_type);
}

static void tells_our_descriptors_as_fstat_does(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = make_file(f, "directory/file");
	struct file_id first, second;
	int fds[4];

	START(f, "files_of_daemon");
	fds[0] = open(path, O_PATH | O_CLOEXEC);
	fds[1] = open(f->directory, O_PATH | O_CLOEXEC);
	fds[2] = open(path, O_RDWR | O_CLOEXEC);
	fds[3] = open("/dev/shm", O_PATH | O_CLOEXEC);
	for (size_t i = 0; i < 4; i++) {
		if (fds[i] < 0)
			continue;
		if (identify_fd(f, fds[i]).fs_magic != OVERLAYFS_MAGIC)
			check_identity(f, fds[i]);
	}
	assert_int_equal(identify_fd(f, fds[0]).fmode, 0);
	assert_int_equal(identify_fd(f, fds[2]).fmode, MODE_READ | MODE_WRITE);
	first = identify_fd(f, fds[0]).file;
	second = identify_fd(f, fds[2]).file;
	assert_id_equal(&first, &second);
	for (size_t i = 0; i < 4; i++)
		(void)close(fds[i]);
}

/* A file that got the inode number of one that is gone differs by its generation, where there is one. */
static void tells_apart_two_files_that_had_one_number(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id first, second;

	START(f, "files_of_daemon");
	first = identity_of(f, make_file(f, "file"));
	for (int i = 0; i < 64; i++) {
		assert_int_equal(unlink(at(f, "file")), 0);
		second = identity_of(f, make_file(f, "file"));
		if (second.ino == first.ino && second.dev == first.dev) {
			if (second.generation == first.generation) {
				(void)puts("# skip: this filesystem has no generations");
				skip();
			}
			return;
		}
	}
	(void)puts("# skip: this filesystem does not use a number again");
	skip();
}

/*
 * On an overlay over two filesystems stat(2) tells another inode than the hooks see: what we publish must be what they
 * see.
 */
static int mount_overlay(const struct bpf_fixture *f)
{
	char options[512];

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", at(f, "m"), "tmpfs", 0, NULL) < 0 || mkdir(at(f, "m/upper"), 0755) < 0 ||
	    mkdir(at(f, "m/work"), 0755) < 0 || mkdir(at(f, "m/all"), 0755) < 0)
		return errno;
	(void)make_file(f, "lower/secret");
	(void)snprintf(options, sizeof(options), "lowerdir=%s/lower,upperdir=%s/m/upper,workdir=%s/m/work",
		       f->directory, f->directory, f->directory);
	return mount("overlay", at(f, "m/all"), "overlay", 0, options) < 0 ? errno : 0;
}

static void tells_a_file_on_an_overlay_as_the_hooks_see_it(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_record record;
	struct file_id id, lower;
	struct stat status;
	pid_t pid;
	int r, fd;

	assert_int_equal(mkdir(at(f, "m"), 0755), 0);
	r = mount_overlay(f); /* in a mount namespace of this test program's own from here on */
	if (r) {
		(void)printf("# skip: an overlay cannot be mounted here: %s\n", strerror(r));
		skip();
	}
	START(f, open_program(f));
	fd = open(at(f, "m/all/secret"), O_PATH | O_CLOEXEC);
	assert_true(fd >= 0);
	record = identify_fd(f, fd);
	assert_int_equal(fstat(fd, &status), 0);
	(void)close(fd);
	assert_int_equal(record.fs_magic, OVERLAYFS_MAGIC);
	lower = identity_of(f, at(f, "lower/secret"));
	assert_true(record.file.ino != lower.ino || record.file.dev != lower.dev);
	(void)printf("# overlay: inode %llu on %u, stat says %llu on %u\n", (unsigned long long)record.file.ino,
		     record.file.dev, (unsigned long long)status.st_ino,
		     major(status.st_dev) << 20 | minor(status.st_dev));
	id = watch(f, at(f, "m/all/secret"));
	assert_id_equal(&id, &record.file);
	pid = child_run(open_once, at(f, "m/all/secret"));
	assert_int_equal(accesses_by(f, pid), 1); /* and none for the file below */
	assert_id_equal(&access_at(f, 0)->key.file, &record.file);
	forget_records(&f->accesses);
	(void)watch(f, at(f, "lower/secret"));
	pid = child_run(open_once, at(f, "lower/secret"));
	assert_int_equal(accesses_by(f, pid), 1);
	assert_id_equal(&access_at(f, 0)->key.file, &lower);
	forget_records(&f->accesses);
	assert_int_equal(kernel_tables_sink.clear_file(&f->tables, &id), 0);
	pid = child_run(open_once, at(f, "m/all/secret")); /* through the overlay, where only the file below is known */
	assert_int_equal(accesses_by(f, pid), 1);
	assert_id_equal(&access_at(f, 0)->key.file, &lower);
	assert_int_equal(umount2(at(f, "m"), MNT_DETACH), 0);
}

/* ---------------------------------------------------------------- who holds a secret */

static int hold(const void *path)
{
	return open(path, O_RDWR | O_CLOEXEC) < 0 ? errno : 0;
}

static int hold_path(const void *path)
{
	return open(path, O_PATH | O_CLOEXEC) < 0 ? errno : 0;
}

static void tells_who_holds_a_secret_open(void **state)
{
	struct bpf_fixture *f = *state;
	static struct file_record records[256];
	const char *path = make_file(f, "secret");
	struct child holder, looker, other;
	size_t count;
	struct file_id id;
	uint32_t pid;
	uint64_t since;

	START(f, "files_held");
	id = watch(f, path);
	holder = child_start(hold, path);
	looker = child_start(hold_path, path);
	other = child_start(hold, make_file(f, "other"));
	count = read_iterator(f->bpf->progs.files_held, 0, records, sizeof(records)) / sizeof(records[0]);
	pid = (uint32_t)holder.pid;
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(f->bpf->maps.holders), &pid, &since), 0);
	child_end(&holder);
	child_end(&looker);
	child_end(&other);
	assert_int_equal(count, 1);
	assert_int_equal(records[0].process.pid, pid);
	assert_int_equal(records[0].process.start_ns, since);
	assert_int_equal(records[0].task.id.pid, pid);
	assert_string_equal(records[0].task.comm, "iterators");
	assert_id_equal(&records[0].file, &id);
	assert_int_equal(records[0].fmode, MODE_READ | MODE_WRITE);
}

int main(void)
{
	static const struct bpf_case cases[] = {
		CASE(tells_this_process_as_proc_does),     CASE(tells_the_pid_in_its_own_namespace),
		CASE(tells_our_descriptors_as_fstat_does), CASE(tells_apart_two_files_that_had_one_number),
		CASE(tells_who_holds_a_secret_open),       CASE(tells_a_file_on_an_overlay_as_the_hooks_see_it),
	};

	return RUN_CASES(cases);
}

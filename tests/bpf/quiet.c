/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories that the programs remember as quiet: each case opens a file until its directory is remembered, changes
 * what made it quiet, and opens the file again, at once. Nobody tells the programs of the change: the test is the
 * daemon, and only writes the tables. Mounts are made in a namespace of the test's own.
 */
#include "bpf_fixture.h"

#include <linux/btrfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#ifdef HAVE_LIBURING
#include <liburing.h>
#endif

#include "filter.h"
#include "sensor.skel.h"
#include "sensor/kernel_tables.h"

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U
#endif
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#endif

#define DEPTH(n)    (1U << (n))
#define OPENS       12  /* some misses, and one that finds it remembered */
#define TRIES       200 /* others on the host rename, too, and all is forgotten */
#define CHURN_MOST  256 /* directories made until one has the inode number of another */
#define KEY_OF_TEST 1   /* bpf_fixture.h */

static void watch_for_quiet(struct bpf_fixture *f)
{
	if (f->backend == SENSOR_BACKEND_TRACEPOINT && host.has_request_argument)
		START(f, "tracepoint_sys_exit", "tracepoint_io_uring_complete");
	else
		START(f, open_program(f));
	assert_int_equal(f->bpf->rodata->quiet_key, KEY_OF_TEST);
}

static uint64_t mount_of(const char *path)
{
	struct statx status = {0};

	assert_int_equal(syscall(SYS_statx, AT_FDCWD, path, 0, STATX_MNT_ID_UNIQUE, &status), 0);
	assert_true(status.stx_mask & STATX_MNT_ID_UNIQUE);
	return status.stx_mnt_id;
}

/* Is the directory of that path remembered after these opens, nothing having changed meanwhile? */
static bool is_remembered(const struct bpf_fixture *f, const char *path, const struct file_id *id, uint64_t mount)
{
	volatile const uint64_t *epoch = (const uint64_t *)&f->bpf->bss->tree_epoch;
	uint64_t before = *epoch, tag = quiet_tag(KEY_OF_TEST, before, id, mount);
	bool found;

	for (int i = 0; i < OPENS; i++) {
		if (open_once(path))
			return false;
	}
	found = ((volatile const uint64_t *)f->bpf->bss->quiet)[quiet_slot(tag)] == tag;
	return found && *epoch == before;
}

/* Opens the file until its directory is remembered, where that is done at all. */
static void make_quiet(struct bpf_fixture *f, const char *file)
{
	char path[PATH_MAX * 2], directory[PATH_MAX * 2];
	struct file_id id;
	uint64_t mount;

	(void)snprintf(path, sizeof(path), "%s", at(f, file));
	(void)snprintf(directory, sizeof(directory), "%.*s", (int)(strrchr(path, '/') - path), path);
	id = identity_of(f, directory);
	if (!f->bpf->rodata->have_quiet) {
		assert_int_equal(open_once(path), 0);
		return;
	}
	mount = mount_of(directory);
	for (int i = 0; i < TRIES; i++) {
		if (is_remembered(f, path, &id, mount))
			return;
	}
	fail_msg("%s is not remembered as quiet", directory);
}

/* However often it is opened. */
static void is_never_quiet(struct bpf_fixture *f, const char *path, const char *directory)
{
	struct file_id id = identity_of(f, directory);
	uint64_t mount;

	if (!f->bpf->rodata->have_quiet)
		return;
	mount = mount_of(directory);
	for (int i = 0; i < TRIES; i++)
		assert_false(is_remembered(f, path, &id, mount));
}

/* Does a child's open of the file make a record? */
static void expect(struct bpf_fixture *f, const char *file, bool is_seen)
{
	pid_t pid = child_run(open_once, at(f, file));
	size_t count = accesses_by(f, pid);

	forget_records(&f->accesses);
	if (count != is_seen)
		fail_msg("%s: %zu records", file, count);
}

/* A mount namespace of our own, once. */
static void own_mounts(void)
{
	static bool is_own;

	if (is_own)
		return;
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	is_own = true;
}

/*
 * An overlay at "merged" with "upper" above `lower`; false where it cannot be. It gives its directories no generation:
 * a number that is used again is all the same.
 */
static bool mount_overlay(const struct bpf_fixture *f, const char *lower)
{
	char options[PATH_MAX * 2];

	own_mounts();
	(void)snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", lower, f->directory,
		       f->directory);
	assert_int_equal(mkdir(at(f, "lower"), 0755) | mkdir(at(f, "upper"), 0755) | mkdir(at(f, "work"), 0755) |
				 mkdir(at(f, "merged"), 0755),
			 0);
	return mount("overlay", at(f, "merged"), "overlay", 0, options) == 0;
}

/* ---------------------------------------------------------------- what is remembered */

static void remembers_what_nobody_wants(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;

	(void)make_file(f, "far/a/key");
	(void)make_file(f, "d/a/key");
	(void)make_file(f, "d/wanted/key");
	watch_for_quiet(f);
	id = watch_directory(f, at(f, "d"), 0, DEPTH(2));
	watch_name(f, &id, "wanted", NAME_BRANCH, DEPTH(2));
	make_quiet(f, "far/a/key");
	make_quiet(f, "d/a/key"); /* refused by its name, whatever file it is */
	expect(f, "d/a/key", false);
	expect(f, "d/wanted/key", true);
}

static void does_not_remember_what_depends_on_one_file(void **state)
{
	struct bpf_fixture *f = *state;
	struct ignored_value ignored = {0};
	struct file_id id, file;

	(void)make_file(f, "d/other");
	(void)make_file(f, "d/key");
	(void)make_file(f, "tree/a/ignored");
	(void)make_file(f, "tree/a/key");
	watch_for_quiet(f);
	id = watch_directory(f, at(f, "d"), 0, DEPTH(1));
	watch_name(f, &id, "key", NAME_FILE, 0);
	is_never_quiet(f, at(f, "d/other"), at(f, "d"));
	expect(f, "d/other", false);
	expect(f, "d/key", true);
	(void)watch_directory(f, at(f, "tree"), DIRECTORY_TREE, 0);
	id = identity_of(f, at(f, "tree/a"));
	file = identity_of(f, at(f, "tree/a/ignored"));
	ignored = (struct ignored_value){.parent_ino = id.ino, .name_hash = name_hash("ignored", 7)};
	assert_int_equal(kernel_tables_sink.set_ignored(&f->tables, &file, &ignored), 0);
	is_never_quiet(f, at(f, "tree/a/ignored"), at(f, "tree/a"));
	expect(f, "tree/a/ignored", false);
	expect(f, "tree/a/key", true);
}

/* The names of the directory that is mounted over are those of the files in the root of the mount. */
static void does_not_remember_the_root_of_a_mount_on_a_watched_directory(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;

	own_mounts();
	(void)make_file(f, "d/mnt/x");
	watch_for_quiet(f);
	id = watch_directory(f, at(f, "d/mnt"), 0, DEPTH(1));
	watch_name(f, &id, "key", NAME_FILE, 0);
	assert_int_equal(mount("tmpfs", at(f, "d/mnt"), "tmpfs", 0, "size=64k"), 0);
	(void)make_file(f, "d/mnt/other");
	(void)make_file(f, "d/mnt/key");
	is_never_quiet(f, at(f, "d/mnt/other"), at(f, "d/mnt"));
	expect(f, "d/mnt/key", true);
	expect(f, "d/mnt/other", false);
	assert_int_equal(umount(at(f, "d/mnt")), 0);
}

/* The kernel moves what is in its own trees without a rename, and so do servers; an overlay says what it has of them.
 */
static void does_not_remember_what_moves_by_itself(void **state)
{
	struct bpf_fixture *f = *state;
	bool has_overlay;

	watch_for_quiet(f);
	is_never_quiet(f, "/proc/uptime", "/proc");
	has_overlay = mount_overlay(f, "/sys/kernel/mm");
	if (has_overlay && access(at(f, "merged/transparent_hugepage/enabled"), R_OK) == 0)
		is_never_quiet(f, at(f, "merged/transparent_hugepage/enabled"), at(f, "merged/transparent_hugepage"));
	if (has_overlay)
		assert_int_equal(umount(at(f, "merged")), 0);
}

#define IMAGE_MIB 256

/* Its exit status. */
static int run_shell(const char *command)
{
	int status;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* A btrfs of our own at "btrfs"; false where there is none to be had. */
static bool mount_btrfs(const struct bpf_fixture *f)
{
	char command[PATH_MAX * 6];

	own_mounts();
	assert_int_equal(mkdir(at(f, "btrfs"), 0755), 0);
	assert_int_equal(close(open(at(f, "image"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	assert_int_equal(truncate(at(f, "image"), IMAGE_MIB << 20), 0);
	(void)snprintf(command, sizeof(command), "exec >/dev/null 2>&1; mkfs.btrfs -q %s && mount -o loop %s %s",
		       at(f, "image"), at(f, "image"), at(f, "btrfs"));
	return run_shell(command) == 0;
}

static void make_subvolume(const struct bpf_fixture *f, const char *name)
{
	struct btrfs_ioctl_vol_args arguments = {0};
	int fd = open(at(f, "btrfs"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)snprintf(arguments.name, sizeof(arguments.name), "%s", name);
	assert_int_equal(ioctl(fd, BTRFS_IOC_SUBVOL_CREATE, &arguments), 0);
	(void)close(fd);
}

static void make_snapshot(const struct bpf_fixture *f, const char *of, const char *directory, const char *name)
{
	struct btrfs_ioctl_vol_args arguments = {.fd = open(at(f, of), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	int fd = open(at(f, directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)snprintf(arguments.name, sizeof(arguments.name), "%s", name);
	assert_int_equal(ioctl(fd, BTRFS_IOC_SNAP_CREATE, &arguments), 0);
	(void)close(fd);
	(void)close((int)arguments.fd);
}

/* A directory and its like in a snapshot have one number, one generation and one device, but two places. */
static void does_not_remember_what_may_have_a_twin(void **state)
{
	struct bpf_fixture *f = *state;

	if (!mount_btrfs(f)) {
		(void)puts("# skip: no btrfs can be made here (mkfs.btrfs, of btrfs-progs)");
		skip();
	}
	make_subvolume(f, "volume");
	for (int i = 0; i < 8; i++) { /* so that no other directory has the number of "a" by chance */
		char name[64];

		(void)snprintf(name, sizeof(name), "btrfs/volume/%d", i);
		(void)make_file(f, name);
	}
	(void)make_file(f, "btrfs/volume/a/key");
	(void)make_file(f, "btrfs/d/x");
	make_snapshot(f, "btrfs/volume", "btrfs/d", "snapshot");
	watch_for_quiet(f);
	(void)watch_directory(f, at(f, "btrfs/d"), DIRECTORY_TREE, 0);
	for (int i = 0; i < OPENS * TRIES; i++)
		assert_int_equal(open_once(at(f, "btrfs/volume/a/key")), 0);
	expect(f, "btrfs/d/snapshot/a/key", true);
	assert_int_equal(umount(at(f, "btrfs")), 0);
}

/* ---------------------------------------------------------------- renames */

/* The ways to rename `from` to `to`, both below the fixture's directory; 0 or an errno. */
typedef int (*rename_fn)(const struct bpf_fixture *f, const char *from, const char *to);

static int result_of(long r)
{
	return r < 0 ? errno : 0;
}

#ifdef SYS_rename
static int by_rename(const struct bpf_fixture *f, const char *from, const char *to)
{
	return result_of(syscall(SYS_rename, at(f, from), at(f, to)));
}
#endif

#ifdef SYS_renameat
static int by_renameat(const struct bpf_fixture *f, const char *from, const char *to)
{
	return result_of(syscall(SYS_renameat, AT_FDCWD, at(f, from), AT_FDCWD, at(f, to)));
}
#endif

static int by_renameat2(const struct bpf_fixture *f, const char *from, const char *to)
{
	return result_of(syscall(SYS_renameat2, AT_FDCWD, at(f, from), AT_FDCWD, at(f, to), 0));
}

static int by_exchange(const struct bpf_fixture *f, const char *from, const char *to)
{
	if (mkdir(at(f, to), 0755) < 0)
		return errno;
	return result_of(syscall(SYS_renameat2, AT_FDCWD, at(f, from), AT_FDCWD, at(f, to), RENAME_EXCHANGE));
}

#ifdef HAVE_LIBURING
static int run_ring(void (*prepare)(struct io_uring_sqe *sqe, const char *from, const char *to), const char *from,
		    const char *to)
{
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	int r = io_uring_queue_init(4, &ring, 0);

	if (r < 0)
		return -r;
	prepare(io_uring_get_sqe(&ring), from, to);
	r = io_uring_submit(&ring);
	if (r >= 0)
		r = io_uring_wait_cqe(&ring, &cqe);
	if (r >= 0)
		r = cqe->res;
	io_uring_queue_exit(&ring);
	return r < 0 ? -r : 0;
}

static void prepare_rename(struct io_uring_sqe *sqe, const char *from, const char *to)
{
	io_uring_prep_renameat(sqe, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int by_ring(const struct bpf_fixture *f, const char *from, const char *to)
{
	return run_ring(prepare_rename, at(f, from), at(f, to));
}
#endif

static const struct {
	const char *name;
	rename_fn rename;
} renames[] = {
#ifdef SYS_rename
	{"rename", by_rename},
#endif
#ifdef SYS_renameat
	{"renameat", by_renameat},
#endif
	{"renameat2", by_renameat2}, {"exchange", by_exchange},
#ifdef HAVE_LIBURING
	{"io_uring", by_ring},
#endif
};
#define RENAMES (sizeof(renames) / sizeof(renames[0]))

/* From `from`/`inside` to `to`/`inside`, each way, where `to` is wanted. `%zu` is the way's number. */
static void moves_into_sight(struct bpf_fixture *f, const char *from, const char *to, const char *inside)
{
	char names[3][128], file[2][256];

	for (size_t i = 0; i < RENAMES; i++) {
		int r;

		(void)snprintf(names[0], sizeof(names[0]), "%s%zu", from, i);
		(void)snprintf(names[1], sizeof(names[1]), "%s%zu", to, i);
		(void)snprintf(file[0], sizeof(file[0]), "%s/%s", names[0], inside);
		(void)snprintf(file[1], sizeof(file[1]), "%s/%s", names[1], inside);
		(void)make_file(f, file[0]);
		make_quiet(f, file[0]);
		expect(f, file[0], false);
		r = renames[i].rename(f, names[0], names[1]);
		if (r != 0)
			fail_msg("%s: %s", renames[i].name, strerror(r));
		(void)printf("# %s\n", renames[i].name);
		expect(f, file[1], true);
	}
}

static void forgets_a_directory_that_is_renamed(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;
	char name[32];

	(void)make_file(f, "d/x");
	watch_for_quiet(f);
	id = watch_directory(f, at(f, "d"), 0, DEPTH(2));
	for (size_t i = 0; i < RENAMES; i++) {
		(void)snprintf(name, sizeof(name), "wanted%zu", i);
		watch_name(f, &id, name, NAME_BRANCH, DEPTH(2));
	}
	moves_into_sight(f, "d/plain", "d/wanted", "key");
}

static void forgets_a_directory_below_one_that_is_renamed(void **state)
{
	struct bpf_fixture *f = *state;

	(void)make_file(f, "d/x");
	(void)make_file(f, "elsewhere/x");
	watch_for_quiet(f);
	(void)watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	moves_into_sight(f, "elsewhere/a", "d/a", "b/c/key");
}

/* ---------------------------------------------------------------- inode numbers that are used again */

static int remove_by_rmdir(const char *path)
{
#ifdef SYS_rmdir
	return result_of(syscall(SYS_rmdir, path));
#else
	return result_of(rmdir(path));
#endif
}

static int remove_by_unlinkat(const char *path)
{
	return result_of(unlinkat(AT_FDCWD, path, AT_REMOVEDIR));
}

#ifdef HAVE_LIBURING
static void prepare_unlink(struct io_uring_sqe *sqe, const char *from, const char *to)
{
	(void)to;
	io_uring_prep_unlinkat(sqe, AT_FDCWD, from, AT_REMOVEDIR);
}

static int remove_by_ring(const char *path)
{
	return run_ring(prepare_unlink, path, NULL);
}
#endif

static int (*const removals[])(const char *) = {
	remove_by_rmdir,
	remove_by_unlinkat,
#ifdef HAVE_LIBURING
	remove_by_ring,
#endif
};

/* Makes directories below merged/d until one has that identity; its number, or -1. */
static int make_again(struct bpf_fixture *f, const struct file_id *id)
{
	char name[64];

	for (int i = 0; i < CHURN_MOST; i++) {
		struct file_id made;

		(void)snprintf(name, sizeof(name), "merged/d/again%d", i);
		assert_int_equal(mkdir(at(f, name), 0755), 0);
		made = identity_of(f, at(f, name));
		if (made.ino == id->ino && made.dev == id->dev && made.generation == id->generation)
			return i;
	}
	return -1;
}

static void forgets_a_directory_that_is_removed(void **state)
{
	struct bpf_fixture *f = *state;
	size_t done = 0;

	if (!mount_overlay(f, at(f, "lower"))) {
		(void)puts("# skip: no overlay can be mounted on this file system");
		skip();
	}
	(void)make_file(f, "merged/d/x");
	watch_for_quiet(f);
	(void)watch_directory(f, at(f, "merged/d"), DIRECTORY_TREE, 0);
	for (size_t i = 0; i < sizeof(removals) / sizeof(removals[0]); i++) {
		char file[64];
		struct file_id id;
		int again;

		(void)make_file(f, "merged/far/key");
		id = identity_of(f, at(f, "merged/far"));
		make_quiet(f, "merged/far/key");
		assert_int_equal(unlink(at(f, "merged/far/key")), 0);
		assert_int_equal(removals[i](at(f, "merged/far")), 0);
		again = make_again(f, &id);
		if (again >= 0) {
			(void)snprintf(file, sizeof(file), "merged/d/again%d/key", again);
			(void)make_file(f, file);
			expect(f, file, true);
			done++;
		}
		for (int j = 0; j < CHURN_MOST; j++) {
			(void)snprintf(file, sizeof(file), "merged/d/again%d/key", j);
			(void)unlink(at(f, file));
			*strrchr(file, '/') = '\0';
			(void)rmdir(at(f, file));
		}
	}
	assert_int_equal(umount(at(f, "merged")), 0);
	if (done == 0) {
		(void)puts("# skip: this file system uses no inode number again");
		skip();
	}
}

/* ---------------------------------------------------------------- mounts that move */

static int by_mount(const char *from, const char *to)
{
	return result_of(mount(from, to, NULL, MS_MOVE, NULL));
}

static int by_move_mount(const char *from, const char *to)
{
	return result_of(syscall(SYS_move_mount, AT_FDCWD, from, AT_FDCWD, to, 0));
}

static void forgets_a_directory_on_a_mount_that_is_moved(void **state)
{
	int (*const moves[])(const char *, const char *) = {by_mount, by_move_mount};
	struct bpf_fixture *f = *state;

	own_mounts();
	(void)make_file(f, "d/mnt/x");
	(void)make_file(f, "elsewhere/x");
	watch_for_quiet(f);
	(void)watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		assert_int_equal(mount("tmpfs", at(f, "elsewhere"), "tmpfs", 0, "size=64k"), 0);
		(void)make_file(f, "elsewhere/a/key");
		(void)make_file(f, "elsewhere/key");
		make_quiet(f, "elsewhere/a/key");
		make_quiet(f, "elsewhere/key");
		assert_int_equal(moves[i](at(f, "elsewhere"), at(f, "d/mnt")), 0);
		expect(f, "d/mnt/a/key", true);
		expect(f, "d/mnt/key", true);
		assert_int_equal(umount(at(f, "d/mnt")), 0);
	}
}

/* The same directory by another mount is another place: what is remembered is of one mount. */
static void keeps_mounts_apart(void **state)
{
	struct bpf_fixture *f = *state;

	own_mounts();
	(void)make_file(f, "d/mnt/x");
	(void)make_file(f, "elsewhere/x");
	watch_for_quiet(f);
	(void)watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	assert_int_equal(mount("tmpfs", at(f, "elsewhere"), "tmpfs", 0, "size=64k"), 0);
	(void)make_file(f, "elsewhere/a/key");
	assert_int_equal(mount(at(f, "elsewhere"), at(f, "d/mnt"), NULL, MS_BIND, NULL), 0);
	for (int i = 0; i < 4; i++) {
		make_quiet(f, "elsewhere/a/key");
		expect(f, "d/mnt/a/key", true);
		expect(f, "elsewhere/a/key", false);
	}
	assert_int_equal(umount(at(f, "d/mnt")) | umount(at(f, "elsewhere")), 0);
}

static const struct bpf_fixture *rooted;

/* Below the tmpfs `new`, whose directory "d" is watched, the old root becomes "d/old". */
static int pivot_and_open(const void *file)
{
	char path[PATH_MAX];

	if (unshare(CLONE_NEWNS) < 0 || chdir(at(rooted, "new")) < 0)
		return errno;
	for (int i = 0; i < OPENS * TRIES; i++) {
		if (open_once(file))
			return errno;
	}
	if (syscall(SYS_pivot_root, ".", "d/old") < 0)
		return errno;
	(void)snprintf(path, sizeof(path), "/d/old%s", (const char *)file);
	return open_once(path);
}

static void forgets_what_is_below_a_root_that_is_pivoted(void **state)
{
	struct bpf_fixture *f = *state;
	pid_t pid;

	own_mounts();
	(void)make_file(f, "far/key");
	(void)make_file(f, "new/x");
	watch_for_quiet(f);
	assert_int_equal(mount("tmpfs", at(f, "new"), "tmpfs", 0, "size=64k"), 0);
	(void)make_file(f, "new/d/old/x");
	(void)watch_directory(f, at(f, "new/d"), DIRECTORY_TREE, 0);
	rooted = f;
	pid = child_run(pivot_and_open, at(f, "far/key"));
	assert_int_equal(accesses_by(f, pid), 1);
	assert_int_equal(umount(at(f, "new")), 0);
}

/* A mount on the root of another, in a namespace of its own, which a peer then unmounts from below it. */
static int unmount_below_and_open(const void *unused)
{
	char file[PATH_MAX * 2];
	int outer = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), inner;

	(void)unused;
	(void)snprintf(file, sizeof(file), "%s", at(rooted, "d/shared/x/a/key"));
	if (outer < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, at(rooted, "d/shared/x"), NULL, MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", at(rooted, "d/shared/x"), "tmpfs", 0, "size=64k") < 0 ||
	    mkdir(at(rooted, "d/shared/x/a"), 0755) < 0)
		return errno;
	inner = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (inner < 0 || close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) < 0)
		return errno;
	for (int i = 0; i < OPENS * TRIES; i++) {
		if (open_once(file))
			return errno;
	}
	if (setns(outer, CLONE_NEWNS) < 0 || umount(at(rooted, "d/shared/x")) < 0 || setns(inner, CLONE_NEWNS) < 0)
		return errno;
	return open_once(file);
}

static void forgets_what_is_above_a_mount_that_is_gone(void **state)
{
	struct bpf_fixture *f = *state;
	pid_t pid;

	own_mounts();
	(void)make_file(f, "d/shared/x");
	watch_for_quiet(f);
	(void)watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	assert_int_equal(mount("tmpfs", at(f, "d/shared"), "tmpfs", 0, "size=64k"), 0);
	assert_int_equal(mount(NULL, at(f, "d/shared"), NULL, MS_SHARED, NULL), 0);
	assert_int_equal(mkdir(at(f, "d/shared/x"), 0755), 0);
	assert_int_equal(mount("tmpfs", at(f, "d/shared/x"), "tmpfs", 0, "size=64k"), 0);
	(void)watch_directory(f, at(f, "d/shared/x"), 0, DEPTH(2)); /* wants nothing */
	rooted = f;
	pid = child_run(unmount_below_and_open, NULL);
	assert_int_equal(accesses_by(f, pid), 1);
	assert_int_equal(umount(at(f, "d/shared")), 0);
}

/* ---------------------------------------------------------------- tables that change */

static void forgets_when_the_tables_want_more(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;

	(void)make_file(f, "d/inner/a/key");
	watch_for_quiet(f);
	make_quiet(f, "d/inner/a/key");
	id = watch_directory(f, at(f, "d/inner"), 0, DEPTH(2)); /* refuses it, as its own look now */
	expect(f, "d/inner/a/key", false);
	make_quiet(f, "d/inner/a/key");
	watch_name(f, &id, "a", NAME_BRANCH, DEPTH(2));
	expect(f, "d/inner/a/key", true);
}

static void forgets_when_a_directory_wants_its_files(void **state)
{
	struct bpf_fixture *f = *state;

	(void)make_file(f, "d/key");
	watch_for_quiet(f);
	make_quiet(f, "d/key");
	(void)watch_directory(f, at(f, "d"), DIRECTORY_ANY_NAME, DEPTH(1));
	expect(f, "d/key", true);
}

/* What an inner directory refused, one above it may want. */
static void forgets_when_a_directory_is_cleared(void **state)
{
	struct bpf_fixture *f = *state;
	struct file_id id;

	(void)make_file(f, "d/inner/a/key");
	watch_for_quiet(f);
	(void)watch_directory(f, at(f, "d"), DIRECTORY_TREE, 0);
	id = watch_directory(f, at(f, "d/inner"), 0, DEPTH(2));
	make_quiet(f, "d/inner/a/key");
	expect(f, "d/inner/a/key", false);
	assert_int_equal(kernel_tables_sink.clear_directory(&f->tables, &id), 0);
	expect(f, "d/inner/a/key", true);
}

static void always_looks_at_the_file_itself(void **state)
{
	struct bpf_fixture *f = *state;

	(void)make_file(f, "d/key");
	(void)make_file(f, "far/x");
	watch_for_quiet(f);
	make_quiet(f, "far/x");
	(void)watch(f, at(f, "d/key"));
	assert_int_equal(link(at(f, "d/key"), at(f, "far/link")), 0);
	make_quiet(f, "far/x");
	expect(f, "far/link", true);
}

/* In an overlay the file below may be what is watched, and each has one of its own. */
static void always_looks_at_the_file_below_an_overlay(void **state)
{
	struct bpf_fixture *f = *state;

	if (!mount_overlay(f, at(f, "lower"))) {
		(void)puts("# skip: no overlay can be mounted on this file system");
		skip();
	}
	(void)make_file(f, "merged/a/key");
	(void)make_file(f, "merged/a/other");
	watch_for_quiet(f);
	(void)watch(f, at(f, "upper/a/key"));
	make_quiet(f, "merged/a/other");
	expect(f, "merged/a/key", true);
	expect(f, "merged/a/other", false);
	assert_int_equal(umount(at(f, "merged")), 0);
}

int main(void)
{
	static const struct bpf_case cases[] = {
		CASE(remembers_what_nobody_wants),
		CASE(does_not_remember_what_depends_on_one_file),
		CASE(does_not_remember_the_root_of_a_mount_on_a_watched_directory),
		CASE(does_not_remember_what_moves_by_itself),
		CASE(does_not_remember_what_may_have_a_twin),
		CASE(forgets_a_directory_that_is_renamed),
		CASE(forgets_a_directory_below_one_that_is_renamed),
		CASE(forgets_a_directory_that_is_removed),
		CASE(forgets_a_directory_on_a_mount_that_is_moved),
		CASE(keeps_mounts_apart),
		CASE(forgets_what_is_below_a_root_that_is_pivoted),
		CASE(forgets_what_is_above_a_mount_that_is_gone),
		CASE(forgets_when_the_tables_want_more),
		CASE(forgets_when_a_directory_wants_its_files),
		CASE(forgets_when_a_directory_is_cleared),
		CASE(always_looks_at_the_file_itself),
		CASE(always_looks_at_the_file_below_an_overlay),
	};

	return RUN_CASES(cases);
}

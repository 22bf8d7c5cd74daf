/* SPDX-License-Identifier: Apache-2.0 */
/* Row 2: the secret under a name that no rule by name would match. Each variant opens it three times. */
#include "trick.h"

#define ROUNDS 3

static void open_alias(const struct trick *trick, int dirfd, const char *path)
{
	for (int i = 0; i < ROUNDS; i++)
		trick_open_secret(trick, dirfd, path);
	trick_did("opened it as '%.200s', %d times", path, ROUNDS);
	trick_access(getpid(), "open", "openat", ROUNDS);
}

static void run_symlink(const struct trick *trick)
{
	char link[TRICK_PATH];

	trick_path(link, sizeof(link), "%s/innocent", trick->scratch);
	if (symlink(trick->secret, link) < 0)
		trick_fail("symlink '%s'", link);
	open_alias(trick, AT_FDCWD, link);
}

static void run_symlink_directory(const struct trick *trick)
{
	char link[TRICK_PATH], directory[TRICK_PATH], path[TRICK_PATH];
	const char *name = strrchr(trick->secret, '/') + 1;

	trick_path(directory, sizeof(directory), "%.*s", (int)(name - trick->secret - 1), trick->secret);
	trick_path(link, sizeof(link), "%s/dir", trick->scratch);
	if (symlink(directory, link) < 0)
		trick_fail("symlink '%s'", link);
	trick_path(path, sizeof(path), "%s/%s", link, name);
	open_alias(trick, AT_FDCWD, path);
}

static void run_dotdot(const struct trick *trick)
{
	char path[TRICK_PATH];
	const char *name = strrchr(trick->secret, '/') + 1;
	int size = (int)(name - trick->secret - 1);

	trick_path(path, sizeof(path), "%.*s/../../../../../../../../../..//.%.*s/./%s", size, trick->secret, size,
		   trick->secret, name);
	open_alias(trick, AT_FDCWD, path);
}

static void run_proc_root(const struct trick *trick)
{
	char path[TRICK_PATH];

	open_alias(trick, AT_FDCWD, trick_path(path, sizeof(path), "/proc/self/root%s", trick->secret));
}

static void run_proc_cwd(const struct trick *trick)
{
	const char *name = strrchr(trick->secret, '/') + 1;
	char directory[TRICK_PATH], path[TRICK_PATH];

	trick_path(directory, sizeof(directory), "%.*s", (int)(name - trick->secret - 1), trick->secret);
	if (chdir(directory) < 0)
		trick_fail("chdir");
	open_alias(trick, AT_FDCWD, trick_path(path, sizeof(path), "/proc/self/cwd/%s", name));
}

static void run_dirfd(const struct trick *trick)
{
	const char *name = strrchr(trick->secret, '/') + 1;
	char directory[TRICK_PATH];

	trick_path(directory, sizeof(directory), "%.*s", (int)(name - trick->secret - 1), trick->secret);
	open_alias(trick, trick_openat(AT_FDCWD, directory, O_PATH | O_DIRECTORY), name);
}

/* The first open is counted, the ones through the descriptor are opens of their own. */
static void open_again(const struct trick *trick, const char *format, pid_t pid)
{
	int fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
	char path[TRICK_PATH];

	if (pid)
		trick_path(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	else
		trick_path(path, sizeof(path), "%s%d", format, fd);
	for (int i = 0; i < ROUNDS; i++)
		trick_open_secret(trick, AT_FDCWD, path);
	trick_did("opened it once, then as '%s', %d times", path, ROUNDS);
	trick_access(getpid(), "open", "openat", ROUNDS + 1);
}

static void run_dev_fd(const struct trick *trick)
{
	open_again(trick, "/dev/fd/", 0);
}

static void run_proc_self_fd(const struct trick *trick)
{
	open_again(trick, "/proc/self/fd/", 0);
}

static void run_proc_pid_fd(const struct trick *trick)
{
	open_again(trick, NULL, getpid());
}

/* O_PATH gives no data and is no access; reopening it is one. */
static void run_path_descriptor(const struct trick *trick)
{
	int fd = trick_openat(AT_FDCWD, trick->secret, O_PATH);
	char path[TRICK_PATH];

	open_alias(trick, AT_FDCWD, trick_path(path, sizeof(path), "/proc/self/fd/%d", fd));
}

static void run_thread_root(const struct trick *trick)
{
	char path[TRICK_PATH];

	open_alias(trick, AT_FDCWD,
		   trick_path(path, sizeof(path), "/proc/%d/task/%d/root/%s", getpid(), gettid(), trick->secret));
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"symlink", run_symlink},
		{"symlink-directory", run_symlink_directory},
		{"dotdot", run_dotdot},
		{"proc-root", run_proc_root},
		{"proc-task-root", run_thread_root},
		{"proc-cwd", run_proc_cwd},
		{"dirfd", run_dirfd},
		{"dev-fd", run_dev_fd},
		{"proc-self-fd", run_proc_self_fd},
		{"proc-pid-fd", run_proc_pid_fd},
		{"path-descriptor", run_path_descriptor},
		{NULL, NULL},
	};

	return trick_main(argc, argv, variants);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Row 6: the reader lives in namespaces of its own. Numbers printed are those of the caller's pid namespace. */
#include "trick.h"

static void map_root(void)
{
	trick_write_file("/proc/self/setgroups", "deny", 0);
	trick_write_file("/proc/self/uid_map", "0 0 1", 0);
	trick_write_file("/proc/self/gid_map", "0 0 1", 0);
}

static void run_in(const struct trick *trick, int namespaces, const char *words)
{
	pid_t pid;

	if (unshare(namespaces) < 0)
		trick_cannot("unshare: %s", strerror(errno));
	if (namespaces & CLONE_NEWUSER)
		map_root();
	pid = trick_fork(); /* a pid namespace begins with the child */
	if (pid == 0) {
		if ((namespaces & CLONE_NEWNS) && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			trick_fail("private mounts");
		trick_open_secret(trick, AT_FDCWD, trick->secret);
		trick_open_secret(trick, AT_FDCWD, trick->secret);
		_exit(0);
	}
	trick_wait(pid);
	trick_did("opened it twice in a %s namespace of its own", words);
	trick_access(pid, "open", "openat", 2);
}

static void run_pid(const struct trick *trick)
{
	run_in(trick, CLONE_NEWPID, "pid");
}

static void run_mount(const struct trick *trick)
{
	run_in(trick, CLONE_NEWNS, "mount");
}

static void run_user(const struct trick *trick)
{
	run_in(trick, CLONE_NEWUSER, "user");
}

static void run_all(const struct trick *trick)
{
	run_in(trick,
	       CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
		       CLONE_NEWCGROUP,
	       "user, mount, pid, uts, ipc, net and cgroup");
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"pid", run_pid}, {"mount", run_mount}, {"user", run_user}, {"all", run_all}, {NULL, NULL}};

	return trick_main(argc, argv, variants);
}

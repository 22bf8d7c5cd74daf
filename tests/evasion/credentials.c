/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 21: who a process is changes after its exec. Each variant opens the secret twice before and three times after;
 * the events must tell the two apart. EXTRA is the other user's number (default 65534).
 */
#include <linux/capability.h>
#include <sys/prctl.h>

#include "trick.h"

static unsigned int other(const struct trick *trick)
{
	return trick->extra ? (unsigned int)strtoul(trick->extra, NULL, 10) : 65534;
}

static void open_times(const struct trick *trick, int times)
{
	for (int i = 0; i < times; i++)
		trick_open_secret(trick, AT_FDCWD, trick->secret);
}

static void report(const char *words)
{
	trick_did("opened it twice, %s, opened it three times", words);
	trick_access(getpid(), "open", "openat", 5);
}

/* The file must be readable by others for the second half. */
static void run_setuid(const struct trick *trick)
{
	open_times(trick, 2);
	if (setresuid(other(trick), other(trick), other(trick)) < 0)
		trick_cannot("setresuid: %s", strerror(errno));
	open_times(trick, 3);
	report("changed to another user");
}

static void run_seteuid(const struct trick *trick)
{
	open_times(trick, 2);
	if (seteuid(other(trick)) < 0)
		trick_cannot("seteuid: %s", strerror(errno));
	open_times(trick, 3);
	report("changed its effective user");
}

static void run_setgid(const struct trick *trick)
{
	open_times(trick, 2);
	if (setresgid(other(trick), other(trick), other(trick)) < 0)
		trick_cannot("setresgid: %s", strerror(errno));
	open_times(trick, 3);
	report("changed to another group");
}

static void run_capabilities(const struct trick *trick)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	open_times(trick, 2);
	if (syscall(SYS_capset, &head, data) < 0)
		trick_cannot("capset: %s", strerror(errno));
	open_times(trick, 3);
	report("dropped every capability");
}

/* One thread alone, by the bare system call: the process has two users at once. */
static void run_thread(const struct trick *trick)
{
	open_times(trick, 2);
	if (syscall(SYS_setresuid, other(trick), other(trick), other(trick)) < 0)
		trick_cannot("setresuid: %s", strerror(errno));
	open_times(trick, 3);
	report("changed one thread to another user");
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"setuid", run_setuid}, {"seteuid", run_seteuid},
		{"setgid", run_setgid}, {"capabilities", run_capabilities},
		{"thread", run_thread}, {NULL, NULL},
	};

	return trick_main(argc, argv, variants);
}

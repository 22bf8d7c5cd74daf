/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 8, and the end-to-end tests: each system call that opens. EXTRA is how many times (default 3).
 *
 * creat truncates: the content of the secret does not survive that variant.
 */
#include <linux/openat2.h>

#include "trick.h"

static unsigned long rounds(const struct trick *trick)
{
	return trick->extra ? strtoul(trick->extra, NULL, 10) : 3;
}

static void report(const struct trick *trick, const char *via, const char *words)
{
	trick_did("opened it %lu times by %s", rounds(trick), words);
	trick_access(getpid(), "open", via, rounds(trick));
}

static void check(const struct trick *trick, int fd, const char *words)
{
	if (fd < 0)
		trick_fail("%s", words);
	errno = 0;
	if (!trick_is_secret(trick, fd))
		trick_fail("not the secret");
}

static void check_and_close(const struct trick *trick, int fd, const char *words)
{
	check(trick, fd, words);
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY)
		trick_got();
	else
		trick_try_to_read(fd);
	close(fd);
}

static void run_open(const struct trick *trick)
{
	for (unsigned long i = 0; i < rounds(trick); i++)
		check_and_close(trick, (int)syscall(SYS_open, trick->secret, O_RDONLY | O_CLOEXEC, 0), "open");
	report(trick, "open", "open(2)");
}

static void run_openat(const struct trick *trick)
{
	for (unsigned long i = 0; i < rounds(trick); i++)
		check_and_close(trick, trick_openat(AT_FDCWD, trick->secret, O_RDONLY), "openat");
	report(trick, "openat", "openat(2)");
}

static void run_write(const struct trick *trick)
{
	for (unsigned long i = 0; i < rounds(trick); i++)
		check_and_close(trick, trick_openat(AT_FDCWD, trick->secret, O_WRONLY), "openat");
	report(trick, "openat", "openat(2) for writing");
}

static void run_read_write(const struct trick *trick)
{
	for (unsigned long i = 0; i < rounds(trick); i++)
		check_and_close(trick, trick_openat(AT_FDCWD, trick->secret, O_RDWR), "openat");
	report(trick, "openat", "openat(2) for reading and writing");
}

static void run_openat2(const struct trick *trick)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};

	for (unsigned long i = 0; i < rounds(trick); i++) {
		int fd = (int)syscall(SYS_openat2, AT_FDCWD, trick->secret, &how, sizeof(how));

		if (fd < 0 && errno == ENOSYS)
			trick_cannot("no openat2");
		check_and_close(trick, fd, "openat2");
	}
	report(trick, "openat2", "openat2(2)");
}

static void run_creat(const struct trick *trick)
{
	for (unsigned long i = 0; i < rounds(trick); i++)
		check_and_close(trick, (int)syscall(SYS_creat, trick->secret, 0600), "creat");
	report(trick, "creat", "creat(2)");
}

static void run_handle(const struct trick *trick)
{
	union {
		struct file_handle head;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle = {.head = {.handle_bytes = MAX_HANDLE_SZ}};
	int mount_id, directory;
	char path[TRICK_PATH];

	if (name_to_handle_at(AT_FDCWD, trick->secret, &handle.head, &mount_id, 0) < 0)
		trick_cannot("name_to_handle_at: %s", strerror(errno));
	trick_path(path, sizeof(path), "%.*s", (int)(strrchr(trick->secret, '/') - trick->secret), trick->secret);
	directory = trick_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	for (unsigned long i = 0; i < rounds(trick); i++) {
		int fd = open_by_handle_at(directory, &handle.head, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			trick_cannot("open_by_handle_at: %s", strerror(errno));
		check_and_close(trick, fd, "open_by_handle_at");
	}
	report(trick, "open_by_handle_at", "open_by_handle_at(2)");
}

/* An O_PATH open gives no data and must not count: nothing is declared. */
static void run_path_only(const struct trick *trick)
{
	for (unsigned long i = 0; i < rounds(trick); i++) {
		int fd = trick_openat(AT_FDCWD, trick->secret, O_PATH);

		check(trick, fd, "openat");
		close(fd);
	}
	trick_did("opened it %lu times with O_PATH, which gives no data", rounds(trick));
	trick_access(getpid(), "open", "*", 0);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"open", run_open},
		{"openat", run_openat},
		{"write", run_write},
		{"read-write", run_read_write},
		{"openat2", run_openat2},
		{"creat", run_creat},
		{"handle", run_handle},
		{"path-only", run_path_only},
		{NULL, NULL},
	};

	return trick_main(argc, argv, variants);
}

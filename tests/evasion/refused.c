/* SPDX-License-Identifier: Apache-2.0 */
/* Row 22: opens that fail. Each variant tries three times; SECRET may be a file that is not there. */
#ifdef HAVE_LIBURING
#include <liburing.h>
#endif
#include <linux/openat2.h>

#include "trick.h"

#define ROUNDS 3
#define NOBODY 65534

static void expect(int fd, int code, const char *words)
{
	int got = errno;

	errno = got;
	if (fd >= 0 || got != code)
		trick_fail("%s: expected '%s', got descriptor %d", words, strerror(code), fd);
}

static void drop(void)
{
	if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		trick_cannot("changing the user: %s", strerror(errno));
}

static void try_openat(const struct trick *trick, const char *path, int flags, int code, const char *words)
{
	(void)trick;
	for (int i = 0; i < ROUNDS; i++)
		expect((int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0), code, path);
	trick_did("%s, %d times", words, ROUNDS);
	trick_refused(getpid(), code, ROUNDS);
}

static void run_eacces(const struct trick *trick)
{
	drop();
	try_openat(trick, trick->secret, O_RDONLY, EACCES, "was refused as another user");
}

static void run_eacces_relative(const struct trick *trick)
{
	char directory[TRICK_PATH];

	trick_path(directory, sizeof(directory), "%.*s", (int)(strrchr(trick->secret, '/') - trick->secret),
		   trick->secret);
	if (chdir(directory) < 0)
		trick_fail("chdir");
	drop();
	try_openat(trick, strrchr(trick->secret, '/') + 1, O_RDONLY, EACCES,
		   "was refused as another user by a relative path");
}

static void run_eacces_openat2(const struct trick *trick)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};

	drop();
	for (int i = 0; i < ROUNDS; i++)
		expect((int)syscall(SYS_openat2, AT_FDCWD, trick->secret, &how, sizeof(how)), EACCES, "openat2");
	trick_did("was refused by openat2 as another user, %d times", ROUNDS);
	trick_refused(getpid(), EACCES, ROUNDS);
}

static void run_eacces_symlink(const struct trick *trick)
{
	char link[TRICK_PATH];

	trick_path(link, sizeof(link), "%s/innocent", trick->scratch);
	if (symlink(trick->secret, link) < 0 || chmod(trick->scratch, 0755) < 0)
		trick_fail("symlink");
	drop();
	try_openat(trick, link, O_RDONLY, EACCES, "was refused through a symbolic link with another name");
}

static void run_eacces_directory(const struct trick *trick)
{
	char directory[TRICK_PATH];

	trick_path(directory, sizeof(directory), "%.*s", (int)(strrchr(trick->secret, '/') - trick->secret),
		   trick->secret);
	if (chmod(directory, 0700) < 0)
		trick_fail("chmod");
	drop();
	try_openat(trick, trick->secret, O_RDONLY, EACCES, "was refused by its directory as another user");
}

static void run_enoent(const struct trick *trick)
{
	errno = EEXIST;
	if (trick->id.st_ino)
		trick_fail("the secret should not be there");
	try_openat(trick, trick->secret, O_RDONLY, ENOENT, "looked for a secret that is not there");
}

/* EPERM: O_NOATIME is for the owner alone. */
static void run_eperm(const struct trick *trick)
{
	if (chmod(trick->secret, 0644) < 0)
		trick_fail("chmod");
	drop();
	try_openat(trick, trick->secret, O_RDONLY | O_NOATIME, EPERM, "was refused O_NOATIME as another user");
}

static void run_uring(const struct trick *trick)
{
#ifdef HAVE_LIBURING
	struct io_uring ring;
	int r;

	drop();
	r = io_uring_queue_init(4, &ring, 0);
	if (r < 0)
		trick_cannot("io_uring: %s", strerror(-r));
	for (int i = 0; i < ROUNDS; i++) {
		struct io_uring_cqe *cqe;

		io_uring_prep_openat(io_uring_get_sqe(&ring), AT_FDCWD, trick->secret, O_RDONLY | O_CLOEXEC, 0);
		if (io_uring_submit(&ring) != 1 || io_uring_wait_cqe(&ring, &cqe) < 0)
			trick_fail("io_uring");
		errno = -cqe->res;
		expect(cqe->res < 0 ? -1 : cqe->res, EACCES, "io_uring");
		io_uring_cqe_seen(&ring, cqe);
	}
	trick_did("was refused by io_uring as another user, %d times", ROUNDS);
	trick_refused(getpid(), EACCES, ROUNDS);
#else
	(void)trick;
	trick_cannot("built without liburing");
#endif
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"eacces", run_eacces},
		{"eacces-relative", run_eacces_relative},
		{"eacces-openat2", run_eacces_openat2},
		{"eacces-symlink", run_eacces_symlink},
		{"eacces-directory", run_eacces_directory},
		{"enoent", run_enoent},
		{"eperm", run_eperm},
		{"uring", run_uring},
		{NULL, NULL},
	};

	return trick_main(argc, argv, variants);
}

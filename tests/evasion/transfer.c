/* SPDX-License-Identifier: Apache-2.0 */
/* Rows 10 and 11: the bytes leave by a mapping, or never pass through the reader's memory at all. */
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "trick.h"

static void read_page(const volatile char *page)
{
	if (page[0] != '\0')
		trick_got();
}

static void map_and_read(int fd)
{
	volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		trick_fail("mmap");
	read_page(page);
}

static void run_map(const struct trick *trick)
{
	int fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);

	map_and_read(fd);
	trick_did("opened it once and mapped it");
	trick_access(getpid(), "open", "openat", 1);
	trick_access_least(getpid(), "map", "mmap", 1);
}

static void run_map_inherited(const struct trick *trick)
{
	pid_t pid;
	int fd;

	trick_become_holder(trick);
	fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
	pid = trick_fork();
	if (pid == 0) {
		trick_become_thief(trick);
		map_and_read(fd);
		_exit(0);
	}
	trick_wait(pid);
	trick_did("a child mapped the descriptor that it inherited");
	trick_access(getpid(), "open", "openat", 1);
	trick_access_least(pid, "map", "mmap", 1);
}

/* No descriptor is left when the child is born: only the pages are. */
static void run_map_pages(const struct trick *trick)
{
	volatile char *page;
	pid_t pid;
	int fd;

	trick_become_holder(trick);
	fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		trick_fail("mmap");
	close(fd);
	pid = trick_fork();
	if (pid == 0) {
		trick_become_thief(trick);
		read_page(page);
		_exit(0);
	}
	trick_wait(pid);
	trick_did("mapped it, closed it, and a child read the pages that it inherited");
	trick_access(getpid(), "open", "openat", 1);
	trick_access_least(getpid(), "map", "mmap", 1);
	trick_access_least(pid, "receive|map", "*", 1);
}

static void report(const char *words)
{
	trick_did("opened it once and moved its bytes by %s", words);
	trick_access(getpid(), "open", "openat", 1);
}

/* The other end of a pipe: the bytes are ours when they come out there. */
static void take_out(int end)
{
	char byte;

	if (read(end, &byte, 1) != 1)
		trick_fail("the pipe is empty");
	trick_got();
}

static void run_sendfile(const struct trick *trick)
{
	int fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY), ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0 || sendfile(ends[1], fd, NULL, 4096) <= 0)
		trick_fail("sendfile");
	take_out(ends[0]);
	report("sendfile");
}

static void run_splice(const struct trick *trick)
{
	int fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY), ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0 || splice(fd, NULL, ends[1], NULL, 4096, 0) <= 0)
		trick_fail("splice");
	take_out(ends[0]);
	report("splice");
}

static void run_copy_range(const struct trick *trick)
{
	int fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY), to;
	char path[TRICK_PATH];

	trick_path(path, sizeof(path), "%s/copy", trick->scratch);
	to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (to < 0 || copy_file_range(fd, NULL, to, NULL, 4096, 0) <= 0)
		trick_fail("copy_file_range");
	trick_got();
	report("copy_file_range");
}

static void run_readahead(const struct trick *trick)
{
	int fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);

	if (readahead(fd, 0, 4096) < 0)
		trick_cannot("readahead: %s", strerror(errno));
	report("readahead");
}

static void run_sendfile_inherited(const struct trick *trick)
{
	int ends[2], fd;
	pid_t pid;

	trick_become_holder(trick);
	fd = trick_openat(AT_FDCWD, trick->secret, O_RDONLY);
	if (pipe2(ends, O_CLOEXEC) < 0)
		trick_fail("pipe");
	pid = trick_fork();
	if (pid == 0) {
		trick_become_thief(trick);
		if (sendfile(ends[1], fd, NULL, 4096) <= 0)
			trick_fail("sendfile");
		take_out(ends[0]);
		_exit(0);
	}
	trick_wait(pid);
	trick_did("a child sent the bytes of the descriptor that it inherited into a pipe");
	trick_access(getpid(), "open", "openat", 1);
	trick_access(pid, "receive", "inherited", 1);
}

int main(int argc, char **argv)
{
	static const struct trick_variant variants[] = {
		{"map", run_map},
		{"map-inherited", run_map_inherited},
		{"map-pages", run_map_pages},
		{"sendfile", run_sendfile},
		{"splice", run_splice},
		{"copy-range", run_copy_range},
		{"readahead", run_readahead},
		{"sendfile-inherited", run_sendfile_inherited},
		{NULL, NULL},
	};

	return trick_main(argc, argv, variants);
}

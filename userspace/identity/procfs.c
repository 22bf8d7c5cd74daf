/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h; in field 9 of stat */
#define STAT_SIZE  1024       /* 52 numbers and a name of at most 64 bytes */
#define PATH_SIZE  (PROCFS_ROOT_MAX + 64)

static ssize_t read_file(const char *path, char *buffer, size_t size)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t total = 0;

	if (fd < 0)
		return -errno;
	while (total < size - 1) {
		ssize_t n = read(fd, buffer + total, size - 1 - total);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		total += (size_t)n;
	}
	buffer[total] = '\0';
	return (ssize_t)total;
}

/* time_namespaces(7): lines "boottime <seconds> <nanoseconds>". No such file, no such namespaces. */
static int64_t read_offset(const struct procfs *procfs)
{
	char path[PATH_SIZE];
	char text[256];
	const char *line;
	int64_t seconds;
	int64_t nanoseconds;

	(void)snprintf(path, sizeof(path), "%s/self/timens_offsets", procfs->root); /* fits: PATH_SIZE */
	if (read_file(path, text, sizeof(text)) < 0)
		return 0;
	line = strstr(text, "boottime");
	if (!line || sscanf(line, "boottime %" SCNd64 " %" SCNd64, &seconds, &nanoseconds) != 2 ||
	    seconds > INT32_MAX || seconds < -INT32_MAX)
		return 0;
	return seconds * (int64_t)NS_PER_SEC + nanoseconds;
}

int procfs_init(struct procfs *procfs, const char *root)
{
	long ticks = sysconf(_SC_CLK_TCK);
	size_t length = strlen(root);

	if (length >= sizeof(procfs->root))
		return -ENAMETOOLONG;
	*procfs = (struct procfs){.tick_ns = NS_PER_SEC / (uint64_t)(ticks > 0 ? ticks : 100)};
	memcpy(procfs->root, root, length);
	procfs->offset_ns = read_offset(procfs);
	return 0;
}

/* proc_pid_stat(5): the name may hold spaces and parentheses, so its end is the last one. Fields are counted from 1. */
int procfs_parse_stat(const struct procfs *procfs, const char *text, struct procfs_stat *ret)
{
	const char *open = strchr(text, '(');
	const char *close = strrchr(text, ')');
	struct procfs_stat stat = {0};
	uint64_t ticks;
	uint32_t flags;
	size_t length;
	char state;

	if (!open || !close || close < open)
		return -EBADMSG;
	if (sscanf(close + 1,
		   " %c %" SCNu32 " %*d %*d %*d %*d %" SCNu32
		   " %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
		   &state, &stat.parent_pid, &flags, &ticks) != 4)
		return -EBADMSG;
	if (ticks > (uint64_t)INT64_MAX / procfs->tick_ns)
		return -EBADMSG;
	length = (size_t)(close - open - 1);
	memcpy(stat.comm, open + 1, length < sizeof(stat.comm) ? length : sizeof(stat.comm) - 1);
	stat.start_ns = (uint64_t)((int64_t)(ticks * procfs->tick_ns) - procfs->offset_ns);
	stat.is_kernel_thread = (flags & PF_KTHREAD) != 0;
	*ret = stat;
	return 0;
}

ssize_t procfs_read(const struct procfs *procfs, uint32_t pid, const char *name, char *buffer, size_t size)
{
	char path[PATH_SIZE];

	if ((size_t)snprintf(path, sizeof(path), "%s/%" PRIu32 "/%s", procfs->root, pid, name) >= sizeof(path))
		return -ENAMETOOLONG;
	return read_file(path, buffer, size);
}

int procfs_read_stat(const struct procfs *procfs, uint32_t pid, struct procfs_stat *ret)
{
	char text[STAT_SIZE];
	ssize_t n = procfs_read(procfs, pid, "stat", text, sizeof(text));

	return n < 0 ? (int)n : procfs_parse_stat(procfs, text, ret);
}

bool procfs_is_alive(const struct procfs *procfs, const struct process_id *id)
{
	struct procfs_stat stat;
	uint64_t tick = procfs->tick_ns;

	if (procfs_read_stat(procfs, id->pid, &stat) < 0)
		return false;
	/* Both on the reader's clock, where the kernel rounds down. */
	return ((int64_t)stat.start_ns + procfs->offset_ns) / (int64_t)tick ==
	       ((int64_t)id->start_ns + procfs->offset_ns) / (int64_t)tick;
}

ssize_t procfs_read_exe(const struct procfs *procfs, uint32_t pid, char *buffer, size_t size)
{
	char path[PATH_SIZE];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/%" PRIu32 "/exe", procfs->root, pid); /* fits: PATH_SIZE */
	n = readlink(path, buffer, size);
	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	buffer[n] = '\0';
	return n;
}

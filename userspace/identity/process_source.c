/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/process_source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "identity/exe_file.h"
#include "identity/process_record.h"
#include "identity/process_table.h"
#include "identity/procfs.h"

#define COMPLETIONS_MAX 3 /* attempts for one image */

struct process *process_source_adopt_pid(struct process_source *source, uint32_t pid)
{
	struct procfs_stat stat;
	struct process_id none = {0};
	struct process_id id = {.pid = pid};
	struct process *process;

	if (procfs_read_stat(source->procfs, pid, &stat) < 0)
		return NULL;
	process = process_table_find_living(source->table, pid);
	/* What the kernel told is exact, /proc is rounded down to a tick. */
	if (process && process->id.start_ns - stat.start_ns < source->procfs->tick_ns)
		return process;
	id.start_ns = stat.start_ns;
	process = process_table_add(source->table, &id, &none);
	if (!process)
		return NULL;
	process->is_start_coarse = true;
	source->completed++;
	return process;
}

struct process *process_source_adopt(struct process_source *source, const struct process_id *id,
				     const struct process_id *parent)
{
	struct process *process = process_table_find(source->table, id);

	if (process || !process_id_is_valid(id))
		return process;
	if (!procfs_is_alive(source->procfs, id))
		return NULL;
	process = process_table_add(source->table, id, parent);
	if (process)
		source->completed++;
	return process;
}

static struct process *find_parent(struct process_source *source, struct process *process)
{
	struct procfs_stat stat;
	struct process_id none = {0};

	if (process_id_is_valid(&process->parent_id))
		return process_source_adopt(source, &process->parent_id, &none);
	if (process->state != PROCESS_LIVING || procfs_read_stat(source->procfs, process->id.pid, &stat) < 0 ||
	    stat.parent_pid == 0 || !procfs_is_alive(source->procfs, &process->id))
		return NULL;
	return process_source_adopt_pid(source, stat.parent_pid);
}

struct process *process_source_parent(struct process_source *source, struct process *process)
{
	struct process *parent;

	if (process->parent || process->is_parent_unknown || process->id.pid <= 2)
		return process->parent;
	if (process_table_link(source->table, process))
		return process->parent;
	parent = find_parent(source, process);
	if (parent) {
		process->parent_id = parent->id;
		(void)process_table_link(source->table, process); /* refused when it would close a circle */
	}
	process->is_parent_unknown = !process->parent;
	return process->parent;
}

/* The path of an open file, without the " (deleted)" that the kernel adds. Its length, or -errno. */
static ssize_t read_path(int fd, char *out, size_t size)
{
	static const char deleted[] = " (deleted)";
	const size_t deleted_size = sizeof(deleted) - 1;
	char link[32];
	struct statx stx;
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd); /* fits */
	n = readlink(link, out, size);
	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	if ((size_t)n > deleted_size && memcmp(out + n - deleted_size, deleted, deleted_size) == 0 &&
	    statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_NLINK, &stx) == 0 && stx.stx_nlink == 0)
		n -= (ssize_t)deleted_size;
	return n;
}

/* An O_PATH descriptor of what it runs now, or -1. */
static int open_exe(const struct process_source *source, const struct process *process)
{
	char path[PROCFS_ROOT_MAX + 32];
	_cleanup_(closep) int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/%" PRIu32 "/exe", source->procfs->root, process->id.pid); /* fits */
	fd = open(path, O_PATH | O_CLOEXEC);
	return fd >= 0 && procfs_is_alive(source->procfs, &process->id) ? TAKE_FD(fd) : -1;
}

/* Sets the path of the image of that file, which is made if it is not there. */
static struct image *complete_image(struct process_source *source, struct process *process, const struct file_id *file,
				    int fd)
{
	char path[PATH_MAX + 16];
	ssize_t n = read_path(fd, path, sizeof(path));
	struct image *image = process_find_image(process, file);

	if (n <= 0)
		return image;
	if (image) {
		image->exe = string_pool_get(&source->table->strings, path, (size_t)n);
	} else {
		image = image_new(source->table, file, path, (size_t)n, NULL, 0);
		if (image)
			process_set_image(source->table, process, image, process->image_ns);
	}
	source->completed++;
	return image;
}

static bool may_try(struct process *process)
{
	if (process->state != PROCESS_LIVING || process->completions >= COMPLETIONS_MAX)
		return false;
	process->completions++;
	return true;
}

struct image *process_source_image(struct process_source *source, struct process *process, const struct exe_id *exe)
{
	struct image *image = process_find_image(process, &exe->file);
	_cleanup_(closep) int fd = -1;

	if ((image && image->exe) || !may_try(process))
		return image;
	fd = open_exe(source, process);
	if (fd < 0 || !exe_file_is_same(fd, exe))
		return image;
	return complete_image(source, process, &exe->file, fd);
}

/* "[comm]", of no file. */
static struct image *complete_kernel_thread(struct process_source *source, struct process *process)
{
	static const struct file_id none;
	char name[ABI_COMM_SIZE + 3];
	struct procfs_stat stat;
	struct image *image;
	int n;

	if (procfs_read_stat(source->procfs, process->id.pid, &stat) < 0 || !stat.is_kernel_thread)
		return NULL;
	n = snprintf(name, sizeof(name), "[%s]", stat.comm);
	image = image_new(source->table, &none, name, (size_t)n, NULL, 0);
	if (image)
		process_set_image(source->table, process, image, process->image_ns);
	return image;
}

struct image *process_source_current(struct process_source *source, struct process *process)
{
	_cleanup_(closep) int fd = -1;
	struct statx stx;
	struct file_id file = {0};

	if ((process->images[0] && process->images[0]->exe) || !may_try(process))
		return process->images[0];
	fd = open_exe(source, process);
	if (fd < 0)
		return complete_kernel_thread(source, process);
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &stx) < 0)
		return NULL;
	/* Close to what the kernel calls it; where it is not, its own accesses complete it once more. */
	file.ino = stx.stx_ino;
	file.dev = stx.stx_dev_major << 20 | stx.stx_dev_minor;
	return complete_image(source, process, &file, fd);
}

void process_source_args(struct process_source *source, struct process *process)
{
	struct image *image = process->images[0];
	char args[ABI_ARGS_MAX + 2];
	ssize_t n;

	if (!image || image->is_args_known || process->state != PROCESS_LIVING)
		return;
	image->is_args_known = true;
	if (!source->wants_args)
		return;
	n = procfs_read(source->procfs, process->id.pid, "cmdline", args, sizeof(args));
	if (n <= 0 || !procfs_is_alive(source->procfs, &process->id))
		return;
	image->is_args_truncated = n > ABI_ARGS_MAX;
	n = n > ABI_ARGS_MAX ? ABI_ARGS_MAX : n;
	image->args = string_pool_get(&source->table->strings, args, (size_t)n);
	source->completed++;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/pins.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "abi.h"
#include "base/clock.h"
#include "base/file.h"

#define STATE_NAME  "state"
#define LEDGER_NAME "ledger"
#define LINKS_MAX   64 /* of one daemon */

struct pins {
	char path[PATH_MAX]; /* of the folder */
	const char *name;    /* its last component */
};

/* ---------------------------------------------------------------- pinning */

/* On a host without systemd nobody may have mounted it yet. */
static int need_bpf_fs(const char *directory)
{
	static const char mount_point[] = "/sys/fs/bpf";
	struct statfs fs;

	if (statfs(directory, &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (strncmp(directory, mount_point, strlen(mount_point)) != 0 ||
	    (statfs(mount_point, &fs) == 0 && fs.f_type == BPF_FS_MAGIC) ||
	    mount("bpf", mount_point, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return -ENODEV;
	return 0;
}

int pins_new(const char *directory, struct pins **ret)
{
	_cleanup_(pins_freep) struct pins *pins = calloc(1, sizeof(*pins));
	size_t size = strlen(directory);
	int r;

	if (!pins)
		return -ENOMEM;
	/* A pid may come again, and while the former daemon's pins are there. */
	r = snprintf(pins->path, sizeof(pins->path), "%s/%d-%llu", directory, getpid(),
		     (unsigned long long)clock_boot_ns());
	if (r < 0 || (size_t)r >= sizeof(pins->path))
		return -ENAMETOOLONG;
	pins->name = pins->path + size + 1;
	(void)file_make_directories(directory, 0700); /* if it fails so does the next */
	r = need_bpf_fs(directory);
	if (r == 0)
		r = file_make_directories(pins->path, 0700);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(pins);
	return 0;
}

void pins_free(struct pins *pins)
{
	free(pins);
}

static int pin_path(const struct pins *pins, const char *name, char path[PATH_MAX])
{
	int size = snprintf(path, PATH_MAX, "%s/%s", pins->path, name);

	return size < 0 || size >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int pins_add_link(const struct pins *pins, const char *name, struct bpf_link *link)
{
	char path[PATH_MAX];
	int r = pin_path(pins, name, path);

	if (r == 0 && bpf_link__pin(link, path) < 0)
		r = -errno;
	return r;
}

static int pin_map(const struct pins *pins, const char *name, int fd)
{
	char path[PATH_MAX];
	int r = pin_path(pins, name, path);

	if (r == 0 && bpf_obj_pin(fd, path) < 0)
		r = -errno;
	return r;
}

int pins_add_maps(const struct pins *pins, int state_fd, int ledger_fd)
{
	int r = pin_map(pins, STATE_NAME, state_fd);

	return r < 0 ? r : pin_map(pins, LEDGER_NAME, ledger_fd);
}

/* ---------------------------------------------------------------- removing */

/* Calls `each` for every name in the folder but "." and "..". Stops at the first negative answer and returns it. */
static int each_name(int directory_fd, int (*each)(void *context, int directory_fd, const char *name), void *context)
{
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	int r = 0;

	if (!stream) {
		r = -errno;
		closep(&fd);
		return r;
	}
	while (r >= 0 && (entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = each(context, directory_fd, entry->d_name);
	(void)closedir(stream); /* read only */
	return r;
}

struct removal {
	const char *path; /* of the folder: bpf(2) knows of no descriptor to start from */
	int fds[LINKS_MAX];
	size_t count;
	int state_fd, ledger_fd;
};

/* Takes the name away and keeps what it stood for open. */
static int remove_pin(void *context, int directory_fd, const char *name)
{
	struct removal *removal = context;
	char path[PATH_MAX];
	int size = snprintf(path, sizeof(path), "%s/%s", removal->path, name);
	int fd = size < 0 || size >= (int)sizeof(path) ? -1 : bpf_obj_get(path);

	if (unlinkat(directory_fd, name, 0) < 0) {
		closep(&fd);
		return -errno;
	}
	if (strcmp(name, STATE_NAME) == 0)
		removal->state_fd = fd;
	else if (strcmp(name, LEDGER_NAME) == 0)
		removal->ledger_fd = fd;
	else if (fd >= 0 && removal->count < LINKS_MAX)
		removal->fds[removal->count++] = fd;
	else
		closep(&fd);
	return 0;
}

static bool has_value_size(int fd, size_t size)
{
	struct bpf_map_info info = {0};
	__u32 info_size = sizeof(info);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &info_size) == 0 && info.value_size == size;
}

/* Another version's maps say nothing to us. */
static void read_gap(const struct removal *removal, struct pins_gap *gap)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_(freep) struct cpu_counters *values =
		cpus > 0 ? calloc((size_t)cpus, sizeof(struct cpu_counters)) : NULL;
	struct ledger ledger;
	uint64_t accesses = 0, denied = 0;
	__u32 zero = 0;

	if (!values || !has_value_size(removal->state_fd, sizeof(*values)) ||
	    !has_value_size(removal->ledger_fd, sizeof(ledger)) ||
	    bpf_map_lookup_elem(removal->state_fd, &zero, values) < 0 ||
	    bpf_map_lookup_elem(removal->ledger_fd, &zero, &ledger) < 0)
		return;
	for (int cpu = 0; cpu < cpus; cpu++) {
		accesses += values[cpu].accesses;
		denied += values[cpu].denied;
	}
	gap->is_known = true;
	if (ledger.seen_ns > gap->seen_ns)
		gap->seen_ns = ledger.seen_ns;
	gap->accesses += accesses > ledger.accesses ? accesses - ledger.accesses : 0;
	gap->denied += denied > ledger.denied ? denied - ledger.denied : 0;
}

/* One daemon's folder. The number of links. */
static int remove_folder(int parent_fd, const char *parent, const char *name, struct pins_gap *gap)
{
	char path[PATH_MAX];
	struct removal removal = {.path = path, .state_fd = -1, .ledger_fd = -1};
	_cleanup_(closep) int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int size = snprintf(path, sizeof(path), "%s/%s", parent, name);
	int r;

	if (fd < 0)
		return -errno;
	if (size < 0 || size >= (int)sizeof(path))
		return -ENAMETOOLONG;
	r = each_name(fd, remove_pin, &removal);
	/* The last descriptor of a link detaches its program before close(2) returns. */
	for (size_t i = 0; i < removal.count; i++)
		closep(&removal.fds[i]);
	read_gap(&removal, gap);
	closep(&removal.state_fd);
	closep(&removal.ledger_fd);
	if (r < 0)
		return r;
	return unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 ? -errno : (int)removal.count;
}

struct search {
	const char *directory;
	const struct pins *own;
	struct pins_gap gap;
	int removed, error;
};

/* Named as pins_new() does. */
static bool is_ours(const char *name)
{
	size_t pid = strspn(name, "0123456789");
	size_t time = name[pid] == '-' ? strspn(name + pid + 1, "0123456789") : 0;

	return pid > 0 && time > 0 && name[pid + 1 + time] == '\0';
}

static int look_at_folder(void *context, int directory_fd, const char *name)
{
	struct search *search = context;
	int r;

	if (!is_ours(name) || (search->own && strcmp(name, search->own->name) == 0))
		return 0;
	r = remove_folder(directory_fd, search->directory, name, &search->gap);
	if (r < 0)
		search->error = r;
	else
		search->removed += r;
	return 0;
}

int pins_remove_others(const char *directory, const struct pins *own, struct pins_gap *ret_gap)
{
	_cleanup_(closep) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct search search = {.directory = directory, .own = own};
	struct statfs fs;
	int r;

	if (fd >= 0 && (fstatfs(fd, &fs) < 0 || fs.f_type != BPF_FS_MAGIC))
		return 0; /* nothing is pinned there */
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = each_name(fd, look_at_folder, &search);
	if (ret_gap)
		*ret_gap = search.gap;
	if (!own)
		(void)rmdir(directory); /* stays where somebody else has put something */
	return r < 0 ? r : search.error < 0 ? search.error : search.removed;
}

void pins_take_back(const struct pins *pins)
{
	const char *slash = strrchr(pins->path, '/');
	char parent[PATH_MAX];
	struct pins_gap gap = {0};
	_cleanup_(closep) int fd = -1;

	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - pins->path), pins->path);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)remove_folder(fd, parent, pins->name, &gap); /* what stays keeps programs attached, no more */
}

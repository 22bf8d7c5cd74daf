/* SPDX-License-Identifier: Apache-2.0 */
#include "enforce/egress.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "policy/policy.h"

struct egress {
	char *cgroup;
	struct egress_guards guards;
	int links[SENSOR_EGRESS_PROGRAMS]; /* -1: not attached */
	ino_t attached_ino;
	bool is_attached;
	bool is_lost; /* it should be attached and the control group is not there; this was logged */
};

int egress_new(const char *cgroup, const struct sensor_egress *kernel, struct egress **ret_egress)
{
	_cleanup_(egress_freep) struct egress *egress = calloc(1, sizeof(*egress));

	if (!egress)
		return -ENOMEM;
	for (size_t i = 0; i < SENSOR_EGRESS_PROGRAMS; i++)
		egress->links[i] = -1;
	egress_guards_init(&egress->guards, kernel);
	egress->cgroup = strdup(cgroup);
	if (!egress->cgroup)
		return -ENOMEM;
	*ret_egress = TAKE_PTR(egress);
	return 0;
}

/* ---------------------------------------------------------------- the control group */

static void detach(struct egress *egress)
{
	for (size_t i = 0; i < SENSOR_EGRESS_PROGRAMS; i++) {
		if (egress->links[i] >= 0)
			(void)close(egress->links[i]);
		egress->links[i] = -1;
	}
	egress->is_attached = false;
}

void egress_free(struct egress *egress)
{
	if (!egress)
		return;
	detach(egress);
	egress_guards_release(&egress->guards);
	free(egress->cgroup);
	free(egress);
}

static int open_cgroup(const char *path, ino_t *ret_ino, struct error *error)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs filesystem;
	struct stat st;

	if (fd < 0)
		return error_set(error, -errno, NULL, 0, "egress.cgroup \"%s\": %s", path, strerror(errno));
	if (fstatfs(fd, &filesystem) < 0 || fstat(fd, &st) < 0)
		return error_set(error, -errno, NULL, 0, "egress.cgroup \"%s\": %s", path, strerror(errno));
	if (filesystem.f_type != CGROUP2_SUPER_MAGIC)
		return error_set(error, -EINVAL, NULL, 0,
				 "egress.cgroup \"%s\" is no directory of a cgroup v2 tree; see findmnt -t cgroup2",
				 path);
	*ret_ino = st.st_ino;
	return TAKE_FD(fd);
}

/* All or none. The links end with their descriptors, so they end with us. */
static int attach(struct egress *egress, struct error *error)
{
	const struct sensor_egress *kernel = &egress->guards.kernel;
	ino_t ino;
	_cleanup_(closep) int fd = open_cgroup(egress->cgroup, &ino, error);

	if (fd < 0)
		return fd;
	for (size_t i = 0; i < SENSOR_EGRESS_PROGRAMS; i++) {
		egress->links[i] = bpf_link_create(kernel->programs[i].fd, fd,
						   (enum bpf_attach_type)kernel->programs[i].attach_type, NULL);
		if (egress->links[i] < 0) {
			int r = -errno;

			detach(egress);
			return error_set(error, r, NULL, 0,
					 "egress.cgroup \"%s\": the kernel does not attach there: %s", egress->cgroup,
					 strerror(-r));
		}
	}
	egress->attached_ino = ino;
	egress->is_attached = true;
	return 0;
}

void egress_tick(struct egress *egress)
{
	struct error error = {.text = ""};
	struct stat st;

	if (!egress->is_attached && !egress->is_lost)
		return;
	if (egress->is_attached && stat(egress->cgroup, &st) == 0 && st.st_ino == egress->attached_ino)
		return;
	detach(egress);
	if (attach(egress, &error) == 0) {
		log_info("egress: attached to %s, which was made again", egress->cgroup);
		egress->is_lost = false;
	} else if (!egress->is_lost) {
		(void)log_warning(0, "egress: nothing is guarded: %s", error.text);
		egress->is_lost = true;
	}
}

/* ---------------------------------------------------------------- policies */

int egress_check_policy(const struct policy_set *policy, const char *reason, struct error *error)
{
	for (size_t i = 0; reason && i < policy_set_secret_count(policy); i++) {
		const struct policy_secret *secret = policy_set_secret(policy, i);

		if (secret->egress && secret->on_unsupported == POLICY_UNSUPPORTED_REFUSE)
			return error_set(error, -ENOTSUP, secret->file, secret->line,
					 "the \"egress\" list of secret \"%s\" cannot be guarded: %s; or write "
					 "\"onUnsupported: observe\" to do without",
					 secret->name, reason);
	}
	return 0;
}

int egress_load(struct egress *egress, const struct policy_set *policy, egress_number_fn number_of, void *context,
		struct error *error)
{
	int r = egress_guards_load(&egress->guards, policy, number_of, context, error);

	if (r < 0)
		return r;
	if (!egress->is_attached && !egress->is_lost && egress_guards_any(&egress->guards))
		r = attach(egress, error);
	if (r < 0)
		egress_revert(egress);
	return r;
}

void egress_settle(struct egress *egress)
{
	if (egress_guards_any(&egress->guards))
		return;
	detach(egress);
	egress->is_lost = false;
}

void egress_revert(struct egress *egress)
{
	egress_guards_revert(&egress->guards);
	egress_settle(egress);
}

bool egress_is_new(const struct egress *egress, const char *secret)
{
	int guard = egress_guards_find(&egress->guards, secret);

	return guard >= 0 && egress_guards_is_new(&egress->guards, (unsigned int)guard);
}

const char *egress_secret(const struct egress *egress, unsigned int guard)
{
	return egress_guards_secret(&egress->guards, guard);
}

/* ---------------------------------------------------------------- processes */

/* The entry of a process whose end has been seen already would stay until the pid has been used again. */
static bool is_there(uint32_t pid)
{
	return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

void egress_taint(struct egress *egress, const struct process_id *process, const char *secret, uint64_t since_ns)
{
	int guard = egress_guards_find(&egress->guards, secret);
	struct taint_key key = {.pid = process->pid, .guard = (uint32_t)guard};
	struct taint taint = {.start_ns = process->start_ns, .since_ns = since_ns}, known;

	if (guard < 0)
		return;
	if (bpf_map_lookup_elem(egress->guards.kernel.tainted_fd, &key, &known) == 0 &&
	    known.start_ns == process->start_ns && known.since_ns >= egress->guards.states[guard].since_ns)
		return;
	/* What was before the secret got its list counts from then: older entries are those of another secret. */
	if (taint.since_ns < egress->guards.states[guard].since_ns)
		taint.since_ns = egress->guards.states[guard].since_ns;
	if (bpf_map_update_elem(egress->guards.kernel.tainted_fd, &key, &taint, BPF_ANY) == 0 &&
	    !is_there(process->pid))
		(void)bpf_map_delete_elem(egress->guards.kernel.tainted_fd, &key);
}

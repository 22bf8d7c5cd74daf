/* SPDX-License-Identifier: Apache-2.0 */
/* Which process a connection is judged for: entries of others, of the dead and of another secret's time count nothing.
 */
#include "bpf_fixture.h"

#include <arpa/inet.h>
#include <mntent.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/clock.h"

#define SECRET 7
#define GUARD  3

static char cgroup[PATH_MAX];

/* ---------------------------------------------------------------- a control group of our own */

static bool find_cgroups(char *out, size_t size)
{
	FILE *mounts = setmntent("/proc/mounts", "re");
	const struct mntent *entry;
	bool found = false;

	while (mounts && !found && (entry = getmntent(mounts))) {
		found = strcmp(entry->mnt_type, "cgroup2") == 0;
		if (found)
			(void)snprintf(out, size, "%s/sagent-bpf-%d", entry->mnt_dir, (int)getpid());
	}
	if (mounts)
		(void)endmntent(mounts);
	return found && mkdir(out, 0755) == 0;
}

static int enter_cgroup(void)
{
	char path[PATH_MAX + 16];
	int fd, r;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	r = fd < 0 || write(fd, "0", 1) != 1 ? errno : 0;
	(void)close(fd);
	return r;
}

/* A datagram socket is connected without a packet. */
static int connect_once(void)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;

	(void)close(fd);
	return r;
}

/* ---------------------------------------------------------------- what children do, told by their result */

static int go[2]; /* what some wait for */

static int open_and_connect(const void *path)
{
	int r = enter_cgroup();

	if (r == 0)
		r = open_once(path);
	return r ? r : connect_once() == EPERM ? 0 : ECANCELED;
}

static int open_and_connect_freely(const void *path)
{
	int r = enter_cgroup();

	if (r == 0)
		r = open_once(path);
	return r ? r : connect_once();
}

static int only_connect(const void *nothing)
{
	int r = enter_cgroup();

	(void)nothing;
	return r ? r : connect_once();
}

/* ---------------------------------------------------------------- life */

static void start_guarded(struct bpf_fixture *f, const char **ret_path)
{
	const struct watch_value value = {.secret = SECRET};
	struct file_id id;
	int fd;

	if (!cgroup[0] && !find_cgroups(cgroup, sizeof(cgroup))) {
		cgroup[0] = '\0';
		(void)printf("# skip: no control group can be made\n");
		skip();
	}
	START(f, open_program(f), "process_fork", "process_exit", "egress_connect4");
	fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	f->links[f->links_count] = bpf_program__attach_cgroup(f->bpf->progs.egress_connect4, fd);
	assert_non_null(f->links[f->links_count]);
	f->links_count++;
	(void)close(fd);
	f->bpf->bss->egress_guards[0][GUARD] =
		(struct egress_guard){.since_ns = clock_boot_ns(), .action = EGRESS_DENY};
	f->bpf->bss->egress_of_secret[0][SECRET] = GUARD + 1;
	f->bpf->bss->egress_used = GUARD + 1;
	*ret_path = make_file(f, "secret");
	id = identity_of(f, *ret_path);
	assert_int_equal(kernel_tables_sink.set_file(&f->tables, &id, &value), 0);
}

static size_t entries(const struct bpf_fixture *f)
{
	int fd = bpf_map__fd(f->bpf->maps.tainted);
	struct taint_key key, *last = NULL;
	size_t count = 0;

	for (; bpf_map_get_next_key(fd, last, &key) == 0; last = &key)
		count++;
	return count;
}

static bool find_entry(const struct bpf_fixture *f, pid_t pid, struct taint *ret)
{
	const struct taint_key key = {.pid = (uint32_t)pid, .guard = GUARD};

	return bpf_map_lookup_elem(bpf_map__fd(f->bpf->maps.tainted), &key, ret) == 0;
}

/* A child that waits until told, then connects; its process is known before. */
static int wait_and_connect(const void *nothing)
{
	char byte;

	return read(go[0], &byte, 1) == 1 ? only_connect(nothing) : EIO;
}

/* ---------------------------------------------------------------- cases */

static void refuses_who_has_had_the_secret_and_forgets_the_dead(void **state)
{
	struct bpf_fixture *f = *state;
	struct child child;
	struct taint taint;
	const char *path;

	start_guarded(f, &path);
	(void)child_run(only_connect, NULL);
	assert_int_equal(entries(f), 0);
	child = child_start(open_and_connect, path);
	assert_true(find_entry(f, child.pid, &taint));
	assert_true(taint.since_ns >= f->bpf->bss->egress_guards[0][GUARD].since_ns);
	assert_int_equal(entries(f), 1);
	assert_int_equal(accesses_by(f, child.pid), 2);
	assert_int_equal(access_at(f, 1)->key.kind, ACCESS_EGRESS);
	assert_int_equal(access_at(f, 1)->key.via, GUARD);
	assert_int_equal(access_at(f, 1)->key.result, EPERM);
	assert_int_equal(EGRESS_PORT(access_at(f, 1)->key.target), 9);
	assert_int_equal(EGRESS_PROTOCOL(access_at(f, 1)->key.target), IPPROTO_UDP);
	assert_int_equal(access_at(f, 1)->value.held_since_ns, taint.since_ns);
	child_end(&child);
	assert_int_equal(entries(f), 0);
}

static void does_not_take_a_process_for_the_one_that_had_its_pid(void **state)
{
	struct bpf_fixture *f = *state;
	struct taint taint = {.start_ns = 1, .since_ns = UINT64_MAX};
	struct taint_key key = {.guard = GUARD};
	const char *path;
	int status, result = -1, back[2];

	start_guarded(f, &path);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	assert_int_equal(pipe2(back, O_CLOEXEC), 0);
	key.pid = (uint32_t)fork();
	if (key.pid == 0) {
		result = wait_and_connect(NULL);
		_exit(write(back[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
	}
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(f->bpf->maps.tainted), &key, &taint, BPF_ANY), 0);
	assert_int_equal(write(go[1], "", 1), 1);
	assert_int_equal(read(back[0], &result, sizeof(result)), sizeof(result));
	assert_int_equal(waitpid((pid_t)key.pid, &status, 0), key.pid);
	assert_int_equal(result, 0);
	for (int i = 0; i < 2; i++) {
		(void)close(go[i]);
		(void)close(back[i]);
	}
}

static void does_not_take_a_secret_for_the_one_that_had_its_guard(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path;

	start_guarded(f, &path);
	f->bpf->bss->egress_guards[0][GUARD].since_ns = clock_boot_ns() + 3600 * NS_PER_SEC;
	(void)child_run(open_and_connect_freely, path);
}

static void judges_by_the_bank_in_force(void **state)
{
	struct bpf_fixture *f = *state;
	struct child child;
	const char *path;

	start_guarded(f, &path);
	f->bpf->bss->egress_bank = 1;
	child = child_start(open_and_connect_freely, path);
	assert_int_equal(entries(f), 0);
	child_end(&child);
}

static void counts_whom_there_is_no_room_for(void **state)
{
	struct bpf_fixture *f = *state;
	struct child first, second;
	const char *path;

	assert_int_equal(bpf_map__set_max_entries(f->bpf->maps.tainted, 1), 0);
	start_guarded(f, &path);
	first = child_start(open_and_connect, path);
	second = child_start(open_and_connect_freely, path);
	assert_int_equal(all_cpus(f).losses[LOSS_TAINTED_FULL], 1);
	child_end(&first);
	child_end(&second);
}

int main(void)
{
	static const struct bpf_case cases[] = {
		CASE(refuses_who_has_had_the_secret_and_forgets_the_dead),
		CASE(does_not_take_a_process_for_the_one_that_had_its_pid),
		CASE(does_not_take_a_secret_for_the_one_that_had_its_guard),
		CASE(judges_by_the_bank_in_force),
		CASE(counts_whom_there_is_no_room_for),
	};
	int r = RUN_CASES(cases);

	if (cgroup[0])
		(void)rmdir(cgroup);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c: the work that is measured. usage: load SECRET PLAIN_DIR...
 *
 * Stays for the whole bench, so that every round measures the same process at the same addresses. Reads commands and
 * answers each with one line of JSON:
 *
 *   open NUMBER     open+close of the files of that PLAIN_DIR (0: the first; two levels), in turn
 *   renames NUMBER  the same while a process on the first CPU renames a file of that PLAIN_DIR to and fro
 *   getppid         a system call that is no open
 *   secret          open+read+close of SECRET
 *   flood MS        the same by one process on each CPU at once, for that long
 *   exec NUMBER     that many processes, one after the other; each executes this program again, which ends at once
 *   programs        nothing
 *
 * "made": calls made. "ns": nanoseconds of CPU time per call, one value a batch (a CPU for flood): CPU time, because
 * what else runs on the machine must not count. "programs": tracing programs that were loaded in the kernel before and
 * after; a sample taken while a stranger's came or went is worthless, and only the caller knows whose they are.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define FILES_MAX     4096
#define PLACES_MAX    8
#define BATCHES       15
#define BATCH_NS      (8ULL * 1000 * 1000)
#define PROGRAMS_MAX  256
#define CPUS_MAX      1024
#define FLOOD_BATCH   2000
#define FLOOD_MS_MAX  3600000
#define PROCESSES_MAX 10000000

struct place {
	char *files[FILES_MAX];
	size_t count;
	size_t next;
};

struct load {
	const char *self;
	const char *secret;
	struct place places[PLACES_MAX];
	size_t places_count;
	struct place *place; /* the one that is opened now */
	int cpus[CPUS_MAX];
	size_t cpus_count;
};

/* One call; makes the process end when it fails: a failed call costs something else. */
typedef void (*call_fn)(struct load *);

static int open_or_fail(const char *path)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		bench_fail(path);
	return fd;
}

static void call_open(struct load *load)
{
	struct place *place = load->place;
	int fd = open_or_fail(place->files[place->next]);

	place->next = place->next + 1 == place->count ? 0 : place->next + 1;
	(void)syscall(SYS_close, fd);
}

static void call_getppid(struct load *load)
{
	(void)load;
	(void)syscall(SYS_getppid);
}

static void call_secret(struct load *load)
{
	char data[256];
	int fd = open_or_fail(load->secret);

	if (syscall(SYS_read, fd, data, sizeof(data)) <= 0)
		bench_fail("reading the secret");
	(void)syscall(SYS_close, fd);
}

/* ---------------------------------------------------------------- strangers */

static bool is_tracing(__u32 type)
{
	return type == BPF_PROG_TYPE_TRACING || type == BPF_PROG_TYPE_LSM || type == BPF_PROG_TYPE_KPROBE ||
	       type == BPF_PROG_TYPE_TRACEPOINT || type == BPF_PROG_TYPE_RAW_TRACEPOINT ||
	       type == BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE || type == BPF_PROG_TYPE_PERF_EVENT;
}

static size_t programs_list(__u32 ids[PROGRAMS_MAX])
{
	size_t count = 0;
	__u32 id = 0;

	while (count < PROGRAMS_MAX && bpf_prog_get_next_id(id, &id) == 0) {
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue; /* gone meanwhile */
		if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && is_tracing(info.type))
			ids[count++] = id;
		(void)close(fd);
	}
	return count;
}

static void print_programs(const __u32 *ids, size_t count)
{
	(void)putchar('[');
	for (size_t i = 0; i < count; i++)
		printf("%s%u", i ? "," : "", ids[i]);
	(void)putchar(']');
}

struct answer {
	unsigned long made;
	double ns[CPUS_MAX];
	size_t ns_count;
	__u32 before[PROGRAMS_MAX];
	size_t before_count;
};

static void answer_print(const struct answer *answer)
{
	__u32 after[PROGRAMS_MAX];
	size_t after_count = programs_list(after);

	printf("{\"made\":%lu,\"ns\":[", answer->made);
	for (size_t i = 0; i < answer->ns_count; i++)
		printf("%s%.2f", i ? "," : "", answer->ns[i]);
	printf("],\"programs\":[");
	print_programs(answer->before, answer->before_count);
	(void)putchar(',');
	print_programs(after, after_count);
	printf("]}\n");
	(void)fflush(stdout);
}

/* ---------------------------------------------------------------- commands */

static double batch(struct load *load, call_fn call, unsigned long calls)
{
	uint64_t begin = bench_now_ns(CLOCK_THREAD_CPUTIME_ID);

	for (unsigned long i = 0; i < calls; i++)
		call(load);
	return (double)(bench_now_ns(CLOCK_THREAD_CPUTIME_ID) - begin) / (double)calls;
}

static void repeat(struct load *load, call_fn call, struct answer *answer)
{
	unsigned long warm_up = 512, calls;

	calls = (unsigned long)((double)BATCH_NS / batch(load, call, warm_up)) + 1;
	for (size_t i = 0; i < BATCHES; i++)
		answer->ns[answer->ns_count++] = batch(load, call, calls);
	answer->made = warm_up + BATCHES * calls;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_fail("sched_setaffinity");
}

struct flooder {
	unsigned long made;
	uint64_t cpu_ns;
};

static void flood_run(struct load *load, int cpu, uint64_t end_ns, struct flooder *flooder)
{
	uint64_t begin;

	pin(cpu);
	begin = bench_now_ns(CLOCK_THREAD_CPUTIME_ID);
	do {
		for (unsigned long i = 0; i < FLOOD_BATCH; i++)
			call_secret(load);
		flooder->made += FLOOD_BATCH;
	} while (bench_now_ns(CLOCK_MONOTONIC) < end_ns);
	flooder->cpu_ns = bench_now_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
}

static void wait_for_child(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		bench_fail("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		errno = ECHILD;
		bench_fail("a child failed");
	}
}

static void flood(struct load *load, unsigned long ms, struct answer *answer)
{
	size_t size = load->cpus_count * sizeof(struct flooder);
	struct flooder *flooders = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t end_ns = bench_now_ns(CLOCK_MONOTONIC) + ms * NS_PER_MS;
	pid_t pids[CPUS_MAX];

	if (flooders == MAP_FAILED)
		bench_fail("mmap");
	for (size_t i = 0; i < load->cpus_count; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			bench_fail("fork");
		if (pids[i] == 0) {
			flood_run(load, load->cpus[i], end_ns, &flooders[i]);
			_exit(0);
		}
	}
	for (size_t i = 0; i < load->cpus_count; i++) {
		wait_for_child(pids[i]);
		answer->made += flooders[i].made;
		answer->ns[answer->ns_count++] = (double)flooders[i].cpu_ns / (double)flooders[i].made;
	}
	(void)munmap(flooders, size);
}

static void exec_many(struct load *load, unsigned long number, struct answer *answer)
{
	for (unsigned long i = 0; i < number; i++) {
		char name[32];
		char *arguments[] = {(char *)load->self, name, NULL};
		pid_t pid;

		(void)snprintf(name, sizeof(name), "--exit=%lu", i);
		errno = posix_spawn(&pid, load->self, NULL, NULL, arguments, environ);
		if (errno)
			bench_fail("posix_spawn");
		wait_for_child(pid);
	}
	answer->made = number;
}

/* A child that renames until it is ended. */
static pid_t start_renames(struct load *load, const char *names[2])
{
	pid_t pid;
	int fd = open(names[0], O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		bench_fail(names[0]);
	(void)close(fd);
	pid = fork();
	if (pid < 0)
		bench_fail("fork");
	if (pid > 0)
		return pid;
	pin(load->cpus[0]);
	for (size_t i = 0;; i++) {
		if (syscall(SYS_renameat2, AT_FDCWD, names[i % 2], AT_FDCWD, names[(i + 1) % 2], 0))
			bench_fail("rename");
	}
}

static void open_among_renames(struct load *load, struct answer *answer)
{
	char names[2][PATH_MAX];
	pid_t pid;

	for (int i = 0; i < 2; i++)
		(void)snprintf(names[i], sizeof(names[i]), "%s.%d", load->place->files[0], i);
	pid = start_renames(load, (const char *[]){names[0], names[1]});
	repeat(load, call_open, answer);
	if (kill(pid, SIGKILL) || waitpid(pid, NULL, 0) != pid)
		bench_fail("ending the renames");
	(void)unlink(names[0]);
	(void)unlink(names[1]);
}

static void run(struct load *load, char *command)
{
	static struct answer answer;
	char *argument = strchr(command, ' ');

	if (argument)
		*argument++ = '\0';
	memset(&answer, 0, sizeof(answer));
	answer.before_count = programs_list(answer.before);
	errno = EINVAL;
	if (strcmp(command, "open") == 0 && argument) {
		load->place = &load->places[bench_number(argument, load->places_count - 1)];
		repeat(load, call_open, &answer);
	} else if (strcmp(command, "renames") == 0 && argument) {
		load->place = &load->places[bench_number(argument, load->places_count - 1)];
		open_among_renames(load, &answer);
	} else if (strcmp(command, "getppid") == 0) {
		repeat(load, call_getppid, &answer);
	} else if (strcmp(command, "secret") == 0) {
		repeat(load, call_secret, &answer);
	} else if (strcmp(command, "flood") == 0 && argument) {
		flood(load, bench_number(argument, FLOOD_MS_MAX), &answer);
	} else if (strcmp(command, "exec") == 0 && argument) {
		exec_many(load, bench_number(argument, PROCESSES_MAX), &answer);
	} else if (strcmp(command, "programs") != 0) {
		bench_fail(command);
	}
	answer_print(&answer);
}

/* ---------------------------------------------------------------- start */

static void add_directory(struct place *place, const char *path, int depth)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	if (!directory)
		bench_fail(path);
	while ((entry = readdir(directory))) {
		char *name;

		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&name, "%s/%s", path, entry->d_name) < 0)
			bench_fail("memory");
		if (entry->d_type == DT_DIR && depth > 0) {
			add_directory(place, name, depth - 1);
			free(name);
		} else if (place->count < FILES_MAX) {
			place->files[place->count++] = name;
		} else {
			free(name);
		}
	}
	(void)closedir(directory);
}

static void find_cpus(struct load *load)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		bench_fail("sched_getaffinity");
	for (int cpu = 0; cpu < CPU_SETSIZE && load->cpus_count < CPUS_MAX; cpu++) {
		if (CPU_ISSET(cpu, &set))
			load->cpus[load->cpus_count++] = cpu;
	}
}

int main(int argc, char **argv)
{
	static struct load load;
	char command[64];

	if (argc == 2 && strncmp(argv[1], "--exit", 6) == 0)
		return 0;
	if (argc < 3 || argc > 2 + PLACES_MAX) {
		(void)fprintf(stderr, "usage: load SECRET PLAIN_DIR...\n");
		return 2;
	}
	load.self = argv[0];
	load.secret = argv[1];
	for (int i = 2; i < argc; i++) {
		struct place *place = &load.places[load.places_count++];

		add_directory(place, argv[i], 1);
		errno = ENOENT;
		if (place->count == 0)
			bench_fail(argv[i]);
	}
	find_cpus(&load);
	pin(load.cpus[load.cpus_count - 1]);
	while (fgets(command, sizeof(command), stdin)) {
		command[strcspn(command, "\n")] = '\0';
		run(&load, command);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a process was executed from: its program, its script, its ancestors, remembered for verdicts. */
#include "bpf_fixture.h"

#include "sensor.skel.h"

#define LIFE        "process_fork", "process_exec", "process_exit"
#define INTERPRETER "/bin/sh"

static const struct process_record *exec_of(struct bpf_fixture *f, pid_t pid)
{
	const struct process_record *last = NULL;

	drain(f);
	for (size_t i = 0; i < f->processes.count; i++) {
		const struct process_record *record = (const struct process_record *)f->processes.at[i].header;

		if (record->header.type == RECORD_EXEC && record->task.id.pid == (uint32_t)pid)
			last = record;
	}
	assert_non_null(last);
	return last;
}

static void write_script(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, 0755), 0);
	(void)close(fd);
}

struct started {
	pid_t pid;
	int held; /* it ends when this is closed */
};

/*
 * A child that executed `path` and waits at its standard input. It has `decoy` open until the exec, which closes it:
 * what it held before must not pass for what it runs.
 */
static struct started start_program(struct bpf_fixture *f, const char *path, const char *decoy)
{
	char *const arguments[] = {(char *)path, NULL};
	struct started started;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	started.pid = fork();
	assert_true(started.pid >= 0);
	if (started.pid == 0) {
		if (decoy && open(decoy, O_RDONLY | O_CLOEXEC) < 0)
			_exit(98);
		(void)dup2(ends[0], STDIN_FILENO);
		(void)execv(path, arguments);
		_exit(99);
	}
	(void)close(ends[0]);
	started.held = ends[1];
	for (;;) { /* until the exec has been told of */
		drain(f);
		for (size_t i = 0; i < f->processes.count; i++) {
			const struct process_record *record = (const struct process_record *)f->processes.at[i].header;

			if (record->header.type == RECORD_EXEC && record->task.id.pid == (uint32_t)started.pid)
				return started;
		}
		assert_int_equal(waitpid(started.pid, NULL, WNOHANG), 0);
	}
}

static void end_program(const struct started *started)
{
	int status;

	(void)close(started->held);
	assert_int_equal(waitpid(started->pid, &status, 0), started->pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static struct image_value image_of(struct bpf_fixture *f, pid_t pid)
{
	struct image_value image = {0};
	__u32 key = (__u32)pid;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(f->bpf->maps.images), &key, &image), 0);
	return image;
}

static bool is_remembered(const struct bpf_fixture *f, pid_t pid)
{
	struct image_value image;
	__u32 key = (__u32)pid;

	return bpf_map_lookup_elem(bpf_map__fd(f->bpf->maps.images), &key, &image) == 0;
}

/* ---------------------------------------------------------------- scripts */

static void assert_script(struct bpf_fixture *f, pid_t pid, const char *path)
{
	const struct process_record *record = exec_of(f, pid);
	const struct image_value image = image_of(f, pid);
	struct file_id id = identity_of(f, path), interpreter = identity_of(f, INTERPRETER);
	const char *walked = record->data + record->path_size;

	assert_int_equal(record->image_flags, 0);
	assert_id_equal(&record->script.file, &id);
	assert_id_equal(&image.script.file, &id);
	assert_id_equal(&image.exe.file, &interpreter);
	assert_int_equal(image.script.ctime_sec, record->script.ctime_sec);
	assert_int_equal(image.script.ctime_nsec, record->script.ctime_nsec);
	assert_int_equal(image.start_ns, record->task.id.start_ns);
	assert_int_equal(image.flags, 0);
	assert_string_equal(walked, strrchr(path, '/') + 1); /* leaf first */
	assert_true(record->script_size > strlen(walked) + 1);
	assert_int_equal(record->script_flags, 0);
	/* Arguments come after it. */
	assert_string_equal(walked + record->script_size, INTERPRETER);
}

static void tells_which_script_an_exec_was_for(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = at(f, "a script.sh"), *decoy = at(f, "decoy.sh");
	struct started started;

	write_script(path, "#!" INTERPRETER "\nread x\nexit 0\n");
	write_script(decoy, "#!" INTERPRETER "\nexit 1\n");
	f->bpf->bss->tracking = TRACK_IMAGES;
	START(f, LIFE);
	started = start_program(f, path, decoy);
	assert_script(f, started.pid, path);
	end_program(&started);
	assert_false(is_remembered(f, started.pid));
}

/* A script whose interpreter is a script: the one that was asked for counts. */
static void tells_the_outermost_of_nested_scripts(void **state)
{
	struct bpf_fixture *f = *state;
	const char *outer = at(f, "outer"), *inner = at(f, "inner");
	struct started started;
	char text[512];

	(void)snprintf(text, sizeof(text), "#!%s\n", inner);
	write_script(outer, text);
	write_script(inner, "#!" INTERPRETER "\nread x\nexit 0\n");
	f->bpf->bss->tracking = TRACK_IMAGES;
	START(f, LIFE);
	started = start_program(f, outer, NULL);
	assert_script(f, started.pid, outer);
	end_program(&started);
}

static void a_program_is_no_script_whatever_was_open_before(void **state)
{
	struct bpf_fixture *f = *state;
	const char *decoy = at(f, "decoy.sh");
	static const struct file_id none;
	struct started started;
	struct image_value image;

	write_script(decoy, "#!" INTERPRETER "\nexit 1\n");
	f->bpf->bss->tracking = TRACK_IMAGES;
	START(f, LIFE);
	started = start_program(f, "/bin/cat", decoy);
	image = image_of(f, started.pid);
	assert_int_equal(exec_of(f, started.pid)->script_size, 0);
	assert_int_equal(exec_of(f, started.pid)->image_flags, 0);
	assert_id_equal(&exec_of(f, started.pid)->script.file, &none);
	assert_id_equal(&image.script.file, &none);
	assert_int_equal(image.flags, 0);
	end_program(&started);
}

/* The interpreter starts another program, and a shell of its own without any exec. */
static void a_fork_runs_the_script_of_its_parent_until_it_executes(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = at(f, "forks.sh"), *told = at(f, "pids");
	struct image_value image;
	struct file_id script;
	struct started started;
	char text[1024];
	int subshell = 0, program = 0;
	FILE *file;

	(void)snprintf(text, sizeof(text),
		       "#!" INTERPRETER
		       "\nexec 3<&0\n(read x <&3; exit 0) & echo $! > %s\n/bin/cat <&3 & echo $! >> %s\n"
		       "mv %s %s.whole\nwait\nexit 0\n",
		       told, told, told, told);
	write_script(path, text);
	f->bpf->bss->tracking = TRACK_IMAGES;
	START(f, LIFE);
	script = identity_of(f, path);
	started = start_program(f, path, NULL);
	do
		file = fopen(at(f, "pids.whole"), "r");
	while (!file && waitpid(started.pid, NULL, WNOHANG) == 0);
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d %d", &subshell, &program), 2);
	(void)fclose(file);
	image = image_of(f, subshell);
	assert_id_equal(&image.script.file, &script);
	while (image = image_of(f, program), image.script.file.ino != 0)
		assert_id_equal(&image.script.file, &script); /* until it has executed cat */
	end_program(&started);
}

static void remembers_nothing_until_it_is_asked_to(void **state)
{
	struct bpf_fixture *f = *state;
	const char *path = at(f, "a.sh");
	struct started started;
	struct file_id id;

	write_script(path, "#!" INTERPRETER "\nread x\nexit 0\n");
	START(f, LIFE);
	started = start_program(f, path, NULL);
	id = identity_of(f, path);
	assert_false(is_remembered(f, started.pid));
	assert_id_equal(&exec_of(f, started.pid)->script.file, &id); /* the record tells all the same */
	end_program(&started);
}

static void counts_who_it_has_no_room_for(void **state)
{
	struct bpf_fixture *f = *state;
	struct started one, two;

	assert_int_equal(bpf_map__set_max_entries(f->bpf->maps.images, 1), 0);
	f->bpf->bss->tracking = TRACK_IMAGES;
	START(f, LIFE);
	one = start_program(f, "/bin/cat", NULL);
	two = start_program(f, "/bin/cat", NULL);
	assert_true(is_remembered(f, one.pid) != is_remembered(f, two.pid));
	assert_true(all_cpus(f).losses[LOSS_IMAGES_FULL] >= 1);
	end_program(&one);
	end_program(&two);
}

/* ---------------------------------------------------------------- ancestors */

static struct lineage_value lineage_of(struct bpf_fixture *f, pid_t pid)
{
	struct lineage_value value = {0};
	__u32 key = (__u32)pid;

	(void)bpf_map_lookup_elem(bpf_map__fd(f->bpf->maps.lineage), &key, &value);
	return value;
}

/* The program of this test gets classes: with `bits` in bank 1 as ancestor, none in bank 0. */
static void classify_self(struct bpf_fixture *f, __u64 bits)
{
	struct class_value value = {.bits = {{0}, {bits}}, .epochs = {7, 8}};
	struct class_key key = {.member = MEMBER_FILE};
	struct stat stat;
	struct file_id id = identity_of(f, "/proc/self/exe");

	assert_int_equal(fstatat(AT_FDCWD, "/proc/self/exe", &stat, 0), 0);
	key.id = id.ino;
	key.dev = id.dev;
	key.generation = id.generation;
	key.ctime_sec = stat.st_ctim.tv_sec;
	key.ctime_nsec = (__u32)stat.st_ctim.tv_nsec;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(f->bpf->maps.classes), &key, &value, BPF_ANY), 0);
}

static void set_own_lineage(struct bpf_fixture *f, __u64 start_ns, __u64 bits)
{
	struct lineage_value value = {.start_ns = start_ns, .bits = {{0}, {bits}}, .epochs = {7, 8}};
	__u32 key = (__u32)getpid();

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(f->bpf->maps.lineage), &key, &value, BPF_ANY), 0);
}

static void a_child_has_the_ancestors_of_its_parent_and_its_parent(void **state)
{
	struct bpf_fixture *f = *state;
	const struct process_record *born = NULL;
	struct lineage_value value;
	struct child child;

	f->bpf->bss->tracking = TRACK_IMAGES | TRACK_LINEAGE;
	f->bpf->bss->policy_generation = 1;
	f->bpf->bss->verdict_epochs[0] = 7;
	f->bpf->bss->verdict_epochs[1] = 8;
	START(f, LIFE);
	child = child_start(open_once, "/dev/null");
	assert_int_equal(lineage_of(f, child.pid).epochs[1], 0); /* ours are not known yet */
	child_end(&child);
	drain(f);
	for (size_t i = 0; i < f->processes.count; i++) {
		const struct process_record *record = (const struct process_record *)f->processes.at[i].header;

		if (record->header.type == RECORD_FORK && record->task.id.pid == (uint32_t)child.pid)
			born = record;
	}
	assert_non_null(born);
	assert_int_equal(born->task.parent.pid, getpid());

	set_own_lineage(f, born->task.parent.start_ns, 0x20);
	f->bpf->bss->verdict_unfollowed[1][3] = 0x8;
	child = child_start(open_once, "/dev/null");
	assert_int_equal(lineage_of(f, child.pid).epochs[1], 0); /* our own program may be one that is not followed */
	child_end(&child);
	f->bpf->bss->verdict_unfollowed[1][3] = 0;
	child = child_start(open_once, "/dev/null");
	value = lineage_of(f, child.pid);
	assert_int_equal(value.epochs[1], 8);
	assert_int_equal(value.bits[1][0], 0x20); /* it is none that is named */
	child_end(&child);

	classify_self(f, 0x400);
	child = child_start(open_once, "/dev/null");
	value = lineage_of(f, child.pid);
	assert_int_equal(value.epochs[0], 7);
	assert_int_equal(value.bits[0][0], 0);
	assert_int_equal(value.epochs[1], 8);
	assert_int_equal(value.bits[1][0], 0x420);
	child_end(&child);
	assert_int_equal(lineage_of(f, child.pid).start_ns, 0); /* it has ended */

	f->bpf->bss->verdict_epochs[1] = 9; /* the bank is being filled again */
	child = child_start(open_once, "/dev/null");
	value = lineage_of(f, child.pid);
	assert_int_equal(value.epochs[0], 7);
	assert_int_equal(value.epochs[1], 0);
	child_end(&child);

	set_own_lineage(f, born->task.parent.start_ns + 1, 0x20); /* somebody else of our number */
	child = child_start(open_once, "/dev/null");
	assert_int_equal(lineage_of(f, child.pid).epochs[0], 0);
	child_end(&child);
}

int main(void)
{
	static const struct bpf_case cases[] = {
		CASE(tells_which_script_an_exec_was_for),
		CASE(tells_the_outermost_of_nested_scripts),
		CASE(a_program_is_no_script_whatever_was_open_before),
		CASE(a_fork_runs_the_script_of_its_parent_until_it_executes),
		CASE(remembers_nothing_until_it_is_asked_to),
		CASE(counts_who_it_has_no_room_for),
		CASE(a_child_has_the_ancestors_of_its_parent_and_its_parent),
	};

	return RUN_CASES(cases);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts in the kernel: the same as in userspace over generated cases, and about real processes. Programs are run on
 * demand, attached to nothing, so this runs with every backend's kernel alike.
 *
 * usage: verdict [--figures] runs the tests, or measures instead; verdict --ask FD is what the tests execute.
 */
#include "../unit/verdict_cases.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <ftw.h>
#include <mntent.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enforce/members.h"
#include "sensor/kernel_support.h"
#include "verdict.skel.h"

#define CASES    24000
#define EACH     150 /* accesses for each policy */
#define SECRET   5
#define POLICY   "apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: test}\nspec:\n  mode: enforce\n"
#define MAX_PATH 256

struct bed {
	struct verdict_bpf *bpf;
	struct kernel_policy *policy;
	char directory[64];
	char program[MAX_PATH]; /* a copy of this program, to be executed with --ask */
	char cgroup[MAX_PATH];  /* a control group of the test, "" where there is no v2 hierarchy to make one in */
	uint64_t cgroup_id;
};

static struct kernel_support host;

/* ---------------------------------------------------------------- the program that asks */

static int run_decide(int fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	return bpf_prog_test_run_opts(fd, &options);
}

static int ask(const char *fd)
{
	return run_decide((int)strtol(fd, NULL, 10)) < 0 ? 1 : 0;
}

/* ---------------------------------------------------------------- life */

static int print_warnings(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level != LIBBPF_WARN)
		return 0;
	(void)fputs("# ", stdout);
	return vprintf(format, arguments);
}

static void copy_self(const char *path)
{
	char data[65536];
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int to = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0755);
	ssize_t size;

	assert_true(from >= 0 && to >= 0);
	while ((size = read(from, data, sizeof(data))) > 0)
		assert_int_equal(write(to, data, (size_t)size), size);
	assert_int_equal(fchmod(to, 0755), 0);
	(void)close(from);
	(void)close(to);
}

/* A group of our own at the root of the v2 hierarchy. */
static void make_cgroup(struct bed *bed)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	const struct mntent *mount;
	struct stat stat;

	while (mounts && (mount = getmntent(mounts)) && !bed->cgroup[0])
		if (strcmp(mount->mnt_type, "cgroup2") == 0)
			(void)snprintf(bed->cgroup, sizeof(bed->cgroup), "%s/verdict-test-%d", mount->mnt_dir,
				       (int)getpid());
	if (mounts)
		(void)endmntent(mounts);
	if (bed->cgroup[0] && (mkdir(bed->cgroup, 0755) < 0 || lstat(bed->cgroup, &stat) < 0))
		bed->cgroup[0] = '\0';
	if (bed->cgroup[0])
		bed->cgroup_id = stat.st_ino; /* kernfs numbers its directories by it (64 bit) */
}

static int set_up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct kernel_policy_tables tables;
	const char *tmp = getenv("TMPDIR");

	assert_non_null(bed);
	(void)snprintf(bed->directory, sizeof(bed->directory), "%s/verdictXXXXXX",
		       tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	assert_non_null(mkdtemp(bed->directory));
	assert_int_equal(chmod(bed->directory, 0755), 0);
	(void)snprintf(bed->program, sizeof(bed->program), "%s/program", bed->directory);
	copy_self(bed->program);
	make_cgroup(bed);
	bed->bpf = verdict_bpf__open();
	assert_non_null(bed->bpf);
	bed->bpf->rodata->have_rdonly_cast = host.has_rdonly_cast;
	bed->bpf->rodata->identity_seed = 0x1234567;
	assert_int_equal(verdict_bpf__load(bed->bpf), 0);
	tables = (struct kernel_policy_tables){
		.entries = bed->bpf->bss->verdict_entries,
		.rules = bed->bpf->bss->verdict_rules,
		.unfollowed = (uint64_t(*)[CLASS_WORDS])bed->bpf->bss->verdict_unfollowed,
		.epochs = bed->bpf->bss->verdict_epochs,
		.policy_generation = &bed->bpf->bss->policy_generation,
		.class_generation = &bed->bpf->bss->class_generation,
		.tracking = &bed->bpf->bss->tracking,
		.host_mnt_ns = &bed->bpf->bss->host_mnt_ns,
		.classes_fd = bpf_map__fd(bed->bpf->maps.classes),
	};
	assert_int_equal(kernel_policy_new(&tables, "/etc/passwd", 1024, &bed->policy), 0);
	*state = bed;
	return 0;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	struct bed *bed = *state;
	char below[MAX_PATH + 8];

	kernel_policy_free(bed->policy);
	verdict_bpf__destroy(bed->bpf);
	(void)nftw(bed->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	if (bed->cgroup[0]) {
		(void)snprintf(below, sizeof(below), "%s/below", bed->cgroup);
		(void)rmdir(below);
		(void)rmdir(bed->cgroup);
	}
	free(bed);
	return 0;
}

/* ---------------------------------------------------------------- policies */

static void put_in_force(struct bed *bed, const struct policy_set *set, uint32_t first)
{
	uint32_t numbers[CASE_SECRETS];
	struct error error = {0};

	for (uint32_t i = 0; i < CASE_SECRETS; i++)
		numbers[i] = first + i;
	assert_int_equal(kernel_policy_prepare(bed->policy, set, numbers, &error), 0);
	kernel_policy_follow_all(bed->policy); /* as far as a test wants: what is not told of has no class */
	kernel_policy_flip(bed->policy);
}

/* The policy of one secret, SECRET, with these rules. */
static void enforce(struct bed *bed, const char *rules)
{
	const struct policy_limits limits = POLICY_LIMITS_DEFAULT;
	struct policy_set *set = NULL;
	struct error error = {0};
	char text[4096];
	int size = snprintf(text, sizeof(text), "%s", rules);

	if (policy_set_load_text("test.yaml", text, (size_t)size, &limits, &set, &error) < 0)
		fail_msg("%s", error.text);
	put_in_force(bed, set, SECRET);
	policy_set_free(set);
}

/* ---------------------------------------------------------------- generated cases */

static struct decided run_verdict(struct bed *bed, uint32_t secret, const struct verdict_facts *facts)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	bed->bpf->bss->test_secret = secret;
	bed->bpf->bss->test_facts = *facts;
	bed->bpf->bss->test_decided = (struct decided){.action = 0x55};
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(bed->bpf->progs.test_verdict), &options), 0);
	return bed->bpf->bss->test_decided;
}

static void the_kernel_decides_as_userspace(void **state)
{
	struct bed *bed = *state;
	size_t cases = 0, open = 0;

	case_seed(3);
	while (cases < CASES) {
		struct policy_set *set = case_policy();
		unsigned int bank;

		if (!set)
			continue;
		put_in_force(bed, set, 1);
		bank = kernel_policy_generation(bed->policy) & 1;
		for (size_t i = 0; i < EACH; i++, cases++) {
			uint32_t index = draw(CASE_SECRETS);
			const struct verdict_entry *entry =
				&bed->bpf->bss->verdict_entries[bank * VERDICT_SECRETS_MAX + 1 + index];
			const struct verdict_rule *rules = &bed->bpf->bss->verdict_rules[bank * VERDICT_RULES_MAX];
			struct verdict_facts facts;
			struct decided decided;
			struct verdict verdict;
			struct access access;

			case_access(&access);
			facts_of_process(kernel_policy_classes(bed->policy, bank), &access.process, &facts);
			facts.kind = access.kind;
			if (draw(2)) {
				case_forget(&facts);
				decided = run_verdict(bed, 1 + index, &facts);
				open += !!(decided.flags & DECIDED_ERROR);
				assert_three_valued(entry, rules, &bed->bpf->bss->test_facts, decided);
			} else {
				decided = run_verdict(bed, 1 + index, &facts);
				policy_decide(set, index, &access, &verdict);
				assert_int_equal(decided.action, verdict.action);
			}
			assert_decided_equal(decided, verdict_decide(entry, rules, &facts));
			assert_int_equal(bed->bpf->bss->test_facts.sure, facts.sure);
			assert_int_equal(bed->bpf->bss->test_facts.maybe, facts.maybe);
		}
		policy_set_free(set);
	}
	assert_in_range(open, cases / 20, cases / 2);
}

/* ---------------------------------------------------------------- real processes */

/* A process that asks whether it may open the secret. */
struct asker {
	const char *program; /* that it executes; NULL: none */
	uint32_t uid;        /* real one */
	bool is_elsewhere;   /* in a mount namespace of its own */
	const char *cgroup;
	const struct image_file *image; /* what the kernel noted at its exec; only without a program */
};

static void move_to(const char *cgroup)
{
	char path[MAX_PATH + 32], text[16];
	int fd, size = snprintf(text, sizeof(text), "%d", (int)getpid());

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, (size_t)size) != size)
		_exit(97);
	(void)close(fd);
}

static void note_image(struct bed *bed, const struct image_file *file)
{
	struct image_value image = {.exe = *file};
	__u32 pid = (__u32)getpid();

	if (run_decide(bpf_program__fd(bed->bpf->progs.test_decide)) < 0) /* for our start time */
		_exit(96);
	image.start_ns = bed->bpf->bss->test_start_ns;
	if (bpf_map_update_elem(bpf_map__fd(bed->bpf->maps.images), &pid, &image, BPF_ANY) < 0)
		_exit(95);
}

static void be(struct bed *bed, const struct asker *asker)
{
	int fd = bpf_program__fd(bed->bpf->progs.test_decide);
	char number[16];

	if (asker->is_elsewhere && unshare(CLONE_NEWNS) < 0)
		_exit(98);
	if (asker->cgroup)
		move_to(asker->cgroup);
	if (asker->uid && setresuid(asker->uid, 0, 0) < 0)
		_exit(94);
	if (asker->image)
		note_image(bed, asker->image);
	if (!asker->program)
		_exit(run_decide(fd) < 0 ? 93 : 0);
	(void)snprintf(number, sizeof(number), "%d", fd);
	(void)fcntl(fd, F_SETFD, 0);
	(void)execl(asker->program, "program", "--ask", number, (char *)NULL);
	_exit(92);
}

static struct decided decision_of(struct bed *bed, struct asker asker)
{
	int status;
	pid_t pid;

	bed->bpf->bss->test_secret = SECRET;
	bed->bpf->bss->test_kind = ACCESS_OPEN;
	bed->bpf->bss->test_rounds = 1;
	bed->bpf->bss->test_number = 0x55;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		be(bed, &asker);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the process that asks ended with %x", status);
	return (struct decided){.action = (__u8)bed->bpf->bss->test_number,
				.flags = (__u8)(bed->bpf->bss->test_number >> 8),
				.rule = (__u16)(bed->bpf->bss->test_number >> 16)};
}

static void assert_decided(struct decided decided, unsigned int action, unsigned int flags, unsigned int rule)
{
	assert_int_equal(decided.action, action);
	assert_int_equal(decided.flags, flags);
	assert_int_equal(decided.rule, rule);
}

#define ASK(bed, ...)       decision_of((bed), (struct asker){__VA_ARGS__})
#define ALLOWED(bed, ...)   assert_decided(ASK(bed, __VA_ARGS__), DECIDED_ALLOW, 0, 0)
#define REFUSED(bed, ...)   assert_decided(ASK(bed, __VA_ARGS__), DECIDED_DENY, 0, DECIDED_BY_DEFAULT)
#define UNDECIDED(bed, ...) assert_decided(ASK(bed, __VA_ARGS__), DECIDED_ALLOW, DECIDED_ERROR, DECIDED_BY_DEFAULT)

/* What the kernel calls the program, with its ctime as it is now. */
static struct image_file image_of(struct bed *bed, const char *program)
{
	(void)ASK(bed, .program = program);
	return bed->bpf->bss->test_exe;
}

/* The policy allows this program alone. Returns what it is. */
static struct image_file allow_program(struct bed *bed)
{
	struct image_file image = image_of(bed, bed->program);
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       POLICY "  onError: allow\n  secrets:\n  - name: s\n    class: test\n    paths: [/s]\n"
			      "    default: deny\n    allow: [{name: program, exe: [%s]}]\n",
		       bed->program);
	enforce(bed, text);
	return image;
}

static uint64_t lost(struct bed *bed, enum loss_place place)
{
	struct cpu_counters *values = calloc((size_t)libbpf_num_possible_cpus(), sizeof(*values));
	uint64_t total = 0;
	__u32 zero = 0;

	assert_non_null(values);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(bed->bpf->maps.cpu_state), &zero, values), 0);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		total += values[cpu].losses[place];
	free(values);
	return total;
}

static void says_nothing_of_what_is_not_enforced(void **state)
{
	struct bed *bed = *state;

	assert_decided(ASK(bed, .program = bed->program), DECIDED_NOTHING, 0, 0);
	(void)allow_program(bed);
	assert_true(ASK(bed, .program = bed->program).action != DECIDED_NOTHING);
	kernel_policy_roll_back(bed->policy);
	assert_decided(ASK(bed, .program = bed->program), DECIDED_NOTHING, 0, 0);
}

static void allows_the_program_that_is_named_and_no_other(void **state)
{
	struct bed *bed = *state;
	const struct image_file image = allow_program(bed);
	char other[MAX_PATH + 8];

	REFUSED(bed, .program = bed->program); /* nobody has told the kernel of it */
	assert_int_equal(members_add_file(kernel_policy_members(bed->policy), &image, 0, bed->program, false), 0);
	ALLOWED(bed, .program = bed->program);
	ALLOWED(bed, .program = bed->program); /* as it was kept */
	(void)snprintf(other, sizeof(other), "%s.other", bed->program);
	copy_self(other);
	REFUSED(bed, .program = other);
	REFUSED(bed, .program = NULL);
	assert_int_equal(lost(bed, LOSS_UNDECIDED), 0);
}

static void a_program_that_was_changed_has_no_class_until_it_is_told_of_again(void **state)
{
	struct bed *bed = *state;
	struct image_file image = allow_program(bed);

	assert_int_equal(members_add_file(kernel_policy_members(bed->policy), &image, 0, bed->program, false), 0);
	ALLOWED(bed, .program = bed->program);
	assert_int_equal(chmod(bed->program, 0711), 0); /* what it holds need not change: its ctime does */
	REFUSED(bed, .program = bed->program);
	image = bed->bpf->bss->test_exe;
	assert_int_equal(members_add_file(kernel_policy_members(bed->policy), &image, 0, bed->program, false), 0);
	ALLOWED(bed, .program = bed->program);
}

/* Neither may a process pass for another program later, nor does an upgrade take the class of one that runs. */
static void what_was_executed_counts_and_not_what_the_process_says_now(void **state)
{
	struct bed *bed = *state;
	const struct image_file image = allow_program(bed), none = {.file = {.ino = 1, .dev = 2}};
	struct image_file self;

	assert_int_equal(members_add_file(kernel_policy_members(bed->policy), &image, 0, bed->program, false), 0);
	(void)ASK(bed, .program = NULL);
	self = bed->bpf->bss->test_exe;
	assert_int_not_equal(self.file.ino, image.file.ino);
	ALLOWED(bed, .image = &image);
	REFUSED(bed, .image = &none);
	assert_int_equal(members_add_file(kernel_policy_members(bed->policy), &self, 0, bed->program, false), 0);
	ALLOWED(bed, .program = NULL);
	REFUSED(bed, .image = &none);
}

static void forgets_its_decisions_when_a_class_or_the_policy_changes(void **state)
{
	struct bed *bed = *state;
	const struct image_file image = allow_program(bed);
	struct members *members = kernel_policy_members(bed->policy);

	assert_int_equal(members_add_file(members, &image, 0, "/elsewhere", false), 0);
	REFUSED(bed, .program = bed->program);
	assert_int_equal(members_add_file(members, &image, 0, bed->program, false), 0);
	ALLOWED(bed, .program = bed->program);
	enforce(bed, POLICY "  secrets:\n  - {name: s, class: test, paths: [/s], default: deny}\n");
	REFUSED(bed, .program = bed->program);
	kernel_policy_roll_back(bed->policy);
	ALLOWED(bed, .program = bed->program);
}

static void reads_the_user_at_the_access(void **state)
{
	struct bed *bed = *state;

	enforce(bed, POLICY "  secrets:\n  - name: s\n    class: test\n    paths: [/s]\n    default: deny\n"
			    "    allow: [{name: user, uid: [4242]}]\n");
	REFUSED(bed, .program = bed->program);
	ALLOWED(bed, .program = bed->program, .uid = 4242);
	REFUSED(bed, .program = bed->program, .uid = 4243);
}

/* The classes that a file may have by globs that nobody follows are not known until it is told of. */
static void onerror_decides_about_a_new_program_where_globs_are_not_followed(void **state)
{
	struct bed *bed = *state;
	const struct image_file image = allow_program(bed);
	uint64_t before = lost(bed, LOSS_UNDECIDED);

	memset(bed->bpf->bss->verdict_unfollowed, 0xff, sizeof(bed->bpf->bss->verdict_unfollowed));
	UNDECIDED(bed, .program = bed->program);
	UNDECIDED(bed, .program = bed->program); /* it is not kept */
	assert_int_equal(lost(bed, LOSS_UNDECIDED), before + 2);
	assert_int_equal(members_add_file(kernel_policy_members(bed->policy), &image, 0, "/elsewhere", false), 0);
	REFUSED(bed, .program = bed->program);
}

static void skip_without_cgroup(const struct bed *bed)
{
	if (bed->cgroup[0])
		return;
	(void)puts("# skip: no control group of version 2 can be made here");
	skip();
}

/* What /usr/bin/x means in a container is the container's business: nothing is known of a new program in it. */
static void a_container_has_paths_of_its_own(void **state)
{
	struct bed *bed = *state;
	struct members *members = kernel_policy_members(bed->policy);
	struct image_file image;

	skip_without_cgroup(bed);
	image = allow_program(bed);
	assert_int_equal(members_add_cgroup(members, bed->cgroup_id, "/docker/x", NULL, "x"), 0);
	UNDECIDED(bed, .program = bed->program, .cgroup = bed->cgroup, .is_elsewhere = true);
	REFUSED(bed, .program = bed->program, .cgroup = bed->cgroup); /* in the host's mount namespace: no container */
	REFUSED(bed, .program = bed->program, .is_elsewhere = true);
	assert_int_equal(members_add_file(members, &image, bed->cgroup_id, bed->program, false), 0);
	ALLOWED(bed, .program = bed->program, .cgroup = bed->cgroup, .is_elsewhere = true);
	REFUSED(bed, .program = bed->program); /* the same file outside */
	assert_int_equal(members_add_file(members, &image, 0, bed->program, false), 0);
	ALLOWED(bed, .program = bed->program);
}

static void a_group_below_a_unit_is_of_the_unit_before_it_is_told_of(void **state)
{
	struct bed *bed = *state;
	struct members *members = kernel_policy_members(bed->policy);
	char below[MAX_PATH + 8];
	struct stat stat;

	skip_without_cgroup(bed);
	(void)snprintf(below, sizeof(below), "%s/below", bed->cgroup);
	assert_int_equal(mkdir(below, 0755), 0);
	assert_int_equal(lstat(below, &stat), 0);
	enforce(bed, POLICY "  onError: allow\n  secrets:\n  - name: s\n    class: test\n    paths: [/s]\n"
			    "    default: deny\n    allow: [{name: unit, unit: [good.service]}]\n");
	UNDECIDED(bed, .program = bed->program, .cgroup = bed->cgroup);
	UNDECIDED(bed, .program = bed->program, .cgroup = below);
	assert_int_equal(members_add_cgroup(members, bed->cgroup_id, "/bad.slice", NULL, NULL), 0);
	REFUSED(bed, .program = bed->program, .cgroup = bed->cgroup);
	UNDECIDED(bed, .program = bed->program, .cgroup = below); /* a slice says nothing of what is below */
	assert_int_equal(members_add_cgroup(members, bed->cgroup_id, "/good.service", "good.service", NULL), 0);
	ALLOWED(bed, .program = bed->program, .cgroup = bed->cgroup);
	ALLOWED(bed, .program = bed->program, .cgroup = below);
	assert_int_equal(members_add_cgroup(members, stat.st_ino, "/bad.service", "bad.service", NULL), 0);
	REFUSED(bed, .program = bed->program, .cgroup = below);
	/* A host with v1 hierarchies: the number says nothing. */
	assert_int_equal(members_add_cgroup(members, bed->cgroup_id, NULL, NULL, NULL), 0);
	UNDECIDED(bed, .program = bed->program, .cgroup = bed->cgroup);
}

/* ---------------------------------------------------------------- figures */

static double nanoseconds_each(struct bed *bed, bool is_uncached)
{
	double best = 1e9;

	bed->bpf->bss->test_secret = SECRET;
	bed->bpf->bss->test_kind = ACCESS_OPEN;
	bed->bpf->bss->test_rounds = 4096;
	bed->bpf->bss->test_is_uncached = is_uncached;
	for (int i = 0; i < 50; i++) {
		double each;

		assert_int_equal(run_decide(bpf_program__fd(bed->bpf->progs.test_decide)), 0);
		each = (double)bed->bpf->bss->test_nanoseconds / 4096;
		best = each < best ? each : best;
	}
	bed->bpf->bss->test_is_uncached = 0;
	return best;
}

/* Of the fastest of 50 runs of 4096 decisions each, in which nothing else came in between. */
static void figures(struct bed *bed, const char *title, const char *rules)
{
	enforce(bed, rules);
	(void)printf("# %s: kept %.0f ns, anew %.0f ns\n", title, nanoseconds_each(bed, false),
		     nanoseconds_each(bed, true));
}

static void measure(void **state)
{
	struct bed *bed = *state;
	char many[16384];
	size_t used = (size_t)snprintf(many, sizeof(many),
				       POLICY "  secrets:\n  - name: s\n    class: test\n    paths: [/s]\n"
					      "    default: deny\n    allow:\n");

	for (int i = 0; i < VERDICT_RULES_EACH; i++)
		used += (size_t)snprintf(many + used, sizeof(many) - used,
					 "    - {name: r%d, exe: [/x/%d], uid: [%d], gid: [%d]}\n", i, i, i, i);
	figures(bed, "default only", POLICY "  secrets:\n  - {name: s, class: test, paths: [/s], default: deny}\n");
	figures(bed, "1 rule: exe",
		POLICY "  secrets:\n  - name: s\n    class: test\n    paths: [/s]\n    default: deny\n"
		       "    allow: [{name: r, exe: [/usr/bin/x]}]\n");
	figures(bed, "4 rules: exe, uid, unit",
		POLICY
		"  secrets:\n  - name: s\n    class: test\n    paths: [/s]\n    default: deny\n"
		"    allow: [{name: a, exe: [/usr/bin/x], uid: [0]}, {name: b, exe: [/usr/bin/y], unit: [x.service]},\n"
		"      {name: c, exe: [/usr/bin/z]}, {name: d, uid: [7]}]\n");
	figures(bed, "64 rules: exe, uid, gid", many);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_kernel_decides_as_userspace, set_up, tear_down),
		cmocka_unit_test_setup_teardown(says_nothing_of_what_is_not_enforced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(allows_the_program_that_is_named_and_no_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_program_that_was_changed_has_no_class_until_it_is_told_of_again,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_executed_counts_and_not_what_the_process_says_now, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(forgets_its_decisions_when_a_class_or_the_policy_changes, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(reads_the_user_at_the_access, set_up, tear_down),
		cmocka_unit_test_setup_teardown(onerror_decides_about_a_new_program_where_globs_are_not_followed,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_container_has_paths_of_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_group_below_a_unit_is_of_the_unit_before_it_is_told_of, set_up,
						tear_down),
	};
	const struct CMUnitTest bench[] = {cmocka_unit_test_setup_teardown(measure, set_up, tear_down)};
	struct error error = {0};

	if (argc == 3 && strcmp(argv[1], "--ask") == 0)
		return ask(argv[2]);
	(void)libbpf_set_print(print_warnings);
	if (geteuid() != 0) {
		(void)puts("1..0 # SKIP needs root");
		return 0;
	}
	if (kernel_support_probe(&host, &error) < 0) {
		(void)printf("1..0 # SKIP %s\n", error.text);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--figures") == 0)
		return cmocka_run_group_tests_name("verdict", bench, NULL, NULL);
	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}

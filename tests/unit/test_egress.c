/* SPDX-License-Identifier: Apache-2.0 */
/* The egress guard over memory: tables, hooks and the control group are ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_maps.h"

#include "base/clock.h"
#include "base/error.h"
#include "enforce/egress.h"
#include "policy/policy.h"
#include "policy/policy_file.h"

#define TAINTED      0
#define DESTINATIONS 1
#define MAP_SIZE     256
#define HEAD         "apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: test}\nspec:\n"
#define LINKS_MAX    64

struct fixture {
	uint32_t bank, used;
	struct egress_guard guards[EGRESS_BANKS][EGRESS_GUARDS];
	uint8_t of_secret[EGRESS_BANKS][VERDICT_SECRETS_MAX];
	char directory[64], cgroup[80];
	struct egress *egress;
	struct policy_set *policy;
};

static int links[LINKS_MAX], links_count;
static int link_that_fails; /* its number from 1; 0: none */
static bool is_cgroup;

/* These win over those of the libraries. */
int bpf_link_create(int program, int target, enum bpf_attach_type type, const struct bpf_link_create_opts *options)
{
	(void)options;
	assert_true(links_count < LINKS_MAX && target >= 0);
	assert_int_equal(type, program + 1000);
	if (link_that_fails > 0 && --link_that_fails == 0)
		return fake_result(-EPERM);
	links[links_count] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return links[links_count++];
}

int fstatfs(int fd, struct statfs *ret)
{
	(void)fd;
	*ret = (struct statfs){.f_type = is_cgroup ? CGROUP2_SUPER_MAGIC : TMPFS_MAGIC};
	return 0;
}

static int attached(void)
{
	int open_links = 0;

	for (int i = 0; i < links_count; i++) {
		bool is_used_again = false;

		for (int j = i + 1; j < links_count; j++)
			is_used_again |= links[j] == links[i];
		open_links += !is_used_again && fcntl(links[i], F_GETFD) >= 0;
	}
	return open_links;
}

static uint32_t number_of(void *context, const char *secret)
{
	(void)context;
	return (uint32_t)(100 + secret[0]);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sensor_egress kernel;

	assert_non_null(f);
	fake_map_new(TAINTED, sizeof(struct taint_key), sizeof(struct taint), MAP_SIZE);
	fake_map_new(DESTINATIONS, sizeof(struct destination_key), 1, MAP_SIZE);
	links_count = link_that_fails = 0;
	is_cgroup = true;
	(void)snprintf(f->directory, sizeof(f->directory), "/tmp/test-egress-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	(void)snprintf(f->cgroup, sizeof(f->cgroup), "%s/group", f->directory);
	assert_int_equal(mkdir(f->cgroup, 0700), 0);
	kernel = (struct sensor_egress){.tainted_fd = TAINTED,
					.destinations_fd = DESTINATIONS,
					.bank = &f->bank,
					.used = &f->used,
					.guards = f->guards,
					.of_secret = f->of_secret};
	for (int i = 0; i < SENSOR_EGRESS_PROGRAMS; i++) {
		kernel.programs[i].fd = i;
		kernel.programs[i].attach_type = (uint32_t)i + 1000;
	}
	assert_int_equal(egress_new(f->cgroup, &kernel, &f->egress), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	egress_free(f->egress);
	assert_int_equal(attached(), 0);
	policy_set_free(f->policy);
	(void)rmdir(f->cgroup);
	(void)rmdir(f->directory);
	fake_maps_free();
	free(f);
	return 0;
}

static struct policy_set *policy_of(const char *spec)
{
	const struct policy_limits limits = POLICY_LIMITS_DEFAULT;
	struct policy_set *policy = NULL;
	struct error error = {.text = ""};
	char text[16384];
	int size = snprintf(text, sizeof(text), "%s%s", HEAD, spec);

	assert_in_range(size, 1, sizeof(text) - 1);
	if (policy_set_load_text("test.yaml", text, (size_t)size, &limits, &policy, &error) < 0)
		fail_msg("%d: %s", error.line, error.text);
	return policy;
}

static int load(struct fixture *f, const char *spec, struct error *error)
{
	struct policy_set *policy = policy_of(spec);
	int r = egress_load(f->egress, policy, number_of, NULL, error);

	policy_set_free(f->policy);
	f->policy = policy;
	return r;
}

static void load_well(struct fixture *f, const char *spec)
{
	struct error error = {.text = ""};

	if (load(f, spec, &error) < 0)
		fail_msg("%s", error.text);
	egress_settle(f->egress);
}

#define SECRET(name, action, to) \
	"    - {name: " name ", class: test, paths: [/" name "], egress: {action: " action ", to: [" to "]}}\n"
#define PLAIN(name) "    - {name: " name ", class: test, paths: [/" name "]}\n"
#define ENFORCE     "  mode: enforce\n  secrets:\n"
#define OBSERVE     "  mode: observe\n  secrets:\n"

/* The guard of a secret in the bank in force, -1: none. */
static int guard_of(const struct fixture *f, const char *secret)
{
	return (int)f->of_secret[f->bank][number_of(NULL, secret)] - 1;
}

static bool has_destination(const struct fixture *f, int guard, int family, const char *address, unsigned int bits,
			    uint16_t port)
{
	struct destination_key key = {.prefix = DESTINATION_FIXED_BITS + bits,
				      .bank = (uint8_t)f->bank,
				      .guard = (uint8_t)guard,
				      .family = family == AF_INET ? 4 : 6,
				      .port = port};

	assert_int_equal(inet_pton(family, address, key.address), 1);
	return fake_value(DESTINATIONS, &key) != NULL;
}

/* ---------------------------------------------------------------- lists */

static void gives_a_guard_and_its_destinations_to_each_secret_with_a_list(void **state)
{
	struct fixture *f = *state;
	int a, b;

	load_well(f, ENFORCE SECRET("a", "deny", "10.0.0.0/8, '10.0.0.5:5432', '[fd00::1]:443'") PLAIN("p")
			     SECRET("b", "alert", "fd00::/8"));
	a = guard_of(f, "a");
	b = guard_of(f, "b");
	assert_true(a >= 0 && b >= 0 && a != b);
	assert_int_equal(guard_of(f, "p"), -1);
	assert_int_equal(f->guards[f->bank][a].action, EGRESS_DENY);
	assert_int_equal(f->guards[f->bank][b].action, EGRESS_ALERT);
	assert_true(has_destination(f, a, AF_INET, "10.0.0.0", 8, 0));
	assert_true(has_destination(f, a, AF_INET, "10.0.0.5", 32, 5432));
	assert_true(has_destination(f, a, AF_INET6, "fd00::1", 128, 443));
	assert_true(has_destination(f, b, AF_INET6, "fd00::", 8, 0));
	assert_int_equal(fake_maps[DESTINATIONS].count, 4);
	assert_true(f->used > (uint32_t)a && f->used > (uint32_t)b);
	assert_string_equal(egress_secret(f->egress, (unsigned int)a), "a");
	assert_null(egress_secret(f->egress, EGRESS_GUARDS));
	assert_null(egress_secret(f->egress, 17));
}

static void only_says_what_a_policy_that_observes_would_deny(void **state)
{
	struct fixture *f = *state;

	load_well(f, OBSERVE SECRET("a", "deny", "10.0.0.0/8") SECRET("b", "alert", "10.0.0.0/8"));
	assert_int_equal(f->guards[f->bank][guard_of(f, "a")].action, EGRESS_WOULD_DENY);
	assert_int_equal(f->guards[f->bank][guard_of(f, "b")].action, EGRESS_ALERT);
}

static void keeps_the_bank_in_force_whole_while_it_fills_the_other(void **state)
{
	struct fixture *f = *state;
	uint32_t bank;
	int a;

	load_well(f, ENFORCE SECRET("a", "deny", "10.0.0.1") SECRET("b", "deny", "10.0.0.2"));
	bank = f->bank;
	a = guard_of(f, "a");
	load_well(f, ENFORCE SECRET("b", "deny", "10.0.0.2") SECRET("a", "alert", "10.0.0.3"));
	assert_int_not_equal(f->bank, bank);
	assert_int_equal(guard_of(f, "a"), a);
	assert_int_equal(f->guards[f->bank][a].since_ns, f->guards[bank][a].since_ns);
	assert_true(has_destination(f, a, AF_INET, "10.0.0.3", 32, 0));
	assert_false(has_destination(f, a, AF_INET, "10.0.0.1", 32, 0));
	assert_int_equal(f->guards[bank][a].action, EGRESS_DENY);
	assert_int_equal(fake_maps[DESTINATIONS].count, 4);
	assert_false(egress_is_new(f->egress, "a"));
	egress_revert(f->egress);
	assert_int_equal(f->bank, bank);
	assert_true(has_destination(f, a, AF_INET, "10.0.0.1", 32, 0));
	assert_int_equal(attached(), SENSOR_EGRESS_PROGRAMS);
}

static void starts_anew_when_a_number_goes_to_another_secret(void **state)
{
	struct fixture *f = *state;
	uint64_t since;

	load_well(f, ENFORCE SECRET("a", "deny", "10.0.0.1"));
	since = f->guards[f->bank][0].since_ns;
	load_well(f, ENFORCE SECRET("b", "deny", "10.0.0.1"));
	assert_int_equal(guard_of(f, "b"), 1);
	assert_true(egress_is_new(f->egress, "b"));
	assert_false(egress_is_new(f->egress, "a"));
	load_well(f, ENFORCE SECRET("b", "deny", "10.0.0.1"));
	load_well(f, ENFORCE SECRET("c", "deny", "10.0.0.1"));
	assert_int_equal(guard_of(f, "c"), 0);
	assert_true(f->guards[f->bank][0].since_ns > since);
	assert_string_equal(egress_secret(f->egress, 0), "c");
}

static void forgets_the_destinations_of_policies_past(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 10; i++)
		load_well(f, ENFORCE SECRET("a", "deny", "10.0.0.1, 10.0.0.2, 10.0.0.3"));
	assert_int_equal(fake_maps[DESTINATIONS].count, 6);
	load_well(f, ENFORCE PLAIN("a"));
	load_well(f, ENFORCE PLAIN("a"));
	assert_int_equal(fake_maps[DESTINATIONS].count, 0);
}

static void refuses_more_secrets_than_there_are_guards_for(void **state)
{
	struct fixture *f = *state;
	struct error error = {.text = ""};
	char spec[8192];
	size_t used = (size_t)snprintf(spec, sizeof(spec), "%s", ENFORCE);

	for (int i = 0; i <= EGRESS_SECRETS_MAX; i++)
		used += (size_t)snprintf(spec + used, sizeof(spec) - used,
					 "    - {name: s%d, class: t, paths: [/%d], egress: {to: [10.0.0.1]}}\n", i, i);
	assert_int_equal(load(f, spec, &error), -E2BIG);
	assert_int_equal(error.line, 7 + EGRESS_SECRETS_MAX);
	assert_non_null(strstr(error.text, "one too many"));
	assert_int_equal(f->bank, 0);
}

static void leaves_the_former_lists_when_the_kernel_takes_no_more(void **state)
{
	struct fixture *f = *state;
	struct error error = {.text = ""};
	uint32_t bank;

	load_well(f, ENFORCE SECRET("a", "deny", "10.0.0.1"));
	bank = f->bank;
	fake_maps[DESTINATIONS].calls_until_failure = 2;
	fake_maps[DESTINATIONS].failure = -ENOSPC;
	assert_int_equal(load(f, ENFORCE SECRET("a", "deny", "10.0.0.2, 10.0.0.3"), &error), -ENOSPC);
	assert_int_equal(f->bank, bank);
	assert_int_equal(guard_of(f, "a"), 0);
	assert_true(has_destination(f, 0, AF_INET, "10.0.0.1", 32, 0));
	assert_int_equal(fake_maps[DESTINATIONS].count, 1);
	assert_int_equal(attached(), SENSOR_EGRESS_PROGRAMS);
}

/* ---------------------------------------------------------------- the control group */

static void attaches_only_while_a_policy_has_a_list(void **state)
{
	struct fixture *f = *state;

	load_well(f, ENFORCE PLAIN("a"));
	assert_int_equal(links_count, 0);
	load_well(f, ENFORCE SECRET("a", "deny", "10.0.0.1"));
	assert_int_equal(attached(), SENSOR_EGRESS_PROGRAMS);
	load_well(f, ENFORCE SECRET("a", "alert", "10.0.0.1"));
	assert_int_equal(links_count, SENSOR_EGRESS_PROGRAMS);
	load_well(f, ENFORCE PLAIN("a"));
	assert_int_equal(attached(), 0);
}

static void stays_attached_until_a_policy_without_lists_is_settled(void **state)
{
	struct fixture *f = *state;
	struct error error = {.text = ""};

	load_well(f, ENFORCE SECRET("a", "deny", "10.0.0.1"));
	assert_int_equal(load(f, ENFORCE PLAIN("a"), &error), 0);
	assert_int_equal(attached(), SENSOR_EGRESS_PROGRAMS);
	egress_revert(f->egress);
	assert_int_equal(attached(), SENSOR_EGRESS_PROGRAMS);
	assert_int_equal(guard_of(f, "a"), 0);
}

static void attaches_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	struct error error = {.text = ""};

	link_that_fails = 3;
	assert_int_equal(load(f, ENFORCE SECRET("a", "deny", "10.0.0.1"), &error), -EPERM);
	assert_int_equal(attached(), 0);
	assert_int_equal(guard_of(f, "a"), -1);
	assert_non_null(strstr(error.text, "egress.cgroup"));
}

static void refuses_a_directory_that_is_no_control_group(void **state)
{
	struct fixture *f = *state;
	struct error error = {.text = ""};

	is_cgroup = false;
	assert_int_equal(load(f, ENFORCE SECRET("a", "deny", "10.0.0.1"), &error), -EINVAL);
	assert_non_null(strstr(error.text, "cgroup v2"));
	assert_int_equal(rmdir(f->cgroup), 0);
	error.text[0] = '\0';
	assert_int_equal(load(f, ENFORCE SECRET("a", "deny", "10.0.0.1"), &error), -ENOENT);
	assert_int_equal(attached(), 0);
}

static void finds_a_control_group_that_is_made_again(void **state)
{
	struct fixture *f = *state;
	char other[90];

	load_well(f, ENFORCE SECRET("a", "deny", "10.0.0.1"));
	egress_tick(f->egress);
	assert_int_equal(links_count, SENSOR_EGRESS_PROGRAMS);
	(void)snprintf(other, sizeof(other), "%s/other", f->directory); /* lest the number be used again */
	assert_int_equal(mkdir(other, 0700), 0);
	assert_int_equal(rmdir(f->cgroup), 0);
	egress_tick(f->egress);
	assert_int_equal(attached(), 0);
	load_well(f, ENFORCE SECRET("a", "deny", "10.0.0.2")); /* no reason to refuse a policy */
	assert_int_equal(rename(other, f->cgroup), 0);
	egress_tick(f->egress);
	assert_int_equal(attached(), SENSOR_EGRESS_PROGRAMS);
}

/* ---------------------------------------------------------------- processes and policies */

static const struct taint *taint_of(uint32_t pid, uint32_t guard)
{
	const struct taint_key key = {.pid = pid, .guard = guard};

	return fake_value(TAINTED, &key);
}

static void notes_who_has_had_a_secret_with_a_list(void **state)
{
	struct fixture *f = *state;
	struct process_id process = {.pid = (uint32_t)getpid(), .start_ns = 7};
	uint64_t now;

	load_well(f, ENFORCE SECRET("a", "deny", "10.0.0.1") PLAIN("p"));
	egress_taint(f->egress, &process, "p", 1);
	egress_taint(f->egress, &process, "nobody", 1);
	assert_int_equal(fake_maps[TAINTED].count, 0);
	egress_taint(f->egress, &process, "a", 1);
	assert_int_equal(taint_of(process.pid, 0)->start_ns, 7);
	assert_int_equal(taint_of(process.pid, 0)->since_ns, f->guards[f->bank][0].since_ns); /* not before the list */
	now = clock_boot_ns();
	egress_taint(f->egress, &process, "a", now);
	assert_true(taint_of(process.pid, 0)->since_ns < now);
	process.start_ns = 8; /* the pid has another process */
	egress_taint(f->egress, &process, "a", now);
	assert_int_equal(taint_of(process.pid, 0)->start_ns, 8);
	assert_int_equal(taint_of(process.pid, 0)->since_ns, now);
}

static void keeps_nothing_of_a_process_that_is_gone(void **state)
{
	struct fixture *f = *state;
	struct process_id process = {.start_ns = 7};
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	assert_true(child > 0 && waitpid(child, NULL, 0) == child);
	process.pid = (uint32_t)child;
	load_well(f, ENFORCE SECRET("a", "deny", "10.0.0.1"));
	egress_taint(f->egress, &process, "a", clock_boot_ns());
	assert_int_equal(fake_maps[TAINTED].count, 0);
}

static void refuses_what_the_host_cannot_guard_unless_it_may(void **state)
{
	struct error error = {.text = ""};
	struct policy_set *policy = policy_of(ENFORCE PLAIN("p") SECRET("a", "alert", "10.0.0.1"));

	(void)state;
	assert_int_equal(egress_check_policy(policy, NULL, &error), 0);
	assert_int_equal(egress_check_policy(policy, "no group", &error), -ENOTSUP);
	assert_string_equal(error.file, "test.yaml");
	assert_int_equal(error.line, 8);
	assert_non_null(strstr(error.text, "no group"));
	policy_set_free(policy);
	policy = policy_of("  onUnsupported: observe\n" ENFORCE SECRET("a", "deny", "10.0.0.1"));
	assert_int_equal(egress_check_policy(policy, "no group", &error), 0);
	policy_set_free(policy);
	policy = policy_of(ENFORCE PLAIN("p"));
	assert_int_equal(egress_check_policy(policy, "no group", &error), 0);
	policy_set_free(policy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gives_a_guard_and_its_destinations_to_each_secret_with_a_list),
		TEST(only_says_what_a_policy_that_observes_would_deny),
		TEST(keeps_the_bank_in_force_whole_while_it_fills_the_other),
		TEST(starts_anew_when_a_number_goes_to_another_secret),
		TEST(forgets_the_destinations_of_policies_past),
		TEST(refuses_more_secrets_than_there_are_guards_for),
		TEST(leaves_the_former_lists_when_the_kernel_takes_no_more),
		TEST(attaches_only_while_a_policy_has_a_list),
		TEST(stays_attached_until_a_policy_without_lists_is_settled),
		TEST(attaches_all_or_nothing),
		TEST(refuses_a_directory_that_is_no_control_group),
		TEST(finds_a_control_group_that_is_made_again),
		TEST(notes_who_has_had_a_secret_with_a_list),
		TEST(keeps_nothing_of_a_process_that_is_gone),
		TEST(refuses_what_the_host_cannot_guard_unless_it_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout_fixture.h"

#include <errno.h>
#include <sys/stat.h>

#include "rollout/replay.h"

static struct replay *replay(const struct fixture *fixture, const struct policy_set *set)
{
	struct past_range range = last_hour(fixture);
	struct error error = {0};
	struct replay *result = NULL;

	if (replay_run(set, &range, passwd_of(fixture), &result, &error) < 0)
		print_error("%s: %s\n", error.file, error.text);
	assert_non_null(result);
	return result;
}

/* The groups, a line each, and the sums. */
static void expect(const struct fixture *fixture, const char *policy, const char *groups, const char *sums_text)
{
	struct policy_set *set = policy_of(policy);
	struct replay *result = replay(fixture, set);
	struct replay_sums sums = replay_sums(result);
	struct buffer out = BUFFER_INIT(65536);

	buffer_append_string(&out, "");
	for (size_t i = 0; i < replay_group_count(result); i++) {
		const struct replay_group *group = replay_group(result, i);

		buffer_printf(&out, "%s>%s %s>%s x%llu %s %s>%s%s%s%s%s\n", group->secret,
			      group->new_secret ? group->new_secret : "-", replay_verdict_name(group->before),
			      replay_verdict_name(group->after), (unsigned long long)group->count, group->exe,
			      group->rule_before, group->rule_after[0] ? group->rule_after : "-",
			      group->is_newly_denied ? " NEW" : "", group->is_refused ? " refused" : "",
			      group->unknown ? " unknown:" : "", group->unknown ? group->unknown : "");
		assert_true(group->first_real_ns > 0 && group->first_real_ns <= group->last_real_ns);
	}
	assert_null(replay_group(result, replay_group_count(result)));
	assert_string_equal(out.data, groups);
	buffer_reset(&out);
	buffer_printf(&out, "accesses=%llu changed=%llu new=%llu unwatched=%llu uncertain=%llu ungrouped=%llu",
		      (unsigned long long)sums.accesses, (unsigned long long)sums.changed,
		      (unsigned long long)sums.newly_denied, (unsigned long long)sums.unwatched,
		      (unsigned long long)sums.uncertain, (unsigned long long)sums.ungrouped);
	assert_string_equal(out.data, sums_text);
	buffer_release(&out);
	replay_free(result);
	policy_set_free(set);
}

static void groups_what_would_change(void **state)
{
	struct access accesses[] = {
		seen("db", "/etc/db", "/usr/bin/app"),  seen("db", "/etc/db", "/usr/bin/cat"),
		seen("db", "/etc/db", "/usr/bin/cat"),  seen("db", "/etc/db", "/usr/bin/vi"),
		seen("db", "/etc/gone", "/usr/bin/vi"), seen("db", "/etc/db", "/usr/bin/denied"),
	};

	accesses[1].count = 41;
	accesses[3].verdict = (struct verdict){.action = VERDICT_ALERT, .rule = "default", .policy = "old"};
	accesses[5].verdict = (struct verdict){.action = VERDICT_DENY, .rule = "deny/old", .policy = "old"};
	remember(*state, accesses, sizeof(accesses) / sizeof(accesses[0]));
	expect(*state,
	       POLICY_HEAD "  secrets:\n"
			   "  - name: database\n    class: c\n    paths: [/etc/d*]\n    default: deny\n"
			   "    allow: [{name: app, exe: [/usr/bin/app]}, {name: vi, exe: [/usr/bin/vi]}]\n",
	       "db>database allow>would deny x42 /usr/bin/cat allow/old>default NEW\n"
	       "db>database alert>allow x1 /usr/bin/vi default>allow/vi\n"
	       "db>- allow>unwatched x1 /usr/bin/vi allow/old>-\n",
	       "accesses=46 changed=44 new=42 unwatched=1 uncertain=0 ungrouped=0");
}

static void tells_once_of_all_sessions(void **state)
{
	struct access accesses[] = {seen("db", "/etc/db", "/usr/bin/cat"), seen("db", "/etc/db", "/usr/bin/cat"),
				    seen("db", "/etc/db", "/usr/bin/cat")};

	accesses[0].process.unit = "session-1.scope";
	accesses[1].process.unit = "session-2.scope";
	accesses[2].process.unit = "user@1000.service/not-a-unit";
	remember(*state, accesses, 3);
	expect(*state, POLICY_HEAD "  secrets: [{name: db, class: c, paths: [/etc/db]}]\n",
	       "db>db allow>alert x2 /usr/bin/cat allow/old>default\n"
	       "db>db allow>alert x1 /usr/bin/cat allow/old>default\n",
	       "accesses=3 changed=3 new=0 unwatched=0 uncertain=0 ungrouped=0");
}

static void calls_it_new_when_what_was_shown_is_carried_out(void **state)
{
	static const char policy[] = POLICY_HEAD "  mode: enforce\n  secrets:\n"
						 "  - {name: db, class: c, paths: [/etc/db], default: deny}\n";
	struct access accesses[] = {seen("db", "/etc/db", "/usr/bin/would"), seen("db", "/etc/db", "/usr/bin/was")};

	accesses[0].verdict = (struct verdict){.action = VERDICT_DENY, .rule = "default", .policy = "old"};
	accesses[1].verdict = accesses[0].verdict;
	accesses[1].verdict.is_enforced = true;
	accesses[1].result = -EPERM;
	remember(*state, accesses, 2);
	expect(*state, policy, "db>db would deny>deny x1 /usr/bin/would default>default NEW\n",
	       "accesses=2 changed=1 new=1 unwatched=0 uncertain=0 ungrouped=0");
}

static void does_not_count_what_the_system_refused(void **state)
{
	struct access access = seen("db", "/etc/db", "/usr/bin/cat");

	access.result = -EACCES;
	remember(*state, &access, 1);
	expect(*state, POLICY_HEAD "  secrets: [{name: db, class: c, paths: [/etc/db], default: deny}]\n",
	       "db>db allow>would deny x1 /usr/bin/cat allow/old>default refused\n",
	       "accesses=1 changed=1 new=0 unwatched=0 uncertain=0 ungrouped=0");
}

static void says_what_the_history_does_not_hold(void **state)
{
	static const char policy[] = POLICY_HEAD "  secrets:\n"
						 "  - name: db\n    class: c\n    paths: [/etc/db]\n    default: deny\n"
						 "    allow:\n"
						 "    - {name: hashed, exe: [/usr/bin/app], sha256: "
						 "[0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef]}\n"
						 "    - {name: scripted, script: [/opt/x], exe: [/usr/bin/py*]}\n";
	struct access accesses[] = {
		seen("db", "/etc/db", "/usr/bin/app"),
		seen("db", "/etc/db", "/usr/bin/app"),
		seen("db", "/etc/db", "/usr/bin/py3"),
		seen("db", "/etc/db", "/usr/bin/py3"),
	};

	accesses[0].process.exe_sha256 = NULL;
	accesses[1].count = 2; /* with a hash that is another */
	accesses[2].count = 3;
	accesses[3].count = 4;
	accesses[3].process.script = "/opt/y";
	remember(*state, accesses, 4);
	expect(*state, policy,
	       "db>db allow>would deny x4 /usr/bin/py3 allow/old>default NEW\n"
	       "db>db allow>would deny x3 /usr/bin/py3 allow/old>default NEW unknown:script\n"
	       "db>db allow>would deny x2 /usr/bin/app allow/old>default NEW\n"
	       "db>db allow>would deny x1 /usr/bin/app allow/old>default NEW unknown:sha256\n",
	       "accesses=10 changed=10 new=10 unwatched=0 uncertain=4 ungrouped=0");
}

static void finds_memory_by_the_name_of_the_secret(void **state)
{
	struct access accesses[] = {seen("db", "", "/usr/bin/gdb"), seen("other", "", "/usr/bin/gdb")};

	accesses[0].kind = accesses[1].kind = ACCESS_PTRACE;
	remember(*state, accesses, 2);
	expect(*state, POLICY_HEAD "  secrets: [{name: db, class: c, paths: [/etc/db]}]\n",
	       "db>db allow>alert x1 /usr/bin/gdb allow/old>default\n"
	       "other>- allow>unwatched x1 /usr/bin/gdb allow/old>-\n",
	       "accesses=2 changed=2 new=0 unwatched=1 uncertain=0 ungrouped=0");
}

static void knows_homes_exclusions_and_which_secret_comes_first(void **state)
{
	struct access accesses[] = {
		seen("keys", "/home/ana/.ssh/id", "/usr/bin/ssh"),
		seen("keys", "/home/ana/.ssh/id.pub", "/usr/bin/ssh"),
		seen("keys", "/home/bob/.ssh/id", "/usr/bin/ssh"),
	};

	remember(*state, accesses, 3);
	expect(*state,
	       POLICY_HEAD "  secrets:\n"
			   "  - {name: first, class: c, paths: [~/.ssh/*], exclude: [~/.ssh/*.pub], default: allow}\n"
			   "  - {name: second, class: c, paths: [/home/*/.ssh/id*]}\n",
	       "keys>second allow>alert x2 /usr/bin/ssh allow/old>default\n",
	       "accesses=3 changed=2 new=0 unwatched=0 uncertain=0 ungrouped=0");
}

static void follows_the_links_of_this_host(void **state)
{
	struct fixture *fixture = *state;
	char live[PATH_MAX], archive[PATH_MAX], key[PATH_MAX], policy[3 * PATH_MAX];
	struct access access;

	(void)snprintf(archive, sizeof(archive), "%s/archive3.pem", fixture->directory);
	(void)snprintf(live, sizeof(live), "%s/live.pem", fixture->directory);
	(void)snprintf(key, sizeof(key), "%s/archive3.pem", fixture->directory);
	assert_int_equal(fclose(fopen(archive, "we")), 0);
	assert_int_equal(symlink("archive3.pem", live), 0);
	access = seen("tls", key, "/usr/sbin/nginx");
	remember(fixture, &access, 1);
	(void)snprintf(policy, sizeof(policy),
		       POLICY_HEAD "  secrets: [{name: tls, class: c, paths: ['%s/live*.pem']}]\n", fixture->directory);
	expect(fixture, policy, "tls>tls allow>alert x1 /usr/sbin/nginx allow/old>default\n",
	       "accesses=1 changed=1 new=0 unwatched=0 uncertain=0 ungrouped=0");
}

static void keeps_names_that_differ_apart(void **state)
{
	struct access accesses[4];

	for (size_t i = 0; i < 4; i++)
		accesses[i] = seen("db", "/etc/db", "/a\nb\xff\"");
	accesses[1].process.unit = NULL;
	accesses[2].process.unit = "";
	accesses[3].process.container = "app.service";
	remember(*state, accesses, 4);
	expect(*state, POLICY_HEAD "  secrets: [{name: db, class: c, paths: [/etc/db]}]\n",
	       "db>db allow>alert x1 /a\nb\xff\" allow/old>default\n"
	       "db>db allow>alert x1 /a\nb\xff\" allow/old>default\n"
	       "db>db allow>alert x1 /a\nb\xff\" allow/old>default\n"
	       "db>db allow>alert x1 /a\nb\xff\" allow/old>default\n",
	       "accesses=4 changed=4 new=0 unwatched=0 uncertain=0 ungrouped=0");
}

static void sums_up_what_has_no_room(void **state)
{
	struct policy_set *set =
		policy_of(POLICY_HEAD "  secrets: [{name: db, class: c, paths: [/etc/db], default: deny}]\n");
	struct fixture *fixture = *state;
	struct store *store;
	struct replay *result;
	struct replay_sums sums;

	fixture->config.max_mib = 256;
	store = fixture_open(fixture);
	for (int i = 0; i < REPLAY_GROUPS_MAX + 100; i++) {
		char exe[32];
		struct access access;

		(void)snprintf(exe, sizeof(exe), "/usr/bin/%d", i);
		access = seen("db", "/etc/db", exe);
		while (store_append(store, &access) == -EBUSY)
			assert_int_equal(store_flush(store), 0);
	}
	close_store(store);
	result = replay(fixture, set);
	sums = replay_sums(result);
	assert_int_equal(sums.rows, REPLAY_GROUPS_MAX + 100);
	assert_int_equal(sums.newly_denied, REPLAY_GROUPS_MAX + 100);
	assert_int_equal(sums.ungrouped, 100);
	assert_int_equal(replay_group_count(result), REPLAY_GROUPS_MAX);
	replay_free(result);
	policy_set_free(set);
}

static void looks_back_no_further_than_asked(void **state)
{
	struct access accesses[] = {seen("db", "/etc/db", "/usr/bin/old"), seen("db", "/etc/db", "/usr/bin/new"),
				    seen("db", "/etc/db", "/usr/bin/future")};

	accesses[0].last_real_ns -= 3601 * NS_PER_SEC;
	accesses[2].last_real_ns += 3600 * NS_PER_SEC; /* not waited for */
	remember(*state, accesses, 3);
	expect(*state, POLICY_HEAD "  secrets: [{name: db, class: c, paths: [/etc/db]}]\n",
	       "db>db allow>alert x1 /usr/bin/new allow/old>default\n",
	       "accesses=1 changed=1 new=0 unwatched=0 uncertain=0 ungrouped=0");
}

static void tells_which_secrets_it_saw(void **state)
{
	struct policy_set *set = policy_of(POLICY_HEAD "  secrets:\n"
						       "  - {name: db, class: c, paths: [/etc/db]}\n"
						       "  - {name: new, class: c, paths: [/etc/new]}\n");
	struct access access = seen("db", "/etc/db", "/usr/bin/app");
	struct replay *result;

	remember(*state, &access, 1);
	result = replay(*state, set);
	assert_true(replay_has_seen(result, 0));
	assert_false(replay_has_seen(result, 1));
	assert_false(replay_has_seen(result, 2));
	replay_free(result);
	policy_set_free(set);
}

static void says_why_there_is_no_history(void **state)
{
	struct fixture *fixture = *state;
	struct policy_set *set = policy_of(POLICY_HEAD "  secrets: [{name: db, class: c, paths: [/etc/db]}]\n");
	struct past_range range = last_hour(fixture);
	struct access access = seen("db", "/etc/db", "/usr/bin/app");
	struct replay *result = NULL;
	struct error error = {0};

	assert_int_equal(replay_run(set, &range, passwd_of(fixture), &result, &error), -ENOENT);
	assert_non_null(strstr(error.text, "no history"));
	remember(fixture, &access, 1);
	range.deadline_ms = 0;
	error = (struct error){0};
	assert_int_equal(replay_run(set, &range, passwd_of(fixture), &result, &error), -ETIMEDOUT);
	assert_non_null(strstr(error.text, "longer than 0 s"));
	assert_null(result);
	policy_set_free(set);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(groups_what_would_change),
		TEST(tells_once_of_all_sessions),
		TEST(calls_it_new_when_what_was_shown_is_carried_out),
		TEST(does_not_count_what_the_system_refused),
		TEST(says_what_the_history_does_not_hold),
		TEST(finds_memory_by_the_name_of_the_secret),
		TEST(knows_homes_exclusions_and_which_secret_comes_first),
		TEST(follows_the_links_of_this_host),
		TEST(keeps_names_that_differ_apart),
		TEST(sums_up_what_has_no_room),
		TEST(looks_back_no_further_than_asked),
		TEST(tells_which_secrets_it_saw),
		TEST(says_why_there_is_no_history),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

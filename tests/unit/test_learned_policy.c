/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout_fixture.h"

#include <errno.h>

#include "rollout/learned_policy.h"
#include "rollout/observed.h"
#include "rollout/replay.h"
#include "sensor/homes.h"

#define ID64 "4f5d6a7b8c9d0e1f2a3b4c5d6e7f80910a1b2c3d4e5f60718293a4b5c6d7e8f9"

struct lesson {
	const char *mode;
	bool is_denied_included;
	const char *policy; /* text of what is in force, or NULL */
};

static const struct lesson plain = {.mode = "observe"};

static int try_learn(const struct fixture *fixture, const struct lesson *lesson, struct buffer *out,
		     struct error *error)
{
	struct policy_set *policy = lesson->policy ? policy_of(lesson->policy) : NULL;
	struct past_range range = last_hour(fixture);
	struct observed *observed = NULL;
	struct homes homes;
	int r;

	assert_int_equal(homes_read(passwd_of(fixture), &homes), 0);
	const struct learned_policy_options options = {
		.name = "learned",
		.mode = lesson->mode,
		.is_denied_included = lesson->is_denied_included,
		.homes = &homes,
	};
	assert_int_equal(observed_read(policy, &range, passwd_of(fixture), &observed, error), 0);
	r = learned_policy_write(observed, &options, out, error);
	buffer_append_char(out, '\0');
	out->size--;
	observed_free(observed);
	homes_release(&homes);
	policy_set_free(policy);
	return r;
}

/* What every learned policy must be: loadable, and denying nothing of what it was learned from. */
static struct buffer learn(const struct fixture *fixture, const struct lesson *lesson)
{
	struct buffer out = BUFFER_INIT(4 * 1024 * 1024);
	struct past_range range = last_hour(fixture);
	struct error error = {0};
	struct replay *replay = NULL;
	struct policy_set *set;
	int r = try_learn(fixture, lesson, &out, &error);

	if (r < 0)
		print_error("%s\n", error.text);
	assert_int_equal(r, 0);
	assert_false(out.failed);
	for (size_t i = 0; i < out.size; i++)
		assert_true(out.data[i] == '\n' || (out.data[i] >= ' ' && out.data[i] < 0x7f));
	set = policy_of(out.data);
	assert_int_equal(replay_run(set, &range, passwd_of(fixture), &replay, &error), 0);
	if (replay_sums(replay).newly_denied > 0)
		print_error("%s\n", out.data);
	assert_int_equal(replay_sums(replay).newly_denied, 0);
	replay_free(replay);
	policy_set_free(set);
	return out;
}

static void says(const struct buffer *text, const char *expected)
{
	if (!strstr(text->data, expected))
		print_error("-- not there:\n%s\n-- in:\n%s\n", expected, text->data);
	assert_non_null(strstr(text->data, expected));
}

static void does_not_say(const struct buffer *text, const char *unexpected)
{
	if (strstr(text->data, unexpected))
		print_error("%s\n", text->data);
	assert_null(strstr(text->data, unexpected));
}

static size_t count_of(const struct buffer *text, const char *word)
{
	size_t count = 0;

	for (const char *at = text->data; (at = strstr(at, word)); at += strlen(word))
		count++;
	return count;
}

static void writes_a_rule_for_each_identity(void **state)
{
	struct access accesses[] = {
		seen("db", "/etc/db", "/usr/lib/jvm/java-17.0.2/bin/java"),
		seen("db", "/etc/db", "/usr/lib/jvm/java-17.0.3/bin/java"),
		seen("db", "/etc/db", "/usr/bin/cat"),
		seen("db", "/etc/db", "/usr/bin/cat"),
		seen("db", "/etc/db", "/usr/bin/app"),
	};
	struct buffer text;

	accesses[0].count = 100;
	accesses[1].kind = ACCESS_MAP;
	accesses[2].process.unit = "session-12.scope";
	accesses[3].process.unit = "session-13.scope";
	accesses[3].verdict.action = VERDICT_ALERT;
	accesses[4].process.container = ID64;
	accesses[4].process.unit = "docker-" ID64 ".scope";
	accesses[4].process.cgroup = "/system.slice/docker-" ID64 ".scope";
	accesses[4].process.user = NULL;
	accesses[4].process.cred.uid = 4711;
	remember(*state, accesses, 5);
	text = learn(*state, &plain);
	says(&text, "metadata: {name: learned}\nspec:\n  mode: observe\n");
	says(&text,
	     "    - name: db\n      class: test\n      paths:\n        - /etc/db\n      default: deny\n      allow:\n");
	says(&text,
	     "        - name: java-app\n          exe: [\"/usr/lib/jvm/java-*/bin/java\"]\n          user: [root]\n"
	     "          unit: [app.service]\n          container: [none]\n          kinds: [open, map]\n");
	says(&text, "; seen as /usr/lib/jvm/java-17.0.");
	says(&text, "# 101 accesses, ");
	says(&text, "        - name: cat-session\n          exe: [/usr/bin/cat]\n          user: [root]\n"
		    "          unit: [\"session-*.scope\"]\n          container: [none]\n          kinds: [open]\n");
	says(&text, "; 1 raised an alert: review\n");
	says(&text, "        - name: app-container\n          exe: [/usr/bin/app]\n          uid: [4711]\n"
		    "          cgroup: [\"/system.slice/docker-*.scope\"]\n          container: [\"*\"]\n");
	says(&text, "# Allowed below: 104 accesses by 3 identities; ");
	says(&text,
	     "# Not seen yet: 1 identity was seen exactly once in 104 accesses; by the Good-Turing estimate 1 / 104 =\n"
	     "    # about 0.962 % of the next accesses will come from an identity that has no rule here.\n");
	assert_int_equal(count_of(&text, "- name: "), 4);
	buffer_release(&text);
}

static void remarks_on_what_was_denied_and_refused(void **state)
{
	struct access accesses[] = {
		seen("db", "/etc/db", "/usr/bin/app"),
		seen("db", "/etc/db", "/usr/bin/thief"),
		seen("db", "/etc/db", "/usr/bin/lost"),
	};
	const struct lesson healing = {.mode = "observe", .is_denied_included = true};
	struct buffer text;

	accesses[1].verdict = (struct verdict){.action = VERDICT_DENY, .rule = "default", .policy = "old"};
	accesses[1].count = 7;
	accesses[2].result = -EACCES;
	remember(*state, accesses, 3);
	text = learn(*state, &plain);
	says(&text, "        # denied 7 times, ");
	says(&text, ": review\n        # - {name: thief-app, exe: [/usr/bin/thief], user: [root], unit: [app.service], "
		    "container: [none], kinds: [open]}\n");
	says(&text, "        # refused by the system 1 time, ");
	says(&text, "        # - {name: lost-app, exe: [/usr/bin/lost], ");
	assert_int_equal(count_of(&text, "        - name: "), 1);
	buffer_release(&text);
	text = learn(*state, &healing);
	says(&text, "denied 7 times: review\n        - name: thief-app\n          exe: [/usr/bin/thief]\n");
	does_not_say(&text, "        # denied");
	says(&text, "        # refused by the system 1 time, ");
	assert_int_equal(count_of(&text, "        - name: "), 2);
	buffer_release(&text);
}

static void heals_a_rule_whose_use_was_denied_in_part(void **state)
{
	struct access accesses[] = {seen("db", "/etc/db", "/usr/bin/app"), seen("db", "/etc/db", "/usr/bin/app")};
	const struct lesson healing = {.mode = "observe", .is_denied_included = true};
	struct buffer text;

	accesses[1].verdict = (struct verdict){.action = VERDICT_DENY, .rule = "default", .policy = "old"};
	accesses[1].kind = ACCESS_MAP;
	accesses[1].count = 2;
	remember(*state, accesses, 2);
	text = learn(*state, &healing);
	assert_int_equal(count_of(&text, "        - name: "), 1);
	says(&text, "# 3 accesses, ");
	says(&text, "; denied 2 times: review\n");
	says(&text, "kinds: [open, map]\n");
	buffer_release(&text);
}

/* Files, programs, users, units, cgroups: whatever a name is, it is a value and never more. */
static void writes_hostile_names(void **state)
{
	static const char *const names[] = {
		"/a\nb: [c]\n#d",
		"/'\"\\{}[]*?!&%@`|>-",
		"/\xff\xfe\x80",
		"/\xc2\x85\xe2\x80\xa8\xef\xbb\xbf",
		"/ x ",
		"/yes",
		"/\x1b[2J\x7f",
		"/~",
		"/a: b #c",
		"/**/x",
		"/{name: x, exe: [y]",
		"/\xe2\x80\xae.cod",
	};
	struct access accesses[2 * sizeof(names) / sizeof(names[0])];
	size_t count = sizeof(names) / sizeof(names[0]);
	struct buffer text;

	for (size_t i = 0; i < count; i++) {
		accesses[i] = seen("db", names[i], names[i]);
		accesses[count + i] = seen("db", "/etc/db", "/usr/bin/cat");
		accesses[count + i].process.user = names[i] + 1;
		accesses[count + i].process.unit = names[i] + 1;
		accesses[count + i].process.cgroup = names[i];
		accesses[count + i].process.script = names[i];
	}
	remember(*state, accesses, 2 * count);
	text = learn(*state, &plain);
	says(&text, "      default: deny\n");
	says(&text, "\"/a?b: [[]c]?#d\"");
	says(&text, "seen as /a\\x0ab: [c]\\x0a#d\n");
	buffer_release(&text);
}

static void does_not_deny_where_a_program_has_no_name(void **state)
{
	struct access accesses[] = {
		seen("db", "/etc/db", "/usr/bin/app"),
		seen("db", "/etc/db", "(elsewhere)/usr/bin/ssh"),
		seen("keys", "/etc/key", "[kworker]"),
		seen("keys", "/etc/key", ""),
	};
	struct buffer text;

	remember(*state, accesses, 4);
	text = learn(*state, &plain);
	says(&text, "      # Not \"deny\": a program that went through cannot be named by a rule, see below.\n"
		    "      default: alert\n      allow:\n");
	says(&text, "        # went through 1 time, ");
	says(&text, "        #   no rule can name this program: (elsewhere)/usr/bin/ssh, user root\n");
	says(&text,
	     "      # Not \"deny\": nothing was seen to be allowed.\n      default: alert\n        # went through");
	says(&text, "        #   no rule can name this program: [kworker], user root\n");
	says(&text, "        #   no rule can name this program: (unknown), user root\n");
	buffer_release(&text);
}

static void takes_the_patterns_of_a_policy(void **state)
{
	static const char policy[] = POLICY_HEAD
		"  secrets:\n"
		"  - name: database\n    class: db-class\n    paths: [/etc/d*, ~/.pgpass]\n    exclude: [/etc/d.pub]\n"
		"    egress: {action: deny, to: ['10.0.0.5:5432', 'fd00::/8']}\n"
		"  - {name: unused, class: c, paths: [/etc/unused]}\n"
		"  - {name: memory, class: c, paths: [/etc/memory]}\n";
	struct access accesses[] = {
		seen("renamed", "/etc/db", "/usr/bin/app"), seen("other", "/srv/other", "/usr/bin/app"),
		seen("memory", "", "/usr/bin/gdb"),         seen("unused", "/etc/elsewhere", "/usr/bin/app"),
		seen("nameless", "", "/usr/bin/gdb"),
	};
	const struct lesson lesson = {.mode = "observe", .policy = policy};
	struct buffer text;

	accesses[2].kind = accesses[4].kind = ACCESS_PTRACE;
	remember(*state, accesses, 5);
	text = learn(*state, &lesson);
	says(&text, "    - name: database\n      class: db-class\n      paths:\n        - \"/etc/d*\"\n        - "
		    "\"~/.pgpass\"\n"
		    "      exclude:\n        - /etc/d.pub\n"
		    "      egress:\n        action: deny\n        to: [\"10.0.0.5:5432\", \"fd00::/8\"]\n"
		    "      default: deny\n");
	says(&text, "    # Nobody accessed it: nothing was learned.\n    - name: unused\n      class: c\n      paths:\n"
		    "        - /etc/unused\n      default: alert\n");
	says(&text, "    - name: memory\n");
	says(&text, "    - name: other\n      class: test\n      paths:\n        - /srv/other\n      default: deny\n");
	says(&text, "# Left out: 1 access of files that the given policy does not name, ");
	says(&text, "    # \"nameless\" is left out: no path of a file of it is known; give --policy.\n");
	does_not_say(&text, "renamed");
	buffer_release(&text);
}

static void generalises_no_file_into_another_secret(void **state)
{
	struct access accesses[] = {
		seen("ana", "/home/ana/key", "/usr/bin/app"),
		seen("root", "/root/key", "/usr/bin/app"),
		seen("both", "/home/ana/both", "/usr/bin/app"),
		seen("both", "/root/both", "/usr/bin/app"),
	};
	struct buffer text;

	remember(*state, accesses, 4);
	text = learn(*state, &plain);
	says(&text, "      paths:\n        - /home/ana/key\n      default");
	says(&text, "      paths:\n        - /root/key\n      default");
	says(&text, "      paths:\n        - \"~/both\"\n      default");
	buffer_release(&text);
}

static void shares_rules_where_there_are_many(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture_open(fixture);
	struct buffer text;

	for (int i = 0; i < 300; i++) {
		char exe[32], user[32];
		struct access access;

		(void)snprintf(exe, sizeof(exe), "/usr/bin/p%d", i);
		(void)snprintf(user, sizeof(user), "u%d", i % 3);
		access = seen("db", "/etc/db", exe);
		access.process.user = user;
		assert_int_equal(store_append(store, &access), 0);
	}
	close_store(store);
	text = learn(fixture, &plain);
	says(&text, "      default: deny\n");
	says(&text, "# Allowed below: 300 accesses by 300 identities; ");
	says(&text, "# Not seen yet: 300 identities were seen exactly once in 300 accesses; ");
	assert_int_equal(count_of(&text, "        - name: "), 3);
	buffer_release(&text);
}

static void does_not_deny_where_there_are_too_many(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture_open(fixture);
	struct buffer text;

	for (int i = 0; i < 300; i++) {
		char user[32];
		struct access access = seen("db", "/etc/db", "/usr/bin/app");

		(void)snprintf(user, sizeof(user), "u%d", i);
		access.process.user = user;
		assert_int_equal(store_append(store, &access), 0);
	}
	close_store(store);
	text = learn(fixture, &plain);
	says(&text,
	     "      # Not \"deny\": there were more identities than rules can be written for.\n      default: alert\n");
	assert_int_equal(count_of(&text, "        - name: "), 256);
	buffer_release(&text);
}

static void can_be_told_to_enforce(void **state)
{
	struct access access = seen("db", "/etc/db", "/usr/bin/app");
	const struct lesson lesson = {.mode = "enforce"};
	struct buffer text;

	remember(*state, &access, 1);
	text = learn(*state, &lesson);
	says(&text, "spec:\n  mode: enforce\n");
	buffer_release(&text);
}

static void learns_nothing_from_nothing(void **state)
{
	struct access access = seen("db", "", "/usr/bin/gdb");
	struct buffer out = BUFFER_INIT(65536);
	struct error error = {0};

	store_close(fixture_open(*state));
	assert_int_equal(try_learn(*state, &plain, &out, &error), -ENODATA);
	assert_non_null(strstr(error.text, "nothing can be learned"));
	remember(*state, &access, 1);
	error = (struct error){0};
	assert_int_equal(try_learn(*state, &plain, &out, &error), -ENODATA);
	assert_non_null(strstr(error.text, "--policy"));
	buffer_release(&out);
}

/* A database is a file, and anybody may have written it. */
static void leaves_out_secrets_that_no_policy_can_have(void **state)
{
	struct access accesses[] = {seen("db", "/etc/db", "/usr/bin/app"), seen("x}\n- evil", "/etc/x", "/usr/bin/app"),
				    seen("y", "/etc/y", "/usr/bin/app")};
	struct buffer text;

	accesses[2].secret_class = "Not A Class";
	remember(*state, accesses, 3);
	text = learn(*state, &plain);
	does_not_say(&text, "evil");
	does_not_say(&text, "Class");
	says(&text, "# Left out: 2 accesses of files");
	buffer_release(&text);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(writes_a_rule_for_each_identity),
		TEST(remarks_on_what_was_denied_and_refused),
		TEST(heals_a_rule_whose_use_was_denied_in_part),
		TEST(writes_hostile_names),
		TEST(does_not_deny_where_a_program_has_no_name),
		TEST(takes_the_patterns_of_a_policy),
		TEST(generalises_no_file_into_another_secret),
		TEST(shares_rules_where_there_are_many),
		TEST(does_not_deny_where_there_are_too_many),
		TEST(can_be_told_to_enforce),
		TEST(learns_nothing_from_nothing),
		TEST(leaves_out_secrets_that_no_policy_can_have),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "cli/policy_advice.h"
#include "host_fixture.h"
#include "policy/policy.h"
#include "policy/policy_file.h"

#define TOP(mode)                                                                               \
	"apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: t}\nspec:\n" mode \
	"  secrets:\n  - name: s\n    class: c\n"
#define OBSERVE  TOP("  mode: observe\n")
#define ENFORCE  TOP("  mode: enforce\n")
#define KEY      "    paths: [/etc/key]\n"
#define PLACE(p) "    paths:\n    - /etc/key\n    - '" p "'\n"
#define DENY     "    default: deny\n"

struct advised_text {
	const char *name;
	const char *text;
	int line;
	const char *advice; /* NULL: nothing is said */
};

static const struct advised_text cases[] = {
	{"is_quiet_about_what_is_there",
	 OBSERVE "    paths: [/etc/key, /etc/tree/**, ~/.netrc]\n    allow:\n    - {name: a, exe: [/usr/bin/app, "
		 "'/usr/bin/ap*'], script: [/opt/run.sh], user: [ann], uid: [1000], unit: [app.service, "
		 "'getty@tty1.service', 'ap*.service', session-3.scope, 'x*'], ancestor: [/usr/bin/app]}\n",
	 0, NULL},
	{"names_a_path_without_a_file", OBSERVE "    paths:\n    - /etc/key\n    - /etc/kye\n    - /etc/none/*\n", 11,
	 "secret \"s\": no file on this host for 2 of 3 paths: \"/etc/kye\", \"/etc/none/*\"; check the spelling"},
	{"names_a_home_without_the_file", OBSERVE "    paths: [~/.nterc]\n", 9, "\"~/.nterc\""},
	{"names_an_empty_tree", OBSERVE "    paths: [/etc/empty/**]\n", 9, "\"/etc/empty/**\""},
	{"names_a_directory_in_the_place_of_a_file", OBSERVE "    paths: [/etc/key, /etc/tree]\n", 9,
	 "path \"/etc/tree\" is a directory here, which is no secret; write \"/etc/tree/**\" for all that is below"},
	{"names_a_program_that_is_not_there",
	 OBSERVE KEY "    allow:\n    - {name: a, exe: [/usr/bin/app, /usr/bin/apq, '/opt/*/x']}\n", 11,
	 "rule \"allow/a\": nothing on this host for 2 of 3 under \"exe\": \"/usr/bin/apq\", \"/opt/*/x\"; check"},
	{"names_a_script_that_is_not_there", OBSERVE KEY "    allow:\n    - {name: a, script: [/opt/rn.sh]}\n", 11,
	 "under \"script\": \"/opt/rn.sh\""},
	{"names_an_ancestor_that_is_not_there", OBSERVE KEY "    allow:\n    - {name: a, ancestor: [/usr/bin/crom]}\n",
	 11, "under \"ancestor\": \"/usr/bin/crom\""},
	{"names_what_a_link_leads_to", OBSERVE KEY "    deny:\n    - {name: d, exe: [/bin/app]}\n", 11,
	 "rule \"deny/d\": exe \"/bin/app\" never matches: /bin/app is a link, and the kernel has it as /usr/bin/app; "
	 "write that"},
	{"is_quiet_about_a_link_whose_target_is_named",
	 OBSERVE KEY "    deny:\n    - {name: d, exe: [/bin/app, /usr/bin/app]}\n", 0, NULL},
	{"names_a_script_among_programs", OBSERVE KEY "    allow:\n    - {name: a, exe: [/opt/run.sh]}\n", 11,
	 "exe \"/opt/run.sh\" never matches: it is a script, and the program that runs is its interpreter; write it "
	 "under "
	 "\"script\""},
	{"names_a_link_to_a_script", OBSERVE KEY "    allow:\n    - {name: a, exe: [/usr/bin/run]}\n", 11,
	 "/usr/bin/run is a link to the script /opt/run.sh"},
	{"names_a_program_among_scripts", OBSERVE KEY "    allow:\n    - {name: a, script: [/usr/bin/app]}\n", 11,
	 "script \"/usr/bin/app\" never matches: it does not start with \"#!\"; write a program under \"exe\""},
	{"is_quiet_about_programs_of_containers",
	 OBSERVE KEY
	 "    allow:\n    - {name: a, container: ['*'], exe: [/app/x], user: [nobody9], unit: [x.service]}\n",
	 0, NULL},
	{"names_an_unknown_user", OBSERVE KEY "    allow:\n    - {name: a, user: [ann, anne]}\n", 11,
	 "rule \"allow/a\": no such user in /etc/passwd: \"anne\"; check the spelling, or write \"uid\""},
	{"names_a_user_with_another_number", OBSERVE KEY "    allow:\n    - {name: a, user: [ann], uid: [0, 7]}\n", 11,
	 "rule \"allow/a\" never matches: no name under \"user\" belongs to a number under \"uid\"; drop one of the "
	 "two"},
	{"is_quiet_where_one_user_fits", OBSERVE KEY "    allow:\n    - {name: a, user: [root, ann], uid: [1000]}\n", 0,
	 NULL},
	{"names_an_unknown_unit", OBSERVE KEY "    allow:\n    - {name: a, unit: [ap.service, app.service]}\n", 11,
	 "rule \"allow/a\": systemd has no file for the unit \"ap.service\"; check the spelling with \"systemctl"},
	{"names_an_unknown_unit_by_wildcard", OBSERVE KEY "    allow:\n    - {name: a, unit: ['b*.service']}\n", 11,
	 "\"b*.service\""},
	{"names_an_instance_without_its_template", OBSERVE KEY "    allow:\n    - {name: a, unit: ['tty@1.service']}\n",
	 11, "\"tty@1.service\""},
	{"warns_of_a_default_that_denies_the_kubelet", ENFORCE PLACE("/var/lib/kubelet/pods/**") DENY, 7,
	 "\"default: deny\" would deny the kubelet (/usr/bin/kubelet) secret \"s\", which holds what it needs in "
	 "/var/lib/kubelet; add a rule to \"allow\" with \"exe: [/usr/bin/kubelet]\", or exclude "
	 "\"/var/lib/kubelet/**\""},
	{"warns_of_a_rule_that_denies_systemd",
	 ENFORCE PLACE("/run/credentials/**") "    deny:\n    - {name: d, uid: [0]}\n", 13,
	 "rule \"deny/d\" would deny systemd (/usr/lib/systemd/systemd) secret \"s\", which holds what it needs in "
	 "/run/credentials; narrow the rule, or exclude \"/run/credentials/**\""},
	{"warns_of_a_denial_for_the_daemon",
	 ENFORCE PLACE("/var/lib/secrets-agent/*") "    deny:\n    - {name: d, exe: ['/usr/sbin/*']}\n", 13,
	 "would deny sagentd (/usr/sbin/sagentd)"},
	{"warns_of_a_denial_for_the_command_line",
	 ENFORCE PLACE("/etc/secrets-agent/**") "    deny:\n    - {name: d, exe: [/usr/bin/*]}\n", 13,
	 "would deny sagent (/usr/bin/sagent)"},
	{"knows_the_older_name_of_run",
	 ENFORCE PLACE("/var/run/credentials/x") "    deny:\n    - {name: d, unit: [init.scope]}\n", 13,
	 "would deny systemd"},
	{"is_quiet_about_a_denial_that_only_shows", OBSERVE PLACE("/run/credentials/**") DENY, 0, NULL},
	{"is_quiet_about_a_runtime_that_is_allowed",
	 ENFORCE PLACE("/var/lib/kubelet/**") DENY
	 "    allow:\n    - {name: a, exe: [/usr/bin/kubelet], container: [none]}\n",
	 0, NULL},
	{"believes_in_a_hash_that_allows",
	 ENFORCE PLACE("/var/lib/kubelet/**") DENY
	 "    allow:\n    - {name: a, exe: [/usr/bin/kubelet], sha256: "
	 "[0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef]}\n",
	 0, NULL},
	{"is_quiet_where_the_place_is_excluded",
	 ENFORCE "    paths: [/etc/key, '/var/lib/**']\n    exclude: [/var/lib/kubelet/**, /var/lib/secrets-agent/**, "
		 "/var/lib/systemd/**]\n" DENY,
	 0, NULL},
	{"is_quiet_about_secrets_elsewhere", ENFORCE KEY DENY, 0, NULL},
	{"is_quiet_about_denials_of_other_kinds",
	 ENFORCE PLACE("/run/credentials/**") "    deny:\n    - {name: d, uid: [0], kinds: [ptrace, proc-mem]}\n", 0,
	 NULL},
	{"is_quiet_about_runtimes_that_are_not_here", ENFORCE PLACE("/var/lib/docker/**") DENY, 0, NULL},
};

static int setup(void **state)
{
	int r = host_setup(state);

	host_file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n");
	host_file("/etc/key", "k");
	host_file("/etc/tree/leaf", "k");
	host_folder("/etc/empty");
	host_file("/home/ann/.netrc", "k");
	host_file("/usr/bin/app", "\x7f"
				  "ELF");
	host_file("/opt/run.sh", "#!/bin/sh\n");
	host_link("/bin", "usr/bin");
	host_link("/usr/bin/run", "../../opt/run.sh");
	host_file("/usr/lib/systemd/system/app.service", "");
	host_file("/usr/lib/systemd/system/getty@.service", "");
	host_link("/lib", "usr/lib");
	host_file("/usr/lib/systemd/systemd", "\x7f"
					      "ELF");
	host_file("/usr/bin/kubelet", "\x7f"
				      "ELF");
	host_file("/usr/bin/sagent", "\x7f"
				     "ELF");
	host_file("/usr/sbin/sagentd", "\x7f"
				       "ELF");
	/* So that no path of a case is absent but those that are meant. */
	host_file("/var/lib/kubelet/pods/x", "");
	host_file("/var/lib/secrets-agent/x", "");
	host_file("/etc/secrets-agent/x", "");
	host_file("/run/credentials/x", "");
	host_link("/var/run", "../run");
	host_file("/var/lib/docker/x", "");
	return r;
}

static struct policy_set *load(const char *text)
{
	struct policy_set *set = NULL;
	struct error error = {.line = 0};

	if (policy_set_load_text("p.yaml", text, strlen(text), &POLICY_LIMITS_DEFAULT, &set, &error) < 0)
		fail_msg("%d: %s", error.line, error.text);
	assert_int_equal(policy_set_warning_count(set), 0);
	return set;
}

static void advises(void **state)
{
	const struct advised_text *expected = *state;
	const struct policy_host host = {.root = host_root, .absent_max = 20, .steps = 10000};
	_cleanup_(policy_set_freep) struct policy_set *set = load(expected->text);

	assert_int_equal(policy_advise(set, &host), 0);
	for (size_t i = expected->advice ? 1 : 0; i < policy_set_warning_count(set); i++)
		fail_msg("also said: %s", policy_set_warning(set, i)->text);
	if (!expected->advice)
		return;
	assert_int_equal(policy_set_warning_count(set), 1);
	if (!strstr(policy_set_warning(set, 0)->text, expected->advice))
		fail_msg("'%s' does not say '%s'", policy_set_warning(set, 0)->text, expected->advice);
	assert_int_equal(policy_set_warning(set, 0)->line, expected->line);
	assert_string_equal(policy_set_warning(set, 0)->file, "p.yaml");
}

static size_t count_warnings(const char *text, size_t absent_max, size_t steps)
{
	const struct policy_host host = {.root = host_root, .absent_max = absent_max, .steps = steps};
	_cleanup_(policy_set_freep) struct policy_set *set = load(text);

	assert_int_equal(policy_advise(set, &host), 0);
	return policy_set_warning_count(set);
}

static const char absent_text[] = OBSERVE "    paths: [/etc/none]\n    allow:\n    - {name: a, exe: [/none]}\n"
					  "    - {name: b, user: [none1]}\n    - {name: c, unit: [none.service]}\n";

static void much_that_is_absent_is_one_line(void **state)
{
	const struct policy_host host = {.root = host_root, .absent_max = 3, .steps = 10000};
	_cleanup_(policy_set_freep) struct policy_set *set = load(absent_text);

	(void)state;
	assert_int_equal(count_warnings(absent_text, 4, 10000), 4);
	assert_int_equal(policy_advise(set, &host), 0);
	assert_int_equal(policy_set_warning_count(set), 1);
	assert_non_null(
		strstr(policy_set_warning(set, 0)->text, "4 secrets and rules name files, programs, users or units"));
}

static void a_load_says_only_what_cannot_be_meant(void **state)
{
	(void)state;
	assert_int_equal(count_warnings(absent_text, 0, 10000), 0);
	assert_int_equal(count_warnings(OBSERVE "    paths: [/etc/tree, '/none/**']\n    allow:\n"
						"    - {name: a, exe: [/bin/app]}\n",
					0, 10000),
			 2);
}

static void says_nothing_of_what_it_could_not_look_at(void **state)
{
	(void)state;
	assert_int_equal(count_warnings(absent_text, 20, 0), 1); /* users are not looked for on the disk */
}

static void a_list_of_names_is_cut_and_says_how_many_more(void **state)
{
	_cleanup_(buffer_release) struct buffer text = BUFFER_INIT(POLICY_FILE_SIZE_MAX);
	const struct policy_host host = {.root = host_root, .absent_max = 20, .steps = 10000};
	_cleanup_(policy_set_freep) struct policy_set *set = NULL;

	(void)state;
	buffer_append_string(&text, OBSERVE "    paths:\n");
	for (int i = 0; i < 500; i++)
		buffer_printf(&text, "    - /etc/a-name-that-is-rather-long/%d\n", i);
	set = load(text.data);
	assert_int_equal(policy_advise(set, &host), 0);
	assert_int_equal(policy_set_warning_count(set), 1);
	assert_non_null(
		strstr(policy_set_warning(set, 0)->text, " more; check the spelling, unless the files come later"));
}

int main(void)
{
	enum { COUNT = sizeof(cases) / sizeof(*cases) };
	struct CMUnitTest tests[COUNT];
	const struct CMUnitTest others[] = {
		cmocka_unit_test(much_that_is_absent_is_one_line),
		cmocka_unit_test(a_load_says_only_what_cannot_be_meant),
		cmocka_unit_test(says_nothing_of_what_it_could_not_look_at),
		cmocka_unit_test(a_list_of_names_is_cut_and_says_how_many_more),
	};

	for (size_t i = 0; i < COUNT; i++)
		tests[i] = (struct CMUnitTest){
			.name = cases[i].name, .test_func = advises, .initial_state = (void *)(uintptr_t)&cases[i]};
	return cmocka_run_group_tests_name("policy_advice: cases", tests, setup, host_teardown) +
	       cmocka_run_group_tests_name("policy_advice: all of it", others, setup, host_teardown);
}

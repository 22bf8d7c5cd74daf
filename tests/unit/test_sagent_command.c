/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/version.h"
#include "cli/sagent_command.h"
#include "fake_daemon.h"

struct ran {
	int code;
	char *out, *err;
	size_t out_size, err_size;
};

/* Runs sagent with the words of `line`; "@" stands for the socket. */
static struct ran run(const char *line, const char *socket_path)
{
	struct ran ran = {0};
	char *copy = strdup(line), *save = NULL, *argv[24] = {(char *)"sagent"};
	FILE *out = open_memstream(&ran.out, &ran.out_size), *err = open_memstream(&ran.err, &ran.err_size);
	int argc = 1;

	for (char *word = strtok_r(copy, " ", &save); word && argc < 23; word = strtok_r(NULL, " ", &save))
		argv[argc++] = strcmp(word, "@") == 0 ? (char *)socket_path : word;
	ran.code = sagent_run(argc, argv, out, err);
	(void)fclose(out);
	(void)fclose(err);
	free(copy);
	return ran;
}

static void release(struct ran *ran)
{
	free(ran->out);
	free(ran->err);
}

static struct ran run_with(const char *line, const char *answer, const char *expected_request)
{
	struct fake_daemon daemon;
	struct ran ran;

	fake_daemon_start(&daemon, answer);
	ran = run(line, daemon.path);
	fake_daemon_stop(&daemon);
	if (expected_request)
		assert_string_equal(daemon.request, expected_request);
	return ran;
}

static void expect(const char *line, const char *answer, int code, const char *out, const char *err_says)
{
	struct ran ran = run_with(line, answer, NULL);

	assert_int_equal(ran.code, code);
	assert_string_equal(ran.out, out);
	assert_non_null(strstr(ran.err, err_says));
	if (err_says[0] == '\0')
		assert_string_equal(ran.err, "");
	release(&ran);
}

static void refuses_a_wrong_command_line(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{"", "no command"},
		{"nonsense", "no command 'nonsense'"},
		{"status --since 1h", "'status' takes no --since"},
		{"--nonsense status", "no option '--nonsense'"},
		{"-x status", "no option '-x'"},
		{"top --since", "needs a value"},
		{"top --since 1", "30s, 15m"},
		{"top --since -1h", "30s, 15m"},
		{"top --since 9999999999999999999999w", "100 years"},
		{"top --limit 0", "1 to 10000"},
		{"top --limit 10001", "1 to 10000"},
		{"top --limit 1x", "1 to 10000"},
		{"top --limit -1", "1 to 10000"},
		{"top --limit 99999999999999999999999", "1 to 10000"},
		{"top --by pid", "exe or process"},
		{"secrets --by exe", "takes no --by"},
		{"status more", "takes no 'more'"},
		{"policy", "write: sagent policy check|test|diff|explain|learn"},
		{"policy check", "write: sagent policy check FILE|DIR..."},
		{"policy chek x", "write: sagent policy check|test|diff|explain|learn"},
		{"polic check x", "no command 'polic'"},
		{"policy check x --socket y", "'policy check' takes no --socket"},
		{"policy test", "write: sagent policy test FILE|DIR..."},
		{"policy test x --pid 1", "'policy test' takes no --pid"},
		{"policy diff x", "write: sagent policy diff A B"},
		{"policy diff x y z", "'policy diff' takes no 'z'"},
		{"policy explain --pid 1", "'policy explain' needs --secret NAME"},
		{"policy explain --secret x", "'policy explain' needs --pid N"},
		{"policy explain --secret x --pid 0", "number of a process"},
		{"policy explain --secret x --pid 1x", "number of a process"},
		{"policy explain --secret x --pid 99999999999", "number of a process"},
		{"policy explain --secret X --pid 1", "lower-case letters"},
		{"policy explain --secret x --pid 1 --kind read", "write open, exec, map"},
		{"policy learn x", "'policy learn' takes no 'x'"},
		{"policy learn --mode kill", "observe or enforce"},
		{"policy learn --policy-name A", "lower-case letters"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ran ran = run(rows[i].line, NULL);

		assert_int_equal(ran.code, SAGENT_USAGE);
		assert_string_equal(ran.out, "");
		assert_non_null(strstr(ran.err, rows[i].says));
		release(&ran);
	}
}

static void helps_without_a_daemon(void **state)
{
	struct ran ran = run("--help", NULL);

	(void)state;
	assert_int_equal(ran.code, SAGENT_OK);
	for (const struct sagent_command *command = sagent_commands; command->name; command++)
		assert_non_null(strstr(ran.out, command->help));
	release(&ran);
	ran = run("--version", NULL);
	assert_int_equal(ran.code, SAGENT_OK);
	assert_string_equal(ran.out, "sagent " SAGENT_VERSION "\n");
	release(&ran);
}

static void fails_when_the_output_cannot_be_written(void **state)
{
	char *argv[] = {(char *)"sagent", (char *)"--help", NULL}, *said = NULL;
	size_t size;
	FILE *full = fopen("/dev/full", "we"), *err = open_memstream(&said, &size);

	(void)state;
	assert_non_null(full);
	assert_int_equal(sagent_run(2, argv, full, err), SAGENT_FAILED);
	(void)fclose(full);
	(void)fclose(err);
	assert_non_null(strstr(said, "No space left"));
	free(said);
}

static void says_in_one_sentence_that_the_daemon_is_not_there(void **state)
{
	static const char *const lines[] = {"status", "top", "secrets", "watch", "version"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char line[64];
		struct ran ran;

		(void)snprintf(line, sizeof(line), "%s --socket /nonexistent/s", lines[i]);
		ran = run(line, NULL);
		assert_int_equal(ran.code, SAGENT_UNREACHABLE);
		assert_ptr_equal(strchr(ran.err, '\n'), ran.err + ran.err_size - 1);
		assert_non_null(strstr(ran.err, "is sagentd running"));
		release(&ran);
	}
}

static void gives_each_error_of_the_daemon_its_exit_code(void **state)
{
	(void)state;
	expect("status --socket @",
	       "{\"id\":1,\"ok\":false,\"error\":{\"code\":\"failed\",\"message\":\"no \\u001b[2J\"}}\n", SAGENT_FAILED,
	       "", "sagentd says: no \\x1b[2J");
	expect("top --socket @", "{\"id\":1,\"ok\":false,\"error\":{\"code\":\"bad-argument\",\"message\":\"m\"}}\n",
	       SAGENT_USAGE, "", "says: m");
	expect("status --socket @", "{\"id\":null,\"ok\":false,\"error\":{\"code\":\"forbidden\",\"message\":\"m\"}}\n",
	       SAGENT_UNREACHABLE, "", "says: m");
	expect("status --socket @", "", SAGENT_UNREACHABLE, "", "closed the connection");
	expect("status --socket @", "garbage\n", SAGENT_FAILED, "", "no answer of sagentd");
}

static const char status_answer[] =
	"{\"id\":1,\"ok\":true,\"result\":{\"version\":\"0.1.0\",\"host\":\"h\\u001b]0;x\",\"pid\":42,"
	"\"started\":\"2026-01-02T03:04:05.123456789Z\",\"uptime_s\":3700,\"backend\":\"tracepoint\",\"tier\":"
	"\"observe\","
	"\"blind_spots\":[\"mounts inside\",\"kernel "
	"threads\"],\"policies\":1,\"secrets\":2,\"files\":3,\"directories\":4,"
	"\"accesses\":5,\"events\":6,\"alerts\":7,\"processes\":8,\"counters\":9,"
	"\"losses\":[{\"place\":\"access-ring\",\"count\":10},{\"place\":\"process-ring\",\"count\":0}],"
	"\"store\":{\"enabled\":true,\"rows\":11,\"bytes\":1572864,\"dropped\":12,\"error\":\"disk full\"},"
	"\"watchers\":13,\"gap\":{\"cause\":\"killed\",\"from\":\"2026-01-02T03:04:00.5Z\",\"seconds\":1.25},"
	"\"self_check\":\"ok\",\"tampers\":14,\"policy_error\":\"p.yaml:3: no\"}}\n";

static void shows_the_status(void **state)
{
	(void)state;
	expect("--socket @ status", status_answer, SAGENT_OK,
	       "sagentd      0.1.0 on h\\x1b]0;x, pid 42\n"
	       "started      2026-01-02 03:04:05, 1h 1m ago\n"
	       "sensor       backend tracepoint, tier observe\n"
	       "watching     1 policies, 2 secrets, 3 files, 4 directories\n"
	       "seen         5 accesses in 6 events, 7 alerts\n"
	       "holding      8 processes, 9 counters, 13 watchers\n"
	       "store        11 rows, 1.5 MiB, 12 dropped\n"
	       "             disk full\n"
	       "lost         10 access-ring\n"
	       "protection   self-check ok, 14 attempts\n"
	       "gap          1.250 s without an agent from 2026-01-02 03:04:00 (killed)\n"
	       "cannot see   mounts inside\n"
	       "             kernel threads\n"
	       "policy       p.yaml:3: no\n",
	       "");
}

static void survives_a_status_of_wrong_types(void **state)
{
	static const char *const answers[] = {
		"{\"id\":1,\"ok\":true,\"result\":null}\n",
		"{\"id\":1,\"ok\":true,\"result\":[1]}\n",
		"{\"id\":1,\"ok\":true,\"result\":{\"version\":1,\"host\":[],\"pid\":\"x\",\"losses\":{},\"store\":7,"
		"\"blind_spots\":[1,null,[]],\"started\":-1,\"rows\":[null,1,{}]}}\n",
		"{\"id\":1,\"ok\":true,\"result\":{\"rows\":[null,1,{\"exe\":1,\"pid\":-1},[]]}}\n",
	};
	static const char *const lines[] = {"status --socket @", "top --socket @", "top --by process --socket @",
					    "secrets --socket @", "version --socket @"};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		for (size_t j = 0; j < sizeof(lines) / sizeof(lines[0]); j++) {
			struct ran ran = run_with(lines[j], answers[i], NULL);

			assert_int_equal(ran.code, SAGENT_OK);
			release(&ran);
		}
}

static void prints_json_that_no_terminal_obeys(void **state)
{
	(void)state;
	expect("status --json --socket @",
	       "{\"id\":1,\"ok\":true,\"result\":{\"host\":\"h\\u001b\\u009b\xc2\x9b\xe2\x80\xae/"
	       "\xf0\x9f\x94\x91\"}}\n",
	       SAGENT_OK, "{\"host\":\"h\\u001b\\u009b\\u009b\\u202e/\\ud83d\\udd11\"}\n", "");
}

static const char top_answer[] =
	"{\"id\":1,\"ok\":true,\"result\":{\"rows\":["
	"{\"exe\":\"/usr/bin/"
	"cat\",\"pid\":7,\"user\":\"root\",\"accesses\":100,\"alerts\":1,\"denied\":0,\"secrets\":2,"
	"\"last\":\"2026-01-02T03:04:05.5Z\"},"
	"{\"exe\":\"/tmp/a\\nb\",\"pid\":null,\"user\":null,\"accesses\":5,\"alerts\":0,\"denied\":0,\"secrets\":1,"
	"\"last\":\"yesterday\"}]}}\n";

static void shows_top(void **state)
{
	struct ran ran;

	(void)state;
	expect("top --socket @", top_answer, SAGENT_OK,
	       "ACCESSES  ALERTS  DENIED  SECRETS  LAST                 USER  EXE\n"
	       "     100       1       0        2  2026-01-02 03:04:05  root  /usr/bin/cat\n"
	       "       5       0       0        1  yesterday            -     /tmp/a\\nb\n",
	       "");
	expect("top --by process --once --socket @", top_answer, SAGENT_OK,
	       "PID  ACCESSES  ALERTS  DENIED  SECRETS  LAST                 USER  EXE\n"
	       "  7       100       1       0        2  2026-01-02 03:04:05  root  /usr/bin/cat\n"
	       "  -         5       0       0        1  yesterday            -     /tmp/a\\nb\n",
	       "");
	ran = run_with("top --since 15m --limit 3 --by process --json --socket @", top_answer,
		       "{\"id\":1,\"command\":\"top\",\"arguments\":{\"since_s\":900,\"limit\":3,\"by\":\"process\"}}");
	assert_int_equal(ran.code, SAGENT_OK);
	assert_memory_equal(ran.out, "{\"rows\":[", 9);
	release(&ran);
}

static void shows_secrets(void **state)
{
	struct ran ran;

	(void)state;
	expect("secrets --socket @",
	       "{\"id\":1,\"ok\":true,\"result\":{\"rows\":[{\"name\":\"shadow\",\"class\":\"os-credential\","
	       "\"policy\":\"host\","
	       "\"files\":2,\"accesses\":3,\"alerts\":1,\"denied\":0,\"readers\":1,\"first\":null,\"last\":null}]}}\n",
	       SAGENT_OK,
	       "SECRET  CLASS          POLICY  FILES  ACCESSES  ALERTS  DENIED  READERS  LAST\n"
	       "shadow  os-credential  host        2         3       1       0        1  never\n",
	       "");
	ran = run_with("secrets --socket @", top_answer,
		       "{\"id\":1,\"command\":\"secrets\",\"arguments\":{\"since_s\":86400,\"limit\":20}}");
	release(&ran);
}

static const char watch_answer[] =
	"{\"id\":1,\"ok\":true,\"result\":{\"watching\":true}}\n"
	"{\"type\":\"secretsagent.secret.access.v1\",\"time\":\"2026-01-02T03:04:05.123456789Z\",\"data\":{"
	"\"secret\":{\"name\":\"shadow\",\"class\":\"os-credential\"},"
	"\"access\":{\"kind\":\"open\",\"mode\":\"read\",\"via\":\"openat\",\"result\":-13,\"count\":3},"
	"\"process\":{\"pid\":7,\"exe\":\"/tmp/a\\u001b[2Jb\",\"uid\":1000,\"unit\":\"x.service\",\"container\":null,"
	"\"ancestors\":[{\"pid\":2,\"exe\":\"/usr/bin/bash\"},{\"pid\":1,\"exe\":\"/sbin/init\"}]},"
	"\"verdict\":{\"action\":\"alert\",\"enforced\":false}}}\n"
	"{\"dropped\":12}\n"
	"{\"type\":\"secretsagent.sensor.loss.v1\",\"time\":\"2026-01-02T03:04:05Z\",\"data\":{\"place\":\"store\"}}\n"
	"garbage\n[]\n{}\n";

static void watches_line_by_line_until_the_daemon_ends(void **state)
{
	(void)state;
	expect("watch --socket @", watch_answer, SAGENT_UNREACHABLE,
	       "03:04:05.123 ALERT  shadow (os-credential)  /tmp/a\\x1b[2Jb[7] uid 1000 x.service  open openat read "
	       "refused "
	       "(Permission denied) x3  < bash < init\n"
	       "-- 12 events lost here: this terminal is too slow --\n"
	       "03:04:05 sensor.loss.v1 {\"place\":\"store\"}\n"
	       "-- a line from sagentd that is no event --\n"
	       "-- a line from sagentd that is no event --\n"
	       "? ? null\n",
	       "closed the connection");
	expect("watch --json --socket @", "{\"id\":1,\"ok\":true,\"result\":{}}\n{\"a\":\"\xc3\xa4\"}\n",
	       SAGENT_UNREACHABLE, "{\"a\":\"\\u00e4\"}\n", "closed the connection");
}

static void tells_denials_that_were_carried_out_from_others(void **state)
{
#define DENIAL(enforced, would_deny)                                                                           \
	"{\"type\":\"secretsagent.secret.access.v1\",\"time\":\"2026-01-02T03:04:05Z\",\"data\":{\"secret\":{" \
	"\"name\":\"s\",\"class\":\"c\"},\"process\":{\"pid\":7,\"exe\":\"/"                                   \
	"a\",\"uid\":1},\"access\":{\"kind\":\"open\"},"                                                       \
	"\"verdict\":{\"action\":\"deny\",\"enforced\":" #enforced ",\"would_deny\":" #would_deny "}}}\n"
	(void)state;
	expect("watch --socket @",
	       "{\"id\":1,\"ok\":true,\"result\":{}}\n" DENIAL(true, false) DENIAL(false, true) DENIAL(false, false),
	       SAGENT_UNREACHABLE,
	       "03:04:05 DENIED s (c)  /a[7] uid 1  open x0\n"
	       "03:04:05 would deny s (c)  /a[7] uid 1  open x0\n"
	       "03:04:05 DENY   s (c)  /a[7] uid 1  open x0\n",
	       "closed the connection");
#undef DENIAL
}

static void shows_both_versions(void **state)
{
	(void)state;
	expect("version --socket @", "{\"id\":1,\"ok\":true,\"result\":{\"version\":\"9.9\"}}\n", SAGENT_OK,
	       "sagent  " SAGENT_VERSION "\nsagentd 9.9\n", "");
	expect("version --json --socket @", "{\"id\":1,\"ok\":true,\"result\":{\"version\":\"9.9\"}}\n", SAGENT_OK,
	       "{\"sagent\":\"" SAGENT_VERSION "\",\"sagentd\":\"9.9\"}\n", "");
	expect("version --json --socket /nonexistent/s", "", SAGENT_UNREACHABLE,
	       "{\"sagent\":\"" SAGENT_VERSION "\",\"sagentd\":null}\n", "is sagentd running");
}

/* ---------------------------------------------------------------- policy check */

static const char good_policy[] = "apiVersion: secretsagent.io/v1\n"
				  "kind: SecretPolicy\n"
				  "metadata: {name: payments}\n"
				  "spec:\n"
				  "  mode: observe\n"
				  "  secrets:\n"
				  "    - name: db-password\n"
				  "      class: database-password\n"
				  "      paths: [/etc/passwd]\n"
				  "      default: alert\n";

static struct ran check_policy(const char *text, const char *options)
{
	char folder[] = "/tmp/sagent.XXXXXX", path[64], line[128];
	struct ran ran;
	int fd;

	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/p.yaml", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
	(void)snprintf(line, sizeof(line), "policy check @ %s", options);
	ran = run(line, path);
	(void)unlink(path);
	(void)rmdir(folder);
	return ran;
}

static void checks_a_policy_without_a_daemon(void **state)
{
	struct ran ran;

	(void)state;
	ran = check_policy(good_policy, "");
	assert_string_equal(ran.out, "ok: 1 policies, 1 secrets\n");
	assert_int_equal(ran.code, SAGENT_OK);
	release(&ran);
	ran = check_policy(good_policy, "--json");
	assert_string_equal(ran.out, "{\"ok\":true,\"policies\":1,\"secrets\":1,\"warnings\":[]}\n");
	assert_int_equal(ran.code, SAGENT_OK);
	release(&ran);
}

static void names_the_line_of_a_bad_policy(void **state)
{
	struct ran ran;

	(void)state;
	ran = check_policy("apiVersion: secretsagent.io/v1\nkind: Nonsense\n", "");
	assert_int_equal(ran.code, SAGENT_USAGE);
	assert_string_equal(ran.out, "");
	assert_non_null(strstr(ran.err, "p.yaml:"));
	release(&ran);
	ran = check_policy("apiVersion: secretsagent.io/v1\nkind: Nonsense\n", "--json");
	assert_int_equal(ran.code, SAGENT_USAGE);
	assert_memory_equal(ran.out, "{\"ok\":false,\"error\":{\"file\":\"/tmp/", 31);
	release(&ran);
	ran = run("policy check /nonexistent/policies", NULL);
	assert_int_equal(ran.code, SAGENT_USAGE);
	assert_non_null(strstr(ran.err, "/nonexistent/policies"));
	release(&ran);
}

/* ---------------------------------------------------------------- policy diff */

static struct ran diff_policies(const char *before, const char *after, const char *options)
{
	char folder[] = "/tmp/sagent.XXXXXX", line[256];
	const char *const texts[] = {before, after};
	struct ran ran;

	assert_non_null(mkdtemp(folder));
	for (int i = 0; i < 2; i++) {
		char path[64];
		FILE *file;

		(void)snprintf(path, sizeof(path), "%s/%d.yaml", folder, i);
		file = fopen(path, "we");
		assert_non_null(file);
		assert_true(fputs(texts[i], file) >= 0);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(chmod(path, 0600), 0);
	}
	(void)snprintf(line, sizeof(line), "policy diff %s/0.yaml %s/1.yaml %s", folder, folder, options);
	ran = run(line, NULL);
	for (int i = 0; i < 2; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "%s/%d.yaml", folder, i);
		(void)unlink(path);
	}
	(void)rmdir(folder);
	return ran;
}

static const char other_policy[] = "apiVersion: secretsagent.io/v1\n"
				   "kind: SecretPolicy\n"
				   "metadata: {name: payments}\n"
				   "spec:\n"
				   "  secrets:\n"
				   "    - name: db-password\n"
				   "      class: database-password\n"
				   "      paths: [/etc/passwd]\n"
				   "      default: deny\n"
				   "      allow: [{name: app, uid: [7]}]\n";

static void compares_policies_as_diff_compares_files(void **state)
{
	struct ran ran;

	(void)state;
	ran = diff_policies(good_policy, good_policy, "");
	assert_int_equal(ran.code, 0);
	assert_string_equal(ran.out, "");
	release(&ran);
	ran = diff_policies(good_policy, other_policy, "");
	assert_int_equal(ran.code, 1);
	assert_string_equal(ran.out, "~ secret db-password: default: alert -> deny\n"
				     "+ secret db-password: rule allow/app\n");
	release(&ran);
	ran = diff_policies(other_policy, good_policy, "--json");
	assert_int_equal(ran.code, 1);
	assert_string_equal(ran.out,
			    "{\"same\":false,\"differences\":["
			    "{\"change\":\"changed\",\"policy\":null,\"secret\":\"db-password\",\"rule\":null,"
			    "\"field\":\"default\",\"before\":\"deny\",\"after\":\"alert\"},"
			    "{\"change\":\"removed\",\"policy\":null,\"secret\":\"db-password\",\"rule\":\"allow/app\","
			    "\"field\":null,\"before\":null,\"after\":null}]}\n");
	release(&ran);
	ran = diff_policies(good_policy, good_policy, "--json");
	assert_int_equal(ran.code, 0);
	assert_string_equal(ran.out, "{\"same\":true,\"differences\":[]}\n");
	release(&ran);
	ran = diff_policies(good_policy, "kind: x\n", "");
	assert_int_equal(ran.code, 2);
	assert_non_null(strstr(ran.err, "/1.yaml:"));
	release(&ran);
}

static void fails_without_a_history(void **state)
{
	struct ran ran;

	(void)state;
	ran = run("policy learn --state-dir /nonexistent/state", NULL);
	assert_int_equal(ran.code, SAGENT_FAILED);
	assert_string_equal(ran.out, "");
	assert_non_null(strstr(ran.err, "no history is kept here"));
	release(&ran);
	ran = run("policy test /nonexistent/policies --state-dir /nonexistent/state", NULL);
	assert_int_equal(ran.code, SAGENT_USAGE);
	release(&ran);
}

/* ---------------------------------------------------------------- policy explain */

static const char explain_answer[] =
	"{\"id\":1,\"ok\":true,\"result\":{\"process\":{\"pid\":42,\"exe\":\"/usr/bin/a\\u001bb\",\"script\":null,"
	"\"exe_sha256\":null,\"uid\":7,\"gid\":8,\"user\":\"ann\",\"unit\":\"x.service\",\"container\":null,"
	"\"cgroup\":\"/x\",\"ancestors\":[\"/usr/bin/sh\",\"\"],\"ancestors_truncated\":false},\"hash_pending\":false,"
	"\"tier\":\"lsm\",\"explanation\":{\"secret\":\"db\",\"class\":\"c\",\"file\":\"p.yaml\",\"line\":3,"
	"\"kind\":\"open\",\"mode\":\"enforce\",\"default\":\"deny\",\"verdict\":{\"action\":\"deny\",\"rule\":"
	"\"default\",\"policy\":\"p\",\"tier\":\"lsm\",\"enforced\":true,\"would_deny\":false},\"rules\":["
	"{\"rule\":\"allow/app\",\"line\":5,\"matches\":false,\"decides\":false,\"matchers\":["
	"{\"name\":\"uid\",\"holds\":true,\"seen\":[\"7\"],\"wanted\":[\"7\",\"8\"]},"
	"{\"name\":\"sha256\",\"holds\":false,\"seen\":[],\"wanted\":[\"00\"]}]}]}}}\n";

static void explains_a_verdict(void **state)
{
	struct ran ran;

	(void)state;
	expect("policy explain --pid 42 --secret db --socket @", explain_answer, SAGENT_OK,
	       "process   42 /usr/bin/a\\x1bb\n"
	       "user      uid 7 (ann), gid 8\n"
	       "unit      x.service\n"
	       "cgroup    /x\n"
	       "ancestors /usr/bin/sh, (not known)\n"
	       "\n"
	       "secret    db, policy p, p.yaml:3\n"
	       "access    open\n"
	       "\n"
	       "rules, in the order in which they are asked:\n"
	       "  allow/app (line 5) does not match\n"
	       "    yes uid: 7, one of: 7, 8\n"
	       "    no  sha256: none known, none of: 00\n"
	       "  default deny decides\n"
	       "\n"
	       "verdict   deny by default; carried out by tier lsm\n",
	       "");
	ran = run_with(
		"policy explain --pid 42 --secret db --kind map --socket @", explain_answer,
		"{\"id\":1,\"command\":\"explain\",\"arguments\":{\"pid\":42,\"secret\":\"db\",\"kind\":\"map\"}}");
	release(&ran);
	expect("policy explain --pid 42 --secret db --socket @",
	       "{\"id\":1,\"ok\":false,\"error\":{\"code\":\"no-such-process\",\"message\":\"there is none\"}}\n",
	       SAGENT_FAILED, "", "says: there is none");
	/* Whatever comes, it is shown. */
	ran = run_with("policy explain --pid 42 --secret db --socket @", "{\"id\":1,\"ok\":true,\"result\":[1]}\n",
		       NULL);
	assert_int_equal(ran.code, SAGENT_OK);
	release(&ran);
	ran = run_with(
		"policy explain --pid 42 --secret db --socket @",
		"{\"id\":1,\"ok\":true,\"result\":{\"process\":{\"ancestors\":[1,null],\"exe\":[]},\"explanation\":"
		"{\"rules\":[null,{\"matchers\":[null,{\"seen\":3,\"wanted\":[null]}]}]}}}\n",
		NULL);
	assert_int_equal(ran.code, SAGENT_OK);
	release(&ran);
}

static void explains_a_policy_that_is_not_in_force(void **state)
{
	char folder[] = "/tmp/sagent.XXXXXX", path[64], line[256];
	struct ran ran;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/p.yaml", folder);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(other_policy, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
	(void)snprintf(line, sizeof(line), "policy explain --pid 42 --secret db-password --policy %s --socket @", path);
	ran = run_with(line, explain_answer, "{\"id\":1,\"command\":\"explain\",\"arguments\":{\"pid\":42}}");
	assert_int_equal(ran.code, SAGENT_OK);
	assert_non_null(strstr(ran.out, "  allow/app (line 10) matches, and decides\n    yes uid: 7, one of: 7\n"
					"  default deny\n\nverdict   allow by allow/app; nothing is stopped\n"));
	release(&ran);
	(void)snprintf(line, sizeof(line), "policy explain --pid 42 --secret nope --policy %s --socket @", path);
	ran = run_with(line, explain_answer, NULL);
	assert_int_equal(ran.code, SAGENT_FAILED);
	assert_non_null(strstr(ran.err, "has no secret \"nope\""));
	release(&ran);
	(void)unlink(path);
	(void)rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares_policies_as_diff_compares_files),
		cmocka_unit_test(fails_without_a_history),
		cmocka_unit_test(explains_a_verdict),
		cmocka_unit_test(explains_a_policy_that_is_not_in_force),
		cmocka_unit_test(refuses_a_wrong_command_line),
		cmocka_unit_test(helps_without_a_daemon),
		cmocka_unit_test(fails_when_the_output_cannot_be_written),
		cmocka_unit_test(says_in_one_sentence_that_the_daemon_is_not_there),
		cmocka_unit_test(gives_each_error_of_the_daemon_its_exit_code),
		cmocka_unit_test(shows_the_status),
		cmocka_unit_test(survives_a_status_of_wrong_types),
		cmocka_unit_test(prints_json_that_no_terminal_obeys),
		cmocka_unit_test(shows_top),
		cmocka_unit_test(shows_secrets),
		cmocka_unit_test(watches_line_by_line_until_the_daemon_ends),
		cmocka_unit_test(tells_denials_that_were_carried_out_from_others),
		cmocka_unit_test(shows_both_versions),
		cmocka_unit_test(checks_a_policy_without_a_daemon),
		cmocka_unit_test(names_the_line_of_a_bad_policy),
	};

	(void)setenv("TZ", "UTC", 1); /* times are shown as local ones */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

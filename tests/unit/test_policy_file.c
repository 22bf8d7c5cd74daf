/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "policy/policy.h"
#include "policy/policy_file.h"
#include "policy/policy_shape.h"

#define TOP "apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: test}\n"
/* Four lines; the list of secrets starts on line 6. */
#define HEAD          TOP "spec:\n  secrets:\n"
#define SECRET(rest)  HEAD "  - {name: s, class: test, paths: [/s]" rest "}\n"
#define RULE(rest)    HEAD "  - name: s\n    class: test\n    paths: [/s]\n    allow:\n    - {" rest "}\n"
#define PATHS(list)   HEAD "  - name: s\n    class: test\n    paths: " list "\n"
#define TEXT(literal) literal, sizeof(literal) - 1

struct bad_text {
	const char *name;
	const char *text;
	size_t size;
	int line;
	const char *advice;
};

static const struct bad_text bad_texts[] = {
	{"refuses_an_empty_file", TEXT(""), 1, "the file is empty; start it with"},
	{"refuses_comments_alone", TEXT("# nothing\n\n"), 1, "the file is empty"},
	{"refuses_an_empty_document", TEXT("---\n"), 2, "the file must hold keys; write \"apiVersion: ...\""},
	{"refuses_a_list_as_the_file", TEXT("- a\n"), 1, "the file must hold keys"},
	{"refuses_garbage",
	 TEXT("\x7f"
	      "ELF\x02\x01\x01"),
	 1, "write plain UTF-8"},
	{"refuses_text_that_is_not_utf8", TEXT(TOP "# \xff\xfe\n"), 4, "write plain UTF-8"},
	{"refuses_utf16",
	 TEXT("\xff\xfe"
	      "a"),
	 1, "write plain UTF-8"},
	{"refuses_a_nul_byte", TEXT(TOP "\0spec:\n"), 4, "a NUL byte"},
	{"refuses_tabs_as_indentation", TEXT(TOP "spec:\n\tsecrets: []\n"), 5, "indent with spaces"},
	{"refuses_an_open_bracket", TEXT(TOP "spec: {secrets: [\n"), 5, "check indentation, quotes and brackets"},
	{"refuses_an_open_quote", TEXT(TOP "spec: \"a\n"), 5, "check indentation, quotes and brackets"},
	{"refuses_a_second_document", TEXT(SECRET("") "---\na: b\n"), 7, "a file of its own"},
	{"refuses_an_alias_bomb", TEXT("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n"), 1,
	 "write the value out in each place"},
	{"refuses_an_alias", TEXT(PATHS("[*x]")), 8, "write the value out, or quote it"},
	{"refuses_a_self_reference", TEXT("&a [*a]\n"), 1, "write the value out"},
	{"refuses_a_tag", TEXT(PATHS("[!!str /s]")), 8, "write the value without it"},
	{"refuses_a_depth_bomb", TEXT("a: [[[[[[[[[[[[[[[[[[[[[[[[[[\n"), 1, "nested more than 16 levels"},
	{"refuses_a_merge_key", TEXT(TOP "<<: {a: b}\n"), 4, "unknown key \"<<\""},
	{"refuses_an_unknown_key", TEXT(TOP "spec:\n  secretz: []\n"), 5, "did you mean \"secrets\"?"},
	{"refuses_a_strange_key", TEXT(SECRET(", quux: 1")), 6, "the keys here are: name, class, paths, exclude"},
	{"refuses_an_unknown_matcher", TEXT(RULE("name: r, exec: [/a]")), 10, "did you mean \"exe\"?"},
	{"refuses_a_key_given_twice", TEXT(SECRET(", class: again")), 6, "\"class\" is given twice"},
	{"refuses_a_list_as_a_key", TEXT(TOP "? [a]\n: b\n"), 4, "write a single word"},
	{"refuses_another_api_version", TEXT("apiVersion: secretsagent.io/v2\n"), 1, "write secretsagent.io/v1"},
	{"refuses_another_kind", TEXT("apiVersion: secretsagent.io/v1\nkind: Pod\n"), 2, "write SecretPolicy"},
	{"refuses_a_file_without_metadata",
	 TEXT("apiVersion: secretsagent.io/v1\nkind: SecretPolicy\n"
	      "spec: {secrets: [{name: s, class: c, paths: [/s]}]}\n"),
	 1, "\"metadata\" is missing"},
	{"refuses_a_file_without_spec", TEXT(TOP), 1, "\"spec\" is missing in the file; write \"spec: ...\""},
	{"refuses_a_policy_that_names_no_secret", TEXT(TOP "spec:\n  secrets: []\n"), 5,
	 "an empty list for \"secrets\"; write at least one"},
	{"refuses_a_spec_without_secrets", TEXT(TOP "spec: {mode: observe}\n"), 4, "\"secrets\" is missing"},
	{"refuses_a_secret_without_name", TEXT(HEAD "  - {class: c, paths: [/s]}\n"), 6, "\"name\" is missing"},
	{"refuses_a_secret_without_class", TEXT(HEAD "  - {name: s, paths: [/s]}\n"), 6, "\"class\" is missing"},
	{"refuses_a_secret_without_paths", TEXT(HEAD "  - {name: s, class: c}\n"), 6, "\"paths\" is missing"},
	{"refuses_a_word_for_a_list", TEXT(PATHS("/s")), 8, "\"paths\" must be a list; write [...]"},
	{"refuses_a_list_for_a_word", TEXT(HEAD "  - name: [s]\n"), 6, "write one value"},
	{"refuses_a_word_for_a_secret", TEXT(HEAD "  - s\n"), 6, "must hold keys; write \"name: ...\""},
	{"refuses_an_unknown_mode", TEXT(TOP "spec:\n  mode: watch\n"), 5, "write one of: observe, enforce"},
	{"refuses_an_unknown_default", TEXT(SECRET(", default: log")), 6, "write one of: allow, alert, deny"},
	{"refuses_an_unknown_access_kind", TEXT(RULE("name: r, kinds: [read]")), 10, "write one of: open, exec, map"},
	{"refuses_a_name_with_a_newline", TEXT(HEAD "  - name: \"a\\nb\"\n    class: c\n    paths: [/s]\n"), 6,
	 "a control character"},
	{"refuses_a_name_with_an_escaped_nul", TEXT(HEAD "  - name: \"a\\0b\"\n    class: c\n    paths: [/s]\n"), 6,
	 "a control character"},
	{"refuses_a_block_of_lines_as_a_path", TEXT(HEAD "  - name: s\n    class: c\n    paths:\n    - |\n      /s\n"),
	 9, "a control character"},
	{"refuses_a_policy_name_with_capitals",
	 TEXT("apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: Pay}\n"
	      "spec: {secrets: [{name: s, class: c, paths: [/s]}]}\n"),
	 3, "lower-case letters, digits"},
	{"refuses_a_secret_name_with_a_slash", TEXT(HEAD "  - {name: a/b, class: c, paths: [/s]}\n"), 6,
	 "secret \"a/b\": a name takes lower-case"},
	{"refuses_a_name_of_64_letters",
	 TEXT(HEAD
	      "  - {name: abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcd, class: c, paths: [/s]}\n"),
	 6, "at most 63"},
	{"refuses_a_name_that_ends_in_a_dash", TEXT(HEAD "  - {name: a-, class: c, paths: [/s]}\n"), 6, "a name takes"},
	{"refuses_a_bad_class", TEXT(HEAD "  - {name: s, class: SSH key, paths: [/s]}\n"), 6, "class \"SSH key\""},
	{"refuses_a_number_for_a_name", TEXT(HEAD "  - {name: 12, class: c, paths: [/s]}\n"), 6,
	 "write \"12\" in quotes"},
	{"refuses_a_boolean_for_a_class", TEXT(HEAD "  - {name: s, class: yes, paths: [/s]}\n"), 6, "in quotes"},
	{"refuses_null_for_a_name", TEXT(HEAD "  - {name: ~, class: c, paths: [/s]}\n"), 6, "in quotes"},
	{"refuses_nothing_for_a_name", TEXT(HEAD "  - {name: , class: c, paths: [/s]}\n"), 6, "no value for \"name\""},
	{"refuses_a_secret_named_twice", TEXT(SECRET("") "  - {name: s, class: test, paths: [/t]}\n"), 7,
	 "a second secret \"s\", the first is in policy.yaml:6"},
	{"refuses_a_rule_named_twice", TEXT(RULE("name: r, uid: [1]") "    - {name: r, uid: [2]}\n"), 11,
	 "a second rule \"r\" in \"allow\" of secret \"s\""},
	{"refuses_a_rule_without_name", TEXT(RULE("uid: [1]")), 10, "\"name\" is missing"},
	{"refuses_a_rule_without_matcher", TEXT(RULE("name: r")), 10, "says nothing about who; add a matcher"},
	{"refuses_an_empty_matcher", TEXT(RULE("name: r, uid: []")), 10, "an empty list for \"uid\""},
	{"refuses_a_relative_path", TEXT(PATHS("\n    - /s\n    - etc/shadow")), 10, "start it with \"/\""},
	{"refuses_a_path_with_dots", TEXT(PATHS("[/a/../b]")), 8, "path \"/a/../b\": \"..\" as a component"},
	{"refuses_a_home_of_one_user", TEXT(PATHS("[~ann/.netrc]")), 8, "every user's home directory"},
	{"refuses_a_home_alone", TEXT(PATHS("[~/]")), 8, "names no file"},
	{"refuses_the_whole_filesystem", TEXT(PATHS("[/**/id_rsa]")), 8, "the whole filesystem"},
	{"refuses_a_bad_exclude", TEXT(SECRET(", exclude: ['*.pub']")), 6, "exclude \"*.pub\""},
	{"refuses_a_bad_exe", TEXT(RULE("name: r, exe: [cat]")), 10, "exe \"cat\": not an absolute path"},
	{"refuses_a_bad_ancestor", TEXT(RULE("name: r, ancestor: ['/a[']")), 10, "ancestor \"/a[\""},
	{"refuses_a_bad_cgroup", TEXT(RULE("name: r, cgroup: [/a/]")), 10, "a slash at the end"},
	{"refuses_a_short_sha256", TEXT(RULE("name: r, sha256: [abc]")), 10, "64 lower-case hex digits"},
	{"refuses_a_sha256_in_capitals",
	 TEXT(RULE("name: r, sha256: [ABCDEF6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef]")), 10,
	 "64 lower-case hex digits"},
	{"refuses_a_negative_uid", TEXT(RULE("name: r, uid: [-1]")), 10, "a decimal number from 0 to 4294967294"},
	{"refuses_an_octal_uid", TEXT(RULE("name: r, uid: [0100]")), 10, "without leading zeros"},
	{"refuses_a_hexadecimal_uid", TEXT(RULE("name: r, uid: [0x10]")), 10, "a decimal number"},
	{"refuses_a_uid_in_quotes", TEXT(RULE("name: r, uid: ['0']")), 10, "without quotes"},
	{"refuses_a_name_as_uid", TEXT(RULE("name: r, uid: [root]")), 10, "a decimal number"},
	{"refuses_the_uid_that_means_nobody", TEXT(RULE("name: r, uid: [4294967295]")), 10, "too large"},
	{"refuses_a_uid_of_90_digits",
	 TEXT(RULE("name: r, gid: "
		   "[999999999999999999999999999999999999999999999999999999999999999999999999999999999999]")),
	 10, "too large"},
	{"refuses_a_uid_as_user", TEXT(RULE("name: r, user: ['1000']")), 10, "write it under \"uid\""},
	{"refuses_a_wildcard_user", TEXT(RULE("name: r, user: ['a*']")), 10, "without wildcards"},
	{"refuses_a_unit_without_type", TEXT(RULE("name: r, unit: [ssh]")), 10, "write \".service\""},
	{"refuses_a_unit_with_a_slash", TEXT(RULE("name: r, unit: [a/b.service]")), 10, "no name of a systemd unit"},
	{"refuses_a_short_container_id", TEXT(RULE("name: r, container: [4f5d6a7b8c9d]")), 10, "or \"*\" after it"},
	{"refuses_a_container_that_is_none", TEXT(RULE("name: r, container: [a b]")), 10, "no container id"},
	{"refuses_an_unknown_action", TEXT(TOP "spec:\n  action: stop\n"), 5, "write one of: deny, kill"},
	{"refuses_a_bad_script", TEXT(RULE("name: r, script: [a.py]")), 10, "script \"a.py\": not an absolute path"},
	{"refuses_an_egress_without_destinations", TEXT(SECRET(", egress: {action: deny}")), 6, "\"to\" is missing"},
	{"refuses_an_empty_egress", TEXT(SECRET(", egress: {to: []}")), 6, "an empty list for \"to\""},
	{"refuses_an_egress_that_allows", TEXT(SECRET(", egress: {action: allow, to: [10.0.0.5]}")), 6,
	 "write one of: alert, deny"},
	{"refuses_a_list_as_egress", TEXT(SECRET(", egress: [10.0.0.5]")), 6, "\"egress\" must hold keys"},
	{"refuses_a_bad_destination",
	 TEXT(HEAD "  - name: s\n    class: c\n    paths: [/s]\n    egress:\n      to:\n      - 10.0.0.5\n"
		   "      - 10.0.0.5/8\n"),
	 12, "destination \"10.0.0.5/8\": bits of the address are set behind the prefix; write 10.0.0.0/8"},
};

static struct policy_set *const untouched = (struct policy_set *)(uintptr_t)1;

static int load_text(const char *text, size_t size, struct policy_set **set, struct error *error)
{
	return policy_set_load_text("policy.yaml", text, size, &POLICY_LIMITS_DEFAULT, set, error);
}

static void assert_loads(const char *text)
{
	_cleanup_(policy_set_freep) struct policy_set *set = NULL;
	struct error error = {.line = 0};

	if (load_text(text, strlen(text), &set, &error) < 0)
		fail_msg("%d: %s\n%s", error.line, error.text, text);
}

static void refuses_a_bad_text(void **state)
{
	const struct bad_text *bad = *state;
	struct policy_set *set = untouched;
	struct error error = {.line = 0};

	assert_int_equal(load_text(bad->text, bad->size, &set, &error), -EINVAL);
	assert_ptr_equal(set, untouched);
	if (!strstr(error.text, bad->advice))
		fail_msg("'%s' does not say '%s'", error.text, bad->advice);
	assert_string_equal(error.file, "policy.yaml");
	assert_int_equal(error.line, bad->line);
	assert_int_equal(load_text(bad->text, bad->size, &set, NULL), -EINVAL);
}

static void accepts_all_that_the_shape_has(void **state)
{
	(void)state;
	assert_loads(SECRET(""));
	assert_loads("\xef\xbb\xbf" SECRET(""));
	assert_loads("%YAML 1.1\n---\n" SECRET("") "...\n");
	assert_loads(TOP
		     "spec:\n  mode: observe\n  onUnsupported: refuse\n  onError: allow\n  secrets:\n"
		     "  - name: '1'\n    class: c\n    paths: [/a, '~/b', \"/c/**\"]\n    default: deny\n"
		     "    exclude: ['/c/*.pub']\n    allow: [{name: a, uid: [0, 4294967294], gid: [0], user: [ann],\n"
		     "      unit: ['ssh@*.service', 'a*'], cgroup: [/], container: ['*', none, 4f5d6a7b8c9d*],\n"
		     "      ancestor: [/a], exe: [/b], kinds: [open, exec, map, receive, link, ptrace, proc-mem,\n"
		     "      proc-environ]}]\n    deny: [{name: a, uid: [1]}]\n");
	assert_loads(TOP "spec:\n  mode: enforce\n  onUnsupported: observe\n  secrets:\n"
			 "  - {name: s, class: c, paths: [/s], default: deny}\n");
	assert_loads(TOP "spec:\n  mode: enforce\n  secrets:\n  - {name: s, class: c, paths: [/s], default: alert}\n");
	assert_loads(TOP "spec:\n  mode: enforce\n  onError: deny\n  action: kill\n  secrets:\n"
			 "  - {name: s, class: c, paths: [/s], default: deny, allow: [{name: a, script: [/s.py]}],\n"
			 "     egress: {action: alert, to: [10.0.0.5, '10.0.0.0/8:1', '[::1]:65535', '::/0']}}\n");
}

static void accepts_line_ends_of_other_systems(void **state)
{
	static const char text[] = SECRET("");
	char other[2 * sizeof(text)] = "";
	size_t size = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		if (text[i] == '\n')
			other[size++] = '\r';
		other[size++] = text[i];
	}
	assert_loads(other);
}

static void refuses_a_path_of_4096_bytes(void **state)
{
	_cleanup_(buffer_release) struct buffer text = BUFFER_INIT(POLICY_FILE_SIZE_MAX);
	struct policy_set *set = untouched;
	struct error error = {.line = 0};

	(void)state;
	buffer_append_string(&text, HEAD "  - name: s\n    class: test\n    paths:\n    - /");
	for (int i = 1; i < PATH_MAX - 1; i++)
		buffer_append_char(&text, 'a');
	assert_loads(text.data);
	buffer_append_char(&text, 'a');
	assert_int_equal(load_text(text.data, text.size, &set, &error), -EINVAL);
	assert_int_equal(error.line, 9);
	assert_non_null(strstr(error.text, "a value of 4096 bytes for \"paths\"; write at most 4095"));
	assert_ptr_equal(set, untouched);
}

static void refuses_more_values_than_fit(void **state)
{
	_cleanup_(buffer_release) struct buffer text = BUFFER_INIT(POLICY_FILE_SIZE_MAX);
	struct policy_set *set = untouched;
	struct error error = {.line = 0};

	(void)state;
	buffer_append_string(&text, HEAD "  - name: s\n    class: test\n    paths: [/a");
	for (int i = 0; i < POLICY_PATHS_MAX; i++)
		buffer_append_string(&text, ",/a");
	buffer_append_string(&text, "]\n");
	assert_int_equal(load_text(text.data, text.size, &set, &error), -EINVAL);
	assert_int_equal(error.line, 8);
	assert_non_null(strstr(error.text, "1025 values for \"paths\"; write at most 1024"));
	buffer_reset(&text);
	error = (struct error){.line = 0};
	buffer_append_char(&text, '[');
	for (int i = 0; i < 300000; i++)
		buffer_append_string(&text, "a,");
	assert_int_equal(load_text(text.data, text.size, &set, &error), -EINVAL);
	assert_non_null(strstr(error.text, "more than 262144 values"));
}

static void refuses_more_secrets_than_the_limit(void **state)
{
	static const char text[] = SECRET("") "  - {name: t, class: test, paths: [/t]}\n";
	struct policy_limits limits = {.max_files = 1, .max_secrets = 1};
	struct policy_set *set = untouched;
	struct error error = {.line = 0};

	(void)state;
	assert_int_equal(policy_set_load_text("p", text, sizeof(text) - 1, &limits, &set, &error), -E2BIG);
	assert_int_equal(error.line, 7);
	assert_non_null(strstr(error.text, "raise policy.max_secrets"));
}

static void warns_of_what_is_probably_not_meant(void **state)
{
	static const char text[] =
		HEAD "  - {name: a, class: c, paths: [/a], default: allow}\n"
		     "  - name: b\n    class: c\n    paths: [/b]\n    allow:\n"
		     "    - {name: scripts, exe: [/usr/bin/python3*]}\n"
		     "    - {name: anyone, kinds: [open]}\n"
		     "  - {name: h, class: shell-history, paths: [/h], allow: [{name: sh, exe: [/usr/bin/bash]}]}\n";
	static const struct {
		int line;
		const char *text;
	} expected[] = {{6, "allows everyone"}, {11, "allows an interpreter"}, {12, "allows every process"}};
	_cleanup_(policy_set_freep) struct policy_set *set = NULL;
	struct error error = {.line = 0};

	(void)state;
	assert_int_equal(load_text(text, sizeof(text) - 1, &set, &error), 0);
	assert_int_equal(policy_set_warning_count(set), 3);
	for (size_t i = 0; i < 3; i++) {
		assert_non_null(strstr(policy_set_warning(set, i)->text, expected[i].text));
		assert_int_equal(policy_set_warning(set, i)->line, expected[i].line);
		assert_string_equal(policy_set_warning(set, i)->file, "policy.yaml");
	}
}

static void warns_of_a_kill_that_never_comes(void **state)
{
	static const char text[] = TOP "spec:\n  action: kill\n  secrets:\n  - {name: s, class: c, paths: [/s]}\n";
	_cleanup_(policy_set_freep) struct policy_set *set = NULL;

	(void)state;
	assert_int_equal(load_text(text, sizeof(text) - 1, &set, NULL), 0);
	assert_int_equal(policy_set_warning_count(set), 1);
	assert_non_null(strstr(policy_set_warning(set, 0)->text, "write \"mode: enforce\", or drop it"));
	assert_int_equal(policy_set_warning(set, 0)->line, 5);
}

static void refuses_65_destinations(void **state)
{
	_cleanup_(buffer_release) struct buffer text = BUFFER_INIT(POLICY_FILE_SIZE_MAX);
	struct policy_set *set = untouched;
	struct error error = {.line = 0};

	(void)state;
	buffer_append_string(&text, HEAD "  - name: s\n    class: test\n    paths: [/a]\n    egress:\n      to:\n");
	for (int i = 1; i <= POLICY_EGRESS_MAX; i++)
		buffer_printf(&text, "      - 10.0.0.%d\n", i);
	assert_loads(text.data);
	buffer_append_string(&text, "      - 10.0.0.65\n");
	assert_int_equal(load_text(text.data, text.size, &set, &error), -EINVAL);
	assert_int_equal(error.line, 11);
	assert_non_null(strstr(error.text, "65 values for \"to\"; write at most 64"));
}

static void speaks_the_names_of_accesses_and_verdicts(void **state)
{
	static const char *const defaults[] = {"allow", "alert", "deny"};

	(void)state;
	for (unsigned int kind = ACCESS_OPEN; kind < ACCESS_KIND_COUNT; kind++) {
		char text[512];

		(void)snprintf(text, sizeof(text), RULE("name: r, kinds: [%s]"), access_kind_name(kind));
		assert_loads(text);
	}
	for (unsigned int i = 0; i < VERDICT_COUNT; i++) {
		_cleanup_(policy_set_freep) struct policy_set *set = NULL;
		char text[512];

		(void)snprintf(text, sizeof(text), SECRET(", default: %s"), defaults[i]);
		assert_int_equal(load_text(text, strlen(text), &set, NULL), 0);
		assert_string_equal(verdict_action_name(policy_set_secret(set, 0)->default_action), defaults[i]);
	}
}

/* ---------------------------------------------------------------- memory */

/* Which allocation from now on fails; 0: none. Sanitizers bring an allocator of their own, there the test is skipped.
 */
static unsigned long fail_at;

#if defined(__SANITIZE_ADDRESS__)
#define HAS_OWN_ALLOCATOR 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_OWN_ALLOCATOR 0
#endif
#endif
#ifndef HAS_OWN_ALLOCATOR
#define HAS_OWN_ALLOCATOR 1

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static bool fails(void)
{
	return fail_at && --fail_at == 0;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	return fails() ? NULL : __libc_realloc(memory, size);
}
#endif

static void survives_each_allocation_that_fails(void **state)
{
	static const char text[] =
		SECRET("") "  - name: t\n    class: test\n    paths: [/t, ~/t]\n    exclude: [/u]\n"
			   "    allow: [{name: a, exe: [/usr/bin/bash], uid: [1, 2], kinds: [open]}]\n"
			   "    default: deny\n    egress: {to: ['10.0.0.5']}\n";
	unsigned long at = 0;
	int r = -ENOMEM;

	(void)state;
	if (!HAS_OWN_ALLOCATOR) {
		print_message("# skip: the sanitizer has the allocator\n");
		skip();
	}
	while (r < 0 && at < 100000) {
		struct policy_set *set = untouched;
		struct error error = {.line = 0};

		fail_at = ++at;
		r = load_text(text, sizeof(text) - 1, &set, &error);
		fail_at = 0;
		if (r >= 0) {
			policy_set_free(set);
			continue;
		}
		assert_ptr_equal(set, untouched);
		if (r != -ENOMEM)
			fail_msg("allocation %lu: %d: %s", at, r, error.text);
		assert_true(error.text[0]);
	}
	assert_int_equal(r, 0);
	assert_true(at > 100);
}

/* ---------------------------------------------------------------- files */

static char directory[PATH_MAX];

static int make_directory(void **state)
{
	const char *top = getenv("TMPDIR");

	(void)state;
	(void)umask(022);
	(void)snprintf(directory, sizeof(directory), "%s/policy.XXXXXX", top && *top ? top : "/tmp");
	return mkdtemp(directory) ? 0 : -1;
}

static const char *const made[] = {"a.yaml", "b.yml", "c.txt", ".d.yaml", "e.yaml", "pipe"};

static const char *in_directory(const char *name)
{
	static char path[2][PATH_MAX + 16];
	static unsigned int turn;

	turn = !turn;
	(void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", directory, name);
	return path[turn];
}

static int empty_directory(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++)
		if (unlink(in_directory(made[i])) < 0 && errno == EISDIR)
			(void)rmdir(in_directory(made[i]));
	(void)rmdir(in_directory("e.yaml"));
	return 0;
}

static int remove_directory(void **state)
{
	(void)empty_directory(state);
	return rmdir(directory);
}

static const char *write_policy(const char *name, const char *policy, const char *secret)
{
	const char *path = in_directory(name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fprintf(file,
			    "apiVersion: secretsagent.io/v1\nkind: SecretPolicy\nmetadata: {name: %s}\nspec:\n"
			    "  secrets:\n  - {name: %s, class: c, paths: [/s]}\n",
			    policy, secret) > 0);
	assert_int_equal(fclose(file), 0);
	return path;
}

static int load_path(const char *path, struct policy_set **set, struct error *error)
{
	return policy_set_load(&path, 1, &POLICY_LIMITS_DEFAULT, set, error);
}

static void assert_path_refused(const char *path, int code, const char *file, const char *advice)
{
	struct policy_set *set = untouched;
	struct error error = {.line = 0};

	assert_int_equal(load_path(path, &set, &error), code);
	assert_ptr_equal(set, untouched);
	assert_string_equal(error.file, file);
	if (!strstr(error.text, advice))
		fail_msg("'%s' does not say '%s'", error.text, advice);
}

static void reads_the_policies_of_a_directory_by_name(void **state)
{
	_cleanup_(policy_set_freep) struct policy_set *set = NULL;
	struct error error = {.line = 0};

	(void)state;
	(void)write_policy("b.yml", "b", "second");
	(void)write_policy("a.yaml", "a", "first");
	(void)write_policy("c.txt", "c", "third");
	(void)write_policy(".d.yaml", "d", "fourth");
	if (load_path(directory, &set, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(policy_set_policy_count(set), 2);
	assert_string_equal(policy_set_secret(set, 0)->name, "first");
	assert_string_equal(policy_set_secret(set, 0)->policy_name, "a");
	assert_string_equal(policy_set_secret(set, 1)->name, "second");
}

static void refuses_a_directory_without_policies(void **state)
{
	(void)state;
	(void)write_policy("c.txt", "c", "third");
	assert_path_refused(directory, -EINVAL, directory, "no policy here; write one");
}

static void refuses_no_path_at_all(void **state)
{
	struct policy_set *set = untouched;
	struct error error = {.line = 0};

	(void)state;
	assert_int_equal(policy_set_load(NULL, 0, &POLICY_LIMITS_DEFAULT, &set, &error), -EINVAL);
	assert_true(error.text[0]);
}

static void refuses_a_directory_in_the_place_of_a_file(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in_directory("e.yaml"), 0755), 0);
	assert_path_refused(directory, -EISDIR, in_directory("e.yaml"), "is a directory: name a file");
}

static void refuses_a_file_that_is_not_there(void **state)
{
	(void)state;
	assert_path_refused(in_directory("a.yaml"), -ENOENT, in_directory("a.yaml"), "No such file");
}

static void refuses_a_pipe(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(in_directory("pipe"), 0600), 0);
	assert_path_refused(in_directory("pipe"), -EINVAL, in_directory("pipe"), "name a regular file");
}

static void refuses_a_file_that_others_may_write(void **state)
{
	const char *path = write_policy("a.yaml", "a", "first");

	(void)state;
	assert_int_equal(chmod(path, 0666), 0);
	assert_path_refused(path, -EPERM, path, "chmod go-w");
	assert_int_equal(chmod(path, 0664), 0);
	assert_path_refused(path, -EPERM, path, "chmod g-w");
}

static void refuses_a_directory_that_others_may_write(void **state)
{
	(void)state;
	(void)write_policy("a.yaml", "a", "first");
	assert_int_equal(chmod(directory, 0777), 0);
	assert_path_refused(directory, -EPERM, directory, "chmod go-w");
	assert_int_equal(chmod(directory, 0700), 0);
}

static void accepts_a_file_that_others_may_read(void **state)
{
	const char *path = write_policy("a.yaml", "a", "first");
	_cleanup_(policy_set_freep) struct policy_set *set = NULL;

	(void)state;
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(load_path(path, &set, NULL), 0);
}

static void refuses_ten_megabytes_of_garbage_by_their_size(void **state)
{
	const char *path = in_directory("a.yaml");
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 10 * 1024 * 1024), 0);
	assert_path_refused(path, -EFBIG, path, "larger than 1048576 bytes");
}

static void refuses_one_secret_in_two_files(void **state)
{
	char first[PATH_MAX + 64];

	(void)state;
	(void)snprintf(first, sizeof(first), "the first is in %s:6", write_policy("a.yaml", "a", "same"));
	(void)write_policy("b.yml", "b", "same");
	assert_path_refused(directory, -EINVAL, in_directory("b.yml"), first);
}

static void refuses_one_policy_in_two_files(void **state)
{
	(void)state;
	(void)write_policy("a.yaml", "same", "first");
	(void)write_policy("b.yml", "same", "second");
	assert_path_refused(directory, -EINVAL, in_directory("b.yml"), "a second policy \"same\"");
}

static void refuses_more_files_than_the_limit(void **state)
{
	struct policy_limits limits = {.max_files = 1, .max_secrets = 10};
	const char *path = directory;
	struct policy_set *set = untouched;
	struct error error = {.line = 0};

	(void)state;
	(void)write_policy("a.yaml", "a", "first");
	(void)write_policy("b.yml", "b", "second");
	assert_int_equal(policy_set_load(&path, 1, &limits, &set, &error), -E2BIG);
	assert_non_null(strstr(error.text, "raise policy.max_files"));
}

#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, NULL, empty_directory)

int main(void)
{
	struct CMUnitTest bad[sizeof(bad_texts) / sizeof(*bad_texts)] = {{.name = NULL}};
	const struct CMUnitTest texts[] = {
		cmocka_unit_test(accepts_all_that_the_shape_has),
		cmocka_unit_test(accepts_line_ends_of_other_systems),
		cmocka_unit_test(refuses_a_path_of_4096_bytes),
		cmocka_unit_test(refuses_more_values_than_fit),
		cmocka_unit_test(refuses_more_secrets_than_the_limit),
		cmocka_unit_test(warns_of_what_is_probably_not_meant),
		cmocka_unit_test(warns_of_a_kill_that_never_comes),
		cmocka_unit_test(refuses_65_destinations),
		cmocka_unit_test(speaks_the_names_of_accesses_and_verdicts),
		cmocka_unit_test(survives_each_allocation_that_fails),
	};
	const struct CMUnitTest files[] = {
		FILE_TEST(reads_the_policies_of_a_directory_by_name),
		FILE_TEST(refuses_a_directory_without_policies),
		FILE_TEST(refuses_no_path_at_all),
		FILE_TEST(refuses_a_directory_in_the_place_of_a_file),
		FILE_TEST(refuses_a_file_that_is_not_there),
		FILE_TEST(refuses_a_pipe),
		FILE_TEST(refuses_a_file_that_others_may_write),
		FILE_TEST(refuses_a_directory_that_others_may_write),
		FILE_TEST(accepts_a_file_that_others_may_read),
		FILE_TEST(refuses_ten_megabytes_of_garbage_by_their_size),
		FILE_TEST(refuses_one_secret_in_two_files),
		FILE_TEST(refuses_one_policy_in_two_files),
		FILE_TEST(refuses_more_files_than_the_limit),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		bad[i] = (struct CMUnitTest){.name = bad_texts[i].name,
					     .test_func = refuses_a_bad_text,
					     .initial_state = (void *)(uintptr_t)&bad_texts[i]};
	return cmocka_run_group_tests_name("policy file: text", texts, NULL, NULL) +
	       cmocka_run_group_tests_name("policy file: bad text", bad, NULL, NULL) +
	       cmocka_run_group_tests_name("policy file: files", files, make_directory, remove_directory);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "config.h"

struct fixture {
	struct config config;
	struct error error;
	char directory[256];
	char path[300];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const char *parent = getenv("TMPDIR");

	if (!fixture)
		return -1;
	config_init(&fixture->config);
	(void)snprintf(fixture->directory, sizeof(fixture->directory), "%s/test_config.XXXXXX",
		       parent ? parent : "/tmp");
	if (!mkdtemp(fixture->directory))
		return -1;
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/sagentd.yaml", fixture->directory);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	config_release(&fixture->config);
	(void)unlink(fixture->path);
	(void)rmdir(fixture->directory);
	free(fixture);
	return 0;
}

static int load(struct fixture *fixture, const char *text)
{
	fixture->error.text[0] = '\0';
	return config_load_text(&fixture->config, "test.yaml", text, strlen(text), &fixture->error);
}

static void write_file(const struct fixture *fixture, const char *text, mode_t mode)
{
	int fd = open(fixture->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static char *dump(const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	assert_int_equal(config_dump(config, stream), 0);
	assert_int_equal(fclose(stream), 0);
	return text;
}

static void has_the_documented_defaults(void **state)
{
	const struct config *config = &((struct fixture *)*state)->config;

	assert_string_equal(config->state_dir, "/var/lib/secrets-agent");
	assert_string_equal(config->run_dir, "/run/secrets-agent");
	assert_int_equal(config->policies_count, 1);
	assert_string_equal(config->policies[0], "/etc/secrets-agent/policies");
	assert_int_equal(config->backend, CONFIG_BACKEND_AUTO);
	assert_int_equal(config->output_format, CONFIG_OUTPUT_NONE);
	assert_string_equal(config->output_file, "");
	assert_int_equal(config->log_level, LOG_LEVEL_INFO);
	assert_int_equal(config->sensor_flush_interval_ms, 1000);
	assert_int_equal(config->sensor_max_files, 262144);
	assert_true(config->identity_hash);
	assert_int_equal(config->store_queue_max, 65536);
	assert_string_equal(config->control_group, "root");
	assert_int_equal(config->policy_max_secrets, 4096);
}

static void reads_nested_and_dotted_keys(void **state)
{
	struct fixture *fixture = *state;
	const struct config *config = &fixture->config;

	assert_int_equal(load(fixture, "# comment\n"
				       "state_dir: /srv/state\n"
				       "backend: lsm\n"
				       "output: {format: json, file: \"/var/log/a b.json\"}\n"
				       "log.level: debug\n"
				       "identity:\n  hash: false\n"
				       "sensor:\n  access_ring_kib: 4096\n  max_files: 4194304\n"
				       "control:\n  group: 'wheel'\n"
				       "policies:\n  - /a\n  - /b\n"),
			 0);
	assert_string_equal(config->state_dir, "/srv/state");
	assert_int_equal(config->backend, CONFIG_BACKEND_LSM);
	assert_int_equal(config->output_format, CONFIG_OUTPUT_JSON);
	assert_string_equal(config->output_file, "/var/log/a b.json");
	assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
	assert_false(config->identity_hash);
	assert_int_equal(config->sensor_access_ring_kib, 4096);
	assert_int_equal(config->sensor_max_files, 4194304);
	assert_string_equal(config->control_group, "wheel");
	assert_int_equal(config->policies_count, 2);
	assert_string_equal(config->policies[1], "/b");
}

static void a_later_file_replaces_the_list_of_policies(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(load(fixture, "policies: [/a, /b]\n"), 0);
	assert_int_equal(load(fixture, "policies: [/c]\n"), 0);
	assert_int_equal(load(fixture, "backend: lsm\n"), 0);
	assert_int_equal(fixture->config.policies_count, 1);
	assert_string_equal(fixture->config.policies[0], "/c");
}

struct bad {
	const char *name, *text;
	int line;
	const char *message;
};

static struct bad bad[] = {
	{"refuses_an_unknown_key", "backend: lsm\ncolour: red\n", 2, "'colour' is no key: sagentd --dump-config"},
	{"suggests_the_nearest_key", "sensor:\n  max_file: 2000\n", 2,
	 "'sensor.max_file' is no key: did you mean sensor.max_files"},
	{"suggests_the_nearest_key_on_top", "polices: [/a]\n", 1, "did you mean policies"},
	{"suggests_the_group_that_was_left_out", "format: json\n", 1, "did you mean output.format"},
	{"refuses_a_wrong_type_for_a_number", "store:\n  max_mib: lots\n", 2,
	 "store.max_mib cannot be 'lots': write a number from 8 to 1048576"},
	{"refuses_a_number_out_of_range", "store:\n  max_mib: 7\n", 2, "write a number from 8 to 1048576"},
	{"refuses_a_negative_number", "store: {max_mib: -8}\n", 1, "cannot be '-8'"},
	{"refuses_a_number_beyond_64_bits", "store: {max_mib: 99999999999999999999999}\n", 1, "write a number from 8"},
	{"refuses_a_fraction", "store: {max_mib: 8.5}\n", 1, "cannot be '8.5'"},
	{"refuses_a_quoted_number", "store: {max_mib: '8'}\n", 1, "store.max_mib: write 8 without quotes"},
	{"refuses_what_is_no_power_of_two", "sensor: {access_ring_kib: 1000}\n", 1, "a power of two from 64 to 65536"},
	{"refuses_an_unknown_name", "backend: ebpf\n", 1,
	 "backend cannot be 'ebpf': write auto, lsm, fentry or tracepoint"},
	{"refuses_another_word_for_true", "store: {enabled: yes}\n", 1, "write true or false"},
	{"refuses_a_relative_path", "state_dir: state\n", 1, "write an absolute path"},
	{"refuses_an_empty_path", "state_dir: ''\n", 1, "state_dir cannot be empty"},
	{"refuses_a_missing_value", "state_dir:\nbackend: lsm\n", 1, "state_dir has no value"},
	{"refuses_a_list_for_a_value", "state_dir: [/a]\n", 1, "state_dir takes an absolute path"},
	{"refuses_a_mapping_for_a_value", "backend: {a: b}\n", 1, "backend takes auto, lsm"},
	{"refuses_a_value_for_a_group", "output: json\n", 1,
	 "'output' is a group of keys: write them below it, as in 'output: {format: none}'"},
	{"refuses_a_value_for_a_list", "policies: /a\n", 1, "policies takes a list"},
	{"refuses_an_empty_list", "policies: []\n", 1, "at least one path"},
	{"refuses_a_relative_path_in_a_list", "policies:\n  - /a\n  - b\n", 3, "write an absolute path"},
	{"refuses_a_mapping_in_a_list", "policies:\n  - /a\n  - b: c\n", 3, "policies takes a list"},
	{"refuses_a_key_twice", "backend: lsm\nbackend: lsm\n", 2, "backend is written twice"},
	{"refuses_a_key_twice_in_two_forms", "log: {level: info}\nlog.level: info\n", 2, "log.level is written twice"},
	{"refuses_a_group_twice", "store: {max_mib: 8}\nlog: {level: info}\nstore: {enabled: true}\n", 3,
	 "'store' is written twice"},
	{"refuses_a_key_that_is_no_name", "? [a]\n: b\n", 1, "a key must be a name"},
	{"refuses_control_characters", "control: {group: \"a\\nb\"}\n", 1, "control character"},
	{"refuses_text_that_is_too_long",
	 "control: {socket: "
	 "/012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
	 "8}\n",
	 1, "write at most 107"},
	{"refuses_an_empty_file", "", 0, "is empty"},
	{"refuses_a_file_of_comments", "# nothing\n", 0, "is empty"},
	{"refuses_a_list_for_a_file", "- a\n", 1, "must be 'key: value' lines"},
	{"refuses_a_word_for_a_file", "hello\n", 1, "must be 'key: value' lines"},
	{"refuses_two_documents", "backend: lsm\n---\nbackend: lsm\n", 2, "second YAML document"},
	{"refuses_broken_yaml", "backend: lsm\nstore: {\n", 3, "is not YAML"},
	{"refuses_a_tab_as_indentation", "store:\n\tmax_mib: 8\n", 2, "is not YAML"},
	{"refuses_bytes_that_are_not_utf8", "backend: \xff\xfe\n", 1, "is not YAML text"},
	{"refuses_a_loop_of_aliases", "store: &a\n  enabled: *a\n", 1, "store.enabled takes true or false"},
};

static void refuses_a_bad_text(void **state)
{
	const struct bad *row = *state;
	struct config config;
	struct error error = {.text = ""};
	char *before, *after;

	config_init(&config);
	before = dump(&config);
	assert_int_equal(config_load_text(&config, "test.yaml", row->text, strlen(row->text), &error), -EINVAL);
	if (!strstr(error.text, row->message))
		fail_msg("got: %s", error.text);
	assert_int_equal(error.line, row->line);
	assert_string_equal(error.file, "test.yaml");
	after = dump(&config);
	assert_string_equal(before, after);
	free(before);
	free(after);
	config_release(&config);
}

static void uses_nothing_of_a_file_with_an_error(void **state)
{
	struct fixture *fixture = *state;
	char *before, *after;

	assert_int_equal(load(fixture, "policies: [/kept]\n"), 0);
	before = dump(&fixture->config);
	assert_int_equal(load(fixture, "backend: lsm\npolicies: [/new]\nstate_dir: /new\nnonsense: 1\n"), -EINVAL);
	after = dump(&fixture->config);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void reads_a_file_we_own(void **state)
{
	struct fixture *fixture = *state;

	write_file(fixture, "backend: fentry\n", 0640);
	assert_int_equal(config_load(&fixture->config, fixture->path, &fixture->error), 0);
	assert_int_equal(fixture->config.backend, CONFIG_BACKEND_FENTRY);
}

static void refuses_a_file_others_can_write(void **state)
{
	struct fixture *fixture = *state;

	write_file(fixture, "backend: fentry\n", 0666);
	assert_int_equal(config_load(&fixture->config, fixture->path, &fixture->error), -EPERM);
	assert_non_null(strstr(fixture->error.text, "chmod"));
	assert_int_equal(fixture->config.backend, CONFIG_BACKEND_AUTO);
}

static void refuses_no_file_and_a_directory(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(config_load(&fixture->config, fixture->path, NULL), -ENOENT);
	assert_int_equal(config_load(&fixture->config, fixture->directory, &fixture->error), -EISDIR);
}

static void refuses_ten_megabytes_of_garbage(void **state)
{
	struct fixture *fixture = *state;

	write_file(fixture, "", 0600);
	assert_int_equal(truncate(fixture->path, 10 * 1000 * 1000), 0);
	assert_int_equal(config_load(&fixture->config, fixture->path, &fixture->error), -EFBIG);
	assert_string_equal(fixture->error.file, fixture->path);
}

static void sets_keys_of_every_type_from_assignments(void **state)
{
	struct fixture *fixture = *state;
	struct config *config = &fixture->config;

	assert_int_equal(config_set(config, "identity.args=false", NULL), 0);
	assert_int_equal(config_set(config, "store.max_mib=1048576", NULL), 0);
	assert_int_equal(config_set(config, "sensor.process_ring_kib=64", NULL), 0);
	assert_int_equal(config_set(config, "output.format=table", NULL), 0);
	assert_int_equal(config_set(config, "control.group=a=b", NULL), 0);
	assert_int_equal(config_set(config, "output.file=/var/log/x", NULL), 0);
	assert_int_equal(config_set(config, "output.file=", NULL), 0);
	assert_false(config->identity_args);
	assert_int_equal(config->store_max_mib, 1048576);
	assert_int_equal(config->sensor_process_ring_kib, 64);
	assert_int_equal(config->output_format, CONFIG_OUTPUT_TABLE);
	assert_string_equal(config->control_group, "a=b");
	assert_string_equal(config->output_file, "");
}

static void takes_relative_paths_from_the_working_directory(void **state)
{
	struct fixture *fixture = *state;
	static const char *const paths[] = {"some/policy.yaml", "/b"};
	char directory[PATH_MAX], expected[PATH_MAX + 64];

	assert_non_null(getcwd(directory, sizeof(directory)));
	(void)snprintf(expected, sizeof(expected), "%s/some/policy.yaml", directory);
	assert_int_equal(config_set(&fixture->config, "state_dir=some/policy.yaml", NULL), 0);
	assert_string_equal(fixture->config.state_dir, expected);
	assert_int_equal(config_set(&fixture->config, "policies=some/policy.yaml", NULL), 0);
	assert_string_equal(fixture->config.policies[0], expected);
	assert_int_equal(config_set_policies(&fixture->config, paths, 2, NULL), 0);
	assert_int_equal(fixture->config.policies_count, 2);
	assert_string_equal(fixture->config.policies[0], expected);
	assert_string_equal(fixture->config.policies[1], "/b");
}

static void sets_a_list_from_an_assignment(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(config_set(&fixture->config, "policies=[/a, \"/b, c\"]", &fixture->error), 0);
	assert_int_equal(fixture->config.policies_count, 2);
	assert_string_equal(fixture->config.policies[1], "/b, c");
}

static void refuses_bad_assignments(void **state)
{
	static const struct {
		const char *assignment, *message;
	} rows[] = {
		{"backend", "write key=value"},
		{"=lsm", "write key=value"},
		{"backend=", "cannot be ''"},
		{"backend=LSM", "write auto, lsm"},
		{"log=debug", "'log' is no key"},
		{"log.lvel=debug", "did you mean log.level"},
		{"level=debug", "did you mean log.level"},
		{"store.max_mib=0x10", "cannot be '0x10'"},
		{"store.max_mib= 8", "cannot be ' 8'"},
		{"state_dir=", "cannot be empty"},
		{"state_dir=/a\nb", "control character"},
		{"state_dir=/a\xff", "UTF-8"},
		{"policies=", "absolute path"},
		{"policies=[", "is not YAML"},
		{"policies=[/a]\nbackend: lsm", "one line"},
	};
	struct fixture *fixture = *state;
	char *before = dump(&fixture->config), *after;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error error = {.text = ""};

		assert_int_equal(config_set(&fixture->config, rows[i].assignment, &error), -EINVAL);
		if (!strstr(error.text, rows[i].message))
			fail_msg("%s: got: %s", rows[i].assignment, error.text);
	}
	after = dump(&fixture->config);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void refuses_too_many_or_no_policies(void **state)
{
	struct fixture *fixture = *state;
	const char *paths[CONFIG_POLICIES_MAX + 1];

	for (size_t i = 0; i < CONFIG_POLICIES_MAX + 1; i++)
		paths[i] = "/a";
	assert_int_equal(config_set_policies(&fixture->config, paths, 0, NULL), -EINVAL);
	assert_int_equal(config_set_policies(&fixture->config, paths, CONFIG_POLICIES_MAX + 1, NULL), -EINVAL);
	assert_int_equal(config_set_policies(&fixture->config, paths, CONFIG_POLICIES_MAX, NULL), 0);
}

static void dumps_what_it_reads_back(void **state)
{
	struct fixture *fixture = *state;
	struct config again;
	char *first, *second;

	assert_int_equal(
		load(fixture,
		     "state_dir: '/a \"quoted\\name\" \xc3\xa9'\npolicies: ['/x, y', /z]\nlog: {level: error}\n"),
		0);
	first = dump(&fixture->config);
	config_init(&again);
	if (config_load_text(&again, NULL, first, strlen(first), &fixture->error) < 0)
		fail_msg("line %d: %s", fixture->error.line, fixture->error.text);
	second = dump(&again);
	assert_string_equal(first, second);
	assert_string_equal(again.state_dir, fixture->config.state_dir);
	free(first);
	free(second);
	config_release(&again);
}

static void reports_a_full_disk_while_dumping(void **state)
{
	struct fixture *fixture = *state;
	FILE *full = fopen("/dev/full", "we");

	assert_non_null(full);
	assert_int_equal(config_dump(&fixture->config, full), -ENOSPC);
	(void)fclose(full);
}

/* The tests run from the root of the tree. */
static void is_documented_as_generated(void **state)
{
	struct buffer committed = BUFFER_INIT(1 << 20);
	char *generated = NULL;
	size_t size;
	FILE *stream = open_memstream(&generated, &size);

	(void)state;
	assert_non_null(stream);
	assert_int_equal(config_write_documentation(stream), 0);
	assert_int_equal(fclose(stream), 0);
	assert_int_equal(file_read("docs/configuration.md", &committed, NULL), 0);
	if (strcmp(committed.data, generated) != 0)
		fail_msg("docs/configuration.md is out of date: run `make docs`");
	free(generated);
	buffer_release(&committed);
}

static void releases_twice_and_nothing(void **state)
{
	struct config config;

	(void)state;
	config_init(&config);
	assert_int_equal(config_set(&config, "policies=/a", NULL), 0);
	config_release(&config);
	config_release(&config);
	config_release(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static const struct CMUnitTest named[] = {
	TEST(has_the_documented_defaults),
	TEST(reads_nested_and_dotted_keys),
	TEST(a_later_file_replaces_the_list_of_policies),
	TEST(uses_nothing_of_a_file_with_an_error),
	TEST(reads_a_file_we_own),
	TEST(refuses_a_file_others_can_write),
	TEST(refuses_no_file_and_a_directory),
	TEST(refuses_ten_megabytes_of_garbage),
	TEST(sets_keys_of_every_type_from_assignments),
	TEST(takes_relative_paths_from_the_working_directory),
	TEST(sets_a_list_from_an_assignment),
	TEST(refuses_bad_assignments),
	TEST(refuses_too_many_or_no_policies),
	TEST(dumps_what_it_reads_back),
	TEST(reports_a_full_disk_while_dumping),
	TEST(is_documented_as_generated),
	TEST(releases_twice_and_nothing),
};

#define NAMED (sizeof(named) / sizeof(named[0]))
#define ROWS  (sizeof(bad) / sizeof(bad[0]))

int main(void)
{
	struct CMUnitTest tests[NAMED + ROWS];

	memcpy(tests, named, sizeof(named));
	for (size_t i = 0; i < ROWS; i++)
		tests[NAMED + i] = (struct CMUnitTest){
			.name = bad[i].name, .test_func = refuses_a_bad_text, .initial_state = &bad[i]};
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}

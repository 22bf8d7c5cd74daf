/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "options.h"

#define ARGUMENTS_MAX 16

struct fixture {
	struct options options;
	bool is_parsed;
	struct error error;
	char directory[256];
	char path[300]; /* of a config file */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *parent = getenv("TMPDIR");

	assert_non_null(f);
	(void)snprintf(f->directory, sizeof(f->directory), "%s/test_options.XXXXXX", parent ? parent : "/tmp");
	assert_non_null(mkdtemp(f->directory));
	(void)snprintf(f->path, sizeof(f->path), "%s/sagentd.yaml", f->directory);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	if (f->is_parsed)
		options_release(&f->options);
	(void)unlink(f->path);
	(void)rmdir(f->directory);
	free(f);
	return 0;
}

static void write_config(const struct fixture *f, const char *text)
{
	FILE *file = fopen(f->path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* As given to main(), after the name of the program; the last is NULL. */
static int try(struct fixture *f, const char *const *arguments)
{
	char *argv[ARGUMENTS_MAX + 2] = {strdup("sagentd")};
	int argc = 1;
	int r;

	for (; arguments[argc - 1]; argc++) {
		assert_in_range(argc, 1, ARGUMENTS_MAX);
		argv[argc] = strdup(arguments[argc - 1]);
	}
	if (f->is_parsed)
		options_release(&f->options);
	memset(&f->error, 0, sizeof(f->error));
	r = options_parse(&f->options, argc, argv, &f->error);
	f->is_parsed = r == 0;
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return r;
}

#define TRY(f, ...)   try((f), (const char *const[]){__VA_ARGS__, NULL})
#define PARSE(f, ...) assert_int_equal(TRY((f), __VA_ARGS__), 0)
/* Refused, with an error that has the words. */
#define REFUSE(f, words, ...)                                                         \
	do {                                                                          \
		assert_int_equal(TRY((f), __VA_ARGS__), -EINVAL);                     \
		if (!strstr((f)->error.text, (words)))                                \
			fail_msg("'%s' does not say '%s'", (f)->error.text, (words)); \
	} while (0)

/* ---------------------------------------------------------------- each option */

static void runs_with_the_defaults(void **state)
{
	struct fixture *f = *state;

	write_config(f, "log: {level: info}\n"); /* in place of the host's own */
	PARSE(f, "--config", f->path);
	assert_int_equal(f->options.action, ACTION_RUN);
	assert_false(f->options.probe_as_json);
	assert_string_equal(f->options.config.state_dir, "/var/lib/secrets-agent");
	assert_int_equal(f->options.config.output_format, CONFIG_OUTPUT_NONE);
}

static void sets_what_each_option_says(void **state)
{
	struct fixture *f = *state;
	const struct config *config = &f->options.config;

	write_config(f, "log: {level: info}\n");
	PARSE(f, "--config", f->path, "--policy", "/p/one.yaml", "--policy=/p/two", "--state-dir", "/s", "--backend",
	      "tracepoint", "--output", "json", "--output-file=/o", "--set", "log.level=debug",
	      "--set=policy.max_files=7");
	assert_int_equal(f->options.action, ACTION_RUN);
	assert_int_equal(config->policies_count, 2);
	assert_string_equal(config->policies[0], "/p/one.yaml");
	assert_string_equal(config->policies[1], "/p/two");
	assert_string_equal(config->state_dir, "/s");
	assert_int_equal(config->backend, CONFIG_BACKEND_TRACEPOINT);
	assert_int_equal(config->output_format, CONFIG_OUTPUT_JSON);
	assert_string_equal(config->output_file, "/o");
	assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(config->policy_max_files, 7);
}

static void takes_each_action(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *option;
		enum options_action action;
	} rows[] = {
		{"--check", ACTION_CHECK},     {"--probe", ACTION_PROBE}, {"--dump-config", ACTION_DUMP_CONFIG},
		{"--version", ACTION_VERSION}, {"--help", ACTION_HELP},
	};

	write_config(f, "log: {level: info}\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		PARSE(f, "--config", f->path, rows[i].option);
		assert_int_equal(f->options.action, rows[i].action);
	}
}

static void takes_each_backend_and_output(void **state)
{
	struct fixture *f = *state;
	static const char *const backends[] = {"auto", "lsm", "fentry", "tracepoint"};
	static const char *const outputs[] = {"table", "json", "none"};

	write_config(f, "log: {level: info}\n");
	for (unsigned int i = 0; i < CONFIG_BACKEND_COUNT; i++) {
		PARSE(f, "--config", f->path, "--backend", backends[i]);
		assert_int_equal(f->options.config.backend, i);
	}
	for (unsigned int i = 0; i < CONFIG_OUTPUT_COUNT; i++) {
		PARSE(f, "--config", f->path, "--output", outputs[i]);
		assert_int_equal(f->options.config.output_format, i);
	}
}

static void probes_as_json_only_when_asked_for_both(void **state)
{
	struct fixture *f = *state;

	write_config(f, "log: {level: info}\n");
	PARSE(f, "--config", f->path, "--output", "json", "--probe");
	assert_true(f->options.probe_as_json);
	PARSE(f, "--config", f->path, "--probe", "--output", "json");
	assert_true(f->options.probe_as_json);
	PARSE(f, "--config", f->path, "--probe", "--output", "table");
	assert_false(f->options.probe_as_json);
	PARSE(f, "--config", f->path, "--output", "json");
	assert_false(f->options.probe_as_json);
}

static void helps_with_each_option(void **state)
{
	static const char *const names[] = {"--config", "--policy",      "--state-dir", "--backend",
					    "--output", "--output-file", "--set",       "--check",
					    "--probe",  "--dump-config", "--version",   "--help"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char needle[32];

		(void)snprintf(needle, sizeof(needle), "  %s ", names[i]);
		assert_non_null(strstr(options_help(), needle));
	}
}

/* ---------------------------------------------------------------- which wins */

static void lays_the_command_line_over_the_file(void **state)
{
	struct fixture *f = *state;
	const struct config *config = &f->options.config;

	write_config(f, "state_dir: /file\nbackend: lsm\noutput: {format: table, file: /file}\npolicies: [/a, /b]\n"
			"log: {level: error}\n");
	PARSE(f, "--config", f->path);
	assert_string_equal(config->state_dir, "/file");
	assert_int_equal(config->backend, CONFIG_BACKEND_LSM);
	assert_int_equal(config->policies_count, 2);
	/* The file is read first, wherever it is named. */
	PARSE(f, "--state-dir", "/line", "--backend", "auto", "--output", "none", "--policy", "/line.yaml", "--config",
	      f->path);
	assert_string_equal(config->state_dir, "/line");
	assert_int_equal(config->backend, CONFIG_BACKEND_AUTO);
	assert_int_equal(config->output_format, CONFIG_OUTPUT_NONE);
	assert_string_equal(config->output_file, "/file");
	assert_int_equal(config->log_level, LOG_LEVEL_ERROR);
	assert_int_equal(config->policies_count, 1);
	assert_string_equal(config->policies[0], "/line.yaml");
}

static void lets_the_last_of_two_win(void **state)
{
	struct fixture *f = *state;

	write_config(f, "log: {level: info}\n");
	PARSE(f, "--config", "/nonexistent", "--config", f->path, "--state-dir", "/one", "--set", "state_dir=/two",
	      "--set", "log.level=debug", "--set", "log.level=error", "--check", "--probe");
	assert_string_equal(f->options.config.state_dir, "/two");
	assert_int_equal(f->options.config.log_level, LOG_LEVEL_ERROR);
	assert_int_equal(f->options.action, ACTION_PROBE);
	PARSE(f, "--config", f->path, "--set", "state_dir=/two", "--state-dir", "/one");
	assert_string_equal(f->options.config.state_dir, "/one");
}

static void takes_relative_paths_from_the_working_directory(void **state)
{
	struct fixture *f = *state;
	char before[PATH_MAX], expected[PATH_MAX + 300];
	const char *here = f->directory;

	assert_non_null(getcwd(before, sizeof(before)));
	write_config(f, "log: {level: error}\n");
	assert_int_equal(chdir(f->directory), 0);
	PARSE(f, "--config", "sagentd.yaml", "--policy", "p.yaml", "--state-dir", "state", "--output-file", "out.json",
	      "--set", "run_dir=run");
	assert_int_equal(chdir(before), 0);
	assert_int_equal(f->options.config.log_level, LOG_LEVEL_ERROR);
	(void)snprintf(expected, sizeof(expected), "%s/p.yaml", here);
	assert_string_equal(f->options.config.policies[0], expected);
	(void)snprintf(expected, sizeof(expected), "%s/state", here);
	assert_string_equal(f->options.config.state_dir, expected);
	(void)snprintf(expected, sizeof(expected), "%s/out.json", here);
	assert_string_equal(f->options.config.output_file, expected);
	(void)snprintf(expected, sizeof(expected), "%s/run", here);
	assert_string_equal(f->options.config.run_dir, expected);
}

/* ---------------------------------------------------------------- what is refused */

static void refuses_what_is_no_option(void **state)
{
	struct fixture *f = *state;

	REFUSE(f, "'--polcy'", "--polcy", "/x");
	REFUSE(f, "'-x'", "-x");
	REFUSE(f, "'-x'", "--check", "-xyz");
	REFUSE(f, "'-'", "-");
	REFUSE(f, "'stray'", "--check", "stray");
	REFUSE(f, "'stray'", "stray", "--check");
	REFUSE(f, "'--check'", "--", "--check");
	REFUSE(f, "--check=yes", "--check=yes");
	REFUSE(f, "--help", "--nonsense");
}

/* What one parse left half read must not be part of the next. */
static void parses_as_before_after_a_refusal(void **state)
{
	struct fixture *f = *state;

	write_config(f, "log: {level: info}\n");
	REFUSE(f, "'-x'", "-xyz");
	PARSE(f, "--config", f->path, "--check");
	assert_int_equal(f->options.action, ACTION_CHECK);
}

static void refuses_an_option_without_its_value(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"--config", "--policy",      "--state-dir", "--backend",
					    "--output", "--output-file", "--set"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		REFUSE(f, "needs a value", "--check", names[i]);
		assert_non_null(strstr(f->error.text, names[i]));
	}
}

static void refuses_values_that_the_key_does_not_take(void **state)
{
	struct fixture *f = *state;

	write_config(f, "log: {level: info}\n");
	REFUSE(f, "backend", "--config", f->path, "--backend", "kprobe");
	REFUSE(f, "output.format", "--config", f->path, "--output", "xml");
	REFUSE(f, "log.level", "--config", f->path, "--set", "log.level=loud");
	REFUSE(f, "key=value", "--config", f->path, "--set", "log.level");
	REFUSE(f, "log.level", "--config", f->path, "--set", "log.lvel=info");
	REFUSE(f, "state_dir", "--config", f->path, "--state-dir", "");
}

static void refuses_a_config_file_that_is_bad_or_not_there(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(TRY(f, "--config", "/nonexistent/sagentd.yaml"), -ENOENT);
	assert_string_equal(f->error.file, "/nonexistent/sagentd.yaml");
	assert_int_equal(TRY(f, "--config", f->directory), -EISDIR);
	write_config(f, "log:\n  levle: info\n");
	assert_int_equal(TRY(f, "--config", f->path), -EINVAL);
	assert_string_equal(f->error.file, f->path);
	assert_int_equal(f->error.line, 2);
}

/* Whoever asks how to use it is told, whatever is wrong with the configuration. */
static void helps_although_the_config_file_is_bad(void **state)
{
	struct fixture *f = *state;

	write_config(f, "nonsense\n");
	PARSE(f, "--config", f->path, "--help");
	assert_int_equal(f->options.action, ACTION_HELP);
	PARSE(f, "--version", "--config", "/nonexistent/sagentd.yaml");
	assert_int_equal(f->options.action, ACTION_VERSION);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(runs_with_the_defaults),
		TEST(sets_what_each_option_says),
		TEST(takes_each_action),
		TEST(takes_each_backend_and_output),
		TEST(probes_as_json_only_when_asked_for_both),
		TEST(helps_with_each_option),
		TEST(lays_the_command_line_over_the_file),
		TEST(lets_the_last_of_two_win),
		TEST(takes_relative_paths_from_the_working_directory),
		TEST(refuses_what_is_no_option),
		TEST(parses_as_before_after_a_refusal),
		TEST(refuses_an_option_without_its_value),
		TEST(refuses_values_that_the_key_does_not_take),
		TEST(refuses_a_config_file_that_is_bad_or_not_there),
		TEST(helps_although_the_config_file_is_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

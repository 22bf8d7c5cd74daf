/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

enum option_id {
	OPTION_CONFIG = 256,
	OPTION_POLICY,
	OPTION_STATE_DIR,
	OPTION_BACKEND,
	OPTION_OUTPUT,
	OPTION_OUTPUT_FILE,
	OPTION_SET,
	OPTION_CHECK,
	OPTION_PROBE,
	OPTION_DETACH,
	OPTION_DUMP_CONFIG,
	OPTION_VERSION,
	OPTION_HELP,
};

/* What an option does: it picks an action (the last one counts), or it is a key of the config by another name. */
struct option_row {
	enum option_id id;
	const char *key; /* NULL: none of the config */
	enum options_action action;
};

static const struct option_row rows[] = {
	{OPTION_STATE_DIR, "state_dir", ACTION_RUN},  {OPTION_BACKEND, "backend", ACTION_RUN},
	{OPTION_OUTPUT, "output.format", ACTION_RUN}, {OPTION_OUTPUT_FILE, "output.file", ACTION_RUN},
	{OPTION_CHECK, NULL, ACTION_CHECK},           {OPTION_PROBE, NULL, ACTION_PROBE},
	{OPTION_DETACH, NULL, ACTION_DETACH},         {OPTION_DUMP_CONFIG, NULL, ACTION_DUMP_CONFIG},
	{OPTION_VERSION, NULL, ACTION_VERSION},       {OPTION_HELP, NULL, ACTION_HELP},
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"policy", required_argument, NULL, OPTION_POLICY},
	{"state-dir", required_argument, NULL, OPTION_STATE_DIR},
	{"backend", required_argument, NULL, OPTION_BACKEND},
	{"output", required_argument, NULL, OPTION_OUTPUT},
	{"output-file", required_argument, NULL, OPTION_OUTPUT_FILE},
	{"set", required_argument, NULL, OPTION_SET},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"probe", no_argument, NULL, OPTION_PROBE},
	{"detach", no_argument, NULL, OPTION_DETACH},
	{"dump-config", no_argument, NULL, OPTION_DUMP_CONFIG},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

static const char help_text[] =
	"Usage: sagentd [OPTION]...\n"
	"Shows and records which process reads which secret on this host.\n"
	"\n"
	"  --config FILE        read this configuration (default: " OPTIONS_CONFIG_DEFAULT ", if it is there)\n"
	"  --policy FILE|DIR    take policies from here; may be given more than once\n"
	"  --state-dir DIR      keep history here (default: /var/lib/secrets-agent)\n"
	"  --backend NAME       auto, lsm, fentry or tracepoint (default: auto, the best that this kernel allows)\n"
	"  --output NAME        table, json or none\n"
	"  --output-file FILE   write that there instead of to standard output\n"
	"  --set KEY=VALUE      set any configuration key; may be given more than once\n"
	"  --check              read configuration and policies, say whether they are good, and exit\n"
	"  --probe              say what this kernel allows and which backend would be chosen, and exit;\n"
	"                       with --output json as JSON\n"
	"  --detach             take away what stays attached when a daemon of tier lsm ends, and exit\n"
	"  --dump-config        print the configuration with all defaults, and exit\n"
	"  --version            print the version, and exit\n"
	"  --help               print this, and exit\n"
	"\n"
	"Signals: SIGHUP reads the policies again, SIGTERM and SIGINT end it.\n"
	"Exit status: 0 ended as asked, 1 failed, 2 wrong usage, configuration or policy.\n";

const char *options_help(void)
{
	return help_text;
}

static const struct option_row *row_of(int id)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if ((int)rows[i].id == id)
			return &rows[i];
	}
	return NULL;
}

static int set_key(struct config *config, const char *key, const char *value, struct error *error)
{
	_cleanup_(freep) char *assignment = NULL;

	if (asprintf(&assignment, "%s=%s", key, value) < 0) {
		assignment = NULL;
		return -ENOMEM;
	}
	return config_set(config, assignment, error);
}

/* One option of the second pass, when the file has been read. */
static int apply(struct options *options, int id, const char *value, const char **policies, size_t *policies_count,
		 struct error *error)
{
	const struct option_row *row = row_of(id);

	switch (id) {
	case OPTION_CONFIG:
		return 0;
	case OPTION_POLICY:
		policies[(*policies_count)++] = value;
		return 0;
	case OPTION_SET:
		return config_set(&options->config, value, error);
	default:
		return row && row->key ? set_key(&options->config, row->key, value, error) : 0;
	}
}

static int usage_error(struct error *error, int id, const char *argument)
{
	char letter[] = {'-', (char)optopt, '\0'};

	if (optopt > 0 && optopt < OPTION_CONFIG)
		argument = letter; /* of several in one argument, which getopt has not left yet */
	if (id == ':')
		return error_set(error, -EINVAL, NULL, 0, "option '%s' needs a value: see sagentd --help", argument);
	return error_set(error, -EINVAL, NULL, 0, "unknown option '%s': see sagentd --help", argument);
}

/* First pass: are all options known, which config file is it, and what is to be done? */
static int find_config(int argc, char *argv[], const char **ret_path, enum options_action *ret_action,
		       struct error *error)
{
	int id;

	optind = 0; /* from the start, whatever was parsed before: getopt(3) */
	opterr = 0;
	*ret_path = NULL;
	while ((id = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		const struct option_row *row = row_of(id);

		if (id == '?' || id == ':')
			return usage_error(error, id, argv[optind - 1]);
		if (id == OPTION_CONFIG)
			*ret_path = optarg;
		if (row && !row->key)
			*ret_action = row->action;
	}
	if (optind < argc)
		return error_set(error, -EINVAL, NULL, 0, "unexpected argument '%s': see sagentd --help", argv[optind]);
	return 0;
}

static int parse(struct options *options, int argc, char *argv[], struct error *error)
{
	_cleanup_(freep) const char **policies = calloc((size_t)argc + 1, sizeof(*policies));
	size_t policies_count = 0;
	const char *path;
	int id;
	int r = find_config(argc, argv, &path, &options->action, error);

	if (!policies)
		return -ENOMEM;
	if (r == 0 && (options->action == ACTION_HELP || options->action == ACTION_VERSION))
		return 0; /* told to everybody, whatever is wrong with the configuration */
	if (r == 0 && path)
		r = config_load(&options->config, path, error);
	else if (r == 0 && access(OPTIONS_CONFIG_DEFAULT, F_OK) == 0)
		r = config_load(&options->config, OPTIONS_CONFIG_DEFAULT, error);
	optind = 0;
	while (r == 0 && (id = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
		r = apply(options, id, optarg, policies, &policies_count, error);
	if (r == 0 && policies_count > 0)
		r = config_set_policies(&options->config, policies, policies_count, error);
	return r;
}

int options_parse(struct options *options, int argc, char *argv[], struct error *error)
{
	int r;

	memset(options, 0, sizeof(*options));
	options->action = ACTION_RUN;
	config_init(&options->config);
	r = parse(options, argc, argv, error);
	if (r < 0) {
		options_release(options);
		return r;
	}
	options->probe_as_json = options->action == ACTION_PROBE && options->config.output_format == CONFIG_OUTPUT_JSON;
	return 0;
}

void options_release(struct options *options)
{
	config_release(&options->config);
}

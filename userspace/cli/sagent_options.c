/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sagent_options.h"

#include <errno.h>
#include <getopt.h>

#include "base/access.h"
#include "base/error.h"
#include "cli/duration.h"
#include "policy/policy_value.h"

#define SINCE_DEFAULT_S (24 * 3600)
#define LIMIT_DEFAULT   20
#define LIMIT_MAX       10000

enum letter { LETTER_HELP = 'h', LETTER_VERSION = 'V', LETTER_FIRST_LONG = 256 };

static int parse_json(struct sagent_options *options, const char *value, struct error *error)
{
	(void)options; /* that it was given is all */
	(void)value;
	(void)error;
	return 0;
}

static int parse_socket(struct sagent_options *options, const char *value, struct error *error)
{
	(void)error; /* any path may be tried */
	options->socket_path = value;
	return 0;
}

static int parse_since(struct sagent_options *options, const char *value, struct error *error)
{
	int r = duration_parse(value, &options->since_s);

	if (r == -ERANGE)
		return error_set(error, -EINVAL, NULL, 0, "--since %s: at most 100 years", value);
	if (r < 0)
		return error_set(error, -EINVAL, NULL, 0,
				 "--since %s: write a number and its unit, as in 30s, 15m, 24h, 7d or 2w", value);
	return 0;
}

static int parse_limit(struct sagent_options *options, const char *value, struct error *error)
{
	unsigned long limit = 0;
	char *end = NULL;

	if (value[0] >= '0' && value[0] <= '9')
		limit = strtoul(value, &end, 10); /* too large a number gives ULONG_MAX */
	if (!end || *end != '\0' || limit < 1 || limit > LIMIT_MAX)
		return error_set(error, -EINVAL, NULL, 0, "--limit %s: write a number from 1 to %d", value, LIMIT_MAX);
	options->limit = limit;
	return 0;
}

static int parse_by(struct sagent_options *options, const char *value, struct error *error)
{
	if (strcmp(value, "exe") != 0 && strcmp(value, "process") != 0)
		return error_set(error, -EINVAL, NULL, 0, "--by %s: write exe or process", value);
	options->by = value;
	return 0;
}

static int parse_state_dir(struct sagent_options *options, const char *value, struct error *error)
{
	(void)error; /* any path may be tried, here and below */
	options->state_dir = value;
	return 0;
}

static int parse_pid(struct sagent_options *options, const char *value, struct error *error)
{
	unsigned long pid = 0;
	char *end = NULL;

	if (value[0] >= '0' && value[0] <= '9')
		pid = strtoul(value, &end, 10); /* too large a number gives ULONG_MAX */
	if (!end || *end != '\0' || pid < 1 || pid > INT32_MAX)
		return error_set(error, -EINVAL, NULL, 0, "--pid %s: write the number of a process", value);
	options->pid = (uint32_t)pid;
	return 0;
}

static int parse_secret(struct sagent_options *options, const char *value, struct error *error)
{
	char why[POLICY_WHY_SIZE];

	if (policy_check_name(value, why) < 0)
		return error_set(error, -EINVAL, NULL, 0, "--secret %s: %s", value, why);
	options->secret = value;
	return 0;
}

static int parse_kind(struct sagent_options *options, const char *value, struct error *error)
{
	enum access_kind kind;

	if (access_kind_from_name(value, &kind) < 0)
		return error_set(error, -EINVAL, NULL, 0,
				 "--kind %s: write open, exec, map, receive, link, ptrace, proc-mem or proc-environ",
				 value);
	options->kind = value;
	return 0;
}

static int parse_policy(struct sagent_options *options, const char *value, struct error *error)
{
	(void)error;
	options->policy = value;
	return 0;
}

static int parse_policy_name(struct sagent_options *options, const char *value, struct error *error)
{
	char why[POLICY_WHY_SIZE];

	if (policy_check_name(value, why) < 0)
		return error_set(error, -EINVAL, NULL, 0, "--policy-name %s: %s", value, why);
	options->policy_name = value;
	return 0;
}

static int parse_mode(struct sagent_options *options, const char *value, struct error *error)
{
	if (strcmp(value, "observe") != 0 && strcmp(value, "enforce") != 0)
		return error_set(error, -EINVAL, NULL, 0, "--mode %s: write observe or enforce", value);
	options->mode = value;
	return 0;
}

static const struct option_row {
	const char *name;
	enum sagent_option flag;
	const char *value; /* NULL: takes none */
	int (*parse)(struct sagent_options *options, const char *value, struct error *error);
	const char *help;
} option_rows[] = {
	{"json", SAGENT_OPTION_JSON, NULL, parse_json, "print JSON instead of a table"},
	{"socket", SAGENT_OPTION_SOCKET, "PATH", parse_socket, "sagentd's socket (" SAGENT_SOCKET_DEFAULT ")"},
	{"since", SAGENT_OPTION_SINCE, "TIME", parse_since, "how far back: 30s, 15m, 24h, 7d, 2w (24h)"},
	{"limit", SAGENT_OPTION_LIMIT, "N", parse_limit, "at most so many rows (20)"},
	{"by", SAGENT_OPTION_BY, "exe|process", parse_by, "what one row of top is (exe)"},
	{"once", SAGENT_OPTION_ONCE, NULL, parse_json, "print top once, do not refresh"},
	{"state-dir", SAGENT_OPTION_STATE_DIR, "DIR", parse_state_dir,
	 "where sagentd keeps the history (" SAGENT_STATE_DIR_DEFAULT ")"},
	{"pid", SAGENT_OPTION_PID, "N", parse_pid, "the process"},
	{"secret", SAGENT_OPTION_SECRET, "NAME", parse_secret, "the secret, as the policy names it"},
	{"kind", SAGENT_OPTION_KIND, "KIND", parse_kind, "how it is touched: open, exec, map, ... (open)"},
	{"policy", SAGENT_OPTION_POLICY, "FILE|DIR", parse_policy, "this policy, not the one in force"},
	{"policy-name", SAGENT_OPTION_POLICY_NAME, "NAME", parse_policy_name, "what to call it (learned)"},
	{"mode", SAGENT_OPTION_MODE, "MODE", parse_mode, "observe or enforce (observe)"},
	{"include-denied", SAGENT_OPTION_INCLUDE_DENIED, NULL, parse_json, "allow what was denied, too"},
};

#define OPTION_ROWS (sizeof(option_rows) / sizeof(option_rows[0]))

static void make_long_options(struct option long_options[OPTION_ROWS + 3])
{
	for (size_t i = 0; i < OPTION_ROWS; i++)
		long_options[i] = (struct option){.name = option_rows[i].name,
						  .has_arg = option_rows[i].value ? required_argument : no_argument,
						  .val = LETTER_FIRST_LONG + (int)i};
	long_options[OPTION_ROWS] = (struct option){.name = "help", .val = LETTER_HELP};
	long_options[OPTION_ROWS + 1] = (struct option){.name = "version", .val = LETTER_VERSION};
	long_options[OPTION_ROWS + 2] = (struct option){.name = NULL};
}

static int check_allowed(const struct sagent_command *command, const struct sagent_options *options,
			 struct error *error)
{
	for (size_t i = 0; i < OPTION_ROWS; i++)
		if (options->given & option_rows[i].flag & ~command->allowed)
			return error_set(error, -EINVAL, NULL, 0, "'%s' takes no --%s; see sagent --help",
					 command->name, option_rows[i].name);
	for (size_t i = 0; i < OPTION_ROWS; i++)
		if (command->required & option_rows[i].flag & ~options->given)
			return error_set(error, -EINVAL, NULL, 0, "'%s' needs --%s %s; see sagent --help",
					 command->name, option_rows[i].name, option_rows[i].value);
	if (options->operands_count < command->operands_min)
		return error_set(error, -EINVAL, NULL, 0, "write: sagent %s %s", command->name, command->operands);
	if (options->operands_count > command->operands_max)
		return error_set(error, -EINVAL, NULL, 0, "'%s' takes no '%s'; see sagent --help", command->name,
				 options->operands[command->operands_max]);
	return 0;
}

/* How many of the words are the command's name; 0: it is another. */
static int count_words(const struct sagent_command *command, char *const *words, int count)
{
	const char *space = strchr(command->name, ' ');
	size_t first = space ? (size_t)(space - command->name) : strlen(command->name);

	if (strlen(words[0]) != first || strncmp(words[0], command->name, first) != 0)
		return 0;
	if (!space)
		return 1;
	return count > 1 && strcmp(words[1], space + 1) == 0 ? 2 : 0;
}

static const struct sagent_command *find_command(char *const *words, int count, int *ret_words, struct error *error)
{
	char seconds[128] = "";
	size_t size = 0;

	for (const struct sagent_command *command = sagent_commands; command->name; command++) {
		const char *space = strchr(command->name, ' ');

		*ret_words = count_words(command, words, count);
		if (*ret_words > 0)
			return command;
		if (space && strncmp(words[0], command->name, (size_t)(space - command->name)) == 0 &&
		    strlen(words[0]) == (size_t)(space - command->name) && size < sizeof(seconds))
			size += (size_t)snprintf(seconds + size, sizeof(seconds) - size, "%s%s", size ? "|" : "",
						 space + 1);
	}
	if (seconds[0])
		(void)error_set(error, -EINVAL, NULL, 0, "write: sagent %s %s; see sagent --help", words[0], seconds);
	else
		(void)error_set(error, -EINVAL, NULL, 0, "there is no command '%s'; see sagent --help", words[0]);
	return NULL;
}

/* One option of getopt_long(); 0 to go on, an enum sagent_parsed above 0, or -EINVAL. */
static int take_option(int letter, const char *word, struct sagent_options *options, struct error *error)
{
	const struct option_row *row;

	if (letter == LETTER_HELP)
		return SAGENT_PARSED_HELP;
	if (letter == LETTER_VERSION)
		return SAGENT_PARSED_VERSION;
	if (letter == ':')
		return error_set(error, -EINVAL, NULL, 0, "%s needs a value; see sagent --help", word);
	if (letter < LETTER_FIRST_LONG)
		return error_set(error, -EINVAL, NULL, 0, "there is no option '%s'; see sagent --help", word);
	row = &option_rows[letter - LETTER_FIRST_LONG];
	options->given |= row->flag;
	return row->parse(options, optarg, error);
}

int sagent_options_parse(int argc, char *argv[], struct sagent_options *ret_options,
			 const struct sagent_command **ret_command, struct error *error)
{
	struct sagent_options options = {
		.socket_path = SAGENT_SOCKET_DEFAULT,
		.since_s = SINCE_DEFAULT_S,
		.limit = LIMIT_DEFAULT,
		.by = "exe",
		.state_dir = SAGENT_STATE_DIR_DEFAULT,
		.kind = "open",
		.policy_name = "learned",
		.mode = "observe",
	};
	const struct sagent_command *command;
	struct option long_options[OPTION_ROWS + 3];
	int letter, words, r;

	make_long_options(long_options);
	optind = 0; /* glibc: start afresh, permutation included */
	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":hV", long_options, NULL)) != -1) {
		r = take_option(letter, argv[optind - 1], &options, error);
		if (r != 0)
			return r;
	}
	if (optind >= argc)
		return error_set(error, -EINVAL, NULL, 0, "no command given; see sagent --help");
	command = find_command(argv + optind, argc - optind, &words, error);
	if (!command)
		return -EINVAL;
	options.operands = argv + optind + words;
	options.operands_count = (size_t)(argc - optind - words);
	r = check_allowed(command, &options, error);
	if (r < 0)
		return r;
	*ret_options = options;
	*ret_command = command;
	return SAGENT_PARSED_COMMAND;
}

void sagent_options_help(FILE *out)
{
	(void)fputs("Usage: sagent [OPTION]... COMMAND\n\nAsks sagentd which process read which secret.\n\nCommands:\n",
		    out);
	for (const struct sagent_command *command = sagent_commands; command->name; command++) {
		char usage[64];

		(void)snprintf(usage, sizeof(usage), "%s %s", command->name,
			       command->operands ? command->operands : "");
		(void)fprintf(out, "  %-26s %s\n", usage, command->help);
	}
	(void)fputs("\nOptions:\n", out);
	for (size_t i = 0; i < OPTION_ROWS; i++) {
		char usage[64];

		(void)snprintf(usage, sizeof(usage), "--%s %s", option_rows[i].name,
			       option_rows[i].value ? option_rows[i].value : "");
		(void)fprintf(out, "  %-26s %s", usage, option_rows[i].help);
		for (const struct sagent_command *command = sagent_commands; command->name; command++)
			if (option_rows[i].flag != SAGENT_OPTION_JSON && option_rows[i].flag != SAGENT_OPTION_SOCKET &&
			    (command->allowed & option_rows[i].flag))
				(void)fprintf(out, " [%s]", command->name);
		(void)fputc('\n', out);
	}
	(void)fputs("  -h, --help                 this text\n  -V, --version              the version of sagent\n\n"
		    "Exit codes: 0 done, 1 failed, 2 wrong command line or bad policy, 3 sagentd cannot be reached;\n"
		    "policy test: 4 something would be newly denied; policy diff: 0 same, 1 different, 2 trouble.\n",
		    out);
}

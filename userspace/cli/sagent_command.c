/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sagent_command.h"

#include <unistd.h>

#include "base/error.h"
#include "base/version.h"
#include "cli/sagent_options.h"
#include "cli/sagent_output.h"

#define DAEMON_OPTIONS (SAGENT_OPTION_JSON | SAGENT_OPTION_SOCKET)
#define PAST_OPTIONS   (SAGENT_OPTION_JSON | SAGENT_OPTION_SINCE | SAGENT_OPTION_STATE_DIR)
#define ANY_NUMBER     ((size_t)-1)

const struct sagent_command sagent_commands[] = {
	{.name = "status",
	 .allowed = DAEMON_OPTIONS,
	 .run = sagent_status,
	 .help = "what sagentd sees, cannot see, and has lost"},
	{.name = "top",
	 .allowed = DAEMON_OPTIONS | SAGENT_OPTION_SINCE | SAGENT_OPTION_LIMIT | SAGENT_OPTION_BY | SAGENT_OPTION_ONCE,
	 .run = sagent_top,
	 .help = "who accesses secrets most; refreshes on a terminal, q quits"},
	{.name = "watch", .allowed = DAEMON_OPTIONS, .run = sagent_watch, .help = "every event as it happens"},
	{.name = "secrets",
	 .allowed = DAEMON_OPTIONS | SAGENT_OPTION_SINCE | SAGENT_OPTION_LIMIT,
	 .run = sagent_secrets,
	 .help = "the secrets and how they were accessed"},
	{.name = "policy check",
	 .operands = "FILE|DIR...",
	 .operands_min = 1,
	 .operands_max = ANY_NUMBER,
	 .allowed = SAGENT_OPTION_JSON,
	 .run = sagent_policy_check,
	 .help = "whether policies can be loaded, without sagentd"},
	{.name = "policy test",
	 .operands = "FILE|DIR...",
	 .operands_min = 1,
	 .operands_max = ANY_NUMBER,
	 .allowed = PAST_OPTIONS | SAGENT_OPTION_LIMIT,
	 .run = sagent_policy_test,
	 .help = "what policies would change, by the stored accesses"},
	{.name = "policy diff",
	 .operands = "A B",
	 .operands_min = 2,
	 .operands_max = 2,
	 .allowed = SAGENT_OPTION_JSON,
	 .run = sagent_policy_diff,
	 .help = "in what two policies (files or directories) differ"},
	{.name = "policy explain",
	 .allowed =
		 DAEMON_OPTIONS | SAGENT_OPTION_PID | SAGENT_OPTION_SECRET | SAGENT_OPTION_KIND | SAGENT_OPTION_POLICY,
	 .required = SAGENT_OPTION_PID | SAGENT_OPTION_SECRET,
	 .run = sagent_policy_explain,
	 .help = "what the verdict on a living process would be, and why"},
	{.name = "policy learn",
	 .allowed = SAGENT_OPTION_SINCE | SAGENT_OPTION_STATE_DIR | SAGENT_OPTION_POLICY | SAGENT_OPTION_POLICY_NAME |
		    SAGENT_OPTION_MODE | SAGENT_OPTION_INCLUDE_DENIED,
	 .run = sagent_policy_learn,
	 .help = "a policy that allows what was seen, as YAML"},
	{.name = "version",
	 .allowed = DAEMON_OPTIONS,
	 .run = sagent_version,
	 .help = "the versions of sagent and of the running sagentd"},
	{.name = NULL},
};

int sagent_run(int argc, char *argv[], FILE *out, FILE *err)
{
	struct sagent sagent = {.out = out, .err = err};
	const struct sagent_command *command = NULL;
	struct error error = {0};
	int r, fd = fileno(out);

	sagent.is_terminal = fd >= 0 && isatty(fd);
	r = sagent_options_parse(argc, argv, &sagent.options, &command, &error);
	if (r < 0)
		return sagent_report(&sagent, r, &error);
	if (r == SAGENT_PARSED_HELP)
		sagent_options_help(out);
	else if (r == SAGENT_PARSED_VERSION)
		(void)fputs("sagent " SAGENT_VERSION "\n", out);
	else
		return command->run(&sagent);
	return sagent_flush(&sagent);
}

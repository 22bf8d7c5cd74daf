/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sagent_command.h"

#include <unistd.h>

#include "base/error.h"
#include "base/version.h"
#include "cli/sagent_options.h"
#include "cli/sagent_output.h"

#define DAEMON_OPTIONS (SAGENT_OPTION_JSON | SAGENT_OPTION_SOCKET)

const struct sagent_command sagent_commands[] = {
	{"status", NULL, DAEMON_OPTIONS, sagent_status, "what sagentd sees, cannot see, and has lost"},
	{"top", NULL,
	 DAEMON_OPTIONS | SAGENT_OPTION_SINCE | SAGENT_OPTION_LIMIT | SAGENT_OPTION_BY | SAGENT_OPTION_ONCE, sagent_top,
	 "who accesses secrets most; refreshes on a terminal, q quits"},
	{"watch", NULL, DAEMON_OPTIONS, sagent_watch, "every event as it happens"},
	{"secrets", NULL, DAEMON_OPTIONS | SAGENT_OPTION_SINCE | SAGENT_OPTION_LIMIT, sagent_secrets,
	 "the secrets and how they were accessed"},
	{"policy", "check FILE|DIR...", SAGENT_OPTION_JSON, sagent_policy, "check policies without sagentd"},
	{"version", NULL, DAEMON_OPTIONS, sagent_version, "the versions of sagent and of the running sagentd"},
	{NULL, NULL, 0, NULL, NULL},
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

/* SPDX-License-Identifier: Apache-2.0 */
/* sagentd: the daemon. See docs/cli.md. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/version.h"
#include "cli/policy_advice.h"
#include "daemon.h"
#include "hardening.h"
#include "options.h"
#include "probe_report.h"

#define EXIT_OK     0
#define EXIT_FAILED 1
#define EXIT_USAGE  2

static int fail(const struct error *error, int r, int status)
{
	char text[ERROR_FILE_SIZE + ERROR_TEXT_SIZE + 32];

	if (error->text[0])
		(void)fprintf(stderr, "sagentd: %s\n", error_format(error, text, sizeof(text)));
	else
		(void)fprintf(stderr, "sagentd: %s\n", strerror(-r));
	return status;
}

static int check(const struct config *config)
{
	const struct policy_host host = POLICY_HOST_CHECK;
	struct error error = {0};
	size_t policies, secrets;
	int r = daemon_check_policies(config, &host, &policies, &secrets, &error);

	if (r < 0)
		return fail(&error, r, EXIT_USAGE);
	(void)printf("ok: %zu policies, %zu secrets\n", policies, secrets);
	return EXIT_OK;
}

static int run(const struct config *config)
{
	const struct policy_host host = POLICY_HOST_LOAD;
	_cleanup_(daemon_freep) struct daemon *daemon = NULL;
	struct error error = {0};
	size_t policies, secrets;
	int r;

	log_set_level(config->log_level);
	(void)signal(SIGPIPE, SIG_IGN);
	hardening_apply();
	r = daemon_check_policies(config, &host, &policies, &secrets, &error);
	if (r < 0)
		return fail(&error, r, EXIT_USAGE);
	r = daemon_new(config, &daemon, &error);
	if (r < 0)
		return fail(&error, r, EXIT_FAILED);
	return daemon_run(daemon) < 0 ? EXIT_FAILED : EXIT_OK;
}

static int act(const struct options *options)
{
	switch (options->action) {
	case ACTION_HELP:
		(void)fputs(options_help(), stdout);
		return EXIT_OK;
	case ACTION_VERSION:
		(void)puts("sagentd " SAGENT_VERSION);
		return EXIT_OK;
	case ACTION_DUMP_CONFIG:
		return config_dump(&options->config, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
	case ACTION_PROBE:
		return probe_report_write(stdout, options->probe_as_json) < 0 ? EXIT_FAILED : EXIT_OK;
	case ACTION_CHECK:
		return check(&options->config);
	case ACTION_RUN:
		return run(&options->config);
	}
	return EXIT_USAGE;
}

int main(int argc, char *argv[])
{
	struct options options;
	struct error error = {0};
	int r = options_parse(&options, argc, argv, &error);

	if (r < 0)
		return fail(&error, r, EXIT_USAGE);
	r = act(&options);
	options_release(&options);
	return r;
}

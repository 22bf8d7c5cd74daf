/* SPDX-License-Identifier: Apache-2.0 */
/* options.h: sagentd's command line, laid over the defaults and the config file. */
#pragma once

#include <stdbool.h>

#include "config.h"

struct error;

#define OPTIONS_CONFIG_DEFAULT "/etc/secrets-agent/sagentd.yaml"

enum options_action {
	ACTION_RUN,
	ACTION_CHECK,
	ACTION_PROBE,
	ACTION_DETACH,
	ACTION_DUMP_CONFIG,
	ACTION_VERSION,
	ACTION_HELP
};

struct options {
	enum options_action action;
	bool probe_as_json; /* --probe with --output json */
	struct config config;
};

/*
 * The config file first (--config, or the default one if it exists), then the command line in its order. -EINVAL and
 * config_load()'s errors, with *error; then nothing is owned. Released by options_release().
 */
int options_parse(struct options *options, int argc, char *argv[], struct error *error);
void options_release(struct options *options);
/* What --help prints. */
const char *options_help(void);

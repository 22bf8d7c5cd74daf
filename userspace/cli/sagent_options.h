/* SPDX-License-Identifier: Apache-2.0 */
/* sagent_options.h: sagent's command line to struct sagent_options. */
#pragma once

#include "cli/sagent_command.h"

enum sagent_parsed { SAGENT_PARSED_COMMAND, SAGENT_PARSED_HELP, SAGENT_PARSED_VERSION };

/*
 * An option may stand before or after the command. Returns which of enum sagent_parsed it is, or -EINVAL with *error
 * set: unknown or missing command, an option that the command does not take, a bad value. The options borrow from
 * argv, which is permuted. *ret_command is set for SAGENT_PARSED_COMMAND only.
 */
int sagent_options_parse(int argc, char *argv[], struct sagent_options *ret_options,
			 const struct sagent_command **ret_command, struct error *error);

void sagent_options_help(FILE *out);

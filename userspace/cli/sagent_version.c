/* SPDX-License-Identifier: Apache-2.0 */
#include <json-c/json.h>

#include "base/buffer.h"
#include "base/escape.h"
#include "base/version.h"
#include "cli/json_field.h"
#include "cli/sagent_command.h"
#include "cli/sagent_output.h"

static int print_json(struct sagent *sagent, const char *daemon_version)
{
	struct json_object *object = json_object_new_object();
	int r;

	json_object_object_add(object, "sagent", json_object_new_string(SAGENT_VERSION));
	json_object_object_add(object, "sagentd", daemon_version ? json_object_new_string(daemon_version) : NULL);
	r = sagent_print_json(sagent, object);
	json_object_put(object);
	return r;
}

int sagent_version(struct sagent *sagent)
{
	struct json_object *result = NULL;
	int asked = sagent_ask(sagent, "version", NULL, &result), printed = SAGENT_OK;
	const char *daemon_version = json_field_string(result, "version", NULL);
	char escaped[128];

	if (sagent->options.given & SAGENT_OPTION_JSON) {
		printed = print_json(sagent, daemon_version);
	} else {
		(void)fputs("sagent  " SAGENT_VERSION "\n", sagent->out);
		if (daemon_version)
			(void)fprintf(sagent->out, "sagentd %s\n",
				      escape_line(daemon_version, escaped, sizeof(escaped)));
		printed = sagent_flush(sagent);
	}
	json_object_put(result);
	return asked != SAGENT_OK ? asked : printed;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "config_key.h"

#define WHY_SIZE  256
#define TEXT_MAX  (CONFIG_POLICIES_MAX * (PATH_MAX + 4UL))
#define GROUP_MAX 32

static const char *const default_policies[] = {"/etc/secrets-agent/policies"};

void config_init(struct config *config)
{
	*config = (struct config){.policies = default_policies, .policies_count = 1};
	for (size_t i = 0; i < config_keys_count; i++) {
		const struct config_key *key = &config_keys[i];
		char text[64], why[WHY_SIZE];

		if (key->type == CONFIG_PATHS)
			continue;
		/* The table writes texts in quotes, as the documentation shows them; its unit test proves that all fit.
		 */
		if (key->initial[0] == '"')
			(void)snprintf(text, sizeof(text), "%.*s", (int)strlen(key->initial) - 2, key->initial + 1);
		else
			(void)snprintf(text, sizeof(text), "%s", key->initial);
		(void)config_key_set(key, config, text, why, sizeof(why));
	}
}

static void free_list(char **list, size_t count)
{
	for (size_t i = 0; list && i < count; i++)
		free(list[i]);
	free(list);
}

void config_release(struct config *config)
{
	if (!config)
		return;
	free_list(config->policies_owned, config->policies_count);
	*config = (struct config){0};
}

/* A path of the command line as an absolute one, on the heap; NULL with *ret_code. */
static char *absolute(const char *path, int *ret_code)
{
	_cleanup_(freep) char *directory = NULL;
	char *joined = NULL;

	if (path[0] == '/' || path[0] == '\0') {
		joined = strdup(path);
	} else {
		directory = getcwd(NULL, 0);
		if (!directory) {
			*ret_code = -errno;
			return NULL;
		}
		if (asprintf(&joined, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory, path) < 0)
			joined = NULL;
	}
	if (!joined)
		*ret_code = -ENOMEM;
	return joined;
}

static int fill_list(char **list, const char *const *paths, size_t count, struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		char why[WHY_SIZE];
		int r = 0;

		list[i] = absolute(paths[i], &r);
		if (!list[i])
			return error_set(error, r, NULL, 0, "policies: cannot use '%.100s': %s", paths[i],
					 strerror(-r));
		r = config_key_check_path(list[i], why, sizeof(why));
		if (r < 0)
			return error_set(error, r, NULL, 0, "policies: %s", why);
	}
	return 0;
}

int config_set_policies(struct config *config, const char *const *paths, size_t count, struct error *error)
{
	char **list;
	int r;

	if (count == 0 || count > CONFIG_POLICIES_MAX)
		return error_set(error, -EINVAL, NULL, 0, "policies: write 1 to %d paths", CONFIG_POLICIES_MAX);
	list = calloc(count, sizeof(*list));
	if (!list)
		return error_set(error, -ENOMEM, NULL, 0, "policies: out of memory");
	r = fill_list(list, paths, count, error);
	if (r < 0) {
		free_list(list, count);
		return r;
	}
	free_list(config->policies_owned, config->policies_count);
	config->policies_owned = list;
	config->policies = (const char *const *)list;
	config->policies_count = count;
	return 0;
}

static int set_list(struct config *config, const struct config_key *key, const char *value, struct error *error)
{
	struct buffer text = BUFFER_INIT(TEXT_MAX);
	int r;

	if (value[0] != '[')
		return config_set_policies(config, &value, 1, error);
	if (strchr(value, '\n')) /* which could set other keys too */
		return error_set(error, -EINVAL, NULL, 0, "%s: write the list on one line", key->name);
	buffer_printf(&text, "%s: %s", key->name, value);
	r = text.failed ? error_set(error, -EINVAL, NULL, 0, "%s: is too long", key->name)
			: config_load_text(config, NULL, text.data, text.size, error);
	buffer_release(&text);
	return r;
}

int config_set(struct config *config, const char *assignment, struct error *error)
{
	const char *equals = strchr(assignment, '=');
	_cleanup_(freep) char *name = NULL, *path = NULL;
	const struct config_key *key;
	char why[WHY_SIZE];
	int r = -ENOMEM;

	if (!equals || equals == assignment)
		return error_set(error, -EINVAL, NULL, 0,
				 "'%.100s' sets nothing: write key=value, as in log.level=debug", assignment);
	name = strndup(assignment, (size_t)(equals - assignment));
	if (!name)
		return error_set(error, -ENOMEM, NULL, 0, "out of memory");
	key = config_key_find(name);
	if (!key) {
		const struct config_key *nearest = config_key_nearest(name);

		return error_set(error, -EINVAL, NULL, 0, "'%.100s' is no key: %s%s", name,
				 nearest ? "did you mean " : "",
				 nearest ? nearest->name : "sagentd --dump-config lists them");
	}
	if (key->type == CONFIG_PATHS)
		return set_list(config, key, equals + 1, error);
	if (key->type == CONFIG_PATH) {
		path = absolute(equals + 1, &r);
		if (!path)
			return error_set(error, r, NULL, 0, "%s: cannot use '%.100s': %s", key->name, equals + 1,
					 strerror(-r));
	}
	r = config_key_set(key, config, path ? path : equals + 1, why, sizeof(why));
	return r < 0 ? error_set(error, r, NULL, 0, "%s %s", key->name, why) : 0;
}

/* The part of a key before its last dot, "" on the top level. */
static const char *group_of(const struct config_key *key, char group[GROUP_MAX])
{
	const char *dot = strrchr(key->name, '.');

	(void)snprintf(group, GROUP_MAX, "%.*s", dot ? (int)(dot - key->name) : 0, key->name);
	return group;
}

static int finish(FILE *stream)
{
	if (fflush(stream) != 0)
		return -errno;
	return ferror(stream) ? -EIO : 0;
}

int config_dump(const struct config *config, FILE *stream)
{
	struct buffer text = BUFFER_INIT(TEXT_MAX + CONFIG_FILE_MAX);
	char open_group[GROUP_MAX] = "", group[GROUP_MAX];
	int r;

	for (size_t i = 0; i < config_keys_count; i++) {
		const struct config_key *key = &config_keys[i];
		const char *indent = group_of(key, group)[0] != '\0' ? "  " : "";

		if (i > 0)
			buffer_append_char(&text, '\n');
		if (strcmp(group, open_group) != 0)
			buffer_printf(&text, "%s:\n", group);
		memcpy(open_group, group, sizeof(group));
		buffer_printf(&text, "%s# %s\n%s%s: ", indent, key->help, indent,
			      key->name + (group[0] != '\0' ? strlen(group) + 1 : 0));
		config_key_format(key, config, &text);
		buffer_append_char(&text, '\n');
	}
	r = text.failed ? -ENOMEM : 0;
	if (r == 0) {
		(void)fwrite(text.data, 1, text.size, stream); /* ferror() tells */
		r = finish(stream);
	}
	buffer_release(&text);
	return r;
}

static const char documentation_head[] =
	"<!-- Generated from the table in userspace/config_key.c by `make docs`; do not edit. -->\n"
	"# Configuration\n"
	"\n"
	"`sagentd` reads `/etc/secrets-agent/sagentd.yaml`, or the file that `--config` names. A key with a dot is "
	"nested:\n"
	"\n"
	"```yaml\n"
	"log:\n"
	"  level: debug\n"
	"policies: [/etc/secrets-agent/policies, /srv/more.yaml]\n"
	"```\n"
	"\n"
	"Without a file, every key has its default. `--set key=value` sets one key and wins over the file;\n"
	"`sagentd --dump-config` writes what is in force as a file that can be read again. The file must belong to "
	"root (or\n"
	"to the user that runs `sagentd`) and be writable by nobody else. An unknown key, a value of the wrong type or "
	"out of\n"
	"range is refused with its file and line, and nothing of that file is used.\n";

int config_write_documentation(FILE *stream)
{
	char open_group[GROUP_MAX] = "none yet", group[GROUP_MAX];

	(void)fputs(documentation_head, stream); /* ferror() tells, in the end */
	for (size_t i = 0; i < config_keys_count; i++) {
		const struct config_key *key = &config_keys[i];
		struct buffer allowed = BUFFER_INIT(256);

		if (strcmp(group_of(key, group), open_group) != 0)
			(void)fprintf(
				stream,
				"\n## %s\n\n| key | default | what may be written | meaning |\n|---|---|---|---|\n",
				group[0] != '\0' ? group : "General");
		memcpy(open_group, group, sizeof(group));
		config_key_describe(key, &allowed);
		(void)fprintf(stream, "| `%s` | `%s` | %s | %s |\n", key->name, key->initial,
			      allowed.data ? allowed.data : "", key->help);
		buffer_release(&allowed);
	}
	return finish(stream);
}

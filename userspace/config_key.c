/* SPDX-License-Identifier: Apache-2.0 */
#include "config_key.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/spelling.h"
#include "base/utf8.h"
#include "config.h"

static const char *const backend_names[CONFIG_BACKEND_COUNT + 1] = {"auto", "lsm", "fentry", "tracepoint"};
static const char *const output_names[CONFIG_OUTPUT_COUNT + 1] = {"table", "json", "none"};
static const char *const level_names[] = {"error", "warning", "info", "debug", NULL};

#define AT(field) offsetof(struct config, field)

/* clang-format off */
const struct config_key config_keys[] = {
	{"state_dir", CONFIG_PATH, AT(state_dir), 1, PATH_MAX - 1, NULL, "/var/lib/secrets-agent",
	 "Directory of the store of accesses. Made when it is missing."},
	{"run_dir", CONFIG_PATH, AT(run_dir), 1, PATH_MAX - 1, NULL, "/run/secrets-agent",
	 "Directory of the control socket. Made when it is missing."},
	{"policies", CONFIG_PATHS, AT(policies), 1, CONFIG_POLICIES_MAX, NULL, "[\"/etc/secrets-agent/policies\"]",
	 "Policy files, and directories whose *.yaml and *.yml files are policies."},
	{"backend", CONFIG_NAME, AT(backend), 0, 0, backend_names, "auto",
	 "How the kernel is watched. With auto the best that this kernel allows is taken; sagentd --probe shows which."},

	{"output.format", CONFIG_NAME, AT(output_format), 0, 0, output_names, "none",
	 "What sagentd writes for each access: a table for people, one JSON event a line, or nothing."},
	{"output.file", CONFIG_PATH, AT(output_file), 0, PATH_MAX - 1, NULL, "\"\"",
	 "File to append the output to, opened again on SIGHUP. Empty means standard output."},
	{"output.buffer_kib", CONFIG_NUMBER, AT(output_buffer_kib), 64, 1048576, NULL, "4096",
	 "KiB of output kept while its reader is slow. What does not fit is dropped, counted and reported."},

	{"log.level", CONFIG_NAME, AT(log_level), 0, 0, level_names, "info",
	 "Least level of what is logged to standard error."},

	{"sensor.flush_interval_ms", CONFIG_NUMBER, AT(sensor_flush_interval_ms), 50, 60000, NULL, "1000",
	 "Milliseconds between two flushes of the counts of repeated accesses."},
	{"sensor.max_counters", CONFIG_NUMBER, AT(sensor_max_counters), 1024, 4194304, NULL, "65536",
	 "Counters in the kernel: one for each living process, file and way of access."},
	{"sensor.max_files", CONFIG_NUMBER, AT(sensor_max_files), 1024, 4194304, NULL, "262144",
	 "Most files watched at once."},
	{"sensor.max_directories", CONFIG_NUMBER, AT(sensor_max_directories), 256, 1048576, NULL, "65536",
	 "Most directories watched at once for secrets that appear in them."},
	{"sensor.access_ring_kib", CONFIG_POWER_OF_TWO, AT(sensor_access_ring_kib), 64, 65536, NULL, "1024",
	 "KiB of the ring buffer that carries first accesses out of the kernel."},
	{"sensor.process_ring_kib", CONFIG_POWER_OF_TWO, AT(sensor_process_ring_kib), 64, 65536, NULL, "2048",
	 "KiB of the ring buffer that carries starts and ends of processes out of the kernel."},
	{"sensor.max_holders", CONFIG_NUMBER, AT(sensor_max_holders), 1024, 1048576, NULL, "32768",
	 "Most processes remembered as holding a secret, whose memory is then watched too."},

	{"identity.max_processes", CONFIG_NUMBER, AT(identity_max_processes), 1024, 4194304, NULL, "32768",
	 "Most processes in the process table. Ended ones leave first."},
	{"identity.args", CONFIG_BOOL, AT(identity_args), 0, 0, NULL, "true",
	 "Whether command lines are kept and shown. They may hold secrets themselves."},
	{"identity.hash", CONFIG_BOOL, AT(identity_hash), 0, 0, NULL, "true",
	 "Whether executables that read secrets are hashed (SHA-256, once per file)."},
	{"identity.hash_max_mib", CONFIG_NUMBER, AT(identity_hash_max_mib), 1, 65536, NULL, "512",
	 "MiB of the largest executable that is hashed."},
	{"identity.hash_wait_ms", CONFIG_NUMBER, AT(identity_hash_wait_ms), 0, 5000, NULL, "5",
	 "Milliseconds that an event waits for the hash of its executable before it goes out without."},

	{"store.enabled", CONFIG_BOOL, AT(store_enabled), 0, 0, NULL, "true",
	 "Whether accesses are kept in SQLite, for sagent top and sagent secrets."},
	{"store.commit_interval_ms", CONFIG_NUMBER, AT(store_commit_interval_ms), 50, 60000, NULL, "1000",
	 "Milliseconds between two commits: the most history that a crash can lose."},
	{"store.max_mib", CONFIG_NUMBER, AT(store_max_mib), 8, 1048576, NULL, "256",
	 "MiB that the store may take on disk. The oldest accesses leave first."},
	{"store.max_age_hours", CONFIG_NUMBER, AT(store_max_age_hours), 1, 876000, NULL, "720",
	 "Hours that an access is kept."},
	{"store.queue_max", CONFIG_NUMBER, AT(store_queue_max), 1024, 16777216, NULL, "65536",
	 "Most accesses that wait to be stored. What does not fit is counted and reported."},

	{"control.enabled", CONFIG_BOOL, AT(control_enabled), 0, 0, NULL, "true",
	 "Whether sagentd listens on its Unix socket for sagent."},
	{"control.socket", CONFIG_PATH, AT(control_socket), 0, 107, NULL, "\"\"",
	 "The Unix socket. Empty means sagentd.sock in run_dir."},
	{"control.group", CONFIG_STRING, AT(control_group), 1, CONFIG_STRING_SIZE - 1, NULL, "\"root\"",
	 "Group whose members may use the socket, besides root."},
	{"control.max_clients", CONFIG_NUMBER, AT(control_max_clients), 1, 1024, NULL, "64",
	 "Most clients connected at once."},

	{"policy.max_files", CONFIG_NUMBER, AT(policy_max_files), 1, 10000, NULL, "256",
	 "Most policy files that are loaded."},
	{"policy.max_secrets", CONFIG_NUMBER, AT(policy_max_secrets), 1, 100000, NULL, "4096",
	 "Most secrets that all policies together may name."},

	{"enforcement.pin_dir", CONFIG_PATH, AT(enforcement_pin_dir), 0, PATH_MAX - 1, NULL, "/sys/fs/bpf/secrets-agent",
	 "Directory on a BPF file system for what must outlive sagentd. Empty means that nothing does."},

	{"protect.deny", CONFIG_BOOL, AT(protect_deny), 0, 0, NULL, "true",
	 "Whether, in tier lsm, what others do to sagentd itself is refused. It is reported in every tier."},
	{"protect.allow_signals_from", CONFIG_STRING, AT(protect_allow_signals_from), 0, CONFIG_GLOBS_SIZE - 1, NULL,
	 "\"/usr/bin/runc:/usr/sbin/runc:/usr/local/sbin/runc:/usr/bin/crun:/usr/bin/containerd-shim*:/usr/bin/conmon\"",
	 "Globs of programs, separated by colons, that may end or stop sagentd, besides process 1 and its parent."},
	{"protect.allow_bpf_from", CONFIG_STRING, AT(protect_allow_bpf_from), 0, CONFIG_GLOBS_SIZE - 1, NULL, "\"\"",
	 "Globs of programs, separated by colons, that may open and change sagentd's BPF programs and maps."},
	{"protect.self_check_ms", CONFIG_NUMBER, AT(protect_self_check_ms), 0, 60000, NULL, "1000",
	 "Milliseconds between two looks at whether sagentd's programs and tables are as it left them. 0 means never."},
};
/* clang-format on */
const size_t config_keys_count = sizeof(config_keys) / sizeof(config_keys[0]);
_Static_assert(sizeof(config_keys) / sizeof(config_keys[0]) <= CONFIG_KEYS_MAX, "raise CONFIG_KEYS_MAX");
_Static_assert(sizeof(enum config_backend) == sizeof(unsigned int) &&
		       sizeof(enum config_output) == sizeof(unsigned int) &&
		       sizeof(enum log_level) == sizeof(unsigned int),
	       "names are stored as unsigned int");

const struct config_key *config_key_find(const char *name)
{
	for (size_t i = 0; i < config_keys_count; i++)
		if (strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	return NULL;
}

const struct config_key *config_key_in_group(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < config_keys_count; i++)
		if (strncmp(config_keys[i].name, name, length) == 0 && config_keys[i].name[length] == '.')
			return &config_keys[i];
	return NULL;
}

const struct config_key *config_key_nearest(const char *name)
{
	const struct config_key *nearest = NULL;
	size_t length = strlen(name), least = length < 6 ? 2 : length / 3;

	for (size_t i = 0; i < config_keys_count; i++) {
		const char *leaf = strrchr(config_keys[i].name, '.');
		size_t d = spelling_distance(name, config_keys[i].name);

		if (leaf && strcmp(leaf + 1, name) == 0)
			return &config_keys[i]; /* right name, group left out */
		if (d < least || (d == least && !nearest)) {
			least = d;
			nearest = &config_keys[i];
		}
	}
	return nearest;
}

static int refuse(const struct config_key *key, const char *text, char *why, size_t why_size)
{
	struct buffer allowed = BUFFER_INIT(256);

	config_key_describe(key, &allowed);
	(void)snprintf(why, why_size, "cannot be '%.100s': write %s", text,
		       allowed.data ? allowed.data : "another value");
	buffer_release(&allowed);
	return -EINVAL;
}

static int set_number(const struct config_key *key, uint64_t *field, const char *text, char *why, size_t why_size)
{
	uint64_t value = 0;

	if (text[0] == '\0')
		return refuse(key, text, why, why_size);
	for (const char *at = text; *at != '\0'; at++) {
		/* The largest maximum is far below this bound, so that the sum cannot wrap. */
		if (*at < '0' || *at > '9' || value > UINT32_MAX)
			return refuse(key, text, why, why_size);
		value = value * 10 + (uint64_t)(*at - '0');
	}
	if (value < key->min || value > key->max || (key->type == CONFIG_POWER_OF_TWO && (value & (value - 1)) != 0))
		return refuse(key, text, why, why_size);
	*field = value;
	return 0;
}

static int set_name(const struct config_key *key, void *field, const char *text, char *why, size_t why_size)
{
	for (unsigned int i = 0; key->names[i]; i++)
		if (strcmp(key->names[i], text) == 0) {
			memcpy(field, &i, sizeof(i));
			return 0;
		}
	return refuse(key, text, why, why_size);
}

static int set_bool(const struct config_key *key, bool *field, const char *text, char *why, size_t why_size)
{
	bool is_true = strcmp(text, "true") == 0;

	if (!is_true && strcmp(text, "false") != 0)
		return refuse(key, text, why, why_size);
	*field = is_true;
	return 0;
}

static int check_text(const char *text, char *why, size_t why_size)
{
	size_t size = strlen(text), taken;

	for (size_t at = 0; at < size; at += taken) {
		uint32_t character;

		taken = utf8_decode(text + at, size - at, &character);
		if (taken == 0 || character < 0x20 || (character >= 0x7f && character <= 0x9f)) {
			(void)snprintf(why, why_size,
				       "holds a control character or a byte that is not UTF-8: write plain text");
			return -EINVAL;
		}
	}
	return 0;
}

int config_key_check_path(const char *text, char *why, size_t why_size)
{
	if (text[0] != '/') {
		(void)snprintf(why, why_size, "cannot be '%.100s': write an absolute path, which starts with '/'",
			       text);
		return -EINVAL;
	}
	if (strlen(text) >= PATH_MAX) {
		(void)snprintf(why, why_size, "is longer than %d bytes: write a shorter path", PATH_MAX - 1);
		return -EINVAL;
	}
	return check_text(text, why, why_size);
}

static int set_text(const struct config_key *key, char *field, const char *text, char *why, size_t why_size)
{
	size_t length = strlen(text);
	int r;

	if (length < key->min) {
		(void)snprintf(why, why_size, "cannot be empty: write a value, or leave the key out");
		return -EINVAL;
	}
	r = key->type == CONFIG_PATH && length > 0 ? config_key_check_path(text, why, why_size)
						   : check_text(text, why, why_size);
	if (r < 0)
		return r;
	if (length > key->max) {
		(void)snprintf(why, why_size, "is %zu bytes long: write at most %" PRIu64, length, key->max);
		return -EINVAL;
	}
	memcpy(field, text, length + 1);
	return 0;
}

int config_key_set(const struct config_key *key, struct config *config, const char *text, char *why, size_t why_size)
{
	void *field = (char *)config + key->offset;

	switch (key->type) {
	case CONFIG_BOOL:
		return set_bool(key, field, text, why, why_size);
	case CONFIG_NUMBER:
	case CONFIG_POWER_OF_TWO:
		return set_number(key, field, text, why, why_size);
	case CONFIG_NAME:
		return set_name(key, field, text, why, why_size);
	case CONFIG_STRING:
	case CONFIG_PATH:
		return set_text(key, field, text, why, why_size);
	case CONFIG_PATHS:
		break;
	}
	return refuse(key, text, why, why_size);
}

static void append_quoted(struct buffer *out, const char *text)
{
	buffer_append_char(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buffer_append_char(out, '\\');
		buffer_append_char(out, *text);
	}
	buffer_append_char(out, '"');
}

static void append_paths(struct buffer *out, const char *const *paths, size_t count)
{
	buffer_append_char(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buffer_append_string(out, ", ");
		append_quoted(out, paths[i]);
	}
	buffer_append_char(out, ']');
}

void config_key_format(const struct config_key *key, const struct config *config, struct buffer *out)
{
	const void *field = (const char *)config + key->offset;
	unsigned int index;

	switch (key->type) {
	case CONFIG_BOOL:
		buffer_append_string(out, *(const bool *)field ? "true" : "false");
		break;
	case CONFIG_NUMBER:
	case CONFIG_POWER_OF_TWO:
		buffer_printf(out, "%" PRIu64, *(const uint64_t *)field);
		break;
	case CONFIG_NAME:
		memcpy(&index, field, sizeof(index));
		buffer_append_string(out, key->names[index]);
		break;
	case CONFIG_STRING:
	case CONFIG_PATH:
		append_quoted(out, field);
		break;
	case CONFIG_PATHS:
		append_paths(out, config->policies, config->policies_count);
		break;
	}
}

void config_key_describe(const struct config_key *key, struct buffer *out)
{
	switch (key->type) {
	case CONFIG_BOOL:
		buffer_append_string(out, "true or false");
		break;
	case CONFIG_NUMBER:
		buffer_printf(out, "a number from %" PRIu64 " to %" PRIu64, key->min, key->max);
		break;
	case CONFIG_POWER_OF_TWO:
		buffer_printf(out, "a power of two from %" PRIu64 " to %" PRIu64, key->min, key->max);
		break;
	case CONFIG_NAME:
		for (size_t i = 0; key->names[i]; i++)
			buffer_printf(out, "%s%s", i == 0 ? "" : key->names[i + 1] ? ", " : " or ", key->names[i]);
		break;
	case CONFIG_STRING:
		buffer_printf(out, "text of %" PRIu64 " to %" PRIu64 " bytes", key->min, key->max);
		break;
	case CONFIG_PATH:
		buffer_printf(out, "an absolute path%s", key->min == 0 ? ", or empty" : "");
		break;
	case CONFIG_PATHS:
		buffer_printf(out, "a list of up to %" PRIu64 " absolute paths", key->max);
		break;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h: what the operator can set, each with a default and limits. One table (config_key.c) drives the file, --set,
 * --dump-config and docs/configuration.md; a field's name is its key with '.' as '_'.
 *
 * The file is YAML; keys with a dot are nested mappings. All text is UTF-8 without control characters. What is not
 * understood is an error, never ignored: each says where, what is wrong and what to write instead.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log.h"

struct error;

#define CONFIG_STRING_SIZE  64
#define CONFIG_GLOBS_SIZE   4096
#define CONFIG_POLICIES_MAX 256
#define CONFIG_FILE_MAX     (1024UL * 1024) /* bytes */

enum config_backend {
	CONFIG_BACKEND_AUTO,
	CONFIG_BACKEND_LSM,
	CONFIG_BACKEND_FENTRY,
	CONFIG_BACKEND_TRACEPOINT,
	CONFIG_BACKEND_COUNT,
};

enum config_output { CONFIG_OUTPUT_TABLE, CONFIG_OUTPUT_JSON, CONFIG_OUTPUT_NONE, CONFIG_OUTPUT_COUNT };

struct config {
	char state_dir[PATH_MAX];
	char run_dir[PATH_MAX];
	const char *const *policies; /* borrowed from the default or from policies_owned */
	size_t policies_count;
	char **policies_owned; /* private */
	enum config_backend backend;

	enum config_output output_format;
	char output_file[PATH_MAX]; /* "": standard output */
	uint64_t output_buffer_kib;

	enum log_level log_level;

	uint64_t sensor_flush_interval_ms;
	uint64_t sensor_max_counters;
	uint64_t sensor_max_files;
	uint64_t sensor_max_directories;
	uint64_t sensor_access_ring_kib;
	uint64_t sensor_process_ring_kib;
	uint64_t sensor_max_holders;

	uint64_t identity_max_processes;
	bool identity_args;
	bool identity_hash;
	uint64_t identity_hash_max_mib;
	uint64_t identity_hash_wait_ms;

	bool store_enabled;
	uint64_t store_commit_interval_ms;
	uint64_t store_max_mib;
	uint64_t store_max_age_hours;
	uint64_t store_queue_max;

	bool control_enabled;
	char control_socket[PATH_MAX]; /* "": <run_dir>/sagentd.sock */
	char control_group[CONFIG_STRING_SIZE];
	uint64_t control_max_clients;

	uint64_t policy_max_files;
	uint64_t policy_max_secrets;

	char enforcement_pin_dir[PATH_MAX]; /* "": nothing is pinned */

	bool protect_deny;
	char protect_allow_signals_from[CONFIG_GLOBS_SIZE];
	char protect_allow_bpf_from[CONFIG_GLOBS_SIZE];
	uint64_t protect_self_check_ms; /* 0: off */
};

/* Fills in the defaults; owns nothing yet. */
void config_init(struct config *config);
void config_release(struct config *config);

/*
 * Reads the file over what is already set. All or nothing: on failure *config is as before and *error says why.
 * -ENOENT; -EPERM: others than root and we could have written it; -EINVAL: its content; else as file_read().
 */
int config_load(struct config *config, const char *path, struct error *error);
/* The same for text in memory; `name` stands for the file in errors and may be NULL. */
int config_load_text(struct config *config, const char *name, const char *text, size_t size, struct error *error);

/*
 * One "key=value", as on the command line: a relative path is taken from the working directory. A list of policies is
 * one path, or "[/a, /b]". -EINVAL with *error.
 */
int config_set(struct config *config, const char *assignment, struct error *error);
/* Replaces the list of policies; relative paths as in config_set(). */
int config_set_policies(struct config *config, const char *const *paths, size_t count, struct error *error);

/* Writes YAML that config_load() takes, each key under its help. 0 or -errno of the stream. */
int config_dump(const struct config *config, FILE *stream);
/* Writes docs/configuration.md. */
int config_write_documentation(FILE *stream);

/* SPDX-License-Identifier: Apache-2.0 */
/* config_key.h: the table of what can be configured, and one value in and out of text. For config*.c only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;
struct config;

enum config_type {
	CONFIG_BOOL,
	CONFIG_NUMBER,
	CONFIG_POWER_OF_TWO,
	CONFIG_NAME,   /* an enum, written as one of `names` */
	CONFIG_STRING, /* min, max: length in bytes */
	CONFIG_PATH,   /* absolute; min 0: may be empty */
	CONFIG_PATHS,
};

struct config_key {
	const char *name;
	enum config_type type;
	size_t offset; /* in struct config */
	uint64_t min, max;
	const char *const *names; /* NULL-terminated */
	const char *initial;      /* the default, as text */
	const char *help;         /* whole sentences, one line */
};

#define CONFIG_KEYS_MAX 64
extern const struct config_key config_keys[];
extern const size_t config_keys_count;

/* NULL when there is no such key. */
const struct config_key *config_key_find(const char *name);
/* The key that somebody who wrote `name` most likely meant; NULL when none is near. */
const struct config_key *config_key_nearest(const char *name);
/* The first key below the group `name` ("output" for output.format), or NULL. */
const struct config_key *config_key_in_group(const char *name);

/* Sets one field (not a list) from text. -EINVAL with *why, which reads on after the key's name. */
int config_key_set(const struct config_key *key, struct config *config, const char *text, char *why, size_t why_size);
/* 0, or -EINVAL with *why: what keeps `text` from being a path in the config. */
int config_key_check_path(const char *text, char *why, size_t why_size);
/* Appends the field's value as YAML. */
void config_key_format(const struct config_key *key, const struct config *config, struct buffer *out);
/* Appends what may be written: "true or false", "1 to 10", ... */
void config_key_describe(const struct config_key *key, struct buffer *out);

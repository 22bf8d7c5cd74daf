/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sagent_command.h: the command line for people: what it was asked, where it writes, and the commands.
 *
 * A command prints its result to `out` and what went wrong to `err`, and returns the exit code.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct buffer;
struct client;
struct error;
struct json_object;

#define SAGENT_SOCKET_DEFAULT    "/run/secrets-agent/sagentd.sock"
#define SAGENT_STATE_DIR_DEFAULT "/var/lib/secrets-agent"

/* docs/cli.md documents them. */
enum sagent_exit {
	SAGENT_OK = 0,
	SAGENT_FAILED = 1,      /* understood, but it could not be done */
	SAGENT_USAGE = 2,       /* a wrong command line, or a bad policy */
	SAGENT_UNREACHABLE = 3, /* sagentd cannot be reached, does not answer, or does not let us in */
	SAGENT_DENIES = 4,      /* policy test: the policy would deny what was not denied before */
	SAGENT_SAME = 0,        /* policy diff, as diff(1): nothing differs, */
	SAGENT_DIFFERENT = 1,   /* something does, */
	SAGENT_TROUBLE = 2,     /* it could not be found out */
};

enum sagent_option {
	SAGENT_OPTION_JSON = 1 << 0,
	SAGENT_OPTION_SOCKET = 1 << 1,
	SAGENT_OPTION_SINCE = 1 << 2,
	SAGENT_OPTION_LIMIT = 1 << 3,
	SAGENT_OPTION_BY = 1 << 4,
	SAGENT_OPTION_ONCE = 1 << 5,
	SAGENT_OPTION_STATE_DIR = 1 << 6,
	SAGENT_OPTION_PID = 1 << 7,
	SAGENT_OPTION_SECRET = 1 << 8,
	SAGENT_OPTION_KIND = 1 << 9,
	SAGENT_OPTION_POLICY = 1 << 10,
	SAGENT_OPTION_POLICY_NAME = 1 << 11,
	SAGENT_OPTION_MODE = 1 << 12,
	SAGENT_OPTION_INCLUDE_DENIED = 1 << 13,
};

struct sagent_options {
	unsigned int given; /* enum sagent_option: those on the command line */
	const char *socket_path;
	uint64_t since_s;
	uint64_t limit;
	const char *by; /* "exe" or "process" */
	const char *state_dir;
	uint32_t pid;
	const char *secret;
	const char *kind; /* the name of one */
	const char *policy;
	const char *policy_name;
	const char *mode;      /* "observe" or "enforce" */
	char *const *operands; /* what follows the command and its options */
	size_t operands_count;
};

struct sagent {
	struct sagent_options options;
	FILE *out;
	FILE *err;
	bool is_terminal; /* out is one */
};

struct sagent_command {
	const char *name;     /* one word, or two: "policy check" */
	const char *operands; /* "FILE|DIR...", or NULL: it takes none */
	size_t operands_min, operands_max;
	unsigned int allowed;  /* enum sagent_option */
	unsigned int required; /* of these */
	int (*run)(struct sagent *sagent);
	const char *help; /* one line */
};

/* Ended by a NULL name. */
extern const struct sagent_command sagent_commands[];

/* Everything that sagent does, with its exit code. `argv` is permuted (getopt_long). */
int sagent_run(int argc, char *argv[], FILE *out, FILE *err);

int sagent_status(struct sagent *sagent);
int sagent_top(struct sagent *sagent);
int sagent_secrets(struct sagent *sagent);
int sagent_watch(struct sagent *sagent);
int sagent_policy_check(struct sagent *sagent);
int sagent_policy_test(struct sagent *sagent);
int sagent_policy_diff(struct sagent *sagent);
int sagent_policy_explain(struct sagent *sagent);
int sagent_policy_learn(struct sagent *sagent);
int sagent_version(struct sagent *sagent);
/* The table of `top`, at most rows_max rows, for a screen of `width` columns (0: any). */
void sagent_top_render(struct json_object *result, const char *by, size_t width, size_t rows_max, struct buffer *out);

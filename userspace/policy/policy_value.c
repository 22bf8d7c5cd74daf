/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy_value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/glob.h"
#include "policy/rule.h"

#define LOWER_CASE            "abcdefghijklmnopqrstuvwxyz"
#define UPPER_CASE            "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS                "0123456789"
#define WILDCARDS             "*?[]!^"

#define LABEL_SIZE_MAX        63
#define SHA256_DIGITS         64
#define CONTAINER_ID_DIGITS   64
#define CONTAINER_SHORT_MIN   12
#define NAME_PATTERN_SIZE_MAX 255

static int refuse(char why[POLICY_WHY_SIZE], const char *text)
{
	(void)snprintf(why, POLICY_WHY_SIZE, "%s", text); /* a cut sentence is fine */
	return -EINVAL;
}

int policy_check_name(const char *value, char why[POLICY_WHY_SIZE])
{
	size_t size = strlen(value);

	if (size == 0 || size > LABEL_SIZE_MAX || strspn(value, LOWER_CASE DIGITS "-") != size || value[0] == '-' ||
	    value[size - 1] == '-')
		return refuse(why, "a name takes lower-case letters, digits and \"-\" between them, at most 63 in all");
	return 0;
}

int policy_check_glob(const char *value, char why[POLICY_WHY_SIZE])
{
	return glob_check(value, why, POLICY_WHY_SIZE);
}

int policy_check_cgroup(const char *value, char why[POLICY_WHY_SIZE])
{
	return strcmp(value, "/") == 0 ? 0 : policy_check_glob(value, why);
}

int policy_check_path(const char *value, char why[POLICY_WHY_SIZE])
{
	int r;

	if (value[0] == '~' && value[1] != '/')
		return refuse(why,
			      "\"~\" stands for every user's home directory; write \"~/...\", or one home in full");
	r = glob_check(value + (value[0] == '~'), why, POLICY_WHY_SIZE);
	if (r < 0)
		return r;
	if (strncmp(value, "/**", 3) == 0)
		return refuse(why, "this is the whole filesystem; name the directory that holds the secret");
	return 0;
}

int policy_check_sha256(const char *value, char why[POLICY_WHY_SIZE])
{
	if (strlen(value) != SHA256_DIGITS || strspn(value, DIGITS "abcdef") != SHA256_DIGITS)
		return refuse(why, "a SHA-256 has 64 lower-case hex digits; write what \"sha256sum FILE\" prints");
	return 0;
}

int policy_check_user(const char *value, char why[POLICY_WHY_SIZE])
{
	size_t size = strlen(value);

	if (strspn(value, DIGITS) == size)
		return refuse(why, "this is a number; write it under \"uid\"");
	if (size > NAME_PATTERN_SIZE_MAX || strpbrk(value, " :/*?"))
		return refuse(why, "no name of a user; write one as /etc/passwd has it, without wildcards");
	return 0;
}

/* A name with wildcards is a pattern of one component. */
static int check_name_pattern(const char *value, char why[POLICY_WHY_SIZE])
{
	char pattern[NAME_PATTERN_SIZE_MAX + 2];

	if (strlen(value) > NAME_PATTERN_SIZE_MAX)
		return refuse(why, "longer than 255 bytes, which no such name is");
	(void)snprintf(pattern, sizeof(pattern), "/%s", value); /* measured just now */
	return glob_check(pattern, why, POLICY_WHY_SIZE);
}

int policy_check_unit(const char *value, char why[POLICY_WHY_SIZE])
{
	size_t size = strlen(value);

	if (strspn(value, LOWER_CASE UPPER_CASE DIGITS ":_.\\@-" WILDCARDS) != size)
		return refuse(why, "no name of a systemd unit; write one as \"systemctl\" lists it");
	if (!strchr(value, '.') && value[size - 1] != '*')
		return refuse(why, "a unit has a type; write \".service\", \".scope\" ... at its end");
	return check_name_pattern(value, why);
}

int policy_check_container(const char *value, char why[POLICY_WHY_SIZE])
{
	size_t size = strlen(value);

	if (strspn(value, LOWER_CASE UPPER_CASE DIGITS "_.-" WILDCARDS) != size)
		return refuse(why, "no container id; write one in full, or \"*\" for any, or \"" RULE_CONTAINER_NONE
				   "\" for processes in none");
	if (size >= CONTAINER_SHORT_MIN && size < CONTAINER_ID_DIGITS && strspn(value, DIGITS "abcdef") == size)
		return refuse(why, "this is the short form of a container id; write all 64 digits, or \"*\" after it");
	return check_name_pattern(value, why);
}

bool policy_matches_interpreter(const char *glob)
{
	static const char *const names[] = {
		"sh",   "bash",   "dash",    "zsh",        "ksh",        "fish", "perl", "ruby",
		"lua",  "python", "python3", "python3.11", "python3.13", "node", "php",  "awk",
		"gawk", "mawk",   "tclsh",   "busybox",    "java",       "gdb",
	};
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		(void)snprintf(path, sizeof(path), "/usr/bin/%s", names[i]); /* all of them fit */
		if (glob_match(glob, path))
			return true;
	}
	return glob_match(glob, "/usr/lib64/ld-linux-x86-64.so.2") ||
	       glob_match(glob, "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2");
}

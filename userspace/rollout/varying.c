/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/varying.h"

#include "rollout/text_span.h"

#define DIGITS         "0123456789"
#define HEX_DIGITS     "0123456789abcdefABCDEF"
#define ID_HEX_MIN     32 /* an md5 or more: no word is that long */
#define UUID_SIZE      36
#define RANDOM_MIN     6 /* what mktemp(1) puts in place of its XXXXXX */
#define RANDOM_CHANGES 3 /* in a run of letters and digits: "aX9k" has them, "python3" and "sha256sum" do not */

/* The size of a UUID at the start, with '-' or, as in names of slices, '_'; else 0. */
static size_t uuid_size(const char *text, size_t size)
{
	static const size_t groups[] = {8, 4, 4, 4, 12};
	size_t at = 0;

	if (size < UUID_SIZE)
		return 0;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (i > 0 && text[at] != '-' && text[at] != '_')
			return 0;
		at += i > 0;
		if (span(text + at, groups[i], HEX_DIGITS) != groups[i])
			return 0;
		at += groups[i];
	}
	return UUID_SIZE;
}

/* The "d" of "pod" in the name of a pod's cgroup is no digit of its id. */
static bool is_id_start(const char *name, size_t at)
{
	if (at >= 3 && memcmp(name + at - 3, "pod", 3) == 0)
		return true;
	if (at >= 2 && memcmp(name + at - 2, "pod", 3) == 0)
		return false;
	return at == 0 || !is_in(name[at - 1], HEX_DIGITS);
}

/* The size of an id that starts here, or 0. */
size_t varying_id_size(const char *name, size_t at, size_t size)
{
	size_t hex;

	if (!is_id_start(name, at))
		return 0;
	hex = span(name + at, size - at, HEX_DIGITS);
	return hex >= ID_HEX_MIN ? hex : uuid_size(name + at, size - at);
}

/*
 * The size of a version at the start: numbers with dots between them, and what hangs on to them by '.', '+', '_', '~'
 * or, when it goes on with a digit, '-': the whole of "1.8.0.392.b08-4.el8" but not the end of "18.19.0-linux-x64".
 */
size_t varying_version_size(const char *text, size_t size)
{
	size_t at = span(text, size, DIGITS);

	if (at == 0 || at + 1 >= size || text[at] != '.' || !is_in(text[at + 1], DIGITS))
		return 0;
	while (at < size) {
		bool is_joined =
			is_in(text[at], ".+_~") || (text[at] == '-' && at + 1 < size && is_in(text[at + 1], DIGITS));

		if (!is_joined && !is_in(text[at], DIGITS) && !((text[at] | 0x20) >= 'a' && (text[at] | 0x20) <= 'z'))
			break;
		at++;
	}
	return at;
}

/* A number alone, or behind the last '-': "15", "java-17". */
size_t varying_number_at(const char *name, size_t size)
{
	size_t at = size;

	while (at > 0 && is_in(name[at - 1], DIGITS))
		at--;
	return at < size && (at == 0 || name[at - 1] == '-') ? at : size;
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* How often the text goes from one of small letters, capitals and digits to another. */
static unsigned int count_changes(const char *text, size_t size)
{
	static const char *const classes[] = {LOWER, UPPER, DIGITS};
	unsigned int changes = 0;

	for (size_t at = 1; at < size; at++)
		for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
			changes += is_in(text[at], classes[i]) && !is_in(text[at - 1], classes[i]);
	return changes;
}

/* The size of what is not random in a name that mktemp(1), mkdtemp(3) or their like made; `size` if it is none. */
size_t varying_random_at(const char *name, size_t size)
{
	size_t digits = size, run = size;

	if (has_prefix(name, size, "tmp.") && size >= 4 + RANDOM_MIN &&
	    span(name + 4, size - 4, LOWER UPPER DIGITS) == size - 4)
		return 4;
	if (has_prefix(name, size, "tmp") && size == 3 + 8 && span(name + 3, 8, LOWER DIGITS "_") == 8) /* Python's */
		return 3;
	while (digits > 0 && is_in(name[digits - 1], DIGITS))
		digits--;
	if (size - digits >= RANDOM_MIN)
		return digits;
	while (run > 0 && is_in(name[run - 1], LOWER UPPER DIGITS))
		run--;
	return size - run >= RANDOM_MIN && count_changes(name + run, size - run) >= RANDOM_CHANGES ? run : size;
}

/* "12-10.0.0.1:22-10.0.0.9:5555", "3-812-1000": what systemd calls the service of one connection. */
bool varying_is_connection(const char *instance, size_t size)
{
	size_t number = span(instance, size, DIGITS);
	const char *rest = instance + number;

	if (number == 0 || number == size || *rest != '-')
		return false;
	if (memchr(rest, ':', size - number))
		return true;
	return span(rest, size - number, DIGITS "-") == size - number && memchr(rest + 1, '-', size - number - 1);
}

/* "u12", "r0123...", "p12-i34": what systemd-run(1) calls a unit without a name. */
size_t varying_transient_at(const char *name, size_t size)
{
	if (size > 1 && name[0] == 'u' && span(name + 1, size - 1, DIGITS) == size - 1)
		return 1;
	if (size > ID_HEX_MIN && name[0] == 'r' && span(name + 1, size - 1, HEX_DIGITS) == size - 1)
		return 1;
	if (size > 3 && name[0] == 'p' && span(name + 1, size - 1, DIGITS "-i") == size - 1 &&
	    memmem(name, size, "-i", 2))
		return 1;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "rollout/generalise.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "policy/policy_value.h"
#include "sensor/homes.h"

#define DIGITS         "0123456789"
#define HEX_DIGITS     "0123456789abcdefABCDEF"
#define ID_HEX_MIN     32 /* an md5 or more: no word is that long */
#define UUID_SIZE      36
#define RANDOM_MIN     6 /* what mktemp(1) puts in place of its XXXXXX */
#define RANDOM_CHANGES 3 /* in a run of letters and digits: "aX9k" has them, "python3" and "sha256sum" do not */
#define UNIT_SIZE_MAX  255

struct pattern_text {
	char *out;
	size_t size;
	bool is_full;
};

static void put(struct pattern_text *text, const char *bytes, size_t size)
{
	if (text->size + size >= GENERALISED_SIZE) {
		text->is_full = true;
		return;
	}
	memcpy(text->out + text->size, bytes, size);
	text->size += size;
	text->out[text->size] = '\0';
}

/* Two stars next to each other would be "**". */
static void put_star(struct pattern_text *text)
{
	if (text->size == 0 || text->out[text->size - 1] != '*')
		put(text, "*", 1);
}

/* Bytes as a pattern that means just them. */
static void put_literal(struct pattern_text *text, const char *bytes, size_t size)
{
	for (size_t at = 0; at < size;) {
		const char bracketed[] = {'[', bytes[at], ']'};
		uint32_t character;
		size_t taken = utf8_decode(bytes + at, size - at, &character);

		if (taken == 0 || character < ' ' || character == 0x7f)
			put(text, "?", 1);
		else if (strchr("*?[", bytes[at]))
			put(text, bracketed, sizeof(bracketed));
		else
			put(text, bytes + at, taken);
		at += taken > 0 ? taken : 1;
	}
}

static bool is_in(char c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

static size_t span(const char *text, size_t size, const char *set)
{
	size_t length = 0;

	while (length < size && is_in(text[length], set))
		length++;
	return length;
}

static bool has_prefix(const char *text, size_t size, const char *prefix)
{
	return size >= strlen(prefix) && memcmp(text, prefix, strlen(prefix)) == 0;
}

static bool has_suffix(const char *text, size_t size, const char *suffix)
{
	return size >= strlen(suffix) && memcmp(text + size - strlen(suffix), suffix, strlen(suffix)) == 0;
}

/* ---------------------------------------------------------------- what is another one each time */

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
static size_t id_size(const char *name, size_t at, size_t size)
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
static size_t version_size(const char *text, size_t size)
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
static size_t plain_number_at(const char *name, size_t size)
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
static size_t random_at(const char *name, size_t size)
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

/* ---------------------------------------------------------------- paths */

/* The size of the directory at the start of which names are made up as needed, with its slash; 0: none. */
static size_t temporary_size(const char *path)
{
	static const char *const directories[] = {"/tmp/", "/var/tmp/", "/dev/shm/"};
	size_t digits;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		if (has_prefix(path, strlen(path), directories[i]))
			return strlen(directories[i]);
	if (!has_prefix(path, strlen(path), "/run/user/"))
		return 0;
	digits = strspn(path + strlen("/run/user/"), DIGITS);
	return digits > 0 && path[strlen("/run/user/") + digits] == '/' ? strlen("/run/user/") + digits + 1 : 0;
}

/* A component with ids as wildcards, and versions if they count. */
static void put_component(struct pattern_text *text, const char *name, size_t size, bool has_versions)
{
	size_t literal = 0, number = has_versions ? plain_number_at(name, size) : size;

	for (size_t at = 0; at < size;) {
		bool is_number_start = at == 0 || !is_in(name[at - 1], DIGITS ".");
		size_t varies = id_size(name, at, size);

		if (varies == 0 && has_versions && is_number_start)
			varies = version_size(name + at, size - at);
		if (varies == 0 && at == number)
			varies = size - at;
		if (varies == 0) {
			at++;
			continue;
		}
		put_literal(text, name + literal, at - literal);
		put_star(text);
		at += varies;
		literal = at;
	}
	put_literal(text, name + literal, size - literal);
}

static void put_temporary(struct pattern_text *text, const char *name, size_t size)
{
	size_t fixed = random_at(name, size);

	if (fixed == size) {
		put_component(text, name, size, false);
		return;
	}
	put_literal(text, name, fixed);
	put_star(text);
}

/* Of "/proc/4242" and "/run/user/1000" the number. */
static bool is_number_of(const char *path, size_t at, const char *directory, size_t size)
{
	return at == strlen(directory) && has_prefix(path, at, directory) && size > 0 &&
	       span(path + at, size, DIGITS) == size;
}

static bool generalise_path(const char *path, size_t skip, bool has_versions, struct pattern_text *text)
{
	size_t temporary = skip ? 0 : temporary_size(path);

	if (path[0] != '/')
		return false;
	for (size_t at = skip; path[at] == '/';) {
		const char *name = path + ++at;
		size_t size = strcspn(name, "/");
		bool is_last = name[size] == '\0';

		put(text, "/", 1);
		if (is_number_of(path, at, "/proc/", size) || (temporary && is_number_of(path, at, "/run/user/", size)))
			put_star(text);
		else if (temporary > 0 && at >= temporary)
			put_temporary(text, name, size);
		else
			put_component(text, name, size, has_versions && !is_last);
		at += size;
	}
	return !text->is_full && glob_check(text->out + (text->out[0] == '~'), NULL, 0) == 0;
}

bool generalise_program(const char *path, char out[GENERALISED_SIZE])
{
	struct pattern_text text = {.out = out};

	return generalise_path(path, 0, true, &text);
}

bool generalise_nothing(const char *path, char out[GENERALISED_SIZE])
{
	struct pattern_text text = {.out = out};

	if (path[0] != '/')
		return false;
	put_literal(&text, path, strlen(path));
	return !text.is_full && glob_check(out, NULL, 0) == 0;
}

/* The longest home that the path is below; 0: none. */
static size_t home_size(const char *path, const struct homes *homes)
{
	size_t longest = 0;

	for (size_t i = 0; i < homes->count; i++) {
		size_t size = strlen(homes->paths[i]);

		if (size > longest && strncmp(path, homes->paths[i], size) == 0 && path[size] == '/')
			longest = size;
	}
	return longest;
}

bool generalise_file(const char *path, const struct homes *homes, char out[GENERALISED_SIZE])
{
	struct pattern_text text = {.out = out};
	size_t home = home_size(path, homes);

	if (home > 0)
		put(&text, "~", 1);
	return generalise_path(path, home, false, &text);
}

/* ---------------------------------------------------------------- units and cgroups */

/* "12-10.0.0.1:22-10.0.0.9:5555", "3-812-1000": what systemd calls the service of one connection. */
static bool is_connection(const char *instance, size_t size)
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
static size_t transient_prefix(const char *name, size_t size)
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

/* The name in front of its type, with the number that systemd gave it as a wildcard. False: it has none. */
static bool put_numbered(struct pattern_text *text, const char *name, size_t size, const char *type)
{
	static const struct {
		const char *prefix, *type;
	} numbered[] = {
		{"session-", ".scope"}, {"user@", ".service"}, {"user-runtime-dir@", ".service"}, {"user-", ".slice"}};
	const char *instance = memchr(name, '@', size);
	size_t run = strlen("run-"), letter;

	for (size_t i = 0; i < sizeof(numbered) / sizeof(numbered[0]); i++) {
		size_t prefix = strlen(numbered[i].prefix);

		if (strcmp(type, numbered[i].type) == 0 && has_prefix(name, size, numbered[i].prefix) &&
		    size > prefix && span(name + prefix, size - prefix, "c" DIGITS) == size - prefix) {
			put_literal(text, name, prefix);
			put_star(text);
			return true;
		}
	}
	letter = has_prefix(name, size, "run-") ? transient_prefix(name + run, size - run) : 0;
	if (letter > 0) {
		put_literal(text, name, run + letter);
		put_star(text);
		return true;
	}
	if (instance && is_connection(instance + 1, size - (size_t)(instance + 1 - name))) {
		put_literal(text, name, (size_t)(instance + 1 - name));
		put_star(text);
		return true;
	}
	return false;
}

/* A scope is named after a pid: "app-gnome-firefox-4242". The digits at the end of an id are none. */
static size_t scope_pid_at(const char *name, size_t size)
{
	size_t at = size;

	for (size_t start = 0; start < size; start++)
		if (id_size(name, start, size) == size - start)
			return size;
	while (at > 0 && is_in(name[at - 1], DIGITS))
		at--;
	return at > 0 && at < size && name[at - 1] == '-' ? at : size;
}

static void put_unit(struct pattern_text *text, const char *name, size_t size)
{
	static const char *const types[] = {".scope", ".service", ".slice"};
	size_t stem = size, pid;
	const char *type = "";

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (has_suffix(name, size, types[i])) {
			type = types[i];
			stem = size - strlen(type);
		}
	pid = strcmp(type, ".scope") == 0 ? scope_pid_at(name, stem) : stem;
	if (!put_numbered(text, name, stem, type)) {
		put_component(text, name, pid, false);
		if (pid < stem)
			put_star(text);
	}
	put_literal(text, name + stem, size - stem);
}

bool generalise_unit(const char *unit, char out[GENERALISED_SIZE])
{
	struct pattern_text text = {.out = out};
	char why[POLICY_WHY_SIZE];
	size_t size = strlen(unit);

	if (size == 0 || size > UNIT_SIZE_MAX)
		return false;
	put_unit(&text, unit, size);
	return !text.is_full && policy_check_unit(out, why) == 0;
}

bool generalise_cgroup(const char *cgroup, char out[GENERALISED_SIZE])
{
	struct pattern_text text = {.out = out};
	char why[POLICY_WHY_SIZE];

	if (cgroup[0] != '/')
		return false;
	if (cgroup[1] == '\0')
		put(&text, "/", 1);
	for (size_t at = 0; cgroup[at] == '/' && cgroup[1];) {
		size_t size = strcspn(cgroup + ++at, "/");

		put(&text, "/", 1);
		put_unit(&text, cgroup + at, size);
		at += size;
	}
	return !text.is_full && policy_check_cgroup(out, why) == 0;
}

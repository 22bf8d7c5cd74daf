/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/cgroup.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define CONTAINER_ID_LENGTH 64
#define UNIT_NAME_MAX       255
#define LEGACY_PATH_SIZE    4096

struct span {
	const char *data;
	size_t size;
};

static bool has_prefix(struct span s, const char *prefix)
{
	size_t length = strlen(prefix);

	return s.size >= length && memcmp(s.data, prefix, length) == 0;
}

static bool has_suffix(struct span s, const char *suffix)
{
	size_t length = strlen(suffix);

	return s.size >= length && memcmp(s.data + s.size - length, suffix, length) == 0;
}

static bool is_equal(struct span s, const char *string)
{
	return s.size == strlen(string) && memcmp(s.data, string, s.size) == 0;
}

static struct span drop(struct span s, size_t front, size_t back)
{
	return (struct span){s.data + front, s.size - front - back};
}

static bool is_hex(struct span s)
{
	for (size_t i = 0; i < s.size; i++)
		if (!isdigit((unsigned char)s.data[i]) && (s.data[i] < 'a' || s.data[i] > 'f'))
			return false;
	return true;
}

/* The next component; empty ones are skipped. False at the end. */
static bool next_component(const char **cursor, struct span *ret)
{
	const char *at = *cursor + strspn(*cursor, "/");
	size_t size = strcspn(at, "/");

	*ret = (struct span){at, size};
	*cursor = at + size;
	return size > 0;
}

static void copy_to(char *out, size_t out_size, struct span s)
{
	if (s.size >= out_size)
		return;
	memcpy(out, s.data, s.size);
	out[s.size] = '\0';
}

/* ---------------------------------------------------------------- units */

static bool is_unit_name(struct span name, bool want_slice)
{
	static const char *const suffixes[] = {".service", ".scope", ".socket", ".mount",     ".swap",
					       ".target",  ".timer", ".path",   ".automount", ".device"};
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";

	if (name.size == 0 || name.size > UNIT_NAME_MAX || name.data[0] == '.')
		return false;
	for (size_t i = 0; i < name.size; i++)
		if (!name.data[i] || !strchr(allowed, name.data[i]))
			return false;
	if (want_slice)
		return has_suffix(name, ".slice") && name.size > strlen(".slice");
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (has_suffix(name, suffixes[i]) && name.size > strlen(suffixes[i]))
			return true;
	return false;
}

static struct span unescape(struct span name)
{
	return name.size > 0 && name.data[0] == '_' ? drop(name, 1, 0) : name;
}

/* The first component at *cursor that is no slice, if that is a unit. */
static bool next_unit(const char **cursor, struct span *ret)
{
	struct span name;

	do {
		if (!next_component(cursor, &name))
			return false;
		name = unescape(name);
		/* A path seen from a cgroup namespace may start with "/..". */
	} while (is_unit_name(name, true) || is_equal(name, ".."));
	*ret = name;
	return is_unit_name(name, false);
}

static void parse_unit(const char *path, char unit[CGROUP_UNIT_SIZE])
{
	const char *cursor = path;
	struct span manager;
	struct span inner;

	if (!next_unit(&cursor, &manager))
		return;
	copy_to(unit, CGROUP_UNIT_SIZE, manager);
	if (!has_prefix(manager, "user@") || !has_suffix(manager, ".service") || !next_unit(&cursor, &inner))
		return;
	unit[manager.size] = '/';
	copy_to(unit + manager.size + 1, CGROUP_UNIT_SIZE - manager.size - 1, inner);
}

/* ---------------------------------------------------------------- pods */

static struct span after(struct span name, const char *at)
{
	return (struct span){at, (size_t)(name.data + name.size - at)};
}

/* "kubepods-...-pod<uid>.slice", also below another slice ("kubelet-kubepods-..."), or "pod<uid>" in "kubepods". */
static struct span find_pod(struct span name, bool is_in_kubepods)
{
	const char *at;

	if (is_in_kubepods && has_prefix(name, "pod"))
		return drop(name, strlen("pod"), 0);
	if (!has_suffix(name, ".slice") || !memmem(name.data, name.size, "kubepods-", 9))
		return (struct span){name.data, 0};
	name = drop(name, 0, strlen(".slice"));
	at = memmem(name.data, name.size, "-pod", 4);
	return at ? after(name, at + strlen("-pod")) : (struct span){name.data, 0};
}

static void parse_pod(struct span name, bool is_in_kubepods, char pod[CGROUP_POD_SIZE])
{
	struct span uid = find_pod(name, is_in_kubepods);

	if (uid.size < 32 || uid.size > 36) /* a UUID, or the MD5 that names a static pod */
		return;
	for (size_t i = 0; i < uid.size; i++)
		if (!isxdigit((unsigned char)uid.data[i]) && uid.data[i] != '_' && uid.data[i] != '-')
			return;
	copy_to(pod, CGROUP_POD_SIZE, uid);
	for (char *c = pod; (c = strchr(c, '_'));)
		*c = '-';
}

/* ---------------------------------------------------------------- containers */

/* <64 hex>, <engine>-<64 hex>[.scope], and the "slice:engine:<64 hex>" of runc's unsplit form. */
static bool parse_container_id(struct span name, char container[CGROUP_CONTAINER_SIZE])
{
	struct span engine;
	struct span id;
	char separator;

	if (has_suffix(name, ".scope"))
		name = drop(name, 0, strlen(".scope"));
	if (name.size < CONTAINER_ID_LENGTH)
		return false;
	id = drop(name, name.size - CONTAINER_ID_LENGTH, 0);
	engine = drop(name, 0, CONTAINER_ID_LENGTH);
	if (!is_hex(id))
		return false;
	if (engine.size > 0) {
		separator = engine.data[engine.size - 1];
		engine = drop(engine, 0, 1);
		if ((separator != '-' && separator != ':') || has_suffix(engine, "conmon"))
			return false;
	}
	copy_to(container, CGROUP_CONTAINER_SIZE, id);
	return true;
}

/* LXC: "lxc.payload.<name>", older "lxc.payload/<name>" and "lxc/<name>". */
static bool parse_lxc(struct span name, struct span parent, char container[CGROUP_CONTAINER_SIZE])
{
	if (has_prefix(name, "lxc.payload.") && name.size > strlen("lxc.payload."))
		name = drop(name, strlen("lxc.payload."), 0);
	else if (!is_equal(parent, "lxc.payload") && !is_equal(parent, "lxc"))
		return false;
	copy_to(container, CGROUP_CONTAINER_SIZE, name);
	return container[0] != '\0';
}

/* systemd-nspawn(1): "systemd-nspawn@<name>.service", or "machine-<name>.scope", which libvirt uses for its own too. */
static bool parse_nspawn(struct span name, struct span parent, char container[CGROUP_CONTAINER_SIZE])
{
	if (!is_equal(parent, "machine.slice"))
		return false;
	if (has_prefix(name, "systemd-nspawn@") && has_suffix(name, ".service"))
		name = drop(name, strlen("systemd-nspawn@"), strlen(".service"));
	else if (has_prefix(name, "machine-") && has_suffix(name, ".scope") && name.size > strlen("machine-.scope") &&
		 !has_prefix(name, "machine-qemu") && !has_prefix(name, "machine-lxc"))
		name = drop(name, strlen("machine-"), strlen(".scope"));
	else
		return false;
	copy_to(container, CGROUP_CONTAINER_SIZE, name);
	return container[0] != '\0';
}

static bool parse_container(struct span name, struct span parent, char container[CGROUP_CONTAINER_SIZE])
{
	return parse_container_id(name, container) || parse_lxc(name, parent, container) ||
	       parse_nspawn(name, parent, container);
}

/* The unsplit form holds the pod's slice in front of the first ':'. */
static struct span before_colon(struct span name)
{
	const char *colon = memchr(name.data, ':', name.size);

	return colon ? (struct span){name.data, (size_t)(colon - name.data)} : name;
}

void cgroup_parse(const char *path, struct cgroup_names *ret)
{
	const char *cursor = path;
	struct span parent = {"", 0};
	struct span name;
	bool is_in_kubepods = false;

	ret->unit[0] = ret->container[0] = ret->pod[0] = '\0';
	parse_unit(path, ret->unit);
	while (!ret->container[0] && next_component(&cursor, &name)) {
		if (!ret->pod[0])
			parse_pod(before_colon(name), is_in_kubepods, ret->pod);
		if (parse_container(name, parent, ret->container))
			return;
		is_in_kubepods = is_in_kubepods || is_equal(name, "kubepods") || has_prefix(name, "kubepods.slice");
		parent = name;
	}
}

/* ---------------------------------------------------------------- /proc/PID/cgroup */

static bool names_container(struct span path)
{
	char copy[LEGACY_PATH_SIZE];
	struct cgroup_names names;

	if (path.size >= sizeof(copy))
		return false;
	memcpy(copy, path.data, path.size);
	copy[path.size] = '\0';
	cgroup_parse(copy, &names);
	return names.container[0] != '\0';
}

const char *cgroup_pick_legacy(const char *text, size_t *ret_size)
{
	struct span best = {"/", 1};
	int best_rank = 0;

	/* hierarchy-id ':' controllers ':' path */
	while (*text) {
		size_t line_size = strcspn(text, "\n");
		const char *controllers = memchr(text, ':', line_size);
		const char *path = NULL;
		int rank;

		if (controllers) {
			controllers++;
			path = memchr(controllers, ':', (size_t)(text + line_size - controllers));
		}
		if (path && path + 1 < text + line_size && path[1] == '/') {
			struct span name = {controllers, (size_t)(path - controllers)};
			struct span candidate = {path + 1, (size_t)(text + line_size - path - 1)};

			rank = candidate.size == 1              ? 0
			       : names_container(candidate)     ? 3
			       : is_equal(name, "name=systemd") ? 2
			       : name.size == 0                 ? 1
								: 0;
			if (rank > best_rank) {
				best_rank = rank;
				best = candidate;
			}
		}
		text += line_size + (text[line_size] == '\n');
	}
	*ret_size = best.size;
	return best.data;
}

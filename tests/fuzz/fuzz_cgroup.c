/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as the path of a control group, as /proc/PID/cgroup and as a line of mountinfo. */
#include <stdint.h>

#include "identity/cgroup.h"
#include "identity/cgroup_cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_names(const char *path)
{
	struct cgroup_names names;

	cgroup_parse(path, &names);
	if (strlen(names.unit) >= sizeof(names.unit) || strlen(names.container) >= sizeof(names.container) ||
	    strlen(names.pod) >= sizeof(names.pod))
		abort();
	/* A pod's uid goes into records as it is. */
	if (names.pod[strspn(names.pod, "0123456789abcdefABCDEF-")])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char root[64];
	char point[64];
	const char *path;
	size_t path_size;

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	check_names(text);
	path = cgroup_pick_legacy(text, &path_size);
	if (path_size < 1 || path[0] != '/' || memchr(path, '\n', path_size))
		abort();
	(void)cgroup_mount_parse(text, "cgroup2", root, point, sizeof(root)); /* only that it stays in bounds */
	free(text);
	return 0;
}

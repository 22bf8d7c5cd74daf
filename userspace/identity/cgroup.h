/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.h: what the path of a control group says: systemd unit, container, Kubernetes pod. Pure; any thread.
 *
 * Whoever owns a delegated subtree chooses the names in it, so the outermost name counts: a group that a user or a
 * container makes below its own can never pass for a unit or a container of the host.
 *
 * Unit: the first component after the slices, as systemd's cg_path_get_unit() (src/basic/cgroup-util.c) reads it. A
 * unit of a user's manager is "user@1000.service/app.service". Escapes in names stay as they are, but for the leading
 * '_' that cg_escape() puts in front of names that the kernel could take for its own.
 *
 * Container: the 64 hex digits that docker, containerd, cri-o, podman, nerdctl and the kubelet's cgroupfs driver put in
 * the name of the group; the name of an LXC or nspawn container. Helpers of a container (conmon, the LXC monitor) are
 * not in it.
 *
 * Pod: the uid with '-', from "kubepods-burstable-pod<uid with _>.slice" or ".../kubepods/.../pod<uid>".
 */
#pragma once

#include <stddef.h>

#define CGROUP_UNIT_SIZE      512
#define CGROUP_CONTAINER_SIZE 256
#define CGROUP_POD_SIZE       40

struct cgroup_names {
	char unit[CGROUP_UNIT_SIZE]; /* "" for none, as the others */
	char container[CGROUP_CONTAINER_SIZE];
	char pod[CGROUP_POD_SIZE];
};

/* Fills *ret for any string. */
void cgroup_parse(const char *path, struct cgroup_names *ret);

/*
 * Picks the path that says most from the text of /proc/PID/cgroup (cgroups(7)): a hierarchy that names a container,
 * else systemd's named one, else the v2 one, else "/". Pointer into `text`, *ret_size bytes, not terminated.
 */
const char *cgroup_pick_legacy(const char *text, size_t *ret_size);

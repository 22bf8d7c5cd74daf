/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * path.h: the names of a file, leaf first, as abi.h lays them out. Off the hot path: probe reads only.
 */
#pragma once

#include "snapshot.h"

/* The root of a mount namespace that a process can be in; not a mount that was made and never attached (open_tree,
 * fsmount). */
static __always_inline bool is_namespace_root(struct mount *mount, struct dentry *dentry, struct dentry *mount_root)
{
	struct mnt_namespace *ns = READ(mount, mnt_ns);
	unsigned int number = ns ? READ(ns, ns.inum) : 0;

	return dentry == mount_root && number != 0 && number != MNT_NS_ANON_INO;
}

/*
 * Writes the components of a struct path (an address) to the data of scratch `slot` from `offset` on, until the
 * directory whose dentry is `stop` (0: until the root), and leaves the end in path_size, and path_flags. The walk goes
 * by parents, and up through mount points; with a `stop` it leaves a bind mount by the filesystem's own folders, as the
 * match did, without one by the mount point, as d_path() does. State is kept in the slot: numbers in memory are unknown
 * to the verifier, so the loop converges.
 */
int __attribute__((noinline)) path_walk(__u64 path, __u64 stop, __u32 slot, __u32 offset)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &slot);
	struct dentry *dentry = READ((struct path *)path, dentry);
	struct mount *mount = mount_of_path((struct path *)path);
	struct dentry *mount_root = READ(mount, mnt.mnt_root);

	if (!scratch)
		return 0;
	scratch->path_size = offset;
	scratch->path_flags = 0;
	for (int i = 0; i < ABI_PATH_DEPTH + 8; i++) {
		struct dentry *parent = READ(dentry, d_parent);
		long size;

		if (stop && (__u64)dentry == stop)
			return 0;
		if (parent == dentry || (!stop && dentry == mount_root)) {
			struct mount *above = READ(mount, mnt_parent);

			if (above == mount || !above) {
				if (!is_namespace_root(mount, dentry, mount_root))
					scratch->path_flags |= PATH_FLAG_UNREACHABLE;
				return 0;
			}
			dentry = READ(mount, mnt_mountpoint);
			mount = above;
			mount_root = READ(mount, mnt.mnt_root);
			continue;
		}
		offset = scratch->path_size;
		if (offset >= ABI_PATH_MAX)
			break;
		size = bpf_probe_read_kernel_str(scratch->data + offset, ABI_NAME_MAX, READ(dentry, d_name.name));
		if (size <= 0)
			break;
		scratch->path_size = offset + size;
		dentry = parent;
	}
	scratch->path_flags |= PATH_FLAG_TRUNCATED;
	return 0;
}

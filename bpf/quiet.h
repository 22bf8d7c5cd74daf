/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * quiet.h: directories in which no file can be of interest, so that most opens need no walk.
 *
 * What a walk up the parents (match.h) has found out of a file holds for its directory, until the tree or the tables
 * change. A directory has one place; it changes by a rename of it or of one above it, or by a move of a mount, and each
 * makes tree_epoch grow, which is part of the tag (quiet_tag() in filter.h). The epoch is read before the walk: what is
 * found out while something moves gets a tag of before, which nothing matches afterwards.
 *
 * Only where system calls are seen to end (the tracepoint backend), where a file can be cast (bpf_rdonly_cast), and
 * where a mount has a number for all time: have_quiet.
 */
#pragma once

#include "maps.h"

#include "filter.h"
#include "snapshot.h"

/* The walk of match.h; with MATCH_ANY_FILE for any file that has this way up, whatever was decided of it. */
#define MATCH_FILE     (~0ULL)
#define MATCH_ANY_FILE 0ULL
__u64 match_slow(__u64 file, __u64 child, __u32 depth, __u64 mask);

/*
 * Filesystems whose directories are somewhere else after a rename on this host, and not otherwise. Servers, clusters
 * and the kernel's own trees move what they have by themselves; what is not known here is taken for one of them.
 */
static __always_inline bool moves_by_rename_alone(unsigned long magic)
{
	switch (magic) {
	case BTRFS_SUPER_MAGIC:
	case EROFS_SUPER_MAGIC:
	case EXT4_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case OVERLAYFS_SUPER_MAGIC: /* of others, too: then its names are asked about (DCACHE_OP_REVALIDATE) */
	case RAMFS_MAGIC:
	case SQUASHFS_MAGIC:
	case TMPFS_MAGIC:
	case XFS_SUPER_MAGIC:
		return true;
	}
	return false;
}

/* Snapshots in one filesystem: a directory and its like have one number, one generation and one device. */
static __always_inline bool has_twins(unsigned long magic)
{
	return magic == BTRFS_SUPER_MAGIC;
}

/*
 * Can nothing from the directory up (addresses) move unseen? A root that is not its filesystem's was opened by its
 * handle, or is that of a part, and not yet where it belongs.
 */
int __attribute__((noinline)) stays_in_place(__u64 directory_address, __u64 mount_address)
{
	struct dentry *child = (struct dentry *)directory_address;
	struct mount *mount = (struct mount *)mount_address;

	for (int i = 1; i < ABI_PATH_DEPTH; i++) {
		struct dentry *parent = READ(child, d_parent);
		struct mount *above;

		if (parent != child) {
			if (READ(child, d_flags) & DCACHE_OP_REVALIDATE)
				return 0;
			child = parent;
			continue;
		}
		if (!moves_by_rename_alone(READ(child, d_sb, s_magic)) || READ(child, d_sb, s_root) != child)
			return 0;
		above = READ(mount, mnt_parent);
		if (above == mount || !above)
			return 1;
		child = READ(mount, mnt_mountpoint);
		mount = above;
	}
	return 0;
}

static __always_inline bool may_be_watched(struct dentry *directory)
{
	return filter_has(READ(directory, d_inode, i_ino), READ(directory, d_sb, s_dev));
}

/* What wants some files of a directory by their names: the directory itself, and what its filesystem is mounted on. */
static __always_inline bool names_may_decide(struct dentry *directory, struct mount *mount)
{
	struct dentry *below;

	if (may_be_watched(directory))
		return true;
	if (READ(directory, d_parent) != directory)
		return false;
	below = READ(mount, mnt_mountpoint);
	return may_be_watched(below) || READ(below, d_parent) == below; /* mounts on mounts are rare */
}

/* What quiet_asked[] has in the low bits of a tag. */
#define QUIET_MISSES    6 /* so many misses of one tag, before it is asked whether the directory is quiet */
#define QUIET_REFUSED   7 /* it is not */
#define QUIET_ASKS_MASK 7ULL

/*
 * Nothing wants the file (an address) in that directory: may the directory be remembered as quiet? Global, and rare: it
 * costs as much as some opens, so it has to be worth that, where many directories are opened or much is renamed. The
 * epoch in the tag was read by earlier opens, too: no processor can have put it off until after this.
 */
int __attribute__((noinline)) quiet_learn(__u64 file, __u64 directory, __u64 tag)
{
	struct dentry *dentry = (struct dentry *)directory;
	struct mount *mount;

	if (!have_quiet)
		return 0;
	mount = mount_of_path(path_of((struct file *)file));
	if (!has_twins(READ(dentry, d_sb, s_magic)) && !names_may_decide(dentry, mount) &&
	    stays_in_place(directory, (__u64)mount) && !match_slow(file, directory, 1, MATCH_ANY_FILE))
		quiet[quiet_slot(tag)] = tag;
	else
		quiet_asked[quiet_slot(tag)] = tag | QUIET_REFUSED;
	return 0;
}

static __always_inline void quiet_missed(__u64 file, __u64 directory, __u64 tag)
{
	__u64 *asked = &quiet_asked[quiet_slot(tag)];
	__u64 found = *asked, misses = found & QUIET_ASKS_MASK;

	if ((found ^ tag) & ~QUIET_ASKS_MASK)
		*asked = tag & ~QUIET_ASKS_MASK;
	else if (misses < QUIET_MISSES)
		*asked = found + 1;
	else if (misses == QUIET_MISSES)
		(void)quiet_learn(file, directory, tag);
}

static __always_inline __u64 quiet_tag_of(struct inode *directory, __u32 dev, __u64 file)
{
	const struct file_id id = {.ino = directory->i_ino, .dev = dev, .generation = directory->i_generation};

	return quiet_tag(quiet_key, *(volatile __u64 *)&tree_epoch, &id,
			 READ(mount_of_path(path_of((struct file *)file)), mnt_id_unique));
}

/* Something may be somewhere else now. */
static __always_inline void tree_changed(void)
{
	if (have_quiet)
		__sync_fetch_and_add(&tree_epoch, 1);
}

/*
 * All that most opens on the host ever do: an open file of the current task, by its descriptor, that is no secret and
 * whose directory is quiet. False says nothing. Without a call but one, for a return costs as much as a walk where the
 * processor must not predict it (AMD's "safe ret").
 */
static __always_inline bool opened_quietly(unsigned long fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = task->files->fdt;
	struct super_block *sb;
	struct dentry *parent;
	struct inode *inode;
	struct file *file;
	__u64 address, tag;
	__u32 dev;

	if (fd >= table->max_fds)
		return false;
	address = LOAD64(table->fd + fd);
	file = bpf_rdonly_cast((void *)address, bpf_core_type_id_kernel(struct file));
	inode = file->f_inode;
	sb = inode->i_sb;
	dev = sb->s_dev;
	if (filter_has(inode->i_ino, dev))
		return false;
	/* There more than the file's own inode decides. */
	if (DEV_MAJOR(dev) == 0 && (sb->s_magic == PROC_SUPER_MAGIC || sb->s_magic == OVERLAYFS_SUPER_MAGIC))
		return false;
	parent = file->f_path.dentry->d_parent;
	tag = quiet_tag_of(parent->d_inode, dev, address);
	return quiet[quiet_slot(tag)] == tag;
}

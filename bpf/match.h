/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * match.h: is this file a secret?
 *
 * The path that every open on the host takes, so its first steps are a hash and one bit test per inode. Fields are read
 * by direct loads where the verifier knows the pointer (`direct`), and by probe reads where it does not (a file taken
 * out of the descriptor table on a kernel without bpf_rdonly_cast).
 */
#pragma once

#include "maps.h"

#include "filter.h"
#include "quiet.h"
#include "snapshot.h"

/* `direct` is a compile-time constant at every use. */
#define FIELD(direct, object, field)                  \
	({                                            \
		__typeof__((object)->field) value_;   \
		if (direct)                           \
			value_ = (object)->field;     \
		else                                  \
			value_ = READ(object, field); \
		value_;                               \
	})

static __always_inline void file_id_of(struct inode *inode, bool direct, struct file_id *ret_id)
{
	struct super_block *sb = FIELD(direct, inode, i_sb);

	ret_id->ino = FIELD(direct, inode, i_ino);
	ret_id->dev = FIELD(direct, sb, s_dev);
	ret_id->generation = FIELD(direct, inode, i_generation);
}

/*
 * The slow parts below are global functions: verified once, for scalar arguments, whoever calls them. A pointer that
 * the verifier knows is turned into a plain address for them by reading it back from memory.
 */
static __always_inline __u64 address_of(const void *pointer)
{
	__u64 address = 0;

	bpf_probe_read_kernel(&address, sizeof(address), &pointer);
	return address;
}

#define ADDRESS(direct, pointer) ((direct) ? address_of(pointer) : (__u64)(pointer))

/* The same without a call, by a pointer whose address is known: the difference of two pointers is a number. */
static __always_inline __u64 address_by(const void *pointer, const void *base, __u64 base_address)
{
	__u64 difference = (__u64)pointer;

	asm volatile("%0 -= %1" : "+r"(difference) : "r"(base)); /* the compiler would take the sum apart another way */
	return base_address + difference;
}

/* name_hash of a dentry's name. Read by words, as the kernel's own comparison does: the memory is there. */
__u64 __attribute__((noinline)) dentry_name_hash(__u64 address)
{
	struct dentry *dentry = (struct dentry *)address;
	const unsigned char *name = READ(dentry, d_name.name);
	__u32 size = READ(dentry, d_name.len);
	__u64 hash = name_hash_begin(size);

	for (__u32 at = 0; at < ABI_NAME_MAX; at += 8) {
		__u64 word;

		if (at >= size)
			break;
		word = READ_WORD(name + at);
		if (size - at < 8)
			word &= (1ULL << ((size - at) * 8)) - 1;
		hash = name_hash_word(hash, word);
	}
	return hash;
}

/* What a directory on the way up says of the file. */
enum walk_step {
	WALK_ON,        /* not watched */
	WALK_REFUSED,   /* watched, and the file is none of its business: the walk ends */
	WALK_CANDIDATE, /* watched, and it wants the file */
};

/* A file that was asked about and is no secret, still in the same place under the same name. */
static __always_inline bool is_ignored(struct dentry *dentry)
{
	struct file_id id = {};
	struct ignored_value *seen;

	read_file_id(READ(dentry, d_inode), &id);
	seen = bpf_map_lookup_elem(&ignored, &id);
	return seen && seen->parent_ino == READ(dentry, d_parent, d_inode, i_ino) &&
	       seen->name_hash == dentry_name_hash((__u64)dentry);
}

/*
 * The walk from `dentry`, a file, is at `parent`, `depth` components up; `child` is the component below it on the way.
 * Only this directory's own entries decide. `dentry` 0: whatever file is there.
 */
int __attribute__((noinline)) directory_decides(__u64 parent, __u64 child, __u64 dentry, __u32 depth)
{
	__u32 depth_bit = 1u << (depth < 31 ? depth : 31);
	struct directory_value *directory;
	struct name_value *name;
	struct name_key key = {};
	__u32 wants_any;

	read_file_id(READ((struct dentry *)parent, d_inode), &key.directory);
	directory = bpf_map_lookup_elem(&directories, &key.directory);
	if (!directory)
		return WALK_ON;
	wants_any = directory->flags & DIRECTORY_TREE;
	if (depth == 1)
		wants_any |= directory->flags & DIRECTORY_ANY_NAME;
	else if (directory->depths & depth_bit)
		wants_any |= directory->flags & DIRECTORY_ANY_BRANCH;
	if (!wants_any) {
		key.hash = dentry_name_hash(child);
		name = bpf_map_lookup_elem(&names, &key);
		if (!name)
			return WALK_REFUSED;
		if (depth == 1 && !(name->flags & NAME_FILE))
			return WALK_REFUSED;
		if (depth > 1 && (!(name->flags & NAME_BRANCH) || !(name->depths & depth_bit)))
			return WALK_REFUSED;
	}
	return dentry && is_ignored((struct dentry *)dentry) ? WALK_REFUSED : WALK_CANDIDATE;
}

/* Does this directory end the walk? `child` is below it on the way to `dentry`, the file, `depth` components down. */
static __always_inline int directory_step(struct dentry *directory, struct dentry *child, __u64 dentry, __u32 depth)
{
	struct inode *inode = READ(directory, d_inode);

	if (!filter_has(READ(inode, i_ino), READ(inode, i_sb, s_dev)))
		return WALK_ON;
	return directory_decides((__u64)directory, (__u64)child, dentry, depth);
}

/*
 * The rest of the walk, once the filter has something to say or the root of the file's filesystem is reached: `child`
 * is where the walk stands, `depth` components above the file. By dentry inside a filesystem: a bind mount of a folder
 * does not hide the folder's own parents. At the root of a filesystem it goes on at the directory that is mounted over,
 * whose entries count for what is below the mount: so nothing is missed between a mount and the daemon's hearing of it.
 * Returns the address of the watched directory's dentry when it wants the file, else 0. `mask` is MATCH_ANY_FILE to ask
 * for any file that has this way up, whatever was decided of it.
 */
__u64 __attribute__((noinline)) match_slow(__u64 file_address, __u64 child_address, __u32 depth, __u64 mask)
{
	struct file *file = (struct file *)file_address;
	struct dentry *child = (struct dentry *)child_address;
	struct dentry *below = child; /* the last component that has a name: not the root of a filesystem */
	__u64 dentry = (__u64)READ(file, f_path.dentry) & mask; /* no branch: it would be followed to its end apart */
	struct mount *mount = mount_of_path(path_of(file));

	for (int i = 0; i < ABI_PATH_DEPTH; i++) {
		struct dentry *parent = READ(child, d_parent);
		struct dentry *directory = parent;
		int step;

		if (parent == child) {
			struct mount *above = READ(mount, mnt_parent);

			if (above == mount || !above)
				return 0;
			directory = READ(mount, mnt_mountpoint);
			mount = above;
		} else {
			below = child;
			depth++;
		}
		step = directory_step(directory, below, dentry, depth);
		if (step != WALK_ON)
			return step == WALK_CANDIDATE ? (__u64)directory : 0;
		child = directory;
	}
	count_loss(LOSS_PARENT_WALK);
	return 0;
}

/* Is the filter's hit on this directory worth the slow walk? `child_address` is 0 where it is not known. */
static __always_inline enum walk_step directory_glance(struct inode *directory, struct dentry *child,
						       __u64 child_address, __u32 dev, bool direct)
{
	__u64 ino = FIELD(direct, directory, i_ino);
	struct file_id *known;
	struct file_id id;

	if (filter_has(filter_name_key(ino, FILTER_ANY_NAME), dev) ||
	    filter_has(filter_name_key(ino, dentry_name_hash(child_address ? child_address : ADDRESS(direct, child))),
		       dev))
		return WALK_CANDIDATE;
	known = &directory_cache[directory_cache_slot(filter_hash(ino, dev))];
	id.generation = FIELD(direct, directory, i_generation);
	if (known->ino == ino && known->dev == dev && known->generation == id.generation)
		return WALK_REFUSED;
	id.ino = ino;
	id.dev = dev;
	return bpf_map_lookup_elem(&directories, &id) ? WALK_REFUSED : WALK_ON;
}

/* The first walk, all that most opens on the host ever do: up the parents, one bit test each. */
static __always_inline __u64 match_parents(struct file *file, __u32 dev, bool direct)
{
	struct dentry *child = FIELD(direct, file, f_path.dentry);
	struct dentry *below = child;

	for (int i = 0; i < ABI_PATH_DEPTH; i++) {
		struct dentry *parent = FIELD(direct, child, d_parent);
		struct inode *above;

		if (parent == child) {
			if ((__u64)child == host_root && (__u64)FIELD(direct, file, f_path.mnt) == host_mount)
				return 0;
			/* Once more from below the root, whose name counts above. */
			return match_slow(ADDRESS(direct, file), ADDRESS(direct, below), i ? i - 1 : 0, MATCH_FILE);
		}
		above = FIELD(direct, parent, d_inode);
		if (filter_has(FIELD(direct, above, i_ino), dev)) {
			enum walk_step step = directory_glance(above, child, 0, dev, direct);

			if (step == WALK_CANDIDATE)
				return match_slow(ADDRESS(direct, file), ADDRESS(direct, child), i, MATCH_FILE);
			if (step == WALK_REFUSED)
				return 0;
		}
		below = child;
		child = parent;
	}
	count_loss(LOSS_PARENT_WALK);
	return 0;
}

/*
 * match_parents() where a file can be cast once (bpf_rdonly_cast): loads alone, with no call that pushes everything out
 * of the registers. Apart from that one, whose states the verifiers of old kernels just manage to follow.
 */
static __always_inline __u64 walk_parents_cast(struct file *file, struct dentry *child, __u64 address, __u32 dev)
{
	for (int i = 0; i < ABI_PATH_DEPTH; i++) {
		struct dentry *parent = child->d_parent;
		struct inode *above;

		if (parent == child) {
			if ((__u64)child == host_root && (__u64)file->f_path.mnt == host_mount)
				return 0;
			return match_slow(address, (__u64)READ((struct file *)address, f_path.dentry), 0, MATCH_FILE);
		}
		above = parent->d_inode;
		if (filter_has(above->i_ino, dev)) {
			__u64 child_address = address_by(child, file, address);
			enum walk_step step = directory_glance(above, child, child_address, dev, true);

			if (step == WALK_CANDIDATE)
				return match_slow(address, (__u64)READ((struct file *)address, f_path.dentry), 0,
						  MATCH_FILE);
			if (step == WALK_REFUSED)
				return 0;
		}
		child = parent;
	}
	count_loss(LOSS_PARENT_WALK);
	return 0;
}

static __always_inline __u64 match_parents_cast(__u64 address, __u32 dev)
{
	struct file *file = bpf_rdonly_cast((void *)address, bpf_core_type_id_kernel(struct file));
	struct dentry *child = file->f_path.dentry;
	struct dentry *parent = child->d_parent;
	__u64 tag, wanted_by;

	if (!have_quiet || parent == child)
		return walk_parents_cast(file, child, address, dev);
	tag = quiet_tag_of(parent->d_inode, dev, address);
	if (quiet[quiet_slot(tag)] == tag)
		return 0;
	wanted_by = walk_parents_cast(file, child, address, dev);
	if (!wanted_by)
		quiet_missed(address, address_by(parent, file, address), tag);
	return wanted_by;
}

/* The same for a file that the verifier does not know: global, so that its probe reads are verified once. */
__u64 __attribute__((noinline)) match_parents_of(__u64 file, __u32 dev)
{
	if (have_rdonly_cast)
		return match_parents_cast(file, dev);
	return match_parents((struct file *)file, dev, false);
}

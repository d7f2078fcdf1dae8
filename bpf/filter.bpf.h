/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * What the operator does not want to hear of, in the bulk ring: what some executables do,
 * what happens in some cgroups, what is done to files below some folders. All three are
 * known by their numbers, not by names: whoever takes another name escapes no filter, and
 * whoever takes a filtered name hides behind none. The daemon looks the numbers up.
 *
 * The priority ring is never filtered.
 */
#ifndef SENTINEL_FILTER_BPF_H
#define SENTINEL_FILTER_BPF_H

#include "path.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SENTINEL_MUTED);
	__type(key, struct sentinel_muted);
	__type(value, __u32);
} muted __weak SEC(".maps");

/* How many of each sort are in `muted`: a sort of which there is none costs one look. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SENTINEL_MUTE_COUNT);
	__type(key, __u32);
	__type(value, __u32);
} muted_counts __weak SEC(".maps");

static __always_inline bool muted__any(__u32 what)
{
	__u32 *count = bpf_map_lookup_elem(&muted_counts, &what);

	return count && *count;
}

static __always_inline bool muted__has(__u32 what, __u64 number, __u32 dev)
{
	struct sentinel_muted key = { .number = number, .dev = dev, .what = what };

	return bpf_map_lookup_elem(&muted, &key);
}

static __always_inline bool inode__is_muted(__u32 what, struct inode *inode)
{
	return inode &&
	       muted__has(what, BPF_CORE_READ(inode, i_ino), BPF_CORE_READ(inode, i_sb, s_dev));
}

/* Whether the task's cgroup, or one that holds it, is muted. */
static __always_inline bool cgroup__is_muted(struct task_struct *task)
{
	struct kernfs_node *node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);

	for (int depth = 0; depth < SENTINEL_CGROUP_DEPTH && node; depth++) {
		if (muted__has(SENTINEL_MUTE_CGROUP, BPF_CORE_READ(node, id), 0))
			return true;
		node = kernfs__parent(node);
	}
	return false;
}

/* Counts the event and says so when the operator wants to hear nothing of this task. */
static __noinline int task__is_muted(struct task_struct *task, __u32 ring, __u32 kind)
{
	if (!(muted__any(SENTINEL_MUTE_EXECUTABLE) &&
	      inode__is_muted(SENTINEL_MUTE_EXECUTABLE,
			      BPF_CORE_READ(task, mm, exe_file, f_inode))) &&
	    !(muted__any(SENTINEL_MUTE_CGROUP) && cgroup__is_muted(task)))
		return 0;
	counter__filtered(ring, kind);
	return 1;
}

/*
 * The same for files: whether a folder above, on whatever mount, is muted. To be asked only
 * where muted__any() says that some folder is.
 */
static __noinline int place__is_muted(struct vfsmount *vfsmount, struct dentry *dentry, __u32 kind)
{
	struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
	struct dentry *root = BPF_CORE_READ(vfsmount, mnt_root);

	for (int depth = 0; depth < SENTINEL_PATH_DEPTH; depth++) {
		struct inode *inode = BPF_CORE_READ(dentry, d_inode);
		struct sentinel_muted key = {
			.number = BPF_CORE_READ(inode, i_ino),
			.dev = BPF_CORE_READ(inode, i_sb, s_dev),
			.what = SENTINEL_MUTE_FOLDER,
		};
		/* A difference and not a flag: the verifier would follow both values of that. */
		__u64 step;

		if (bpf_map_lookup_elem(&muted, &key)) {
			counter__filtered(SENTINEL_RING_BULK, kind);
			return 1;
		}
		if (dentry == root) {
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			step = (__u64)above - (__u64)mount;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = above;
			root = BPF_CORE_READ(mount, mnt.mnt_root);
		} else {
			struct dentry *parent = BPF_CORE_READ(dentry, d_parent);

			step = (__u64)parent - (__u64)dentry;
			dentry = parent;
		}
		if (!step)
			return 0;
	}
	return 0;
}

#endif

/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Names from kernel objects: walks dentries and mounts up to the root of the mount
 * tree, and kernfs nodes up to the root of the cgroup tree. Components are written
 * leaf first, each with its NUL; the daemon turns them round.
 */
#ifndef SENTINEL_PATH_BPF_H
#define SENTINEL_PATH_BPF_H

#include "common.bpf.h"

/*
 * A growing run of names. `capacity` is a power of two, one spare name follows it. How
 * much is used is kept in the record, which has a second effect: the verifier forgets
 * values that pass through ring memory, so every turn of the loops below looks alike to
 * it and is checked once, not once for each possible length.
 */
struct names {
	char *bytes;
	__u32 capacity;
	struct sentinel_names *state;
};

static __always_inline void names__begin(struct names *names, char *bytes, __u32 capacity,
					 struct sentinel_names *state)
{
	names->bytes = bytes;
	names->capacity = capacity;
	names->state = state;
	state->used = 0;
	state->truncated = 0;
}

/* Appends one NUL-terminated kernel string of at most SENTINEL_NAME_BYTES. */
static __always_inline bool names__add(struct names *names, const void *text)
{
	volatile struct sentinel_names *state = names->state;
	__u32 used = state->used;
	long length;

	if (used >= names->capacity) {
		state->truncated = 1;
		return false;
	}
	length = bpf_probe_read_kernel_str(&names->bytes[used & (names->capacity - 1)],
					   SENTINEL_NAME_BYTES, text);
	if (length <= 0)
		return false;
	state->used = used + length;
	return true;
}

/*
 * Appends a text of the caller's memory of at most `limit` bytes, a constant that the
 * spare room behind `capacity` holds. A text that fills the limit may have been cut.
 */
static __always_inline bool names__add_user(struct names *names, const void *text, __u32 limit)
{
	volatile struct sentinel_names *state = names->state;
	__u32 used = state->used;
	long length;

	if (used >= names->capacity) {
		state->truncated = 1;
		return false;
	}
	length = bpf_probe_read_user_str(&names->bytes[used & (names->capacity - 1)], limit, text);
	if (length <= 0)
		return false;
	if (length == limit)
		state->truncated = 1;
	state->used = used + length;
	return true;
}

/* Writes the components of the path of `dentry` on a mount and says where they are. */
static __always_inline void names__add_place(struct names *names, struct vfsmount *vfsmount,
					     struct dentry *dentry, struct sentinel_span *span)
{
	struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
	struct dentry *root = BPF_CORE_READ(vfsmount, mnt_root);
	int depth;

	span->offset = names->state->used;
	for (depth = 0; depth < SENTINEL_PATH_DEPTH; depth++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);

		if (dentry == root) {
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			if (above == mount)
				break;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = above;
			root = BPF_CORE_READ(mount, mnt.mnt_root);
			continue;
		}
		if (!names__add(names, BPF_CORE_READ(dentry, d_name.name)))
			break;
		/* A file of its own, such as a memfd, hangs in no tree and is its own parent. */
		if (dentry == parent)
			break;
		dentry = parent;
	}
	if (depth == SENTINEL_PATH_DEPTH)
		names->state->truncated = 1;
	span->length = names->state->used - span->offset;
}

/* Writes the components of `path` and says where they are. */
static __always_inline void names__add_path(struct names *names, const struct path *path,
					    struct sentinel_span *span)
{
	names__add_place(names, BPF_CORE_READ(path, mnt), BPF_CORE_READ(path, dentry), span);
}

static __always_inline struct kernfs_node *kernfs__parent(struct kernfs_node *node)
{
	struct kernfs_node___rcu *rcu = (void *)node;

	if (bpf_core_field_exists(rcu->__parent))
		return BPF_CORE_READ(rcu, __parent);
	return BPF_CORE_READ(node, parent);
}

/* Writes the cgroup's path within the unified hierarchy. */
static __always_inline void names__add_cgroup(struct names *names, struct kernfs_node *node,
					      struct sentinel_span *span)
{
	span->offset = names->state->used;
	for (int depth = 0; depth < SENTINEL_CGROUP_DEPTH; depth++) {
		struct kernfs_node *parent = kernfs__parent(node);

		/* The root's name is empty. */
		if (!parent || !names__add(names, BPF_CORE_READ(node, name)))
			break;
		node = parent;
	}
	span->length = names->state->used - span->offset;
}

#endif

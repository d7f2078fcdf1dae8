// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that change, at the one place that every way to change them goes through: system
 * calls of both widths, and io_uring. The names are the kernel's own. These functions are
 * asked before the change, and `result` is their answer.
 */
#include "action.bpf.h"

/*
 * A pointer that the kernel gave, without its type: names are compared by subtraction, which
 * older kernels (seen on 6.1) do not allow with a typed one.
 */
static __always_inline struct dentry *dentry__plain(struct dentry *dentry)
{
	struct dentry *plain = NULL;

	bpf_probe_read_kernel(&plain, sizeof(plain), &dentry);
	return plain;
}

static __always_inline int change__emit(__u32 kind, __u32 call, struct vfsmount *mnt,
					struct dentry *dentry, __u64 argument, int result)
{
	struct action action = {
		.ring = SENTINEL_RING_BULK,
		.path = { .mnt = mnt, .dentry = dentry },
		.kind = kind,
		.call = call,
		.argument = argument,
		.result = result,
	};

	if (task__is_noise((void *)bpf_get_current_task()))
		return 0;
	return action__is_muted(&action) ? 0 : action__emit(&action);
}

/* int security_path_unlink(const struct path *dir, struct dentry *dentry) */
SEC("fexit/security_path_unlink")
int BPF_PROG(handle_unlink, const struct path *dir, struct dentry *dentry, int result)
{
	return change__emit(SENTINEL_KIND_UNLINK, SENTINEL_CALL_UNLINK, BPF_CORE_READ(dir, mnt),
			    dentry__plain(dentry), 0, result);
}

/* int security_path_rmdir(const struct path *dir, struct dentry *dentry) */
SEC("fexit/security_path_rmdir")
int BPF_PROG(handle_rmdir, const struct path *dir, struct dentry *dentry, int result)
{
	return change__emit(SENTINEL_KIND_UNLINK, SENTINEL_CALL_RMDIR, BPF_CORE_READ(dir, mnt),
			    dentry__plain(dentry), 0, result);
}

/* int security_path_truncate(const struct path *path); the new length is not known here. */
SEC("fexit/security_path_truncate")
int BPF_PROG(handle_truncate, const struct path *path, int result)
{
	return change__emit(SENTINEL_KIND_TRUNCATE, SENTINEL_CALL_TRUNCATE,
			    BPF_CORE_READ(path, mnt), BPF_CORE_READ(path, dentry), 0, result);
}

/*
 * int security_file_truncate(struct file *file)
 *
 * Since 6.2 (commit 3350607dc563) this is asked, and not the one above, about ftruncate and
 * about an open that empties the file.
 */
SEC("fexit/security_file_truncate")
int BPF_PROG(handle_file_truncate, struct file *file, int result)
{
	return change__emit(SENTINEL_KIND_TRUNCATE, SENTINEL_CALL_FTRUNCATE,
			    BPF_CORE_READ(file, f_path.mnt), BPF_CORE_READ(file, f_path.dentry), 0,
			    result);
}

/* int security_path_chmod(const struct path *path, umode_t mode) */
SEC("fexit/security_path_chmod")
int BPF_PROG(handle_chmod, const struct path *path, unsigned short mode, int result)
{
	return change__emit(SENTINEL_KIND_CHMOD, SENTINEL_CALL_CHMOD, BPF_CORE_READ(path, mnt),
			    BPF_CORE_READ(path, dentry), mode, result);
}

/* int security_path_chown(const struct path *path, kuid_t uid, kgid_t gid) */
SEC("fexit/security_path_chown")
int BPF_PROG(handle_chown, const struct path *path, __u64 uid, __u64 gid, int result)
{
	return change__emit(SENTINEL_KIND_CHOWN, SENTINEL_CALL_CHOWN, BPF_CORE_READ(path, mnt),
			    BPF_CORE_READ(path, dentry), uid << 32 | (__u32)gid, result);
}

/*
 * int security_path_rename(const struct path *old_dir, struct dentry *old_dentry,
 *                          const struct path *new_dir, struct dentry *new_dentry,
 *                          unsigned int flags)
 */
SEC("fexit/security_path_rename")
int BPF_PROG(handle_rename, const struct path *old_dir, struct dentry *old_dentry,
	     const struct path *new_dir, struct dentry *new_dentry, unsigned int flags, int result)
{
	struct action action = {
		.ring = SENTINEL_RING_BULK,
		.kind = SENTINEL_KIND_RENAME,
		.call = SENTINEL_CALL_RENAME,
		.argument = flags,
		.result = result,
	};

	if (task__is_noise((void *)bpf_get_current_task()))
		return 0;
	action.path.mnt = BPF_CORE_READ(old_dir, mnt);
	action.path.dentry = dentry__plain(old_dentry);
	action.to.mnt = BPF_CORE_READ(new_dir, mnt);
	action.to.dentry = dentry__plain(new_dentry);
	return action__is_muted(&action) ? 0 : action__emit(&action);
}

/*
 * int security_path_link(struct dentry *old_dentry, const struct path *new_dir,
 *                        struct dentry *new_dentry)
 *
 * The old name comes without its mount, but a link never leaves its mount.
 */
SEC("fexit/security_path_link")
int BPF_PROG(handle_link, struct dentry *old_dentry, const struct path *new_dir,
	     struct dentry *new_dentry, int result)
{
	struct action action = {
		.ring = SENTINEL_RING_BULK,
		.kind = SENTINEL_KIND_LINK,
		.call = SENTINEL_CALL_LINK,
		.result = result,
	};

	if (task__is_noise((void *)bpf_get_current_task()))
		return 0;
	action.path.mnt = BPF_CORE_READ(new_dir, mnt);
	action.path.dentry = dentry__plain(new_dentry);
	action.to.mnt = action.path.mnt;
	action.to.dentry = dentry__plain(old_dentry);
	return action__is_muted(&action) ? 0 : action__emit(&action);
}

char LICENSE[] SEC("license") = "GPL";

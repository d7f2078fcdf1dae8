/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What is acted on: files, descriptors, sockets, all from kernel objects. */
#ifndef SENTINEL_OBJECT_BPF_H
#define SENTINEL_OBJECT_BPF_H

#include "common.bpf.h"

#define S_IFMT 0170000
#define S_IFREG 0100000
#define S_IFSOCK 0140000
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define NSEC_PER_SEC 1000000000LL
/* include/linux/mount.h: a mount that only the kernel uses. */
#define MNT_INTERNAL 0x4000
/* include/linux/fs.h, since 6.13: in the nanoseconds, says that somebody asked for the time. */
#define I_CTIME_QUERIED (1u << 31)

/* include/linux/err.h: the last page of the address space stands for errnos. */
static __always_inline bool pointer__is_valid(__u64 pointer)
{
	return pointer && pointer < (__u64)-4095;
}

/* The open file behind a descriptor of the current task; NULL when there is none. */
static __always_inline struct file *file__of_fd(struct task_struct *task, __s32 fd)
{
	struct fdtable *table = READ(task, files, fdt);
	struct file **files = READ(table, fd);
	struct file *file = NULL;

	if (fd < 0 || (__u32)fd >= READ(table, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), &files[fd]);
	return file;
}

/* Change time in Unix nanoseconds, whose field moved twice (see kernel.h). */
static __always_inline __s64 inode__ctime(struct inode *inode)
{
	struct inode___underscored *underscored = (void *)inode;
	struct inode___plain *plain = (void *)inode;

	if (bpf_core_field_exists(inode->i_ctime_sec))
		return READ(inode, i_ctime_sec) * NSEC_PER_SEC +
		       (READ(inode, i_ctime_nsec) & ~I_CTIME_QUERIED);
	if (bpf_core_field_exists(underscored->__i_ctime))
		return READ(underscored, __i_ctime.tv_sec) * NSEC_PER_SEC +
		       READ(underscored, __i_ctime.tv_nsec);
	return READ(plain, i_ctime.tv_sec) * NSEC_PER_SEC + READ(plain, i_ctime.tv_nsec);
}

static __always_inline bool dentry__is_memfd(struct dentry *dentry)
{
	static const char prefix[] = "memfd:";
	char name[sizeof(prefix)] = {};

	bpf_probe_read_kernel(name, sizeof(prefix) - 1, READ(dentry, d_name.name));
	for (__u32 i = 0; i < sizeof(prefix) - 1; i++)
		if (name[i] != prefix[i])
			return false;
	return true;
}

static __always_inline void inode__fill(struct sentinel_file *out, struct inode *inode)
{
	struct super_block *super = READ(inode, i_sb);

	out->inode = READ(inode, i_ino);
	out->ctime_ns = inode__ctime(inode);
	out->dev = READ(super, s_dev);
	out->nlink = READ(inode, i_nlink);
	out->mode = READ(inode, i_mode);
	out->uid = READ(inode, i_uid.val);
	out->fs_magic = READ(super, s_magic);
	out->flags = 0;
}

static __always_inline void file__fill(struct sentinel_file *out, struct file *file)
{
	struct dentry *dentry = READ(file, f_path.dentry);
	__u32 flags = 0;

	inode__fill(out, READ(file, f_inode));
	if (!READ(dentry, d_hash.pprev) && READ(dentry, d_parent) != dentry)
		flags |= SENTINEL_FILE_UNHASHED;
	if (READ(file, f_path.mnt, mnt_flags) & MNT_INTERNAL) {
		flags |= SENTINEL_FILE_KERNEL_MOUNT;
		if (dentry__is_memfd(dentry))
			flags |= SENTINEL_FILE_MEMFD;
	}
	out->flags = flags;
}

static __always_inline void socket__fill(struct sentinel_socket *out, struct sock *sk)
{
	out->family = READ(sk, __sk_common.skc_family);
	out->protocol = READ(sk, sk_protocol);
	out->inode = READ(sk, sk_socket, file, f_inode, i_ino);
	__builtin_memset(out->local_addr, 0, sizeof(out->local_addr));
	__builtin_memset(out->peer_addr, 0, sizeof(out->peer_addr));
	out->local_port = 0;
	out->peer_port = 0;
	if (out->family == AF_INET) {
		BPF_CORE_READ_INTO((__be32 *)out->local_addr, sk, __sk_common.skc_rcv_saddr);
		BPF_CORE_READ_INTO((__be32 *)out->peer_addr, sk, __sk_common.skc_daddr);
	} else if (out->family == AF_INET6) {
		BPF_CORE_READ_INTO(&out->local_addr, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&out->peer_addr, sk, __sk_common.skc_v6_daddr);
	} else {
		return;
	}
	out->local_port = READ(sk, __sk_common.skc_num);
	out->peer_port = bpf_ntohs(READ(sk, __sk_common.skc_dport));
}

static __always_inline void stdio__fill(struct sentinel_stdio *out, struct task_struct *task,
					__s32 fd)
{
	struct file *file = file__of_fd(task, fd);
	struct inode *inode = READ(file, f_inode);

	__builtin_memset(out, 0, sizeof(*out));
	if (!file)
		return;
	out->inode = READ(inode, i_ino);
	out->mode = READ(inode, i_mode);
	out->rdev = READ(inode, i_rdev);
	if ((out->mode & S_IFMT) == S_IFSOCK) {
		struct socket *socket = READ(file, private_data);

		socket__fill(&out->socket, READ(socket, sk));
	}
}

#endif

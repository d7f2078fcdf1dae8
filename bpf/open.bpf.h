/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* A file that was opened or made, taken from the descriptor that the caller got. */
#ifndef SENTINEL_OPEN_BPF_H
#define SENTINEL_OPEN_BPF_H

#include "common.bpf.h"
#include "filter.bpf.h"
#include "object.bpf.h"
#include "path.bpf.h"
#include "repeat.bpf.h"
#include "task.bpf.h"

/* include/linux/fs.h: this open made the file. */
#define FMODE_CREATED 0x100000

static __always_inline bool open__fill(struct sentinel_open_head *open, char *bytes, __u32 capacity,
				       __u32 size, __u32 kind, struct file *file, __s64 fd)
{
	struct names names;
	struct task_struct *task = (void *)bpf_get_current_task();

	names__begin(&names, bytes, capacity, &open->names);
	names__add_path(&names, __builtin_preserve_access_index(&file->f_path), &open->path);
	header__fill(&open->header, kind, size, task, fd < 0 ? 0 : fd);
	file__fill(&open->file, file);
	open->open_flags = READ(file, f_flags);
	open->created = !!(READ(file, f_mode) & FMODE_CREATED);
	open->fd = fd;
	open->pad = 0;
	if (open->names.truncated)
		open->header.flags |= SENTINEL_FLAG_TRUNCATED;
	return !open->names.truncated;
}

/* The caller may say where what it opened is remembered; NULL for nowhere. */
static __always_inline int open__emit(__u32 ring, __u32 kind, struct file *file, __s64 fd,
				      void *window, const struct sentinel_repeat_key *key)
{
	struct sentinel_open_small *small;
	struct sentinel_open_large *large;

	small = record__reserve(ring, kind, sizeof(*small));
	if (!small)
		return 0;
	if (open__fill(&small->head, small->names, sizeof(small->names) - SENTINEL_NAME_BYTES,
		       sizeof(*small), kind, file, fd)) {
		if (window)
			repeat__begin(window, key, small, sizeof(*small));
		bpf_ringbuf_submit(small, ring__wakeup(ring));
		return 0;
	}
	bpf_ringbuf_discard(small, 0);
	large = record__enlarge(ring, kind, sizeof(*large));
	if (!large)
		return 0;
	open__fill(&large->head, large->names, sizeof(large->names) - SENTINEL_NAME_BYTES,
		   sizeof(*large), kind, file, fd);
	bpf_ringbuf_submit(large, ring__wakeup(ring));
	return 0;
}

/*
 * Says what makes this open the same as another. A file that was made, or that no name
 * leads to, is the same as none: its inode number may have been another file's.
 */
static __always_inline bool open__key(struct sentinel_repeat_key *key, struct task_struct *task,
				      struct file *file)
{
	struct task_struct *leader = READ(task, group_leader);
	const struct cred *cred = READ(task, cred);
	struct dentry *dentry = READ(file, f_path.dentry);
	struct inode *inode = READ(file, f_inode);
	__u64 dev = READ(inode, i_sb, s_dev);

	if (READ(file, f_mode) & FMODE_CREATED || !READ(dentry, d_hash.pprev))
		return false;
	key->start_ns = READ(leader, start_boottime);
	key->object[0] = READ(inode, i_ino);
	key->object[1] = dev << 32 | READ(dentry, d_name.hash);
	key->object[2] = (__u64)READ(file, f_path.mnt);
	key->pid = READ(task, tgid);
	key->exec_seq = READ(task, self_exec_id);
	key->uid = READ(cred, uid.val);
	key->euid = READ(cred, euid.val);
	key->access = READ(file, f_flags);
	key->kind = SENTINEL_KIND_OPEN;
	return true;
}

static __always_inline int open__report(struct task_struct *task, struct file *file, __s64 fd)
{
	struct sentinel_repeat_key key;
	void *window = window__now();

	if (task__is_muted(task, SENTINEL_RING_BULK, SENTINEL_KIND_OPEN) ||
	    (muted__any(SENTINEL_MUTE_FOLDER) &&
	     place__is_muted(BPF_CORE_READ(file, f_path.mnt), BPF_CORE_READ(file, f_path.dentry),
			     SENTINEL_KIND_OPEN)))
		return 0;
	if (window && !open__key(&key, task, file))
		window = NULL;
	if (window && repeat__count(window, &key, SENTINEL_RING_BULK))
		return 0;
	return open__emit(SENTINEL_RING_BULK, SENTINEL_KIND_OPEN, file, fd, window, &key);
}

/* Whether an open with O_TRUNC emptied the file: one that it made was empty. */
static __always_inline bool open__may_empty(struct file *file)
{
	return (READ(file, f_inode, i_mode) & S_IFMT) == S_IFREG &&
	       !(READ(file, f_mode) & FMODE_CREATED);
}

static __always_inline int memfd__made(long fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file *file;

	if (fd < 0 || !task__in_scope(task))
		return 0;
	file = file__of_fd(task, fd);
	if (!file)
		return 0;
	return open__emit(SENTINEL_RING_PRIORITY, SENTINEL_KIND_MEMFD, file, fd, NULL, NULL);
}

#endif

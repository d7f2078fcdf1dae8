/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Actions: gathers what was done to a file, a process or the kernel, and sends it.
 * Names come from the kernel's objects where a hook has them, else from the caller's
 * memory, which the record then says.
 */
#ifndef SENTINEL_ACTION_BPF_H
#define SENTINEL_ACTION_BPF_H

#include "common.bpf.h"
#include "filter.bpf.h"
#include "object.bpf.h"
#include "path.bpf.h"
#include "task.bpf.h"

#define AT_FDCWD (-100)

/* A name of a file: the kernel's when `dentry` or `file` is set, else the caller's. */
struct named {
	struct vfsmount *mnt; /* of `dentry` */
	struct dentry *dentry;
	struct file *file;
	const void *kernel_text; /* no path, a text of the kernel's own */
	const char *text;	 /* in the caller's memory */
	__s32 dirfd;		 /* what `text` is relative to */
	__u32 is_plain;		 /* `text` is no path but a text of its own */
};

struct action {
	struct named path;
	struct named to;
	struct task_struct *target;
	__u64 argument;
	__u64 address;
	__u64 length;
	__s64 result;
	__u32 target_pid;
	__u32 kind;
	__u32 ring;
	__u32 call;
	__u32 flags; /* enum sentinel_flag, beside those that come from the names */
	__u32 pad;
};

/* What a caller's text is relative to. */
static __always_inline void named__find_folder(struct named *named, struct task_struct *task,
					       struct vfsmount **mnt, struct dentry **dentry)
{
	struct file *file;

	if (named->dirfd == AT_FDCWD) {
		*mnt = BPF_CORE_READ(task, fs, pwd.mnt);
		*dentry = BPF_CORE_READ(task, fs, pwd.dentry);
		return;
	}
	file = file__of_fd(task, named->dirfd);
	*mnt = BPF_CORE_READ(file, f_path.mnt);
	*dentry = BPF_CORE_READ(file, f_path.dentry);
}

/*
 * Appends a name; whether it came from the caller's memory goes into `flags`. The walk up
 * the tree stands here once, because it is what the verifier's time goes to, and `flags`
 * lie in the record, because for a value that it knows it would take every walk twice.
 */
static __always_inline void names__add_named(struct names *names, struct task_struct *task,
					     struct named *named, __u32 text_bytes,
					     struct sentinel_span *span, volatile __u16 *flags)
{
	volatile struct sentinel_names *state = names->state;
	struct dentry *dentry = named->dentry;
	struct vfsmount *mnt = named->mnt;
	struct sentinel_span walked;
	struct file *file = named->file;
	__u32 offset = state->used;
	char first = 0;

	span->offset = offset;
	span->length = 0;
	if (file) {
		mnt = BPF_CORE_READ(file, f_path.mnt);
		dentry = BPF_CORE_READ(file, f_path.dentry);
	} else if (named->kernel_text) {
		names__add(names, named->kernel_text);
	} else if (named->text) {
		*flags |= SENTINEL_FLAG_USER_MEMORY;
		bpf_probe_read_user(&first, sizeof(first), named->text);
		names__add_user(names, named->text, text_bytes);
		if (first != '/' && !named->is_plain)
			named__find_folder(named, task, &mnt, &dentry);
	}
	if (dentry)
		names__add_place(names, mnt, dentry, &walked);
	span->length = state->used - offset;
}

static __always_inline void target__fill(struct sentinel_target *out, struct action *action)
{
	/* A local copy: CO-RE takes fields in its expressions for the kernel's. */
	struct task_struct *target = action->target, *leader;

	__builtin_memset(out, 0, sizeof(*out));
	out->pid = action->target_pid;
	if (!target)
		return;
	leader = BPF_CORE_READ(target, group_leader);
	out->start_ns = BPF_CORE_READ(leader, start_boottime);
	out->pid = task__pid(leader);
	out->ppid = task__pid(BPF_CORE_READ(leader, real_parent, group_leader));
	out->exec_seq = BPF_CORE_READ(target, self_exec_id);
	out->uid = BPF_CORE_READ(target, cred, uid.val);
}

static __always_inline bool action__fill(struct sentinel_action_head *head, char *bytes,
					 __u32 capacity, __u32 text_bytes, __u32 size,
					 struct action *action)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct dentry *dentry = action->path.dentry;
	struct names names;

	header__fill(&head->header, action->kind, size, task, action->result);
	head->header.flags |= action->flags;
	names__begin(&names, bytes, capacity, &head->names);
	names__add_named(&names, task, &action->path, text_bytes, &head->path, &head->header.flags);
	names__add_named(&names, task, &action->to, text_bytes, &head->to, &head->header.flags);
	__builtin_memset(&head->file, 0, sizeof(head->file));
	if (action->path.file)
		file__fill(&head->file, action->path.file);
	else if (dentry)
		inode__fill(&head->file, BPF_CORE_READ(dentry, d_inode));
	target__fill(&head->target, action);
	head->argument = action->argument;
	head->address = action->address;
	head->length = action->length;
	head->call = action->call;
	head->pad = 0;
	if (head->names.truncated)
		head->header.flags |= SENTINEL_FLAG_TRUNCATED;
	return !head->names.truncated;
}

/*
 * Whether the operator wants to hear nothing of it. A place that only the caller's text
 * names is not looked for: the caller could change it. Asked before action__emit() and not in it:
 * their stacks would not fit.
 */
static __noinline int action__is_muted(struct action *action)
{
	struct vfsmount *mnt;
	struct dentry *dentry;
	struct file *file;

	if (!action || action->ring != SENTINEL_RING_BULK)
		return 0;
	if (task__is_muted((void *)bpf_get_current_task(), action->ring, action->kind))
		return 1;
	if (!muted__any(SENTINEL_MUTE_FOLDER))
		return 0;
	mnt = action->path.mnt;
	dentry = action->path.dentry;
	file = action->path.file;
	if (!dentry && file) {
		mnt = BPF_CORE_READ(file, f_path.mnt);
		dentry = BPF_CORE_READ(file, f_path.dentry);
	}
	return dentry && place__is_muted(mnt, dentry, action->kind);
}

static __noinline int action__emit(struct action *action)
{
	struct sentinel_action_small *small;
	struct sentinel_action_large *large;
	volatile __u32 *ring;
	__u32 kind;

	if (!action)
		return 0;
	/* Read anew each time: what the verifier knew of it would double what follows. */
	ring = &action->ring;
	kind = action->kind;
	small = record__reserve(*ring, kind, sizeof(*small));
	if (!small)
		return 0;
	if (action__fill(&small->head, small->names, sizeof(small->names) - SENTINEL_NAME_BYTES,
			 SENTINEL_NAME_BYTES, sizeof(*small), action)) {
		bpf_ringbuf_submit(small, ring__wakeup(*ring));
		return 0;
	}
	bpf_ringbuf_discard(small, 0);
	large = record__enlarge(*ring, kind, sizeof(*large));
	if (!large)
		return 0;
	action__fill(&large->head, large->names, sizeof(large->names) - SENTINEL_PATH_BYTES,
		     SENTINEL_PATH_BYTES, sizeof(*large), action);
	bpf_ringbuf_submit(large, ring__wakeup(*ring));
	return 0;
}

#endif

/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* A file that was opened or made, taken from the descriptor that the caller got. */
#ifndef SENTINEL_OPEN_BPF_H
#define SENTINEL_OPEN_BPF_H

#include "common.bpf.h"
#include "object.bpf.h"
#include "path.bpf.h"
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
	open->open_flags = BPF_CORE_READ(file, f_flags);
	open->created = !!(BPF_CORE_READ(file, f_mode) & FMODE_CREATED);
	open->fd = fd;
	open->pad = 0;
	if (open->names.truncated)
		open->header.flags |= SENTINEL_FLAG_TRUNCATED;
	return !open->names.truncated;
}

static __always_inline int open__emit(__u32 ring, __u32 kind, struct file *file, __s64 fd)
{
	struct sentinel_open_small *small;
	struct sentinel_open_large *large;

	small = record__reserve(ring, kind, sizeof(*small));
	if (!small)
		return 0;
	if (open__fill(&small->head, small->names, sizeof(small->names) - SENTINEL_NAME_BYTES,
		       sizeof(*small), kind, file, fd)) {
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

/* `fd` is what a system call that opens gave back. */
static __always_inline int open__returned(long fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file *file;

	if (fd < 0 || task__is_noise(task))
		return 0;
	file = file__of_fd(task, fd);
	if (!file)
		return 0;
	return open__emit(SENTINEL_RING_BULK, SENTINEL_KIND_OPEN, file, fd);
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
	return open__emit(SENTINEL_RING_PRIORITY, SENTINEL_KIND_MEMFD, file, fd);
}

#endif

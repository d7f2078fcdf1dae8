/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Memory that became executable: how it is described and sent. */
#ifndef SENTINEL_MEMORY_BPF_H
#define SENTINEL_MEMORY_BPF_H

#include "common.bpf.h"
#include "object.bpf.h"
#include "path.bpf.h"
#include "task.bpf.h"

#define VM_PROT 0x7 /* VM_READ | VM_WRITE | VM_EXEC have the values of PROT_* */
#define MAP_ANONYMOUS 0x20

/* What a caller asked for, kept from entry to exit of the system call. */
struct pending {
	__u64 address;
	__u64 length;
	__u32 prot;
	__u32 old_prot;
	__u32 map_flags;
	__s32 fd;
	__u32 flags;
	__u32 ring;
};

static __always_inline bool memory__fill(struct sentinel_memory_head *memory, char *bytes,
					 __u32 capacity, __u32 size, __u32 kind,
					 struct pending *pending, struct file *file)
{
	struct names names;
	struct task_struct *task = (void *)bpf_get_current_task();

	names__begin(&names, bytes, capacity, &memory->names);
	__builtin_memset(&memory->file, 0, sizeof(memory->file));
	memory->path.offset = 0;
	memory->path.length = 0;
	if (file) {
		names__add_path(&names, __builtin_preserve_access_index(&file->f_path),
				&memory->path);
		file__fill(&memory->file, file);
	}
	header__fill(&memory->header, kind, size, task, 0);
	memory->address = pending->address;
	memory->length = pending->length;
	memory->prot = pending->prot;
	memory->old_prot = pending->old_prot;
	memory->map_flags = pending->map_flags;
	memory->pad = 0;
	memory->header.flags |= pending->flags;
	if (memory->names.truncated)
		memory->header.flags |= SENTINEL_FLAG_TRUNCATED;
	return !memory->names.truncated;
}

/* `ring` is read anew each time: the verifier would remember what it was. */
static __always_inline int memory__emit(volatile __u32 *ring, __u32 kind, struct pending *pending,
					struct file *file)
{
	struct sentinel_memory_small *small;
	struct sentinel_memory_large *large;

	small = record__reserve(*ring, kind, sizeof(*small));
	if (!small)
		return 0;
	if (memory__fill(&small->head, small->names, sizeof(small->names) - SENTINEL_NAME_BYTES,
			 sizeof(*small), kind, pending, file)) {
		bpf_ringbuf_submit(small, ring__wakeup(*ring));
		return 0;
	}
	bpf_ringbuf_discard(small, 0);
	large = record__enlarge(*ring, kind, sizeof(*large));
	if (!large)
		return 0;
	memory__fill(&large->head, large->names, sizeof(large->names) - SENTINEL_NAME_BYTES,
		     sizeof(*large), kind, pending, file);
	bpf_ringbuf_submit(large, ring__wakeup(*ring));
	return 0;
}

/*
 * A library mapped from a file that has a name is everyday traffic and goes to the bulk
 * ring; everything else is the raw material of attacks.
 */
static __noinline int memory__report(__u32 kind, struct pending *pending, struct file *file)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	void *hashed = BPF_CORE_READ(dentry, d_hash.pprev);

	if (!pending)
		return 0;
	pending->ring = hashed ? SENTINEL_RING_BULK : SENTINEL_RING_PRIORITY;
	/* The verifier forgets what a helper writes; it would follow the rest once for each. */
	bpf_probe_read_kernel(&pending->ring, sizeof(pending->ring), &pending->ring);
	return memory__emit(&pending->ring, kind, pending, file);
}

#endif

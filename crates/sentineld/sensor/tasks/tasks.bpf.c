// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists the processes that run, with what /proc does not tell of them. An object of its
 * own: it is read once while the daemon starts, and a kernel that refuses it refuses
 * nothing else.
 */
#include "kernel.h"

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

/* As crates/sentineld/sensor/tasks.rs reads it. */
struct entry {
	__u64 start_ns;
	__u32 pid;
	__u32 exec_seq;
};

SEC("iter/task")
int list_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct entry entry;

	if (!task || BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid))
		return 0;
	entry.start_ns = BPF_CORE_READ(task, start_boottime);
	entry.pid = BPF_CORE_READ(task, pid);
	entry.exec_seq = BPF_CORE_READ(task, self_exec_id);
	bpf_seq_write(ctx->meta->seq, &entry, sizeof(entry));
	return 0;
}

char tasks_license[] SEC("license") = "GPL";

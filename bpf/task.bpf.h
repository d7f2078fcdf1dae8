/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Who acts: reads a task into the header that opens every record. */
#ifndef SENTINEL_TASK_BPF_H
#define SENTINEL_TASK_BPF_H

#include "common.bpf.h"

#define TS_COMPAT 0x2
#define PIDNS_DEPTH 8

/*
 * The task's id as the daemon's pid namespace numbers it; 0 when that namespace does
 * not contain the task. The initial namespace is the fast path.
 */
static __always_inline __u32 task__pid(struct task_struct *task)
{
	struct pid *pid;
	__u32 level;

	if (!knobs.pidns_inum)
		return READ(task, pid);
	pid = READ(task, thread_pid);
	level = READ(pid, level);
	for (__u32 i = 0; i < PIDNS_DEPTH; i++) {
		struct upid numbers;

		if (i > level)
			break;
		bpf_core_read(&numbers, sizeof(numbers), &pid->numbers[i]);
		if (BPF_CORE_READ(numbers.ns, ns.inum) == knobs.pidns_inum)
			return numbers.nr;
	}
	return 0;
}

static __always_inline __u16 task__flags(struct task_struct *task)
{
	if (bpf_core_field_exists(task->thread_info.status) &&
	    READ(task, thread_info.status) & TS_COMPAT)
		return SENTINEL_FLAG_COMPAT;
	return 0;
}

static __always_inline __u64 cred__capabilities(const struct cred *cred)
{
	/* 64 bits, low half first, both as a plain value (since 6.3) and as two halves. */
	const void *effective = (const void *)cred + bpf_core_field_offset(cred->cap_effective);
	__u64 capabilities = 0;

	bpf_probe_read_kernel(&capabilities, sizeof(capabilities), effective);
	return capabilities;
}

static __always_inline void header__fill(struct sentinel_header *header, __u32 kind, __u32 size,
					 struct task_struct *task, __s64 result)
{
	struct task_struct *leader = READ(task, group_leader);
	const struct cred *cred = READ(task, cred);

	header->time_ns = bpf_ktime_get_boot_ns();
	header->start_ns = READ(leader, start_boottime);
	header->result = result;
	header->size = size;
	header->kind = kind;
	header->flags = task__flags(task);
	header->pid = task__pid(leader);
	header->tid = task__pid(task);
	header->ppid = task__pid(READ(leader, real_parent, group_leader));
	header->exec_seq = READ(task, self_exec_id);
	header->uid = READ(cred, uid.val);
	header->euid = READ(cred, euid.val);
	header->gid = READ(cred, gid.val);
	header->egid = READ(cred, egid.val);
}

/*
 * Whether the current task is to be reported: somebody is there to read it, it is in the
 * daemon's pid namespace (a daemon in a container answers for that container alone) and is
 * not the daemon. Every program asks one of these two before it does anything that costs.
 */
static __always_inline bool task__in_scope(struct task_struct *task)
{
	return !attendance__is_over() && (!knobs.pidns_inum || task__pid(task));
}

static __always_inline bool task__is_noise(struct task_struct *task)
{
	__u32 pid;

	if (attendance__is_over())
		return true;
	pid = task__pid(READ(task, group_leader));
	return pid == 0 || pid == attendance.daemon_pid;
}

#endif

/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* System calls that reach into other processes, change rights, or concern the kernel. */
#ifndef SENTINEL_CALL_PROCESS_BPF_H
#define SENTINEL_CALL_PROCESS_BPF_H

#include "action.bpf.h"
#include "call.bpf.h"
#include "call_file.bpf.h"

/* include/uapi/linux/ptrace.h */
#define PTRACE_POKETEXT 4
#define PTRACE_POKEDATA 5
#define PTRACE_POKEUSR 6
#define PTRACE_SETREGS 13
#define PTRACE_SETFPREGS 15
#define PTRACE_ATTACH 16
#define PTRACE_SETREGSET 0x4205
#define PTRACE_SEIZE 0x4206

/* include/uapi/linux/bpf.h */
#define BPF_PROG_LOAD 5
#define BPF_PROG_ATTACH 8
#define BPF_RAW_TRACEPOINT_OPEN 17
#define BPF_LINK_CREATE 28
#define BPF_ATTR_PROG_NAME 48

/* A new namespace of any type (include/uapi/linux/sched.h). */
#define CLONE_NEW_ANY 0x7e020080

static __always_inline bool ptrace__counts(__u64 request)
{
	return request == PTRACE_ATTACH || request == PTRACE_SEIZE || request == PTRACE_POKETEXT ||
	       request == PTRACE_POKEDATA || request == PTRACE_POKEUSR ||
	       request == PTRACE_SETREGS || request == PTRACE_SETFPREGS ||
	       request == PTRACE_SETREGSET;
}

/* The process behind a pidfd, as the daemon's pid namespace numbers it. */
static __always_inline __u32 pidfd__pid(__s32 fd)
{
	struct file *file = file__of_fd((void *)bpf_get_current_task(), fd);
	struct pid *pid = BPF_CORE_READ(file, private_data);
	__u32 level;

	/* Since 6.9 (commit cb12fd8e0dab) the pid hangs on the inode. */
	if (!pid)
		pid = BPF_CORE_READ(file, f_inode, i_private);
	level = BPF_CORE_READ(pid, level);
	for (__u32 i = 0; i < PIDNS_DEPTH; i++) {
		struct upid numbers;

		if (i > level)
			break;
		bpf_core_read(&numbers, sizeof(numbers), &pid->numbers[i]);
		if (!knobs.pidns_inum || BPF_CORE_READ(numbers.ns, ns.inum) == knobs.pidns_inum)
			return numbers.nr;
	}
	return 0;
}

static __always_inline void remote__read(struct action *action, struct call *call)
{
	struct {
		__u64 base;
		__u64 length;
	} vector = {};
	__u32 halves[2] = {};

	if (call->is_compat) {
		bpf_probe_read_user(halves, sizeof(halves), (void *)call->args[3]);
		action->address = halves[0];
	} else {
		bpf_probe_read_user(&vector, sizeof(vector), (void *)call->args[3]);
		action->address = vector.base;
	}
	action->length = call->result > 0 ? call->result : 0;
}

static __noinline int call__other_process(struct call *call, struct action *action)
{
	__u64 *args = call->args;

	action->ring = SENTINEL_RING_PRIORITY;
	switch (call->id) {
	case SENTINEL_CALL_PTRACE:
		if (!ptrace__counts(args[0]))
			return 0;
		action->kind = SENTINEL_KIND_PTRACE;
		action->argument = args[0];
		action->target_pid = args[1];
		action->address = args[2];
		break;
	case SENTINEL_CALL_PROCESS_VM_WRITEV:
		action->kind = SENTINEL_KIND_PROCESS_WRITE;
		action->target_pid = args[0];
		remote__read(action, call);
		break;
	case SENTINEL_CALL_PROCESS_VM_READV:
		action->kind = SENTINEL_KIND_PROCESS_READ;
		action->target_pid = args[0];
		remote__read(action, call);
		break;
	case SENTINEL_CALL_PROCESS_MADVISE:
		action->kind = SENTINEL_KIND_PROCESS_MADVISE;
		action->target_pid = pidfd__pid(args[0]);
		action->argument = args[3];
		action->length = call->result > 0 ? call->result : 0;
		break;
	case SENTINEL_CALL_PIDFD_GETFD:
		action->kind = SENTINEL_KIND_PIDFD_GETFD;
		action->target_pid = pidfd__pid(args[0]);
		action->argument = args[1];
		break;
	default:
		return 0;
	}
	return call__counts(call);
}

static __noinline int call__credentials(struct call *call)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 ring = SENTINEL_RING_PRIORITY, kind = SENTINEL_KIND_CREDENTIALS;
	struct sentinel_credentials *change;

	if (!call__counts(call))
		return 0;
	change = record__reserve(ring, kind, sizeof(*change));
	if (!change)
		return 0;
	header__fill(&change->header, kind, sizeof(*change), task, call->result);
	change->cap_effective = cred__capabilities(BPF_CORE_READ(task, cred));
	change->call = call->id;
	change->pad = 0;
	bpf_ringbuf_submit(change, 0);
	return 0;
}

/* Where the caller is now: whose namespaces it entered cannot be told from the call. */
static __always_inline void namespaces__entered(struct action *action)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct nsproxy *now = BPF_CORE_READ(task, nsproxy);
	__u64 pid_ns = BPF_CORE_READ(now, pid_ns_for_children, ns.inum);

	action->address = BPF_CORE_READ(now, mnt_ns, ns.inum) | pid_ns << 32;
	action->length = BPF_CORE_READ(now, net_ns, ns.inum);
}

static __noinline int call__kernel(struct call *call, struct action *action)
{
	__u64 *args = call->args;
	__u32 type = 0;

	action->ring = SENTINEL_RING_PRIORITY;
	switch (call->id) {
	case SENTINEL_CALL_UNSHARE:
		if (!(args[0] & CLONE_NEW_ANY))
			return 0;
		action->kind = SENTINEL_KIND_NAMESPACE;
		action->argument = args[0] & CLONE_NEW_ANY;
		break;
	case SENTINEL_CALL_SETNS:
		action->kind = SENTINEL_KIND_NAMESPACE;
		action->argument = args[1];
		namespaces__entered(action);
		break;
	case SENTINEL_CALL_INIT_MODULE:
		if (knobs.tells_modules && call->result >= 0)
			return 0;
		action->kind = SENTINEL_KIND_MODULE;
		break;
	case SENTINEL_CALL_FINIT_MODULE:
		if (knobs.tells_modules && call->result >= 0)
			return 0;
		action->kind = SENTINEL_KIND_MODULE;
		named__fd(&action->path, args[0]);
		break;
	case SENTINEL_CALL_BPF:
		if (args[0] != BPF_PROG_LOAD && args[0] != BPF_PROG_ATTACH &&
		    args[0] != BPF_RAW_TRACEPOINT_OPEN && args[0] != BPF_LINK_CREATE)
			return 0;
		action->kind = SENTINEL_KIND_BPF;
		action->argument = args[0];
		if (args[0] == BPF_PROG_LOAD) {
			bpf_probe_read_user(&type, sizeof(type), (void *)args[1]);
			action->address = type;
			named__plain(&action->path, args[1] + BPF_ATTR_PROG_NAME);
		}
		break;
	case SENTINEL_CALL_KEXEC_LOAD:
	case SENTINEL_CALL_KEXEC_FILE_LOAD:
		action->kind = SENTINEL_KIND_KEXEC;
		break;
	default:
		return 0;
	}
	return call__counts(call);
}

#endif

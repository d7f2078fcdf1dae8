// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls as they return, for what no deeper hook shows, in both widths. One program
 * is attached, and for a call that nobody asked for it is a look into a table. What a
 * call of interest needs is in a program of its own, which the daemon puts into
 * `call_programs` under the number of each call that it serves.
 *
 * Programs that gather actions are in call_action.bpf.c.
 */
#include "call.bpf.h"
#include "call_descriptor.bpf.h"
#include "call_process.bpf.h"
#include "connection.bpf.h"
#include "memory.bpf.h"
#include "open.bpf.h"

/* include/uapi/linux/shm.h */
#define SHM_RDONLY 010000
#define SHM_EXEC 0100000
#define PROT_READ 1
#define PROT_WRITE 2
#define MAP_ANONYMOUS 0x20

/* By enum sentinel_call. What has no program here is not looked at. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SENTINEL_CALL_COUNT);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} call_programs SEC(".maps");

/* include/trace/events/syscalls.h: sys_exit(struct pt_regs *regs, long ret) */
SEC("tp_btf/sys_exit")
int BPF_PROG(handle_call, struct pt_regs *regs, long result)
{
	__u32 id = call__which(regs, (void *)bpf_get_current_task());

	if (id == SENTINEL_CALL_NONE)
		return 0;
	/* By far the most frequent one, called without an indirect jump. */
	if (id == SENTINEL_CALL_OPENAT) {
		if (result >= 0)
			bpf_tail_call_static(ctx, &call_programs, SENTINEL_CALL_OPENAT);
		return 0;
	}
	bpf_tail_call(ctx, &call_programs, id);
	return 0;
}

/* open, openat, openat2, creat, open_by_handle_at */
SEC("tp_btf/sys_exit")
int BPF_PROG(call_open, struct pt_regs *regs, long result)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct call call = {};
	struct file *file;

	if (result < 0 || !call__begin(&call, regs, result))
		return 0;
	file = file__of_fd(task, result);
	if (!file)
		return 0;
	open__report(task, file, result);
	if (call__empties(&call) && open__may_empty(file))
		bpf_tail_call(ctx, &call_programs, SENTINEL_CALL_OPEN_TRUNCATE);
	return 0;
}

/* memfd_create */
SEC("tp_btf/sys_exit")
int BPF_PROG(call_memfd, struct pt_regs *regs, long result)
{
	return memfd__made(result);
}

/* accept, accept4 */
SEC("tp_btf/sys_exit")
int BPF_PROG(call_accept, struct pt_regs *regs, long result)
{
	struct call call = {};

	if (!call__begin_unwrapped(&call, regs, result))
		return 0;
	call__redirects(&call);
	return accept__returned(result);
}

/* dup, dup2, dup3, fcntl, recvmsg, recvmmsg, socket */
SEC("tp_btf/sys_exit")
int BPF_PROG(call_redirect, struct pt_regs *regs, long result)
{
	struct call call = {};

	return call__begin_unwrapped(&call, regs, result) ? call__redirects(&call) : 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(call_bind, struct pt_regs *regs, long result)
{
	struct call call = {};

	return call__begin_unwrapped(&call, regs, result) ? call__bind(&call) : 0;
}

/* setuid and its kin, capset */
SEC("tp_btf/sys_exit")
int BPF_PROG(call_credentials, struct pt_regs *regs, long result)
{
	struct call call = {};

	return call__begin(&call, regs, result) ? call__credentials(&call) : 0;
}

/*
 * mmap, mprotect, pkey_mprotect, shmat: memory of 32-bit callers, and shared memory. The
 * area itself cannot be looked at here, which the record says.
 */
SEC("tp_btf/sys_exit")
int BPF_PROG(call_memory, struct pt_regs *regs, long result)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct pending pending = { .flags = SENTINEL_FLAG_UNCERTAIN_FILE };
	struct file *file = NULL;
	struct call call = {};
	__u64 *args = call.args;
	__u32 kind;

	/* The last page of the address space stands for negative errnos. */
	if ((result < 0 && result > -4096) || !call__begin_unwrapped(&call, regs, result))
		return 0;
	pending.address = args[0];
	pending.length = args[1];
	pending.prot = args[2];
	switch (call.id) {
	case SENTINEL_CALL_MMAP:
		kind = SENTINEL_KIND_MMAP;
		pending.address = result;
		pending.map_flags = args[3];
		if (args[3] & MAP_ANONYMOUS)
			pending.flags = 0;
		else
			file = file__of_fd(task, args[4]);
		break;
	case SENTINEL_CALL_MPROTECT:
		kind = SENTINEL_KIND_MPROTECT;
		break;
	case SENTINEL_CALL_SHMAT:
		kind = SENTINEL_KIND_SHMAT;
		pending.address = call.result;
		pending.length = 0;
		pending.map_flags = args[2];
		pending.prot = PROT_READ;
		if (args[2] & SHM_EXEC)
			pending.prot |= PROT_EXEC;
		if (!(args[2] & SHM_RDONLY))
			pending.prot |= PROT_WRITE;
		break;
	default:
		return 0;
	}
	if (!(pending.prot & PROT_EXEC))
		return 0;
	if (call__is_wrapped(&call, regs))
		pending.flags |= SENTINEL_FLAG_USER_MEMORY;
	return memory__report(kind, &pending, file);
}

char LICENSE[] SEC("license") = "GPL";

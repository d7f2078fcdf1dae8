// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls as they return, for what no deeper hook shows: one program for all of
 * them and for both widths. The tables that the daemon fills say which numbers are of
 * interest; all others cost one look into them.
 */
#include "call.bpf.h"
#include "call_descriptor.bpf.h"
#include "call_file.bpf.h"
#include "call_process.bpf.h"
#include "connection.bpf.h"
#include "memory.bpf.h"
#include "open.bpf.h"

/* include/uapi/linux/net.h */
#define SYS_ACCEPT 5
#define SYS_ACCEPT4 18
/* include/uapi/linux/shm.h */
#define SHM_RDONLY 010000
#define SHM_EXEC 0100000
#define PROT_READ 1
#define PROT_WRITE 2
#define MAP_ANONYMOUS 0x20

static __noinline int call__accept(struct call *call)
{
	if (call->id == SENTINEL_CALL_SOCKETCALL && call->args[0] != SYS_ACCEPT &&
	    call->args[0] != SYS_ACCEPT4)
		return 0;
	return accept__returned(call->result);
}

static __noinline int call__open(struct call *call)
{
	call->id == SENTINEL_CALL_OPEN ? open__returned(call->result) : memfd__made(call->result);
	return 0;
}

/*
 * Memory of 32-bit callers, and shared memory. The area itself cannot be looked at here,
 * which the record says.
 */
static __noinline int call__memory(struct call *call)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct pending pending = { .flags = SENTINEL_FLAG_UNCERTAIN_FILE };
	struct file *file = NULL;
	__u64 *args = call->args;
	__u32 kind;

	/* The last page of the address space stands for negative errnos. */
	if (call->result < 0 && call->result > -4096)
		return 0;
	pending.address = args[0];
	pending.length = args[1];
	pending.prot = args[2];
	switch (call->id) {
	case SENTINEL_CALL_MMAP:
		kind = SENTINEL_KIND_MMAP;
		pending.address = call->result;
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
		pending.address = call->result;
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
	return memory__report(kind, &pending, file);
}

/* Reports what has a shape of its own; says whether an action is to be told besides. */
static __always_inline int call__report(struct call *call)
{
	switch (call->id) {
	case SENTINEL_CALL_OPEN:
	case SENTINEL_CALL_MEMFD_CREATE:
		return call__open(call);
	case SENTINEL_CALL_ACCEPT:
	case SENTINEL_CALL_SOCKETCALL:
		call__redirects(call);
		return call__accept(call);
	case SENTINEL_CALL_MMAP:
	case SENTINEL_CALL_MPROTECT:
	case SENTINEL_CALL_SHMAT:
		return call__memory(call);
	case SENTINEL_CALL_BIND:
		return call__bind(call);
	case SENTINEL_CALL_PIDFD_GETFD:
		call__redirects(call);
		return 1;
	case SENTINEL_CALL_DUP ... SENTINEL_CALL_SOCKET:
		return call__redirects(call);
	case SENTINEL_CALL_SETUID ... SENTINEL_CALL_CAPSET:
		return call__credentials(call);
	}
	return 1;
}

static __always_inline int call__fill(struct call *call, struct action *action)
{
	switch (call->id) {
	case SENTINEL_CALL_EXECVE:
	case SENTINEL_CALL_EXECVEAT:
		return call__failed_exec(call, action);
	case SENTINEL_CALL_CONNECT:
		return call__unix_connect(call, action);
	case SENTINEL_CALL_UNLINK ... SENTINEL_CALL_SYMLINKAT:
		return call__names(call, action);
	case SENTINEL_CALL_TRUNCATE ... SENTINEL_CALL_FREMOVEXATTR:
		return call__attributes(call, action);
	case SENTINEL_CALL_MOUNT ... SENTINEL_CALL_UMOUNT2:
		return call__mounts(call, action);
	case SENTINEL_CALL_PTRACE ... SENTINEL_CALL_PROCESS_MADVISE:
	case SENTINEL_CALL_PIDFD_GETFD:
		return call__other_process(call, action);
	case SENTINEL_CALL_UNSHARE ... SENTINEL_CALL_KEXEC_FILE_LOAD:
		return call__kernel(call, action);
	}
	return 0;
}

/* A function of its own, so that its stack is not there while others run. */
static __noinline int call__act(struct call *call)
{
	struct action action = {};

	if (!call__fill(call, &action))
		return 0;
	action.result = call->result;
	action.call = call->id;
	/*
	 * The verifier forgets what it knows of memory that a helper writes to: without this
	 * copy onto itself it would walk through what follows once for each call above.
	 */
	bpf_probe_read_kernel(&action, sizeof(action), &action);
	return action__is_muted(&action) ? 0 : action__emit(&action);
}

/* include/trace/events/syscalls.h: sys_exit(struct pt_regs *regs, long ret) */
SEC("tp_btf/sys_exit")
int BPF_PROG(handle_call, struct pt_regs *regs, long result)
{
	__u64 number = call__number(regs);
	struct task_struct *task;
	struct call call = {};
	bool is_compat;
	__u32 id;

	if (number >= SENTINEL_CALL_NUMBERS)
		return 0;
	number &= SENTINEL_CALL_NUMBERS - 1;
	if (!calls.native[number] && !calls.compat[number])
		return 0;
	task = (void *)bpf_get_current_task();
	is_compat = task__flags(task) & SENTINEL_FLAG_COMPAT;
	id = is_compat ? calls.compat[number] : calls.native[number];
	if (!id || task__is_noise(task))
		return 0;
	call.id = id;
	call.result = result;
	call__read(&call, regs, is_compat);
	return call__report(&call) ? call__act(&call) : 0;
}

char LICENSE[] SEC("license") = "GPL";

/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* A system call that returned: which, with what arguments, and what came of it. */
#ifndef SENTINEL_CALL_BPF_H
#define SENTINEL_CALL_BPF_H

#include "common.bpf.h"
#include "task.bpf.h"

#define EPERM 1
#define EACCES 13
/* include/uapi/asm-generic/fcntl.h */
#define O_TRUNC 01000

struct call {
	__u64 args[6];
	long result;
	__u32 id; /* enum sentinel_call */
	__u32 is_compat;
};

/*
 * Arguments stay in the registers that the system call was made with (man 2 syscall),
 * so nothing has to be kept from its beginning.
 */
static __always_inline void call__read(struct call *call, struct pt_regs *regs, bool is_compat)
{
#if defined(__TARGET_ARCH_x86)
	call->args[0] = is_compat ? (__u32)regs->bx : regs->di;
	call->args[1] = is_compat ? (__u32)regs->cx : regs->si;
	call->args[2] = is_compat ? (__u32)regs->dx : regs->dx;
	call->args[3] = is_compat ? (__u32)regs->si : regs->r10;
	call->args[4] = is_compat ? (__u32)regs->di : regs->r8;
	call->args[5] = is_compat ? (__u32)regs->bp : regs->r9;
#elif defined(__TARGET_ARCH_arm64)
	call->args[0] = regs->orig_x0;
	call->args[1] = regs->regs[1];
	call->args[2] = regs->regs[2];
	call->args[3] = regs->regs[3];
	call->args[4] = regs->regs[4];
	call->args[5] = regs->regs[5];
#endif
	call->is_compat = is_compat;
}

static __always_inline __u64 call__number(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#elif defined(__TARGET_ARCH_arm64)
	return regs->syscallno;
#endif
}

/* arch/x86/entry/syscalls/syscall_32.tbl: calls whose arguments lie in the caller's memory. */
#define I386_OLD_MMAP 90
#define I386_SOCKETCALL 102
#define I386_IPC 117
/* include/uapi/linux/ipc.h; above it ipc takes a version. */
#define IPC_SHMAT 21
#define IPC_CALL_MASK 0xffff

/* The number of what lies behind a call that is many (ABI); 0 when it is of no interest. */
static __always_inline __u64 call__number_behind(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	__u32 which = regs->bx;

	if (regs->orig_ax == I386_SOCKETCALL)
		return which < SENTINEL_CALL_SOCKETCALLS_END - SENTINEL_CALL_SOCKETCALLS
			       ? SENTINEL_CALL_SOCKETCALLS + which
			       : 0;
	if ((which & IPC_CALL_MASK) == IPC_SHMAT)
		return SENTINEL_CALL_IPC_SHMAT;
#endif
	return 0;
}

/* Which call was made; NONE when it is of no interest. */
static __always_inline __u32 call__which(struct pt_regs *regs, struct task_struct *task)
{
	__u64 number = call__number(regs);
	__u32 id;

	/* Both widths in one look: what is of interest in neither goes no further. */
	if (number >= SENTINEL_CALL_NUMBERS || !calls.of_number[number])
		return SENTINEL_CALL_NONE;
	if (!(task__flags(task) & SENTINEL_FLAG_COMPAT))
		return calls.of_number[number] & 0xff;
	id = calls.of_number[number] >> 8;
	if (id != SENTINEL_CALL_MANY)
		return id;
	number = call__number_behind(regs);
	/* Known to be small enough, but older verifiers do not follow the compiler there. */
	asm volatile("" : "+r"(number));
	number &= SENTINEL_CALL_NUMBERS - 1;
	return number ? calls.of_number[number] >> 8 : SENTINEL_CALL_NONE;
}

/* Says what returned, in a program that is called for it; false when it is the daemon's own. */
static __always_inline bool call__begin(struct call *call, struct pt_regs *regs, long result)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	bool is_compat = task__flags(task) & SENTINEL_FLAG_COMPAT;

	call->id = call__which(regs, task);
	call->result = result;
	call__read(call, regs, is_compat);
	return !task__is_noise(task);
}

/*
 * Puts the arguments that a 32-bit caller left in its memory where they are looked for. The
 * caller could have changed them since.
 */
static __noinline int call__unwrap(struct call *call, __u64 number)
{
	__u32 values[5] = {};

	switch (number) {
	case I386_OLD_MMAP:
		bpf_probe_read_user(values, sizeof(values), (void *)call->args[0]);
		call->args[2] = values[2];
		call->args[3] = values[3];
		call->args[4] = values[4];
		break;
	case I386_SOCKETCALL:
		/* Two are all that is asked for, and some of these calls have no more. */
		bpf_probe_read_user(values, 2 * sizeof(*values), (void *)call->args[1]);
		break;
	case I386_IPC:
		/* shmat's flags are the third argument here too; its result is in memory. */
		bpf_probe_read_user(values, sizeof(*values), (void *)call->args[3]);
		call->result = values[0];
		return 0;
	default:
		return 0;
	}
	call->args[0] = values[0];
	call->args[1] = values[1];
	return 0;
}

/* Whether what was asked for lay in the caller's memory. */
static __always_inline bool call__is_wrapped(struct call *call, struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return call->is_compat && call__number(regs) == I386_OLD_MMAP;
#else
	return false;
#endif
}

/* call__begin() for calls that have such a form. */
static __always_inline bool call__begin_unwrapped(struct call *call, struct pt_regs *regs,
						  long result)
{
	if (!call__begin(call, regs, result))
		return false;
#if defined(__TARGET_ARCH_x86)
	if (call->is_compat)
		call__unwrap(call, call__number(regs));
#endif
	return true;
}

/*
 * Whether a call that opens asked for an empty file. The kernel has forgotten it by now. The
 * flags of openat2 lie in the caller's memory, all others were in a register.
 */
static __always_inline bool call__empties(struct call *call)
{
	__u64 flags = 0;

	switch (call->id) {
	case SENTINEL_CALL_CREAT:
		return true;
	case SENTINEL_CALL_OPEN:
		return call->args[1] & O_TRUNC;
	case SENTINEL_CALL_OPENAT:
	case SENTINEL_CALL_OPEN_BY_HANDLE_AT:
		return call->args[2] & O_TRUNC;
	case SENTINEL_CALL_OPENAT2:
		bpf_probe_read_user(&flags, sizeof(flags), (void *)call->args[2]);
		return flags & O_TRUNC;
	}
	return false;
}

/* What was done, and what was forbidden; other failures are everyday life. */
static __always_inline bool call__counts(struct call *call)
{
	return call->result >= 0 || call->result == -EPERM || call->result == -EACCES;
}

#endif

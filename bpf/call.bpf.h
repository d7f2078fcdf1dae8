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

/* Which call a number stands for; NONE when it is of no interest. */
static __always_inline __u32 call__of_number(__u64 number, struct task_struct *task)
{
	/* Both widths in one look: what is of interest in neither goes no further. */
	if (number >= SENTINEL_CALL_NUMBERS || !calls.of_number[number])
		return SENTINEL_CALL_NONE;
	return task__flags(task) & SENTINEL_FLAG_COMPAT ? calls.of_number[number] >> 8
							: calls.of_number[number] & 0xff;
}

/* Says what returned, in a program that is called for it; false when it is the daemon's own. */
static __always_inline bool call__begin(struct call *call, struct pt_regs *regs, long result)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	bool is_compat = task__flags(task) & SENTINEL_FLAG_COMPAT;

	call->id = call__of_number(call__number(regs), task);
	call->result = result;
	call__read(call, regs, is_compat);
	return !task__is_noise(task);
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

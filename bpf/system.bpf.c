// SPDX-License-Identifier: GPL-2.0-only
/* Signals that end or stop, kernel modules, io_uring: where the kernel itself tells. */
#include "action.bpf.h"

/* include/uapi/asm-generic/siginfo.h */
#define SI_USER 0
#define SI_TKILL (-6)
#define SIGNAL_BIT(signal) (1 << (signal))
/* INT, QUIT, ABRT, KILL, TERM, STOP: those that end a process or stop it. */
#define ENDING_SIGNALS                                                                    \
	(SIGNAL_BIT(2) | SIGNAL_BIT(3) | SIGNAL_BIT(6) | SIGNAL_BIT(9) | SIGNAL_BIT(15) | \
	 SIGNAL_BIT(19))

/*
 * include/trace/events/signal.h: signal_generate(int sig, struct kernel_siginfo *info,
 *                                                struct task_struct *task, int group, int result)
 */
SEC("tp_btf/signal_generate")
int BPF_PROG(handle_signal, int signal, struct kernel_siginfo *info, struct task_struct *target)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct action action = {
		.ring = SENTINEL_RING_PRIORITY,
		.kind = SENTINEL_KIND_KILL,
	};
	int code;

	if (signal < 0 || signal > 31 || !(ENDING_SIGNALS & SIGNAL_BIT(signal & 31)))
		return 0;
	/* include/linux/sched/signal.h: 0 means a user's signal, 1 the kernel's own. */
	if ((__u64)info == 1)
		return 0;
	code = info ? BPF_CORE_READ(info, si_code) : SI_USER;
	if (code != SI_USER && code != SI_TKILL)
		return 0;
	if (BPF_CORE_READ(target, tgid) == BPF_CORE_READ(task, tgid) || !task__in_scope(task))
		return 0;
	action.target = target;
	action.argument = signal;
	return action__emit(&action);
}

/* include/trace/events/module.h: module_load(struct module *mod) */
SEC("tp_btf/module_load")
int BPF_PROG(handle_module, struct module *module)
{
	struct action action = {
		.ring = SENTINEL_RING_PRIORITY,
		.kind = SENTINEL_KIND_MODULE,
		.call = SENTINEL_CALL_INIT_MODULE,
	};

	if (attendance__is_over())
		return 0;
	action.path.kernel_text = __builtin_preserve_access_index(&module->name[0]);
	return action__emit(&action);
}

#define OPCODE_BIT(opcode) (1ULL << (opcode))
/* include/uapi/linux/io_uring.h: what opens, connects and changes names. */
#define WATCHED_OPCODES                                                  \
	(OPCODE_BIT(13) /* ACCEPT */ | OPCODE_BIT(16) /* CONNECT */ |    \
	 OPCODE_BIT(18) /* OPENAT */ | OPCODE_BIT(28) /* OPENAT2 */ |    \
	 OPCODE_BIT(35) /* RENAMEAT */ | OPCODE_BIT(36) /* UNLINKAT */ | \
	 OPCODE_BIT(37) /* MKDIRAT */ | OPCODE_BIT(38) /* SYMLINKAT */ | \
	 OPCODE_BIT(39) /* LINKAT */ | OPCODE_BIT(41) /* FSETXATTR */ |  \
	 OPCODE_BIT(42) /* SETXATTR */ | OPCODE_BIT(45) /* SOCKET */ |   \
	 OPCODE_BIT(55) /* FTRUNCATE */ | OPCODE_BIT(56) /* BIND */ | OPCODE_BIT(57) /* LISTEN */)

static __always_inline int io_uring__emit(__u32 call, __u64 argument)
{
	struct action action = {
		.ring = SENTINEL_RING_PRIORITY,
		.kind = SENTINEL_KIND_IO_URING,
		.call = call,
		.argument = argument,
	};

	if (task__is_noise((void *)bpf_get_current_task()))
		return 0;
	return action__emit(&action);
}

/*
 * include/trace/events/io_uring.h: io_uring_create(int fd, void *ctx, u32 sq_entries,
 *                                                  u32 cq_entries, u32 flags)
 */
SEC("tp_btf/io_uring_create")
int BPF_PROG(handle_io_uring_create, int fd, void *ring, __u32 sq, __u32 cq, __u32 flags)
{
	return io_uring__emit(SENTINEL_CALL_IO_URING_SETUP, flags);
}

static __always_inline int opcode__emit(__u8 opcode)
{
	if (opcode > 63 || !(WATCHED_OPCODES & OPCODE_BIT(opcode & 63)))
		return 0;
	return io_uring__emit(SENTINEL_CALL_IO_URING_SUBMIT, opcode);
}

/*
 * io_uring_submit_req(struct io_kiocb *req): in the task that submits, or in the kernel
 * thread that does so for it, which is one of its process's threads.
 */
SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(handle_io_uring_submit, struct io_kiocb *request)
{
	return opcode__emit(BPF_CORE_READ(request, opcode));
}

/*
 * Its name before 6.4; arguments (ctx, opcode, ...) before 5.15,
 * (ctx, req, opcode, ...) before 6.0, then (req, force_nonblock).
 */
SEC("tp_btf/io_uring_submit_sqe")
int handle_io_uring_submit_sqe(__u64 *ctx)
{
	struct trace_event_raw_io_uring_submit_sqe *layout = NULL;

	if (!bpf_core_field_exists(layout->req))
		return opcode__emit(ctx[1]);
	if (!bpf_core_field_exists(layout->__data_loc_op_str))
		return opcode__emit(ctx[2]);
	return opcode__emit(BPF_CORE_READ((struct io_kiocb *)ctx[0], opcode));
}

char LICENSE[] SEC("license") = "GPL";

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that becomes executable: mmap and mprotect with PROT_EXEC. What stands behind
 * it is read from the memory area itself (bpf_find_vma, since 5.17); where the kernel
 * cannot find it for us, from the descriptor that was passed to mmap.
 */
#include "memory.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct pending);
} pending_memory SEC(".maps");

static __always_inline bool pending__take(struct pending *out)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct pending *found = bpf_map_lookup_elem(&pending_memory, &id);

	if (!found)
		return false;
	*out = *found;
	bpf_map_delete_elem(&pending_memory, &id);
	return true;
}

/*
 * unsigned long vm_mmap_pgoff(struct file *file, unsigned long addr, unsigned long len,
 *                             unsigned long prot, unsigned long flag, unsigned long pgoff)
 *
 * Every system call that maps ends here, 32-bit ones too. So does the kernel when it maps
 * a program and its loader during exec, which the exec itself reports.
 */
SEC("fexit/vm_mmap_pgoff")
int handle_mmap(__u64 *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct pending pending = {};
	__u64 address = 0;

	bpf_get_func_ret(ctx, &address);
	if (!(ctx[3] & PROT_EXEC) || !pointer__is_valid(address) || task__is_noise(task) ||
	    BPF_CORE_READ_BITFIELD_PROBED(task, in_execve))
		return 0;
	pending.address = address;
	pending.length = ctx[2];
	pending.prot = ctx[3];
	pending.map_flags = ctx[4];
	return memory__report(SENTINEL_KIND_MMAP, &pending, (struct file *)ctx[0]);
}

/*
 * int security_file_mprotect(struct vm_area_struct *vma, unsigned long reqprot,
 *                            unsigned long prot)
 *
 * Asked once for each memory area that mprotect or pkey_mprotect is about to change, so
 * the range is that of the area.
 */
SEC("fexit/security_file_mprotect")
int BPF_PROG(handle_mprotect, struct vm_area_struct *area, unsigned long asked, unsigned long prot,
	     int refused)
{
	struct pending pending = {};

	/* `prot` also holds what the personality READ_IMPLIES_EXEC added. */
	if (refused || !(prot & PROT_EXEC) || task__is_noise((void *)bpf_get_current_task()))
		return 0;
	pending.address = BPF_CORE_READ(area, vm_start);
	pending.length = BPF_CORE_READ(area, vm_end) - pending.address;
	pending.prot = prot;
	pending.old_prot = BPF_CORE_READ(area, vm_flags) & VM_PROT;
	return memory__report(SENTINEL_KIND_MPROTECT, &pending, BPF_CORE_READ(area, vm_file));
}

/* long sys_mmap(addr, len, prot, flags, fd, off) */
SEC("tracepoint/syscalls/sys_enter_mmap")
int enter_mmap(struct trace_event_raw_sys_enter *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct pending pending = {};

	if (!(ctx->args[2] & PROT_EXEC) || task__is_noise((void *)bpf_get_current_task()))
		return 0;
	pending.length = ctx->args[1];
	pending.prot = ctx->args[2];
	pending.map_flags = ctx->args[3];
	pending.fd = ctx->args[3] & MAP_ANONYMOUS ? -1 : (__s32)ctx->args[4];
	bpf_map_update_elem(&pending_memory, &id, &pending, BPF_ANY);
	return 0;
}

/* Whether the mapping was made; its address is the result. */
static __always_inline bool mmap__done(struct trace_event_raw_sys_exit *ctx,
				       struct pending *pending)
{
	long result = exit__result(ctx);

	/* The last page of the address space stands for negative errnos. */
	if (!pending__take(pending) || (result < 0 && result > -4096))
		return false;
	pending->address = result;
	return true;
}

static long area__report_mmap(struct task_struct *task, struct vm_area_struct *area,
			      struct pending *pending)
{
	memory__report(SENTINEL_KIND_MMAP, pending, BPF_CORE_READ(area, vm_file));
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_mmap")
int exit_mmap(struct trace_event_raw_sys_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pending pending;

	if (!mmap__done(ctx, &pending))
		return 0;
	/* Another thread may hold the memory map's lock: then the descriptor must do. */
	if (bpf_find_vma(task, pending.address, area__report_mmap, &pending, 0)) {
		pending.flags = SENTINEL_FLAG_UNCERTAIN_FILE;
		memory__report(SENTINEL_KIND_MMAP, &pending, file__of_fd(task, pending.fd));
	}
	return 0;
}

/* The same for kernels before 5.17. */
SEC("tracepoint/syscalls/sys_exit_mmap")
int exit_mmap_by_fd(struct trace_event_raw_sys_exit *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct pending pending;

	if (!mmap__done(ctx, &pending))
		return 0;
	if (pending.fd >= 0)
		pending.flags = SENTINEL_FLAG_UNCERTAIN_FILE;
	memory__report(SENTINEL_KIND_MMAP, &pending, file__of_fd(task, pending.fd));
	return 0;
}

static long area__keep_prot(struct task_struct *task, struct vm_area_struct *area,
			    struct pending *pending)
{
	pending->old_prot = BPF_CORE_READ(area, vm_flags) & VM_PROT;
	return 0;
}

static __always_inline int mprotect__enter(struct trace_event_raw_sys_enter *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 id = bpf_get_current_pid_tgid();
	struct pending pending = {};

	if (!(ctx->args[2] & PROT_EXEC) || task__is_noise(task))
		return 0;
	pending.address = ctx->args[0];
	pending.length = ctx->args[1];
	pending.prot = ctx->args[2];
	pending.fd = -1;
	if (bpf_find_vma(task, pending.address, area__keep_prot, &pending, 0))
		pending.flags = SENTINEL_FLAG_UNCERTAIN_FILE;
	bpf_map_update_elem(&pending_memory, &id, &pending, BPF_ANY);
	return 0;
}

static long area__report_mprotect(struct task_struct *task, struct vm_area_struct *area,
				  struct pending *pending)
{
	memory__report(SENTINEL_KIND_MPROTECT, pending, BPF_CORE_READ(area, vm_file));
	return 0;
}

static __always_inline int mprotect__exit(struct trace_event_raw_sys_exit *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pending pending;

	if (!pending__take(&pending) || exit__result(ctx))
		return 0;
	if (bpf_find_vma(task, pending.address, area__report_mprotect, &pending, 0)) {
		pending.flags = SENTINEL_FLAG_UNCERTAIN_FILE;
		memory__report(SENTINEL_KIND_MPROTECT, &pending, NULL);
	}
	return 0;
}

/* long sys_mprotect(unsigned long start, size_t len, unsigned long prot) */
SEC("tracepoint/syscalls/sys_enter_mprotect")
int enter_mprotect(struct trace_event_raw_sys_enter *ctx)
{
	return mprotect__enter(ctx);
}

SEC("tracepoint/syscalls/sys_exit_mprotect")
int exit_mprotect(struct trace_event_raw_sys_exit *ctx)
{
	return mprotect__exit(ctx);
}

/* long sys_pkey_mprotect(unsigned long start, size_t len, unsigned long prot, int pkey) */
SEC("tracepoint/syscalls/sys_enter_pkey_mprotect")
int enter_pkey_mprotect(struct trace_event_raw_sys_enter *ctx)
{
	return mprotect__enter(ctx);
}

SEC("tracepoint/syscalls/sys_exit_pkey_mprotect")
int exit_pkey_mprotect(struct trace_event_raw_sys_exit *ctx)
{
	return mprotect__exit(ctx);
}

char LICENSE[] SEC("license") = "GPL";

// SPDX-License-Identifier: GPL-2.0-only
/* Files: opens and anonymous files, at the function that every way to make them goes through. */
#include "open.bpf.h"

/* include/linux/fs.h, __FMODE_EXEC: opened by the kernel in order to execute it. */
#define FMODE_EXEC 0x20
/* The descriptor is not known where the file is made. */
#define NO_FD (-1)

/*
 * The function that every way to open by name goes through: open, openat, openat2,
 * creat, their 32-bit forms, and io_uring.
 */
static __always_inline int open__return(__u64 *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 file = 0;

	bpf_get_func_ret(ctx, &file);
	if (!pointer__is_valid(file) || task__is_noise(task) ||
	    BPF_CORE_READ((struct file *)file, f_flags) & FMODE_EXEC)
		return 0;
	return open__report(task, (struct file *)file, NO_FD);
}

/* struct file *do_file_open(int dfd, struct filename *pathname, const struct open_flags *op) */
SEC("fexit/do_file_open")
int handle_open(__u64 *ctx)
{
	return open__return(ctx);
}

/* Its name before 7.0. */
SEC("fexit/do_filp_open")
int handle_open_filp(__u64 *ctx)
{
	return open__return(ctx);
}

/* long __x64_sys_memfd_create(const struct pt_regs *regs) */
SEC("fexit/__x64_sys_memfd_create")
int handle_memfd(__u64 *ctx)
{
	__u64 fd = 0;

	bpf_get_func_ret(ctx, &fd);
	return memfd__made(fd);
}

/* The same for 32-bit callers. */
SEC("fexit/__ia32_sys_memfd_create")
int handle_memfd_compat(__u64 *ctx)
{
	__u64 fd = 0;

	bpf_get_func_ret(ctx, &fd);
	return memfd__made(fd);
}

char LICENSE[] SEC("license") = "GPL";

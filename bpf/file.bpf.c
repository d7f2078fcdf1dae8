// SPDX-License-Identifier: GPL-2.0-only
/* Files: opens and anonymous files, taken from the descriptor that the caller got. */
#include "common.bpf.h"
#include "object.bpf.h"
#include "path.bpf.h"
#include "task.bpf.h"

/* include/linux/fs.h: this open made the file. */
#define FMODE_CREATED 0x100000

static __always_inline bool open__fill(struct sentinel_open_head *open, char *bytes, __u32 capacity,
				       __u32 size, __u32 kind, struct file *file, __s64 fd)
{
	struct names names;
	struct task_struct *task = (void *)bpf_get_current_task();

	names__begin(&names, bytes, capacity, &open->names);
	names__add_path(&names, __builtin_preserve_access_index(&file->f_path), &open->path);
	header__fill(&open->header, kind, size, task, fd < 0 ? 0 : fd);
	file__fill(&open->file, file);
	open->open_flags = BPF_CORE_READ(file, f_flags);
	open->created = !!(BPF_CORE_READ(file, f_mode) & FMODE_CREATED);
	open->fd = fd;
	open->pad = 0;
	if (open->names.truncated)
		open->header.flags |= SENTINEL_FLAG_TRUNCATED;
	return !open->names.truncated;
}

static __always_inline int open__emit(__u32 ring, __u32 kind, struct file *file, __s64 fd)
{
	struct sentinel_open_small *small;
	struct sentinel_open_large *large;

	small = record__reserve(ring, kind, sizeof(*small));
	if (!small)
		return 0;
	if (open__fill(&small->head, small->names, sizeof(small->names) - SENTINEL_NAME_BYTES,
		       sizeof(*small), kind, file, fd)) {
		bpf_ringbuf_submit(small, ring__wakeup(ring));
		return 0;
	}
	bpf_ringbuf_discard(small, 0);
	large = record__enlarge(ring, kind, sizeof(*large));
	if (!large)
		return 0;
	open__fill(&large->head, large->names, sizeof(large->names) - SENTINEL_NAME_BYTES,
		   sizeof(*large), kind, file, fd);
	bpf_ringbuf_submit(large, ring__wakeup(ring));
	return 0;
}

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
	__u64 file = 0;

	bpf_get_func_ret(ctx, &file);
	if (!pointer__is_valid(file) || task__is_noise((void *)bpf_get_current_task()) ||
	    BPF_CORE_READ((struct file *)file, f_flags) & FMODE_EXEC)
		return 0;
	return open__emit(SENTINEL_RING_BULK, SENTINEL_KIND_OPEN, (struct file *)file, NO_FD);
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

static __always_inline int open__exit(struct trace_event_raw_sys_exit *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	long result = exit__result(ctx);
	struct file *file;

	if (result < 0 || task__is_noise(task))
		return 0;
	file = file__of_fd(task, result);
	if (!file)
		return 0;
	return open__emit(SENTINEL_RING_BULK, SENTINEL_KIND_OPEN, file, result);
}

/* long sys_open(const char *filename, int flags, umode_t mode) */
SEC("tracepoint/syscalls/sys_exit_open")
int exit_open(struct trace_event_raw_sys_exit *ctx)
{
	return open__exit(ctx);
}

/* long sys_openat(int dfd, const char *filename, int flags, umode_t mode) */
SEC("tracepoint/syscalls/sys_exit_openat")
int exit_openat(struct trace_event_raw_sys_exit *ctx)
{
	return open__exit(ctx);
}

/* long sys_openat2(int dfd, const char *filename, struct open_how *how, size_t usize) */
SEC("tracepoint/syscalls/sys_exit_openat2")
int exit_openat2(struct trace_event_raw_sys_exit *ctx)
{
	return open__exit(ctx);
}

/* long sys_creat(const char *pathname, umode_t mode) */
SEC("tracepoint/syscalls/sys_exit_creat")
int exit_creat(struct trace_event_raw_sys_exit *ctx)
{
	return open__exit(ctx);
}

/* long sys_open_by_handle_at(int mountdirfd, struct file_handle *handle, int flags) */
SEC("tracepoint/syscalls/sys_exit_open_by_handle_at")
int exit_open_by_handle_at(struct trace_event_raw_sys_exit *ctx)
{
	return open__exit(ctx);
}

static __always_inline int memfd__made(long fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file *file;

	if (fd < 0 || !task__in_scope(task))
		return 0;
	file = file__of_fd(task, fd);
	if (!file)
		return 0;
	return open__emit(SENTINEL_RING_PRIORITY, SENTINEL_KIND_MEMFD, file, fd);
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

/* long sys_memfd_create(const char *uname_ptr, unsigned int flags) */
SEC("tracepoint/syscalls/sys_exit_memfd_create")
int exit_memfd_create(struct trace_event_raw_sys_exit *ctx)
{
	return memfd__made(exit__result(ctx));
}

char LICENSE[] SEC("license") = "GPL";

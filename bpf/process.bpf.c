// SPDX-License-Identifier: GPL-2.0-only
/* Process life: exec, fork, exit. */
#include "action.bpf.h"

#define SIGNAL_GROUP_EXIT 0x4

static __always_inline void image__fill(struct sentinel_image *image, struct task_struct *task,
					struct linux_binprm *bprm)
{
	struct nsproxy *ns = READ(task, nsproxy);
	const struct cred *cred = READ(task, cred);
	struct pid *pid = READ(task, thread_pid);
	struct upid innermost = {};
	__u32 level = READ(pid, level);

	file__fill(&image->exe, READ(bprm, file));
	stdio__fill(&image->stdio[0], task, 0);
	stdio__fill(&image->stdio[1], task, 1);
	stdio__fill(&image->stdio[2], task, 2);
	image->cap_effective = cred__capabilities(cred);
	image->cgroup_id = READ(task, cgroups, dfl_cgrp, kn, id);
	image->mnt_ns = READ(ns, mnt_ns, ns.inum);
	image->net_ns = READ(ns, net_ns, ns.inum);
	image->uts_ns = READ(ns, uts_ns, ns.inum);
	image->ipc_ns = READ(ns, ipc_ns, ns.inum);
	image->cgroup_ns = READ(ns, cgroup_ns, ns.inum);
	image->user_ns = READ(cred, user_ns, ns.inum);
	bpf_core_read(&innermost, sizeof(innermost), &pid->numbers[level & (PIDNS_DEPTH * 4 - 1)]);
	image->pid_ns = READ(innermost.ns, ns.inum);
	image->auid = -1;
	image->session = -1;
	if (bpf_core_field_exists(task->loginuid)) {
		image->auid = READ(task, loginuid.val);
		image->session = READ(task, sessionid);
	}
	BPF_CORE_READ_STR_INTO(&image->comm, task, comm);
	image->tty[0] = 0;
	bpf_probe_read_kernel_str(image->tty, sizeof(image->tty), READ(task, signal, tty, name));
}

/* Everything whose size varies. Says whether all of it fitted. */
static __always_inline bool image__fill_texts(struct sentinel_image *image,
					      struct task_struct *task, struct linux_binprm *bprm,
					      char *bytes, __u32 capacity, char *filename,
					      __u32 filename_bytes)
{
	struct names names;
	const char *asked = READ(bprm, filename);
	const char *interpreter = READ(bprm, interp);
	struct file *file = READ(bprm, file);
	struct fs_struct *fs = READ(task, fs);
	long length;

	names__begin(&names, bytes, capacity, &image->names);
	names__add_path(&names, __builtin_preserve_access_index(&file->f_path), &image->path);
	names__add_path(&names, __builtin_preserve_access_index(&fs->pwd), &image->cwd);
	names__add_cgroup(&names, BPF_CORE_READ(task, cgroups, dfl_cgrp, kn), &image->cgroup);
	image->interpreter.offset = image->names.used;
	/* binfmt_script and binfmt_misc replace interp; a program that runs itself shares it. */
	if (interpreter != asked)
		names__add(&names, interpreter);
	image->interpreter.length = image->names.used - image->interpreter.offset;
	length = bpf_probe_read_kernel_str(filename, filename_bytes, asked);
	image->filename_length = length > 0 ? length : 0;
	return !image->names.truncated && length < filename_bytes;
}

static __always_inline void image__read_argv(struct sentinel_image *image, char *argv,
					     __u64 argv_bytes, struct task_struct *task)
{
	__u64 start = READ(task, mm, arg_start);
	__u64 length = READ(task, mm, arg_end) - start;

	/* The mask keeps the whole range [1, argv_bytes] and is what the verifier can follow. */
	if (length > argv_bytes)
		length = argv_bytes;
	image->argv_length = 0;
	if (length &&
	    !bpf_probe_read_user(argv, ((length - 1) & (argv_bytes - 1)) + 1, (void *)start))
		image->argv_length = length;
}

/*
 * Fills one record of the given size class and submits it; discards it and says so
 * when a text did not fit and a larger class exists.
 */
#define EXEC_EMIT(suffix, reserve, last)                                                      \
	static __noinline int exec__emit_##suffix(struct task_struct *task, __u32 old_tid,    \
						  struct linux_binprm *bprm)                  \
	{                                                                                     \
		struct sentinel_exec_##suffix *exec;                                          \
		bool whole;                                                                   \
                                                                                              \
		exec = reserve(SENTINEL_RING_PRIORITY, SENTINEL_KIND_EXEC, sizeof(*exec));    \
		if (!exec)                                                                    \
			return 0;                                                             \
		whole = image__fill_texts(&exec->image, task, bprm, exec->names,              \
					  sizeof(exec->names) - SENTINEL_NAME_BYTES,          \
					  exec->filename, sizeof(exec->filename));            \
		if (!whole && !last) {                                                        \
			bpf_ringbuf_discard(exec, 0);                                         \
			return 1;                                                             \
		}                                                                             \
		header__fill(&exec->header, SENTINEL_KIND_EXEC, sizeof(*exec), task, 0);      \
		image__fill(&exec->image, task, bprm);                                        \
		image__read_argv(&exec->image, exec->argv, sizeof(exec->argv), task);         \
		exec->image.old_tid = old_tid;                                                \
		if (!whole ||                                                                 \
		    READ(task, mm, arg_end) - READ(task, mm, arg_start) > sizeof(exec->argv)) \
			exec->header.flags |= SENTINEL_FLAG_TRUNCATED;                        \
		if (old_tid != READ(task, pid))                                               \
			exec->header.flags |= SENTINEL_FLAG_THREAD_EXEC;                      \
		bpf_ringbuf_submit(exec, 0);                                                  \
		return 0;                                                                     \
	}

EXEC_EMIT(small, record__reserve, false)
EXEC_EMIT(medium, record__enlarge, false)
EXEC_EMIT(large, record__enlarge, true)

/*
 * include/trace/events/sched.h:
 * sched_process_exec(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)
 *
 * Runs after the point of no return: the new memory, credentials and descriptors are in
 * place, the arguments are where the kernel copied them, and a thread that called exec
 * has already taken its leader's id.
 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(handle_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	__u64 argv_length = READ(task, mm, arg_end) - READ(task, mm, arg_start);

	if (!task__in_scope(task))
		return 0;
	if (argv_length <= sizeof(((struct sentinel_exec_small *)0)->argv)) {
		if (!exec__emit_small(task, old_pid, bprm))
			return 0;
	} else {
		counter__sent(SENTINEL_RING_PRIORITY, SENTINEL_KIND_EXEC);
	}
	if (argv_length <= sizeof(((struct sentinel_exec_medium *)0)->argv) &&
	    !exec__emit_medium(task, old_pid, bprm))
		return 0;
	exec__emit_large(task, old_pid, bprm);
	return 0;
}

/* include/uapi/linux/sched.h */
#define CLONE_NEWCGROUP 0x02000000
#define CLONE_NEWUTS 0x04000000
#define CLONE_NEWIPC 0x08000000
#define CLONE_NEWUSER 0x10000000
#define CLONE_NEWPID 0x20000000
#define CLONE_NEWNET 0x40000000
#define CLONE_NEWNS 0x00020000

#define NEW_NAMESPACE(flag, field) \
	(READ(parent, nsproxy, field) != READ(child, nsproxy, field) ? (flag) : 0)

/* A child that begins in namespaces of its own. */
static __noinline int namespaces__compare(struct task_struct *parent, struct task_struct *child)
{
	struct action action = {
		.ring = SENTINEL_RING_PRIORITY,
		.kind = SENTINEL_KIND_NAMESPACE,
		.call = SENTINEL_CALL_CLONE,
	};
	__u64 flags = 0;

	if (READ(parent, nsproxy) != READ(child, nsproxy)) {
		flags |= NEW_NAMESPACE(CLONE_NEWCGROUP, cgroup_ns);
		flags |= NEW_NAMESPACE(CLONE_NEWUTS, uts_ns);
		flags |= NEW_NAMESPACE(CLONE_NEWIPC, ipc_ns);
		flags |= NEW_NAMESPACE(CLONE_NEWNET, net_ns);
		flags |= NEW_NAMESPACE(CLONE_NEWNS, mnt_ns);
		flags |= NEW_NAMESPACE(CLONE_NEWPID, pid_ns_for_children);
	}
	if (READ(parent, cred, user_ns) != READ(child, cred, user_ns))
		flags |= CLONE_NEWUSER;
	if (!flags)
		return 0;
	action.argument = flags;
	return action__emit(&action);
}

/*
 * include/trace/events/sched.h:
 * sched_process_fork(struct task_struct *parent, struct task_struct *child)
 *
 * Runs in the caller before the child can run.
 */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(handle_fork, struct task_struct *parent, struct task_struct *child)
{
	struct sentinel_fork *fork;

	/* A new thread is not a new process. */
	if (READ(child, tgid) != READ(child, pid) || !task__in_scope(child))
		return 0;
	fork = record__reserve(SENTINEL_RING_PRIORITY, SENTINEL_KIND_FORK, sizeof(*fork));
	if (!fork)
		return 0;
	header__fill(&fork->header, SENTINEL_KIND_FORK, sizeof(*fork), parent, 0);
	fork->child_start_ns = READ(child, start_boottime);
	fork->child_pid = task__pid(child);
	fork->child_ppid = task__pid(READ(child, real_parent, group_leader));
	bpf_ringbuf_submit(fork, 0);
	namespaces__compare(parent, child);
	return 0;
}

/* A process, for ever: its id may be given out again, but not with the same start. */
struct ended_key {
	__u64 start_ns;
	__u32 tgid;
	__u32 pad;
};

/* Processes whose end was reported a moment ago. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct ended_key);
	__type(value, __u8);
} ended SEC(".maps");

/*
 * Of the threads that end at the same time, several may find signal->live at 0 when they
 * come to the tracepoint. Whoever gets its key into the map first is the one to report.
 */
static __always_inline bool ended__first(struct task_struct *task)
{
	struct ended_key key = {
		.start_ns = READ(task, group_leader, start_boottime),
		.tgid = READ(task, tgid),
	};
	__u8 one = 1;

	return bpf_map_update_elem(&ended, &key, &one, BPF_NOEXIST) == 0;
}

/*
 * include/trace/events/sched.h:
 * sched_process_exit(struct task_struct *p)                     before 6.16
 * sched_process_exit(struct task_struct *p, bool group_dead)    since
 *
 * Only the last thread of a process reports its end. signal->live has been decremented
 * before this point in do_exit() (kernel/exit.c) in every version.
 */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(handle_exit, struct task_struct *task)
{
	struct signal_struct *signal = READ(task, signal);
	struct sentinel_exit *exit;

	if (READ(signal, live.counter) != 0 || !task__in_scope(task) || !ended__first(task))
		return 0;
	exit = record__reserve(SENTINEL_RING_PRIORITY, SENTINEL_KIND_EXIT, sizeof(*exit));
	if (!exit)
		return 0;
	header__fill(&exit->header, SENTINEL_KIND_EXIT, sizeof(*exit), task, 0);
	exit->cpu_ns = READ(signal, sum_sched_runtime) + READ(task, se.sum_exec_runtime);
	exit->peak_rss_pages = READ(signal, maxrss);
	exit->status = READ(signal, flags) & SIGNAL_GROUP_EXIT
			       ? READ(signal, group_exit_code)
			       : READ(task, group_leader, exit_code);
	exit->pad = 0;
	bpf_ringbuf_submit(exit, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls as they return whose record is an action. All are served by one program,
 * because what takes the verifier longest is to follow how an action is sent.
 */
#include "call.bpf.h"
#include "call_descriptor.bpf.h"
#include "call_file.bpf.h"
#include "call_process.bpf.h"
#include "open.bpf.h"

/* Whom a process image has spoken to: the first time is told, repeats are not. */
struct acquaintance {
	__u64 start_ns;
	__u64 inode;
	__u32 tgid;
	__u32 exec_seq;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct acquaintance);
	__type(value, __u8);
} acquaintances SEC(".maps");

static __noinline int call__unix_connect(struct call *call, struct action *action)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct acquaintance key = {};
	struct dentry *dentry;
	struct sock *sk, *peer;
	__u8 one = 1;

	sk = sock__of_fd(task, call->args[0]);
	if (call->result < 0 || !sk || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX)
		return 0;
	peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	dentry = BPF_CORE_READ((struct unix_sock *)peer, path.dentry);
	if (!dentry)
		return 0;
	key.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	key.inode = BPF_CORE_READ(dentry, d_inode, i_ino);
	key.tgid = BPF_CORE_READ(task, tgid);
	key.exec_seq = BPF_CORE_READ(task, self_exec_id);
	if (bpf_map_update_elem(&acquaintances, &key, &one, BPF_NOEXIST))
		return 0;
	action->ring = SENTINEL_RING_BULK;
	action->kind = SENTINEL_KIND_UNIX_CONNECT;
	action->path.dentry = dentry;
	action->path.mnt = BPF_CORE_READ((struct unix_sock *)peer, path.mnt);
	return 1;
}

/* A file that was emptied as it was opened. */
static __always_inline int call__opened_empty(struct call *call, struct action *action)
{
	struct file *file;

	if (call->result < 0 || !call__empties(call))
		return 0;
	file = file__of_fd((void *)bpf_get_current_task(), call->result);
	if (!file || !open__may_empty(file))
		return 0;
	action->ring = SENTINEL_RING_BULK;
	action->kind = SENTINEL_KIND_TRUNCATE;
	action->path.file = file;
	if (call->id == SENTINEL_CALL_OPENAT2)
		action->flags = SENTINEL_FLAG_USER_MEMORY;
	/* It is told as if the truncation had been asked for by itself. */
	call->result = 0;
	return 1;
}

static __always_inline int call__fill(struct call *call, struct action *action)
{
	switch (call->id) {
	case SENTINEL_CALL_OPEN:
	case SENTINEL_CALL_OPENAT ... SENTINEL_CALL_OPEN_BY_HANDLE_AT:
		return call__opened_empty(call, action);
	case SENTINEL_CALL_EXECVE:
	case SENTINEL_CALL_EXECVEAT:
		return call__failed_exec(call, action);
	case SENTINEL_CALL_CONNECT:
		return call__unix_connect(call, action);
	case SENTINEL_CALL_UNLINK ... SENTINEL_CALL_SYMLINKAT:
		return call__names(call, action);
	case SENTINEL_CALL_TRUNCATE ... SENTINEL_CALL_FREMOVEXATTR:
	case SENTINEL_CALL_SETXATTRAT ... SENTINEL_CALL_REMOVEXATTRAT:
		return call__attributes(call, action);
	case SENTINEL_CALL_MOUNT ... SENTINEL_CALL_UMOUNT2:
		return call__mounts(call, action);
	case SENTINEL_CALL_PIDFD_GETFD:
		call__redirects(call);
		/* fallthrough */
	case SENTINEL_CALL_PTRACE ... SENTINEL_CALL_PROCESS_MADVISE:
		return call__other_process(call, action);
	case SENTINEL_CALL_UNSHARE ... SENTINEL_CALL_KEXEC_FILE_LOAD:
		return call__kernel(call, action);
	}
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(call_action, struct pt_regs *regs, long result)
{
	struct action action = {};
	struct call call = {};

	if (!call__begin_unwrapped(&call, regs, result) || !call__fill(&call, &action))
		return 0;
	action.result = call.result;
	action.call = call.id;
	/*
	 * The verifier forgets what it knows of memory that a helper writes to: without this
	 * copy onto itself it would walk through what follows once for each call above.
	 */
	bpf_probe_read_kernel(&action, sizeof(action), &action);
	return action__is_muted(&action) ? 0 : action__emit(&action);
}

char LICENSE[] SEC("license") = "GPL";

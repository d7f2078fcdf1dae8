/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* System calls that put a socket on a standard stream, or use one. */
#ifndef SENTINEL_CALL_DESCRIPTOR_BPF_H
#define SENTINEL_CALL_DESCRIPTOR_BPF_H

#include "call.bpf.h"
#include "filter.bpf.h"
#include "object.bpf.h"

#define AF_UNIX 1
/* include/uapi/linux/fcntl.h */
#define F_DUPFD 0
#define F_DUPFD_CLOEXEC 1030
#define SOL_SOCKET 1
#define SCM_RIGHTS 1
#define STDIO_COUNT 3

static __always_inline struct sock *sock__of_fd(struct task_struct *task, __s32 fd)
{
	struct file *file = file__of_fd(task, fd);
	struct socket *socket;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

static __always_inline int redirect__emit(struct call *call, __s32 fd, __s32 old_fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 ring = SENTINEL_RING_PRIORITY, kind = SENTINEL_KIND_REDIRECT;
	struct sentinel_redirect *redirect;

	if (fd < 0 || fd >= STDIO_COUNT || !sock__of_fd(task, fd))
		return 0;
	redirect = record__reserve(ring, kind, sizeof(*redirect));
	if (!redirect)
		return 0;
	header__fill(&redirect->header, kind, sizeof(*redirect), task, call->result);
	stdio__fill(&redirect->stdio, task, fd);
	redirect->fd = fd;
	redirect->old_fd = old_fd;
	redirect->call = call->id;
	redirect->pad = 0;
	bpf_ringbuf_submit(redirect, 0);
	return 0;
}

/* struct cmsghdr (include/linux/socket.h) after its length, which differs with the width. */
struct control {
	__s32 level;
	__s32 type;
	__s32 fd;
};

/* The first descriptor that came with a message; -1 when there is none. */
static __always_inline __s32 message__first_fd(struct call *call)
{
	struct control control = {};
	__u64 wide[2] = {};
	__u32 narrow[2] = {};
	void *message = (void *)call->args[1], *first;

	/* msg_control and msg_controllen of struct user_msghdr or compat_msghdr. */
	if (call->is_compat) {
		bpf_probe_read_user(narrow, sizeof(narrow), message + 16);
		wide[0] = narrow[0];
		wide[1] = narrow[1];
		first = (void *)wide[0] + sizeof(__u32);
	} else {
		bpf_probe_read_user(wide, sizeof(wide), message + 32);
		first = (void *)wide[0] + sizeof(__u64);
	}
	if (!wide[0] || wide[1] < sizeof(control))
		return -1;
	bpf_probe_read_user(&control, sizeof(control), first);
	if (control.level != SOL_SOCKET || control.type != SCM_RIGHTS)
		return -1;
	return control.fd;
}

static __noinline int call__redirects(struct call *call)
{
	__u64 *args = call->args;

	if (call->result < 0)
		return 0;
	switch (call->id) {
	case SENTINEL_CALL_FCNTL:
		if (args[1] != F_DUPFD && args[1] != F_DUPFD_CLOEXEC)
			return 0;
		/* fallthrough */
	case SENTINEL_CALL_DUP:
	case SENTINEL_CALL_DUP2:
	case SENTINEL_CALL_DUP3:
		return redirect__emit(call, call->result, args[0]);
	case SENTINEL_CALL_RECVMSG:
		return redirect__emit(call, message__first_fd(call), -1);
	case SENTINEL_CALL_PIDFD_GETFD:
	case SENTINEL_CALL_SOCKET:
	case SENTINEL_CALL_ACCEPT:
		return redirect__emit(call, call->result, -1);
	}
	return 0;
}

static __noinline int call__bind(struct call *call)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 ring = SENTINEL_RING_BULK, kind = SENTINEL_KIND_BIND;
	struct sentinel_endpoint *endpoint;
	struct sock *sk;
	__u16 family;

	if (!call__counts(call))
		return 0;
	sk = sock__of_fd(task, call->args[0]);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if ((family != AF_INET && family != AF_INET6) || task__is_muted(task, ring, kind))
		return 0;
	endpoint = record__reserve(ring, kind, sizeof(*endpoint));
	if (!endpoint)
		return 0;
	header__fill(&endpoint->header, kind, sizeof(*endpoint), task, call->result);
	socket__fill(&endpoint->socket, sk);
	bpf_ringbuf_submit(endpoint, ring__wakeup(ring));
	return 0;
}

#endif

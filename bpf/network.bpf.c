// SPDX-License-Identifier: GPL-2.0-only
/* Connections: TCP connect and accept, v4 and v6, from the kernel's sockets. */
#include "common.bpf.h"
#include "object.bpf.h"
#include "task.bpf.h"

#define TCP_SYN_SENT 2

static __always_inline int connection__emit(__u32 kind, struct sock *sk, __s64 result)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct sentinel_connection *connection;

	if (!task__in_scope(task))
		return 0;
	connection = record__reserve(SENTINEL_RING_BULK, kind, sizeof(*connection));
	if (!connection)
		return 0;
	header__fill(&connection->header, kind, sizeof(*connection), task, result);
	socket__fill(&connection->socket, sk);
	bpf_ringbuf_submit(connection, ring__wakeup(SENTINEL_RING_BULK));
	return 0;
}

/*
 * include/trace/events/sock.h:
 * inet_sock_set_state(const struct sock *sk, const int oldstate, const int newstate)
 *
 * tcp_v4_connect() and tcp_v6_connect() enter SYN_SENT in the connecting task, after
 * the kernel has copied the address, whichever system call or io_uring asked.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(handle_connect, struct sock *sk, int old_state, int new_state)
{
	if (new_state != TCP_SYN_SENT || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	return connection__emit(SENTINEL_KIND_CONNECT, sk, 0);
}

/* Takes the returned descriptor to its socket: no user memory is involved. */
static __always_inline int accept__exit(struct trace_event_raw_sys_exit *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	long result = exit__result(ctx);
	struct socket *socket;
	struct file *file;
	struct sock *sk;
	__u16 family;

	if (result < 0)
		return 0;
	file = file__of_fd(task, result);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if ((family != AF_INET && family != AF_INET6) ||
	    BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	return connection__emit(SENTINEL_KIND_ACCEPT, sk, result);
}

/* long sys_accept(int fd, struct sockaddr *upeer, int *upeer_len) */
SEC("tracepoint/syscalls/sys_exit_accept")
int exit_accept(struct trace_event_raw_sys_exit *ctx)
{
	return accept__exit(ctx);
}

/* long sys_accept4(int fd, struct sockaddr *upeer, int *upeer_len, int flags) */
SEC("tracepoint/syscalls/sys_exit_accept4")
int exit_accept4(struct trace_event_raw_sys_exit *ctx)
{
	return accept__exit(ctx);
}

/* struct sock *inet_csk_accept(struct sock *sk, ...): every way to accept ends here. */
SEC("fexit/inet_csk_accept")
int handle_accept(__u64 *ctx)
{
	__u64 accepted = 0;

	bpf_get_func_ret(ctx, &accepted);
	if (!pointer__is_valid(accepted) ||
	    BPF_CORE_READ((struct sock *)accepted, sk_protocol) != IPPROTO_TCP)
		return 0;
	return connection__emit(SENTINEL_KIND_ACCEPT, (struct sock *)accepted, 0);
}

char LICENSE[] SEC("license") = "GPL";

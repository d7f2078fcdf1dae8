// SPDX-License-Identifier: GPL-2.0-only
/* Connections: TCP connect, accept, listen and close, v4 and v6, from the kernel's sockets. */
#include "connection.bpf.h"

/* include/net/tcp_states.h */
#define TCP_SYN_SENT 2
#define TCP_CLOSE 7
#define TCP_LISTEN 10

static __always_inline int listen__emit(struct sock *sk)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 ring = SENTINEL_RING_BULK, kind = SENTINEL_KIND_LISTEN;
	struct sentinel_endpoint *listen;

	if (!task__in_scope(task) || task__is_muted(task, ring, kind))
		return 0;
	listen = record__reserve(ring, kind, sizeof(*listen));
	if (!listen)
		return 0;
	header__fill(&listen->header, kind, sizeof(*listen), task, 0);
	socket__fill(&listen->socket, sk);
	bpf_ringbuf_submit(listen, ring__wakeup(ring));
	return 0;
}

static __always_inline void close__fill(struct sentinel_close *close, struct begun *begun,
					struct sock *sk, int old_state)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	struct inet_sock *inet = (struct inet_sock *)sk;

	close->header = begun->header;
	close->header.time_ns = bpf_ktime_get_boot_ns();
	close->header.size = sizeof(*close);
	close->header.kind = SENTINEL_KIND_CLOSE;
	close->header.result = 0;
	socket__fill(&close->socket, sk);
	/* The port was given back a moment ago; the inode may be gone, too. */
	if (!close->socket.local_port)
		close->socket.local_port = bpf_ntohs(BPF_CORE_READ(inet, inet_sport));
	close->socket.inode = begun->socket.inode;
	close->bytes_sent = BPF_CORE_READ(tcp, bytes_sent);
	close->bytes_received = BPF_CORE_READ(tcp, bytes_received);
	close->run_ns = close->header.time_ns - begun->header.time_ns;
	close->old_state = old_state;
	close->pad = 0;
}

/* The end of a connection like one that ended before: how much it carried is added up. */
static __always_inline bool close__count(void *window, struct sentinel_repeat_key *key,
					 struct begun *begun, struct sock *sk)
{
	struct sentinel_repeat *repeat = repeat__count(window, key, SENTINEL_RING_BULK);
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	__u64 sent = BPF_CORE_READ(tcp, bytes_sent);
	__u64 received = BPF_CORE_READ(tcp, bytes_received);
	__u64 run_ns = bpf_ktime_get_boot_ns() - begun->header.time_ns;

	if (!repeat)
		return false;
	__sync_fetch_and_add(&repeat->bytes_sent, sent);
	__sync_fetch_and_add(&repeat->bytes_received, received);
	__sync_fetch_and_add(&repeat->run_ns, run_ns);
	return true;
}

/* The end of a connection whose beginning was seen. */
static __always_inline int close__emit(struct sock *sk, int old_state)
{
	__u32 ring = SENTINEL_RING_BULK, kind = SENTINEL_KIND_CLOSE;
	__u64 key = (__u64)sk;
	struct begun *begun = bpf_map_lookup_elem(&connections, &key);
	struct sentinel_repeat_key repeated;
	void *window = window__now();
	struct sentinel_close *close;

	if (!begun)
		return 0;
	if (attendance__is_over())
		goto forget;
	if (window) {
		connection__key(&repeated, begun, begun->header.kind);
		repeated.access |= begun->header.kind << 16 | old_state << 8;
		repeated.kind = kind;
		if (close__count(window, &repeated, begun, sk))
			goto forget;
	}
	close = record__reserve(ring, kind, sizeof(*close));
	if (close) {
		close__fill(close, begun, sk, old_state);
		if (window)
			repeat__begin(window, &repeated, close, sizeof(*close));
		bpf_ringbuf_submit(close, ring__wakeup(ring));
	}
forget:
	bpf_map_delete_elem(&connections, &key);
	return 0;
}

/*
 * include/trace/events/sock.h:
 * inet_sock_set_state(const struct sock *sk, const int oldstate, const int newstate)
 *
 * tcp_v4_connect() and tcp_v6_connect() enter SYN_SENT in the connecting task, after
 * the kernel has copied the address, whichever system call or io_uring asked; so does
 * whoever listens enter LISTEN.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(handle_state, struct sock *sk, int old_state, int new_state)
{
	if (new_state != TCP_SYN_SENT && new_state != TCP_CLOSE && new_state != TCP_LISTEN)
		return 0;
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	if (new_state == TCP_SYN_SENT)
		return connection__emit(SENTINEL_KIND_CONNECT, sk, 0);
	return new_state == TCP_CLOSE ? close__emit(sk, old_state) : listen__emit(sk);
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

/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* A TCP connection that began: told at once, and kept until its end can be told. */
#ifndef SENTINEL_CONNECTION_BPF_H
#define SENTINEL_CONNECTION_BPF_H

#include "common.bpf.h"
#include "filter.bpf.h"
#include "object.bpf.h"
#include "repeat.bpf.h"
#include "task.bpf.h"

/* Who began a connection, which its end does not say: it may come from an interrupt. */
struct begun {
	struct sentinel_header header;
	struct sentinel_socket socket;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* address of the struct sock */
	__type(value, struct begun);
} connections __weak SEC(".maps");

/*
 * Says what makes this connection the same as another: the peer, and the port that is
 * served, which is ours when we accepted. `kind` is that of its beginning.
 */
static __always_inline void connection__key(struct sentinel_repeat_key *key,
					    const struct begun *begun, __u32 kind)
{
	__u32 port =
		kind == SENTINEL_KIND_ACCEPT ? begun->socket.local_port : begun->socket.peer_port;

	repeat__actor(key, &begun->header);
	__builtin_memcpy(key->object, begun->socket.peer_addr, sizeof(begun->socket.peer_addr));
	key->object[2] = port;
	key->access = begun->socket.family;
	key->kind = kind;
}

/*
 * In the priority ring: what a shell is commanded by, and what a server was asked before it
 * starts one, must not wait behind a flood of opens until the shell has been judged.
 */
static __always_inline int connection__emit(__u32 kind, struct sock *sk, __s64 result)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct sentinel_connection *connection;
	struct sentinel_repeat_key repeated;
	void *window = window__now();
	__u64 key = (__u64)sk;
	struct begun begun;

	if (!task__in_scope(task) || task__is_muted(task, SENTINEL_RING_PRIORITY, kind))
		return 0;
	header__fill(&begun.header, kind, sizeof(*connection), task, result);
	socket__fill(&begun.socket, sk);
	bpf_map_update_elem(&connections, &key, &begun, BPF_ANY);
	if (window) {
		connection__key(&repeated, &begun, kind);
		if (repeat__count(window, &repeated, SENTINEL_RING_PRIORITY))
			return 0;
	}
	connection = record__reserve(SENTINEL_RING_PRIORITY, kind, sizeof(*connection));
	if (!connection)
		return 0;
	connection->header = begun.header;
	connection->socket = begun.socket;
	if (window)
		repeat__begin(window, &repeated, connection, sizeof(*connection));
	bpf_ringbuf_submit(connection, 0);
	return 0;
}

/*
 * `fd` is what accept gave back: no user memory is involved. Sockets of other kinds are
 * not reported.
 */
static __always_inline int accept__returned(long fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct socket *socket;
	struct file *file;
	struct sock *sk;
	__u16 family;

	if (fd < 0)
		return 0;
	file = file__of_fd(task, fd);
	if (!file || (READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = READ(file, private_data);
	sk = READ(socket, sk);
	family = READ(sk, __sk_common.skc_family);
	if ((family != AF_INET && family != AF_INET6) || READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	return connection__emit(SENTINEL_KIND_ACCEPT, sk, fd);
}

#endif

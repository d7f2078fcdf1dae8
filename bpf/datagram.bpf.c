// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagrams: the first to each peer, and questions to name servers, from the packet that
 * the kernel built, whichever way the caller wrote it.
 */
#include "common.bpf.h"
#include "filter.bpf.h"
#include "object.bpf.h"
#include "task.bpf.h"

#define IPPROTO_UDP 17
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define DNS_PORT 53
#define DNS_HEAD_BYTES 12
#define UDP_HEAD_BYTES 8
/* include/net/tcp_states.h: these are no whole sockets. */
#define TCP_TIME_WAIT 6
#define TCP_NEW_SYN_RECV 12

/* A peer that a process image has sent to. */
struct peer {
	__u64 start_ns;
	__u32 tgid;
	__u32 exec_seq;
	__u8 addr[16];
	__u32 port;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct peer);
	__type(value, __u8);
} peers SEC(".maps");

/* Reads the addresses and ports of the packet itself. */
static __always_inline bool packet__read(struct sentinel_socket *out, struct sk_buff *skb)
{
	void *head = BPF_CORE_READ(skb, head);
	void *network = head + BPF_CORE_READ(skb, network_header);
	void *transport = head + BPF_CORE_READ(skb, transport_header);
	__u16 protocol = bpf_ntohs(BPF_CORE_READ(skb, protocol));
	__be16 ports[2] = {};

	__builtin_memset(out, 0, sizeof(*out));
	out->protocol = IPPROTO_UDP;
	if (protocol == ETH_P_IP) {
		out->family = AF_INET;
		bpf_probe_read_kernel(out->local_addr, 4, network + 12);
		bpf_probe_read_kernel(out->peer_addr, 4, network + 16);
	} else if (protocol == ETH_P_IPV6) {
		out->family = AF_INET6;
		bpf_probe_read_kernel(out->local_addr, 16, network + 8);
		bpf_probe_read_kernel(out->peer_addr, 16, network + 24);
	} else {
		return false;
	}
	bpf_probe_read_kernel(ports, sizeof(ports), transport);
	out->local_port = bpf_ntohs(ports[0]);
	out->peer_port = bpf_ntohs(ports[1]);
	return out->peer_port != 0;
}

static __always_inline int send__emit(struct sentinel_socket *socket, struct task_struct *task)
{
	__u32 ring = SENTINEL_RING_BULK, kind = SENTINEL_KIND_SEND;
	struct sentinel_endpoint *send;
	struct peer peer = {};
	__u8 one = 1;

	peer.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	peer.tgid = BPF_CORE_READ(task, tgid);
	peer.exec_seq = BPF_CORE_READ(task, self_exec_id);
	__builtin_memcpy(peer.addr, socket->peer_addr, sizeof(peer.addr));
	peer.port = socket->peer_port;
	if (bpf_map_lookup_elem(&peers, &peer) ||
	    bpf_map_update_elem(&peers, &peer, &one, BPF_NOEXIST))
		return 0;
	send = record__reserve(ring, kind, sizeof(*send));
	if (!send)
		return 0;
	header__fill(&send->header, kind, sizeof(*send), task, 0);
	send->socket = *socket;
	bpf_ringbuf_submit(send, ring__wakeup(ring));
	return 0;
}

static __always_inline int question__emit(struct sentinel_socket *socket, struct sk_buff *skb,
					  struct task_struct *task)
{
	__u32 ring = SENTINEL_RING_BULK, kind = SENTINEL_KIND_DNS;
	void *transport = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, transport_header);
	__be16 udp_length = 0;
	struct sentinel_dns *dns;
	__u8 flags = 0;
	__s32 length;

	bpf_probe_read_kernel(&udp_length, sizeof(udp_length), transport + 4);
	bpf_probe_read_kernel(&flags, sizeof(flags), transport + UDP_HEAD_BYTES + 2);
	length = (__s32)bpf_ntohs(udp_length) - UDP_HEAD_BYTES - DNS_HEAD_BYTES;
	/* The first bit tells answers from questions. */
	if (length <= 0 || flags & 0x80)
		return 0;
	dns = record__reserve(ring, kind, sizeof(*dns));
	if (!dns)
		return 0;
	header__fill(&dns->header, kind, sizeof(*dns), task, 0);
	dns->socket = *socket;
	dns->question_length = length < SENTINEL_QUESTION_BYTES ? length : SENTINEL_QUESTION_BYTES;
	dns->pad = 0;
	bpf_probe_read_kernel(dns->question, sizeof(dns->question),
			      transport + UDP_HEAD_BYTES + DNS_HEAD_BYTES);
	bpf_ringbuf_submit(dns, ring__wakeup(ring));
	return 0;
}

/*
 * include/trace/events/net.h: net_dev_queue(struct sk_buff *skb)
 *
 * Runs for every packet that leaves, in the task that sent it unless the device was busy.
 */
SEC("tp_btf/net_dev_queue")
int BPF_PROG(handle_packet, struct sk_buff *skb)
{
	struct task_struct *task;
	struct sentinel_socket socket;
	struct sock *sk = skb->sk;
	__u8 state;

	if (!sk)
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV ||
	    BPF_CORE_READ(sk, sk_protocol) != IPPROTO_UDP)
		return 0;
	task = (void *)bpf_get_current_task();
	if (!task__in_scope(task) || !packet__read(&socket, skb))
		return 0;
	if (task__is_muted(task, SENTINEL_RING_BULK,
			   socket.peer_port == DNS_PORT ? SENTINEL_KIND_DNS : SENTINEL_KIND_SEND))
		return 0;
	socket.inode = BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
	if (socket.peer_port == DNS_PORT)
		question__emit(&socket, skb, task);
	return send__emit(&socket, task);
}

char LICENSE[] SEC("license") = "GPL";

/* Sockets of four families that lead no farther than this machine. */
#ifndef SENTINEL_ATTACK_NET_H
#define SENTINEL_ATTACK_NET_H

#include "attack.h"

enum { NET_UNIX = 1, NET_V4 = 2, NET_V6 = 10, NET_VSOCK = 40 };

struct address {
	union {
		uint16_t family;
		uint8_t bytes[32];
	} as;
	uint32_t length;
};

int family_named(const char *name);
struct address loopback(int family);
/* A listening socket on a free port; `address` is then where it listens. */
long listen_at(struct address *address);
long connect_to(const struct address *address);
long connect_by_uring(const struct address *address);
long accept_one(long listener);
unsigned int port_of(const struct address *address);
/* Passes a descriptor through a Unix socket, and takes it out again. */
void send_descriptor(long through, long fd);
long receive_descriptor(long through);

#endif

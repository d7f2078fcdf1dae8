/* Sockets of four families that lead no farther than this machine. */
#include "net.h"

enum { STREAM = 1, STREAM_CLOEXEC = 1 | OPEN_CLOEXEC };

int family_named(const char *name)
{
	if (same(name, "v4"))
		return NET_V4;
	if (same(name, "v6"))
		return NET_V6;
	if (same(name, "unix"))
		return NET_UNIX;
	if (same(name, "vsock"))
		return NET_VSOCK;
	broken("there is no address family of this name");
}

struct address loopback(int family)
{
	struct address address = { .length = 16 };
	uint8_t *bytes = address.as.bytes;

	address.as.family = (uint16_t)family;
	switch (family) {
	case NET_V4:
		bytes[4] = 127;
		bytes[7] = 1;
		break;
	case NET_V6:
		bytes[23] = 1;
		address.length = 28;
		break;
	case NET_VSOCK:
		/* Any port, and VMADDR_CID_LOCAL. */
		memset(bytes + 4, 0xff, 4);
		bytes[8] = 1;
		break;
	default:
		/* The kernel gives an abstract name, which no file stands for. */
		address.length = 2;
	}
	return address;
}

long listen_at(struct address *address)
{
	long fd = must("socket", SYS(socket, address->as.family, STREAM_CLOEXEC, 0));

	/* EADDRNOTAVAIL: this kernel has no loopback of the family. */
	if (SYS(bind, fd, address->as.bytes, address->length) == -99)
		refuse("this kernel has no loopback for this family");
	must("listen", SYS(listen, fd, 4));
	address->length = sizeof(address->as.bytes);
	must("getsockname", SYS(getsockname, fd, address->as.bytes, &address->length));
	return fd;
}

long connect_to(const struct address *address)
{
	long fd = must("socket", SYS(socket, address->as.family, STREAM, 0));

	must("connect", SYS(connect, fd, address->as.bytes, address->length));
	return fd;
}

long connect_by_uring(const struct address *address)
{
	long fd = must("socket", SYS(socket, address->as.family, STREAM, 0));
	struct operation operation = {
		.opcode = 16 /* IORING_OP_CONNECT */,
		.fd = (int32_t)fd,
		.address = (uintptr_t)address->as.bytes,
		.offset = address->length,
	};

	must("connecting through io_uring", uring(&operation));
	return fd;
}

long accept_one(long listener)
{
	return must("accept", SYS(accept4, listener, 0, 0, 0));
}

unsigned int port_of(const struct address *address)
{
	return (unsigned int)address->as.bytes[2] << 8 | address->as.bytes[3];
}

/* <sys/socket.h>: one message of one byte with one descriptor beside it. */
struct parcel {
	struct {
		size_t length;
		int level, type, fd;
	} control;
	char byte;
	struct {
		void *base;
		size_t length;
	} bytes;
	struct {
		void *name;
		uint32_t name_length;
		void *bytes;
		size_t count;
		void *control;
		size_t control_length;
		uint32_t flags;
	} message;
};

static void wrap(struct parcel *parcel)
{
	memset(parcel, 0, sizeof(*parcel));
	parcel->control.length = offsetof(__typeof__(parcel->control), fd) + sizeof(int);
	parcel->control.level = 1; /* SOL_SOCKET */
	parcel->control.type = 1;  /* SCM_RIGHTS */
	parcel->bytes.base = &parcel->byte;
	parcel->bytes.length = 1;
	parcel->message.bytes = &parcel->bytes;
	parcel->message.count = 1;
	parcel->message.control = &parcel->control;
	parcel->message.control_length = sizeof(parcel->control);
}

void send_descriptor(long through, long fd)
{
	struct parcel parcel;

	wrap(&parcel);
	parcel.control.fd = (int)fd;
	must("sendmsg", SYS(sendmsg, through, &parcel.message, 0));
}

long receive_descriptor(long through)
{
	struct parcel parcel;

	wrap(&parcel);
	must("recvmsg", SYS(recvmsg, through, &parcel.message, 0));
	return parcel.control.fd;
}

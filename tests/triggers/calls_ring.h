/*
 * The same things asked of io_uring: one operation, its completion waited for. Without a
 * library, because a program that means no good needs none either.
 */
#include <linux/io_uring.h>
#include <sys/mman.h>

struct asked {
	__u8 opcode;
	int fd;
	__u64 address;
	__u32 length;
	__u64 offset;
};

static void *map_ring(int ring, size_t length, off_t offset)
{
	void *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, ring, offset);

	if (at == MAP_FAILED)
		must("mmap", -1);
	return at;
}

/* Submits one operation; returns its result, a negative errno when it failed. */
static int ask_ring(struct asked asked)
{
	struct io_uring_params params = { 0 };
	struct io_uring_sqe *entry;
	struct io_uring_cqe *done;
	__u32 *tail, *array, *end;
	char *submissions, *completions;
	int ring = syscall(SYS_io_uring_setup, 1, &params);

	/* Switched off, or not built in. */
	if (ring < 0 && (errno == ENOSYS || errno == EPERM))
		exit(NOT_HERE);
	must("io_uring_setup", ring);
	submissions = map_ring(ring, params.sq_off.array + params.sq_entries * sizeof(__u32),
			       IORING_OFF_SQ_RING);
	completions = map_ring(ring, params.cq_off.cqes + params.cq_entries * sizeof(*done),
			       IORING_OFF_CQ_RING);
	entry = map_ring(ring, params.sq_entries * sizeof(*entry), IORING_OFF_SQES);
	memset(entry, 0, sizeof(*entry));
	entry->opcode = asked.opcode;
	entry->fd = asked.fd;
	entry->addr = asked.address;
	entry->len = asked.length;
	entry->off = asked.offset;
	array = (__u32 *)(submissions + params.sq_off.array);
	tail = (__u32 *)(submissions + params.sq_off.tail);
	array[0] = 0;
	__atomic_store_n(tail, 1, __ATOMIC_RELEASE);
	must("io_uring_enter",
	     syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	end = (__u32 *)(completions + params.cq_off.tail);
	if (__atomic_load_n(end, __ATOMIC_ACQUIRE) != 1) {
		fprintf(stderr, "the ring gave no answer\n");
		exit(1);
	}
	done = (struct io_uring_cqe *)(completions + params.cq_off.cqes);
	return done->res;
}

static int rings(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct asked asked = { .fd = AT_FDCWD };
	socklen_t length = sizeof(address);
	int result, listener, client;

	close(make_file("file"));
	listener = must("socket", socket(AF_INET, SOCK_STREAM, 0));
	client = must("socket", socket(AF_INET, SOCK_STREAM, 0));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must("bind", bind(listener, (void *)&address, sizeof(address)));
	must("listen", listen(listener, 1));
	must("getsockname", getsockname(listener, (void *)&address, &length));
	if (is("io_uring_openat")) {
		asked.opcode = IORING_OP_OPENAT;
		asked.address = (uintptr_t) "file";
	} else if (is("io_uring_unlinkat")) {
		asked.opcode = IORING_OP_UNLINKAT;
		asked.address = (uintptr_t) "file";
	} else if (is("io_uring_renameat")) {
		asked.opcode = IORING_OP_RENAMEAT;
		asked.address = (uintptr_t) "file";
		asked.length = AT_FDCWD;
		asked.offset = (uintptr_t) "other";
	} else if (is("io_uring_connect")) {
		asked.opcode = IORING_OP_CONNECT;
		asked.fd = client;
		asked.address = (uintptr_t)&address;
		asked.offset = sizeof(address);
	} else {
		asked.opcode = IORING_OP_ACCEPT;
		asked.fd = listener;
		must("connect", connect(client, (void *)&address, length));
	}
	result = ask_ring(asked);
	/* The operation is newer than this kernel. */
	if (result == -EINVAL)
		exit(NOT_HERE);
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", wanted, strerror(-result));
		return 1;
	}
	return 0;
}

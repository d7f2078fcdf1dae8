/* One operation through io_uring, as programs do that want to pass system calls by. */
#include "attack.h"

/* <linux/io_uring.h>, which not every machine that builds this has. */
struct uring_params {
	uint32_t sq_entries, cq_entries, flags, cpu, idle, features, wq_fd, reserved[3];
	struct {
		uint32_t head, tail, mask, entries, flags, dropped, array, reserved;
		uint64_t address;
	} sq;
	struct {
		uint32_t head, tail, mask, entries, overflow, cqes, flags, reserved;
		uint64_t address;
	} cq;
};

struct uring_entry {
	uint8_t opcode, flags;
	uint16_t priority;
	int32_t fd;
	uint64_t offset, address;
	uint32_t bytes, operation_flags;
	uint64_t user_data, rest[3];
};

_Static_assert(sizeof(struct uring_params) == 120, "the kernel's io_uring_params");
_Static_assert(sizeof(struct uring_entry) == 64, "the kernel's io_uring_sqe");

static char *ring_map(long fd, long offset)
{
#ifdef __i386__
	long at = SYS(mmap2, 0, 4096, PROT_R | PROT_W, MAP_SHARED_, fd, offset >> 12);
#else
	long at = SYS(mmap, 0, 4096, PROT_R | PROT_W, MAP_SHARED_, fd, offset);
#endif
	return (char *)must("mapping the ring", at);
}

long uring(const struct operation *operation)
{
	struct uring_params params = { 0 };
	long fd = must("io_uring_setup", SYS(io_uring_setup, 1, &params));
	char *sq = ring_map(fd, 0), *cq = ring_map(fd, 0x8000000);
	struct uring_entry *entry = (struct uring_entry *)ring_map(fd, 0x10000000);
	volatile uint32_t *tail = (uint32_t *)(sq + params.sq.tail);
	int32_t answer;

	*entry = (struct uring_entry){
		.opcode = operation->opcode,
		.fd = operation->fd,
		.offset = operation->offset,
		.address = operation->address,
		.bytes = operation->bytes,
		.operation_flags = operation->flags,
	};
	*(uint32_t *)(sq + params.sq.array) = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	must("io_uring_enter", SYS(io_uring_enter, fd, 1, 1, 1 /* IORING_ENTER_GETEVENTS */));
	/* user_data, then the answer. */
	answer = *(volatile int32_t *)(cq + params.cq.cqes + 8);
	SYS(close, fd);
	return answer;
}

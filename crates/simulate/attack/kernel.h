/*
 * The way into the kernel, for a program without any library: one system call
 * instruction per width, and the few numbers that old headers lack.
 */
#ifndef SENTINEL_ATTACK_KERNEL_H
#define SENTINEL_ATTACK_KERNEL_H

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __NR_openat2
#define __NR_openat2 437
#endif
#ifndef __NR_pidfd_getfd
#define __NR_pidfd_getfd 438
#endif
#ifndef __NR_process_madvise
#define __NR_process_madvise 440
#endif
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

#ifdef __i386__
static inline long sys(long number, long a, long b, long c, long d, long e, long f)
{
	long answer;

	/* The sixth argument goes into the frame pointer, which the compiler will not lend. */
	__asm__ volatile("pushl %7\n\tpushl %%ebp\n\tmovl 4(%%esp), %%ebp\n\t"
			 "int $0x80\n\tpopl %%ebp\n\taddl $4, %%esp"
			 : "=a"(answer)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), "g"(f)
			 : "memory");
	return answer;
}
#else
static inline long sys(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long answer;

	__asm__ volatile("syscall"
			 : "=a"(answer)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return answer;
}
#endif

/* Every argument is a number to the kernel; the missing ones are zero. */
#define SYS(name, ...) SYS_FILL(__NR_##name, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define SYS_FILL(n, a, b, c, d, e, f, ...) \
	sys(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

enum {
	NOT_PERMITTED = 1,
	NO_ENTRY = 2,
	ACCESS_DENIED = 13,
	EXISTS = 17,
	NO_SUCH_CALL = 38,
};

enum {
	SIGNAL_KILL = 9,
	SIGNAL_CHILD = 17,
	AT_CWD = -100,
	AT_EMPTY = 0x1000,
	OPEN_READ = 0,
	OPEN_WRITE = 1,
	OPEN_BOTH = 2,
	OPEN_CREATE = 0100,
	OPEN_EXCLUSIVE = 0200,
	OPEN_TRUNCATE = 01000,
	OPEN_APPEND = 02000,
	OPEN_CLOEXEC = 02000000,
	OPEN_NAMELESS = 020200000,
	PROT_R = 1,
	PROT_W = 2,
	PROT_X = 4,
	MAP_SHARED_ = 1,
	MAP_PRIVATE_ = 2,
	MAP_NOFILE = 0x20,
};

#endif

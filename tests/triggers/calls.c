/*
 * Makes one system call, by its number, so that a test can look for exactly that among the
 * events: `calls NAME FOLDER`. Built for both widths. Exits with 0 when the call was made,
 * 77 when this kernel or this width does not have it, 1 with a message otherwise.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NOT_HERE 77
#define PAGE 4096

static const char *wanted;

static long must(const char *what, long result)
{
	if (result != -1)
		return result;
	if (errno == ENOSYS || errno == EOPNOTSUPP)
		exit(NOT_HERE);
	perror(what);
	exit(1);
}

static int is(const char *name)
{
	return strcmp(wanted, name) == 0;
}

static int make_file(const char *name)
{
	return must("creat", open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

static int child_waits(void)
{
	int child = must("fork", fork());

	if (child == 0) {
		sleep(5);
		_exit(0);
	}
	return child;
}

static void child_ends(int child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

#include "calls_file.h"
#include "calls_ring.h"

#ifdef __i386__
static long socketcall(int which, long first, long second, long third, long fourth)
{
	unsigned long args[5] = { first, second, third, fourth, 0 };

	return syscall(SYS_socketcall, which, args);
}
#endif

static int sends_descriptor(int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	int pair[2];

	must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	must("sendmsg", sendmsg(pair[0], &message, 0));
	close(0);
	if (is("recvmsg"))
		must(wanted, syscall(SYS_recvmsg, pair[1], &message, 0));
	if (is("recvmmsg")) {
		struct mmsghdr messages = { .msg_hdr = message };

		must(wanted, syscall(SYS_recvmmsg, pair[1], &messages, 1, 0, NULL));
	}
#ifdef __i386__
	if (is("recvmmsg_time64")) {
		struct mmsghdr messages = { .msg_hdr = message };

		must(wanted, syscall(417, pair[1], &messages, 1, 0, NULL));
	}
	if (is("socketcall(RECVMSG)"))
		must(wanted, socketcall(17, pair[1], (long)&message, 0, 0));
	if (is("socketcall(RECVMMSG)")) {
		struct mmsghdr messages = { .msg_hdr = message };

		must(wanted, socketcall(19, pair[1], (long)&messages, 1, 0));
	}
#endif
	return 0;
}

static int redirects(void)
{
	int fd = must("socket", socket(AF_INET, SOCK_STREAM, 0));

	if (strstr(wanted, "recvm") || strstr(wanted, "RECVM"))
		return sends_descriptor(fd);
#ifdef __i386__
	if (is("socketcall(SOCKET)")) {
		close(0);
		must(wanted, socketcall(1, AF_INET, SOCK_STREAM, 0, 0));
	}
#endif
	if (is("dup") || is("fcntl") || is("fcntl64") || is("socket"))
		close(0);
	if (is("dup"))
		must(wanted, syscall(SYS_dup, fd));
#ifdef SYS_dup2
	if (is("dup2"))
		must(wanted, syscall(SYS_dup2, fd, 0));
#endif
	if (is("dup3"))
		must(wanted, syscall(SYS_dup3, fd, 0, 0));
	if (is("fcntl"))
		must(wanted, syscall(SYS_fcntl, fd, F_DUPFD, 0));
#ifdef SYS_fcntl64
	if (is("fcntl64"))
		must(wanted, syscall(SYS_fcntl64, fd, F_DUPFD, 0));
#endif
	if (is("socket"))
		must(wanted, syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
	if (is("pidfd_getfd")) {
		int child = child_waits();
		int pidfd = must("pidfd_open", syscall(SYS_pidfd_open, child, 0));

		close(0);
		must(wanted, syscall(SYS_pidfd_getfd, pidfd, fd, 0));
		child_ends(child);
	}
	return 0;
}

static int network(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int listener = must("socket", socket(AF_INET, SOCK_STREAM, 0));
	int client = must("socket", socket(AF_INET, SOCK_STREAM, 0));

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
#ifdef __i386__
	if (is("socketcall(BIND)"))
		must(wanted, socketcall(2, listener, (long)&address, sizeof(address), 0));
	else
#endif
		must("bind", syscall(SYS_bind, listener, &address, sizeof(address)));
	must("listen", listen(listener, 1));
	must("getsockname", getsockname(listener, (void *)&address, &length));
	must("connect", connect(client, (void *)&address, length));
#ifdef SYS_accept
	if (is("accept"))
		must(wanted, syscall(SYS_accept, listener, NULL, NULL));
#endif
	if (is("accept4"))
		must(wanted, syscall(SYS_accept4, listener, NULL, NULL, 0));
#ifdef __i386__
	if (is("socketcall(ACCEPT)"))
		must(wanted, socketcall(5, listener, 0, 0, 0));
	if (is("socketcall(ACCEPT4)"))
		must(wanted, socketcall(18, listener, 0, 0, 0));
#endif
	return 0;
}

static int connects_unix(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int listener = must("socket", socket(AF_UNIX, SOCK_STREAM, 0));
	int client = must("socket", socket(AF_UNIX, SOCK_STREAM, 0));

	must("bind", bind(listener, (void *)&address, sizeof(address)));
	must("listen", listen(listener, 1));
#ifdef __i386__
	if (is("socketcall(CONNECT)"))
		return must(wanted, socketcall(3, client, (long)&address, sizeof(address), 0));
#endif
	must(wanted, syscall(SYS_connect, client, &address, sizeof(address)));
	return 0;
}

static int memory(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int rx = PROT_READ | PROT_EXEC;

	if (is("memfd_create"))
		must(wanted, syscall(SYS_memfd_create, "spark", 0));
	if (is("mprotect"))
		must(wanted, syscall(SYS_mprotect, page, PAGE, rx));
	if (is("pkey_mprotect"))
		must(wanted, syscall(SYS_pkey_mprotect, page, PAGE, rx, -1));
#ifdef __x86_64__
	if (is("mmap"))
		must(wanted, syscall(SYS_mmap, NULL, PAGE, rx, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
#endif
#ifdef SYS_mmap2
	if (is("mmap2"))
		must(wanted, syscall(SYS_mmap2, NULL, PAGE, rx, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
#endif
#ifdef __i386__
	if (is("old_mmap")) {
		unsigned long args[6] = { 0, PAGE, rx, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 };

		must(wanted, syscall(SYS_mmap, args));
	}
	if (is("ipc(SHMAT)")) {
		int id = must("shmget", shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0700));
		unsigned long address = 0;
		long done = syscall(SYS_ipc, 21, id, SHM_EXEC, &address, NULL, 0);

		shmctl(id, IPC_RMID, NULL);
		must(wanted, done);
	}
#endif
	if (is("shmat")) {
		int id = must("shmget", shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0700));
		long at = syscall(SYS_shmat, id, NULL, SHM_EXEC);

		shmctl(id, IPC_RMID, NULL);
		must(wanted, at);
	}
	return 0;
}

static int processes(void)
{
	static char here[8] = "abcdefg", there[8];
	struct iovec local = { here, sizeof(here) }, remote = { there, sizeof(there) };
	int child = child_waits();

	if (is("ptrace"))
		must(wanted, syscall(SYS_ptrace, PTRACE_SEIZE, child, 0, 0));
	if (is("process_vm_writev"))
		must(wanted, syscall(SYS_process_vm_writev, child, &local, 1, &remote, 1, 0));
	if (is("process_vm_readv"))
		must(wanted, syscall(SYS_process_vm_readv, child, &local, 1, &remote, 1, 0));
	if (is("process_madvise")) {
		int pidfd = must("pidfd_open", syscall(SYS_pidfd_open, child, 0));
		void *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		struct iovec range = { page, PAGE };

		if (page == MAP_FAILED)
			return 1;
		child_ends(child);
		child = child_waits();
		close(pidfd);
		pidfd = must("pidfd_open", syscall(SYS_pidfd_open, child, 0));
		must(wanted, syscall(SYS_process_madvise, pidfd, &range, 1, MADV_COLD, 0));
	}
	child_ends(child);
	return 0;
}

static int credentials(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

#ifdef __i386__
#define ID(name) SYS_##name##32
#else
#define ID(name) SYS_##name
#endif
	if (is("setuid"))
		must(wanted, syscall(ID(setuid), 65534));
	if (is("setreuid"))
		must(wanted, syscall(ID(setreuid), -1, 65534));
	if (is("setresuid"))
		must(wanted, syscall(ID(setresuid), 65534, 65534, 65534));
	if (is("setfsuid"))
		must(wanted, syscall(ID(setfsuid), 65534));
	if (is("setgid"))
		must(wanted, syscall(ID(setgid), 65534));
	if (is("setregid"))
		must(wanted, syscall(ID(setregid), -1, 65534));
	if (is("setresgid"))
		must(wanted, syscall(ID(setresgid), 65534, 65534, 65534));
	if (is("setfsgid"))
		must(wanted, syscall(ID(setfsgid), 65534));
#ifdef __i386__
	/* Ids of 16 bits, where 65535 stands for no change. */
	if (is("setuid16"))
		must(wanted, syscall(SYS_setuid, 65534));
	if (is("setreuid16"))
		must(wanted, syscall(SYS_setreuid, 65535, 65534));
	if (is("setresuid16"))
		must(wanted, syscall(SYS_setresuid, 65534, 65534, 65534));
	if (is("setfsuid16"))
		must(wanted, syscall(SYS_setfsuid, 65534));
	if (is("setgid16"))
		must(wanted, syscall(SYS_setgid, 65534));
	if (is("setregid16"))
		must(wanted, syscall(SYS_setregid, 65535, 65534));
	if (is("setresgid16"))
		must(wanted, syscall(SYS_setresgid, 65534, 65534, 65534));
	if (is("setfsgid16"))
		must(wanted, syscall(SYS_setfsgid, 65534));
#endif
	if (is("capset"))
		must(wanted, syscall(SYS_capset, &head, none));
	return 0;
}

static int kernel(void)
{
	char program_attributes[128] = { 0 };

	if (is("unshare"))
		must(wanted, syscall(SYS_unshare, CLONE_NEWUTS));
	if (is("setns"))
		must(wanted, syscall(SYS_setns, open("/proc/self/ns/uts", O_RDONLY), CLONE_NEWUTS));
	/* Asked for without the right to: refused, and told. */
	if (is("init_module") || is("finit_module") || is("kexec_load") ||
	    is("kexec_file_load") || is("bpf"))
		must("setresuid", setresuid(65534, 65534, 65534));
	if (is("init_module"))
		syscall(SYS_init_module, "", 0, "");
	if (is("finit_module"))
		syscall(SYS_finit_module, 0, "", 0);
	if (is("kexec_load"))
		syscall(SYS_kexec_load, 0, 0, NULL, 0);
#ifdef SYS_kexec_file_load
	if (is("kexec_file_load"))
		syscall(SYS_kexec_file_load, 0, 0, 0, NULL, 0);
#endif
	if (is("bpf"))
		syscall(SYS_bpf, 5, program_attributes, sizeof(program_attributes));
	return errno == ENOSYS ? NOT_HERE : 0;
}

static int fails_to_start(void)
{
	char *none[] = { NULL };

	if (is("execve"))
		syscall(SYS_execve, "missing", none, none);
	else
		must(errno == ENOSYS ? wanted : "execveat",
		     syscall(SYS_execveat, AT_FDCWD, "missing", none, none, 0) == -1 &&
				     errno == ENOSYS
			     ? -1
			     : 0);
	return 0;
}

static int sends(void)
{
	/* A question for example.org, type AAAA. */
	static const char question[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0\7example\3org\0\0\34\0\1";
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(53) };
	int fd = must("socket", socket(AF_INET, SOCK_DGRAM, 0));

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must("connect", connect(fd, (void *)&address, sizeof(address)));
	must("write", write(fd, question, sizeof(question) - 1));
	return 0;
}

static const struct {
	const char *names;
	int (*run)(void);
} groups[] = {
	{ " open openat openat2 creat open_by_handle_at ", opens },
	{ " unlink rmdir unlinkat rename renameat renameat2 link linkat symlink symlinkat ", names },
	{ " truncate truncate64 ftruncate ftruncate64 chmod fchmod fchmodat fchmodat2 chown "
	  "chown32 lchown lchown32 fchown fchown32 fchownat setxattr lsetxattr fsetxattr "
	  "removexattr lremovexattr fremovexattr setxattrat removexattrat ",
	  attributes },
	{ " mount move_mount umount umount2 ", mounts },
	{ " dup dup2 dup3 fcntl fcntl64 recvmsg recvmmsg recvmmsg_time64 socket pidfd_getfd "
	  "socketcall(RECVMSG) socketcall(RECVMMSG) socketcall(SOCKET) ",
	  redirects },
	{ " bind accept accept4 socketcall(BIND) socketcall(ACCEPT) socketcall(ACCEPT4) ", network },
	{ " connect socketcall(CONNECT) ", connects_unix },
	{ " memfd_create mprotect pkey_mprotect mmap mmap2 old_mmap shmat ipc(SHMAT) ", memory },
	{ " ptrace process_vm_writev process_vm_readv process_madvise ", processes },
	{ " setuid setreuid setresuid setfsuid setgid setregid setresgid setfsgid capset "
	  "setuid16 setreuid16 setresuid16 setfsuid16 setgid16 setregid16 setresgid16 setfsgid16 ",
	  credentials },
	{ " unshare setns init_module finit_module bpf kexec_load kexec_file_load ", kernel },
	{ " execve execveat ", fails_to_start },
	{ " write ", sends },
	{ " io_uring_openat io_uring_unlinkat io_uring_renameat io_uring_connect io_uring_accept ",
	  rings },
};

int main(int argc, char **argv)
{
	char padded[64];

	if (argc != 3) {
		fprintf(stderr, "usage: calls NAME FOLDER\n");
		return 1;
	}
	wanted = argv[1];
	must("chdir", chdir(argv[2]));
	snprintf(padded, sizeof(padded), " %s ", wanted);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (strstr(groups[i].names, padded))
			return groups[i].run();
	fprintf(stderr, "calls: %s is not known\n", wanted);
	return 1;
}

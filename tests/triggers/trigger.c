/*
 * Does one thing per call, so that a test can look for exactly that thing among the
 * events. `trigger WHAT [ARG...]`; exits with 0 when it was done, 77 when this kernel
 * cannot do it, 1 with a message otherwise.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_HERE 77
#define PAGE 4096

static char *self;

static long must(const char *what, long result)
{
	if (result != -1)
		return result;
	if (errno == ENOSYS || errno == EOPNOTSUPP)
		exit(NOT_HERE);
	perror(what);
	exit(1);
}

static void *must_map(const char *what, void *address)
{
	must(what, address == MAP_FAILED ? -1 : 0);
	return address;
}

static int do_exit(char **args)
{
	return atoi(args[0]);
}

static int do_signal(char **args)
{
	raise(atoi(args[0]));
	return 1;
}

static void *exec_in_thread(void *argument)
{
	char *argv[] = { self, "exit", argument, NULL };

	execv(self, argv);
	return NULL;
}

/* exec from a thread that is not the leader. */
static int do_thread_exec(char **args)
{
	pthread_t thread;

	must("pthread_create", pthread_create(&thread, NULL, exec_in_thread, args[0]) ? -1 : 0);
	pthread_join(thread, NULL);
	return 1;
}

static void *wait_for_end(void *argument)
{
	pause();
	return argument;
}

/* Sixteen threads that all end at the same moment. */
static int do_threads_exit(char **args)
{
	pthread_t thread;

	for (int i = 0; i < 16; i++)
		must("pthread_create",
		     pthread_create(&thread, NULL, wait_for_end, NULL) ? -1 : 0);
	exit(atoi(args[0]));
}

/* A grandchild outlives its parent, is given to another, and then execs. */
static int do_orphan(char **args)
{
	int ready[2];
	char byte;

	must("pipe", pipe(ready));
	if (must("fork", fork()) == 0) {
		if (must("fork", fork()) == 0) {
			close(ready[1]);
			/* Ends when the parent in the middle is gone. */
			if (read(ready[0], &byte, 1) < 0)
				return 1;
			return exec_in_thread(args[0]) == NULL;
		}
		return 0;
	}
	wait(NULL);
	close(ready[1]);
	/* The grandchild holds no end of its own open; give it time to exec. */
	usleep(200000);
	return 0;
}

static int do_open(char **args)
{
	must("open", syscall(SYS_open, args[0], O_RDONLY));
	return 0;
}

static int do_openat(char **args)
{
	must("openat", syscall(SYS_openat, AT_FDCWD, args[0], O_WRONLY));
	return 0;
}

static int do_openat2(char **args)
{
	struct open_how how = { .flags = O_RDWR };

	must("openat2", syscall(SYS_openat2, AT_FDCWD, args[0], &how, sizeof(how)));
	return 0;
}

static int do_creat(char **args)
{
	must("creat", syscall(SYS_creat, args[0], 0600));
	return 0;
}

static int do_open_by_handle(char **args)
{
	struct file_handle *handle = calloc(1, sizeof(*handle) + MAX_HANDLE_SZ);
	int mount_id, mount;

	handle->handle_bytes = MAX_HANDLE_SZ;
	must("name_to_handle_at", name_to_handle_at(AT_FDCWD, args[0], handle, &mount_id, 0));
	mount = must("open", open(args[1], O_RDONLY | O_DIRECTORY));
	must("open_by_handle_at", open_by_handle_at(mount, handle, O_RDONLY));
	return 0;
}

/* Connects to itself; accepts by the given system call. Prints the served port. */
static int talk(struct sockaddr *address, socklen_t length, int accept_call)
{
	int listener = must("socket", socket(address->sa_family, SOCK_STREAM, 0));
	int client = must("socket", socket(address->sa_family, SOCK_STREAM, 0));

	must("bind", bind(listener, address, length));
	must("listen", listen(listener, 1));
	must("getsockname", getsockname(listener, address, &length));
	must("connect", connect(client, address, length));
	must("accept", syscall(accept_call, listener, NULL, NULL, 0));
	printf("%d\n", ntohs(((struct sockaddr_in *)address)->sin_port));
	return 0;
}

static int do_tcp4(char **args)
{
	struct sockaddr_in address = { .sin_family = AF_INET };

	(void)args;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return talk((struct sockaddr *)&address, sizeof(address), SYS_accept4);
}

static int do_tcp6(char **args)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };

	(void)args;
	return talk((struct sockaddr *)&address, sizeof(address), SYS_accept);
}

static int do_memfd(char **args)
{
	must("memfd_create", memfd_create(args[0], 0));
	return 0;
}

static int do_mmap_anonymous(char **args)
{
	(void)args;
	must_map("mmap", mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	return 0;
}

static int do_mmap_memfd(char **args)
{
	int fd = must("memfd_create", memfd_create(args[0], 0));

	must("ftruncate", ftruncate(fd, PAGE));
	must_map("mmap", mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0));
	return 0;
}

static int do_mprotect(char **args)
{
	void *page = must_map("mmap", mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	(void)args;
	must("mprotect", mprotect(page, PAGE, PROT_READ | PROT_EXEC));
	return 0;
}

static int do_pkey_mprotect(char **args)
{
	void *page = must_map("mmap", mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	(void)args;
	/* Key -1 means plain mprotect; it needs no hardware support. */
	must("pkey_mprotect", syscall(SYS_pkey_mprotect, page, PAGE, PROT_READ | PROT_EXEC, -1));
	return 0;
}

static int do_hold(char **args)
{
	sleep(atoi(args[0]));
	return 0;
}

static const struct {
	const char *name;
	int args;
	int (*run)(char **args);
} triggers[] = {
	{ "exit", 1, do_exit },
	{ "signal", 1, do_signal },
	{ "hold", 1, do_hold },
	{ "thread-exec", 1, do_thread_exec },
	{ "threads-exit", 1, do_threads_exit },
	{ "orphan", 1, do_orphan },
	{ "open", 1, do_open },
	{ "openat", 1, do_openat },
	{ "openat2", 1, do_openat2 },
	{ "creat", 1, do_creat },
	{ "open-by-handle", 2, do_open_by_handle },
	{ "tcp4", 0, do_tcp4 },
	{ "tcp6", 0, do_tcp6 },
	{ "memfd", 1, do_memfd },
	{ "mmap-anonymous", 0, do_mmap_anonymous },
	{ "mmap-memfd", 1, do_mmap_memfd },
	{ "mprotect", 0, do_mprotect },
	{ "pkey-mprotect", 0, do_pkey_mprotect },
};

int main(int argc, char **argv)
{
	self = argv[0];
	for (size_t i = 0; argc > 1 && i < sizeof(triggers) / sizeof(triggers[0]); i++)
		if (!strcmp(argv[1], triggers[i].name) && argc - 2 >= triggers[i].args)
			return triggers[i].run(argv + 2);
	fprintf(stderr, "trigger: unknown or incomplete: %s\n", argc > 1 ? argv[1] : "nothing");
	return 1;
}

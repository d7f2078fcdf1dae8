/* What reaches into the kernel or over the borders of a container, and does no harm. */
#include "attack.h"

/* write-back PATH: a setting of the kernel is read and written again as it was. */
static void act_write_back(struct stage *stage)
{
	char value[512];
	long fd = SYS(open, word(stage, 1), OPEN_BOTH), count;

	if (fd == -NO_ENTRY)
		refuse("this host has no such file");
	must("open", fd);
	count = must("read", SYS(read, fd, value, sizeof(value)));

	must("lseek", SYS(lseek, fd, 0, 0));
	fill(fd, value, (size_t)count);
}

/* Loads a program that says 0 of every packet and is attached to none. */
static void act_bpf(struct stage *stage)
{
	/* r0 = 0; exit */
	static const uint64_t program[] = { 0xb7, 0x95 };
	struct {
		uint32_t type, count;
		uint64_t program, licence;
		uint32_t rest[22];
	} load = {
		.type = 1 /* BPF_PROG_TYPE_SOCKET_FILTER */,
		.count = 2,
		.program = (uintptr_t)program,
		.licence = (uintptr_t) "GPL",
	};

	(void)stage;
	must("bpf", SYS(bpf, 5 /* BPF_PROG_LOAD */, &load, sizeof(load)));
}

enum { NEW_MOUNTS = 0x20000, NEW_PIDS = 0x20000000, NEW_NETWORK = 0x40000000 };

/* Goes on in a child with mounts and process numbers of its own, as in a container. */
static void go_inside(void)
{
	int status = 0;
	long pid;

	must("unshare", SYS(unshare, NEW_MOUNTS | NEW_PIDS));
	must("making mounts private",
	     SYS(mount, "none", "/", 0, 0x44000 /* MS_REC | MS_PRIVATE */, 0));
	pid = fork_child();
	if (pid == 0)
		return;
	wait_for(pid, &status);
	leave(status >> 8 & 0xff);
}

/*
 * enter-host PATH: from inside, the namespace of the host that PATH stood for is entered
 * again. The program is started anew inside, as whatever runs in a container was.
 */
static void act_enter_host(struct stage *stage)
{
	char number[16];
	char *words[] = { MARK, "join", number, 0 };
	long fd = must("opening a namespace", SYS(open, word(stage, 1), OPEN_READ));

	append_number(number, (unsigned long)fd);
	go_inside();
	must("unshare", SYS(unshare, NEW_NETWORK));
	must("execve", SYS(execve, "/proc/self/exe", words, stage->environment));
}

/* join FD: enters the namespace that the descriptor stands for. */
static void act_join(struct stage *stage)
{
	must("setns", SYS(setns, number_of(word(stage, 1), 10), 0));
}

/* inside ATTACK WORD...: another attack, by this program started anew inside. */
static void act_inside(struct stage *stage)
{
	go_inside();
	/* The word before the attack is what the program calls itself. */
	stage->words[0] = MARK;
	must("execve", SYS(execve, "/proc/self/exe", stage->words, stage->environment));
}

/* order PATH: speaks to a Unix socket of this name, which is its own. */
static void act_order(struct stage *stage)
{
	struct {
		uint16_t family;
		char path[108];
	} address = { .family = 1 /* AF_UNIX */ };
	long listener = must("socket", SYS(socket, 1, 1 /* SOCK_STREAM */, 0));
	long client = must("socket", SYS(socket, 1, 1, 0));

	if (length(word(stage, 1)) >= sizeof(address.path))
		broken("the path is too long for a socket");
	append(address.path, word(stage, 1));
	must("bind", SYS(bind, listener, &address, sizeof(address)));
	must("listen", SYS(listen, listener, 1));
	must("connect", SYS(connect, client, &address, sizeof(address)));
}

const struct entry KERNEL[] = {
	{ "write-back", act_write_back },
	{ "bpf", act_bpf },
	{ "inside", act_inside },
	{ "enter-host", act_enter_host },
	{ "join", act_join },
	{ "order", act_order },
	{ 0 },
};

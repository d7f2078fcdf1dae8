/*
 * Other processes' memory, registers and descriptors. The target is a program that the
 * attack itself has started, beside the one that attacks it: a sibling, because what
 * debuggers do to their own children is no attack. What is written is what was there.
 */
#include "attack.h"

struct target {
	long pid;
	/* A word on its stack. */
	uint64_t address;
};

/* Starts PROGRAM with an input that never says anything. */
static long start(struct stage *stage, int program)
{
	int input[2], ready[2];
	long pid;
	char byte;

	must("pipe2", SYS(pipe2, input, OPEN_CLOEXEC));
	must("pipe2", SYS(pipe2, ready, OPEN_CLOEXEC));
	pid = fork_child();
	if (pid == 0) {
		SYS(prctl, 0x59616d61 /* PR_SET_PTRACER */, -1L);
		must("dup2", SYS(dup3, input[0], 0, 0));
		must("executing the target", SYS(execve, stage->words[program],
						 stage->words + program, stage->environment));
		leave(STATUS_BROKEN);
	}
	SYS(close, ready[1]);
	/* Ends without a byte once the program has replaced the fork. */
	SYS(read, ready[0], &byte, 1);
	SYS(close, ready[0]);
	/* The loader is done when the program waits for its input. */
	sleep_ms(50);
	return pid;
}

static char *path_of(char *buffer, long pid, const char *file)
{
	append(append_number(append(buffer, "/proc/"), (unsigned long)pid), file);
	return buffer;
}

static uint64_t stack_of(long pid)
{
	static char maps[65536];
	char path[64];
	const char *line = maps, *stack;
	size_t count = 0;
	long fd = must("open", SYS(open, path_of(path, pid, "/maps"), OPEN_READ)), more;

	while (count < sizeof(maps) - 1 &&
	       (more = must("read", SYS(read, fd, maps + count, sizeof(maps) - 1 - count))) > 0)
		count += (size_t)more;
	maps[count] = 0;
	stack = find(maps, "[stack]");
	if (!stack)
		broken("the target has no stack");
	for (const char *at = maps; at < stack; at++)
		if (*at == '\n')
			line = at + 1;
	/* The end of the range; its last page is never unused. */
	while (*line != '-')
		line++;
	return number_of(line + 1, 16) - 64;
}

static void attach(long pid)
{
	int status;

	must("PTRACE_ATTACH", SYS(ptrace, 16, pid, 0, 0));
	wait_for(pid, &status);
}

static void by_attach(const struct target *target)
{
	attach(target->pid);
}

static void by_seize(const struct target *target)
{
	must("PTRACE_SEIZE", SYS(ptrace, 0x4206, target->pid, 0, 0));
	must("PTRACE_INTERRUPT", SYS(ptrace, 0x4207, target->pid, 0, 0));
}

static void by_poke(const struct target *target)
{
	unsigned long data = 0;

	attach(target->pid);
	must("PTRACE_PEEKTEXT", SYS(ptrace, 1, target->pid, target->address, &data));
	must("PTRACE_POKETEXT", SYS(ptrace, 4, target->pid, target->address, data));
}

static void by_registers(const struct target *target)
{
	unsigned long registers[64];

	attach(target->pid);
	must("PTRACE_GETREGS", SYS(ptrace, 12, target->pid, 0, registers));
	must("PTRACE_SETREGS", SYS(ptrace, 13, target->pid, 0, registers));
}

/* Reads a word of the target's memory, and writes it back where `writes`. */
static void by_call(const struct target *target, int writes)
{
	unsigned long data;
	struct {
		void *base;
		size_t length;
	} here = { &data, sizeof(data) },
	  there = { (void *)(uintptr_t)target->address, sizeof(data) };

	must("process_vm_readv", SYS(process_vm_readv, target->pid, &here, 1, &there, 1, 0));
	if (writes)
		must("process_vm_writev",
		     SYS(process_vm_writev, target->pid, &here, 1, &there, 1, 0));
}

static void by_readv(const struct target *target)
{
	by_call(target, 0);
}

static void by_writev(const struct target *target)
{
	by_call(target, 1);
}

/* The same through the file of its memory. */
static void by_file(const struct target *target, int writes)
{
	char path[64];
	unsigned long data;
	long mode = writes ? OPEN_BOTH : OPEN_READ;
	long fd = must("open", SYS(open, path_of(path, target->pid, "/mem"), mode));
	uint64_t at = target->address;

#ifdef __i386__
	must("pread64", SYS(pread64, fd, &data, sizeof(data), (uint32_t)at, at >> 32));
	if (writes)
		must("pwrite64", SYS(pwrite64, fd, &data, sizeof(data), (uint32_t)at, at >> 32));
#else
	must("pread64", SYS(pread64, fd, &data, sizeof(data), at));
	if (writes)
		must("pwrite64", SYS(pwrite64, fd, &data, sizeof(data), at));
#endif
}

static void by_memory_file(const struct target *target)
{
	by_file(target, 1);
}

static void by_memory_file_read(const struct target *target)
{
	by_file(target, 0);
}

static void by_descriptor(const struct target *target)
{
	long process = must("pidfd_open", SYS(pidfd_open, target->pid, 0));

	must("pidfd_getfd", SYS(pidfd_getfd, process, 0, 0));
}

static const struct {
	const char *name;
	void (*act)(const struct target *target);
	int needs_address;
} WAYS[] = {
	{ "attach", by_attach, 0 },
	{ "seize", by_seize, 0 },
	{ "poke", by_poke, 1 },
	{ "registers", by_registers, 0 },
	{ "writev", by_writev, 1 },
	{ "memory-file", by_memory_file, 1 },
	{ "readv", by_readv, 1 },
	{ "memory-file-read", by_memory_file_read, 1 },
	{ "descriptor", by_descriptor, 0 },
};

static void inject(struct stage *stage, const struct target *target)
{
	const char *way = word(stage, 1);

	for (size_t i = 0; i < sizeof(WAYS) / sizeof(*WAYS); i++)
		if (same(WAYS[i].name, way)) {
			struct target full = *target;

			if (WAYS[i].needs_address)
				full.address = stack_of(target->pid);
			WAYS[i].act(&full);
			return;
		}
	broken("there is no way of this name");
}

/* inject WAY PROGRAM ARGUMENT... */
static void act_inject(struct stage *stage)
{
	struct target target = { .pid = start(stage, 2) };
	long injector;
	int status = 0;

	word(stage, 2);
	injector = fork_child();
	if (injector == 0) {
		inject(stage, &target);
		leave(0);
	}
	wait_for(injector, &status);
	if (status)
		leave(status >> 8 & 0xff ?: STATUS_BROKEN);
	echo();
	SYS(kill, target.pid, SIGNAL_KILL);
	wait_for(target.pid, &status);
	leave(0);
}

/* kill PATH: a process of this program under another name, ended by its sibling. */
static void act_kill(struct stage *stage)
{
	long pid, killer;
	int status = 0;

	install_itself(word(stage, 1));
	pid = start(stage, 1);
	killer = fork_child();
	if (killer == 0) {
		must("kill", SYS(kill, pid, SIGNAL_KILL));
		leave(0);
	}
	wait_for(killer, &status);
	if (status)
		leave(status >> 8 & 0xff ?: STATUS_BROKEN);
	wait_for(pid, &status);
}

const struct entry TARGETS[] = { { "inject", act_inject }, { "kill", act_kill }, { 0 } };

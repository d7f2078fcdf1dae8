/*
 * A small program that does what attacks do, without any library: static, of either
 * width, and with system calls of its own. The simulator carries it as bytes.
 *
 * Its first argument names the attack, the further ones are the attack's own.
 */
#include "attack.h"

/* The kernel starts a program with its arguments on the stack. */
#ifdef __i386__
__asm__(".globl _start\n_start:\n\txorl %ebp, %ebp\n\tmovl %esp, %eax\n\tandl $-16, %esp\n\t"
	"subl $12, %esp\n\tpushl %eax\n\tcall begin\n");
#else
__asm__(".globl _start\n_start:\n\txorl %ebp, %ebp\n\tmovq %rsp, %rdi\n\tandq $-16, %rsp\n\t"
	"call begin\n");
#endif

_Noreturn void leave(int status)
{
	for (;;)
		SYS(exit_group, status);
}

static void say(const char *words)
{
	/* Nobody is left to be told if this fails. */
	SYS(write, 2, words, length(words));
}

_Noreturn void refuse(const char *why)
{
	say(why);
	leave(STATUS_NOT_POSSIBLE);
}

_Noreturn void broken(const char *why)
{
	say(why);
	leave(STATUS_BROKEN);
}

/* The kernel's answer, if it is none of its 4095 refusals. */
long must(const char *step, long answer)
{
	char words[256];
	long error = -answer;

	if (answer >= 0 || answer < -4095)
		return answer;
	append_number(append(append(words, step), ": errno "), (unsigned long)error);
	/* What a policy or an older kernel refuses, among it protocols and operations. */
	if (error == NOT_PERMITTED || error == ACCESS_DENIED || error == NO_SUCH_CALL ||
	    error == 95 || error == 97 || error == 93 || error == 19)
		refuse(words);
	broken(words);
}

const char *word(struct stage *stage, int index)
{
	if (index >= stage->count)
		broken("an argument is missing");
	return stage->words[index];
}

void fill(long fd, const void *bytes, size_t count)
{
	const char *at = bytes;

	while (count) {
		long written = must("write", SYS(write, fd, at, count));

		at += written;
		count -= (size_t)written;
	}
}

void echo(void)
{
	char buffer[512];
	long count;

	while ((count = must("read", SYS(read, 0, buffer, sizeof(buffer)))) > 0)
		fill(1, buffer, (size_t)count);
}

_Noreturn void stay(void)
{
	echo();
	leave(0);
}

/* A child that ends with its parent, so that nothing is left behind. */
long fork_child(void)
{
	long pid = must("fork", SYS(fork));

	if (pid == 0)
		SYS(prctl, 1 /* PR_SET_PDEATHSIG */, SIGNAL_KILL);
	return pid;
}

long wait_for(long pid, int *status)
{
	return SYS(wait4, pid, status, 0, 0);
}

long map(long address, size_t bytes, int protection, int flags, long fd)
{
#ifdef __i386__
	return SYS(mmap2, address, bytes, protection, flags, fd, 0);
#else
	return SYS(mmap, address, bytes, protection, flags, fd, 0);
#endif
}

void sleep_ms(long ms)
{
	long time[2] = { ms / 1000, ms % 1000 * 1000000 };

	SYS(nanosleep, time, 0);
}

static void only_echo(struct stage *stage)
{
	(void)stage;
	stay();
}

static const struct entry ITSELF[] = { { "echo", only_echo }, { 0 } };

/* What follows the last slash. */
static const char *name_in(const char *path)
{
	const char *name = path;

	for (; *path; path++)
		if (*path == '/')
			name = path + 1;
	return name;
}

/* Carries out what the first word names, and stays. */
_Noreturn void perform(struct stage *stage)
{
	static const struct entry *const LISTS[] = { ITSELF, FILES,   MEMORY, PROGRAMS,
						     SHELLS, TARGETS, KERNEL, RIGHTS };
	const char *name = word(stage, 0);

	for (size_t list = 0; list < sizeof(LISTS) / sizeof(*LISTS); list++)
		for (const struct entry *entry = LISTS[list]; entry->name; entry++)
			if (same(entry->name, name)) {
				entry->act(stage);
				stay();
			}
	broken("there is no attack of this name");
}

__attribute__((used)) _Noreturn void begin(long *stack)
{
	struct stage stage = {
		.count = (int)stack[0] - 1,
		.words = (char **)(stack + 2),
		.environment = (char **)(stack + stack[0] + 2),
	};

	/* Under the name of another program it only waits to be looked at. */
	if (stack[0] > 0 && !same(name_in((char *)stack[1]), MARK))
		stay();
	perform(&stage);
}

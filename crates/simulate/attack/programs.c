/*
 * Programs executed from memory or from files without a name. The program is this
 * one, which then only echoes.
 */
#include "attack.h"

/* A copy of the running program in `fd`. */
static void copy_itself(long fd)
{
	long from = must("open", SYS(open, "/proc/self/exe", OPEN_READ | OPEN_CLOEXEC));
	char buffer[4096];
	long count;

	while ((count = must("read", SYS(read, from, buffer, sizeof(buffer)))) > 0)
		fill(fd, buffer, (size_t)count);
	SYS(close, from);
}

static _Noreturn void become(const char *path, long fd)
{
	const char *words[] = { MARK, "echo", 0 };
	const char *environment[] = { 0 };

	if (path)
		must("execve", SYS(execve, path, words, environment));
	else
		must("execveat", SYS(execveat, fd, "", words, environment, AT_EMPTY));
	broken("the kernel executed nothing and said nothing");
}

static char *descriptor_path(char *buffer, long fd)
{
	append_number(append(buffer, "/proc/self/fd/"), (unsigned long)fd);
	return buffer;
}

static long memfd(void)
{
	/* Hosts with vm.memfd_noexec=1 want to hear MFD_EXEC; old kernels do not know it. */
	long fd = SYS(memfd_create, MARK, 0x10);

	if (fd < 0)
		fd = SYS(memfd_create, MARK, 0);
	return must("memfd_create", fd);
}

/* memfd: in a memfd, by its path. */
static void act_memfd(struct stage *stage)
{
	char path[64];
	long fd = memfd();

	(void)stage;
	copy_itself(fd);
	become(descriptor_path(path, fd), -1);
}

static void act_memfd_execveat(struct stage *stage)
{
	long fd = memfd();

	(void)stage;
	copy_itself(fd);
	become(NULL, fd);
}

/* nameless FOLDER: O_TMPFILE, then by descriptor. */
static void act_nameless(struct stage *stage)
{
	char path[64];
	long fd = must("open with O_TMPFILE",
		       SYS(open, word(stage, 1), OPEN_NAMELESS | OPEN_BOTH, 0700));
	long again;

	copy_itself(fd);
	/* The kernel executes nothing that somebody could still write to. */
	again = must("reopening", SYS(open, descriptor_path(path, fd), OPEN_READ));
	SYS(close, fd);
	become(NULL, again);
}

/* unlinked PATH: written, opened, removed, then by descriptor. */
static void act_unlinked(struct stage *stage)
{
	const char *path = word(stage, 1);
	long fd = must("open", SYS(open, path, OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE, 0700));

	copy_itself(fd);
	SYS(close, fd);
	fd = must("reopening", SYS(open, path, OPEN_READ));
	must("unlink", SYS(unlink, path));
	become(NULL, fd);
}

/* program PATH: written and executed by its path. */
static void act_program(struct stage *stage)
{
	install_itself(word(stage, 1));
	become(stage->words[1], -1);
}

void install_itself(const char *path)
{
	long fd = must("open", SYS(open, path, OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE, 0700));

	copy_itself(fd);
	SYS(close, fd);
}

/* pose PATH ARGUMENT...: under the name of another program, whose work it does not do. */
static void act_pose(struct stage *stage)
{
	const char *environment[] = { 0 };

	install_itself(word(stage, 1));
	must("execve", SYS(execve, stage->words[1], stage->words + 1, environment));
}

/* run PROGRAM ARGUMENT...: an installed program, until it has ended well. */
static void act_run(struct stage *stage)
{
	const char *program = word(stage, 1);
	long child = fork_child();
	int status = 0;

	if (child == 0)
		must("execve", SYS(execve, program, stage->words + 1, stage->environment));
	wait_for(child, &status);
	if (status)
		broken("the program failed");
}

const struct entry PROGRAMS[] = {
	{ "memfd", act_memfd },	      { "memfd-execveat", act_memfd_execveat },
	{ "nameless", act_nameless }, { "unlinked", act_unlinked },
	{ "program", act_program },   { "pose", act_pose },
	{ "run", act_run },	      { 0 },
};

/*
 * Memory made executable. It holds one return instruction, which is never reached: what
 * the kernel sees is the protection.
 */
#include "attack.h"

enum { PAGE = 4096 };

static char *page(int protection)
{
	long at = map(0, PAGE, protection, MAP_PRIVATE_ | MAP_NOFILE, -1);

	return (char *)must("mmap", at);
}

static long memfd_with_code(void)
{
	long fd = must("memfd_create", SYS(memfd_create, MARK, 0));

	must("ftruncate", SYS(ftruncate, fd, PAGE));
	return fd;
}

static void act_mprotect(struct stage *stage)
{
	char *code = page(PROT_R | PROT_W);

	(void)stage;
	*code = (char)0xc3;
	must("mprotect", SYS(mprotect, code, PAGE, PROT_R | PROT_X));
}

static void act_pkey_mprotect(struct stage *stage)
{
	char *code = page(PROT_R | PROT_W);

	(void)stage;
	*code = (char)0xc3;
	/* The key -1 is the default one, which processors without keys have too. */
	must("pkey_mprotect", SYS(pkey_mprotect, code, PAGE, PROT_R | PROT_X, -1));
}

static void act_mmap(struct stage *stage)
{
	(void)stage;
	*page(PROT_R | PROT_W | PROT_X) = (char)0xc3;
}

/* The same memory twice: once to write to, once to execute. */
static void act_dual(struct stage *stage)
{
	long fd = memfd_with_code();
	char *data = (char *)must("mmap", map(0, PAGE, PROT_R | PROT_W, MAP_SHARED_, fd));

	(void)stage;
	must("mmap", map(0, PAGE, PROT_R | PROT_X, MAP_SHARED_, fd));
	*data = (char)0xc3;
}

static void act_dual_mprotect(struct stage *stage)
{
	long fd = memfd_with_code();
	char *code = (char *)must("mmap", map(0, PAGE, PROT_R | PROT_W, MAP_SHARED_, fd));

	(void)stage;
	*code = (char)0xc3;
	must("mprotect", SYS(mprotect, code, PAGE, PROT_R | PROT_X));
}

/* As the dynamic loader maps a library. */
static void act_library(struct stage *stage)
{
	long fd = memfd_with_code();

	(void)stage;
	must("mmap", map(0, PAGE, PROT_R | PROT_X, MAP_PRIVATE_, fd));
}

/* patched PATH: pages of a file with a name, changed in memory. */
static void act_patched(struct stage *stage)
{
	long fd = must("open", SYS(open, word(stage, 1), OPEN_READ));
	char *code = (char *)must("mmap", map(0, PAGE, PROT_R | PROT_W, MAP_PRIVATE_, fd));

	*code = (char)0xc3;
	must("mprotect", SYS(mprotect, code, PAGE, PROT_R | PROT_X));
}

static void act_shmat(struct stage *stage)
{
	long id = must("shmget", SYS(shmget, 0 /* IPC_PRIVATE */, PAGE, 0700));
	long at = SYS(shmat, id, 0, 0100000 /* SHM_EXEC */);

	(void)stage;
	/* Goes with the last who has it mapped. */
	SYS(shmctl, id, 0 /* IPC_RMID */, 0);
	must("shmat", at);
}

const struct entry MEMORY[] = {
	{ "mprotect", act_mprotect },
	{ "pkey-mprotect", act_pkey_mprotect },
	{ "mmap", act_mmap },
	{ "dual", act_dual },
	{ "dual-mprotect", act_dual_mprotect },
	{ "library", act_library },
	{ "patched", act_patched },
	{ "shmat", act_shmat },
	{ 0 },
};

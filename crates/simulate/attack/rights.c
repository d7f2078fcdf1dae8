/*
 * Rights that a program gets and gives up with its end, and modules that the kernel does
 * not take.
 */
#include "attack.h"

enum { NOBODY = 65534, SETUID_MODE = 04755, PLAIN_MODE = 0755 };

/* <linux/capability.h>, struct vfs_cap_data: revision 2 and effective; CAP_SETUID. */
static const uint32_t MAY_SETUID[5] = { 0x02000001, 1 << 7 };

/*
 * lend WAY: this program's own file, in a folder that nobody else enters, lends root's
 * rights. It is started once more as a user without any, and takes them.
 */
static void act_lend(struct stage *stage)
{
	char *words[] = { MARK, "regain", 0 };
	long fd = must("open", SYS(open, "/proc/self/exe", OPEN_READ));
	int marks = same(word(stage, 1), "setuid");

	must("fchmod", SYS(fchmod, fd, marks ? SETUID_MODE : PLAIN_MODE));
	if (!marks)
		must("fsetxattr",
		     SYS(fsetxattr, fd, "security.capability", MAY_SETUID, sizeof(MAY_SETUID), 0));
	must("setresuid", SYS(setresuid, NOBODY, NOBODY, NOBODY));
	must("execveat", SYS(execveat, fd, "", words, stage->environment, AT_EMPTY));
}

static void act_regain(struct stage *stage)
{
	(void)stage;
	if (SYS(geteuid) != 0)
		must("setresuid", SYS(setresuid, 0, 0, 0));
}

/* What the kernel says of a module that is none. */
static void expect_refusal(long answer)
{
	if (answer == -NO_SUCH_CALL || answer == -NOT_PERMITTED)
		must("loading a module", answer);
	if (answer >= 0)
		broken("the kernel took what is no module");
}

/* module PATH: a file that is no module, given to the kernel as one. */
static void act_module(struct stage *stage)
{
	long fd = must("open", SYS(open, word(stage, 1), OPEN_READ));

	expect_refusal(SYS(finit_module, fd, "", 0));
}

/* The same from memory, of which there is no file. */
static void act_module_memory(struct stage *stage)
{
	static const char NONE[256];

	(void)stage;
	expect_refusal(SYS(init_module, NONE, sizeof(NONE), ""));
}

const struct entry RIGHTS[] = {
	{ "lend", act_lend },
	{ "regain", act_regain },
	{ "module", act_module },
	{ "module-memory", act_module_memory },
	{ 0 },
};
